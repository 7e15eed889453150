"""Moved, turned, reordered, cut into chunks: the same utilisation."""

from dataclasses import replace

import numpy as np
import pytest

from ecoduct_analysis.bridge_utilisation import Mode, bridge_utilisation
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.kernel_utilisation import kernel_utilisation
from ecoduct_analysis.running_utilisation import RunningUtilisation
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation import Utilisation, join_utilisations
from ecoduct_analysis.utilisation_rules import UtilisationRule
from gallery import random_walks

SEEDS = range(8)
CELLS = (7.0, 64.0, 500.0)  # from wide bridges on coarser levels to most of a bridge in one cell
MODES: tuple[Mode, ...] = ("clean", "BBMM-3.0", "move", "kernelbb")
# The references visit every cell, and are not tried on small ones.
TURNS = [(cell_m, mode) for cell_m in CELLS for mode in MODES if mode == "clean" or cell_m > 7.0]
RULE = UtilisationRule(location_error_m=12.0, time_step_min=30.0)


def square(tracks: Tracks, cell_m: float) -> Grid:
    """Grid about the origin: a quarter turn maps it on itself."""
    half = np.ceil((np.abs([tracks.x, tracks.y]).max() + 900.0) / cell_m)
    side = int(2 * half)
    return Grid(west=-half * cell_m, north=half * cell_m, cell_m=cell_m, rows=side, columns=side)


def herd(seed: int) -> Tracks:
    return random_walks(seed, animals=3, fixes=25, scale=120.0)


def laid(tracks: Tracks, grid: Grid, mode: Mode = "clean") -> Utilisation:
    return bridge_utilisation(tracks, grid, variance_m2_s=0.8, rule=RULE, mode=mode)


def whole(ud: Utilisation) -> FloatArray:
    return np.stack([ud.dense(track) for track in range(len(ud))])


@pytest.mark.parametrize("cell_m", CELLS)
@pytest.mark.parametrize("seed", SEEDS)
def test_mass_is_one_and_none_is_lost(seed: int, cell_m: float) -> None:
    tracks = herd(seed)
    ud = laid(tracks, square(tracks, cell_m))
    np.testing.assert_allclose(whole(ud).sum(axis=(1, 2)), 1.0, rtol=0, atol=1e-9)
    assert ud.outside is not None
    assert (ud.mass > 0).all()
    # 900 m are some six standard deviations of a bridge over 12 h.
    np.testing.assert_allclose(ud.outside, 0.0, atol=1e-9)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("cell_m", CELLS[1:])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_shift_by_whole_cells_shifts_the_mass(seed: int, cell_m: float, mode: Mode) -> None:
    tracks = herd(seed)
    grid = square(tracks, cell_m)
    east, north = 4096 * cell_m, -1024 * cell_m
    moved = replace(tracks, x=tracks.x + east, y=tracks.y + north)
    there = replace(grid, west=grid.west + east, north=grid.north + north)
    np.testing.assert_allclose(
        whole(laid(moved, there, mode)), whole(laid(tracks, grid, mode)), rtol=0, atol=1e-9
    )


@pytest.mark.parametrize(("cell_m", "mode"), TURNS)
@pytest.mark.parametrize("seed", [0, 1])
def test_a_quarter_turn_turns_the_mass(seed: int, cell_m: float, mode: Mode) -> None:
    tracks = herd(seed)
    grid = square(tracks, cell_m)
    turned = replace(tracks, x=-tracks.y, y=tracks.x)  # counter-clockwise
    wanted = np.rot90(whole(laid(tracks, grid, mode)), axes=(1, 2))
    np.testing.assert_allclose(whole(laid(turned, grid, mode)), wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_order_and_chunks_of_animals_change_no_bit(seed: int) -> None:
    tracks = random_walks(seed, animals=5, fixes=40)
    grid = Grid.around(tracks.x, tracks.y, cell_m=50.0)
    variance = np.random.default_rng(seed).gamma(2.0, 1.0, 5)
    ud = bridge_utilisation(tracks, grid, variance_m2_s=variance)
    order = np.random.default_rng(seed).permutation(5)
    mixed = bridge_utilisation(tracks.select(order), grid, variance_m2_s=variance[order])
    parts = join_utilisations([
        bridge_utilisation(tracks.select(some), grid, variance_m2_s=variance[some])
        for some in ([0], [1, 2, 3], [4])
    ])  # fmt: skip
    for other in (mixed.select(np.argsort(order)), parts):
        assert other.mass.tobytes() == ud.mass.tobytes()
        assert other.cell.tobytes() == ud.cell.tobytes()
        assert other.names == ud.names


@pytest.mark.parametrize("seed", SEEDS)
def test_a_track_backwards_in_time_is_used_alike(seed: int) -> None:
    tracks = herd(seed).select([0])
    last = tracks.t_ms[-1]
    back = replace(tracks, t_ms=(last - tracks.t_ms)[::-1], x=tracks.x[::-1], y=tracks.y[::-1])
    grid = square(tracks, 64.0)
    np.testing.assert_allclose(
        whole(laid(back, grid)), whole(laid(tracks, grid)), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_finer_cells_add_up_to_coarser_ones(seed: int) -> None:
    tracks = herd(seed)
    coarse = square(tracks, 64.0)
    fine = replace(coarse, cell_m=4.0, rows=coarse.rows * 16, columns=coarse.columns * 16)
    found = whole(laid(tracks, fine))
    shape = (len(tracks.names), coarse.rows, 16, coarse.columns, 16)
    added = found.reshape(shape).sum(axis=(2, 4))
    overlap = np.minimum(added, whole(laid(tracks, coarse))).sum(axis=(1, 2))
    assert (overlap > 0.999).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_kernels_shift_turn_and_reorder(seed: int) -> None:
    tracks = herd(seed)
    grid = square(tracks, 64.0)
    found = whole(kernel_utilisation(tracks, grid))
    turned = replace(tracks, x=-tracks.y, y=tracks.x)
    np.testing.assert_allclose(
        whole(kernel_utilisation(turned, grid)), np.rot90(found, axes=(1, 2)), rtol=0, atol=1e-9
    )
    mixed = kernel_utilisation(tracks.select([2, 0, 1]), grid).select([1, 2, 0])
    assert whole(mixed).tobytes() == found.tobytes()


@pytest.mark.parametrize("seed", SEEDS)
def test_animals_come_and_go_and_leave_no_trace(seed: int) -> None:
    tracks = random_walks(seed, animals=8, fixes=30)
    grid = Grid.around(tracks.x, tracks.y, cell_m=100.0)
    ud = bridge_utilisation(tracks, grid, variance_m2_s=1.5)
    dice = np.random.default_rng(seed)
    running, present = RunningUtilisation(grid), set[int]()
    for animal in dice.integers(0, 8, 60).tolist():
        change = running.remove if animal in present else running.add
        change(ud.select([animal]))
        present ^= {animal}
    anew = RunningUtilisation(grid)
    anew.add(ud.select(sorted(present)))
    assert anew.dense().tobytes() == running.dense().tobytes()
