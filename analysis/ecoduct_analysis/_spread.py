"""Kernels that lay bridges on cells: every normal distribution is integrated over each cell.

All lengths are in cells, from the outer corner of the grid's first cell: columns to the east, rows
to the south. A bridge is a row of `BRIDGE_COLUMNS` numbers: where it begins (column, row), how far
it leads, what motion adds to the variance, the squared errors at both ends, and its weight.
"""

import math
from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis.columns import FloatArray, IntArray

BRIDGE_COLUMNS: Final = 8
REACH_SD: Final = 4.5  # the normal is cut there: 1.4e-5 of its mass lies beyond, in two dimensions
WIDEST_CELLS: Final = 8.0  # a standard deviation above it goes to cells twice as wide: 3e-5 off
MOST_MOMENTS: Final = 32  # of a bridge at a time: a longer one is laid down in pieces
LEVELS: Final = 12  # cells of the coarsest level are 2048 times as wide
_SPARE: Final = 3
_NARROW: Final = 1.0 / 3.0  # touches four cells at most, and is quicker without asking which
_NARROWEST: Final = 1e-9  # below, its inverse might be infinite
_AROUND: Final = 3  # coarse cells beyond the grid that are kept, for the slopes at its edge
PIECES: Final = 512  # of the table of the normal distribution, which is off by less than 3e-11
# Halves of a cell from its neighbours' means: exact for polynomials of degree 4.
_NEAR: Final = 22.0 / 256.0
_NEXT: Final = -3.0 / 256.0


