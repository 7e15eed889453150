"""Grids hold what they are laid about, and cells have one number each."""

import numpy as np
import pytest

from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.grids import Grid, suggest_cell_m
from ecoduct_analysis.tracks import Tracks
from gallery import walk

GRID = Grid(west=-100.0, north=300.0, cell_m=50.0, rows=4, columns=3)


NAN, INF = float("nan"), float("inf")


def test_cells_are_counted_from_the_north_west_row_by_row() -> None:
    assert GRID.cell_at([-99.0, 49.0, -99.0], [299.0, 299.0, 101.0]).tolist() == [0, 2, 9]


def test_west_and_north_edges_belong_to_a_cell_and_east_and_south_do_not() -> None:
    assert GRID.cell_at([-100.0, 50.0, -100.0], [300.0, 300.0, 100.0]).tolist() == [0, -1, -1]


def test_the_centre_of_every_cell_lies_in_it() -> None:
    x, y = np.meshgrid(GRID.x, GRID.y)
    assert GRID.cell_at(x.ravel(), y.ravel()).tolist() == list(range(12))


def test_a_grid_about_positions_holds_them_with_its_margin() -> None:
    grid = Grid.around([0.0, 1000.0], [0.0, 10.0], cell_m=30.0, margin=0.2)
    west, south, east, north = grid.bounds
    assert west <= -200 < west + 30
    assert east - 30 < 1200 <= east
    assert south <= -200 < south + 30
    assert north - 30 < 210 <= north


def test_a_margin_in_metres_is_kept_where_it_is_the_longer_one() -> None:
    assert Grid.around([0.0], [0.0], cell_m=10.0, margin_m=500.0).bounds == (-500, -500, 500, 500)


def test_two_grids_of_one_cell_size_fit_together() -> None:
    one, other = (Grid.around([at], [at], cell_m=70.0) for at in (3.0, 12_345.6))
    assert (other.west - one.west) % 70 == 0
    assert (other.north - one.north) % 70 == 0


@pytest.mark.parametrize("x", [[], [np.nan], [np.inf, 0.0]])
def test_a_grid_about_nothing_is_refused(x: list[float]) -> None:
    with pytest.raises(BadRule, match="positions"):
        Grid.around(x, x, cell_m=10.0)


@pytest.mark.parametrize("cell_m", [0.0, -1.0, np.nan, np.inf])
def test_cells_without_a_size_are_refused(cell_m: float) -> None:
    with pytest.raises(BadRule):
        Grid.around([0.0], [0.0], cell_m=cell_m)
    with pytest.raises(BadRule):
        Grid(west=0.0, north=0.0, cell_m=cell_m, rows=1, columns=1)


def test_a_grid_that_cannot_be_held_is_refused_with_the_cell_size_to_change() -> None:
    with pytest.raises(BadRule, match="choose another cell_m than 1"):
        Grid.around([0.0, 1e6], [0.0, 1e6], cell_m=1.0)


@pytest.mark.parametrize("margin", [-0.1, np.nan])
def test_margins_are_not_negative(margin: float) -> None:
    with pytest.raises(BadRule, match="margin"):
        Grid.around([0.0], [0.0], cell_m=1.0, margin=margin)


def test_about_five_hundred_cells_lie_along_the_longer_side_of_a_usual_animal() -> None:
    assert suggest_cell_m(walk((0, 0), (1000 * 500, 5))) == 1000.0
    assert suggest_cell_m(walk((0, 0), (5, 1001 * 500))) == 2000.0
    assert suggest_cell_m(walk((0, 0), (30, 5))) == 10.0


def test_animals_of_two_continents_get_cells_of_their_own_size_as_far_as_can_be() -> None:
    # 5000 km by 1000 km in ten million cells: 710 m, where 40 m would do for each of them.
    apart = Tracks.from_arrays(
        ["a", "b"], track=[0, 0, 1, 1], t_ms=[0, 1, 0, 1],
        x=[0, 20_000, 5_000_000, 4_980_000], y=[0, 0, 1_000_000, 1_000_000],
    )  # fmt: skip
    assert suggest_cell_m(apart) == 1000.0


@pytest.mark.parametrize("bounds", [(0, 0, NAN, 1), (5, 0, 1, 1), (0, 0, INF, 1), (0, 1, 1, 1)])
def test_edges_without_an_area_between_them_are_refused(
    bounds: tuple[float, float, float, float],
) -> None:
    with pytest.raises(BadRule, match="between finite edges"):
        Grid.within(bounds, cell_m=10.0)
