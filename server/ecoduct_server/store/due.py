"""Which deployments must be examined again, and over which time.

Ingest appends, the watch deletes what it has seen: neither waits for the other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ecoduct_server.store.pool import Connection
from ecoduct_wire.clock import to_datetime, to_ms

CHANNEL = "ecoduct_due"
_TOLD_AT_ONCE = 300  # a notification holds 8,000 bytes, a number at most 20


@dataclass(frozen=True, slots=True)
class Due:
    """One deployment and the span in which its fixes changed, ms since 1970 UTC."""

    deployment: int
    since_ms: int
    until_ms: int


def mark(connection: Connection, spans: Mapping[str, tuple[int, int]]) -> None:
    """Mark deployments of devices with new fixes in a span (ms, ends included)."""
    rows = connection.execute(
        "INSERT INTO due (deployment, since, until) "
        "SELECT d.id, greatest(g.since, lower(d.during)), least(g.until, upper(d.during)) "
        "FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[]) AS g (device, since, until) "
        "JOIN deployment d ON d.device = g.device "
        "AND d.during && tstzrange(g.since, g.until, '[]') "
        "ORDER BY d.id RETURNING deployment",
        (
            list(spans),
            [to_datetime(low) for low, _ in spans.values()],
            [to_datetime(high) for _, high in spans.values()],
        ),
    ).fetchall()
    _tell(connection, [row["deployment"] for row in rows])


def mark_whole(connection: Connection, deployments: Iterable[int] | None = None) -> None:
    """Mark deployments, or all of them, over all their fixes: the landscape or they changed."""
    chosen = None if deployments is None else list(deployments)
    rows = connection.execute(
        "INSERT INTO due (deployment, since, until) "
        "SELECT d.id, min(f.fixed_at), max(f.fixed_at) "
        "FROM deployment d JOIN fix f ON f.device = d.device AND f.fixed_at <@ d.during "
        "WHERE %(chosen)s::int8[] IS NULL OR d.id = ANY(%(chosen)s) GROUP BY d.id ORDER BY d.id "
        "RETURNING deployment",
        {"chosen": chosen},
    ).fetchall()
    _tell(connection, [row["deployment"] for row in rows])


def take(connection: Connection, *, deployments: int) -> list[Due]:
    """Take the longest waiting deployments, at most so many, each with its whole span.

    The rows are gone when the caller's transaction commits, and back if it does not.
    """
    rows = connection.execute(
        "WITH chosen AS ("
        "SELECT deployment FROM due GROUP BY deployment ORDER BY min(seq) LIMIT %s), "
        "taken AS (DELETE FROM due USING chosen WHERE due.deployment = chosen.deployment "
        "RETURNING due.deployment, since, until) "
        "SELECT deployment, min(since) AS since, max(until) AS until FROM taken "
        "GROUP BY deployment ORDER BY deployment",
        (deployments,),
    ).fetchall()
    return [Due(row["deployment"], to_ms(row["since"]), to_ms(row["until"])) for row in rows]


def waiting(connection: Connection) -> int:
    """How many deployments wait to be examined."""
    row = connection.execute("SELECT count(DISTINCT deployment) AS n FROM due").fetchone()
    return int(row["n"]) if row else 0


def _tell(connection: Connection, deployments: list[int]) -> None:
    """Notify whoever listens, in any process, once this transaction commits."""
    for first in range(0, len(deployments), _TOLD_AT_ONCE):
        told = ",".join(map(str, deployments[first : first + _TOLD_AT_ONCE]))
        connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, told))
