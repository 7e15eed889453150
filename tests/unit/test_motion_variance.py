"""Motion variance: against what is known by hand, and in the modes of other packages."""

from typing import Any

import numpy as np
import pytest

from ecoduct_analysis.errors import AnalysisError, BadRule
from ecoduct_analysis.motion_variance import (
    GapRule,
    VarianceMode,
    motion_log_likelihood,
    motion_variance_m2_s,
)
from ecoduct_analysis.tracks import FloatArray, Tracks
from gallery import NOBODY, ONCE, STILL, TRACKS, walk

MODES: tuple[VarianceMode, ...] = ("clean", "published", "BBMM-3.0", "liker")
LEAST_M2_S = 1 / 60  # BBMM searches from 1 m^2/min


def wanderers(*, error_m: float, known: bool = False) -> Tracks:
    """Animals of motion variance 1 m^2/s, irregular fixes with an error."""
    dice = np.random.default_rng(1)
    animals, fixes = 100, 301
    seconds = dice.choice([1800, 3600, 7200], (animals, fixes))
    moves = dice.normal(size=(animals, fixes, 2)) * np.sqrt(seconds)[..., None]
    places: FloatArray = np.cumsum(moves, axis=1) + dice.normal(0, 1, moves.shape) * error_m
    return Tracks.from_arrays(
        [str(n) for n in range(animals)],
        track=np.repeat(np.arange(animals), fixes),
        t_ms=np.cumsum(seconds, axis=1).ravel() * 1000,
        x=places[..., 0].ravel(),
        y=places[..., 1].ravel(),
        error_m=np.full(places[..., 0].size, error_m) if known else None,
    )


def standard_errors_off(found: FloatArray) -> float:
    return float(abs(found.mean() - 1.0) / (found.std() / np.sqrt(len(found))))


@pytest.mark.parametrize("error_m", [0.0, 10.0, 50.0])
def test_variance_of_a_known_motion_is_found_whatever_the_error(error_m: float) -> None:
    found = motion_variance_m2_s(wanderers(error_m=error_m), error_m=error_m)
    assert standard_errors_off(found) < 4


def test_leaving_out_the_middle_error_takes_scatter_for_motion() -> None:
    found = motion_variance_m2_s(wanderers(error_m=50), error_m=50, middle_error=False)
    assert found.mean() > 2


def test_overlapping_triplets_find_a_known_motion_too() -> None:
    found = motion_variance_m2_s(wanderers(error_m=0), mode="liker")
    assert standard_errors_off(found) < 4


def test_later_time_fraction_takes_unequal_intervals_for_motion() -> None:
    found = motion_variance_m2_s(wanderers(error_m=0), mode="BBMM-3.0")
    assert found.mean() > 1.5


def test_errors_that_the_track_knows_come_before_the_parameter() -> None:
    known = motion_variance_m2_s(wanderers(error_m=50, known=True), error_m=1e6)
    told = motion_variance_m2_s(wanderers(error_m=50), error_m=50)
    assert known.tolist() == told.tolist()


def test_time_fraction_is_that_of_the_earlier_step() -> None:
    # The middle fix lies on the straight way at a quarter of the time: nothing strayed.
    even = walk((0, 0), (25, 0), (100, 0), hours=[0, 1, 4])
    assert motion_variance_m2_s(even).tolist() == [0.0]
    # At three quarters of the way it strayed by 50 m: 50^2 / 2 / (4 h * 1/4 * 3/4).
    early = walk((0, 0), (75, 0), (100, 0), hours=[0, 1, 4])
    assert motion_variance_m2_s(early)[0] == pytest.approx(1250 / (0.75 * 3600))


def test_bbmm_takes_the_time_fraction_of_the_later_step() -> None:
    # At three quarters of the time, it says, the animal was a quarter of the way.
    even = walk((0, 0), (25, 0), (100, 0), hours=[0, 1, 4])
    found = motion_variance_m2_s(even, mode="BBMM-3.0")[0]
    assert found == pytest.approx(1250 / (0.75 * 3600), rel=1e-6)


def test_bbmm_finds_no_less_than_a_square_metre_a_minute() -> None:
    assert motion_variance_m2_s(STILL, error_m=10, mode="BBMM-3.0")[0] == pytest.approx(
        LEAST_M2_S, rel=1e-3
    )


def test_variance_without_errors_is_the_mean_over_triplets() -> None:
    # Off by 60 m and by 30 m, half-way: each has a scale of 2 h / 4 = 1800 s.
    track = walk((0, 0), (50, 60), (100, 0), (150, 30), (200, 0))
    assert motion_variance_m2_s(track)[0] == pytest.approx((3600 + 900) / 4 / 1800)


def test_liker_counts_every_inner_fix() -> None:
    # As above; the third fix, too, lies off its neighbours' line: by 45 m.
    track = walk((0, 0), (50, 60), (100, 0), (150, 30), (200, 0))
    found = motion_variance_m2_s(track, mode="liker")[0]
    assert found == pytest.approx((3600 + 45**2 + 900) / 6 / 1800)


