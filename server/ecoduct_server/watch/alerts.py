"""Alerts: raised, amended and withdrawn by changes of findings, and by nothing else."""

from ecoduct_server.store import alerts
from ecoduct_server.store.findings import Changes
from ecoduct_server.store.pool import Connection

# A crossing is what people asked to hear about; a stay is read on the map.
SEVERITIES = {"crossing": "high"}


def raise_for(
    connection: Connection, changes: Changes, *, now_ms: int, late_after_s: float
) -> None:
    """Let alerts follow the findings.

    An alert is late when it tells of a moment more than ``late_after_s`` ago: the ranger must
    know that the animal may be far by now.
    """
    for stored in changes.new:
        severity = SEVERITIES.get(stored.finding.kind)
        if severity is not None:
            age_s = max(0.0, (now_ms - stored.finding.happened_ms) / 1000.0)
            alerts.insert(
                connection, finding=stored.id, severity=severity, age_s=age_s,
                late=age_s > late_after_s, now_ms=now_ms,
            )  # fmt: skip
    alerts.amend(connection, [stored.id for stored in changes.changed], now_ms=now_ms)
    alerts.withdraw(connection, [stored.id for stored in changes.withdrawn], now_ms=now_ms)
