"""Messages on disk, numbered, until the server's receipt.

SQLite in WAL mode with ``synchronous=FULL``: what `Spool.append` has returned survives a power
cut. Numbers begin at 1 in each epoch and never skip. A number above the receipt that has no row
any more was evicted, so tombstones cost no space.
"""

import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecoduct_edge.errors import SpoolError
from ecoduct_edge.logs import event
from ecoduct_wire.envelope import decode_message, encode_message
from ecoduct_wire.errors import WireError
from ecoduct_wire.messages import Fix, Gone, Message, Receipt, Reception, Status

_EVICT_AT_ONCE: Final = 256
_BUSY_S: Final = 30.0  # a replay may be writing to the same spool
_LAYOUT: Final = 1

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS fix (number INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS status (number INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS life (
    layout INTEGER NOT NULL, epoch TEXT NOT NULL, kept INTEGER NOT NULL,
    receipted INTEGER NOT NULL, counters TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS checkpoint (
    port TEXT NOT NULL, kind TEXT NOT NULL, at_byte INTEGER NOT NULL, PRIMARY KEY (port, kind)
) STRICT, WITHOUT ROWID;
"""

_EVICT: Final = (
    "DELETE FROM status WHERE number IN (SELECT number FROM status ORDER BY number LIMIT ?)",
    "DELETE FROM fix WHERE number IN (SELECT number FROM fix ORDER BY number LIMIT ?)",
)

_log = logging.getLogger(__name__)

Checkpoint = dict[str, int]  # for each kind of frame, the first byte of its port not dealt with


@dataclass(frozen=True, slots=True)
class SpoolState:
    """Where a spool stands. Messages above ``receipted`` up to ``kept`` wait for the server."""

    epoch: str
    kept: int
    receipted: int
    used_bytes: int
    counters: str


class Spool:
    """The spool of one gateway; safe to use from several threads and processes."""

    def __init__(self, path: Path, *, max_bytes: int = 2_000_000_000) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = _open_or_quarantine(path)
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error
        self.epoch: Final = self.state().epoch

    def append(
        self,
        entries: Sequence[tuple[Fix | Status, Reception]],
        *,
        checkpoints: Mapping[str, Checkpoint] | None = None,
    ) -> tuple[int, int]:
        """Keep messages in one write; they are on the disk when this returns.

        ``checkpoints`` says for each port up to where its bytes became messages or were counted.
        Kept in the same write, so that after a kill no message is missing and none comes twice.

        Returns
        -------
        last, evicted : int
            The number of the last message, and how many older ones gave way.

        Raises
        ------
        SpoolError
            The disk refuses; nothing of these was kept.
        """
        with self._writing() as database:
            (kept,) = database.execute("SELECT kept FROM life").fetchone()
            rows: dict[type, list[tuple[int, bytes]]] = {Fix: [], Status: []}
            for number, (body, reception) in enumerate(entries, start=kept + 1):
                data = encode_message(Message(number, body, reception))
                rows[type(body)].append((number, data))
            database.executemany("INSERT INTO fix VALUES (?, ?)", rows[Fix])
            database.executemany("INSERT INTO status VALUES (?, ?)", rows[Status])
            database.execute("UPDATE life SET kept = ?", (kept + len(entries),))
            database.executemany(
                "INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)",
                [
                    (port, kind, at_byte)
                    for port, checkpoint in (checkpoints or {}).items()
                    for kind, at_byte in checkpoint.items()
                ],
            )
            return kept + len(entries), self._evict()

    def read_after(self, number: int, *, limit: int) -> tuple[Message, ...]:
        """Messages after a number, at most ``limit``, without a gap.

        Those that the server had committed are tombstones: asked for again only by a server that
        lost what it had, they explain the gap that remains.
        """
        with self._reading() as database:
            kept, receipted = database.execute("SELECT kept, receipted FROM life").fetchone()
            first = number + 1
            last = min(kept, first + limit - 1)
            rows = dict(
                database.execute(
                    "SELECT number, data FROM fix WHERE number BETWEEN ?1 AND ?2 UNION ALL "
                    "SELECT number, data FROM status WHERE number BETWEEN ?1 AND ?2",
                    (first, last),
                )
            )
        return tuple(
            Message(at, Gone("forgotten")) if at <= receipted else _message(at, rows.get(at))
            for at in range(first, last + 1)
        )

    def settle_through(self, receipt: Receipt) -> bool:
        """Forget what the server has committed; False if the receipt is not for this spool."""
        with self._writing() as database:
            epoch, kept, receipted = database.execute(
                "SELECT epoch, kept, receipted FROM life"
            ).fetchone()
            if receipt.epoch != epoch or receipt.through > kept:
                return False
            if receipt.through > receipted:
                database.execute("DELETE FROM fix WHERE number <= ?", (receipt.through,))
                database.execute("DELETE FROM status WHERE number <= ?", (receipt.through,))
                database.execute("UPDATE life SET receipted = ?", (receipt.through,))
            return True

    def state(self) -> SpoolState:
        """Where the spool stands."""
        with self._reading() as database:
            row = database.execute("SELECT epoch, kept, receipted, counters FROM life").fetchone()
            epoch, kept, receipted, counters = row
            return SpoolState(epoch, kept, receipted, _used_bytes(database), counters)

    def checkpoints(self) -> dict[str, Checkpoint]:
        """Where the bytes of each port stand; `append` tells."""
        found: dict[str, Checkpoint] = {}
        with self._reading() as database:
            for port, kind, at_byte in database.execute("SELECT * FROM checkpoint"):
                found.setdefault(port, {})[kind] = at_byte
        return found

    def note_counters(self, counters: str) -> None:
        """Keep the counters, as JSON, for `ecoduct-edge status`."""
        with self._writing() as database:
            database.execute("UPDATE life SET counters = ?", (counters,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _evict(self) -> int:
        """Statuses first, fixes last, oldest first, until the rest fits."""
        evicted = 0
        for statement in _EVICT:
            gone = 1
            while gone and _used_bytes(self._database) > self._max_bytes:
                gone = self._database.execute(statement, (_EVICT_AT_ONCE,)).rowcount
                evicted += gone
        return evicted

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as database:
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._database
            except sqlite3.Error as error:
                raise self._failed(error) from error

    def _failed(self, error: Exception) -> SpoolError:
        # OperationalError is the disk or its rights; what remains is the file.
        is_damage = isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError
        )
        return SpoolError(
            f"The spool cannot be used: {error}",
            where=str(self._path),
            remedy="Check free space and the card (`ecoduct-edge check`, `dmesg`).",
            is_damage=is_damage,
        )


def _open_or_quarantine(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.OperationalError:
        raise  # no right to write, no space, busy: the file itself may be good
    except sqlite3.DatabaseError as error:
        aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        _log.error(event("spool.quarantined", kept_as=aside, why=error))
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        _prepare(database)
    except BaseException:
        database.close()
        raise
    return database


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    database.executescript(_SCHEMA)
    database.execute(
        "INSERT INTO life SELECT ?, ?, 0, 0, '{}' WHERE NOT EXISTS (SELECT 1 FROM life)",
        (_LAYOUT, secrets.token_hex(4)),
    )
    (layout,) = database.execute("SELECT layout FROM life").fetchone()
    if layout != _LAYOUT:
        raise sqlite3.DatabaseError(f"layout {layout} is not known")


def _used_bytes(database: sqlite3.Connection) -> int:
    def pragma(name: str) -> int:
        return int(database.execute(f"PRAGMA {name}").fetchone()[0])

    return (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")


def _message(number: int, data: bytes | None) -> Message:
    if data is None:
        return Message(number, Gone("evicted"))
    try:
        return decode_message(data, number=number)
    except WireError:
        # Written by us, so the disk or a newer program changed it; the server must hear of it.
        return Message(number, Gone("unreadable"))
