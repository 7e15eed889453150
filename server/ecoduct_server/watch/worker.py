"""Examines due deployments together, and lets findings and alerts follow."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ecoduct_server.store import due, findings, landscape, tracks
from ecoduct_server.store.landscape import Landscape
from ecoduct_server.store.pool import Connection
from ecoduct_server.store.tracks import Window
from ecoduct_server.watch import alerts
from ecoduct_server.watch.detectors import DETECTORS, examine
from ecoduct_wire.clock import Clock

log = logging.getLogger("ecoduct.watch")

_TOGETHER = 200  # deployments in one call: enough to vectorise, few enough to fit in memory
_LOCK = 7_302_002  # any number, the same in every process: findings have one writer at a time
_REACH_MS = max(detector.reach_ms for detector in DETECTORS)


@dataclass(slots=True)
class Watch:
    """What one watching process keeps between cycles: the landscape and its counters."""

    clock: Clock
    late_after_s: float
    runs: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    _landscape: Landscape | None = None

    def cycle(self, connection: Connection) -> int:
        """Examine what is due, in one transaction.

        Returns
        -------
        int
            How many deployments were examined; 0 when none was due.
        """
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            waiting = due.take(connection, deployments=_TOGETHER)
            if waiting:
                self._examine(connection, waiting)
        return len(waiting)

    def _examine(self, connection: Connection, waiting: Sequence[due.Due]) -> None:
        now_ms = self.clock.now_ms()
        changed = [Window(d.deployment, d.since_ms, d.until_ms) for d in waiting]
        scenery = self._scenery(connection, changed)
        if scenery is None:
            return
        zones = zones_of(connection, changed)
        loaded = tracks.load(
            connection,
            tracks.widen_to_neighbours(connection, [_widen(zone, _REACH_MS) for zone in zones]),
            projection=scenery.projection,
        )
        seen = examine(loaded, scenery, runs=self.runs, failures=self.failures)
        changes = findings.reconcile(
            connection, zones, seen.findings, kinds=seen.kinds, now_ms=now_ms
        )
        alerts.raise_for(connection, changes, now_ms=now_ms, late_after_s=self.late_after_s)

    def _scenery(self, connection: Connection, windows: Sequence[Window]) -> Landscape | None:
        """Return the landscape as it is now; without one, first fixes choose the projection."""
        if self._landscape is None or self._landscape.version != landscape.version(connection):
            self._landscape = landscape.load(connection)
        if self._landscape is None:
            places = tracks.first_positions(connection, windows)
            landscape.settle_crs(connection, [lon for lon, _ in places], [lat for _, lat in places])
            self._landscape = landscape.load(connection)
        return self._landscape


def zones_of(connection: Connection, changed: Sequence[Window]) -> list[Window]:
    """Spans in which findings may differ from the stored ones, in order of deployment.

    A new fix can change what is said of the fixes within reach, and of those within reach of
    them; a stored finding that this touches may change as a whole, wherever it began.
    """
    near = {
        window.deployment: _widen(window, 2 * _REACH_MS)
        for window in tracks.widen_to_neighbours(connection, changed)
    }
    for old in findings.touching(
        connection, list(near.values()), kinds=[detector.kind for detector in DETECTORS]
    ):
        zone, finding = near[old.finding.deployment], old.finding
        near[zone.deployment] = Window(
            zone.deployment,
            min(zone.since_ms, finding.starts_ms),
            max(zone.until_ms, finding.ends_ms),
        )
    return [near[number] for number in sorted(near)]


def _widen(window: Window, by_ms: int) -> Window:
    # Times before 1970 or after 9999 hold no fix and cannot be told to the database.
    since = max(0, window.since_ms - by_ms)
    return Window(window.deployment, since, min(253_402_300_799_999, window.until_ms + by_ms))
