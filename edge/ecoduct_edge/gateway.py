"""The gateway: the whole flow on one screen.

A thread for each port reads chunks. The thread that called `run` takes each chunk through
`STEPS`, whose last puts the messages on the disk. The uplink, a thread of its own, sends what is
on the disk and knows nothing of ports.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from ecoduct_edge.clocksync import boot_id
from ecoduct_edge.counters import Counters
from ecoduct_edge.decoders import RMC_SEEN, Heard, Outcome, PortDecoder, Refused, Silent, Source
from ecoduct_edge.framing import Chunk, Deframer, Frame
from ecoduct_edge.inbox import reading
from ecoduct_edge.journal import SEGMENT_BYTES, Journal, folder_of
from ecoduct_edge.logs import event
from ecoduct_edge.outbox import Outbox
from ecoduct_edge.ports import read_chunks
from ecoduct_edge.screen import ScreenRule
from ecoduct_edge.screen import flag as flagged
from ecoduct_edge.settings import PortSettings, Settings
from ecoduct_edge.spool import Checkpoint, Spool
from ecoduct_edge.uplink import Uplink
from ecoduct_wire.clock import Clock
from ecoduct_wire.messages import Fix

MOST_HELD_BYTES: Final = SEGMENT_BYTES  # what waits for its second half this long waits in vain

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lane:
    """What the steps need for one port. ``done`` is what an earlier life has dealt with."""

    port: str
    deframer: Deframer
    decoder: PortDecoder
    rule: ScreenRule
    counters: Counters
    keep: Callable[[Heard], None]
    done: Checkpoint = field(default_factory=dict)

    @property
    def is_holding_long(self) -> bool:
        """Whether a decoder waits for the rest of a message that should have come."""
        here = self.deframer.held_at
        return here - min(self.decoder.dealt_with(here).values()) > MOST_HELD_BYTES

    def dealt_with(self) -> Checkpoint:
        """For each kind of frame, the first byte that is not dealt with; it never goes back."""
        found = self.decoder.dealt_with(self.deframer.held_at)
        return {kind: max(at_byte, self.done.get(kind, 0)) for kind, at_byte in found.items()}


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
            is_done = frame.at_byte < lane.done.get(frame.kind, 0)
            lane.counters.add(f"{lane.port}.frames.{'repeated' if is_done else 'seen'}")
            if not is_done:
                yield frame
        lane.counters.add(f"{lane.port}.bytes.noise", lane.deframer.noise - noise_before)
        if not chunk.data or chunk.is_last:
            yield chunk
        elif lane.is_holding_long:
            yield replace(chunk, is_last=True)


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
    with closing(open_spool(settings)) as spool, _journals(settings, spool, counters) as journals:
        outbox = Outbox(spool, rule=settings.spool, counters=counters, stop=stop, journals=journals)
        done = spool.checkpoints()
        lanes = {
            port.name: open_lane(port, settings, outbox, done=done.get(port.name))
            for port in settings.ports
        }
        uplink = Uplink(settings, spool=spool, counters=counters, clock=clock)
        ports = reading(
            settings.ports, journals=journals, counters=counters, clock=clock, stop=stop
        )
        with _sending(uplink), ports as inbox:
            for name, chunk in inbox:
                if chunk:
                    take(lanes[name], chunk)
                    outbox.note(name, lanes[name].dealt_with())
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
            outbox.commit_if_due()
        outbox.commit()
    return counters.snapshot()


def open_spool(settings: Settings) -> Spool:
    """Open the spool of these settings."""
    return Spool(settings.spool_path, max_bytes=settings.spool.max_bytes)


def open_lane(
    port: PortSettings, settings: Settings, outbox: Outbox, *, done: Checkpoint | None = None
) -> Lane:
    """Build what the steps need for a port."""
    done = done or {}
    source = Source(
        port=port.name,
        device=port.device or port.name,
        boot=boot_id(),
        earliest_ms=settings.earliest_ms,
        latest_ahead_s=settings.latest_ahead_s,
        sends_rmc=RMC_SEEN in done,
    )
    rule = ScreenRule(earliest_ms=settings.earliest_ms, latest_ahead_s=settings.latest_ahead_s)
    return Lane(
        port.name,
        Deframer(port.format),
        PortDecoder(source),
        rule,
        outbox.counters,
        outbox.add,
        done,
    )


def _fate(outcome: Outcome) -> str:
    match outcome:
        case Refused(reason=reason):
            return f"refused.{reason}"
        case Silent(type=kind):
            return f"silent.{kind}"
        case _:
            return "kept"


@contextmanager
def _journals(
    settings: Settings, spool: Spool, counters: Counters
) -> Iterator[Mapping[str, Journal]]:
    """A journal for each port whose bytes cannot be read again."""
    done = spool.checkpoints()
    journals = {}
    with ExitStack() as stack:
        for port in settings.ports:
            if urlsplit(port.url).scheme == "file":
                continue
            journal = Journal(
                folder_of(settings.journal_path, port.name),
                resume_at=min(done.get(port.name, {}).values(), default=None),
            )
            journals[port.name] = stack.enter_context(closing(journal))
            counters.add(f"{port.name}.bytes.recovered", journal.recovered)
            if journal.recovered:
                _log.info(event("journal.recovered", port=port.name, bytes=journal.recovered))
        yield journals


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
