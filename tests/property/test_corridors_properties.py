"""Corridors stay where they are, wherever the world is put and however animals are ordered."""

import numpy as np
import pytest
import shapely
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from ecoduct_analysis.corridor_use import Corridors, CorridorUseRule, measure_corridor_use
from ecoduct_analysis.corridors import CorridorRule, CorridorSteps, find_corridors
from ecoduct_analysis.tracks import Tracks
from gallery import random_walks

SEEDS = range(6)
FLAGS = ("in_circle", "with_behaviour", "animals", "is_fast", "is_parallel", "is_corridor")
POPULATION = CorridorRule(population=True, min_animals=2, circular_variance_quantile=0.5)
RULES = (CorridorRule(speed_quantile=0.5, circular_variance_quantile=0.5), POPULATION)


def moved(tracks: Tracks, *, shift: tuple[float, float] = (0, 0), turn: bool = False) -> Tracks:
    """Shift by whole metres, or turn by a right angle: both leave every digit as it was."""
    x, y = (-tracks.y, tracks.x) if turn else (tracks.x, tracks.y)
    return Tracks(tracks.names, tracks.offsets, tracks.t_ms, x + shift[0], y + shift[1])


def whole_metres(seed: int) -> Tracks:
    walks = random_walks(seed, animals=5, fixes=90)
    return Tracks(walks.names, walks.offsets, walks.t_ms, np.rint(walks.x), np.rint(walks.y))


