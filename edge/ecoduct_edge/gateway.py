"""The gateway: the whole flow on one screen.

A thread for each port reads chunks. The thread that called `run` takes each chunk through
`STEPS`, whose last puts the messages on the disk. The uplink, a thread of its own, sends what is
on the disk and knows nothing of ports.
"""

import json
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from ecoduct_edge.clocksync import boot_id
from ecoduct_edge.counters import Counters
from ecoduct_edge.decoders import Heard, Outcome, PortDecoder, Refused, Silent, Source
from ecoduct_edge.errors import SpoolError
from ecoduct_edge.framing import Chunk, Deframer, Frame
from ecoduct_edge.logs import event
from ecoduct_edge.ports import read_chunks
from ecoduct_edge.screen import ScreenRule
from ecoduct_edge.screen import flag as flagged
from ecoduct_edge.settings import PortSettings, Settings, SpoolSettings
from ecoduct_edge.spool import Spool
from ecoduct_edge.uplink import Uplink
from ecoduct_wire.clock import Clock
from ecoduct_wire.messages import Fix

INBOX_CHUNKS: Final = 64  # bounds memory; behind it the kernel's buffers wait
NOTE_COUNTERS_EVERY_S: Final = 60.0
RETRY_S: Final = 1.0
IDLE_S: Final = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lane:
    """What the steps need for one port."""

    port: str
    deframer: Deframer
    decoder: PortDecoder
    rule: ScreenRule
    counters: Counters
    keep: Callable[[Heard], None]


def read(lane: Lane, chunks: Iterable[Chunk]) -> Iterator[Chunk]:
    """Count what came."""
    for chunk in chunks:
        lane.counters.add(f"{lane.port}.bytes.read", len(chunk.data))
        yield chunk


def deframe(lane: Lane, chunks: Iterable[Chunk]) -> Iterator[Frame | Chunk]:
    """Bytes to frames; silences and ends go on, for a decoder may wait for them."""
    for chunk in chunks:
        noise_before = lane.deframer.noise
        for frame in lane.deframer.feed(chunk):
            lane.counters.add(f"{lane.port}.frames.seen")
            yield frame
        lane.counters.add(f"{lane.port}.bytes.noise", lane.deframer.noise - noise_before)
        if not chunk.data or chunk.is_last:
            yield chunk


def decode(lane: Lane, items: Iterable[Frame | Chunk]) -> Iterator[Outcome]:
    """Frames to outcomes, each frame counted once as kept, refused or silent."""
    for item in items:
        if isinstance(item, Frame):
            outcomes = lane.decoder.decode(item)
        else:
            outcomes = lane.decoder.settle(item.stamp, is_last=item.is_last)
        for outcome in outcomes:
            lane.counters.add(f"{lane.port}.frames.{_fate(outcome)}", outcome.frames)
            yield outcome


