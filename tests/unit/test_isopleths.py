"""Isopleths: which cells hold a share, and their outline."""

import numpy as np
import pytest
import shapely

from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.isopleths import (
    isopleth,
    isopleth_areas_m2,
    isopleth_polygons,
    outline,
    rank,
)
from ecoduct_analysis.utilisation import Utilisation

GRID = Grid(west=450.3, north=1000.7, cell_m=50.0, rows=40, columns=30)


def laid(*masses: list[float]) -> Utilisation:
    """Tracks with masses in the first cells of the grid."""
    lengths = [len(mass) for mass in masses]
    return Utilisation(
        grid=GRID, names=tuple(str(n) for n in range(len(masses))),
        offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        cell=np.concatenate([np.arange(length) for length in [0, *lengths]]).astype(np.int64),
        mass=np.concatenate([np.zeros(0), *(np.array(mass, dtype=float) for mass in masses)]),
    )  # fmt: skip


def test_the_cell_that_reaches_the_share_belongs_to_the_inclusive_isopleth_only() -> None:
    ud = laid([0.1, 0.5, 0.4])
    assert isopleth(ud, 0.7).tolist() == [False, True, True]
    assert isopleth(ud, 0.7, rule="exclusive").tolist() == [False, True, False]


def test_a_share_that_is_met_to_the_digit_needs_no_further_cell() -> None:
    ud = laid([0.25, 0.5, 0.25])
    assert isopleth(ud, 0.5).tolist() == [False, True, False]
    assert isopleth(ud, 0.5, rule="exclusive").tolist() == [False, True, False]


def test_equal_cells_rank_by_their_number() -> None:
    place, before = rank(laid([0.25, 0.25, 0.25, 0.25]))
    assert place.tolist() == [0, 1, 2, 3]
    assert before.tolist() == [0.0, 0.25, 0.5, 0.75]


def test_tracks_are_ranked_apart() -> None:
    place, before = rank(laid([0.2, 0.8], [], [1.0], [0.6, 0.4]))
    assert place.tolist() == [1, 0, 0, 0, 1]
    assert before.tolist() == [0.8, 0.0, 0.0, 0.0, 0.6]


def test_an_animal_of_which_nothing_is_known_has_no_area() -> None:
    areas = isopleth_areas_m2(laid([0.2, 0.8], []), [0.5, 1.0])
    assert areas[0].tolist() == [2500.0, 5000.0]
    assert np.isnan(areas[1]).all()
    assert isopleth_polygons(laid([]), 0.5)[0].is_empty


@pytest.mark.parametrize("share", [0.0, -0.5, 1.1, np.nan])
def test_a_share_is_above_nothing_and_at_most_all(share: float) -> None:
    with pytest.raises(BadRule, match="share"):
        isopleth(laid([1.0]), share)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(BadRule, match="inclusive or exclusive"):
        isopleth(laid([1.0]), 0.5, rule="half")  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(6))
def test_an_outline_is_the_union_of_its_cells(seed: int) -> None:
    cells = np.flatnonzero(np.random.default_rng(seed).random(len(GRID)) < 0.15 * (seed + 1))
    row, column = np.divmod(cells, GRID.columns)
    west, north = GRID.west + 50.0 * column, GRID.north - 50.0 * row
    wanted = shapely.union_all(shapely.box(west, north - 50.0, west + 50.0, north))
    found = outline(GRID, np.random.default_rng(0).permutation(cells))
    assert found.is_valid
    np.testing.assert_allclose(found.area, 2500.0 * len(cells))
    assert found.symmetric_difference(wanted).area < 1e-6


def test_cells_that_touch_at_a_corner_are_two_patches() -> None:
    assert len(outline(GRID, [0, GRID.columns + 1]).geoms) == 2


def test_small_patches_go_and_small_holes_are_filled() -> None:
    ring = [0, 1, 2, 30, 32, 60, 61, 62]
    lone = 10
    whole = outline(GRID, [*ring, lone])
    assert len(whole.geoms) == 2
    assert outline(GRID, [*ring, lone], min_patch_m2=2501.0).area == pytest.approx(8 * 2500)
    filled = outline(GRID, [*ring, lone], min_hole_m2=2501.0)
    assert filled.area == pytest.approx(10 * 2500)
    kept = outline(GRID, [*ring, lone], min_hole_m2=2400.0)
    assert kept.area == pytest.approx(9 * 2500)


def test_no_cell_has_an_empty_outline() -> None:
    assert outline(GRID, []).is_empty


@pytest.mark.parametrize("cell", [-1, 1200])
def test_cells_that_the_grid_does_not_have_are_refused(cell: int) -> None:
    with pytest.raises(BadRule, match="numbered 0 to 1199"):
        outline(GRID, [cell])


def test_crumbs_of_no_size_are_refused() -> None:
    with pytest.raises(BadRule, match="min_patch_m2"):
        outline(GRID, [0], min_patch_m2=np.nan)


def test_polygons_have_the_areas_of_their_isopleths() -> None:
    dice = np.random.default_rng(4)
    ud = laid(list(dice.dirichlet(np.ones(200))), list(dice.dirichlet(np.ones(90))))
    for rule in ("inclusive", "exclusive"):
        areas = isopleth_areas_m2(ud, [0.6], rule=rule)[:, 0]
        lines = isopleth_polygons(ud, 0.6, rule=rule)
        np.testing.assert_allclose(shapely.area(lines), areas)
