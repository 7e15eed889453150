"""The thread that watches: examines whatever is due, for as long as the server runs."""

import logging
import threading

from ecoduct_server.ingest.runner import STORE_AWAY
from ecoduct_server.store.pool import Pool
from ecoduct_server.watch.worker import Watch

log = logging.getLogger("ecoduct.watch")

_PAUSE_S = 0.1  # fixes that arrive within it are examined together
_LOOK_S = 5.0  # how long an import from another process may go unnoticed


def run(pool: Pool, watch: Watch, *, due: threading.Event, stop: threading.Event) -> None:
    """Examine until ``stop`` is set; ``due`` is set by whoever stores fixes."""
    while not stop.is_set():
        due.wait(_LOOK_S)
        due.clear()
        try:
            with pool.connection() as connection:
                while not stop.is_set() and watch.cycle(connection):
                    stop.wait(_PAUSE_S)
        except STORE_AWAY as error:
            log.warning("store.away error=%s", str(error).partition("\n")[0])
            stop.wait(1.0)
            due.set()
        # A supervisor: what is due stays due, and the next cycle tries again.
        except Exception:
            watch.failures["cycle"] += 1
            log.exception("watch.failed")
            stop.wait(5.0)
            due.set()
