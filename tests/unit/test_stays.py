from dataclasses import replace

import numpy as np
import pytest

from ecoduct_analysis.errors import AnalysisError
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.stopovers import STAY_PRESETS, find_stays, find_stopovers
from ecoduct_analysis.tracks import Tracks
from gallery import HOUR_MS, NOBODY, STILL, TRACKS, walk

RULE = StayRule(radius_m=100.0, min_stay_h=4.0, max_gap_h=6.0)
AWAY = (9000.0, 0.0)
HERE = (0.0, 0.0)
THERE = (5000.0, 0.0)


def spans(tracks: Tracks, rule: StayRule = RULE) -> list[tuple[int, int]]:
    stays = find_stays(tracks, rule)
    return list(zip(stays.first.tolist(), stays.last.tolist(), strict=True))


@pytest.mark.parametrize("tracks", TRACKS.values(), ids=TRACKS)
def test_awkward_tracks_bear_it(tracks: Tracks) -> None:
    for rule in (RULE, StayRule(bridge_h=1e5), *STAY_PRESETS.values()):
        stays = find_stays(tracks, rule)
        assert (stays.fixes >= 3).all()
        assert np.isfinite([stays.x, stays.y, stays.radius_m, stays.observed]).all()


def test_animal_that_stands_still_stays_all_the_time() -> None:
    assert spans(STILL) == [(0, 29)]


def test_stay_begins_and_ends_with_its_fixes() -> None:
    assert spans(walk(AWAY, *[HERE] * 6, (9000, 9000))) == [(1, 6)]


def test_rest_shorter_than_the_least_stay_is_none() -> None:
    assert spans(walk(AWAY, *[HERE] * 4, (9000, 9000))) == []


def test_silence_ends_a_stay() -> None:
    hours = [0, 1, 2, 3, 4, 14, 15, 16, 17, 18]
    assert spans(walk(*[HERE] * 10, hours=hours)) == [(0, 4), (5, 9)]


@pytest.mark.parametrize("hours", [5.0, 720.0])
def test_two_fixes_around_a_silence_are_no_stay(hours: float) -> None:
    assert spans(walk(HERE, HERE, hours=[0, hours]), StayRule(max_gap_h=1000.0)) == []
    assert spans(walk(AWAY, HERE, HERE, (0, 9000), hours=[0, 1, 1 + hours, 2 + hours])) == []


def test_one_poor_fix_neither_ends_nor_splits_a_stay() -> None:
    assert spans(walk(*[HERE] * 6, AWAY, *[HERE] * 6)) == [(0, 12)]


def test_one_poor_fix_does_not_split_a_stay_of_few_fixes() -> None:
    hours = [0, 4, 8, 12, 16]
    assert spans(walk(HERE, HERE, AWAY, HERE, HERE, hours=hours)) == [(0, 4)]


def test_two_fixes_away_end_a_stay() -> None:
    assert spans(walk(*[HERE] * 6, AWAY, AWAY, *[HERE] * 6)) == [(0, 5), (8, 13)]


def test_rule_with_one_exit_ends_a_stay_at_the_first_fix_away() -> None:
    rule = StayRule(radius_m=100.0, min_stay_h=4.0, max_gap_h=6.0, exits=1)
    assert spans(walk(*[HERE] * 6, AWAY, *[HERE] * 6), rule) == [(0, 5), (7, 12)]


def test_to_and_fro_between_two_places_belongs_to_neither() -> None:
    tracks = walk(*[HERE] * 6, THERE, HERE, *[THERE] * 6)
    assert spans(tracks) == [(0, 5), (8, 13)]


def test_fixes_that_end_one_stay_begin_the_next() -> None:
    assert spans(walk(*[HERE] * 6, *[THERE] * 6)) == [(0, 5), (6, 11)]


