"""Whatever bytes come, a batch or a counted reason is what they give."""

import json
import zlib
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from ecoduct_wire import envelope
from ecoduct_wire.errors import WireError
from ecoduct_wire.messages import Batch, Fix, Message, Reception

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(
            ["schema", "gateway", "epoch", "first", "messages", "type", "heard", "raw", "flags",
             "device", "fixed_at_ms", "lon_e7", "lat_e7", "received_at_ms", "port", "reason"]
        ),
        inner,
        max_size=8,
    ),
    max_leaves=25,
)  # fmt: skip
FIXES = st.builds(
    Fix,
    device=st.text("abcäø:-0", min_size=1, max_size=9),
    fixed_at_ms=st.integers(0, 253_402_300_799_999),
    lon_e7=st.integers(-1_800_000_000, 1_800_000_000),
    lat_e7=st.integers(-900_000_000, 900_000_000),
    satellites=st.none() | st.integers(0, 255),
    mortality=st.none() | st.booleans(),
    flags=st.lists(st.sampled_from(["poor_accuracy", "zero_position"]), unique=True).map(tuple),
)


def survives(payload: bytes) -> None:
    # Anything but a WireError fails the test.
    with suppress(WireError):
        envelope.decode(payload)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_batch_or_a_reason(payload: bytes) -> None:
    survives(payload)
    survives(zlib.compress(payload))


@given(JSON)
def test_any_json_gives_a_batch_or_a_reason(document: object) -> None:
    survives(zlib.compress(json.dumps(document).encode()))
    whole = {"schema": 1, "gateway": "g", "epoch": "e", "first": 1, "messages": [document]}
    survives(zlib.compress(json.dumps(whole).encode()))


@given(st.lists(FIXES, min_size=1, max_size=5), st.binary(max_size=30))
def test_batches_come_back_as_they_went(fixes: list[Fix], raw: bytes) -> None:
    heard = Reception(0, "port", raw)
    sent = Batch("g", "e", tuple(Message(n, fix, heard) for n, fix in enumerate(fixes, 1)))
    assert envelope.decode(envelope.encode(sent)) == sent


def test_deep_nesting_and_huge_numbers_are_refused() -> None:
    survives(zlib.compress(b"[" * 100_000))
    survives(zlib.compress(b"9" * 100_000))
    survives(zlib.compress(b'{"schema":1' + b"0" * 5000 + b"}"))
