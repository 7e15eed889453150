"""Other animals, chunks, a moved or turned world, a fence drawn backwards: the same probability."""

from dataclasses import fields

import numpy as np
import pytest
import shapely

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.bridges import BridgeRule
from ecoduct_analysis.crossing_probability import (
    CrossingProbabilities,
    crossing_probabilities,
    straight_crossing_probability,
)
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.motion_variance import motion_variance_m2_s
from ecoduct_analysis.tracks import FloatArray, Tracks
from gallery import random_walks

SEEDS = range(6)
RULE = BridgeRule(samples=40)


def some_fences(seed: int) -> list[FloatArray]:
    dice = np.random.default_rng(seed + 1000)
    lines: list[FloatArray] = [np.cumsum(dice.normal(0, 700, (8, 2)), axis=0) for _ in range(5)]
    return [*lines, np.array([[-9e5, 300.0], [9e5, 500.0]])]


def as_barriers(fences: list[FloatArray]) -> Barriers:
    lines = [shapely.LineString(fence) for fence in fences]
    return Barriers.from_geometries([str(n) for n in range(len(lines))], lines)


def moved(tracks: Tracks, change: FloatArray, shift: FloatArray) -> Tracks:
    x, y = change @ np.stack((tracks.x, tracks.y)) + shift[:, None]
    return Tracks(tracks.names, tracks.offsets, tracks.t_ms, x, y)


def values(found: CrossingProbabilities, rows: object = slice(None)) -> dict[str, FloatArray]:
    """All that says nothing about where a row stands among others."""
    own = {"track", "first"}
    return {f.name: getattr(found, f.name)[rows] for f in fields(found) if f.name not in own}


def assert_same(one: dict[str, FloatArray], other: dict[str, FloatArray]) -> None:
    for name, column in one.items():
        np.testing.assert_array_equal(column, other[name], err_msg=name)


@pytest.mark.parametrize("seed", SEEDS)
def test_other_animals_and_their_order_change_no_row(seed: int) -> None:
    tracks, fences = random_walks(seed), as_barriers(some_fences(seed))
    order = np.random.default_rng(seed).permutation(len(tracks.names))
    whole = crossing_probabilities(tracks, fences, rule=RULE, seed=seed)
    shuffled = crossing_probabilities(tracks.select(order), fences, rule=RULE, seed=seed)
    assert len(whole)
    for place, animal in enumerate(order):
        one = values(whole, whole.track == animal)
        assert_same(one, values(shuffled, shuffled.track == place))


@pytest.mark.parametrize("seed", SEEDS)
def test_chunks_give_the_rows_of_the_whole(seed: int) -> None:
    tracks, fences = random_walks(seed), as_barriers(some_fences(seed))
    variance = motion_variance_m2_s(tracks, error_m=10)
    whole = crossing_probabilities(tracks, fences, variance_m2_s=variance, rule=RULE)
    parts = [crossing_probabilities(part, fences, rule=RULE) for part in tracks.chunks(100)]
    assert len(parts) > 1
    for name, column in values(whole).items():
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(column, joined, err_msg=name)


@pytest.mark.parametrize("seed", SEEDS)
def test_other_fences_change_no_row(seed: int) -> None:
    tracks, fences = random_walks(seed), some_fences(seed)
    whole = crossing_probabilities(tracks, as_barriers(fences), rule=RULE)
    for number, fence in enumerate(fences):
        alone = values(crossing_probabilities(tracks, as_barriers([fence]), rule=RULE))
        together = values(whole, whole.feature == number)
        del alone["feature"]
        assert_same(alone, together)


@pytest.mark.parametrize("seed", SEEDS)
def test_turning_and_shifting_the_world_changes_only_rounding(seed: int) -> None:
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([123_456.0, -9_876.5])
    tracks, fences = random_walks(seed), some_fences(seed)
    # A resting animal's frame looks east in both worlds, so its bridges are others.
    moving = np.hypot(np.diff(tracks.x), np.diff(tracks.y)) > 0
    here = crossing_probabilities(tracks, as_barriers(fences), rule=RULE)
    turned = [fence @ turn.T + shift for fence in fences]
    there = crossing_probabilities(moved(tracks, turn, shift), as_barriers(turned), rule=RULE)
    same = moving[here.first]
    assert same.any()
    assert here.first.tolist() == there.first.tolist()
    assert here.feature.tolist() == there.feature.tolist()
    off = np.abs(here.p_crossing - there.p_crossing)
    assert off[same].max() < 1e-6
    assert off[~same].max() < 5 * (here.p_error + there.p_error)[~same].max() + 1e-9
    assert np.abs(here.p_net - there.p_net)[same].max() < 1e-6
    # Nine in ten: where weights tie, rounding may choose the neighbour among drawn times.
    assert np.mean(np.abs(here.t_ms - there.t_ms)[same] <= 1) > 0.9
    back = np.stack((there.x, there.y), axis=1) @ turn - shift @ turn
    off = np.hypot(back[:, 0] - here.x, back[:, 1] - here.y)[same]
    assert np.mean(off[np.isfinite(off)] < 1e-3) > 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_fence_drawn_backwards_turns_only_the_direction(seed: int) -> None:
    tracks, fences = random_walks(seed), some_fences(seed)
    one = crossing_probabilities(tracks, as_barriers(fences), rule=RULE)
    other = crossing_probabilities(tracks, as_barriers([f[::-1] for f in fences]), rule=RULE)
    assert one.p_crossing == pytest.approx(other.p_crossing, abs=1e-9)
    assert one.p_net == pytest.approx(other.p_net, abs=1e-9)
    assert one.net == pytest.approx(-other.net, abs=1e-9)


