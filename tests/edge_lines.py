"""Lines to feed a gateway through, and a look at its spool while it runs."""

import os
import pty
import sqlite3
import termios
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path


class Line:
    """A raw pseudo-terminal; its buffer outlives the gateway, for the far end stays open too."""

    def __init__(self) -> None:
        self.master, self._slave = pty.openpty()
        attributes = termios.tcgetattr(self._slave)
        attributes[0] = attributes[1] = attributes[3] = 0
        termios.tcsetattr(self._slave, termios.TCSANOW, attributes)
        self.url = f"serial://{os.ttyname(self._slave)}"

    def close(self) -> None:
        os.close(self._slave)
        os.close(self.master)


def ask(spool: Path, question: str) -> int:
    """Ask the file itself: to open it as a spool would disturb a gateway that is making it."""
    try:
        with closing(sqlite3.connect(f"file:{spool}?mode=ro", uri=True)) as database:
            return int(database.execute(question).fetchone()[0] or 0)
    except sqlite3.DatabaseError:
        return 0  # not there yet


def kept_count(spool: Path) -> int:
    return ask(spool, "SELECT max(kept) FROM life")


def wait_until(claim: Callable[[], bool], *, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while not (found := claim()) and time.monotonic() < until:
        time.sleep(0.005)  # another program works; there is nothing to wait on
    return found
