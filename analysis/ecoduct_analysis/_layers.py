"""From bridges to the cells of each track: tables for the kernels, and layers to lay them on."""

from typing import Final

import numpy as np
from scipy.special import ndtr

from ecoduct_analysis._spread import (
    MOST_MOMENTS,
    PIECES,
    REACH_SD,
    compress,
    merge,
    split_moments,
    spread,
    windows,
)
from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.utilisation import Utilisation

_SLOWER: Final = 0.5  # at the ends than in the mean; of 0 to 0.7 the best in trials


class Cells:
    """Cells of one track after the other, as they are found.

    Parameters
    ----------
    grid : Grid
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._cells: list[IntArray] = [np.zeros(0, dtype=np.int64)]
        self._masses: list[FloatArray] = [np.zeros(0)]
        self._outside: list[float] = []

    def add(self, cell: IntArray, mass: FloatArray, *, weight: float) -> None:
        """Take the cells of the next track, of what was laid down with a total weight."""
        within = float(mass.sum())
        # Of no weight at all, or of a weight that is not known, no part can be told.
        self._outside.append(max(0.0, 1.0 - within / weight) if weight > 0.0 else np.nan)
        self._cells.append(cell)
        self._masses.append(mass / within if within > 0.0 else mass)

    def gather(self, names: tuple[str, ...], **columns: FloatArray) -> Utilisation:
        """All tracks, with further columns of `Utilisation`."""
        lengths = [len(cell) for cell in self._cells]
        return Utilisation(
            grid=self.grid, names=names, offsets=np.cumsum(lengths, dtype=np.int64),
            cell=np.concatenate(self._cells), mass=np.concatenate(self._masses),
            outside=np.array(self._outside, dtype=np.float64), **columns,
        )  # fmt: skip


def lay_down(bridges: FloatArray, counts: IntArray, offsets: IntArray, grid: Grid) -> Cells:
    """Lay the bridges of each track on the grid.

    Parameters
    ----------
    bridges : (b, 8) array
        As `_spread` has them.
    counts : (b,) array
        Moments of each.
    offsets : (k + 1,) array
        Bridges of each track.
    """
    found = Cells(grid)
    table, moments = normal_table(), moments_of(counts)
    for track, window in enumerate(windows(bridges, offsets, grid.rows, grid.columns)):
        here = slice(int(offsets[track]), int(offsets[track + 1]))
        layers = _empty(window)
        weight = spread(bridges[here], counts[here], moments, window, table, layers)
        merge(window, layers)
        found.add(*compress(window, layers, grid.rows, grid.columns), weight=weight)
    return found


def _empty(window: IntArray) -> FloatArray:
    """Levels of a window, one after the other."""
    room = sum(int(window[2] >> level) * int(window[3] >> level) for level in range(window[4]))
    try:
        # The system gives zeros page by page as they are touched: much of a wide window never is.
        return np.zeros(room)
    except MemoryError as error:
        raise BadRule(f"{room} cells cannot be held; choose a greater cell_m.") from error


def normal_table() -> FloatArray:
    """Mass of a normal distribution, cut at `REACH_SD`, from its middle on: cubic pieces."""
    stride = REACH_SD / PIECES
    at = stride * np.arange(PIECES + 1)
    whole = 2.0 * (ndtr(REACH_SD) - 0.5)
    value = (ndtr(at) - 0.5) / whole
    slope = np.exp(-0.5 * at**2) / np.sqrt(2.0 * np.pi) / whole * stride
    rise = np.diff(value)
    table = np.zeros((PIECES + 1, 4))
    table[:-1, 0], table[:-1, 1] = value[:-1], slope[:-1]
    table[:-1, 2] = 3.0 * rise - 2.0 * slope[:-1] - slope[1:]
    table[:-1, 3] = slope[:-1] + slope[1:] - 2.0 * rise
    table[-1, 0] = 0.5  # nothing lies beyond
    return table


def moments_of(counts: IntArray) -> FloatArray:
    """Moments of bridges that are laid down 1, 2 … `MOST_MOMENTS` times.

    Gauss-Legendre moments of a time that runs slowly at both ends, where a bridge widens from a
    fix's error to its own width: with as many moments, the error is a third of that of even time.

    Parameters
    ----------
    counts : (b,) array
        Moments of each bridge; only those that are asked for are worked out.

    Returns
    -------
    (m, 2) array
        Part of the bridge's time, and share of its weight; those of ``c`` moments begin at
        ``c * (c - 1) / 2``.
    """
    moments = np.zeros((MOST_MOMENTS * (MOST_MOMENTS + 1) // 2, 2))
    asked = np.flatnonzero(np.bincount(counts))
    for count in {split_moments(int(one))[1] for one in asked}:
        here = slice(count * (count - 1) // 2, count * (count + 1) // 2)
        place, weight = np.polynomial.legendre.leggauss(count)
        turn = np.pi * (1.0 + place)
        share = weight * (1.0 - _SLOWER * np.cos(turn))
        moments[here, 0] = (turn - _SLOWER * np.sin(turn)) / (2.0 * np.pi)
        moments[here, 1] = share / share.sum()
    return moments
