"""Serial ports that are not there: pseudo-terminals behind a name that stays.

A reader may come late, be slow, go and come back. No byte is lost by that: nothing is written
while nobody has the port open, what a reader left unread is taken back, and writing waits for room.
Only Linux behaves as this module needs.
"""

import array
import fcntl
import os
import select
import termios
import time
import tty
from collections import deque
from collections.abc import Collection
from pathlib import Path
from typing import Final

# Readers set up the port and throw away what is in it just after they opened it.
_SETTLE_S: Final = 0.15
_AWAY_S: Final = 0.5
_TURN_S: Final = 0.002
_WATCH_S: Final = 0.05
# The kernel holds bytes in two places and shows one; a moment later they have moved on.
_QUIET_S: Final = 0.03
_READ_BYTES: Final = 65_536


class VirtualPort:
    """A port at ``link``, a symbolic link to the pseudo-terminal of the moment."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.unplugged = 0
        self._queue: deque[bytearray | None] = deque()
        self._master: int | None = None
        self._slave_name = ""
        self._poll = select.poll()
        self._reader_since: float | None = None
        self._back_at = 0.0
        self._quiet_since: float | None = None
        self._plug_in()

    @property
    def has_reader(self) -> bool:
        """Whether somebody had the port open when we last looked."""
        return self._reader_since is not None

    @property
    def waiting_bytes(self) -> int:
        """Bytes that the pseudo-terminal has not taken yet."""
        return sum(len(data) for data in self._queue if data is not None)

    def write(self, data: bytes) -> None:
        """Queue bytes; `advance` writes them."""
        if not self._queue or self._queue[-1] is None:
            self._queue.append(bytearray())
        last = self._queue[-1]
        assert last is not None
        last += data
        self._quiet_since = None

    def unplug(self) -> None:
        """Queue an unplugging: when all before it is read, the port goes away for a moment."""
        self._queue.append(None)
        self._quiet_since = None

    def advance(self) -> bool:
        """Do what can be done without waiting; true if something was."""
        if self._master is None:
            if time.monotonic() >= self._back_at:
                self._plug_in()
            return False
        if not self._is_settled():
            return False
        if not self._queue:
            return False
        head = self._queue[0]
        if head is None:
            return self._pull_out()
        return self._push(head)

    def is_drained(self) -> bool:
        """Whether all is written, and has been read by the other side for a moment."""
        return self._master is not None and not self._queue and self._is_read()

    def close(self) -> None:
        """Take the port away for good."""
        if self._master is not None:
            os.close(self._master)
            self._master = None
        self._unlink()

    def _unlink(self) -> None:
        """Take the name away, unless another program gave it to a port of its own."""
        if self.link.is_symlink() and str(self.link.readlink()) == self._slave_name:
            self.link.unlink()

    def _plug_in(self) -> None:
        self._master, slave = os.openpty()
        os.set_blocking(self._master, False)
        tty.setraw(slave)
        self._slave_name = os.ttyname(slave)
        # Closed, so that the master sees a hang-up until somebody else opens it.
        os.close(slave)
        self._poll = select.poll()
        self._poll.register(self._master, select.POLLIN)
        self._reader_since = None
        self._quiet_since = None
        fresh = self.link.with_name(self.link.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self._slave_name)
        fresh.replace(self.link)

    def _is_settled(self) -> bool:
        """Whether a reader is there and has had time to set up the port."""
        assert self._master is not None
        events = sum(event for _, event in self._poll.poll(0))
        if events & select.POLLHUP:
            if self._reader_since is not None:
                self._take_back()
            self._reader_since = None
            return False
        if events & select.POLLIN:
            self._ignore_input()
        if self._reader_since is None:
            self._reader_since = time.monotonic()
        return time.monotonic() - self._reader_since >= _SETTLE_S

    def _ignore_input(self) -> None:
        """Read what the reader says, else it would block one day; our devices do not answer."""
        assert self._master is not None
        try:
            os.read(self._master, _READ_BYTES)
        except OSError:
            return

    def _take_back(self) -> None:
        """Put what the reader left unread before what is still to write."""
        left = bytearray()
        slave = self._open_slave()
        quiet_at = time.monotonic() + _QUIET_S
        try:
            while time.monotonic() < quiet_at:
                if _unread(slave):
                    left += os.read(slave, _READ_BYTES)
                    quiet_at = time.monotonic() + _QUIET_S
                else:
                    time.sleep(_TURN_S)
        finally:
            os.close(slave)
        if left:
            self._queue.appendleft(left)
            self._quiet_since = None

    def _push(self, head: bytearray) -> bool:
        assert self._master is not None
        try:
            taken = os.write(self._master, head[:_READ_BYTES])
        except BlockingIOError:
            return False
        del head[:taken]
        if not head:
            self._queue.popleft()
        return True

    def _is_read(self) -> bool:
        """Whether nothing has been left unread for a moment."""
        slave = self._open_slave()
        try:
            if _unread(slave):
                self._quiet_since = None
            elif self._quiet_since is None:
                self._quiet_since = time.monotonic()
        finally:
            os.close(slave)
        since = self._quiet_since
        return since is not None and time.monotonic() - since >= _QUIET_S

    def _open_slave(self) -> int:
        return os.open(self._slave_name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)

    def _pull_out(self) -> bool:
        # What is on its way must arrive, or the truth could not say which frame was lost.
        if not self._is_read():
            return False
        assert self._master is not None
        self._queue.popleft()
        self._unlink()
        os.close(self._master)
        self._master = None
        self._reader_since = None
        self._back_at = time.monotonic() + _AWAY_S
        self.unplugged += 1
        return True


def pump(ports: Collection[VirtualPort], *, until: float) -> None:
    """Move bytes until a real time (seconds since 1970); at least one round."""
    while True:
        moved = [port.advance() for port in ports]
        left_s = until - time.time()
        if left_s <= 0:
            return
        if not any(moved):
            waiting = any(port.waiting_bytes for port in ports)
            time.sleep(min(left_s, _TURN_S if waiting else _WATCH_S))


def _unread(slave: int) -> int:
    found = array.array("i", [0])
    fcntl.ioctl(slave, termios.FIONREAD, found)
    return found[0]
