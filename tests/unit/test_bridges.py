"""Brownian bridges: motion variance and draws, against what is known by hand."""

import numpy as np
import pytest

from ecoduct_analysis.bridges import BridgeRule, motion_variance_m2_s, simulate_bridges
from ecoduct_analysis.errors import AnalysisError, BadRule
from ecoduct_analysis.tracks import FloatArray, Tracks
from gallery import HOUR_MS, NOBODY, ONCE, STILL, TRACKS, walk


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


def test_variance_without_errors_is_the_mean_over_triplets() -> None:
    # Off by 60 m and by 30 m, half-way: each has a scale of 2 h / 4 = 1800 s.
    track = walk((0, 0), (50, 60), (100, 0), (150, 30), (200, 0))
    assert motion_variance_m2_s(track)[0] == pytest.approx((3600 + 900) / 4 / 1800)


def test_variance_is_the_best_of_two_peaks() -> None:
    # Ten fixes that fit their errors of 1 m, and one that strayed by 1 km: the likelihood has one
    # peak near 0 and one far up; the best of a dense grid is the answer.
    places = [(0.0, 0.0)] * 23
    places[11] = (0.0, 1000.0)
    track = walk(*places)
    found = motion_variance_m2_s(track, error_m=1.0)[0]
    off2 = np.array([0.0] * 5 + [1e6] + [0.0] * 5)

    def cost(variance: float) -> float:
        spread = 1800 * variance + 1.5
        return float(np.sum(np.log(spread) + off2 / (2 * spread)))

    dense = 10.0 ** np.arange(-8, 4, 0.001)
    assert cost(found) <= min(cost(one) for one in dense) + 1e-9


def test_variance_is_unknown_without_a_triplet() -> None:
    assert np.isnan(motion_variance_m2_s(ONCE)).all()
    assert len(motion_variance_m2_s(NOBODY)) == 0


def test_triplet_over_a_gap_is_passed_over() -> None:
    track = walk((0, 0), (0, 60), (0, 0), hours=[0, 1, 14.5])
    assert np.isnan(motion_variance_m2_s(track)[0])
    assert motion_variance_m2_s(track, max_gap_s=14 * 3600)[0] > 0


def test_animal_that_never_moved_has_no_variance() -> None:
    assert motion_variance_m2_s(STILL).tolist() == [0.0]
    assert motion_variance_m2_s(STILL, error_m=10).tolist() == [0.0]


@pytest.mark.parametrize("name", sorted(TRACKS))
def test_variance_bears_awkward_tracks(name: str) -> None:
    try:
        found = motion_variance_m2_s(TRACKS[name], error_m=5)
    except AnalysisError:
        return
    assert len(found) == len(TRACKS[name].names)
    assert not (found < 0).any()


@pytest.mark.parametrize(("error_m", "max_gap_s"), [(-1.0, 3600.0), (np.nan, 3600.0), (1.0, 0.0)])
def test_variance_refuses_what_it_cannot_use(error_m: float, max_gap_s: float) -> None:
    with pytest.raises(BadRule):
        motion_variance_m2_s(STILL, error_m=error_m, max_gap_s=max_gap_s)


@pytest.mark.parametrize(
    "settings",
    [{"error_m": -1}, {"max_gap_s": 0}, {"reach_sd": 6}, {"reach_sd": 0}, {"samples": 0},
     {"look_s": 0}],
)  # fmt: skip
def test_rule_refuses_what_it_cannot_use(settings: dict[str, int]) -> None:
    with pytest.raises(BadRule):
        BridgeRule(**settings)


def test_bridges_spread_as_their_formula_says() -> None:
    parts = np.array([0.0, 0.25, 0.5, 1.0])
    drawn = simulate_bridges(
        [[0, 0], [100, 50]], [[40, 80], [0, 0]], duration_s=[100, 400], variance_m2_s=[2, 1],
        fractions=parts, samples=20_000, dice=np.random.default_rng(3),
        error_begin_m=5, error_end_m=[0, 3],
    )  # fmt: skip
    assert drawn.shape == (2, 20_000, 4, 2)
    spread2 = np.array([[200.0], [400.0]]) * parts * (1 - parts)
    spread2 += ((1 - parts) * 5) ** 2 + (parts * np.array([[0.0], [3.0]])) ** 2
    for axis in (0, 1):
        assert drawn[..., axis].var(axis=1) == pytest.approx(spread2, rel=0.05, abs=1e-9)
    means = drawn.mean(axis=1)
    assert means[0, :, 1] == pytest.approx(80 * parts, abs=0.5)
    assert means[1, :, 0] == pytest.approx(100 * (1 - parts), abs=0.5)


def test_draws_at_two_times_belong_to_one_bridge() -> None:
    drawn = simulate_bridges(
        [[0, 0]], [[0, 0]], duration_s=1, variance_m2_s=1, fractions=[0.25, 0.75],
        samples=50_000, dice=np.random.default_rng(4),
    )  # fmt: skip
    # Covariance of a bridge: s (1 - t).
    assert np.cov(drawn[0, :, 0, 0], drawn[0, :, 1, 0])[0, 1] == pytest.approx(1 / 16, abs=4e-3)


def test_same_dice_draw_the_same_bridges() -> None:
    first, second = (
        simulate_bridges(
            [[0, 0]], [[1, 1]], duration_s=9, variance_m2_s=1, fractions=[0.5], samples=3,
            dice=np.random.default_rng(9),
        )
        for _ in range(2)
    )  # fmt: skip
    assert (first == second).all()


@pytest.mark.parametrize("fractions", [[0.5, 0.4], [-0.1], [1.1]])
def test_fractions_must_rise_within_the_step(fractions: list[float]) -> None:
    with pytest.raises(BadRule):
        simulate_bridges(
            [[0, 0]], [[1, 1]], duration_s=9, variance_m2_s=1, fractions=fractions, samples=1,
            dice=np.random.default_rng(9),
        )  # fmt: skip


def test_gap_of_the_rule_is_that_of_stays() -> None:
    assert BridgeRule().max_gap_s == 12 * HOUR_MS / 1000
