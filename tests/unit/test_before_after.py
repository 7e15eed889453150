from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from ecoduct_analysis.before_after import (
    ChangeRule,
    CrossingTable,
    estimate_change,
    placebo_change,
    tabulate_crossings,
)
from ecoduct_analysis.errors import AnalysisError, BadRule, BadTracks
from ecoduct_analysis.tracks import FloatArray, Tracks
from gallery import HOUR_MS, TRACKS, barriers, line, walk

FENCES = barriers(changed=line((50, -900), (50, 900)), same=line((5000, -900), (5000, 900)))
IS_IMPACT = [True, False]
RULE = ChangeRule()
QUICK = ChangeRule(seasons=1, resamples=99, flips=99)


def herd(
    seed: int,
    *,
    effect: float = 1.0,
    after: float = 1.5,
    impact: float = 0.5,
    animals: int = 10,
    weeks: int = 20,
    shape: float = 5.0,
    spread: float = 0.0,
) -> CrossingTable:
    """Animals of different zeal and uneven exposure, with counts less even than Poisson."""
    dice = np.random.default_rng(seed)
    animal, week, group = (
        part.ravel() for part in np.meshgrid(range(animals), range(-weeks, weeks), [0, 1])
    )
    exposure = dice.integers(5, 40, len(animal)).astype(float)
    # Of mean 1, so that the effect on all together is the one planted.
    own = np.exp(dice.normal(-(spread**2) / 2, spread, animals))[animal]
    zeal = dice.gamma(3.0, 0.03, animals)[animal]
    is_after = week >= 0
    rate = zeal * np.where(is_after, after, 1.0) * np.where(group, impact, 1.0)
    rate = rate * np.where(is_after & (group == 1), effect * own, 1.0)
    count = dice.poisson(exposure * rate * dice.gamma(shape, 1 / shape, len(animal)))
    return CrossingTable(
        tuple(f"animal {n}" for n in range(animals)), animal, week, week % 26 // 7,
        is_after, group == 1, count.astype(float), exposure,
    )  # fmt: skip


def cells(counts: list[int], *, animals: int = 3, exposure: float = 10.0) -> CrossingTable:
    """The same four counts for each animal: before and after, each at control and impact."""
    after = np.tile([0, 0, 1, 1], animals)
    return CrossingTable(
        tuple(f"animal {n}" for n in range(animals)), np.repeat(np.arange(animals), 4), after,
        np.zeros(4 * animals, dtype=int), after == 1, np.tile([False, True], 2 * animals),
        np.tile(np.array(counts, dtype=float), animals), np.full(4 * animals, exposure),
    )  # fmt: skip


def test_effect_of_equal_animals_is_the_ratio_of_ratios() -> None:
    found = estimate_change(cells([20, 40, 30, 15]), RULE, seed=1)
    assert found.effect == pytest.approx((15 / 40) / (30 / 20))
    assert found.cells.tolist() == [[60, 120], [90, 45]]
    assert (found.n_animals, found.n_complete, found.seed) == (3, 3, 1)


def test_exposure_is_taken_into_account() -> None:
    table = cells([20, 40, 30, 15])
    doubled = np.where(table.is_after & table.is_impact, 20.0, 10.0)
    found = estimate_change(replace(table, exposure=doubled), RULE, seed=1)
    assert found.effect == pytest.approx((7.5 / 40) / (30 / 20))


def test_maximum_is_that_of_a_general_optimiser_with_all_animals_as_columns() -> None:
    table = herd(3, animals=4, weeks=6)
    season = [table.season == part for part in np.unique(table.season)[1:]]
    animal = [table.animal == number for number in range(4)]
    after, impact = table.is_after, table.is_impact
    columns = np.stack((*animal, *season, impact, after, impact & after), axis=1).astype(float)

    def against(beta: FloatArray) -> float:
        mu = np.exp(columns @ beta) * table.exposure
        return float(mu.sum() - (table.count * np.log(mu)).sum())

    best = minimize(against, np.full(columns.shape[1], -1.0), method="BFGS")
    assert estimate_change(table, RULE, seed=1).effect == pytest.approx(
        float(np.exp(best.x[-1])), rel=1e-3
    )


