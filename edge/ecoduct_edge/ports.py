"""Receivers as streams of chunks: serial lines, TCP servers and files.

A port that goes away is opened again by its name, so a receiver that is plugged in once more, or
a link that points elsewhere, is found. Serial lines are opened without discarding what waits in
them, which a serial library would do; this also serves pseudo-terminals.
"""

import errno
import logging
import os
import select
import socket
import termios
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from ecoduct_edge.clocksync import stamp
from ecoduct_edge.counters import Counters
from ecoduct_edge.errors import PortError
from ecoduct_edge.framing import Chunk
from ecoduct_edge.journal import Intake, Scratch
from ecoduct_edge.logs import event
from ecoduct_edge.settings import PortSettings
from ecoduct_wire.clock import Clock

SILENCE_S: Final = 0.1  # how often a silent port says so; epochs end after 0.3 s of silence
_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 5.0
_CONNECT_S: Final = 5.0
_DEFAULT_BAUD: Final = "115200"
_NO_ROOM_WAIT_S: Final = 1.0

_log = logging.getLogger(__name__)


class Port(Protocol):
    """An open port."""

    def read(self, room: memoryview) -> int | None:
        """Put bytes into ``room`` and tell how many; 0 after `SILENCE_S`, None at a file's end.

        Raises `PortError`.
        """
        ...

    def close(self) -> None:
        """Close it."""
        ...


def read_chunks(
    port: PortSettings,
    *,
    counters: Counters,
    clock: Clock,
    stop: threading.Event,
    intake: Intake | None = None,
) -> Iterator[Chunk]:
    """Chunks of a port until ``stop`` is set or a file ends; opens it again when it goes away.

    What the intake still has from an earlier life comes first. Silence gives an empty chunk, so
    that whoever waits for the rest of an epoch can stop waiting. ``is_last`` marks the end of each
    stay of the port; a journal makes none at ``stop``, for its next life goes on from there.
    """
    is_kept = intake is not None
    intake = intake or Scratch()
    wait_s = _FIRST_WAIT_S
    is_begun = False
    while True:
        for chunk in _fresh(intake, clock):
            is_begun = True
            yield chunk
        is_open = False
        try:
            with closing(open_port(port.url)) as opened:
                is_open = is_begun = True
                wait_s = _FIRST_WAIT_S
                _log.info(event("port.opened", port=port.name))
                yield from _stay(
                    opened, intake, name=port.name, counters=counters, clock=clock, stop=stop
                )
                if not is_kept:
                    yield Chunk(b"", stamp(clock), is_last=True)
                return
        except PortError as error:
            level = logging.WARNING if is_open or wait_s == _FIRST_WAIT_S else logging.DEBUG
            _log.log(level, event("port.lost", port=port.name, why=error.what))
        counters.add(f"{port.name}.lost", is_open)
        if is_begun:
            is_begun = False
            yield Chunk(b"", stamp(clock), is_last=True)
        if stop.wait(wait_s):
            return
        wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def _stay(
    opened: Port,
    intake: Intake,
    *,
    name: str,
    counters: Counters,
    clock: Clock,
    stop: threading.Event,
) -> Iterator[Chunk]:
    while not stop.is_set():
        try:
            count = intake.fill(opened.read)
        except OSError as error:
            # Nothing was read: what waits in the port is safer there than in our memory.
            _log.error(event("journal.refuses", port=name, why=error))
            counters.add(f"{name}.journal.refusals")
            stop.wait(_NO_ROOM_WAIT_S)
            continue
        if count is None:
            return
        if count == 0:
            yield Chunk(b"", stamp(clock))
        yield from _fresh(intake, clock)


def _fresh(intake: Intake, clock: Clock) -> Iterator[Chunk]:
    for at_byte, data in intake.fresh():
        # Where bytes are missing, what came before will not be completed by what comes after.
        yield Chunk(data, stamp(clock), is_last=not data, at_byte=at_byte)


