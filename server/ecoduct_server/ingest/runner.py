"""The thread that ingests: broker to database to receipt, for as long as the server runs."""

import logging
import threading
from collections.abc import Sequence

import psycopg
from psycopg_pool import PoolTimeout

from ecoduct_server.ingest import pipeline, receipts
from ecoduct_server.ingest.pipeline import Delivery, Work
from ecoduct_server.ingest.subscriber import Subscriber
from ecoduct_server.store.pool import Pool
from ecoduct_server.store.receipts import keep_state
from ecoduct_wire.clock import Clock
from ecoduct_wire.messages import GatewayState

log = logging.getLogger("ecoduct.ingest")

STORE_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout)


def run(
    pool: Pool,
    subscriber: Subscriber,
    *,
    clock: Clock,
    stop: threading.Event,
) -> None:
    """Ingest until ``stop`` is set.

    While the database is away nothing is receipted, so the gateways send everything again.
    """
    for group in subscriber.batches(stop):
        deliveries = [one for one in group if isinstance(one, Delivery)]
        states = [one for one in group if isinstance(one, GatewayState)]
        try:
            works = _commit(pool, deliveries, states, clock=clock)
        except STORE_AWAY as error:
            log.warning("store.away error=%s", str(error).partition("\n")[0])
            stop.wait(1.0)
            continue
        for work in works:
            receipts.publish(subscriber, work.receipts)
            _tell(work)


def _commit(
    pool: Pool, deliveries: Sequence[Delivery], states: Sequence[GatewayState], *, clock: Clock
) -> list[Work]:
    with pool.connection() as connection:
        for state in states:
            keep_state(connection, state)
        connection.commit()
        if not deliveries:
            return []
        try:
            return [pipeline.ingest(connection, deliveries, clock=clock)]
        except psycopg.DataError as error:
            log.warning("batch.refused reason=not_storable error=%s", error)
            return pipeline.ingest_one_by_one(connection, deliveries, clock=clock)


def _tell(work: Work) -> None:
    for delivery, error in work.refused:
        log.warning("batch.refused topic=%s reason=%s", delivery.topic, error.reason)
    if work.kept.stored:
        log.debug("fix.kept count=%d devices=%d", work.kept.stored, len(work.kept.spans))
