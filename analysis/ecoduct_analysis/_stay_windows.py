"""The kernels of stays: which windows of a track are still, and what their unions are."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis._stay_medians import centre_of
from ecoduct_analysis.columns import FloatArray, IntArray

ByteArray = NDArray[np.uint8]

FEWEST: Final = 3  # fixes of a window: two, however far apart in time, only border on a silence
_FIVE: Final = 5
_SHORT, _WIDE, _OTHERS = 1, 2, 4  # windows of three fixes, of more, and longer ones than that
_WIDEST: Final = 2.0 * np.sqrt(1.0 + 1.0 / FEWEST)  # of all windows, in errors


@compiled
def mark_ends(
    offsets: IntArray, t_ms: IntArray, min_stay_ms: int, max_gap_ms: int,
    late: IntArray, ends: IntArray,
) -> int:  # fmt: skip
    """Fill when a window that begins with each fix is long enough, and where it must end.

    Parameters
    ----------
    late : (n,) array
        First fix that is at least a stay later, or the end.
    ends : (n,) array
        First fix after the next silence, or of the next track.

    Returns
    -------
    int
        Most fixes from one to the first that is late enough.
    """
    most = 0
    for track in range(len(offsets) - 1):
        begin = offsets[track]
        while begin < offsets[track + 1]:
            end = begin + 1
            while end < offsets[track + 1] and t_ms[end] - t_ms[end - 1] <= max_gap_ms:
                end += 1
            due = begin
            for fix in range(begin, end):
                while due < end and t_ms[due] - t_ms[fix] < min_stay_ms:
                    due += 1
                late[fix] = due
                ends[fix] = end
                most = max(most, due - fix)
            begin = end
    return int(most)


@compiled
def mark_starts(
    x: FloatArray, y: FloatArray, error_m: FloatArray, late: IntArray, ends: IntArray,
    radius_m: float, exits: int, starts: IntArray, ways: ByteArray,
) -> int:  # fmt: skip
    """Fill the fixes that a still window may begin with, and for each fix in which ways.

    What holds for the centre of a window bounds distances between its fixes: where two of its
    ends are too far apart, it is not still, and half of all fixes begin no other.

    Returns
    -------
    int
        How many fixes there are in ``starts``.
    """
    each = 1 if len(error_m) > 1 else 0
    steady = 2.0 * _reach(radius_m, error_m[0], _WIDEST) if len(error_m) else 0.0
    ample = max(FEWEST, 3 * exits - 1)
    count = 0
    for fix in range(len(x)):
        end = ends[fix]
        short = min(max(late[fix], fix + FEWEST - 1), end - 1)
        wide = min(max(late[fix], fix + ample - 1), end - 1)
        after = min(fix + 1, end - 1)
        near, near_short, near_wide = steady, steady, steady
        if each:
            here = _reach(radius_m, error_m[fix], _WIDEST)
            near = here + _reach(radius_m, error_m[after], _WIDEST)
            near_short = here + _reach(radius_m, error_m[short], _WIDEST)
            near_wide = here + _reach(radius_m, error_m[wide], _WIDEST)
        # No branches: which way each of them goes is a matter of chance.
        may = (late[fix] < end) & (fix + FEWEST <= end)
        may &= (_apart2(x[after] - x[fix], y[after] - y[fix]) <= near * near) | (exits == 1)
        is_short = _apart2(x[short] - x[fix], y[short] - y[fix]) <= near_short * near_short
        is_wide = _apart2(x[wide] - x[fix], y[wide] - y[fix]) <= near_wide * near_wide
        is_wide &= (wide > short) & (wide == max(late[fix], fix + ample - 1))
        others = late[after] > short + 1
        way = (_SHORT if is_short else 0) | (_WIDE if is_wide else 0) | (_OTHERS if others else 0)
        way = way if may else 0
        ways[fix] = way
        starts[count] = fix
        count += 1 if way else 0
    return count


@compiled
def find_runs(
    x: FloatArray, y: FloatArray, error_m: FloatArray, late: IntArray, ends: IntArray,
    starts: IntArray, ways: ByteArray, lengths: tuple[float, float], exits: int, room: FloatArray,
    found: IntArray,
) -> int:  # fmt: skip
    """Find stays: unions of still windows that share a fix.

    Every window that can matter is looked at once at most, and those within a stay are passed
    over, so that an animal that rests costs no more the more often it is heard.

    Parameters
    ----------
    error_m : (n,) array, m
        Of each fix, or (1,) of all.
    starts, ways : array
        Of `mark_starts`.
    lengths : (float, float)
        Radius, m, and how many times it a fix may be away that is no exit.
    room : array
        For two numbers of each fix of a window.
    found : (n // 3 + 1, 2) array
        Filled with first and last fix of each stay.

    Returns
    -------
    int
        How many stays.
    """
    stays, row = 0, 0
    stay_first, stay_last = -1, -1
    leaps = False
    while row < len(starts) or leaps:
        # From the last fix of a stay first: where the animal rests on, those between are passed.
        start = stay_last if leaps else starts[row]
        row += 0 if leaps else 1
        if stay_first >= 0 and start > stay_last:
            found[stays, 0], found[stays, 1] = stay_first, stay_last
            stays += 1
            stay_first, stay_last = -1, -1
        last = -1
        if ways[start]:
            last = _longest_still(
                x, y, error_m, late, ends[start], start, ways[start], stay_last, lengths, exits,
                room,
            )  # fmt: skip
        stay_first = start if last >= 0 and stay_first < 0 else stay_first
        stay_last = max(stay_last, last)
        leaps = last >= 0
    if stay_first >= 0:
        found[stays, 0], found[stays, 1] = stay_first, stay_last
        stays += 1
    return stays


@inlined
def _reach(radius_m: float, error_m: float, errors: float) -> float:
    """Radius, and some errors of a fix."""
    # At most twice the radius: a poorer fix says nothing of where the animal was.
    return radius_m + min(errors * error_m, radius_m)


@inlined
def _apart2(right: float, up: float) -> float:
    return right * right + up * up


# One way out of each function: with several, the references of every array are counted.
@inlined
def _longest_still(
    x: FloatArray, y: FloatArray, error_m: FloatArray, late: IntArray, end: int, start: int,
    way: int, beyond: int, lengths: tuple[float, float], exits: int, room: FloatArray,
) -> int:  # fmt: skip
    """Last fix of the longest still window that begins with ``start`` and ends past ``beyond``.

    -1 if there is none. A window has no more fixes than it needs to be long enough, unless it
    needs them all when it begins one later. It needs three fixes, or as many as can hold an
    outing: exits before and after it, and one fewer away.
    """
    longest, tried = -1, end
    fewest = max(FEWEST, 3 * exits - 1) if way != _SHORT else FEWEST
    while fewest > 0:
        shortest = max(late[start], start + fewest - 1)
        last = min(max(shortest, max(late[start + 1], start + fewest) - 1), tried - 1)
        while longest < 0 and last >= shortest and last > beyond:
            if _is_still(x, y, error_m, start, last, lengths, exits, room):
                longest = last
            last -= 1
        tried = min(tried, shortest)
        fewest = FEWEST if fewest > FEWEST and way != _WIDE else 0
    return longest


@compiled
def _is_still(
    x: FloatArray, y: FloatArray, error_m: FloatArray, first: int, last: int,
    lengths: tuple[float, float], exits: int, room: FloatArray,
) -> bool:  # fmt: skip
    """Whether the fixes of a window keep to their centre."""
    radius_m, times = lengths
    each = 1 if len(error_m) > 1 else 0
    count = last - first + 1
    still = _may_be_still(x, y, error_m, first, last, lengths, exits)
    if still:
        centre_x, centre_y = _centre(x, y, first, last, room)
        errors = 2.0 * np.sqrt(1.0 + 1.0 / count)  # of the fix and of the centre
        away, fix = 0, first
        while still and fix <= last:
            at_edge = fix - first < exits or last - fix < exits
            near = _reach(radius_m, error_m[fix * each], errors) * (1.0 if at_edge else times)
            apart2 = _apart2(x[fix] - centre_x, y[fix] - centre_y)
            away = away + 1 if apart2 > near * near else 0
            still = away < (1 if at_edge else exits)
            fix += 1
    return still


@inlined
def _may_be_still(
    x: FloatArray, y: FloatArray, error_m: FloatArray, first: int, last: int,
    lengths: tuple[float, float], exits: int,
) -> bool:  # fmt: skip
    """As in `mark_starts`, for all fixes of the window: many need no median."""
    radius_m, times = lengths
    each = 1 if len(error_m) > 1 else 0
    away = 0
    fix = first + exits if last - first + 1 > _FIVE else last
    reach = _reach(radius_m, error_m[first * each], _WIDEST)
    near = reach + _reach(radius_m, error_m[last * each], _WIDEST)
    still = _apart2(x[last] - x[first], y[last] - y[first]) <= near * near
    while still and fix < last:
        near = reach + times * _reach(radius_m, error_m[fix * each], _WIDEST)
        apart2 = _apart2(x[fix] - x[first], y[fix] - y[first])
        away = away + 1 if apart2 > near * near else 0
        still = away < exits
        fix += 1
    return still


@inlined
def _centre(
    x: FloatArray, y: FloatArray, first: int, last: int, room: FloatArray
) -> tuple[float, float]:
    """Median of a window's fixes; half of all windows have three or five."""
    count = last - first + 1
    if count % 2 == 1 and count <= _FIVE:
        # Three are five of which both ends count twice.
        two = first if count == FEWEST else first + 2
        three = last if count == FEWEST else first + 3
        right, up = _centre_of_five(
            (x[first + 1] - x[first], y[first + 1] - y[first]),
            (x[two] - x[first], y[two] - y[first]),
            (x[three] - x[first], y[three] - y[first]),
            (x[last] - x[first], y[last] - y[first]),
        )
        centre_x, centre_y = x[first] + right, y[first] + up
    else:
        centre_x, centre_y = centre_of(x, y, first, last, room)
    return centre_x, centre_y


@inlined
def _centre_of_five(
    one: tuple[float, float], two: tuple[float, float], three: tuple[float, float],
    last: tuple[float, float],
) -> tuple[float, float]:  # fmt: skip
    """`centre_of` for five fixes seen from the first one, without a branch."""
    way2 = last[0] * last[0] + last[1] * last[1]
    way_x = last[0] if way2 > 0.0 else 1.0
    way_y = last[1]
    whole = way2 if way2 > 0.0 else 1.0
    far = _middle_of_five(
        0.0, one[0] * way_x + one[1] * way_y, two[0] * way_x + two[1] * way_y,
        three[0] * way_x + three[1] * way_y, way2,
    )  # fmt: skip
    aside = _middle_of_five(
        0.0, one[1] * way_x - one[0] * way_y, two[1] * way_x - two[0] * way_y,
        three[1] * way_x - three[0] * way_y, 0.0,
    )  # fmt: skip
    part = 1.0 / whole
    return (far * way_x - aside * way_y) * part, (far * way_y + aside * way_x) * part


@inlined
def _middle(a: float, b: float, c: float) -> float:
    return max(min(a, b), min(max(a, b), c))


@inlined
def _middle_of_five(a: float, b: float, c: float, d: float, e: float) -> float:
    return _middle(max(min(a, b), min(c, d)), min(max(a, b), max(c, d)), e)
