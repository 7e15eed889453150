import numpy as np
import pytest
import shapely
from scipy.optimize import minimize

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.crossings import count_crossings
from ecoduct_analysis.errors import AnalysisError
from ecoduct_analysis.permeability import PermeabilityRule, estimate_permeability, fit_kappa
from ecoduct_analysis.tracks import Tracks
from gallery import TRACKS, barriers, line

FENCE = barriers(fence=line((500, -9000), (500, 9000)))
RULE = PermeabilityRule()


def roads(every_m: float = 2000.0, half_m: float = 20_000.0) -> Barriers:
    at = np.arange(-half_m, half_m + 1, every_m)
    lines = [shapely.LineString([(x, -half_m), (x, half_m)]) for x in at]
    return Barriers.from_geometries([str(n) for n in range(len(lines))], lines)


def planted(kappa: float, seed: int, *, animals: int = 6, steps: int = 500) -> Tracks:
    """Animals whose steps cross with the chance of the model, from 60 candidates each."""
    dice, known, draws = np.random.default_rng(seed), roads(), 60
    place, heading = dice.uniform(-8000, 8000, (animals, 2)), dice.uniform(0, 6.28, animals)
    places, every = [place], np.arange(animals)
    for _ in range(steps):
        length = 300.0 * dice.weibull(1.3, (animals, draws))
        turned = heading[:, None] + dice.vonmises(0.0, 1.0, (animals, draws))
        ends = place[:, None] + length[..., None] * np.stack((np.cos(turned), np.sin(turned)), 2)
        crossed = count_crossings(np.repeat(place, draws, axis=0), ends.reshape(-1, 2), known) > 0
        crossed = crossed.reshape(animals, draws)
        wanted = dice.random(animals) < 1 - (1 - crossed.mean(axis=1)) ** kappa
        taken = np.argmax(crossed == wanted[:, None], axis=1)
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


@pytest.mark.parametrize("tracks", TRACKS.values(), ids=TRACKS)
def test_awkward_tracks_bear_it(tracks: Tracks) -> None:
    rule = PermeabilityRule(interval_tolerance=0.9)
    assert len(estimate_permeability(tracks, FENCE, rule, seed=1)) == len(tracks.names)


def test_kappa_of_one_chance_is_the_ratio_of_logarithms() -> None:
    fit = fit_kappa(np.arange(100) < 20, 30, 60)
    assert fit.kappa == pytest.approx(np.log(0.8) / np.log(0.5))


