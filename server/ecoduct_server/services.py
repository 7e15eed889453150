"""What runs beside the pages: ingest, watch, and the listener that hears other processes."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import psycopg

from ecoduct_server.errors import StoreError
from ecoduct_server.ingest import runner as ingest_runner
from ecoduct_server.ingest.subscriber import Subscriber
from ecoduct_server.live import Hub
from ecoduct_server.settings import ServerSettings
from ecoduct_server.store import alerts, due
from ecoduct_server.store.pool import Pool, connect, open_pool
from ecoduct_server.watch import runner as watch_runner
from ecoduct_server.watch.worker import Watch
from ecoduct_wire.clock import Clock

log = logging.getLogger("ecoduct.services")

_JOIN_S = 15.0  # longer than a thread waits for anything


@dataclass(slots=True)
class Services:
    """The running parts of one server, given to every route."""

    settings: ServerSettings
    clock: Clock
    pool: Pool
    hub: Hub
    subscriber: Subscriber
    watch: Watch
    due: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    @classmethod
    def build(cls, settings: ServerSettings, *, clock: Clock) -> Self:
        """Services for addresses that the settings hold; nothing runs yet but the pool."""
        return cls(
            settings=settings,
            clock=clock,
            pool=open_pool(settings.database),
            hub=Hub(),
            subscriber=Subscriber(settings.broker, client_id="ecoduct-server"),
            watch=Watch(clock=clock, late_after_s=settings.late_after_s),
        )

    def start(self) -> None:
        """Start the threads; all are named."""
        self.hub.open()
        self.subscriber.start()
        self._run("ingest", self._ingest)
        self._run("watch", self._watch)
        self._run("listen", self._listen)
        self.due.set()

    def stop(self) -> None:
        """Stop the threads; what is in hand is committed or left to be sent again."""
        self._stop.set()
        self.due.set()
        self.hub.wake()
        for thread in self._threads:
            thread.join(_JOIN_S)
        self.subscriber.stop()
        self.pool.close()

    def _ingest(self) -> None:
        ingest_runner.run(self.pool, self.subscriber, clock=self.clock, stop=self._stop)

    def _watch(self) -> None:
        watch_runner.run(self.pool, self.watch, due=self.due, stop=self._stop)

    def _listen(self) -> None:
        """Wake the watch and the streams when any process, this one included, commits a change."""
        while not self._stop.is_set():
            try:
                with connect(self.settings.database) as connection:
                    connection.autocommit = True
                    connection.execute(f"LISTEN {alerts.CHANNEL}")
                    connection.execute(f"LISTEN {due.CHANNEL}")
                    # What was told while nobody listened is found by looking.
                    self._hear(alerts.CHANNEL, "")
                    while not self._stop.is_set():
                        for told in connection.notifies(timeout=1.0, stop_after=1):
                            self._hear(told.channel, told.payload)
            except (psycopg.Error, StoreError):
                self._stop.wait(1.0)

    def _hear(self, channel: str, payload: str) -> None:
        numbers = {int(part) for part in payload.split(",") if part.isdecimal()}
        self.hub.wake(numbers if channel == due.CHANNEL else None)
        self.due.set()

    def _run(self, name: str, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, name=f"ecoduct-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()
