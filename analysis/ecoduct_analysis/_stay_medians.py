"""Medians of the fixes of a stay, in numbers that no loop has to sort."""

from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import FloatArray, IntArray

_FEW: Final = 24  # numbers that are sorted sooner than parted
_MS_PER_S: Final = 1000.0


@compiled
def centre_of(
    x: FloatArray, y: FloatArray, first: int, last: int, room: FloatArray
) -> tuple[float, float]:
    """Median along and across the line from the first to the last fix.

    Medians of x and of y would name another place after a turn of the map.

    Parameters
    ----------
    room : array
        For two numbers of each fix.
    """
    x0, y0 = x[first], y[first]
    way_x, way_y = x[last] - x0, y[last] - y0
    way2 = way_x * way_x + way_y * way_y
    way_x = way_x if way2 > 0.0 else 1.0  # any line will do
    way2 = way2 if way2 > 0.0 else 1.0
    count = last - first + 1
    for nth in range(count):
        right, up = x[first + nth] - x0, y[first + nth] - y0
        room[nth] = right * way_x + up * way_y
        room[count + nth] = up * way_x - right * way_y
    far, aside = median_of(room, 0, count), median_of(room, count, count)
    return x0 + (far * way_x - aside * way_y) / way2, y0 + (far * way_y + aside * way_x) / way2


@compiled
def median_of(values: FloatArray, begin: int, count: int) -> float:
    """Median of ``count`` values from ``begin`` on, which are put in another order."""
    if count <= _FEW:
        for at in range(begin + 1, begin + count):
            # No branches: where a value belongs among those before it is a matter of chance.
            greatest = values[at]
            for before in range(begin, at):
                other = values[before]
                values[before] = min(other, greatest)
                greatest = max(other, greatest)
            values[at] = greatest
    else:
        _part(values, begin, count)
    upper = values[begin + count // 2]
    lower = upper
    if count % 2 == 0:
        lower = values[begin]
        for at in range(begin + 1, begin + count // 2):
            lower = max(lower, values[at])
    return float((lower + upper) / 2.0)


@compiled
def _part(values: FloatArray, begin: int, count: int) -> None:
    """Put the value of the middle there, none above it before it, none below it after it."""
    low, high, middle = begin, begin + count - 1, begin + count // 2
    while low < high:
        # Of three: the fixes of a straight walk are sorted, and must not be the slowest case.
        one, two, three = values[low], values[(low + high) // 2], values[high]
        pivot = max(min(one, two), min(max(one, two), three))
        left, right = low, high
        while left <= right:
            while values[left] < pivot:
                left += 1
            while values[right] > pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        # Between the two parts all values are the pivot, and there is no more to do.
        low, high = (
            (low, right)
            if middle <= right
            else ((left, high) if middle >= left else (middle, middle))
        )


@compiled
def describe(
    t_ms: IntArray,
    x: FloatArray,
    y: FloatArray,
    runs: IntArray,
    max_gap_ms: int,
    room: FloatArray,
    measured: FloatArray,
) -> None:
    """Fill columns of ``measured``, one for each stay.

    x, y, greatest and median distance from there (m), longest silence (s), part of the time that
    lies in no silence too long, and how many of these there are.
    """
    for row in range(len(runs)):
        first, last = runs[row, 0], runs[row, 1]
        centre_x, centre_y = centre_of(x, y, first, last, room)
        greatest, longest_ms, lost_ms, lost = 0.0, 0, 0, 0
        for fix in range(first, last + 1):
            far = np.sqrt((x[fix] - centre_x) ** 2 + (y[fix] - centre_y) ** 2)
            room[fix - first] = far
            greatest = max(greatest, far)
            silence_ms = t_ms[fix] - t_ms[max(fix - 1, first)]
            longest_ms = max(longest_ms, silence_ms)
            lost_ms += silence_ms if silence_ms > max_gap_ms else 0
            lost += 1 if silence_ms > max_gap_ms else 0
        measured[0, row], measured[1, row] = centre_x, centre_y
        measured[2, row] = greatest
        measured[3, row] = median_of(room, 0, last - first + 1)
        measured[4, row] = longest_ms / _MS_PER_S
        measured[5, row] = 1.0 - lost_ms / (t_ms[last] - t_ms[first])
        measured[6, row] = lost
