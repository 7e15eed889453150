"""The daily rule: planted moves are found, and what is no move is none."""

from collections.abc import Sequence

import numpy as np
import pytest

from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.phases import (
    ARRIVED,
    EXCURSION,
    KINDS,
    MIGRATING,
    SETTLED,
    STOPOVER,
    UNKNOWN,
    PhaseRule,
    find_phases,
    find_transitions,
    is_on_the_way,
    phase_at,
)
from ecoduct_analysis.synthetic import migrate
from ecoduct_analysis.tracks import Tracks
from gallery import TRACKS

DAY_MS = 86_400_000


def daily(x_km: Sequence[float] | FloatArray, days: Sequence[int] | None = None) -> Tracks:
    x = np.asarray(x_km, dtype=float) * 1000.0
    at = np.arange(len(x)) if days is None else np.array(days)
    t_ms = at * DAY_MS + DAY_MS // 3
    return Tracks.from_arrays(["a"], track=[0] * len(x), t_ms=t_ms, x=x, y=[0] * len(x))


def told(tracks: Tracks, rule: PhaseRule | None = None) -> list[tuple[str, int, int]]:
    found = find_phases(tracks, rule)
    return [
        (KINDS[kind], int(begin) // DAY_MS, int(end) // DAY_MS)
        for kind, begin, end in zip(found.kind, found.begins_ms, found.ends_ms, strict=True)
    ]


HOME = [0.0] * 40


def test_a_stop_over_divides_a_migration() -> None:
    way = [20, 40, 40, 40, 60]
    assert told(daily([*HOME, *way, *[80.0] * 20])) == [
        ("settled", 0, 40), ("migrating", 40, 41), ("stopover", 41, 44), ("migrating", 44, 45),
        ("settled", 45, 65),
    ]  # fmt: skip


def test_an_arrival_is_probable_after_five_days_and_settled_after_fourteen() -> None:
    def last(days: int) -> tuple[str, bool]:
        found = find_phases(daily([*HOME, 20, 40, *[80.0] * days]))
        return KINDS[found.kind[-1]], bool(found.is_confirmed[-1])

    assert last(4) == ("stopover", False)
    assert last(5) == ("arrived", False)
    assert last(13) == ("arrived", False)
    assert last(14) == ("settled", True)


def test_a_departure_is_known_on_the_second_day_and_confirmed_by_the_range_after_it() -> None:
    away = find_transitions(find_phases(daily([*HOME, 20, 40])))
    assert away.after.tolist() == [MIGRATING]
    assert (away.at_ms[0], away.known_ms[0]) == (40 * DAY_MS, 42 * DAY_MS)
    assert not away.is_confirmed[0]
    assert find_transitions(find_phases(daily([*HOME, 20]))).at_ms.size == 0
    whole = find_transitions(find_phases(daily([*HOME, 20, 40, *[80.0] * 14])))
    assert whole.is_confirmed.tolist() == [True, True]


def test_who_comes_back_was_on_an_excursion() -> None:
    found = find_phases(daily([*HOME, 10, 20, 10, *[0.0] * 20]))
    assert found.kind.tolist() == [SETTLED, EXCURSION, SETTLED]
    assert not is_on_the_way(found, [0], [40 * DAY_MS], [43 * DAY_MS])[0]


def test_who_was_away_for_longer_than_an_excursion_has_migrated() -> None:
    # Nowhere settled: it goes on by 5 km a day, and comes back after 30 days.
    way = [5.0 * min(n, 30 - n) for n in range(4, 27)]
    x = [*HOME, 8, 12, 16, *way, 16, 12, 8, *[0.0] * 20]
    assert [kind for kind, _, _ in told(daily(x))][1] == "migrating"
    rule = PhaseRule(excursion_days=60)
    assert [kind for kind, _, _ in told(daily(x), rule)][1] == "excursion"


def test_a_wide_range_does_not_hide_who_is_far_away() -> None:
    # Days scatter by 9 km, and three times that would be 27 km.
    wide = [9.0 * (-1) ** n for n in range(40)]
    moved = [*wide, 18, 22, *[24.0] * 20]
    rule = PhaseRule(settle_radius_m=10_000.0, far_m=np.inf)
    assert len(told(daily(moved), rule)) == 1
    near = PhaseRule(settle_radius_m=10_000.0, far_m=20_000.0)
    assert [kind for kind, _, _ in told(daily(moved), near)][-1] == "settled"
    assert len(told(daily(moved), near)) > 1


def test_one_day_away_is_no_departure() -> None:
    assert told(daily([*HOME, 30, *[0.0] * 20])) == [("settled", 0, 61)]


def test_a_winding_walk_far_out_is_none_until_the_animal_keeps_to_another_place() -> None:
    around = [8, -8, 8, -8, 9, -9] * 2
    assert told(daily([*HOME, *around, *[0.0] * 20]))[0] == ("settled", 0, 72)


def test_a_range_that_was_left_unseen_is_left_in_the_gap() -> None:
    # Silent for 20 days, and then 50 km away: it left in the middle for all that is known.
    days = [*range(40), *range(60, 80)]
    found = find_phases(daily([*HOME, *[50.0] * 20], days))
    assert found.kind.tolist() == [SETTLED, MIGRATING, SETTLED]
    assert found.begins_ms[1] // DAY_MS == 50
    assert found.is_confirmed.all()


def test_missing_days_stay_missing() -> None:
    kept = [n for n in range(75) if n % 3]
    x = np.concatenate((np.zeros(40), np.arange(20.0, 100.0, 16.0), np.full(30, 100.0)))
    kinds = [kind for kind, _, _ in told(daily(x[kept], kept))]
    assert kinds == ["settled", "migrating", "settled"]


def test_without_a_range_nothing_is_known() -> None:
    assert told(daily([30.0 * n for n in range(40)])) == [("unknown", 0, 40)]
    came = find_phases(daily([60, 40, 20, *[0.0] * 20]))
    assert came.kind.tolist() == [UNKNOWN, SETTLED]


def test_what_is_said_of_a_day_does_not_wait_for_later_days() -> None:
    whole = daily([*HOME, 20, 40, 60, *[80.0] * 30, 60, 40, 20, *[0.0] * 20])
    late = find_phases(whole)
    for until in range(45, len(whole), 7):
        early = find_phases(whole.where(np.arange(len(whole)) < until))
        sure = early.is_confirmed & (early.kind == SETTLED)
        assert np.isin(early.begins_ms[sure], late.begins_ms).all()


def test_fixes_are_in_the_phase_of_their_time() -> None:
    tracks = daily([*HOME, 20, 40, *[80.0] * 14])
    found = find_phases(tracks)
    row = phase_at(found, tracks)
    assert found.kind[row].tolist() == [SETTLED] * 40 + [MIGRATING] * 2 + [SETTLED] * 14


def test_every_awkward_track_is_borne() -> None:
    for name, tracks in TRACKS.items():
        found = find_phases(tracks)
        assert (found.ends_ms > found.begins_ms).all(), name
        assert len(find_transitions(found)) == max(0, len(found) - len(np.unique(found.track)))
        assert (phase_at(found, tracks) >= 0).all()


@pytest.mark.parametrize(
    ("interval_s", "missing", "most_days"),
    [(7200.0, 0.0, 1.2), (14_400.0, 0.2, 1.2), (86_400.0, 0.0, 2.0)],
)
def test_every_planted_migration_is_found_and_no_other(
    interval_s: float, missing: float, most_days: float
) -> None:
    herd = migrate(16, seed=5, interval_s=interval_s, missing=missing, residents=8)
    found = find_phases(herd.tracks)
    moves = find_transitions(found)
    for track in range(8):
        for kind, truth in ((moves.before, herd.leaves_ms), (moves.after, herd.arrives_ms)):
            at = moves.at_ms[(moves.track == track) & (kind == SETTLED) & (
                np.isin(moves.before, (SETTLED, MIGRATING, STOPOVER)))]  # fmt: skip
            assert len(at) == 2
            np.testing.assert_allclose(at / DAY_MS, truth[track] / DAY_MS, atol=most_days)
    settled = found.kind[found.track >= 8]
    assert not np.isin(settled, (MIGRATING, STOPOVER, ARRIVED)).any()


def test_stays_on_the_way_are_those_that_were_planted() -> None:
    herd = migrate(6, seed=5)
    found = find_phases(herd.tracks)
    begins, ends = herd.stay_begins_ms, herd.stay_ends_ms
    assert is_on_the_way(found, herd.stay_track, begins, ends).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"range_days": 0}, {"leave_margin_m": float("nan")}, {"leave_days": 4},
        {"settle_days": 40}, {"straightness": 1.0}, {"settle_share": float("nan")},
        {"stopover_radius_m": -1.0}, {"offset_h": float("nan")}, {"probable_days": 20},
    ],
)  # fmt: skip
def test_rules_that_cannot_be_used_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadRule):
        PhaseRule(**wrong)  # type: ignore[arg-type]
