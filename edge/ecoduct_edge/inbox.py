"""A thread for each port, and the queue through which their chunks come."""

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from ecoduct_edge.counters import Counters
from ecoduct_edge.framing import Chunk
from ecoduct_edge.journal import Journal
from ecoduct_edge.logs import event
from ecoduct_edge.ports import read_chunks
from ecoduct_edge.settings import PortSettings
from ecoduct_wire.clock import Clock

INBOX_CHUNKS: Final = 64  # bounds memory and journals; behind it the kernel's buffers wait
RETRY_S: Final = 1.0
IDLE_S: Final = 0.2

_log = logging.getLogger(__name__)


@contextmanager
def reading(
    ports: Iterable[PortSettings],
    *,
    journals: Mapping[str, Journal],
    counters: Counters,
    clock: Clock,
    stop: threading.Event,
) -> Iterator[Iterator[tuple[str, Chunk | None]]]:
    """Threads that read; gives their chunks until ``stop`` is set and all have been taken."""
    inbox: queue.Queue[tuple[str, Chunk]] = queue.Queue(INBOX_CHUNKS)
    abandoned = threading.Event()

    def pump(port: PortSettings) -> None:
        intake = journals.get(port.name)
        for chunk in read_chunks(port, counters=counters, clock=clock, stop=stop, intake=intake):
            _put(inbox, (port.name, chunk), abandoned)

    threads = [
        threading.Thread(target=_supervise, args=(pump, port, stop), name=f"port-{port.name}")
        for port in ports
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


def _supervise(
    pump: Callable[[PortSettings], None], port: PortSettings, stop: threading.Event
) -> None:
    while not stop.is_set():
        try:
            pump(port)
        # A supervisor: a mistake in reading one port must not end the others.
        except Exception:  # noqa: BLE001 - see above
            _log.exception(event("port.failed", port=port.name))
            stop.wait(RETRY_S)
        else:
            return


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
