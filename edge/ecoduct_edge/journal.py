"""Bytes as they were read, safe from ``kill -9`` before anything is done with them.

The kernel copies the bytes of a port straight into a mapped file, so there is no moment between
reading and keeping: a killed process leaves what it read in the page cache. Whatever the spool's
checkpoint does not cover is decoded at the next start, with that start as its time of receipt.
Nothing here is forced to the disk; a power cut may cost what the spool has not yet committed
(docs/decisions/0003-bytes-before-anything.md).
"""

import errno
import fcntl
import hashlib
import logging
import mmap
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import unquote

from ecoduct_edge.errors import SpoolError
from ecoduct_edge.logs import event

SEGMENT_BYTES: Final = 262_144
READ_BYTES: Final = 65_536
_HEADER_BYTES: Final = 8  # one integer: how many bytes of the segment are known to be read
_NAME = re.compile(r"([0-9]{20})\.bytes")
_BIGGEST: Final = 2**62  # no port sends so much; a file that claims it is not ours

_log = logging.getLogger(__name__)

Read = Callable[[memoryview], int | None]
Piece = tuple[int | None, bytes]


class Intake(Protocol):
    """Where the bytes of a port go first."""

    def fill(self, read: Read) -> int | None:
        """Let ``read`` put bytes here, and give what it gives; `OSError` if there is no room."""
        ...

    def fresh(self) -> Iterator[Piece]:
        """Bytes not given before, and where they stand; no bytes: something is missing here."""
        ...


class Scratch:
    """An intake that keeps nothing, for captures: they can be read again."""

    def __init__(self) -> None:
        self._room = bytearray(READ_BYTES)
        self._count = 0

    def fill(self, read: Read) -> int | None:
        """Let ``read`` put bytes here, and give what it gives."""
        count = read(memoryview(self._room))
        self._count = count or 0
        return count

    def fresh(self) -> Iterator[Piece]:
        """Give what the last `fill` brought."""
        if count := self._count:
            self._count = 0
            yield None, bytes(self._room[:count])


class Journal:
    """The bytes of one port, in segment files named by the place of their first byte.

    Places count every byte ever read of the port. One thread fills and takes; another may move
    ``settled``. A new start begins a new segment, so old ones are only ever read.

    Parameters
    ----------
    resume_at : int
        The first byte that is not dealt with; None, without a spool that knows: the first
        that is left.

    Raises
    ------
    SpoolError
        The folder cannot be used, or another gateway uses it.
    """

    def __init__(self, folder: Path, *, resume_at: int | None) -> None:
        self._folder = folder
        self._lock = _locked(folder)
        self._mapping: mmap.mmap | None = None
        self._first = 0
        self._waiting = deque(_remains(folder, resume_at=resume_at))
        ends = (first + len(data) for first, data in _segments(folder))
        # After a power cut the spool may know of bytes that the journal has lost.
        self._end = max([resume_at or 0, *ends])
        self.recovered = sum(len(data) for _, data in self._waiting)
        self.settled = (
            resume_at or 0
        )  # segments wholly before this are deleted when a new one begins

    def fill(self, read: Read) -> int | None:
        """Let ``read`` put bytes straight into the file, and give what it gives.

        Raises
        ------
        OSError
            There is no room for a new segment; nothing was read.
        """
        mapping = self._mapping
        if mapping is None or self._end == self._first + SEGMENT_BYTES:
            mapping = self._begin_segment()
        at = _HEADER_BYTES + self._end - self._first
        with memoryview(mapping) as whole, whole[at : at + READ_BYTES] as room:
            count = read(room)
            if count:
                with whole[:_HEADER_BYTES].cast("Q") as noted:
                    noted[0] = at - _HEADER_BYTES + count  # a single store: never half a number
                self._waiting.append((self._end, bytes(room[:count])))
                self._end += count
        return count

    def fresh(self) -> Iterator[Piece]:
        """Bytes not given before, those of an earlier life first."""
        while self._waiting:
            yield self._waiting.popleft()

    def close(self) -> None:
        """Close the files."""
        if self._mapping:
            self._mapping.close()
        os.close(self._lock)

    def _begin_segment(self) -> mmap.mmap:
        for (_, path), (following, _) in pairwise(_files(self._folder)):
            if following <= self.settled:
                path.unlink(missing_ok=True)
        fresh = self._folder / "fresh"
        with fresh.open("w+b") as file:
            # Room is taken now: a full disk must be an error here and not a fault while reading.
            os.posix_fallocate(file.fileno(), 0, _HEADER_BYTES + SEGMENT_BYTES)
            mapping = mmap.mmap(file.fileno(), _HEADER_BYTES + SEGMENT_BYTES)
        mapping[_HEADER_BYTES:] = _pattern()
        fresh.rename(self._folder / f"{self._end:020}.bytes")
        if self._mapping:
            self._mapping.close()
        self._mapping, self._first = mapping, self._end
        return mapping