@pytest.mark.parametrize("family", ["poisson", "negbin"])
def test_planted_effect_is_found(family: str) -> None:
    rule = ChangeRule(family=family)  # type: ignore[arg-type]
    found = estimate_change(herd(5, effect=0.4), rule, seed=1)
    assert found.low < 0.4 < found.high < 0.7
    assert found.p_value < 0.01
    assert found.dispersion > 1 or found.excess > 0


def test_excess_variance_is_that_planted() -> None:
    # Gamma mixed Poisson of shape 5: variance mu + mu ** 2 / 5.
    found = estimate_change(herd(6, weeks=60), replace(QUICK, family="negbin"), seed=1)
    assert found.excess == pytest.approx(0.2, rel=0.25)
    assert found.dispersion == pytest.approx(1.0, abs=0.02)


def test_interval_from_resampled_animals_holds_the_planted_effect() -> None:
    rule = replace(QUICK, flips=19)
    found = [
        estimate_change(herd(seed, effect=0.5, animals=16, weeks=6, spread=0.3), rule, seed=seed)
        for seed in range(80)
    ]
    held = sum(one.low <= 0.5 <= one.high for one in found)
    # Percentiles of 16 resampled animals hold a little less than 95 in 100.
    assert 0.86 <= held / 80 <= 0.99
    assert np.mean([np.log(one.effect) for one in found]) == pytest.approx(np.log(0.5), abs=0.05)


@pytest.mark.parametrize("unit", ["animals", "weeks"])
def test_p_keeps_its_size_where_there_is_no_effect(unit: str) -> None:
    # All that is not the effect differs: animals, weeks' counts, before and after, the groups.
    rule = ChangeRule(seasons=1, flips=99, unit=unit, resamples=19)  # type: ignore[arg-type]
    p = [
        estimate_change(herd(seed, weeks=6, spread=0.2, animals=12), rule, seed=seed).p_value
        for seed in range(300)
    ]
    # 300 cases at 0.05: 15 expected, standard deviation 3.8.
    assert 6 <= sum(one <= 0.05 for one in p) <= 24


def test_effect_does_not_depend_on_the_order_of_animals() -> None:
    table = herd(7, effect=0.5)
    order = np.random.default_rng(1).permutation(10)
    place = np.argsort(order)
    other = replace(table, names=tuple(table.names[n] for n in order), animal=place[table.animal])
    one, two = (estimate_change(each, QUICK, seed=3) for each in (table, other))
    assert (one.effect, one.low, one.high, one.p_value) == (
        two.effect, two.low, two.high, two.p_value,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("counts", "effect"),
    [([5, 5, 5, 0], 0.0), ([0, 5, 5, 5], 0.0), ([5, 0, 5, 5], np.inf), ([5, 5, 0, 5], np.inf)],
)
def test_empty_cell_makes_the_effect_0_or_infinite(counts: list[int], effect: float) -> None:
    assert estimate_change(cells(counts), QUICK, seed=1).effect == effect


@pytest.mark.parametrize("counts", [[0, 0, 0, 0], [5, 0, 5, 0]])
def test_effect_without_crossings_is_unknown(counts: list[int]) -> None:
    found = estimate_change(cells(counts), QUICK, seed=1)
    assert np.isnan([found.effect, found.low, found.high]).all()


def test_two_complete_animals_are_too_few() -> None:
    with pytest.raises(AnalysisError, match="2 animals were exposed in all four cells"):
        estimate_change(cells([5, 5, 5, 5], animals=2), RULE, seed=1)


def test_animal_without_exposure_in_a_cell_is_not_complete() -> None:
    table = cells([5, 5, 5, 5], animals=4)
    exposure = table.exposure.copy()
    exposure[0] = 0.0
    assert estimate_change(replace(table, exposure=exposure), RULE, seed=1).n_complete == 3


def test_season_that_only_one_side_saw_is_told() -> None:
    table = replace(cells([5, 5, 5, 5]), season=np.tile([0, 0, 1, 1], 3))
    found = estimate_change(table, RULE, seed=1)
    assert found.season_overlap == 0.0
    assert found.effect == pytest.approx(1.0)


def test_placebo_date_finds_nothing_where_nothing_changed() -> None:
    found = placebo_change(herd(8, effect=0.2, weeks=30), QUICK, seed=1)
    assert found.low < 1 < found.high


