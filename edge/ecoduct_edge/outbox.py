"""Messages on their way to the disk; many share one write."""

import json
import logging
import math
import threading
import time
from collections.abc import Mapping
from typing import Final

from ecoduct_edge.counters import Counters
from ecoduct_edge.decoders import Heard
from ecoduct_edge.errors import SpoolError
from ecoduct_edge.journal import Journal
from ecoduct_edge.logs import event
from ecoduct_edge.settings import SpoolSettings
from ecoduct_edge.spool import Checkpoint, Spool

NOTE_COUNTERS_EVERY_S: Final = 60.0
CHECKPOINT_AFTER_S: Final = 1.0  # without messages: noise must not make a journal grow
RETRY_S: Final = 1.0

_log = logging.getLogger(__name__)


class Outbox:
    """Collects messages and checkpoints, and writes both together.

    Nothing is written while a chunk is on its way through the steps, so a checkpoint always fits
    the messages that it is written with.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        rule: SpoolSettings,
        counters: Counters,
        stop: threading.Event,
        journals: Mapping[str, Journal] | None = None,
    ) -> None:
        self.counters = counters
        self._spool = spool
        self._rule = rule
        self._stop = stop
        self._journals = journals or {}
        self._waiting: list[Heard] = []
        self._noted: dict[str, Checkpoint] = {}
        self._unsaved: dict[str, Checkpoint] = {}
        self._due_at = math.inf
        self._note_due_at = time.monotonic() + NOTE_COUNTERS_EVERY_S

    def add(self, heard: Heard) -> None:
        """Take a message."""
        if not self._waiting:
            self._due_at = min(self._due_at, time.monotonic() + self._rule.commit_ms / 1000)
        self._waiting.append(heard)

    def note(self, port: str, checkpoint: Checkpoint) -> None:
        """Take the word that the bytes of a port are dealt with up to here; for a journal only."""
        if port in self._journals and checkpoint != self._noted.get(port):
            self._noted[port] = self._unsaved[port] = checkpoint
            self._due_at = min(self._due_at, time.monotonic() + CHECKPOINT_AFTER_S)

    def commit_if_due(self) -> None:
        """Write when enough waits or has waited long enough; note the counters now and then."""
        now = time.monotonic()
        if len(self._waiting) >= self._rule.commit_messages or now >= self._due_at:
            self.commit()
        if now >= self._note_due_at:
            self._note_due_at = now + NOTE_COUNTERS_EVERY_S
            self._spool.note_counters(json.dumps(self.counters.snapshot()))

    def commit(self) -> None:
        """Write everything that waits. While the disk refuses, wait, and let the ports wait."""
        while self._waiting or self._unsaved:
            try:
                entries = [(heard.body, heard.reception) for heard in self._waiting]
                _, evicted = self._spool.append(entries, checkpoints=self._unsaved)
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
            for port, checkpoint in self._unsaved.items():
                self._journals[port].settled = min(checkpoint.values())
            self._waiting.clear()
            self._unsaved.clear()
        self._due_at = math.inf
