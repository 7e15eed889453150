"""Rules of other tools: their ways, faults included, on tracks worked by hand."""

import numpy as np
import pytest

from ecoduct_analysis._stay_rectangles import next_stop
from ecoduct_analysis.errors import AnalysisError, NotProjected
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.stay_parity import (
    ParityStays,
    _diagonal_m,
    movingpandas_stays,
    trackintel_stays,
)
from ecoduct_analysis.tracks import Tracks
from gallery import FIXES, HOUR_MS, STILL, TRACKS, loose, random_walks, walk

NEAR = (10.0001, 50.0)  # 7 m from HERE
HERE = (10.0, 50.0)
AWAY = (10.1, 50.0)


def spans(stays: ParityStays) -> list[tuple[int, int]]:
    return list(zip(stays.first.tolist(), stays.last.tolist(), strict=True))


@pytest.mark.parametrize("name", ["nobody", "silent", "once", "all equal", "1 Hz", "antimeridian"])
def test_trackintel_rule_bears_awkward_fixes(name: str) -> None:
    trackintel_stays(FIXES[name], include_last=True)


@pytest.mark.parametrize("tracks", TRACKS.values(), ids=TRACKS)
def test_movingpandas_rule_bears_awkward_tracks(tracks: Tracks) -> None:
    movingpandas_stays(tracks, max_diameter_m=100.0, min_stay_h=1.0)


def test_trackintel_stay_lasts_until_the_fix_that_left_it() -> None:
    fixes = loose(HERE, NEAR, HERE, AWAY)
    stays = trackintel_stays(fixes, max_gap_h=2.0)
    assert spans(stays) == [(0, 2)]
    assert stays.ends_ms.tolist() == [fixes.t_ms[3]]
    # Two different places, one of them seen twice.
    np.testing.assert_allclose([stays.x[0], stays.y[0]], [10.00005, 50.0], rtol=1e-12)


def test_trackintel_loses_the_stay_before_a_silence() -> None:
    fixes = loose(HERE, HERE, HERE, HERE, AWAY, hours=[0, 1, 2, 9, 10])
    assert spans(trackintel_stays(fixes, max_gap_h=2.0)) == [(3, 3)]


def test_trackintel_tells_the_last_stay_when_asked() -> None:
    fixes = loose(AWAY, HERE, HERE)
    assert spans(trackintel_stays(fixes, max_gap_h=2.0)) == [(0, 0)]
    stays = trackintel_stays(fixes, max_gap_h=2.0, include_last=True)
    assert spans(stays) == [(0, 0), (1, 2)]
    assert stays.ends_ms.tolist() == fixes.t_ms[1:].tolist()


def test_trackintel_passes_over_rows_sent_twice() -> None:
    fixes = loose(HERE, HERE, NEAR, AWAY, hours=[0, 0, 1, 2])
    stays = trackintel_stays(fixes, max_gap_h=2.0)
    assert spans(stays) == [(0, 2)]
    np.testing.assert_allclose(stays.x, [10.00005], rtol=1e-12)


def test_trackintel_rule_needs_degrees() -> None:
    with pytest.raises(NotProjected):
        trackintel_stays(FIXES["no globe"])


def test_movingpandas_calls_two_fixes_a_month_apart_a_stop() -> None:
    tracks = walk((0, 0), (1, 0), (900, 0), hours=[0, 720, 721])
    stays = movingpandas_stays(tracks, max_diameter_m=100.0, min_stay_h=1.0)
    assert spans(stays) == [(0, 1)]
    assert stays.x.tolist() == [0.5]


def test_movingpandas_stop_may_last_until_the_end() -> None:
    assert spans(movingpandas_stays(STILL, max_diameter_m=10.0, min_stay_h=3.0)) == [(0, 29)]


