"""The kernel of movingpandas's stops: whether the smallest turned rectangle about fixes fits."""

from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis.columns import FloatArray, IntArray

UNDECIDED: Final = -1
_BOX: Final = 1.5  # the reference's: a box about the fixes may be so many diameters across
_SAME: Final = 1e-9  # two areas or lengths this close may be told apart by rounding alone
_TRACK, _FIX, _BEGIN, _WAS_STILL, _VERDICT, _ROWS = range(6)


@compiled
def next_stop(
    offsets: IntArray, t_ms: IntArray, x: FloatArray, y: FloatArray,
    diameter_m: float, min_stay_ms: float, state: IntArray, found: IntArray, room: FloatArray,
) -> None:  # fmt: skip
    """Run over the tracks until all is found, or a rectangle is too close to tell.

    Parameters
    ----------
    state : (6,) array
        Track, fix, first fix of the buffer, whether it was still, verdict, and rows found. It
        begins as zeros with the verdict `UNDECIDED`, and the run ends with the track past the
        last. If not, the caller says by the verdict whether the fixes from the first of the
        buffer up to and including the fix at hand are still (1) or not (0), and calls again.
    found : (m, 2) array
        Filled with first and last fix of each stop.
    room : (5, m) array
        For the fixes of a buffer.
    """
    track, fix, begin = state[_TRACK], state[_FIX], state[_BEGIN]
    was_still, verdict, rows = state[_WAS_STILL], state[_VERDICT], state[_ROWS]
    waits = False
    while track < len(offsets) - 1 and not waits:
        end = offsets[track + 1]
        while fix < end and not waits:
            while not was_still and fix - begin > 1 and t_ms[fix] - t_ms[begin] >= min_stay_ms:
                begin += 1
            if verdict == UNDECIDED:
                verdict = _fits(x, y, begin, fix, diameter_m, room)
            waits = verdict == UNDECIDED
            if not waits:
                is_over = verdict == 0 and was_still == 1 and fix > begin
                if is_over and t_ms[fix - 1] - t_ms[begin] >= min_stay_ms:
                    found[rows, 0], found[rows, 1] = begin, fix - 1
                    rows += 1
                    begin = fix
                was_still = verdict
                verdict = UNDECIDED
                fix += 1
        if not waits:
            if was_still == 1 and t_ms[end - 1] - t_ms[begin] >= min_stay_ms:
                found[rows, 0], found[rows, 1] = begin, end - 1
                rows += 1
            was_still, begin, fix = 0, end, end
            track += 1
    state[_TRACK], state[_FIX], state[_BEGIN] = track, fix, begin
    state[_WAS_STILL], state[_VERDICT], state[_ROWS] = was_still, verdict, rows


@compiled
def _fits(
    x: FloatArray, y: FloatArray, first: int, last: int, diameter_m: float, room: FloatArray
) -> int:
    """Whether the rectangle's diagonal is below the diameter: 1, 0, or `UNDECIDED`."""
    west, east, south, north = x[first], x[first], y[first], y[first]
    for fix in range(first + 1, last + 1):
        west, east = min(west, x[fix]), max(east, x[fix])
        south, north = min(south, y[fix]), max(north, y[fix])
    box = np.hypot(east - west, north - south)
    verdict = UNDECIDED
    if first == last or box >= diameter_m * _BOX or max(east - west, north - south) >= diameter_m:
        # A rectangle that holds two fixes is no shorter than they are apart.
        verdict = 0
    elif last - first == 1:
        verdict = 1 if box < diameter_m else 0
    elif box * np.sqrt(2.0) < diameter_m * (1.0 - _SAME):
        # No side of the smallest rectangle is longer than two of its fixes are apart.
        verdict = 1
    else:
        corners = _hull(x, y, first, last, room)
        shortest, longest = _diagonals(room, corners)
        if longest < diameter_m * (1.0 - _SAME):
            verdict = 1
        elif shortest > diameter_m * (1.0 + _SAME):
            verdict = 0
    return verdict


@compiled
def _hull(x: FloatArray, y: FloatArray, first: int, last: int, room: FloatArray) -> int:
    """Put the corners of the convex hull into the rows 2 and 3 of ``room``, and count them."""
    count = last - first + 1
    for nth in range(count):
        east, north = x[first + nth] - x[first], y[first + nth] - y[first]
        before = nth - 1
        while before >= 0 and (
            room[0, before] > east or (room[0, before] == east and room[1, before] > north)
        ):
            room[0, before + 1], room[1, before + 1] = room[0, before], room[1, before]
            before -= 1
        room[0, before + 1], room[1, before + 1] = east, north
    corners = 0
    # There along the south, and back along the north; the last corner of each is the next's first.
    for turn in range(2):
        least = corners + 1
        for nth in range(count):
            at = nth if turn == 0 else count - 1 - nth
            while corners > least and not _turns_left(room, corners, room[0, at], room[1, at]):
                corners -= 1
            room[2, corners], room[3, corners] = room[0, at], room[1, at]
            corners += 1
        corners -= 1
    return corners


@inlined
def _turns_left(room: FloatArray, corners: int, east: float, north: float) -> bool:
    one_x, one_y = room[2, corners - 2], room[3, corners - 2]
    two_x, two_y = room[2, corners - 1], room[3, corners - 1]
    return bool((two_x - one_x) * (north - one_y) - (two_y - one_y) * (east - one_x) > 0.0)


@compiled
def _diagonals(room: FloatArray, corners: int) -> tuple[float, float]:
    """Shortest and longest diagonal of the rectangles that may be the smallest."""
    smallest, widest = np.inf, 0.0
    for corner in range(corners):
        area, diagonal = _rectangle(room, corners, corner)
        smallest, widest = min(smallest, area), max(widest, diagonal)
    # Three fixes have one area whichever side it is measured on: which one the reference takes
    # is decided by its rounding.
    near = smallest + _SAME * max(smallest, _SAME * widest * widest)
    shortest, longest = np.inf, 0.0
    for corner in range(corners):
        area, diagonal = _rectangle(room, corners, corner)
        if area <= near:
            shortest, longest = min(shortest, diagonal), max(longest, diagonal)
    return shortest, longest


@compiled
def _rectangle(room: FloatArray, corners: int, corner: int) -> tuple[float, float]:
    """Area and diagonal of the rectangle on one side of the hull; inf on a side of no length."""
    after = (corner + 1) % corners
    way_x, way_y = room[2, after] - room[2, corner], room[3, after] - room[3, corner]
    length = np.hypot(way_x, way_y)
    low, high, deep = 0.0, 0.0, 0.0
    for other in range(corners):
        east, north = room[2, other] - room[2, corner], room[3, other] - room[3, corner]
        along, aside = east * way_x + north * way_y, north * way_x - east * way_y
        low, high, deep = min(low, along), max(high, along), max(deep, aside)
    area = (high - low) * deep / (length * length) if length > 0.0 else np.inf
    return area, np.hypot(high - low, deep) / length if length > 0.0 else 0.0
