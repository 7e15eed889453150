"""What both services need from the operating system: locks, ports, and who is running."""

import fcntl
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ecoduct_server.embedded.errors import EmbeddedError

HOST: Final = "127.0.0.1"
# Below the range from which Linux takes ports for outgoing connections, so that a kept port is
# still free at the next start.
_PORTS: Final = range(20_000, 32_000)
_PROC: Final = Path("/proc")


def wait_until(is_true: Callable[[], bool], *, seconds: float, every_s: float = 0.05) -> bool:
    """Whether it became true in time."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True


def open_folder(folder: Path) -> None:
    """Make the folder if it is missing.

    Raises
    ------
    EmbeddedError
        It cannot be made or written, or this is not Linux.
    """
    if not _PROC.joinpath("self").exists():
        raise EmbeddedError(
            "The embedded database and broker need Linux with /proc.",
            where=sys.platform,
            remedy="Give the addresses of a PostgreSQL and an MQTT 5 broker.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.close(_open_lock(folder / "lock"))
    except OSError as error:
        raise EmbeddedError(
            f"The data folder cannot be written: {error.strerror}.",
            where=str(folder),
            remedy="Choose another folder, or give this one to the user that runs Ecoduct: "
            f"chown -R USER {folder}",
        ) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time through; a killed process leaves no lock behind."""
    descriptor = _open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def take_lock(path: Path) -> int | None:
    """Descriptor that holds the lock until closed; None if another process has it."""
    descriptor = _open_lock(path)
    if _flock(descriptor, fcntl.LOCK_EX):
        return descriptor
    os.close(descriptor)
    return None


def share_lock(path: Path) -> int:
    """Descriptor that counts as one user of the lock until closed."""
    descriptor = _open_lock(path)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def is_last_user(descriptor: int) -> bool:
    """Whether no other process shares this lock."""
    return _flock(descriptor, fcntl.LOCK_EX)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _flock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def choose_port(kept: int | None) -> int:
    """Return the kept port if it is free, else another free one."""
    candidates = ([kept] if kept else []) + random.sample(_PORTS, 50)
    for port in candidates:
        if _is_free(port):
            return port
    raise EmbeddedError(
        "No TCP port is free.",
        where=f"{HOST}, {_PORTS.start} to {_PORTS.stop}",
        remedy="See with `ss -ltn` who holds them.",
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # Connections of a server that has just ended must not make its port look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def answers(port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def carries(pid: int, token: str) -> bool:
    """Whether this process runs with the token in its command line.

    A pid alone proves nothing, since the system gives it to the next process; the token does.
    """
    try:
        return token in (_PROC / str(pid) / "cmdline").read_text(errors="replace")
    except OSError:  # it ended, or is hidden from us and so not ours
        return False


def running_with(token: str) -> list[int]:
    """Pids of all other processes with the token in their command line."""
    pids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal()]
    return [pid for pid in pids if pid != os.getpid() and carries(pid, token)]


def is_alive(pid: int) -> bool:
    """Whether any process has this pid."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def end(find: Callable[[], list[int]], *, signals: list[tuple[signal.Signals, float]]) -> bool:
    """Send the signals in turn, each with its seconds of patience, until nothing is found."""
    for number, seconds in signals:
        for pid in find():
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        if wait_until(lambda: not find(), seconds=seconds):
            return True
    return not find()


def last_lines(log: Path, *, since: int = 0, count: int = 8) -> str:
    """Last lines of a log file from byte ``since`` on, for an error message."""
    with suppress(OSError), log.open("rb") as stream:
        stream.seek(since)
        lines = stream.read().decode(errors="replace").strip().splitlines()
        return "\n       ".join(lines[-count:])
    return ""