def test_movingpandas_measures_the_turned_rectangle_and_not_the_box() -> None:
    # 60 m x 80 m across, but on one line: 100 m long.
    slanted = walk((0, 0), (30, 40), (60, 80), (900, 0))
    assert len(movingpandas_stays(slanted, max_diameter_m=100.1, min_stay_h=2.0)) == 1
    assert len(movingpandas_stays(slanted, max_diameter_m=99.9, min_stay_h=2.0)) == 0


@pytest.mark.parametrize("seed", range(6))
def test_movingpandas_rule_is_that_of_a_rectangle_measured_each_time(seed: int) -> None:
    tracks = random_walks(seed, fixes=120, scale=60.0)
    found = movingpandas_stays(tracks, max_diameter_m=150.0, min_stay_h=4.0)
    assert spans(found) == slowly(tracks, diameter_m=150.0, min_stay_ms=4 * HOUR_MS)
    assert len(found)


def slowly(tracks: Tracks, *, diameter_m: float, min_stay_ms: int) -> list[tuple[int, int]]:
    """The reference's loop, with a rectangle of a geometry library at every fix."""
    found = []
    for begin, end in zip(tracks.offsets[:-1].tolist(), tracks.offsets[1:].tolist(), strict=True):
        first, was_still = begin, False
        for fix in range(begin, end):
            while (
                not was_still
                and fix - first > 1
                and tracks.t_ms[fix] - tracks.t_ms[first] >= min_stay_ms
            ):
                first += 1
            run = slice(first, fix + 1)
            box = np.hypot(np.ptp(tracks.x[run]), np.ptp(tracks.y[run]))
            is_still = bool(
                fix > first
                and box < 1.5 * diameter_m
                and _diagonal_m(tracks, first, fix) < diameter_m
            )
            ended = was_still and not is_still and fix > first
            if ended and tracks.t_ms[fix - 1] - tracks.t_ms[first] >= min_stay_ms:
                found.append((first, fix - 1))
                first = fix
            was_still = is_still
        if was_still and tracks.t_ms[end - 1] - tracks.t_ms[first] >= min_stay_ms:
            found.append((first, end - 1))
    return found


def test_rectangle_too_close_to_tell_is_left_to_the_caller() -> None:
    # An isosceles triangle has rectangles of one area on all sides, with different diagonals.
    triangle = walk((0, 0), (100, 0), (50, 60))
    state = np.array([0, 0, 0, 0, -1, 0], dtype=np.int64)
    found, room = np.empty((4, 2), dtype=np.int64), np.empty((4, 8))
    next_stop(triangle.offsets, triangle.t_ms, triangle.x, triangle.y, 115.0, 1e12, state, found,
              room)  # fmt: skip
    assert state[:3].tolist() == [0, 2, 0]


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_rules_refuse_what_cannot_be(value: float) -> None:
    with pytest.raises(AnalysisError):
        trackintel_stays(loose(HERE, HERE), radius_m=value)
    with pytest.raises(AnalysisError):
        movingpandas_stays(STILL, max_diameter_m=10.0, min_stay_h=value)


def test_animals_mean_nothing_to_each_other() -> None:
    tracks = random_walks(3, animals=3)
    whole = movingpandas_stays(tracks, max_diameter_m=300.0, min_stay_h=3.0)
    for animal in range(3):
        alone = movingpandas_stays(tracks.select([animal]), max_diameter_m=300.0, min_stay_h=3.0)
        mine = whole.track == animal
        assert (whole.first[mine] - tracks.offsets[animal]).tolist() == alone.first.tolist()
        assert whole.x[mine].tolist() == alone.x.tolist()


def test_fixes_of_several_animals_are_kept_apart() -> None:
    fixes = Fixes.from_arrays(
        ["a", "b"], track=[0] * 3 + [1] * 3, t_ms=[n * HOUR_MS for n in range(6)],
        x=[10.0] * 6, y=[50.0] * 6,
    )  # fmt: skip
    stays = trackintel_stays(fixes, max_gap_h=2.0, include_last=True)
    assert (stays.track.tolist(), spans(stays)) == ([0, 1], [(0, 2), (3, 5)])
