import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ecoduct_edge.spool import Spool
from ecoduct_wire.messages import Fix, Gone, Receipt, Reception, Status

RECEPTION = Reception(received_at_ms=1, port="p", raw=b"raw")
ACTIONS = st.lists(
    st.tuples(st.just("append"), st.lists(st.booleans(), min_size=1, max_size=4))
    | st.tuples(st.just("receipt"), st.integers(0, 30))
    | st.tuples(st.just("restart"), st.none()),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(ACTIONS)
def test_spool_holds_exactly_what_no_receipt_has_covered(
    actions: list[tuple[str, object]],
) -> None:
    expected: list[Fix | Status] = []
    receipted = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spool.sqlite"
        spool = Spool(path)
        epoch = spool.epoch
        for action, value in actions:
            if action == "append" and isinstance(value, list):
                bodies = [_body(len(expected) + place, kind) for place, kind in enumerate(value)]
                spool.append([(body, RECEPTION) for body in bodies])
                expected += bodies
            elif action == "receipt" and isinstance(value, int):
                if spool.settle_through(Receipt(epoch, value)):
                    receipted = max(receipted, value)
            else:
                spool.close()
                spool = Spool(path)
        with closing(spool):
            found = spool.read_after(0, limit=100)
            assert spool.epoch == epoch
            assert [message.number for message in found] == list(range(1, len(expected) + 1))
            forgotten = [Gone("forgotten")] * receipted
            assert [message.body for message in found] == [*forgotten, *expected[receipted:]]


def _body(number: int, is_fix: object) -> Fix | Status:
    if is_fix:
        return Fix(device="d", fixed_at_ms=number, lon_e7=number, lat_e7=-number)
    return Status(device="d", said_at_ms=number)
