from itertools import pairwise

import numpy as np
import pytest
import shapely
from scipy.optimize import minimize
from scipy.special import logsumexp

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.crossings import count_crossings
from ecoduct_analysis.errors import AnalysisError, BadRule
from ecoduct_analysis.step_selection import (
    SelectionRule,
    draw_choices,
    fit_conditional_logit,
    fit_step_selection,
    pool_animals,
)
from ecoduct_analysis.tracks import FloatArray, IntArray, Tracks
from gallery import TRACKS, barriers, line, random_walks

FENCE = barriers(fence=line((500, -9000), (500, 9000)))
RULE = SelectionRule()


def roads() -> Barriers:
    at = np.arange(-20_000, 20_001, 1000)
    lines = [shapely.LineString([(x, -20_000), (x, 20_000)]) for x in at]
    return Barriers.from_geometries([str(n) for n in at], lines)


def planted(log_factor: float, seed: int, *, animals: int = 4, steps: int = 500) -> Tracks:
    """Animals that take one of 60 candidate steps, a crossing one with other odds."""
    dice, known, draws, every = np.random.default_rng(seed), roads(), 60, np.arange(animals)
    place, heading = dice.uniform(-8000, 8000, (animals, 2)), dice.uniform(0, 6.28, animals)
    places = [place]
    for _ in range(steps):
        length = dice.gamma(2.0, 150.0, (animals, draws))
        turned = heading[:, None] + dice.vonmises(0.0, 1.0, (animals, draws))
        ends = place[:, None] + length[..., None] * np.stack((np.cos(turned), np.sin(turned)), 2)
        crossed = count_crossings(np.repeat(place, draws, axis=0), ends.reshape(-1, 2), known) > 0
        score = log_factor * crossed.reshape(animals, draws) + dice.gumbel(size=(animals, draws))
        taken = np.argmax(score, axis=1)
        place, heading = ends[every, taken], turned[every, taken]
        places.append(place)
    x, y = np.stack(places, axis=1).transpose(2, 0, 1)
    return Tracks.from_arrays(
        [f"animal {n}" for n in every],
        track=np.repeat(every, steps + 1),
        t_ms=np.tile(np.arange(steps + 1) * 3_600_000, animals),
        x=x.ravel(),
        y=y.ravel(),
    )


