"""Alerts and the numbered events from which the live stream is told."""

from collections.abc import Sequence
from typing import Any

from ecoduct_server.access import sensitivity
from ecoduct_server.access.sensitivity import Viewer
from ecoduct_server.errors import NotFound
from ecoduct_server.store.pool import Connection
from ecoduct_wire.clock import to_datetime

CHANNEL = "ecoduct_alert"
_LOCK = 7_302_003  # any number, the same in every process: event ids must commit in order

_SEEN = f"""
    SELECT l.id, f.kind, l.severity, d.animal, f.place, p.name AS place_name, f.happened_at,
        l.raised_at, l.late, l.age_s, {sensitivity.lon_deg("f")} AS lon,
        {sensitivity.lat_deg("f")} AS lat, f.facts->>'direction' AS direction,
        l.acknowledged_by, l.acknowledged_at, l.note, l.withdrawn_at, l.revision,
        l.finding, CASE WHEN l.withdrawn_at IS NOT NULL THEN 'withdrawn'
            WHEN l.acknowledged_at IS NOT NULL THEN 'acknowledged' ELSE 'open' END AS status,
        d.animal || CASE f.facts->>'direction' WHEN 'there_and_back' THEN ' reached across '
            ELSE ' crossed ' END || coalesce(p.name, f.place) AS text
    FROM alert l JOIN finding f ON f.id = l.finding JOIN deployment d ON d.id = f.deployment
    JOIN animal a USING (animal) LEFT JOIN feature p ON p.id = f.place
    WHERE {sensitivity.released("f.happened_at")}
"""  # noqa: S608 - made of the literals in access.sensitivity


def insert(
    connection: Connection,
    *,
    finding: int,
    severity: str,
    age_s: float,
    late: bool,
    now_ms: int,
) -> None:
    """Raise an alert for a finding."""
    row = connection.execute(
        "INSERT INTO alert (finding, severity, raised_at, age_s, late) VALUES (%s, %s, %s, %s, %s) "
        "RETURNING id",
        (finding, severity, to_datetime(now_ms), age_s, late),
    ).fetchone()
    _tell(connection, [row["id"]] if row else [], "raised", now_ms)


def amend(connection: Connection, findings: Sequence[int], *, now_ms: int) -> None:
    """Tell that the findings of alerts changed."""
    rows = connection.execute(
        "UPDATE alert SET revision = revision + 1 WHERE finding = ANY(%s) RETURNING id",
        (list(findings),),
    ).fetchall()
    _tell(connection, sorted(row["id"] for row in rows), "amended", now_ms)


def withdraw(connection: Connection, findings: Sequence[int], *, now_ms: int) -> None:
    """Take back the alerts of findings that are no longer true."""
    rows = connection.execute(
        "UPDATE alert SET revision = revision + 1, withdrawn_at = %s WHERE finding = ANY(%s) "
        "AND withdrawn_at IS NULL RETURNING id",
        (to_datetime(now_ms), list(findings)),
    ).fetchall()
    _tell(connection, sorted(row["id"] for row in rows), "withdrawn", now_ms)


def acknowledge(
    connection: Connection, number: int, *, viewer: Viewer, by: str, note: str | None
) -> dict[str, Any]:
    """Mark an alert as seen by somebody; who did so first stays. Gives the alert.

    Raises
    ------
    NotFound
        No such alert, or not for this viewer.
    """
    one(connection, number, viewer=viewer)
    row = connection.execute(
        "UPDATE alert SET revision = revision + 1, acknowledged_by = %s, acknowledged_at = %s, "
        "note = %s WHERE id = %s AND acknowledged_at IS NULL RETURNING id",
        (by, to_datetime(viewer.now_ms), note, number),
    ).fetchone()
    _tell(connection, [number] if row else [], "acknowledged", viewer.now_ms)
    return one(connection, number, viewer=viewer)


def reopen(connection: Connection, number: int, *, viewer: Viewer) -> dict[str, Any]:
    """Undo `acknowledge`. Gives the alert; raises `NotFound`."""
    one(connection, number, viewer=viewer)
    row = connection.execute(
        "UPDATE alert SET revision = revision + 1, acknowledged_by = NULL, acknowledged_at = NULL, "
        "note = NULL WHERE id = %s AND acknowledged_at IS NOT NULL RETURNING id",
        (number,),
    ).fetchone()
    _tell(connection, [number] if row else [], "reopened", viewer.now_ms)
    return one(connection, number, viewer=viewer)


def one(connection: Connection, number: int, *, viewer: Viewer) -> dict[str, Any]:
    """One alert as the viewer may see it; raises `NotFound`."""
    row = connection.execute(
        f"{_SEEN} AND l.id = %(id)s", {"id": number, **viewer.parameters}
    ).fetchone()
    if row is None:
        raise NotFound(
            f"There is no alert {number}.", where="alerts", remedy="See GET /api/alerts?status=all."
        )
    return row


def listed(
    connection: Connection, *, viewer: Viewer, status: str, limit: int, before: int | None = None
) -> list[dict[str, Any]]:
    """Alerts newest first, of one status or ``all``."""
    return connection.execute(
        f"SELECT * FROM ({_SEEN}) AS seen WHERE (%(status)s = 'all' OR status = %(status)s) "  # noqa: S608
        "AND (%(before)s::int8 IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"status": status, "before": before, "limit": limit, **viewer.parameters},
    ).fetchall()


def count_open(connection: Connection, *, viewer: Viewer) -> int:
    """How many alerts wait for somebody."""
    row = connection.execute(
        f"SELECT count(*) AS n FROM ({_SEEN}) AS seen WHERE status = 'open'",  # noqa: S608
        viewer.parameters,
    ).fetchone()
    return int(row["n"]) if row else 0


def last_event(connection: Connection) -> int:
    """Number of the newest event, 0 for none."""
    row = connection.execute("SELECT coalesce(max(id), 0) AS id FROM alert_event").fetchone()
    return int(row["id"]) if row else 0


def events_since(
    connection: Connection, event: int, *, viewer: Viewer, limit: int = 500
) -> list[dict[str, Any]]:
    """Events after a number, oldest first, each with its alert as it is now."""
    return connection.execute(
        f"SELECT e.id AS event_id, e.change, seen.* FROM alert_event e JOIN ({_SEEN}) AS seen "  # noqa: S608
        "ON seen.id = e.alert WHERE e.id > %(event)s ORDER BY e.id LIMIT %(limit)s",
        {"event": event, "limit": limit, **viewer.parameters},
    ).fetchall()


def _tell(connection: Connection, alerts: Sequence[int], change: str, now_ms: int) -> None:
    if not alerts:
        return
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    connection.execute(
        "INSERT INTO alert_event (id, alert, change, at) "
        "SELECT (SELECT coalesce(max(id), 0) FROM alert_event) + place, alert, %s, %s "
        "FROM unnest(%s::int8[]) WITH ORDINALITY AS told (alert, place)",
        (change, to_datetime(now_ms), list(alerts)),
    )
    connection.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
