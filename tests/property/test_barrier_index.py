"""The grid and the tree against looking at every piece."""

import numpy as np
import pytest
import shapely

from ecoduct_analysis.barriers import Barriers, find_nearest
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.crossings import count_crossings

SEEDS = range(30)
SCALES = (1.0, 100.0, 30_000.0)  # m: steps shorter and longer than cells of the grid


def fences(dice: np.random.Generator) -> Barriers:
    """Lines of any length, some clustered, some straight across everything."""
    lines = []
    for _ in range(int(dice.integers(1, 30))):
        middle = dice.choice([0.0, 1e5, -1e6]) + dice.uniform(-5e3, 5e3, 2)
        reach = 10.0 ** dice.uniform(0, 5)
        lines.append(middle + np.cumsum(dice.normal(0, reach, (int(dice.integers(2, 40)), 2)), 0))
    return Barriers.from_geometries(
        [str(n) for n in range(len(lines))], [shapely.LineString(each) for each in lines]
    )


def steps(dice: np.random.Generator, barriers: Barriers) -> tuple[FloatArray, FloatArray]:
    """Steps that begin near pieces, on their vertices and far away; some end on a vertex."""
    vertices = barriers.ends.reshape(-1, 2)
    begin = vertices[dice.integers(len(vertices), size=400)].copy()
    begin[100:] += dice.normal(0, 1, (300, 2)) * dice.choice(SCALES, (300, 1))
    end = begin + dice.normal(0, 1, (400, 2)) * dice.choice(SCALES, (400, 1))
    end[:40] = vertices[dice.integers(len(vertices), size=40)]
    end[40:60, 0] = begin[40:60, 0]
    end[60:80, 1] = begin[60:80, 1]
    return begin, end


def distances(ones: object, others: object) -> FloatArray:
    """Of every one to every other, (m, p) array, m."""
    rows, columns = np.asarray(ones, dtype=object), np.asarray(others, dtype=object)
    return np.asarray(shapely.distance(rows[:, None], columns[None]))


def cross(first: FloatArray, second: FloatArray) -> FloatArray:
    return np.asarray(first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0])


@pytest.mark.parametrize("seed", SEEDS)
def test_grid_finds_what_looking_at_every_piece_finds(seed: int) -> None:
    dice = np.random.default_rng(seed)
    barriers = fences(dice)
    begin, end = steps(dice, barriers)
    a, b = barriers.ends[None, :, 0], barriers.ends[None, :, 1]
    p, q = begin[:, None], end[:, None]
    apart = (cross(b - a, p - a) >= 0) != (cross(b - a, q - a) >= 0)
    through = (cross(q - p, a - p) >= 0) != (cross(q - p, b - p) >= 0)
    assert count_crossings(begin, end, barriers).tolist() == (apart & through).sum(1).tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_nearest_barrier_is_as_far_as_a_geometry_library_says(seed: int) -> None:
    dice = np.random.default_rng(seed)
    barriers = fences(dice)
    places, _ = steps(dice, barriers)
    near = find_nearest(places[:, 0], places[:, 1], barriers)
    away = distances(shapely.points(places), shapely.linestrings(barriers.ends))
    np.testing.assert_allclose(near.distance_m, away.min(axis=1), rtol=1e-9, atol=1e-6)
    chosen = away[np.arange(len(places)), near.piece]
    np.testing.assert_allclose(chosen, near.distance_m, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS[:10])
def test_nearest_barrier_does_not_depend_on_what_was_asked_before(seed: int) -> None:
    dice = np.random.default_rng(seed)
    barriers = fences(dice)
    places, _ = steps(dice, barriers)
    order = dice.permutation(len(places))
    one = find_nearest(places[:, 0], places[:, 1], barriers)
    other = find_nearest(places[order, 0], places[order, 1], barriers)
    assert other.piece.tolist() == one.piece[order].tolist()
    assert other.distance_m.tolist() == one.distance_m[order].tolist()


@pytest.mark.parametrize("seed", SEEDS[:10])
def test_pieces_in_reach_are_all_among_the_candidates(seed: int) -> None:
    dice = np.random.default_rng(seed)
    barriers = fences(dice)
    begin, end = steps(dice, barriers)
    reach_m = dice.choice([0.0, 10.0, 5000.0], len(begin))
    step, piece = barriers.near(begin, end, reach_m=reach_m)
    lines = shapely.linestrings(np.stack((begin, end), axis=1))
    away = distances(lines, shapely.linestrings(barriers.ends))
    wanted = set(zip(*np.nonzero(away <= reach_m[:, None]), strict=True))
    assert wanted <= set(zip(step, piece, strict=True))