def test_standard_error_of_one_chance_is_that_of_the_delta_method() -> None:
    # kappa = log(1 - p) / log(s0), so d log(kappa) / dp = -1 / ((1 - p) log(1 - p)).
    fit = fit_kappa(np.arange(100) < 20, 30, 60)
    by_hand = np.sqrt(0.2 * 0.8 / 100) / (0.8 * abs(np.log(0.8)))
    assert fit.standard_error[0] == pytest.approx(by_hand)
    assert fit.low[0] == pytest.approx(fit.kappa * np.exp(-1.96 * by_hand), rel=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_maximum_is_that_of_a_general_optimiser(seed: int) -> None:
    dice = np.random.default_rng(seed)
    over, attribute = dice.integers(1, 50, 300), dice.normal(40, 9, (300, 2))
    stay = 1 - over / 60
    crossed = dice.random(300) < 1 - stay ** np.exp((attribute[:, 0] - 45) / 10)

    def against(beta: np.ndarray) -> float:
        log_stay = np.exp(beta[0] + (attribute - 40) / 9 @ beta[1:]) * np.log(stay)
        return -float(np.where(crossed, np.log(-np.expm1(log_stay)), log_stay).sum())

    best = minimize(against, np.zeros(3), method="BFGS").x
    fit = fit_kappa(crossed, over, 60, covariates=attribute)
    assert fit.coefficient[1:] == pytest.approx(best[1:] / 9, abs=1e-5)
    assert fit.coefficient[0] == pytest.approx(best[0] - 40 * (best[1:] / 9).sum(), abs=1e-3)


@pytest.mark.parametrize("kappa", [0.1, 0.3, 1.0, 2.0])
def test_interval_holds_the_planted_kappa_95_times_in_100(kappa: float) -> None:
    held, found = 0, []
    for seed in range(400):
        dice = np.random.default_rng(seed)
        chance = dice.beta(0.5, 3.0, 800)
        crossed = dice.random(800) < 1 - (1 - chance) ** kappa
        fit = fit_kappa(crossed, dice.binomial(60, chance), 60)
        held += bool(fit.low[0] <= kappa <= fit.high[0])
        found.append(fit.kappa)
    assert np.mean(found) == pytest.approx(kappa, rel=0.05)
    assert 0.92 <= held / 400 <= 0.98


@pytest.mark.parametrize("kappa", [0.1, 0.3, 1.0, 2.0])
def test_kappa_planted_in_tracks_is_found(kappa: float) -> None:
    fit = estimate_permeability(planted(kappa, 1), roads(), RULE, seed=1).together
    assert fit.low[0] <= kappa <= fit.high[0]
    assert fit.n_crossings > 20


def test_lengths_of_crossing_steps_make_a_free_animal_look_hindered() -> None:
    crossing = PermeabilityRule(lengths="crossing")
    fit = estimate_permeability(planted(1.0, 3), roads(), crossing, seed=3).together
    assert fit.high[0] < 0.8


def test_attribute_of_a_barrier_is_found() -> None:
    dice = np.random.default_rng(4)
    chance, is_high = dice.beta(1, 3, 4000), dice.random(4000) < 0.5
    kappa = np.where(is_high, 0.2, 0.8)
    crossed = dice.random(4000) < 1 - (1 - chance) ** kappa
    over = np.rint(chance * 60)
    fit = fit_kappa(crossed, over, 60, covariates=is_high[:, None])
    assert fit.low[0] <= 0.8 <= fit.high[0]
    assert fit.low[1] <= 0.25 <= fit.high[1]


def test_crossing_that_no_null_step_made_keeps_kappa_finite() -> None:
    fit = fit_kappa([True, False, True], [0, 30, 30], 60)
    assert 0 < fit.kappa < np.inf


def test_steps_that_no_null_step_could_cross_tell_nothing() -> None:
    some = fit_kappa([True, False, False], [30, 20, 10], 60)
    more = fit_kappa([True, False, False, False], [30, 20, 10, 0], 60)
    assert (more.kappa, more.n_steps, more.n_informative) == (some.kappa, 4, 3)


def test_step_that_stays_where_all_null_steps_cross_keeps_kappa_above_0() -> None:
    assert fit_kappa([True, False], [60, 60], 60).kappa > 0


def test_barrier_never_crossed_has_kappa_0_and_an_upper_bound() -> None:
    fit = fit_kappa([False] * 20, 15, 60)
    # Twenty steps stay with a chance of 0.75 ** (20 kappa) = 0.025.
    assert (fit.kappa, fit.low[0], fit.reason) == (0.0, 0.0, "no step crossed")
    assert fit.high[0] == pytest.approx(np.log(0.025) / (20 * np.log(0.75)))


def test_barrier_always_crossed_has_a_lower_bound_only() -> None:
    fit = fit_kappa([True] * 20, 15, 60)
    assert (fit.kappa, fit.high[0]) == (np.inf, np.inf)
    assert (1 - 0.75 ** fit.low[0]) ** 20 == pytest.approx(0.025)


def test_no_step_near_the_barrier_tells_nothing() -> None:
    fit = fit_kappa([], [], 60)
    assert np.isnan(fit.kappa)
    assert fit.reason


def test_covariate_that_parts_crossings_without_fault_is_told() -> None:
    fit = fit_kappa([True] * 9 + [False] * 9, 30, 60, covariates=np.arange(18)[:, None])
    assert np.isnan(fit.coefficient).all()
    assert fit.reason


def test_collinear_covariates_are_refused() -> None:
    attribute = np.random.default_rng(1).normal(0, 1, (40, 1))
    with pytest.raises(AnalysisError, match="collinear"):
        fit_kappa(np.arange(40) % 3 == 0, 30, 60, covariates=attribute @ [[1.0, 2.0]])


@pytest.mark.parametrize(("over", "drawn"), [(61, 60), (-1, 60), (0, 0)])
def test_impossible_counts_are_refused(over: int, drawn: int) -> None:
    with pytest.raises(AnalysisError, match="null step"):
        fit_kappa([True, False], over, drawn)


def test_animals_of_different_intervals_are_refused() -> None:
    mixed = Tracks.from_arrays(
        ["a", "b"], track=[0] * 5 + [1] * 5, x=np.arange(10), y=np.arange(10),
        t_ms=[0, 2, 4, 6, 8, 0, 3, 6, 9, 12],
    )  # fmt: skip
    with pytest.raises(AnalysisError, match="Coarser fixes see fewer crossings"):
        estimate_permeability(mixed, FENCE, RULE, seed=1)


def test_rule_refuses_what_cannot_be() -> None:
    for wrong in ({"null_steps": 0}, {"reach_m": -1.0}, {"lengths": "all"}):
        with pytest.raises(AnalysisError):
            PermeabilityRule(**wrong)