def open_port(url: str) -> Port:
    """Open ``serial:///dev/x?baud=115200``, ``tcp://host:port`` or ``file:///path``.

    Raises
    ------
    PortError
        It cannot be opened now.
    """
    parts = urlsplit(url)
    path = Path(unquote(parts.path))
    try:
        if parts.scheme == "serial":
            baud = parse_qs(parts.query).get("baud", [_DEFAULT_BAUD])[0]
            return SerialPort(path, baud=baud)
        if parts.scheme == "tcp":
            return TcpPort(parts.hostname or "", parts.port or 0)
        return FilePort(path)
    except (OSError, termios.error) as error:
        raise _lost(url, error) from error


class SerialPort:
    """A serial line or pseudo-terminal, raw, 8 bits, no parity, one stop bit."""

    def __init__(self, path: Path, *, baud: str) -> None:
        speed = getattr(termios, f"B{baud}", None)
        if speed is None:
            raise PortError(
                f"{baud} baud is not a speed of serial lines here.",
                where=str(path),
                remedy="Use a usual speed, for example ?baud=115200.",
            )
        self._path = path
        self._file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            # TCSANOW and no flush: bytes that wait are fixes.
            termios.tcsetattr(self._file, termios.TCSANOW, _raw(self._file, speed))
        except termios.error:
            os.close(self._file)
            raise

    def read(self, room: memoryview) -> int:
        """Bytes, none after a silence; raises `PortError` on hang-up or when the name moved."""
        try:
            if not select.select([self._file], [], [], SILENCE_S)[0]:
                self._check_name()
                return 0
            count = os.readv(self._file, [room])
        except BlockingIOError:
            return 0
        except OSError as error:
            raise _lost(str(self._path), error) from error
        if not count:
            raise _lost(str(self._path), OSError(errno.EIO, "the line hung up"))
        return count

    def close(self) -> None:
        """Close it."""
        os.close(self._file)

    def _check_name(self) -> None:
        """A link that points elsewhere is a receiver in another socket; ours is gone."""
        if not os.path.samestat(self._path.stat(), os.fstat(self._file)):
            raise OSError(errno.ENODEV, "the name points to another device")


def _raw(file: int, speed: int) -> list[int | list[bytes | int]]:
    control = termios.tcgetattr(file)[6]
    flags = termios.CS8 | termios.CREAD | termios.CLOCAL
    return [termios.IGNBRK, 0, flags, 0, speed, speed, control]


class TcpPort:
    """A TCP server that repeats a receiver's bytes."""

    def __init__(self, host: str, port: int) -> None:
        self._where = f"tcp://{host}:{port}"
        self._socket = socket.create_connection((host, port), timeout=_CONNECT_S)
        # A server that vanished without a word is found by the kernel's probes.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._socket.settimeout(SILENCE_S)

    def read(self, room: memoryview) -> int:
        """Bytes, none after a silence; raises `PortError` when the server closes."""
        try:
            count = self._socket.recv_into(room)
        except TimeoutError:
            return 0
        except OSError as error:
            raise _lost(self._where, error) from error
        if not count:
            raise _lost(self._where, OSError(errno.ECONNRESET, "the server closed"))
        return count

    def close(self) -> None:
        """Close it."""
        self._socket.close()


class FilePort:
    """A capture."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")

    def read(self, room: memoryview) -> int | None:
        """Bytes, or None at the end; raises `PortError`."""
        try:
            return self._file.readinto(room) or None
        except OSError as error:
            raise _lost(str(self._path), error) from error

    def close(self) -> None:
        """Close it."""
        self._file.close()


def _lost(where: str, error: Exception) -> PortError:
    return PortError(
        f"The port is not there: {error}",
        where=where,
        remedy="Check plug, cable and power; `ls -l /dev/serial/by-id` shows what is connected.",
    )
