"""Fixes a second from payload to commit, against a bare COPY of the same rows in the same run."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ecoduct_server.embedded import EmbeddedPostgres
from ecoduct_server.ingest.pipeline import Delivery, ingest
from ecoduct_server.store.migrate import migrate
from ecoduct_server.store.pool import Connection, connect
from ecoduct_wire import envelope, topics
from ecoduct_wire.clock import SystemClock
from ecoduct_wire.messages import Batch, Fix, Message, Reception

DEVICES, BATCHES, IN_BATCH, TOGETHER = 50, 100, 200, 5
RAW = bytes(100)  # a UBX frame
COLUMNS = ("device", "fixed_at_ms", "lon_e7", "lat_e7", "kind", "h_acc_mm", "format")


def deliveries() -> list[Delivery]:
    """Batches of one gateway that hears many collars in turn."""
    found = []
    for batch in range(BATCHES):
        first = batch * IN_BATCH + 1
        messages = tuple(
            Message(
                n,
                Fix(
                    f"collar:{n % DEVICES}", n * 1000, 1_070_000_000 + n, 440_000_000, h_acc_mm=5000
                ),
                Reception(n * 1000, "lora", RAW),
            )
            for n in range(first, first + IN_BATCH)
        )
        found.append(Delivery(topics.up("hut"), envelope.encode(Batch("hut", "e", messages))))
    return found


def bare_copy(connection: Connection, fixes: Sequence[Fix]) -> None:
    """Write the fixes and the raw bytes as PostgreSQL takes them fastest, checking nothing."""
    connection.execute(
        "CREATE TABLE bare (device text, fixed_at_ms int8, lon_e7 int4, "
        "lat_e7 int4, kind text, h_acc_mm int4, format text, raw bytea)"
    )
    with connection.cursor().copy("COPY bare FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["text", "int8", "int4", "int4", "text", "int4", "text", "bytea"])
        for fix in fixes:
            copy.write_row([*(getattr(fix, name) for name in COLUMNS), RAW])
    connection.commit()


def seconds(work: Callable[[], object]) -> float:
    """Wall time: most of it is the database's."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    """Print both rates and their ratio."""
    given = deliveries()
    fixes = [
        message.body
        for one in given
        for message in envelope.decode(one.payload).messages
        if isinstance(message.body, Fix)
    ]
    with tempfile.TemporaryDirectory() as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            with connect(postgres.address) as connection:
                migrate(connection)
                connection.commit()
                clock = SystemClock()

                def pipeline() -> None:
                    for first in range(0, len(given), TOGETHER):
                        ingest(connection, given[first : first + TOGETHER], clock=clock)
                        connection.commit()

                ours = seconds(pipeline)
                theirs = seconds(lambda: bare_copy(connection, fixes))
        finally:
            postgres.stop()
    print(
        f"ingest     {len(fixes) / ours:12,.0f} fixes/s   payload to commit, receptions and receipt"
    )
    print(f"bare COPY  {len(fixes) / theirs:12,.0f} fixes/s   the same, nothing checked")
    print(f"ratio      {theirs / ours:12.2f} of the bare copy")


if __name__ == "__main__":
    main()