@compiled
def windows(bridges: FloatArray, offsets: IntArray, rows: int, columns: int) -> IntArray:
    """Part of the grid that each track needs: first row and column, rows, columns, levels."""
    found = np.zeros((len(offsets) - 1, 5), dtype=np.int64)
    # Coarser levels than this would need more cells around the grid than it has.
    most = min(max(rows, columns), _AROUND << (LEVELS - 1))
    for track in range(len(offsets) - 1):
        top = left = np.inf
        bottom = right = -np.inf
        widest = 0.0
        for n in range(offsets[track], offsets[track + 1]):
            sd = np.sqrt(0.25 * bridges[n, 4] + max(bridges[n, 5], bridges[n, 6]))
            widest = max(widest, sd)
            reach = REACH_SD * sd
            column, row = bridges[n, 0], bridges[n, 1]
            left = min(left, column + min(bridges[n, 2], 0.0) - reach)
            right = max(right, column + max(bridges[n, 2], 0.0) + reach)
            top = min(top, row + min(bridges[n, 3], 0.0) - reach)
            bottom = max(bottom, row + max(bridges[n, 3], 0.0) + reach)
        levels = 1
        while widest > WIDEST_CELLS * 2.0 ** (levels - 1) and _AROUND << levels <= most:
            levels += 1
        side = 1 << (levels - 1)
        beyond = _AROUND * side if levels > 1 else 0
        # Cut as floats: an animal may be farther away than whole numbers count.
        top, bottom = max(np.floor(top), -beyond), min(np.floor(bottom), rows - 1.0 + beyond)
        left, right = max(np.floor(left), -beyond), min(np.floor(right), columns - 1.0 + beyond)
        found[track, 4] = levels
        if top <= bottom and left <= right:
            found[track, 0] = np.int64(top) // side * side
            found[track, 1] = np.int64(left) // side * side
            found[track, 2] = (np.int64(bottom) // side + 1) * side - found[track, 0]
            found[track, 3] = (np.int64(right) // side + 1) * side - found[track, 1]
            # Room for the cells that narrow bridges write nothing to.
            found[track, 2] += (_SPARE + side - 1) // side * side
            found[track, 3] += (_SPARE + side - 1) // side * side
    return found


@inlined
def split_moments(count: int) -> tuple[int, int]:
    """Pieces of a bridge that is laid down so many times, and moments of each piece."""
    if count <= MOST_MOMENTS:
        return 1, count
    pieces = (count + MOST_MOMENTS - 1) // MOST_MOMENTS
    return pieces, (count + pieces - 1) // pieces


@compiled
def spread(
    bridges: FloatArray, counts: IntArray, moments: FloatArray, window: IntArray,
    table: FloatArray, layers: FloatArray,
) -> float:  # fmt: skip
    """Add the bridges of one track to the layers of its window; give their weight.

    Parameters
    ----------
    bridges : (b, 8) array
    counts : (b,) array
        Moments at which each bridge is laid down.
    moments : (p, 2) array
        From `moments_of`.
    window : (5,) array
        From `windows`.
    table : (t, 4) array
        From `normal_table`.
    layers : (c,) array
        Levels of the window one after the other, the finest first.
    """
    begins, top, left, levels = _begins(window), window[0], window[1], window[4]
    across = np.empty(max(window[2], window[3]) + _SPARE)
    down = np.empty_like(across)
    total = 0.0
    for n in range(len(bridges)):
        # Read once: what is written to the layers might be these, for all the compiler knows.
        column, row, columns, rows = bridges[n, 0], bridges[n, 1], bridges[n, 2], bridges[n, 3]
        own, begin2, end2, weight = bridges[n, 4], bridges[n, 5], bridges[n, 6], bridges[n, 7]
        total += weight
        pieces, each = split_moments(counts[n])
        first, portion = each * (each - 1) // 2, 1.0 / pieces
        for at in range(first, first + pieces * each):
            piece = 0 if pieces == 1 else (at - first) // each
            moment = at - piece * each
            part = (piece + moments[moment, 0]) * portion
            rest = 1.0 - part
            sd = np.sqrt(part * rest * own + rest * rest * begin2 + part * part * end2)
            x, y = column + part * columns - left, row + part * rows - top
            level = 0
            while sd > WIDEST_CELLS and level < levels - 1:
                sd, x, y, level = 0.5 * sd, 0.5 * x, 0.5 * y, level + 1
            width, per_sd = window[3] >> level, 1.0 / sd
            share = weight * portion * moments[moment, 1]
            if _NARROWEST < sd < _NARROW:
                west, north = math.floor(x - REACH_SD * sd), math.floor(y - REACH_SD * sd)
                if min(west, north) >= 0 and west + 4 <= width and north + 4 <= window[2]:
                    _four(x - west, per_sd, table, across)
                    _four(y - north, per_sd, table, down)
                    _add(layers, north * width + west, width, 4, 4, share, across, down)
                    continue
            west, wide = _shares(x, sd, per_sd, width, table, across)
            north, high = _shares(y, sd, per_sd, window[2] >> level, table, down)
            begin = begins[level] + north * width + west
            _add(layers, begin, width, wide, high, share, across, down)
    return total


@inlined
def _add(
    layers: FloatArray, begin: int, width: int, wide: int, high: int, share: float,
    across: FloatArray, down: FloatArray,
) -> None:  # fmt: skip
    """Add the products of the shares of columns and rows to a part of a layer."""
    for i in range(high):
        factor, place = share * down[i], begin + i * width
        # Numbers without a sign need no look at whether they count from the end, and so let four
        # cells be added at a time.
        for j in range(wide):
            layers[np.uint64(place + j)] += factor * across[np.uint64(j)]


@inlined
def _four(middle: float, per_sd: float, table: FloatArray, shares: FloatArray) -> None:
    """Mass of a narrow cut normal distribution in the four cells that it may touch."""
    first = _below((1.0 - middle) * per_sd, table)
    second = _below((2.0 - middle) * per_sd, table)
    third = _below((3.0 - middle) * per_sd, table)
    shares[0], shares[1] = first, second - first
    shares[2], shares[3] = third - second, 1.0 - third


@inlined
def _shares(
    middle: float, sd: float, per_sd: float, cells: int, table: FloatArray, shares: FloatArray
) -> tuple[int, int]:
    """Mass of a cut normal distribution in each cell of one axis; first cell, and how many."""
    # Cut as floats: an animal may be farther away than whole numbers count.
    low = math.floor(min(max(middle - REACH_SD * sd, -1.0), cells + 1.0))
    high = math.floor(min(max(middle + REACH_SD * sd, -1.0), cells + 1.0))
    first, last = max(low, 0), min(high, cells - 1)
    before = 0.0 if first == low else _below((first - middle) * per_sd, table)
    for cell in range(first, last):
        after = _below((cell + 1 - middle) * per_sd, table)
        shares[cell - first] = after - before
        before = after
    if first <= last:
        after = 1.0 if last == high else _below((last + 1 - middle) * per_sd, table)
        shares[last - first] = after - before
    return first, max(0, last - first + 1)


@inlined
def _below(deviations: float, table: FloatArray) -> float:
    """Mass of the cut normal distribution below a place."""
    place = min(abs(deviations) * (PIECES / REACH_SD), float(PIECES))
    piece = int(place)
    away = place - piece
    half: float = table[piece, 0] + away * (
        table[piece, 1] + away * (table[piece, 2] + away * table[piece, 3])
    )
    return 0.5 + half if deviations > 0.0 else 0.5 - half


@compiled
def merge(window: IntArray, layers: FloatArray) -> None:
    """Bring what lies on coarser levels down to the finest."""
    begins = _begins(window)
    for level in range(window[4] - 1, 0, -1):
        height, width = window[2] >> level, window[3] >> level
        coarse = layers[begins[level] : begins[level] + height * width].reshape(height, width)
        fine = layers[begins[level - 1] : begins[level]].reshape(2 * height, 2 * width)
        for row in range(height):
            for column in range(width):
                mass = coarse[row, column]
                if mass <= 0.0:
                    continue
                east, south, both = _slopes(coarse, row, column)
                quarter = 0.25 * mass
                # Where the mass ends the slopes are too steep, and no cell may get less than none.
                lowest = min(
                    east + south + both, east - south - both, south - east - both,
                    both - east - south,
                )  # fmt: skip
                ease = min(1.0, quarter / -lowest) if lowest < 0.0 else 1.0
                fine[2 * row, 2 * column] += quarter + ease * (both - east - south)
                fine[2 * row, 2 * column + 1] += quarter + ease * (east - south - both)
                fine[2 * row + 1, 2 * column] += quarter + ease * (south - east - both)
                fine[2 * row + 1, 2 * column + 1] += quarter + ease * (east + south + both)


@inlined
def _slopes(coarse: FloatArray, row: int, column: int) -> tuple[float, float, float]:
    """What an eastern, a southern and a south-eastern quarter of a cell hold beyond the others."""
    height, width = coarse.shape
    east = south = both = 0.0
    for i in range(-2, 3):
        for j in range(-2, 3):
            r, c = row + i, column + j
            if 0 <= r < height and 0 <= c < width:
                if i == 0:
                    east += _slope(j) * coarse[r, c]
                if j == 0:
                    south += _slope(i) * coarse[r, c]
                both += _slope(i) * _slope(j) * coarse[r, c]
    return 0.5 * east, 0.5 * south, both


@inlined
def _slope(away: int) -> float:
    if away == 0:
        return 0.0
    size = _NEAR if abs(away) == 1 else _NEXT
    return size if away > 0 else -size


@compiled
def compress(
    window: IntArray, layers: FloatArray, rows: int, columns: int
) -> tuple[IntArray, FloatArray]:
    """Cells of the grid that hold mass, and their mass."""
    first_row, first_column, width = window[0], window[1], window[3]
    top, bottom = max(0, first_row), min(rows, first_row + window[2])
    left, right = max(0, first_column), min(columns, first_column + width)
    count = 0
    for row in range(top, bottom):
        begin = (row - first_row) * width - first_column
        for column in range(left, right):
            count += layers[begin + column] > 0.0
    cell, mass = np.empty(count, dtype=np.int64), np.empty(count)
    count = 0
    for row in range(top, bottom):
        begin = (row - first_row) * width - first_column
        for column in range(left, right):
            if layers[begin + column] > 0.0:
                cell[count] = row * columns + column
                mass[count] = layers[begin + column]
                count += 1
    return cell, mass


@inlined
def _begins(window: IntArray) -> IntArray:
    begins = np.zeros(LEVELS + 1, dtype=np.int64)
    for level in range(window[4]):
        begins[level + 1] = begins[level] + (window[2] >> level) * (window[3] >> level)
    return begins


@compiled
def at_centres(normals: FloatArray, reach: float, wider: int, dense: FloatArray) -> None:
    """Add normal densities at the centres of cells, half a cell from their outer corners.

    Parameters
    ----------
    normals : (s, 4) array
        Column and row of the middle, standard deviation, weight.
    reach : float
        Standard deviations along each axis beyond which a centre gets nothing.
    wider : int
        Cells by which that box is widened on each side.
    dense : (rows, columns) array
    """
    rows, columns = dense.shape
    across, down = np.empty(columns), np.empty(rows)
    for n in range(len(normals)):
        column, row, sd = normals[n, 0] - 0.5, normals[n, 1] - 0.5, normals[n, 2]
        left = int(max(np.ceil(column - reach * sd) - wider, 0.0))
        right = int(min(np.floor(column + reach * sd) + wider, columns - 1.0))
        top = int(max(np.ceil(row - reach * sd) - wider, 0.0))
        bottom = int(min(np.floor(row + reach * sd) + wider, rows - 1.0))
        for c in range(left, right + 1):
            across[c] = np.exp(-0.5 * ((c - column) / sd) ** 2)
        for r in range(top, bottom + 1):
            down[r] = np.exp(-0.5 * ((r - row) / sd) ** 2)
        height = normals[n, 3] / (2.0 * np.pi * sd * sd)
        for r in range(top, bottom + 1):
            factor = height * down[r]
            for c in range(left, right + 1):
                dense[np.uint64(r), np.uint64(c)] += factor * across[np.uint64(c)]
