from dataclasses import replace

import pytest

from ecoduct_edge.screen import ScreenRule, flag
from ecoduct_wire.messages import Fix

NOW_MS = 1_714_564_800_000
DAY_MS = 86_400_000
RULE = ScreenRule(earliest_ms=NOW_MS - 1_000 * DAY_MS)
GOOD = Fix(device="d", fixed_at_ms=NOW_MS, lon_e7=100_000_000, lat_e7=0, satellites=4)


@pytest.mark.parametrize(
    ("fix", "flags"),
    [
        (GOOD, ()),
        (replace(GOOD, fixed_at_ms=RULE.earliest_ms - 1), ("before_earliest",)),
        (replace(GOOD, fixed_at_ms=NOW_MS + DAY_MS), ()),
        (replace(GOOD, fixed_at_ms=NOW_MS + DAY_MS + 1), ("after_latest",)),
        (replace(GOOD, lon_e7=0), ("zero_position",)),
        (replace(GOOD, h_acc_mm=50_001), ("poor_accuracy",)),
        (replace(GOOD, h_acc_mm=50_000, hdop_c=9_999), ()),
        (replace(GOOD, hdop_c=1_001), ("poor_accuracy",)),
        (replace(GOOD, satellites=3), ("few_satellites",)),
        (replace(GOOD, satellites=None), ()),
        (replace(GOOD, satellites=0, flags=("simulated",)), ("simulated", "few_satellites")),
    ],
)
def test_doubts_are_marked_and_nothing_else_changes(fix: Fix, flags: tuple[str, ...]) -> None:
    assert flag(fix, now_ms=NOW_MS, rule=RULE) == replace(fix, flags=flags)


def test_flagging_twice_changes_nothing() -> None:
    once = flag(replace(GOOD, satellites=0), now_ms=NOW_MS, rule=RULE)
    assert flag(once, now_ms=NOW_MS, rule=RULE) == once