def test_fix_between_the_radius_and_its_hysteresis_does_not_end_a_stay() -> None:
    # 100 m and twice the error of a fix and of the centre of seven: 121 m; 160 m is within 1.5
    # times that.
    edge = walk(*[HERE] * 7, (160.0, 0.0), (160.0, 0.0), *[HERE] * 7)
    rule = StayRule(radius_m=100.0, min_stay_h=6.0, max_gap_h=6.0)
    assert spans(edge, rule) == [(0, 15)]
    assert spans(edge, replace(rule, hysteresis=1.0)) == [(0, 6), (9, 15)]


def test_error_of_fixes_widens_the_radius_up_to_its_double() -> None:
    places = [(90.0 * (n % 2), 0.0) for n in range(12)]
    strict = StayRule(radius_m=50.0, min_stay_h=4.0, max_gap_h=6.0, error_m=0.0, hysteresis=1.0)
    tracks = walk(*places)
    assert spans(tracks, strict) == []

    def with_error(error_m: float) -> Tracks:
        return Tracks(tracks.names, tracks.offsets, tracks.t_ms, tracks.x, tracks.y,
                      error_m=np.full(12, error_m))  # fmt: skip

    assert spans(with_error(20.0), strict) == [(0, 11)]
    far = walk(*[(110.0 * (n % 2), 0.0) for n in range(12)])
    poor = Tracks(far.names, far.offsets, far.t_ms, far.x, far.y, error_m=np.full(12, 1e6))
    assert spans(poor, strict) == []


def test_fix_of_unknown_error_gets_that_of_the_rule() -> None:
    tracks = walk(*[(90.0 * (n % 2), 0.0) for n in range(12)])
    unknown = Tracks(tracks.names, tracks.offsets, tracks.t_ms, tracks.x, tracks.y,
                     error_m=np.full(12, np.nan))  # fmt: skip
    rule = StayRule(radius_m=50.0, min_stay_h=4.0, max_gap_h=6.0, error_m=20.0, hysteresis=1.0)
    assert spans(unknown, rule) == spans(tracks, rule) == [(0, 11)]


def test_centre_is_not_moved_by_one_poor_fix() -> None:
    stays = find_stays(walk(*[HERE] * 8, (190.0, 0.0), *[HERE] * 8), RULE)
    assert (stays.x.tolist(), stays.radius_m.tolist(), stays.spread_m.tolist()) == (
        [0.0], [190.0], [0.0]
    )  # fmt: skip


def test_slow_drift_is_one_long_stay_and_shows_its_radius() -> None:
    stays = find_stays(walk(*[(40.0 * n, 0.0) for n in range(20)]), RULE)
    assert (len(stays), stays.radius_m.tolist()) == (1, [380.0])
    assert stays.spread_m.tolist() == [200.0]


def test_stay_says_whether_more_of_it_may_have_gone_unheard() -> None:
    hours = [0, 1, 2, 3, 4, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]
    stays = find_stays(walk(*[HERE] * 10, AWAY, *[HERE] * 5, hours=hours), RULE)
    assert stays.first.tolist() == [0, 5]
    assert stays.begins_in_gap.tolist() == [True, True]
    assert stays.ends_in_gap.tolist() == [True, True]
    assert stays.is_open.tolist() == [False, True]
    assert stays.longest_gap_s.tolist() == [3600.0, 3600.0]
    left = find_stays(walk(AWAY, *[HERE] * 6, AWAY), RULE)
    assert not (left.begins_in_gap | left.ends_in_gap | left.is_open).any()


def test_stays_of_one_place_are_bridged_over_a_silence_that_the_rule_allows() -> None:
    hours = [0, 1, 2, 3, 4, 14, 15, 16, 17, 18]
    rule = StayRule(radius_m=100.0, min_stay_h=4.0, max_gap_h=6.0, bridge_h=10.0)
    stays = find_stays(walk(*[HERE] * 10, hours=hours), rule)
    assert (stays.first.tolist(), stays.last.tolist()) == ([0], [9])
    assert (stays.bridged.tolist(), stays.observed.tolist()) == ([1], [1 - 10 / 18])
    elsewhere = walk(*[HERE] * 5, *[THERE] * 5, hours=hours)
    assert spans(elsewhere, rule) == [(0, 4), (5, 9)]
    assert spans(walk(*[HERE] * 10, hours=[*hours[:5], *range(20, 25)]), rule) == [(0, 4), (5, 9)]