def test_placebo_date_finds_a_drift_that_began_before() -> None:
    table = herd(9, weeks=30)
    drifting = np.where(table.is_impact & (table.week >= -15), 4 * table.count, table.count)
    found = placebo_change(replace(table, count=drifting), QUICK, seed=1, at_week=-15)
    assert found.low > 1


def two_animals() -> Tracks:
    """One crosses the changed fence, the other the same one; the change comes at hour 24 * 7."""
    hours = np.concatenate((np.arange(5), 24 * 7 + np.arange(5)))
    x = np.array([0, 100, 0, 0, 0, 0, 100, 0, 100, 0])
    return Tracks.from_arrays(
        ["a", "b"],
        track=np.repeat([0, 1], 10),
        t_ms=np.tile(hours, 2) * HOUR_MS,
        x=np.concatenate((x, x + 4950)),
        y=np.zeros(20),
    )


def test_crossings_are_counted_by_animal_week_and_group() -> None:
    table = tabulate_crossings(
        two_animals(), FENCES, RULE, is_impact=IS_IMPACT, changed_at_ms=24 * 7 * HOUR_MS
    )
    rows = zip(
        table.animal.tolist(), table.week.tolist(), table.is_after.tolist(),
        table.is_impact.tolist(), table.count.tolist(), table.exposure.tolist(), strict=True,
    )  # fmt: skip
    assert list(rows) == [
        (0, -1, False, True, 2.0, 4.0),
        (0, 0, True, True, 4.0, 4.0),
        (1, -1, False, False, 2.0, 4.0),
        (1, 0, True, False, 4.0, 4.0),
    ]


def test_step_out_of_reach_is_not_exposed() -> None:
    table = tabulate_crossings(
        two_animals(), FENCES, ChangeRule(reach_m=10.0), is_impact=IS_IMPACT, changed_at_ms=0
    )
    assert len(table) == 0


@pytest.mark.parametrize("tracks", TRACKS.values(), ids=TRACKS)
def test_awkward_tracks_bear_it(tracks: Tracks) -> None:
    rule = ChangeRule(interval_tolerance=0.9)
    table = tabulate_crossings(tracks, FENCES, rule, is_impact=IS_IMPACT, changed_at_ms=10)
    with pytest.raises(AnalysisError, match="four cells"):
        estimate_change(table, rule, seed=1)
    with pytest.raises(AnalysisError, match="four cells"):
        placebo_change(table, rule, seed=1)


def test_collar_that_changed_its_interval_with_the_barrier_is_refused() -> None:
    slower = walk(*[(0.0, 0.0)] * 8, hours=[0, 1, 2, 3, 4, 6, 8, 10])
    with pytest.raises(AnalysisError, match="Coarser fixes see fewer crossings"):
        tabulate_crossings(slower, FENCES, RULE, is_impact=IS_IMPACT, changed_at_ms=4 * HOUR_MS)
    thinned = ChangeRule(thin_to_s=7200.0)
    table = tabulate_crossings(
        slower, FENCES, thinned, is_impact=IS_IMPACT, changed_at_ms=4 * HOUR_MS
    )
    assert table.exposure.tolist() == [2.0, 3.0]


def test_features_without_a_group_are_refused() -> None:
    with pytest.raises(BadRule):
        tabulate_crossings(walk((0, 0)), FENCES, RULE, is_impact=[True], changed_at_ms=0)


def test_feature_drawn_twice_cannot_be_in_both_groups() -> None:
    twice = barriers(one=line((50, -900), (50, 900)), two=line((50, -900), (50, 900)))
    with pytest.raises(BadRule, match="drawn twice"):
        tabulate_crossings(walk((0, 0)), twice, RULE, is_impact=IS_IMPACT, changed_at_ms=0)


def test_table_refuses_what_cannot_be() -> None:
    good = cells([5, 5, 5, 5])
    for wrong in ({"count": good.count - 9}, {"animal": good.animal + 9}, {"week": good.week[1:]}):
        with pytest.raises(BadTracks):
            replace(good, **wrong)


def test_rule_refuses_what_cannot_be() -> None:
    for wrong in ({"reach_m": 0.0}, {"seasons": 0}, {"unit": "days"}, {"resamples": 1}):
        with pytest.raises(BadRule):
            ChangeRule(**wrong)
