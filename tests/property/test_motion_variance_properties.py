"""Other animals, chunks, a moved or turned world: the same variance; and a plain reference."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from ecoduct_analysis._triplets import Triplets
from ecoduct_analysis._variance_search import cost, likeliest
from ecoduct_analysis.dynamic_variance import DynamicRule, DynamicVariance, dynamic_variance
from ecoduct_analysis.motion_variance import every_triplet, motion_variance_m2_s
from ecoduct_analysis.tracks import FloatArray, Tracks
from gallery import random_walks

SEEDS = range(8)
RULE = DynamicRule(window=19, margin=7, location_error_m=15.0, max_gap_h=10.0)
PADDED = DynamicRule(window=19, margin=7, location_error_m=15.0, max_gap_h=10.0, ends="pad")


def rows(found: DynamicVariance, tracks: Tracks, name: str) -> FloatArray:
    """One animal's rows: variance, windows, interest, source, bridged."""
    own = found.track == tracks.names.index(name)
    columns = (found.variance_m2_s, found.windows, found.of_interest, found.source)
    return np.stack([column[own].astype(float) for column in (*columns, found.is_bridged)])


def breaks(found: DynamicVariance, tracks: Tracks, name: str) -> list[int]:
    begin, end = (int(tracks.offsets[tracks.names.index(name) + n]) for n in (0, 1))
    inside = (found.break_fix >= begin) & (found.break_fix < end)
    return [int(fix) - begin for fix in found.break_fix[inside]]