def test_stay_ends_with_its_animal() -> None:
    tracks = Tracks.from_arrays(
        ["a", "b"], track=[0] * 6 + [1] * 6, t_ms=[n * HOUR_MS for n in range(12)],
        x=[0] * 12, y=[0] * 12,
    )  # fmt: skip
    stays = find_stays(tracks, RULE)
    assert (stays.track.tolist(), stays.last.tolist()) == ([0, 1], [5, 11])
    assert stays.is_open.tolist() == [True, True]


@pytest.mark.parametrize(
    "values",
    [{"radius_m": 0}, {"min_stay_h": float("nan")}, {"max_gap_h": float("inf")}, {"exits": 0},
     {"exits": 1.5}, {"hysteresis": 0.9}, {"error_m": -1}, {"bridge_h": float("nan")}],
)  # fmt: skip
def test_rule_refuses_what_cannot_be(values: dict[str, float]) -> None:
    with pytest.raises(AnalysisError):
        StayRule(**values)  # type: ignore[arg-type]


def journey() -> Tracks:
    """Six hours in each of five places, an hour's way between them."""
    places = [(10_000.0 * n, 0.0) for n in range(5)]
    places[3] = (20_150.0, 0.0)
    return walk(*[place for place in places for _ in range(6)])


def test_stopovers_are_the_stays_within_a_phase() -> None:
    tracks = journey()
    stays = find_stays(tracks, RULE)
    found = find_stopovers(
        tracks, stays, phase_track=[0], begins_ms=[4 * HOUR_MS], ends_ms=[22 * HOUR_MS]
    )
    assert found.stopover.tolist() == [-1, 0, 1, 2, -1]
    assert found.x.tolist() == [10_000.0, 20_000.0, 20_150.0]


def test_near_stopovers_soon_after_each_other_are_one() -> None:
    tracks = journey()
    stays = find_stays(tracks, RULE)
    found = find_stopovers(
        tracks, stays, phase_track=[0], begins_ms=[0], ends_ms=[100 * HOUR_MS],
        merge_m=200.0, merge_h=2.0,
    )  # fmt: skip
    assert found.stopover.tolist() == [0, 1, 2, 2, 3]
    assert found.stays.tolist() == [1, 1, 2, 1]
    assert (found.x[2], found.ends_ms[2]) == (20_075.0, 23 * HOUR_MS)


def test_stay_at_the_edge_of_a_phase_is_where_most_of_it_lies() -> None:
    tracks = journey()
    stays = find_stays(tracks, RULE)
    found = find_stopovers(
        tracks, stays, phase_track=[0, 0], begins_ms=[0, 8 * HOUR_MS],
        ends_ms=[8 * HOUR_MS, 12 * HOUR_MS],
    )  # fmt: skip
    assert found.phase.tolist() == [0, 1]


def test_nobody_has_no_stopovers_and_no_phase_none() -> None:
    nothing = find_stays(NOBODY, RULE)
    assert len(find_stopovers(NOBODY, nothing, phase_track=[0], begins_ms=[0], ends_ms=[9])) == 0
    tracks = journey()
    stays = find_stays(tracks, RULE)
    empty = find_stopovers(tracks, stays, phase_track=[], begins_ms=[], ends_ms=[])
    assert (len(empty), set(empty.stopover.tolist())) == (0, {-1})
    with pytest.raises(AnalysisError):
        find_stopovers(tracks, stays, phase_track=[], begins_ms=[], ends_ms=[], merge_m=np.nan)
