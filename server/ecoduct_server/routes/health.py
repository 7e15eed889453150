"""How the server and its gateways are."""

from typing import Any

import psycopg
from fastapi import APIRouter
from psycopg_pool import PoolTimeout

from ecoduct_server.routes.asked import Running, iso
from ecoduct_server.services import Services
from ecoduct_server.store import due, receipts
from ecoduct_wire import __version__
from ecoduct_wire.clock import ScaledClock, to_iso

router = APIRouter(tags=["health"])


@router.get("/health")
def health(running: Running) -> dict[str, Any]:
    """State of every part; always 200, so that a monitor reads what is wrong."""
    broker = running.subscriber.connected.is_set()
    try:
        store = _store(running)
    except (psycopg.Error, PoolTimeout) as error:
        store = {
            "database": f"away: {str(error).partition(chr(10))[0]}",
            "gateways": [],
            "ledger": None,
        }
    watch = running.watch
    well = broker and store["database"] == "ok" and not watch.failures
    return {
        "status": "ok" if well else "degraded",
        "now": to_iso(running.clock.now_ms()),
        "clock_rate": running.clock.rate if isinstance(running.clock, ScaledClock) else 1.0,
        "version": __version__,
        "broker": "ok" if broker else "away",
        **store,
        "ingest": {
            "shed": running.subscriber.shed,
            "refused_states": running.subscriber.refused_states,
        },
        "watch": {
            "due": store.pop("due", None),
            "detectors": {
                kind: {"runs": watch.runs[kind], "failures": watch.failures[kind]}
                for kind in sorted(watch.runs)
            },
        },
    }


def _store(running: Services) -> dict[str, Any]:
    with running.pool.connection(timeout=3.0) as connection:
        gateways = receipts.gateways(connection)
        return {
            "database": "ok",
            "gateways": [{**row, "said_at": iso(row["said_at"])} for row in gateways],
            "ledger": receipts.ledger(connection),
            "due": due.waiting(connection),
        }
