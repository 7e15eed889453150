"""Straight pieces of one barrier beside the straight line between two positions of a bridge.

A piece is a row ``x0, y0, x1, y1``, a set of them an array of places in such a table.
"""

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import FloatArray, IntArray

# Vertices may leave the line by this part of the bridge's spread: 1 % of it moves a probability
# by less than two in a hundred of itself where the fixes are one spread away.
_FLAT = 0.01


@compiled
def _off2(x: float, y: float, x0: float, y0: float, x1: float, y1: float) -> float:
    """Squared distance of a position from the straight line between two others."""
    way_x, way_y = x1 - x0, y1 - y0
    length2 = way_x * way_x + way_y * way_y
    part = 0.0
    if length2 > 0.0:
        part = min(1.0, max(0.0, ((x - x0) * way_x + (y - y0) * way_y) / length2))
    off_x, off_y = x - x0 - part * way_x, y - y0 - part * way_y
    return off_x * off_x + off_y * off_y


@compiled
def distance2_to(x: float, y: float, pieces: FloatArray, number: int) -> float:
    """Squared distance of a position from a piece."""
    return _off2(x, y, pieces[number, 0], pieces[number, 1], pieces[number, 2], pieces[number, 3])


@compiled
def along(x: float, y: float, pieces: FloatArray, number: int) -> float:
    """Distance from a piece's begin to the place on it that is nearest to a position."""
    x0, y0 = pieces[number, 0], pieces[number, 1]
    way_x, way_y = pieces[number, 2] - x0, pieces[number, 3] - y0
    length = np.hypot(way_x, way_y)
    if length == 0.0:
        return 0.0
    return float(min(length, max(0.0, ((x - x0) * way_x + (y - y0) * way_y) / length)))


@compiled
def meeting(step: FloatArray, pieces: FloatArray, number: int) -> tuple[int, float]:
    """Crossing of a piece by a step: 1 left to right, -1 right to left, 0 none; and its place.

    The rule of `ecoduct_analysis.crossings`: what lies on a line lies left of it.
    """
    x0, y0 = pieces[number, 0], pieces[number, 1]
    x1, y1 = pieces[number, 2], pieces[number, 3]
    begin = (x1 - x0) * (step[1] - y0) - (y1 - y0) * (step[0] - x0)
    end = (x1 - x0) * (step[3] - y0) - (y1 - y0) * (step[2] - x0)
    if (begin >= 0.0) == (end >= 0.0):
        return 0, 0.0
    to_x, to_y = step[2] - step[0], step[3] - step[1]
    head = to_x * (y0 - step[1]) - to_y * (x0 - step[0])
    tail = to_x * (y1 - step[1]) - to_y * (x1 - step[0])
    if (head >= 0.0) == (tail >= 0.0):
        return 0, 0.0
    return (1 if begin >= 0.0 else -1), begin / (begin - end)


@compiled
def distance2(step: FloatArray, pieces: FloatArray, number: int) -> float:
    """Squared distance between a step and a piece, 0 where they cross."""
    if meeting(step, pieces, number)[0] != 0:
        return 0.0
    x0, y0, x1, y1 = step[0], step[1], step[2], step[3]
    return min(
        distance2_to(x0, y0, pieces, number),
        distance2_to(x1, y1, pieces, number),
        _off2(pieces[number, 0], pieces[number, 1], x0, y0, x1, y1),
        _off2(pieces[number, 2], pieces[number, 3], x0, y0, x1, y1),
    )


@compiled
def keep_near(
    step: FloatArray, pieces: FloatArray, lists: IntArray, count: int, level: int, reach_m: float
) -> int:
    """Put the pieces of one level's list that are within reach of a step into the next list.

    Returns how many there are.
    """
    low_x, high_x = min(step[0], step[2]) - reach_m, max(step[0], step[2]) + reach_m
    low_y, high_y = min(step[1], step[3]) - reach_m, max(step[1], step[3]) + reach_m
    kept = 0
    for n in range(count):
        number = lists[level, n]
        if max(pieces[number, 0], pieces[number, 2]) < low_x:
            continue
        if min(pieces[number, 0], pieces[number, 2]) > high_x:
            continue
        if max(pieces[number, 1], pieces[number, 3]) < low_y:
            continue
        if min(pieces[number, 1], pieces[number, 3]) > high_y:
            continue
        if distance2(step, pieces, number) <= reach_m * reach_m:
            lists[level + 1, kept] = number
            kept += 1
    return kept


@compiled
def nearest(x: float, y: float, pieces: FloatArray, among: IntArray, count: int) -> int:
    """Piece that is nearest to a position."""
    best, least = among[0], np.inf
    for n in range(count):
        off2 = distance2_to(x, y, pieces, among[n])
        if off2 < least:
            best, least = among[n], off2
    return int(best)


@compiled
def as_one_line(
    step: FloatArray,
    pieces: FloatArray,
    among: IntArray,
    count: int,
    reach_m: float,
    spread_m: float,
    line: FloatArray,
) -> bool:
    """Whether pieces make one straight line through all that is within reach of a step.

    Their outermost ends must lie beyond reach, all others within a hundredth of the spread of the
    line between those, and the pieces must cover it once, all drawn the same way. The line is put
    into ``line``.
    """
    longest2, way_x, way_y = 0.0, 0.0, 0.0
    for n in range(count):
        one_x = pieces[among[n], 2] - pieces[among[n], 0]
        one_y = pieces[among[n], 3] - pieces[among[n], 1]
        if one_x * one_x + one_y * one_y > longest2:
            longest2, way_x, way_y = one_x * one_x + one_y * one_y, one_x, one_y
    if longest2 == 0.0:
        return False
    covered = _outermost(pieces, among, count, way_x, way_y, line) / np.sqrt(longest2)
    for end in (0, 2):
        if _off2(line[end], line[end + 1], step[0], step[1], step[2], step[3]) <= reach_m**2:
            return False
    extent = np.hypot(line[2] - line[0], line[3] - line[1])
    flat = _FLAT * spread_m
    if abs(covered - extent) > flat:
        return False
    way_x, way_y = (line[2] - line[0]) / extent, (line[3] - line[1]) / extent
    for n in range(count):
        for end in (0, 2):
            x, y = pieces[among[n], end] - line[0], pieces[among[n], end + 1] - line[1]
            if abs(way_x * y - way_y * x) > flat:
                return False
    return True


@compiled
def _outermost(
    pieces: FloatArray, among: IntArray, count: int, way_x: float, way_y: float, line: FloatArray
) -> float:
    """Put the outermost ends along a way into ``line``; how far the pieces lead along it."""
    low, high, covered = np.inf, -np.inf, 0.0
    for n in range(count):
        number = among[n]
        for end in (0, 2):
            at = way_x * pieces[number, end] + way_y * pieces[number, end + 1]
            if at < low:
                low = at
                line[0], line[1] = pieces[number, end], pieces[number, end + 1]
            if at > high:
                high = at
                line[2], line[3] = pieces[number, end], pieces[number, end + 1]
        covered += way_x * (pieces[number, 2] - pieces[number, 0])
        covered += way_y * (pieces[number, 3] - pieces[number, 1])
    return covered