def same(one: CorridorSteps, other: CorridorSteps) -> None:
    for name in FLAGS:
        assert getattr(one, name).tolist() == getattr(other, name).tolist(), name
    np.testing.assert_allclose(one.circular_variance, other.circular_variance, atol=3e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rule", RULES)
def test_a_shifted_or_turned_world_has_the_same_corridors(seed: int, rule: CorridorRule) -> None:
    tracks = whole_metres(seed)
    found = find_corridors(tracks, rule)
    same(found, find_corridors(moved(tracks, shift=(512_000, 4_096_000)), rule))
    same(found, find_corridors(moved(tracks, turn=True), rule))


@pytest.mark.parametrize("seed", SEEDS)
def test_each_animal_is_judged_as_if_it_were_alone(seed: int) -> None:
    tracks = whole_metres(seed)
    found = find_corridors(tracks)
    for animal in range(len(tracks.names)):
        alone = find_corridors(tracks.select([animal]))
        mine = found.track == animal
        for name in (*FLAGS, "circular_variance", "length_m"):
            assert np.array_equal(getattr(alone, name), getattr(found, name)[mine], equal_nan=True)
        assert alone.variance_limit[0] == found.variance_limit[animal]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_order_of_animals_changes_no_population(seed: int) -> None:
    tracks = whole_metres(seed)
    order = np.random.default_rng(seed).permutation(len(tracks.names))
    found, mixed = (
        find_corridors(tracks, POPULATION),
        find_corridors(tracks.select(order), POPULATION),
    )
    for new, old in enumerate(order.tolist()):
        for name in FLAGS:
            theirs = getattr(mixed, name)[mixed.track == new]
            assert getattr(found, name)[found.track == old].tolist() == theirs.tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_walk_backwards_in_time_has_the_same_corridors(seed: int) -> None:
    tracks = whole_metres(seed).select([0])
    back = Tracks(tracks.names, tracks.offsets, -tracks.t_ms[::-1], tracks.x[::-1], tracks.y[::-1])
    there, again = find_corridors(tracks, RULES[0]), find_corridors(back, RULES[0])
    assert there.is_corridor.tolist() == again.is_corridor[::-1].tolist()
    assert there.in_circle.tolist() == again.in_circle[::-1].tolist()


def areas(seed: int) -> list[BaseGeometry]:
    """Turned strips, a ring with a hole, and two parts, about the walks."""
    dice = np.random.default_rng(seed + 50)
    shapes: list[BaseGeometry] = [shapely.box(-300, -90, 700, 90)]
    shapes.append(shapely.Point(0, 0).buffer(600, 8))
    shapes.append(shapes[1].difference(shapely.Point(0, 0).buffer(200, 8)))
    shapes.append(shapely.union_all([shapely.box(-900, 0, -100, 400), shapely.box(0, 0, 900, 400)]))
    return [affinity.translate(affinity.rotate(one, dice.uniform(0, 180)), *dice.normal(0, 300, 2))
            for one in shapes]  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_inside_is_what_a_geometry_library_cuts_out(seed: int) -> None:
    tracks, shapes = random_walks(seed), areas(seed)
    corridors = Corridors.from_geometries([str(n) for n in range(len(shapes))], shapes)
    rule = CorridorUseRule(tolerance_m=0, max_gap_h=np.inf)
    use = measure_corridor_use(tracks, corridors, rule)
    for row in range(len(use)):
        span = slice(*tracks.offsets[use.track[row] : use.track[row] + 2])
        x, y, t_s = tracks.x[span], tracks.y[span], tracks.t_ms[span] / 1000
        ends = np.stack((x[:-1], y[:-1], x[1:], y[1:]), axis=1).reshape(-1, 2, 2)
        lines, area = shapely.linestrings(ends), shapes[use.corridor[row]]
        inside_m = shapely.length(shapely.intersection(lines, area))
        length_m = shapely.length(lines)
        still = shapely.intersects_xy(area, x[:-1], y[:-1])
        part = np.where(length_m > 0, inside_m / np.maximum(length_m, 1e-9), still)
        np.testing.assert_allclose(use.inside_m[row], inside_m.sum(), atol=1e-6)
        np.testing.assert_allclose(use.inside_s[row], (part * np.diff(t_s)).sum(), atol=1e-3)
        visits = use.visits.track == use.track[row]
        visits &= use.visits.corridor == use.corridor[row]
        np.testing.assert_allclose(use.visits.distance_m[visits].sum(), inside_m.sum(), atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_visits_alternate_and_entries_less_exits_say_where_the_animal_is(seed: int) -> None:
    tracks, shapes = random_walks(seed), areas(seed)
    corridors = Corridors.from_geometries([str(n) for n in range(len(shapes))], shapes)
    use = measure_corridor_use(tracks, corridors)
    seen = use.visits
    assert (seen.leaves_ms >= seen.enters_ms).all()
    pair = (seen.track[1:] == seen.track[:-1]) & (seen.corridor[1:] == seen.corridor[:-1])
    assert (seen.enters_ms[1:] >= seen.leaves_ms[:-1])[pair].all()
    assert ((seen.completeness >= 0) & (seen.completeness <= 1)).all()
    assert not (seen.is_transit & (seen.begins_inside | seen.ends_inside)).any()
    for row in range(len(use)):
        mine = (seen.track == use.track[row]) & (seen.corridor == use.corridor[row])
        change = use.entries[row] - use.exits[row]
        assert change == int(seen.ends_inside[mine].sum()) - int(seen.begins_inside[mine].sum())


@pytest.mark.parametrize("seed", SEEDS)
def test_use_is_the_same_for_each_animal_alone_and_in_a_shifted_world(seed: int) -> None:
    tracks, shapes = (
        whole_metres(seed),
        [shapely.box(-300, -90, 700, 90), shapely.box(0, 0, 9, 900)],
    )
    corridors = Corridors.from_geometries(["a", "b"], shapes)
    there = Corridors.from_geometries(
        ["a", "b"], [affinity.translate(s, 512, 4096) for s in shapes]
    )
    use = measure_corridor_use(tracks, corridors)
    shifted = measure_corridor_use(moved(tracks, shift=(512, 4096)), there)
    np.testing.assert_allclose(use.inside_m, shifted.inside_m, atol=1e-6)
    assert use.visits.enters_ms.tolist() == shifted.visits.enters_ms.tolist()
    for animal in range(len(tracks.names)):
        alone = measure_corridor_use(tracks.select([animal]), corridors)
        mine = use.track == animal
        for name in ("entries", "exits", "transits", "inside_s", "inside_m"):
            assert getattr(alone, name).tolist() == getattr(use, name)[mine].tolist()
