"""How much of each gateway's spool has been committed, and what is missing."""

from typing import Any

from psycopg.types.json import Jsonb

from ecoduct_server.store.pool import Connection
from ecoduct_wire.clock import to_datetime
from ecoduct_wire.messages import GatewayState, as_json

_ADVANCE = """
    INSERT INTO spool_epoch AS kept
        (gateway, epoch, received, messages, duplicates, first_at, last_at)
    VALUES (%(gateway)s, %(epoch)s, int8multirange(int8range(%(first)s, %(last)s, '[]')),
        %(count)s, 0, %(at)s, %(at)s)
    ON CONFLICT (gateway, epoch) DO UPDATE SET
        received = kept.received + EXCLUDED.received,
        messages = kept.messages + EXCLUDED.messages,
        -- Numbers that had been received before, whole batches or parts of them.
        duplicates = kept.duplicates + (
            SELECT coalesce(sum(upper(part) - lower(part)), 0)
            FROM unnest(kept.received * EXCLUDED.received) AS part),
        last_at = EXCLUDED.last_at
    RETURNING (
        SELECT coalesce(max(upper(part) - 1), 0) FROM unnest(received) AS part WHERE lower(part) = 1
    ) AS through
"""


def advance(
    connection: Connection, *, gateway: str, epoch: str, first: int, last: int, at_ms: int
) -> int:
    """Mark the messages ``first`` to ``last`` as received.

    Returns
    -------
    int
        The receipt: the highest number with no gap below it, 0 for none.
    """
    given = {
        "gateway": gateway,
        "epoch": epoch,
        "first": first,
        "last": last,
        "count": last - first + 1,
        "at": to_datetime(at_ms),
    }
    row = connection.execute(_ADVANCE, given).fetchone()
    return int(row["through"]) if row else 0


def insert_reject(
    connection: Connection,
    *,
    numbers: tuple[str, str, int, int] | None,
    gateway: str | None,
    reason: str,
    detail: str,
    payload: bytes,
    at_ms: int,
) -> None:
    """Keep a payload that could not be read, with what is known of its numbers."""
    named, epoch, first, last = numbers or (gateway, None, None, None)
    connection.execute(
        "INSERT INTO reject (gateway, epoch, first, last, reason, detail, payload, received_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (named, epoch, first, last, reason, detail, payload, to_datetime(at_ms)),
    )


def keep_state(connection: Connection, state: GatewayState) -> None:
    """Remember a gateway's last word; a last will keeps the counters said before it."""
    connection.execute(
        "INSERT INTO gateway_state AS kept VALUES (%s, %s, %s, %s) ON CONFLICT (gateway) DO UPDATE "
        "SET online = EXCLUDED.online, said_at = greatest(kept.said_at, EXCLUDED.said_at), "
        "state = CASE WHEN EXCLUDED.online THEN EXCLUDED.state ELSE kept.state END",
        (state.gateway, state.online, to_datetime(state.said_at_ms), Jsonb(as_json(state))),
    )


def gateways(connection: Connection) -> list[dict[str, Any]]:
    """Last word of every gateway that ever spoke or sent."""
    return connection.execute(
        "SELECT gateway, coalesce(online, false) AS online, said_at, state->>'epoch' AS epoch, "
        "coalesce((state->>'kept')::bigint, 0) AS kept, "
        "coalesce((state->>'receipted')::bigint, 0) AS receipted, "
        "coalesce(state->'counters', '{}') AS counters "
        "FROM gateway_state FULL JOIN (SELECT DISTINCT gateway FROM spool_epoch) AS sent "
        "USING (gateway) ORDER BY gateway"
    ).fetchall()


def ledger(connection: Connection) -> dict[str, Any]:
    """What was received, stored, doubled, refused and is missing, counted from the tables."""
    totals = connection.execute(
        "SELECT (SELECT coalesce(sum(messages), 0) FROM spool_epoch)::bigint AS received, "
        "(SELECT coalesce(sum(duplicates), 0) FROM spool_epoch)::bigint AS resent, "
        "(SELECT count(*) FROM fix) AS stored, (SELECT count(*) FROM reception) AS receptions, "
        "(SELECT count(*) FROM status) AS statuses, (SELECT count(*) FROM conflict) AS conflicts, "
        "(SELECT count(*) FROM gone) AS gone"
    ).fetchone()
    refused = connection.execute(
        "SELECT reason, count(*) AS count FROM reject GROUP BY reason ORDER BY reason"
    ).fetchall()
    gaps = connection.execute(
        'SELECT gateway, epoch, lower(part) AS "from", upper(part) - 1 AS "to" FROM spool_epoch, '
        "unnest(int8multirange(int8range(1, upper(received))) - received) AS part ORDER BY 1, 2, 3"
    ).fetchall()
    return {
        **(totals or {}),
        "refused": {row["reason"]: row["count"] for row in refused},
        "gaps": gaps,
    }
