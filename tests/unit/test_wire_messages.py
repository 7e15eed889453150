import zlib
from typing import Any

import pytest

from ecoduct_wire import envelope, topics
from ecoduct_wire.clock import from_iso, to_datetime, to_iso
from ecoduct_wire.errors import WireError
from ecoduct_wire.messages import Batch, Fix, Gone, Message, Receipt, Reception, Status

HEARD = Reception(1_767_225_600_000, "lora", b"\x00\xff\r\n")
PLAIN = Fix("collar:1", 1_767_225_600_000, 1_070_000_000, 440_000_000)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"device": ""}, "bad_name"),
        ({"device": "nul\x00"}, "bad_name"),
        ({"device": "x" * 129}, "bad_name"),
        ({"device": 7}, "bad_name"),
        ({"lon_e7": 1_800_000_001}, "bad_number"),
        ({"lat_e7": -900_000_001}, "bad_number"),
        ({"lat_e7": 1.5}, "bad_number"),
        ({"lat_e7": True}, "bad_number"),
        ({"fixed_at_ms": -1}, "bad_number"),
        ({"fixed_at_ms": None}, "bad_number"),
        ({"satellites": 256}, "bad_number"),
        ({"mortality": "yes"}, "bad_flag"),
        ({"flags": ("",)}, "bad_flag"),
        ({"flags": 5}, "bad_flag"),
        ({"flags": ("a,b",)}, "bad_flag"),
    ],
)
def test_fix_that_cannot_be_is_refused(wrong: dict[str, Any], reason: str) -> None:
    given: dict[str, Any] = {"device": "a", "fixed_at_ms": 0, "lon_e7": 0, "lat_e7": 0} | wrong
    with pytest.raises(WireError) as refusal:
        Fix(**given)
    assert refusal.value.reason == reason


def test_numbers_of_a_batch_must_follow_each_other() -> None:
    with pytest.raises(WireError, match="gap"):
        Batch("hut", "e", (Message(1, PLAIN, HEARD), Message(3, PLAIN, HEARD)))


def test_tombstone_has_no_reception_and_a_fix_has_one() -> None:
    with pytest.raises(WireError):
        Message(1, PLAIN)
    with pytest.raises(WireError):
        Message(1, Gone("evicted"), HEARD)


def test_batch_comes_back_as_it_went() -> None:
    status = Status("collar:2", 5, battery_mv=3000, mortality=False, text="low")
    sent = Batch(
        "hut",
        "e",
        (Message(7, PLAIN, HEARD), Message(8, status, HEARD), Message(9, Gone("evicted"))),
    )
    assert envelope.decode(envelope.encode(sent)) == sent
    assert envelope.encode(sent) == envelope.encode(sent)


def test_missing_quantities_are_left_out_and_zero_is_not() -> None:
    fix = Fix("a", 0, 0, 0, satellites=0, mortality=False)
    written = envelope.encode_message(Message(1, fix, HEARD))
    assert b'"satellites":0' in written
    assert b'"mortality":false' in written
    assert b"battery" not in written


def test_receipt_comes_back_as_it_went() -> None:
    assert envelope.decode_receipt(envelope.encode_receipt(Receipt("e", 41))) == Receipt("e", 41)


def test_bomb_is_refused_before_it_is_inflated() -> None:
    with pytest.raises(WireError) as refusal:
        envelope.decode(zlib.compress(b" " * (envelope.MAX_INFLATED + 1)))
    assert refusal.value.reason == "too_large"


@pytest.mark.parametrize("name", ["", "a/b", "+", "#", "x" * 65, "-a", "a b"])
def test_name_that_would_break_a_topic_is_refused(name: str) -> None:
    with pytest.raises(WireError):
        topics.up(name)


def test_topic_names_its_gateway() -> None:
    assert topics.gateway_of(topics.up("hut-1")) == "hut-1"
    with pytest.raises(WireError):
        topics.gateway_of("ecoduct/v1/up/a/b")


@pytest.mark.parametrize(
    "text", ["2014-03-01T02:00:00.250+02:00", "2014-03-01 00:00:00.250", "2014-03-01T00:00:00.250Z"]
)
def test_times_are_utc_to_the_millisecond(text: str) -> None:
    assert to_iso(from_iso(text)) == "2014-03-01T00:00:00.250Z"
    assert to_datetime(from_iso(text)).microsecond == 250_000
