"""A gateway's side of the simulator's ports: opens them as serial programs do, and keeps bytes."""

import os
import select
import termios
import threading
import time
import tty
from pathlib import Path
from typing import Self


class PortReader:
    """Reads one port in a thread until stopped, and opens it again whenever it went away.

    ``pause_s`` after every read, of at most ``chunk`` bytes, makes it slow.
    """

    def __init__(self, path: Path, *, pause_s: float = 0.0, chunk: int = 4096) -> None:
        self.data = bytearray()
        self.opened = 0
        self._path = path
        self._pause_s = pause_s
        self._chunk = chunk
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def wait_for(self, count: int, *, within_s: float = 20.0) -> bytes:
        """Everything read, once it is so many bytes."""
        end_s = time.monotonic() + within_s
        while len(self.data) < count and time.monotonic() < end_s:
            time.sleep(0.005)
        assert len(self.data) >= count, f"{len(self.data)} of {count} bytes came"
        return bytes(self.data)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                port = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            except OSError:
                time.sleep(0.01)
                continue
            try:
                self._read(port)
            except OSError:
                time.sleep(0.01)
            finally:
                os.close(port)

    def _read(self, port: int) -> None:
        tty.setraw(port)
        termios.tcflush(port, termios.TCIFLUSH)
        self.opened += 1
        while not self._stop.is_set():
            if not select.select([port], [], [], 0.05)[0]:
                continue
            data = os.read(port, self._chunk)
            if not data:
                return
            self.data += data
            time.sleep(self._pause_s)
