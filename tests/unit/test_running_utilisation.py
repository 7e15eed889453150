"""A utilisation that is kept up to date returns to what it was, bit for bit."""

import numpy as np
import pytest

from ecoduct_analysis.bridge_utilisation import bridge_utilisation
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.kernel_utilisation import kernel_utilisation
from ecoduct_analysis.running_utilisation import RunningUtilisation
from ecoduct_analysis.utilisation import Utilisation
from gallery import random_walks

HERD = random_walks(11, animals=5)
GRID = Grid.around(HERD.x, HERD.y, cell_m=20.0)
UD = bridge_utilisation(HERD, GRID, variance_m2_s=2.0)


def filled(*tracks: int) -> RunningUtilisation:
    running = RunningUtilisation(GRID)
    for track in tracks:
        running.add(UD.select([track]))
    return running


def test_adding_and_removing_an_animal_changes_nothing() -> None:
    running = filled(0, 1, 2)
    before, tiles, time_s = running.dense(), len(running), running.total_s
    running.add(UD.select([3, 4]))
    assert np.abs(running.dense() - before).max() > 1e-6
    running.remove(UD.select([4]))
    running.remove(UD.select([3]))
    assert running.dense().tobytes() == before.tobytes()
    assert (len(running), running.total_s) == (tiles, time_s)


def test_the_order_of_animals_changes_nothing() -> None:
    one, other = filled(0, 1, 2, 3, 4), filled(4, 2, 0, 3, 1)
    assert one.dense().tobytes() == other.dense().tobytes()


def test_it_is_what_all_at_once_would_be() -> None:
    weights = UD.bridged_s
    assert weights is not None
    wanted = sum(UD.dense(n) * weights[n] for n in range(5)) / weights.sum()
    np.testing.assert_allclose(filled(0, 1, 2, 3, 4).dense(), wanted, atol=1e-12)


def test_bridges_one_by_one_are_their_track() -> None:
    lone = HERD.select([0])
    running = RunningUtilisation(GRID)
    for fix in range(len(lone) - 1):
        pair = np.zeros(len(lone), dtype=bool)
        pair[fix : fix + 2] = True
        running.add(bridge_utilisation(lone.where(pair), GRID, variance_m2_s=2.0))
    np.testing.assert_allclose(running.dense(), UD.dense(0), atol=1e-9)


def test_mass_is_one_and_everything_gone_is_nothing() -> None:
    running = filled(0, 1)
    assert abs(running.utilisation().mass.sum() - 1) < 1e-12
    running.remove(UD.select([1]))
    running.remove(UD.select([0]))
    assert (len(running), running.total_s, running.dense().sum()) == (0, 0.0, 0.0)


def test_more_than_was_added_cannot_be_taken_away_and_nothing_changes() -> None:
    running = filled(0)
    before = running.dense()
    with pytest.raises(BadRule, match="More is taken away"):
        running.remove(UD.select([1]))
    assert running.dense().tobytes() == before.tobytes()


def test_equal_weights_make_every_animal_count_alike() -> None:
    running = RunningUtilisation(GRID)
    running.add(UD, weight_s=np.full(5, 1e6))
    np.testing.assert_allclose(running.dense(), UD.mean(), atol=1e-12)


@pytest.mark.parametrize("weight_s", [None, [1.0], [-1.0] * 5, [np.nan] * 5, [1e14] * 5])
def test_weights_that_are_none_are_refused(weight_s: list[float] | None) -> None:
    timeless = kernel_utilisation(HERD, GRID, h_m=50.0)
    with pytest.raises(BadRule):
        RunningUtilisation(GRID).add(timeless, weight_s=weight_s)


def test_a_sum_beyond_what_fits_is_refused() -> None:
    running = RunningUtilisation(GRID, unit_s=1e-9)
    running.add(UD, weight_s=[8e8] * 5)
    with pytest.raises(BadRule, match="more time than fits"):
        running.add(UD, weight_s=[8e8] * 5)


def test_another_grid_is_refused() -> None:
    other = Grid(west=0.0, north=0.0, cell_m=20.0, rows=2, columns=2)
    nothing = Utilisation(other, (), np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0))
    with pytest.raises(BadRule, match="another grid"):
        RunningUtilisation(GRID).add(nothing)
    with pytest.raises(BadRule, match="unit_s"):
        RunningUtilisation(GRID, unit_s=0.0)
