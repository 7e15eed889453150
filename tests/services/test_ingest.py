"""What ingest keeps, what it refuses, and what it receipts."""

import threading
from dataclasses import replace

import pytest

from ecoduct_server.ingest import pipeline
from ecoduct_server.ingest.pipeline import Delivery
from ecoduct_server.store import receipts
from ecoduct_server.store.migrate import migrate
from ecoduct_server.store.pool import Connection, connect
from ecoduct_wire import envelope, topics
from ecoduct_wire.messages import Batch, Fix, Gone, Message, Receipt, Reception, Status
from services.store_tales import SetClock, batch, deliver, fix

pytestmark = pytest.mark.services

WALK = [fix(hour, 107 + hour / 100) for hour in range(10)]


def count(store: Connection, table: str) -> int:
    row = store.execute(f"SELECT count(*) AS n FROM {table}").fetchone()
    assert row is not None
    return int(row["n"])


def test_stored_fix_reads_back_as_it_was_sent(store: Connection) -> None:
    sent = fix(
        0.123, -110.1872310, lat=-42.7, h_acc_mm=4200, height_mm=-3, speed_mm_s=0,
        heading_cdeg=35999, satellites=9, hdop_c=110, battery_mv=3610, temperature_cc=-1250,
        activity=0, mortality=False, counter=4_000_000_000, format="ubx.nav_pvt",
        flags=("poor_accuracy", "few_satellites"),
    )  # fmt: skip
    deliver(store, batch([sent]))
    row = store.execute(
        "SELECT *, (extract(epoch FROM fixed_at) * 1000)::bigint AS fixed_at_ms FROM fix"
    ).fetchone()
    assert row is not None
    row["flags"] = tuple(row["flags"])
    assert Fix(**{name: row[name] for name in Fix.__slots__}) == sent


def test_fix_without_flags_or_quantities_keeps_them_missing(store: Connection) -> None:
    deliver(store, batch([fix(0, 107)]))
    row = store.execute("SELECT flags, battery_mv, mortality FROM fix").fetchone()
    assert row == {"flags": [], "battery_mv": None, "mortality": None}


def test_storing_twice_changes_nothing(store: Connection) -> None:
    for _ in range(3):
        work = deliver(store, batch(WALK))
        assert work.receipts == {"hut": Receipt("e", 10)}
    assert (count(store, "fix"), count(store, "reception")) == (10, 10)
    ledger = receipts.ledger(store)
    assert (ledger["received"], ledger["resent"], ledger["stored"]) == (30, 20, 10)


def test_two_gateways_hearing_one_fix_make_two_receptions_of_one_fix(store: Connection) -> None:
    deliver(store, batch(WALK), batch(WALK, gateway="tower"))
    assert (count(store, "fix"), count(store, "reception"), count(store, "conflict")) == (10, 20, 0)


def test_other_position_under_one_key_is_kept_beside_the_first(store: Connection) -> None:
    deliver(store, batch([fix(0, 107)]))
    deliver(store, batch([fix(0, 108)], gateway="tower"))
    row = store.execute(
        "SELECT f.lon_e7, c.lon_e7 AS other FROM fix f "
        "JOIN conflict c USING (device, fixed_at, kind)"
    ).fetchone()
    assert row == {"lon_e7": 1_070_000_000, "other": 1_080_000_000}


def test_receipt_stops_below_a_gap_and_jumps_when_it_is_filled(store: Connection) -> None:
    parts = [batch(WALK[:3]), batch(WALK[6:], first=7), batch(WALK[3:6], first=4)]
    through = [deliver(store, part).receipts["hut"].through for part in parts]
    assert through == [3, 3, 10]


def test_gap_is_told_by_the_ledger_until_it_is_filled(store: Connection) -> None:
    deliver(store, batch(WALK[6:], first=7))
    gaps = receipts.ledger(store)["gaps"]
    assert gaps == [{"gateway": "hut", "epoch": "e", "from": 1, "to": 6}]
    deliver(store, batch(WALK[:6]))
    assert receipts.ledger(store)["gaps"] == []


def test_each_epoch_has_its_own_receipt(store: Connection) -> None:
    deliver(store, batch(WALK[:5]))
    work = deliver(store, batch(WALK[5:7], epoch="new card"))
    assert work.receipts == {"hut": Receipt("new card", 2)}


