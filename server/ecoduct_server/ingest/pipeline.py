"""The stages of a batch, in one transaction: read this list and you know what ingest does."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import errors as pg

from ecoduct_server.store import due, fixes, receipts
from ecoduct_server.store.pool import Connection
from ecoduct_wire import envelope, topics
from ecoduct_wire.clock import Clock
from ecoduct_wire.errors import WireError
from ecoduct_wire.messages import Batch, Fix, Receipt

log = logging.getLogger("ecoduct.ingest")

_TRIES = 5  # a deadlock picks one victim; five in a row would mean that something else is wrong


@dataclass(frozen=True, slots=True)
class Delivery:
    """One publication as it came from the broker.

    ``numbers`` is what the user properties say (gateway, epoch, first, last); None if they do not.
    """

    topic: str
    payload: bytes
    numbers: tuple[str, str, int, int] | None = None


@dataclass(slots=True)
class Work:
    """What the stages hand to each other."""

    deliveries: Sequence[Delivery]
    now_ms: int
    batches: list[Batch] = field(default_factory=list)
    refused: list[tuple[Delivery, WireError]] = field(default_factory=list)
    given: list[Fix] = field(default_factory=list)
    kept: fixes.Kept = field(default_factory=lambda: fixes.Kept(stored=0, spans={}))
    receipts: dict[str, Receipt] = field(default_factory=dict)


def unwrap(_connection: Connection, work: Work) -> None:
    """Read every payload; what cannot be read is refused with its reason, never dropped."""
    for delivery in work.deliveries:
        try:
            batch = envelope.decode(delivery.payload)
            _check_sender(delivery, batch)
        except WireError as error:
            work.refused.append((delivery, error))
        else:
            work.batches.append(batch)


def attribute(_connection: Connection, work: Work) -> None:
    """Gather the fixes under their devices; the animal is found through the deployment, later."""
    found = (message.body for batch in work.batches for message in batch.messages)
    work.given = [body for body in found if isinstance(body, Fix)]


def keep(connection: Connection, work: Work) -> None:
    """Store fixes, receptions, conflicts, statuses, tombstones, and what was refused."""
    work.kept = fixes.insert_fixes(connection, work.given, stored_at_ms=work.now_ms)
    fixes.insert_heard(connection, work.batches)
    for delivery, error in work.refused:
        receipts.insert_reject(
            connection,
            numbers=delivery.numbers,
            gateway=delivery.topic.rpartition("/")[2] or None,
            reason=error.reason,
            detail=error.what,
            payload=delivery.payload,
            at_ms=work.now_ms,
        )


def mark(connection: Connection, work: Work) -> None:
    """Mark the deployments whose tracks changed as due; a fix known before changes nothing."""
    if work.kept.spans:
        due.mark(connection, work.kept.spans)


def advance(connection: Connection, work: Work) -> None:
    """Move the receipt of each spool; a refused batch is receipted too, it is in `reject`."""
    spans = [(b.gateway, b.epoch, b.first, b.last) for b in work.batches]
    spans += [d.numbers for d, _ in work.refused if d.numbers is not None]
    for gateway, epoch, first, last in sorted(spans):
        through = receipts.advance(
            connection, gateway=gateway, epoch=epoch, first=first, last=last, at_ms=work.now_ms
        )
        work.receipts[gateway] = Receipt(epoch=epoch, through=through)


STAGES = (unwrap, attribute, keep, mark, advance)


def ingest(connection: Connection, deliveries: Sequence[Delivery], *, clock: Clock) -> Work:
    """Run `STAGES` over deliveries in one transaction.

    Returns
    -------
    Work
        Once it is returned everything in it is committed, and the receipts may be sent.

    Raises
    ------
    psycopg.Error
        The database is away, or refused: nothing was kept and nothing must be receipted.
    """
    for tries_left in reversed(range(_TRIES)):
        work = Work(deliveries=deliveries, now_ms=clock.now_ms())
        try:
            with connection.transaction():
                for stage in STAGES:
                    stage(connection, work)
        except (pg.DeadlockDetected, pg.SerializationFailure):
            if not tries_left:
                raise
            log.info("ingest.again reason=deadlock")
        else:
            return work
    raise AssertionError("the last try returns or raises")


def _check_sender(delivery: Delivery, batch: Batch) -> None:
    if topics.gateway_of(delivery.topic) != batch.gateway:
        raise WireError(
            f"A batch of {batch.gateway!r} came on {delivery.topic!r}.",
            where="batch",
            remedy="A gateway publishes on its own topic only; check the names of both gateways.",
            reason="not_its_gateway",
        )


def ingest_one_by_one(
    connection: Connection, deliveries: Sequence[Delivery], *, clock: Clock
) -> list[Work]:
    """Ingest each delivery in its own transaction: finds the one that the database refuses.

    A delivery that PostgreSQL itself cannot take (psycopg.DataError) is kept as a reject, so that
    one strange batch never holds up the others.
    """
    done: list[Work] = []
    for delivery in deliveries:
        try:
            done.append(ingest(connection, [delivery], clock=clock))
        except psycopg.DataError as error:
            done.append(_reject(connection, delivery, str(error), clock=clock))
    return done


def _reject(connection: Connection, delivery: Delivery, detail: str, *, clock: Clock) -> Work:
    refusal = WireError(detail, where="batch", remedy="See `reject`.", reason="not_storable")
    work = Work(deliveries=[delivery], now_ms=clock.now_ms(), refused=[(delivery, refusal)])
    with connection.transaction():
        keep(connection, work)
        advance(connection, work)
    return work