@pytest.mark.parametrize("seed", range(15))
def test_exact_animal_that_does_not_stray_crosses_as_its_straight_steps_do(seed: int) -> None:
    tracks, fences = random_walks(seed), as_barriers(some_fences(seed))
    rule = BridgeRule(error_m=0, samples=1, max_gap_s=1e9)
    found = crossing_probabilities(tracks, fences, variance_m2_s=0, rule=rule)
    straight = find_crossings(tracks, fences)
    crossed = found.p_crossing == 1
    assert straight.first.tolist() == found.first[crossed].tolist()
    assert straight.feature.tolist() == found.feature[crossed].tolist()
    assert straight.net.tolist() == found.net[crossed].tolist()
    assert np.abs(found.t_ms[crossed] - straight.t_ms[:, None]).max() <= 1
    assert (found.p_crossing[~crossed] == 0).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_probabilities_are_probabilities(seed: int) -> None:
    found = crossing_probabilities(random_walks(seed), as_barriers(some_fences(seed)), rule=RULE)
    for column in (found.p_crossing, found.p_net):
        assert ((column >= 0) & (column <= 1)).all()
    assert (found.p_net <= found.p_crossing + 1e-12).all()
    assert (np.diff(found.t_ms, axis=1) >= 0).all()


def test_closed_form_is_the_same_in_either_direction_and_from_either_side() -> None:
    dice = np.random.default_rng(0)
    a, b = dice.normal(size=(2, 500)) * 10 ** dice.uniform(-3, 2, 500)
    da, db, s2 = 10 ** dice.uniform(-4, 2, (3, 500))

    def p(
        a: FloatArray, b: FloatArray, da: FloatArray, db: FloatArray, s2: FloatArray
    ) -> FloatArray:
        return straight_crossing_probability(
            a, b, variance_m2_s=s2, duration_s=1, error_a_m=da, error_b_m=db
        )

    forth = p(a, b, da, db, s2)
    assert p(b, a, db, da, s2) == pytest.approx(forth, abs=1e-12)
    assert p(-a, -b, da, db, s2) == pytest.approx(forth, abs=1e-12)
    # Metres or kilometres.
    assert p(a / 1e3, b / 1e3, da / 1e3, db / 1e3, s2 / 1e6) == pytest.approx(forth, abs=1e-12)
    # More straying never makes a crossing less likely.
    assert (p(a, b, da, db, 2 * s2) >= forth - 1e-12).all()


def test_bridges_over_every_other_fix_expect_the_crossings_that_all_fixes_show() -> None:
    dice = np.random.default_rng(2)
    animals, fixes = 300, 41
    places = np.cumsum(dice.normal(0, 60, (animals, fixes, 2)), axis=1)
    whole = Tracks.from_arrays(
        [str(n) for n in range(animals)],
        track=np.repeat(np.arange(animals), fixes),
        t_ms=np.tile(np.arange(fixes) * 3_600_000, animals),
        x=places[..., 0].ravel(),
        y=places[..., 1].ravel(),
    )
    fences = as_barriers(
        [np.array([[-200, 50], [0, 90], [20, 300]]), np.array([[-99, -9], [0, 9]])]
    )
    seen = find_crossings(whole, fences).count.sum()
    rule = BridgeRule(error_m=0, look_s=3600, samples=50, reach_sd=5)
    half = whole.where(np.arange(len(whole)) % fixes % 2 == 0)
    found = crossing_probabilities(half, fences, variance_m2_s=60**2 / 3600, rule=rule)
    shown = find_crossings(half, fences).count.sum()
    assert shown < 0.85 * seen
    # Crossings of an animal come in clusters: twice the spread of a count.
    assert abs(found.count.sum() - seen) < 4 * 2 * np.sqrt(seen)