@pytest.mark.parametrize("seed", SEEDS)
def test_order_and_chunks_of_animals_change_no_bit(seed: int) -> None:
    tracks = random_walks(seed)
    turned_about = tracks.select([3, 1, 0, 2])
    for rule in (RULE, PADDED):
        here, there = dynamic_variance(tracks, rule), dynamic_variance(turned_about, rule)
        for name in tracks.names:
            alone = tracks.select([tracks.names.index(name)])
            single = dynamic_variance(alone, rule)
            whole = rows(here, tracks, name)
            assert np.array_equal(whole, rows(there, turned_about, name), equal_nan=True)
            assert np.array_equal(whole, rows(single, alone, name), equal_nan=True)
            assert breaks(here, tracks, name) == breaks(single, alone, name)
    found = motion_variance_m2_s(tracks, error_m=15)
    chunks = [motion_variance_m2_s(part, error_m=15) for part in tracks.chunks(80)]
    assert found.tolist() == np.concatenate(chunks).tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_shift_and_turn_change_only_last_digits(seed: int) -> None:
    tracks = random_walks(seed)
    shifted = Tracks(
        tracks.names, tracks.offsets, tracks.t_ms + 10**11, tracks.x + 2.0**20, tracks.y - 2.0**18
    )
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    x, y = (
        np.cos(angle) * tracks.x - np.sin(angle) * tracks.y,
        np.sin(angle) * tracks.x + np.cos(angle) * tracks.y,
    )
    turned = Tracks(tracks.names, tracks.offsets, tracks.t_ms, x, y)
    here = dynamic_variance(tracks, RULE)
    # Places a million metres off are held to a tenth of a nanometre.
    for other, within in ((shifted, 1e-9), (turned, 1e-11)):
        there = dynamic_variance(other, RULE)
        assert there.variance_m2_s == pytest.approx(here.variance_m2_s, rel=within, nan_ok=True)
        assert there.break_fix.tolist() == here.break_fix.tolist()
        assert motion_variance_m2_s(other, error_m=15) == pytest.approx(
            motion_variance_m2_s(tracks, error_m=15), rel=within
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_time_reversed_gives_the_variance_reversed(seed: int) -> None:
    tracks = random_walks(seed, animals=1)
    back = Tracks.from_arrays(
        tracks.names, track=np.zeros(len(tracks), int), t_ms=-tracks.t_ms, x=tracks.x, y=tracks.y
    )
    rule = DynamicRule(window=19, margin=7, location_error_m=15.0)
    here, there = dynamic_variance(tracks, rule), dynamic_variance(back, rule)
    assert there.variance_m2_s[::-1] == pytest.approx(here.variance_m2_s, rel=1e-9, nan_ok=True)
    last = len(tracks) - 1
    assert sorted(last - there.break_fix) == sorted(here.break_fix)


@pytest.mark.parametrize("seed", SEEDS)
def test_scaled_world_scales_the_variance(seed: int) -> None:
    tracks = random_walks(seed)
    wide = Tracks(tracks.names, tracks.offsets, tracks.t_ms, 8 * tracks.x, 8 * tracks.y)
    found = motion_variance_m2_s(wide, error_m=80)
    assert found == pytest.approx(64 * motion_variance_m2_s(tracks, error_m=10), rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_windows_agree_with_a_plain_loop(seed: int) -> None:
    tracks = random_walks(seed, animals=1, scale=60.0)
    found = dynamic_variance(tracks, RULE)
    variance, broken = plainly(tracks, RULE)
    assert found.variance_m2_s == pytest.approx(variance, rel=1e-6, abs=1e-12, nan_ok=True)
    assert found.break_fix.tolist() == broken


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [2, 3, 5, 8, 15])
def test_no_variance_of_a_dense_grid_is_better(seed: int, count: int) -> None:
    # Triplets of all kinds: exact and rough, of seconds and of days, still and far off.
    dice = np.random.default_rng([seed, count])
    for _ in range(50):
        scale, fixed, miss2 = (
            10.0 ** dice.uniform(low, high, count) for low, high in ((0, 5), (-2, 6), (-4, 9))
        )
        one = scale, fixed, miss2
        found, least = likeliest(one, 0, count)
        assert least == cost(found, *one)
        assert least <= min(cost(variance, *one) for variance in 10.0 ** np.arange(-12, 9, 0.1))


def plainly(tracks: Tracks, rule: DynamicRule) -> tuple[FloatArray, list[int]]:
    """Means over all windows, one search after the other."""
    triplets = every_triplet(
        tracks, error_m=rule.location_error_m, max_gap_s=(rule.max_gap_h or 0) * 3600,
        middle_error=True,
    )  # fmt: skip
    last, found, broken = len(tracks) - 1, [], []
    seen: list[list[float]] = [[] for _ in range(last)]
    for begin in range(len(tracks) - rule.window + 1):
        end = begin + rule.window - 1
        one = search(triplets, begin, end)
        if one is None:
            continue
        halves = [
            (at, search(triplets, begin, at), search(triplets, at, end))
            for at in range(begin + rule.margin - 1, end - rule.margin + 2, 2)
        ]
        pairs = [(a[1] + b[1], at, a[0], b[0]) for at, a, b in halves if a and b]
        cost_of_two, at, early, late = min(pairs, default=(np.inf, end, one[0], one[0]))
        if 2 * cost_of_two + np.log(rule.window) < 2 * one[1]:
            broken.append(at)
        else:
            at, early = end, one[0]
        for step in range(begin + rule.margin - 1, begin + rule.window - rule.margin):
            seen[step].append(early if step < at else late)
    found = [float(np.mean(values)) if values else np.nan for values in seen]
    return np.array(found), broken


def search(triplets: Triplets, first: int, last: int) -> tuple[float, float] | None:
    """Best variance and its cost for every other fix between two, by grid and refinement."""
    middle = np.arange(first + 1, last, 2)
    scale, fixed, miss2 = (column[middle[triplets[0][middle] > 0]] for column in triplets)
    if not len(scale):
        return None

    def total(log_variance: float) -> float:
        spread = scale * np.exp(log_variance) + fixed
        return float(np.sum(np.log(spread) + miss2 / (2 * spread)))

    grid = np.arange(-25.0, 15.0, 0.5)
    best = grid[np.argmin([total(place) for place in grid])]
    bounds = (best - 0.5, best + 0.5)
    refined = minimize_scalar(total, bounds=bounds, method="bounded", options={"xatol": 1e-9})
    if total(-np.inf) <= refined.fun:
        return 0.0, total(-np.inf)
    return float(np.exp(refined.x)), float(refined.fun)