def test_status_and_tombstone_are_kept_and_receipted(store: Connection) -> None:
    heard = Reception(1_767_225_600_000, "lora", b"\x00\xff")
    status = Status("collar:9", 1_767_225_600_000, battery_mv=3300, mortality=True, text="low")
    sent = Batch("hut", "e", (Message(1, status, heard), Message(2, Gone("evicted"))))
    assert deliver(store, sent).receipts["hut"].through == 2
    deliver(store, sent)
    assert (count(store, "status"), count(store, "gone"), count(store, "fix")) == (1, 1, 0)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_deflated"),
        (b"\x78\x9c\x00", "not_deflated"),
        (envelope.encode(batch(WALK))[:-5], "not_deflated"),
        (envelope.encode(batch(WALK, gateway="tower")), "not_its_gateway"),
    ],
)
def test_payload_that_cannot_be_read_is_kept_and_receipted(
    store: Connection, payload: bytes, reason: str
) -> None:
    for _ in range(2):
        work = pipeline.ingest(
            store, [Delivery(topics.up("hut"), payload, ("hut", "e", 1, 10))], clock=SetClock()
        )
        assert work.receipts == {"hut": Receipt("e", 10)}
    row = store.execute("SELECT gateway, first, last, reason, payload FROM reject").fetchall()
    assert row == [{"gateway": "hut", "first": 1, "last": 10, "reason": reason, "payload": payload}]


def test_payload_without_numbers_is_kept_and_not_receipted(store: Connection) -> None:
    work = pipeline.ingest(store, [Delivery(topics.up("hut"), b"?")], clock=SetClock())
    assert (work.receipts, count(store, "reject")) == ({}, 1)


def test_batch_that_the_database_refuses_does_not_hold_up_others(store: Connection) -> None:
    # PostgreSQL cannot keep NUL in a text; the wire format refuses it, so it is built past it.
    strange = batch([fix(0, 107)], gateway="odd")
    object.__setattr__(strange.messages[0].body, "device", "nul\x00")
    deliveries = [
        Delivery(topics.up("odd"), b"irrelevant", ("odd", "e", 1, 1)),
        Delivery(topics.up("hut"), envelope.encode(batch(WALK))),
    ]
    works = pipeline.ingest_one_by_one(store, deliveries, clock=SetClock())
    assert count(store, "fix") == 10
    assert {gateway for work in works for gateway in work.receipts} == {"odd", "hut"}


def test_failed_transaction_keeps_nothing(store: Connection) -> None:
    store.execute("ALTER TABLE spool_epoch ADD CONSTRAINT broken CHECK (false)")
    store.commit()
    with pytest.raises(Exception, match="broken"):
        deliver(store, batch(WALK))
    store.rollback()
    assert (count(store, "fix"), count(store, "reception")) == (0, 0)


def test_two_writers_of_the_same_keys_in_opposite_order_both_commit(postgres_address: str) -> None:
    herd = [replace(one, device=f"collar:{n}") for n in range(40) for one in WALK]
    with connect(postgres_address) as connection:
        migrate(connection)

    def write(gateway: str, fixes: list[Fix]) -> None:
        with connect(postgres_address) as connection:
            for first in range(0, len(fixes), 20):
                part = batch(fixes[first : first + 20], gateway=gateway, first=first + 1)
                deliver(connection, part)

    writers = [
        threading.Thread(target=write, args=("hut", herd)),
        threading.Thread(target=write, args=("tower", herd[::-1])),
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with connect(postgres_address) as connection:
        assert (count(connection, "fix"), count(connection, "reception")) == (400, 800)


def test_migrating_twice_changes_nothing(postgres_address: str) -> None:
    with connect(postgres_address) as connection:
        assert migrate(connection) == ["0001_core.sql"]
        assert migrate(connection) == []


def test_fixes_are_a_hypertable_exactly_where_timescaledb_is(store: Connection) -> None:
    loaded = store.execute("SHOW shared_preload_libraries").fetchone()
    deliver(store, batch(WALK))
    chunks = store.execute(
        "SELECT count(*) AS n FROM pg_inherits WHERE inhparent = 'fix'::regclass"
    ).fetchone()
    assert loaded is not None
    assert chunks is not None
    assert (chunks["n"] > 0) == ("timescaledb" in loaded["shared_preload_libraries"])
