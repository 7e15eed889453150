"""Bursts, typical intervals and thinning."""

import numpy as np
import pytest

from ecoduct_analysis.bursts import split_bursts, thin, typical_interval_s
from ecoduct_analysis.errors import BadRule
from gallery import GAP, TRACKS, random_walks, walk

HOUR_S = 3600.0


@pytest.mark.parametrize("name", TRACKS)
def test_every_fix_of_the_gallery_is_in_one_burst_of_its_track(name: str) -> None:
    tracks = TRACKS[name]
    bursts = split_bursts(tracks, max_gap_s=2 * HOUR_S)
    assert len(bursts.burst) == len(tracks)
    assert np.array_equal(bursts.track[bursts.burst], tracks.track)
    assert np.array_equal(bursts.last - bursts.first + 1, np.bincount(bursts.burst))
    assert len(typical_interval_s(tracks)) == len(tracks.names)
    assert len(thin(tracks, interval_s=HOUR_S, tolerance_s=60)) == len(tracks)


def test_a_long_gap_begins_a_burst() -> None:
    bursts = split_bursts(GAP, max_gap_s=24 * HOUR_S)
    assert bursts.first.tolist() == [0, 2]
    assert bursts.last.tolist() == [1, 2]
    assert bursts.burst.tolist() == [0, 0, 1]


def test_a_gap_of_just_the_longest_does_not_split() -> None:
    assert len(split_bursts(walk((0, 0), (1, 0)), max_gap_s=HOUR_S)) == 1
    assert len(split_bursts(walk((0, 0), (1, 0)), max_gap_s=HOUR_S - 0.001)) == 2


@pytest.mark.parametrize("max_gap_s", [0, -1, float("nan")])
def test_a_gap_must_be_above_zero(max_gap_s: float) -> None:
    with pytest.raises(BadRule, match="max_gap_s"):
        split_bursts(GAP, max_gap_s=max_gap_s)


def test_the_typical_interval_is_the_median_and_bears_a_gap() -> None:
    steady = walk(*[(0, 0)] * 5, hours=[0, 1, 2, 3, 24 * 365])
    assert typical_interval_s(steady).tolist() == [HOUR_S]
    assert np.isnan(typical_interval_s(walk((0, 0)))).all()


def test_thinning_keeps_the_fix_closest_to_the_interval() -> None:
    often = walk(*[(0, 0)] * 6, hours=[0, 0.9, 1.05, 2.0, 2.1, 7.0])
    kept = thin(often, interval_s=HOUR_S, tolerance_s=0.2 * HOUR_S)
    assert kept.tolist() == [True, False, True, True, False, True]


def test_of_two_fixes_equally_close_the_earlier_is_kept() -> None:
    often = walk(*[(0, 0)] * 3, hours=[0, 0.9, 1.1])
    kept = thin(often, interval_s=HOUR_S, tolerance_s=0.2 * HOUR_S)
    assert kept.tolist() == [True, True, False]


def test_fixes_every_second_thin_to_one_a_minute() -> None:
    second = walk(*[(0, 0)] * 601, hours=[n / 3600 for n in range(601)])
    kept = thin(second, interval_s=60, tolerance_s=5)
    assert np.flatnonzero(kept).tolist() == list(range(0, 601, 60))


@pytest.mark.parametrize("seed", range(5))
def test_no_step_left_is_shorter_than_asked(seed: int) -> None:
    tracks = random_walks(seed)
    left = tracks.where(thin(tracks, interval_s=2 * HOUR_S, tolerance_s=0.5 * HOUR_S))
    assert left.step_s.min() >= 1.5 * HOUR_S
    again = thin(left, interval_s=2 * HOUR_S, tolerance_s=0.5 * HOUR_S)
    assert again.all()


@pytest.mark.parametrize(("interval_s", "tolerance_s"), [(0, 0), (10, 10), (10, -1)])
def test_thinning_refuses_a_tolerance_as_long_as_the_interval(
    interval_s: float, tolerance_s: float
) -> None:
    with pytest.raises(BadRule, match="interval_s"):
        thin(GAP, interval_s=interval_s, tolerance_s=tolerance_s)
