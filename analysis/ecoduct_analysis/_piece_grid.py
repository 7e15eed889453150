"""A grid of square cells that says which pieces of barriers a straight step may meet.

Most steps meet none: four look-ups in a table of sums tell that all cells around them are empty.
Others are followed column by column, and left to the tree where pieces crowd.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis._piece_tree import PieceTree, hits_in_tree, meet
from ecoduct_analysis.columns import FloatArray, IntArray

_Counts = NDArray[np.int32]

_CELLS_PER_PIECE = 4  # fewer and cells are crowded, more and they no longer fit a processor's cache
_MOST_CELLS = 1 << 22  # 16 MB of cell begins
_ENTRIES_PER_PIECE = 32  # pieces that are long for their cells make the cells larger
_LEAST_M = 1e-3  # width of a grid around a single point
_CROWDED = 64  # entries around a step beyond which the tree tells sooner what is near
_SLACK = 1e-6  # part of a cell by which steps and pieces are widened: far above rounding


class PieceGrid(NamedTuple):
    """Cells of ``cell_m`` from ``x0, y0``, row by row; cell ``c`` holds ``pieces[begins[c]:…]``.

    ``sums[r, c]`` counts the entries of all cells below row ``r`` and left of column ``c``.
    """

    x0: float
    y0: float
    cell_m: float
    per_m: float
    columns: int
    rows: int
    begins: _Counts
    pieces: _Counts
    sums: _Counts


def build_grid(tree: PieceTree) -> PieceGrid:
    """Lay the pieces of a tree into cells, by their place in it."""
    ends = tree.ends.reshape(-1, 2, 2)
    none = np.zeros(0, dtype=np.int32)
    if not len(ends):
        return PieceGrid(0.0, 0.0, 1.0, 1.0, 0, 0, none, none, np.zeros((1, 1), np.int32))
    low, high = ends.min(axis=(0, 1)), ends.max(axis=(0, 1))
    width, height = np.maximum(high - low, _LEAST_M)
    wanted = min(max(_CELLS_PER_PIECE * len(ends), 64), _MOST_CELLS // 2)
    cell_m = float(max(np.sqrt(width * height / wanted), width / wanted, height / wanted))
    while True:
        # One cell more on each side, so that the slack never leaves the grid.
        columns, rows = int(width // cell_m) + 3, int(height // cell_m) + 3
        grid = PieceGrid(
            float(low[0] - cell_m), float(low[1] - cell_m), cell_m, 1.0 / cell_m, columns, rows,
            none, none, none.reshape(0, 0),
        )  # fmt: skip
        counts = np.zeros(columns * rows, dtype=np.int32)
        _lay(grid, ends, counts, none)
        if counts.sum() <= _ENTRIES_PER_PIECE * len(ends) + wanted:
            break
        cell_m *= 2.0
    begins = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    pieces = np.empty(begins[-1], dtype=np.int32)
    _lay(grid, ends, begins[:-1].copy(), pieces)
    sums = np.zeros((rows + 1, columns + 1), dtype=np.int32)
    sums[1:, 1:] = counts.reshape(rows, columns).cumsum(axis=0).cumsum(axis=1)
    return grid._replace(begins=begins, pieces=pieces, sums=sums)


@inlined
def _columns_of(grid: PieceGrid, x0: float, x1: float) -> tuple[int, int]:
    """First and last column that a step may touch; the first is larger if it touches none."""
    low = (min(x0, x1) - grid.x0) * grid.per_m - _SLACK
    high = (max(x0, x1) - grid.x0) * grid.per_m + _SLACK
    if high < 0.0 or low >= grid.columns:
        return 1, 0
    return int(max(low, 0.0)), int(min(high, grid.columns - 1.0))


@inlined
def _rows_of(grid: PieceGrid, y0: float, y1: float) -> tuple[int, int]:
    """First and last row between two heights; the first is larger if there is none."""
    low = (min(y0, y1) - grid.y0) * grid.per_m - _SLACK
    high = (max(y0, y1) - grid.y0) * grid.per_m + _SLACK
    if high < 0.0 or low >= grid.rows:
        return 1, 0
    return int(max(low, 0.0)), int(min(high, grid.rows - 1.0))


@compiled
def _rows_in_column(
    grid: PieceGrid, column: int, x0: float, y0: float, x1: float, y1: float
) -> tuple[int, int]:
    """First and last row that a step may touch in a column."""
    if x1 == x0:
        return _rows_of(grid, y0, y1)
    left = grid.x0 + (column - _SLACK) * grid.cell_m
    right = grid.x0 + (column + 1.0 + _SLACK) * grid.cell_m
    slope = (y1 - y0) / (x1 - x0)
    at0 = y0 + (max(min(x0, x1), left) - x0) * slope
    at1 = y0 + (min(max(x0, x1), right) - x0) * slope
    # A steep step's slope magnifies rounding; its ends bound it all the same.
    low_y, high_y = min(y0, y1), max(y0, y1)
    return _rows_of(grid, min(max(at0, low_y), high_y), min(max(at1, low_y), high_y))


@compiled
def _lay(grid: PieceGrid, ends: FloatArray, at: _Counts, pieces: _Counts) -> None:
    """Count the pieces of each cell in ``at``, or put them at ``at`` where there is room."""
    for piece in range(len(ends)):
        x0, y0, x1, y1 = ends[piece, 0, 0], ends[piece, 0, 1], ends[piece, 1, 0], ends[piece, 1, 1]
        first, last = _columns_of(grid, x0, x1)
        for column in range(first, last + 1):
            low, high = _rows_in_column(grid, column, x0, y0, x1, y1)
            for row in range(low, high + 1):
                cell = row * grid.columns + column
                if len(pieces):
                    pieces[at[cell]] = piece
                at[cell] += 1


@inlined
def entries_around(grid: PieceGrid, x0: float, y0: float, x1: float, y1: float) -> int:
    """Entries of the cells around a step; where there are none the step meets nothing."""
    first, last = _columns_of(grid, x0, x1)
    low, high = _rows_of(grid, y0, y1)
    if first > last or low > high:
        return 0
    sums = grid.sums
    return int(
        sums[high + 1, last + 1] - sums[low, last + 1] - sums[high + 1, first] + sums[low, first]
    )


@compiled
def hits_of_step(
    grid: PieceGrid,
    tree: PieceTree,
    step: tuple[float, float, float, float],
    hit: IntArray,
    sign: IntArray,
    fraction: FloatArray,
) -> int:
    """Put the pieces that a step crosses, each once, into scratch columns; return their number."""
    x0, y0, x1, y1 = step
    if entries_around(grid, x0, y0, x1, y1) > _CROWDED:
        return hits_in_tree(tree, step, hit, sign, fraction)
    first, last = _columns_of(grid, x0, x1)
    found = 0
    for column in range(first, last + 1):
        low, high = _rows_in_column(grid, column, x0, y0, x1, y1)
        for row in range(low, high + 1):
            cell = row * grid.columns + column
            for entry in range(grid.begins[cell], grid.begins[cell + 1]):
                piece = grid.pieces[entry]
                met, part = meet(tree.ends, piece, step)
                if met == 0:
                    continue
                seen = False  # in another cell that step and piece share
                for before in range(found):
                    seen = seen or hit[before] == tree.order[piece]
                if not seen:
                    hit[found], sign[found], fraction[found] = tree.order[piece], met, part
                    found += 1
    return found
