"""The way of one fix, from its reception to its alerts, as the tables tell it."""

from dataclasses import dataclass
from typing import Any

from ecoduct_server.errors import BadRequest, NotFound
from ecoduct_server.store.pool import Connection
from ecoduct_wire.clock import from_iso, to_datetime


@dataclass(frozen=True, slots=True)
class Trace:
    """Rows of the tables that one fix left behind."""

    fix: dict[str, Any]
    receptions: list[dict[str, Any]]
    spools: list[dict[str, Any]]
    conflicts: list[dict[str, Any]]
    deployment: dict[str, Any] | None
    findings: list[dict[str, Any]]
    alerts: list[dict[str, Any]]


def find(connection: Connection, identity: str) -> Trace:
    """Trace of ``alert:N``, ``finding:N``, ``DEVICE@TIME`` or ``GATEWAY/EPOCH/NUMBER``.

    An alert and a finding are traced through the fix that completed them, the last that they
    rest on.

    Raises
    ------
    BadRequest
        The identity has none of these forms.
    NotFound
        Nothing in the store answers to it.
    """
    fix = _find_fix(connection, identity)
    if fix is None:
        raise NotFound(
            f"Nothing here is called {identity!r}.",
            where="store",
            remedy="Take an id from `/api/alerts` or `/api/findings`, or DEVICE@TIME of a fix.",
        )
    return _follow(connection, fix)


def _find_fix(connection: Connection, identity: str) -> dict[str, Any] | None:
    word, colon, number = identity.partition(":")
    if colon and word in ("alert", "finding") and number.isdecimal():
        return _fix_of_finding(connection, word, int(number))
    if identity.count("/") == 2:  # noqa: PLR2004 - gateway/epoch/number
        gateway, epoch, message = identity.split("/")
        if message.isdecimal():
            return connection.execute(
                "SELECT f.* FROM reception r JOIN fix f USING (device, fixed_at, kind) "
                "WHERE (gateway, epoch, number) = (%s, %s, %s)",
                (gateway, epoch, int(message)),
            ).fetchone()
    device, at, time = identity.rpartition("@")
    try:
        fixed_at = to_datetime(from_iso(time)) if at else None
    except (ValueError, OverflowError):
        fixed_at = None
    if fixed_at is None:
        raise BadRequest(
            f"{identity!r} names neither an alert, a finding, a fix nor a message.",
            where="ID",
            remedy="Write alert:12, finding:7, DEVICE@2026-03-14T02:11:09Z, or hut-1/6f0c2a9e/41.",
        )
    return connection.execute(
        "SELECT * FROM fix WHERE device = %s AND fixed_at = %s ORDER BY kind LIMIT 1",
        (device, fixed_at),
    ).fetchone()


def _fix_of_finding(connection: Connection, word: str, number: int) -> dict[str, Any] | None:
    column = "l.id" if word == "alert" else "g.id"
    return connection.execute(
        "SELECT f.* FROM finding g LEFT JOIN alert l ON l.finding = g.id "  # noqa: S608
        "JOIN deployment d ON d.id = g.deployment "
        "JOIN fix f ON f.device = d.device AND f.fixed_at = g.ends_at "
        f"WHERE {column} = %s ORDER BY f.kind LIMIT 1",
        (number,),
    ).fetchone()


def _follow(connection: Connection, fix: dict[str, Any]) -> Trace:
    key = (fix["device"], fix["fixed_at"], fix["kind"])
    receptions = connection.execute(
        "SELECT * FROM reception WHERE (device, fixed_at, kind) = (%s, %s, %s) "
        "ORDER BY received_at, gateway, number",
        key,
    ).fetchall()
    spools = connection.execute(
        "SELECT gateway, epoch, last_at, (SELECT coalesce(max(upper(part) - 1), 0) "
        "FROM unnest(received) AS part WHERE lower(part) = 1) AS through FROM spool_epoch "
        "WHERE (gateway, epoch) IN (SELECT gateway, epoch FROM reception "
        "WHERE (device, fixed_at, kind) = (%s, %s, %s)) ORDER BY 1, 2",
        key,
    ).fetchall()
    conflicts = connection.execute(
        "SELECT * FROM conflict WHERE (device, fixed_at, kind) = (%s, %s, %s)", key
    ).fetchall()
    deployment = connection.execute(
        "SELECT id, animal, lower(during) AS since, upper(during) AS until FROM deployment "
        "WHERE device = %s AND %s <@ during",
        (fix["device"], fix["fixed_at"]),
    ).fetchone()
    findings = connection.execute(
        "SELECT * FROM finding WHERE deployment = %s AND %s BETWEEN starts_at AND ends_at "
        "ORDER BY id",
        (deployment["id"] if deployment else None, fix["fixed_at"]),
    ).fetchall()
    alerts = connection.execute(
        "SELECT * FROM alert WHERE finding = ANY(%s) ORDER BY id",
        ([row["id"] for row in findings],),
    ).fetchall()
    return Trace(fix, receptions, spools, conflicts, deployment, findings, alerts)
