"""Whoever shares the call, wherever the world lies: the same permeability, nulls and choices."""

import numpy as np
import pytest
import shapely

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.nulls import NullRule, observed_against_expected
from ecoduct_analysis.permeability import PermeabilityRule, estimate_permeability, fit_kappa
from ecoduct_analysis.step_selection import SelectionRule, draw_choices, fit_step_selection
from ecoduct_analysis.tracks import FloatArray, Tracks
from gallery import HOUR_MS

KAPPA = PermeabilityRule()
SELECTION = SelectionRule()
SEEDS = range(6)
AREA = (-20_000.0, -20_000.0, 20_000.0, 20_000.0)
NULLS = [NullRule(null=null, draws=99) for null in ("rotate", "shift", "shuffle")]


def herd(seed: int, *, animals: int = 4, fixes: int = 150) -> Tracks:
    dice = np.random.default_rng(seed)
    x, y = np.round(np.cumsum(dice.normal(0, 300, (2, animals, fixes)), axis=2), 2)
    return Tracks.from_arrays(
        [f"animal {n}" for n in range(animals)],
        track=np.repeat(np.arange(animals), fixes),
        t_ms=np.tile(np.arange(fixes), animals) * HOUR_MS,
        x=x.ravel(),
        y=y.ravel(),
    )


def roads(turn: FloatArray | None = None) -> Barriers:
    ends = np.array([[(n, -20_000.0), (n, 20_000.0)] for n in range(-19_500, 20_000, 1000)])
    lines = ends if turn is None else ends @ turn.T
    return Barriers.from_geometries(
        [str(n) for n in range(len(lines))], [shapely.LineString(one) for one in lines]
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_animals_changes_nothing(seed: int) -> None:
    tracks, order = herd(seed), np.array([2, 0, 3, 1])
    other = tracks.select(order)
    one, two = (estimate_permeability(each, roads(), KAPPA, seed=5) for each in (tracks, other))
    assert one.kappa[order].tolist() == two.kappa.tolist()
    assert one.together.kappa == pytest.approx(two.together.kappa, rel=1e-9)
    for rule in NULLS:
        here, there = (
            observed_against_expected(each, roads(), rule, seed=5, area=AREA)
            for each in (tracks, other)
        )
        assert here.animals.p_fewer[order].tolist() == there.animals.p_fewer.tolist()
        assert here.animals.expected[order].tolist() == there.animals.expected.tolist()
        assert here.together.p_two_sided.tolist() == there.together.p_two_sided.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_animals_alone_are_as_in_company(seed: int) -> None:
    tracks = herd(seed)
    parts = list(tracks.chunks(150))
    assert len(parts) == 4
    kappa = [estimate_permeability(part, roads(), KAPPA, seed=5).kappa[0] for part in parts]
    assert kappa == estimate_permeability(tracks, roads(), KAPPA, seed=5).kappa.tolist()
    ends = [draw_choices(part, SELECTION, seed=5).end for part in parts]
    assert np.array_equal(np.concatenate(ends), draw_choices(tracks, SELECTION, seed=5).end)
    chosen = [fit_step_selection(part, roads(), SELECTION, seed=5).coefficient for part in parts]
    whole = fit_step_selection(tracks, roads(), SELECTION, seed=5)
    assert np.array_equal(np.concatenate(chosen), whole.coefficient, equal_nan=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_seed_decides_all(seed: int) -> None:
    tracks = herd(seed)
    twice = [estimate_permeability(tracks, roads(), KAPPA, seed=5) for _ in range(2)]
    other = estimate_permeability(tracks, roads(), KAPPA, seed=6)
    assert twice[0].null_crossings.tolist() == twice[1].null_crossings.tolist()
    assert twice[0].null_crossings.tolist() != other.null_crossings.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_quarter_turn_of_the_world_changes_nothing(seed: int) -> None:
    tracks, turn = herd(seed), np.array([[0.0, -1.0], [1.0, 0.0]])
    turned = Tracks(tracks.names, tracks.offsets, tracks.t_ms, -tracks.y, tracks.x)
    here = estimate_permeability(tracks, roads(), KAPPA, seed=5)
    there = estimate_permeability(turned, roads(turn), KAPPA, seed=5)
    assert here.crossed.tolist() == there.crossed.tolist()
    assert np.abs(here.null_crossings - there.null_crossings).max() <= 1
    assert here.together.kappa == pytest.approx(there.together.kappa, rel=0.01)


@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_steps_and_unit_of_a_covariate_change_nothing(seed: int) -> None:
    dice = np.random.default_rng(seed)
    over, attribute = dice.integers(0, 61, 500), dice.normal(0, 1, (500, 1))
    crossed = dice.random(500) < 0.5 * over / 60
    order = dice.permutation(500)
    one = fit_kappa(crossed, over, 60, covariates=attribute)
    two = fit_kappa(crossed[order], over[order], 60, covariates=1000 * attribute[order] + 7)
    assert two.coefficient[1] * 1000 == pytest.approx(one.coefficient[1], rel=1e-6, abs=1e-9)
    assert two.standard_error[1] * 1000 == pytest.approx(one.standard_error[1], rel=1e-6)
    assert two.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_animal_that_heeds_no_barrier_has_a_kappa_of_about_1(seed: int) -> None:
    fit = estimate_permeability(herd(seed, animals=6), roads(), KAPPA, seed=5).together
    # Six intervals of 99.7 %: one miss in 50 runs of this whole test.
    assert abs(fit.coefficient[0]) < 3 * fit.standard_error[0]


def test_kappas_of_many_free_herds_do_not_lean() -> None:
    fits = [
        estimate_permeability(herd(seed + 100), roads(), KAPPA, seed=seed).together
        for seed in range(20)
    ]
    z = np.array([fit.coefficient[0] / fit.standard_error[0] for fit in fits])
    assert abs(z.mean()) < 3 / np.sqrt(20)