def folder_of(root: Path, port: str) -> Path:
    """Folder of a port's journal; any name of a port makes a good one."""
    return root / re.sub(r"[%/]|^\.", lambda found: f"%{ord(found[0]):02X}", port)


def ports_of(root: Path) -> list[str]:
    """Names of the ports that have a journal."""
    if not root.is_dir():
        return []
    return sorted(unquote(folder.name) for folder in root.iterdir() if folder.is_dir())


def unsettled_bytes(folder: Path, *, resume_at: int | None) -> int:
    """How many bytes wait to be decoded."""
    return sum(len(data) for _, data in _remains(folder, resume_at=resume_at))


def _remains(folder: Path, *, resume_at: int | None) -> Iterator[tuple[int, bytes]]:
    """Pieces from ``resume_at`` on; an empty one where bytes are missing between two."""
    last_end: int | None = None
    for first, data in _segments(folder):
        begin, end = max(first, resume_at or 0), first + len(data)
        if begin >= end:
            continue
        if last_end is not None and begin > last_end:
            yield begin, b""
        for at in range(begin, end, READ_BYTES):
            yield at, data[at - first : at - first + READ_BYTES]
        last_end = end


def _segments(folder: Path) -> Iterator[tuple[int, bytes]]:
    """Place of the first byte, and the bytes, of every segment in order."""
    for (first, path), (following, _) in pairwise([*_files(folder), (_BIGGEST, folder)]):
        # Damage can make a segment seem longer than it was when the next one began.
        yield first, _bytes_read(path)[: following - first]


def _files(folder: Path) -> list[tuple[int, Path]]:
    named = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir() if path.is_file())
    found = ((int(name[1]), path) for name, path in named if name)
    return sorted((first, path) for first, path in found if first < _BIGGEST)


def _bytes_read(path: Path) -> bytes:
    """Bytes of a segment that were read: as noted, or as far as it differs from the pattern.

    A kill between reading and noting leaves bytes without a note. Should the last of them be what
    the pattern has at its place, one chance in 256, that byte is lost.
    """
    try:
        content = path.read_bytes()[: _HEADER_BYTES + SEGMENT_BYTES]
    except OSError as error:
        _log.error(event("journal.unreadable", path=path, why=error))
        return b""
    data = content[_HEADER_BYTES:]
    noted = int.from_bytes(content[:_HEADER_BYTES], sys.byteorder)
    # As one little-endian number, the last place that differs is the highest bit that is set.
    pattern = _pattern()[: len(data)]
    changed = int.from_bytes(data, "little") ^ int.from_bytes(pattern, "little")
    differs_to = (changed.bit_length() + 7) // 8
    return data[: max(differs_to, noted if noted <= SEGMENT_BYTES else 0)]


@cache
def _pattern() -> bytes:
    """What an unused segment holds: not zeros, since zeros may be read."""
    return hashlib.shake_256(b"ecoduct journal").digest(SEGMENT_BYTES)


def _locked(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(folder, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        if error.errno == errno.EWOULDBLOCK:
            error = OSError(errno.EBUSY, "another gateway reads this port")
        raise _refused(folder, error) from error
    return lock


def _refused(folder: Path, error: OSError) -> SpoolError:
    return SpoolError(
        f"The journal of a port cannot be used: {error}",
        where=str(folder),
        remedy="Look for a second gateway (`ps aux | grep ecoduct-edge`), then at rights and disk.",
    )