def test_variance_is_the_best_of_two_peaks() -> None:
    # Ten fixes that fit their errors of 1 m, and one that strayed by 1 km: the likelihood has one
    # peak near 0 and one far up; the best of a dense grid is the answer.
    places = [(0.0, 0.0)] * 23
    places[11] = (0.0, 1000.0)
    track = walk(*places)
    found = motion_variance_m2_s(track, error_m=1.0)
    dense = 10.0 ** np.arange(-8, 4, 0.001)
    curve = motion_log_likelihood(track, variances_m2_s=dense, error_m=1.0)
    best = motion_log_likelihood(track, variances_m2_s=found, error_m=1.0)
    assert best[0, 0] >= curve.max() - 1e-9


def test_likelihood_is_that_of_normal_scatter() -> None:
    # Off by 60 m, half-way through 2 h, errors of 10 m: 1800 s s2 + 150 m^2 along each axis.
    track = walk((0, 0), (50, 60), (100, 0))
    found = motion_log_likelihood(track, variances_m2_s=[0, 1], error_m=10)
    right = [-np.log(2 * np.pi * spread) - 3600 / 2 / spread for spread in (150, 1950)]
    assert found == pytest.approx(np.array([right]))


def test_likelihood_is_impossible_where_exact_fixes_strayed() -> None:
    track = walk((0, 0), (50, 60), (100, 0))
    assert motion_log_likelihood(track, variances_m2_s=0).tolist() == [[-np.inf]]
    assert np.isnan(motion_log_likelihood(ONCE, variances_m2_s=1)).all()


def test_variance_is_unknown_without_a_triplet() -> None:
    for mode in MODES:
        assert np.isnan(motion_variance_m2_s(ONCE, mode=mode)).all()
        assert len(motion_variance_m2_s(NOBODY, mode=mode)) == 0


def test_triplet_over_a_gap_is_passed_over() -> None:
    track = walk((0, 0), (0, 60), (0, 0), hours=[0, 1, 14.5])
    assert np.isnan(motion_variance_m2_s(track)[0])
    assert motion_variance_m2_s(track, max_gap_s=14 * 3600)[0] > 0


def test_gap_beside_a_short_step_counts_by_the_mean() -> None:
    # Steps of 1 h and 13 h: 7 h in the mean, which is cut where it reaches the limit.
    track = walk((0, 0), (0, 60), (0, 0), hours=[0, 1, 14])
    by_mean = [
        motion_variance_m2_s(track, gap_rule="mean", max_gap_s=hours * 3600)[0]
        for hours in (7, 7.01)
    ]
    assert np.isnan(by_mean[0])
    assert by_mean[1] > 0


def test_after_a_gap_the_next_fix_is_tried() -> None:
    # Triplets about the first and third inner fix bridge the gap; the second one counts.
    places = ((0.0, 0.0), (10.0, 0.0), (20.0, 60.0), (30.0, 0.0))
    track = walk(*places, hours=[0, 20, 21, 22])
    assert motion_variance_m2_s(track)[0] == pytest.approx(3600 / 2 / 1800)


@pytest.mark.parametrize("mode", ["published", "BBMM-3.0", "liker"])
def test_modes_of_references_know_no_gap_unless_told(mode: VarianceMode) -> None:
    track = walk((0, 0), (0, 600), (0, 0), hours=[0, 100, 200])
    assert np.isnan(motion_variance_m2_s(track)[0])
    assert motion_variance_m2_s(track, mode=mode)[0] > 0
    assert np.isnan(motion_variance_m2_s(track, mode=mode, max_gap_s=3600)[0])


def test_animal_that_never_moved_has_no_variance() -> None:
    assert motion_variance_m2_s(STILL).tolist() == [0.0]
    assert motion_variance_m2_s(STILL, error_m=10).tolist() == [0.0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", sorted(TRACKS))
def test_variance_bears_awkward_tracks(name: str, mode: VarianceMode) -> None:
    try:
        found = motion_variance_m2_s(TRACKS[name], error_m=5, mode=mode)
    except AnalysisError:
        return
    assert len(found) == len(TRACKS[name].names)
    assert not (found < 0).any()


@pytest.mark.parametrize(
    "settings",
    [{"error_m": -1.0}, {"error_m": np.nan}, {"max_gap_s": 0.0}, {"max_gap_s": np.nan},
     {"mode": "BBMM"}, {"gap_rule": "sum"}],
)  # fmt: skip
def test_variance_refuses_what_it_cannot_use(settings: dict[str, Any]) -> None:
    with pytest.raises(BadRule):
        motion_variance_m2_s(STILL, **settings)


@pytest.mark.parametrize("variance", [-1.0, np.nan])
def test_likelihood_refuses_what_is_no_variance(variance: float) -> None:
    with pytest.raises(BadRule):
        motion_log_likelihood(STILL, variances_m2_s=variance)


@pytest.mark.parametrize("gap_rule", ["each", "mean"])
def test_bbmm_and_the_paper_agree_at_a_constant_interval(gap_rule: GapRule) -> None:
    track = walk((0, 0), (50, 60), (100, 0), (150, 30), (200, 0))
    published = motion_variance_m2_s(track, error_m=5, mode="published", gap_rule=gap_rule)
    bbmm = motion_variance_m2_s(track, error_m=5, mode="BBMM-3.0")
    assert bbmm == pytest.approx(published, rel=1e-4)