def choices_of(
    beta: FloatArray, dice: np.random.Generator, *, strata: int = 400
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Offsets, columns and used rows of strata of 2 to 11 rows, chosen with coefficients beta."""
    offsets = np.concatenate(([0], np.cumsum(dice.integers(2, 12, strata))))
    columns = dice.normal(5.0, [1.0, 100.0], (offsets[-1], 2))
    score = columns @ beta + dice.gumbel(size=offsets[-1])
    used = np.zeros(offsets[-1], dtype=bool)
    for begin, end in pairwise(offsets):
        used[begin + np.argmax(score[begin:end])] = True
    return offsets, columns, used


@pytest.mark.parametrize("tracks", TRACKS.values(), ids=TRACKS)
def test_awkward_tracks_bear_it(tracks: Tracks) -> None:
    rule = SelectionRule(interval_tolerance=0.9)
    assert len(fit_step_selection(tracks, FENCE, rule, seed=1)) == len(tracks.names)


def test_conditional_logit_is_that_of_a_general_optimiser() -> None:
    offsets, columns, used = choices_of(np.array([0.7, -0.01]), np.random.default_rng(1), strata=9)

    def against(beta: FloatArray) -> float:
        score = columns @ beta
        parts = [logsumexp(score[a:b]) for a, b in pairwise(offsets)]
        return float(sum(parts) - score[used].sum())

    best = minimize(against, np.zeros(2), method="Nelder-Mead", options={"xatol": 1e-9})
    fit = fit_conditional_logit(offsets, columns, used)
    assert fit.coefficient == pytest.approx(best.x, abs=1e-5)
    assert fit.log_likelihood == pytest.approx(-best.fun)


def test_standard_errors_cover_the_planted_coefficients() -> None:
    beta = np.array([0.7, -0.01])
    fits = [
        fit_conditional_logit(*choices_of(beta, np.random.default_rng(seed))) for seed in range(200)
    ]
    z = np.array([(fit.coefficient - beta) / fit.standard_error for fit in fits])
    assert np.abs(z.mean(axis=0)).max() < 3 / np.sqrt(200)
    assert z.std(axis=0) == pytest.approx(1.0, abs=0.15)


def test_odds_of_a_pair_are_those_of_its_counts() -> None:
    # 30 of 40 pairs took the row with 1: odds of 3, error sqrt(1 / 30 + 1 / 10).
    used = np.repeat([[1, 0], [0, 1]], [30, 10], axis=0)
    ones = np.tile([[1], [0]], (40, 1))
    fit = fit_conditional_logit(np.arange(0, 81, 2), ones, used.ravel())
    assert fit.coefficient[0] == pytest.approx(np.log(3))
    assert fit.standard_error[0] == pytest.approx(np.sqrt(1 / 30 + 1 / 10))
    assert fit.z[0] == pytest.approx(fit.coefficient[0] / fit.standard_error[0])


def test_large_values_do_not_overflow() -> None:
    offsets, columns, used = choices_of(np.array([0.7, -0.01]), np.random.default_rng(1))
    far = fit_conditional_logit(offsets, columns + 1e6, used)
    assert far.coefficient == pytest.approx(
        fit_conditional_logit(offsets, columns, used).coefficient, rel=1e-4
    )


def test_column_that_parts_used_from_unused_is_told() -> None:
    fit = fit_conditional_logit([0, 2, 4], [[1], [0], [1], [0]], [1, 0, 1, 0], terms=["road"])
    assert np.isnan(fit.coefficient).all()
    assert fit.reason == "road tells used from unused without fault"


def test_column_that_never_varies_in_a_stratum_is_told() -> None:
    fit = fit_conditional_logit([0, 2, 4], [[1, 3], [0, 3], [1, 4], [0, 4]], [1, 0, 0, 1])
    assert fit.reason == "column 1 is alike within every stratum"


def test_collinear_columns_are_told() -> None:
    offsets, columns, used = choices_of(np.array([0.7, -0.01]), np.random.default_rng(1))
    twice = np.column_stack((columns, columns[:, 0] * 2))
    assert fit_conditional_logit(offsets, twice, used).reason == "terms are collinear within strata"


@pytest.mark.parametrize("used", [[1, 1, 0, 0], [0, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0], [1, 0]])
def test_stratum_without_one_used_row_is_refused(used: list[int]) -> None:
    with pytest.raises(AnalysisError, match="one used row"):
        fit_conditional_logit([0, 2, 4], [[1], [0], [1], [0]], used)


def test_values_that_are_not_finite_are_refused() -> None:
    with pytest.raises(AnalysisError, match="finite"):
        fit_conditional_logit([0, 2], np.array([[np.nan], [0.0]]), [1, 0])


@pytest.mark.parametrize("log_factor", [-1.5, 0.0, 0.7])
def test_planted_odds_of_crossing_are_found(log_factor: float) -> None:
    found = fit_step_selection(planted(log_factor, 2), roads(), RULE, seed=2)
    assert abs(found.mean[0] - log_factor) < 2.5 * found.mean_error[0]
    assert found.mean_error[0] < 0.25
    assert abs(found.together.coefficient[0] - log_factor) < 2.5 * found.together.standard_error[0]
    assert found.crossing_factor[1] == pytest.approx(np.exp(found.mean[0]))


def test_animal_that_never_crosses_has_a_reason_and_is_not_pooled() -> None:
    dice = np.random.default_rng(5)
    x, y = np.cumsum(dice.normal(0, 200, (2, 300)), axis=1)
    shy = Tracks.from_arrays(
        ["shy"], track=[0] * 300, t_ms=np.arange(300) * 1000, x=499 - np.abs(x), y=y % 9000
    )
    found = fit_step_selection(shy, FENCE, RULE, seed=1)
    assert (found.n_crossings.tolist(), found.n_pooled) == ([0], 0)
    assert "crossing" in found.reasons[0]


def test_random_steps_have_lengths_and_turns_of_the_used_ones() -> None:
    tracks = planted(0.0, 3)
    choices = draw_choices(tracks, SelectionRule(random_steps=100), seed=1)
    used = np.zeros(len(choices.length_m), dtype=bool)
    used[choices.offsets[:-1]] = True
    for measure in (choices.length_m, np.cos(choices.turn_rad)):
        assert measure[~used].mean() == pytest.approx(measure[used].mean(), rel=0.05)


def test_step_after_a_gap_is_no_choice() -> None:
    hours = [0, 1, 2, 30, 31, 32]
    over_a_gap = Tracks.from_arrays(
        ["a"], track=[0] * 6, t_ms=np.array(hours) * 3_600_000, x=range(6), y=[0, 1, 0, 1, 0, 1]
    )
    assert draw_choices(over_a_gap, RULE, seed=1).first.tolist() == [1, 4]


def test_covariate_is_fitted_by_its_name() -> None:
    tracks = planted(0.0, 4, steps=200)
    choices = draw_choices(tracks, RULE, seed=1)
    further = {"east": choices.end[:, 0] / 1000}
    found = fit_step_selection(tracks, roads(), RULE, seed=1, covariates=further)
    assert found.terms[-1] == "east"
    assert abs(found.together.z[-1]) < 3
    with pytest.raises(AnalysisError, match="draw_choices"):
        fit_step_selection(tracks, roads(), RULE, seed=1, covariates={"east": [1.0]})


def test_pooling_weighs_animals_by_their_errors_and_differences() -> None:
    # By hand: weights 1 and 1/4, mean 0.5 / 1.25, Q = 0.16 + 2.56 / 4 = 0.8, below one degree
    # of freedom: no difference beyond chance.
    mean, error, between, count = pool_animals(np.array([[0.0], [2.0]]), np.array([[1.0], [2.0]]))
    assert mean == pytest.approx([0.4])
    assert error == pytest.approx([np.sqrt(1 / 1.25)])
    assert (between.tolist(), count) == ([0.0], 2)


def test_pooling_leaves_out_animals_that_tell_nothing() -> None:
    mean, _, _, count = pool_animals(np.array([[np.nan], [2.0]]), np.array([[np.nan], [1.0]]))
    assert (mean.tolist(), count) == ([2.0], 1)


def test_animals_of_different_intervals_are_refused() -> None:
    mixed = Tracks.from_arrays(
        ["a", "b"], track=[0] * 5 + [1] * 5, x=np.arange(10), y=np.arange(10),
        t_ms=[0, 2, 4, 6, 8, 0, 3, 6, 9, 12],
    )  # fmt: skip
    with pytest.raises(AnalysisError, match="Coarser fixes see fewer crossings"):
        fit_step_selection(mixed, FENCE, RULE, seed=1)


def test_count_of_crossings_may_stand_for_the_term() -> None:
    tracks = random_walks(1, fixes=300)
    once = fit_step_selection(tracks, roads(), SelectionRule(interval_tolerance=0.9), seed=1)
    each = SelectionRule(count_each=True, interval_tolerance=0.9)
    assert (
        once.together.coefficient[0]
        != fit_step_selection(tracks, roads(), each, seed=1).together.coefficient[0]
    )


def test_rule_refuses_what_cannot_be() -> None:
    for wrong in ({"random_steps": 0}, {"reference_length_m": -1.0}, {"interval_tolerance": 2.0}):
        with pytest.raises(BadRule):
            SelectionRule(**wrong)
