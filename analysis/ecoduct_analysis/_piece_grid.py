"""A grid of square cells that says which pieces of barriers a straight step may meet.

Most steps meet none: the few cells around them are empty. The cells of a row follow each other, so
that a row of them is one run of pieces. Long steps and crowds of pieces are left to the tree.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis._piece_tree import PieceTree, meet
from ecoduct_analysis.columns import FloatArray, IntArray

_Counts = NDArray[np.int32]

_PIECES_PER_CELL = 2.5  # side of a cell in lengths of pieces
_CELLS_PER_PIECE = 4  # at the least: fewer and cells are crowded
_MOST_CELLS = 1 << 22  # 16 MB of cell begins
_ENTRIES_PER_PIECE = 32  # pieces that are long for their cells make the cells larger
_FEW = 4096  # entries that are never too many
_LEAST_M = 1e-3  # width of a grid around a single point
_CROWDED = 64  # entries around a step beyond which the tree tells sooner what is near
_MOST_ROWS = 16  # of cells around a step, likewise
_MANY = 1 << 30
BLOCK: Final = 4096  # steps looked at before those near pieces are tried; 32 kB of numbers
_SLACK = 1e-6  # part of a cell by which steps and pieces are widened: far above rounding


class PieceGrid(NamedTuple):
    """Cells of ``cell_m`` from ``x0, y0``, row by row; cell ``c`` holds ``pieces[begins[c]:…]``."""

    x0: float
    y0: float
    cell_m: float
    per_m: float
    columns: int
    rows: int
    begins: _Counts
    pieces: _Counts


class Steps(NamedTuple):
    """Begins and ends of steps, (m,) columns."""

    x0: FloatArray
    y0: FloatArray
    x1: FloatArray
    y1: FloatArray


def build_grid(tree: PieceTree) -> PieceGrid:
    """Lay the pieces of a tree into cells, by their place in it."""
    ends = tree.ends.reshape(-1, 2, 2)
    none = np.zeros(0, dtype=np.int32)
    if not len(ends):
        return PieceGrid(0.0, 0.0, 1.0, 1.0, 0, 0, none, none)
    low, high = ends.min(axis=(0, 1)), ends.max(axis=(0, 1))
    width, height = np.maximum(high - low, _LEAST_M)
    # As large as a few pieces; smaller where long ones crowd, larger where the grid is wide.
    length_m = float(np.median(np.hypot(*(ends[:, 1] - ends[:, 0]).T)))
    crowded_m = np.sqrt(width * height / (_CELLS_PER_PIECE * len(ends)))
    sides_m = np.sqrt(width * height / _MOST_CELLS), width / _MOST_CELLS, height / _MOST_CELLS
    cell_m = float(max(min(_PIECES_PER_CELL * length_m, crowded_m), *sides_m))
    while True:
        # One cell more on each side, so that the slack never leaves the grid.
        columns, rows = int(width // cell_m) + 3, int(height // cell_m) + 3
        grid = PieceGrid(
            float(low[0] - cell_m), float(low[1] - cell_m), cell_m, 1.0 / cell_m, columns, rows,
            none, none,
        )  # fmt: skip
        counts = np.zeros(columns * rows, dtype=np.int32)
        _lay(grid, ends, counts, none)
        if counts.sum() <= _ENTRIES_PER_PIECE * len(ends) + _FEW:
            break
        cell_m *= 2.0
    begins = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    pieces = np.empty(begins[-1], dtype=np.int32)
    _lay(grid, ends, begins[:-1].copy(), pieces)
    return grid._replace(begins=begins, pieces=pieces)


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
def _entries_around(grid: PieceGrid, x0: float, y0: float, x1: float, y1: float) -> int:
    """Entries of the cells around a step: 0 where it meets nothing, `_MANY` where it is long."""
    first, last = _columns_of(grid, x0, x1)
    low, high = _rows_of(grid, y0, y1)
    if first > last or low > high:
        return 0
    if high - low >= _MOST_ROWS:
        return _MANY
    begins, bottom, top = grid.begins, low * grid.columns, high * grid.columns
    around = begins[bottom + last + 1] - begins[bottom + first]
    if high > low:
        around += begins[top + last + 1] - begins[top + first]
        for row in range(low + 1, high):
            cells = row * grid.columns
            around += begins[cells + last + 1] - begins[cells + first]
    return int(around)


@compiled
def steps_near(grid: PieceGrid, steps: Steps, span: tuple[int, int], near: IntArray) -> int:
    """Put the steps of a span that pass cells with pieces into ``near``; return their number.

    Those with a crowd around them, for the tree, are put in as ``-1 - step``. A loop of its own:
    short enough for the compiler to keep all of it in registers.
    """
    count = 0
    for step in range(span[0], span[1]):
        around = _entries_around(
            grid, steps.x0[step], steps.y0[step], steps.x1[step], steps.y1[step]
        )
        if around > 0:
            near[count] = step if around <= _CROWDED else -1 - step
            count += 1
    return count


@inlined
def hits_in_grid(
    grid: PieceGrid,
    tree: PieceTree,
    step: tuple[float, float, float, float],
    hit: IntArray,
    sign: IntArray,
    fraction: FloatArray,
) -> int:
    """Put the pieces that a step crosses, each once, into scratch columns; return their number."""
    x0, y0, x1, y1 = step
    first, last = _columns_of(grid, x0, x1)
    low, high = _rows_of(grid, y0, y1)
    found = 0
    for row in range(low, high + 1):
        cells = row * grid.columns
        for entry in range(grid.begins[cells + first], grid.begins[cells + last + 1]):
            piece = grid.pieces[entry]
            met, part = meet(tree.ends, piece, step)
            if met == 0:
                continue
            seen = False  # in another cell that holds the piece
            for before in range(found):
                seen = seen or hit[before] == tree.order[piece]
            if not seen:
                hit[found], sign[found], fraction[found] = tree.order[piece], met, part
                found += 1
    return found