def flag(lane: Lane, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """Mark doubtful fixes."""
    for outcome in outcomes:
        if isinstance(outcome, Heard) and isinstance(outcome.body, Fix):
            now_ms = outcome.reception.received_at_ms
            fix = flagged(outcome.body, now_ms=now_ms, rule=lane.rule)
            yield outcome if fix is outcome.body else replace(outcome, body=fix)
        else:
            yield outcome


def append(lane: Lane, outcomes: Iterable[Outcome]) -> tuple[()]:
    """Give messages to the disk; log refusals."""
    for outcome in outcomes:
        if isinstance(outcome, Heard):
            lane.keep(outcome)
        elif isinstance(outcome, Refused) and _log.isEnabledFor(logging.DEBUG):
            # The bytes may hold the position of a protected animal: never above DEBUG.
            _log.debug(
                event("frame.refused", port=lane.port, why=outcome.reason, raw=outcome.raw.hex())
            )
    return ()


Step = Callable[[Lane, Iterable[Any]], Iterable[Any]]
STEPS: Final[tuple[Step, ...]] = (read, deframe, decode, flag, append)


def take(lane: Lane, chunk: Chunk, *, steps: tuple[Step, ...] = STEPS) -> Iterable[Any]:
    """Take one chunk through the steps."""
    items: Iterable[Any] = (chunk,)
    for step in steps:
        items = step(lane, items)
    return items


def run(settings: Settings, *, clock: Clock, stop: threading.Event) -> None:
    """Read, keep and send until ``stop`` is set; what was read by then is on the disk.

    Raises
    ------
    SpoolError
        The spool is damaged, or refuses even at the end. Started again, the gateway sets a
        damaged spool aside.
    """
    counters = Counters()
    with closing(open_spool(settings)) as spool:
        outbox = Outbox(spool, rule=settings.spool, counters=counters, stop=stop)
        lanes = {port.name: open_lane(port, settings, outbox) for port in settings.ports}
        uplink = Uplink(settings, spool=spool, counters=counters, clock=clock)
        with _sending(uplink), _reading(settings.ports, counters, clock, stop) as inbox:
            for name, chunk in inbox:
                if chunk:
                    take(lanes[name], chunk)
                outbox.commit_if_due()
            outbox.commit()
        spool.note_counters(json.dumps(counters.snapshot()))


def replay(port: PortSettings, settings: Settings, *, clock: Clock) -> dict[str, int]:
    """Take a capture through the same steps to the spool; returns the counters."""
    counters, stop = Counters(), threading.Event()
    with closing(open_spool(settings)) as spool:
        outbox = Outbox(spool, rule=settings.spool, counters=counters, stop=stop)
        lane = open_lane(port, settings, outbox)
        for chunk in read_chunks(port, counters=counters, clock=clock, stop=stop):
            take(lane, chunk)
        outbox.commit()
    return counters.snapshot()


def open_spool(settings: Settings) -> Spool:
    """Open the spool of these settings."""
    return Spool(settings.spool_path, max_bytes=settings.spool.max_bytes)


def open_lane(port: PortSettings, settings: Settings, outbox: "Outbox") -> Lane:
    """Build what the steps need for a port."""
    source = Source(
        port=port.name,
        device=port.device or port.name,
        boot=boot_id(),
        earliest_ms=settings.earliest_ms,
        latest_ahead_s=settings.latest_ahead_s,
    )
    rule = ScreenRule(earliest_ms=settings.earliest_ms, latest_ahead_s=settings.latest_ahead_s)
    return Lane(
        port.name, Deframer(port.format), PortDecoder(source), rule, outbox.counters, outbox.add
    )


class Outbox:
    """Messages on their way to the disk; many share one write."""

    def __init__(
        self, spool: Spool, *, rule: SpoolSettings, counters: Counters, stop: threading.Event
    ) -> None:
        self.counters = counters
        self._spool = spool
        self._rule = rule
        self._stop = stop
        self._waiting: list[Heard] = []
        self._due_at = 0.0
        self._note_due_at = time.monotonic() + NOTE_COUNTERS_EVERY_S

    def add(self, heard: Heard) -> None:
        """Take a message; a full write goes to the disk at once."""
        if not self._waiting:
            self._due_at = time.monotonic() + self._rule.commit_ms / 1000
        self._waiting.append(heard)
        if len(self._waiting) >= self._rule.commit_messages:
            self.commit()

    def commit_if_due(self) -> None:
        """Write when the oldest message has waited long enough; note the counters now and then."""
        now = time.monotonic()
        if self._waiting and now >= self._due_at:
            self.commit()
        if now >= self._note_due_at:
            self._note_due_at = now + NOTE_COUNTERS_EVERY_S
            self._spool.note_counters(json.dumps(self.counters.snapshot()))

    def commit(self) -> None:
        """Write everything that waits. While the disk refuses, wait, and let the ports wait."""
        while self._waiting:
            try:
                entries = [(heard.body, heard.reception) for heard in self._waiting]
                _, evicted = self._spool.append(entries)
            except SpoolError as error:
                if error.is_damage or self._stop.is_set():
                    raise
                _log.error(event("spool.refuses", why=error.what))
                self.counters.add("spool.refusals")
                self._stop.wait(RETRY_S)
                continue
            for heard in self._waiting:
                self.counters.add(f"{heard.reception.port}.messages.kept")
            self.counters.add("spool.evicted", evicted)
            self._waiting.clear()


def _fate(outcome: Outcome) -> str:
    match outcome:
        case Refused(reason=reason):
            return f"refused.{reason}"
        case Silent(type=kind):
            return f"silent.{kind}"
        case _:
            return "kept"


@contextmanager
def _sending(uplink: Uplink) -> Iterator[None]:
    done = threading.Event()  # not `stop`: its last word tells what the last commit kept
    thread = threading.Thread(target=uplink.run, args=(done,), name="uplink")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def _reading(
    ports: Iterable[PortSettings], counters: Counters, clock: Clock, stop: threading.Event
) -> Iterator[Iterator[tuple[str, Chunk | None]]]:
    """Threads that read; gives their chunks until ``stop`` is set and all have been taken."""
    inbox: queue.Queue[tuple[str, Chunk]] = queue.Queue(INBOX_CHUNKS)
    abandoned = threading.Event()

    def pump(port: PortSettings) -> None:
        while not stop.is_set():
            try:
                for chunk in read_chunks(port, counters=counters, clock=clock, stop=stop):
                    _put(inbox, (port.name, chunk), abandoned)
            # A supervisor: a mistake in reading one port must not end the others.
            except Exception:  # noqa: BLE001 - see above
                _log.exception(event("port.failed", port=port.name))
                stop.wait(RETRY_S)
            else:
                return

    threads = [
        threading.Thread(target=pump, args=(port,), name=f"port-{port.name}") for port in ports
    ]
    for thread in threads:
        thread.start()
    try:
        yield _chunks(inbox, threads, stop)
    finally:
        stop.set()
        abandoned.set()
        for thread in threads:
            thread.join()


def _put(
    inbox: queue.Queue[tuple[str, Chunk]], item: tuple[str, Chunk], abandoned: threading.Event
) -> None:
    while not abandoned.is_set():
        try:
            inbox.put(item, timeout=IDLE_S)
        except queue.Full:
            continue
        return


def _chunks(
    inbox: queue.Queue[tuple[str, Chunk]], threads: list[threading.Thread], stop: threading.Event
) -> Iterator[tuple[str, Chunk | None]]:
    while True:
        is_over = stop.is_set() and not any(thread.is_alive() for thread in threads)
        try:
            yield inbox.get(timeout=0 if is_over else IDLE_S / 4)
        except queue.Empty:
            if is_over:
                return
            yield "", None
