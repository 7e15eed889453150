"""The kernels of revisits: when straight steps enter and leave circles."""

from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray

BLOCK: Final = 64  # fixes with one box: of a still animal, so many are passed over at once
_MS_PER_S: Final = 1000.0


@compiled
def find_visits(
    offsets: IntArray, t_ms: IntArray, x: FloatArray, y: FloatArray,
    pairs: tuple[IntArray, IntArray, IntArray], places: tuple[FloatArray, FloatArray],
    rule: tuple[float, float, float], names: IntArray, times: FloatArray, is_open: BoolArray,
) -> int:  # fmt: skip
    """Join fixes within places to visits.

    Parameters
    ----------
    pairs : three (q,) arrays
        Place, track and fix of each fix within a place, in this order.
    places : two (p,) arrays
        x and y.
    rule : (float, float, float)
        Radius, m; longest outing and longest silence, ms.
    names : (q, 3) array
        Filled with place, track and fixes inside of each visit.
    times : (q, 4) array
        Filled with begin and end, ms; time inside and time since the visit before, s.
    is_open : (q, 2) array
        Filled with whether begin and end are those of what was heard.

    Returns
    -------
    int
        How many visits.
    """
    place, track, fix = pairs
    radius_m, outing_ms, max_gap_ms = rule
    visits, row = 0, 0
    while row < len(fix):
        last = row
        while (
            last + 1 < len(fix) and place[last + 1] == place[row] and track[last + 1] == track[row]
            and fix[last + 1] == fix[last] + 1
            and t_ms[fix[last + 1]] - t_ms[fix[last]] <= max_gap_ms
        ):  # fmt: skip
            last += 1
        where = (places[0][place[row]], places[1][place[row]])
        begin, opens = _edge(t_ms, x, y, fix[row], offsets[track[row]] - 1, -1, where,
                             radius_m, max_gap_ms)  # fmt: skip
        end, closes = _edge(t_ms, x, y, fix[last], offsets[track[row] + 1], 1, where,
                            radius_m, max_gap_ms)  # fmt: skip
        at = visits - 1
        again = at >= 0 and names[at, 0] == place[row] and names[at, 1] == track[row]
        away_ms = begin - times[at, 1] if again else np.nan
        if again and away_ms < outing_ms and not opens and not is_open[at, 1]:
            names[at, 2] += last - row + 1
        else:
            at = visits
            visits += 1
            names[at, 0], names[at, 1], names[at, 2] = place[row], track[row], last - row + 1
            times[at, 0], times[at, 3], is_open[at, 0] = begin, away_ms / _MS_PER_S, opens
        times[at, 1], is_open[at, 1] = end, closes
        # As in the reference, short outings are time inside.
        times[at, 2] = (times[at, 1] - times[at, 0]) / _MS_PER_S
        row = last + 1
    return visits


@compiled
def _edge(
    t_ms: IntArray, x: FloatArray, y: FloatArray, fix: int, stop: int, way: int,
    where: tuple[float, float], radius_m: float, max_gap_ms: float,
) -> tuple[float, bool]:  # fmt: skip
    """Time at which a visit begins or ends beyond a fix, and whether nobody saw that."""
    after = fix + way
    is_open = after == stop or abs(t_ms[after] - t_ms[fix]) > max_gap_ms
    at = float(t_ms[fix])
    if not is_open:
        part = leaves_at(
            x[fix] - where[0], y[fix] - where[1], x[after] - where[0], y[after] - where[1], radius_m
        )
        at += part * (t_ms[after] - t_ms[fix])
    return at, is_open


@inlined
def leaves_at(x: float, y: float, next_x: float, next_y: float, radius_m: float) -> float:
    """Part of a step at which it leaves a circle about 0, 0 that it begins in."""
    way_x, way_y = next_x - x, next_y - y
    way2 = way_x * way_x + way_y * way_y
    half = x * way_x + y * way_y
    inside = radius_m * radius_m - x * x - y * y
    root = np.sqrt(max(half * half + way2 * inside, 0.0))
    # The form without a difference of like numbers; a fix on the circle may leave at once.
    part = inside / (root + half) if half > 0.0 else (root - half) / way2
    return float(min(max(part, 0.0), 1.0))


@compiled
def boxes_of(x: FloatArray, y: FloatArray) -> FloatArray:
    """West, east, south and north of each whole block of fixes, (b, 4) array."""
    boxes = np.empty((len(x) // BLOCK, 4))
    for block in range(len(boxes)):
        begin = block * BLOCK
        west, east, south, north = x[begin], x[begin], y[begin], y[begin]
        for fix in range(begin + 1, begin + BLOCK):
            west, east = min(west, x[fix]), max(east, x[fix])
            south, north = min(south, y[fix]), max(north, y[fix])
        boxes[block, 0], boxes[block, 1], boxes[block, 2], boxes[block, 3] = (
            west,
            east,
            south,
            north,
        )
    return boxes


@compiled
def passages(
    offsets: IntArray, t_ms: IntArray, x: FloatArray, y: FloatArray, boxes: FloatArray,
    radius_m: float, by_distance: bool, passage_s: FloatArray,  # noqa: FBT001 - Numba knows no keyword-only parameters
) -> None:  # fmt: skip
    """Fill the time between entering and leaving a circle about each fix, s."""
    for track in range(len(offsets) - 1):
        begin, end = offsets[track], offsets[track + 1]
        for fix in range(begin, end):
            before = _first_outside(x, y, boxes, fix, begin - 1, -1, radius_m)
            after = _first_outside(x, y, boxes, fix, end, 1, radius_m)
            if before >= begin and after < end:
                back = _seconds_to(t_ms, x, y, fix, before, -1, radius_m, by_distance)
                passage_s[fix] = back + _seconds_to(
                    t_ms, x, y, fix, after, 1, radius_m, by_distance
                )


@compiled
def _first_outside(
    x: FloatArray, y: FloatArray, boxes: FloatArray, fix: int, stop: int, way: int, radius_m: float
) -> int:
    """First fix before or after one that is at least the radius away, or ``stop``."""
    at = fix + way
    radius2 = radius_m * radius_m
    looks = at != stop
    while looks:
        block = at // BLOCK
        far = block * BLOCK + (BLOCK if way > 0 else -1)
        is_edge = at % BLOCK == (0 if way > 0 else BLOCK - 1)
        if is_edge and block < len(boxes) and (far <= stop if way > 0 else far >= stop):
            east = max(x[fix] - boxes[block, 0], boxes[block, 1] - x[fix])
            north = max(y[fix] - boxes[block, 2], boxes[block, 3] - y[fix])
            skips = east * east + north * north < radius2
        else:
            skips = False
        if skips:
            at = far
        elif (x[at] - x[fix]) ** 2 + (y[at] - y[fix]) ** 2 < radius2:
            at += way
        else:
            break
        looks = at != stop
    return at


@compiled
def _seconds_to(
    t_ms: IntArray, x: FloatArray, y: FloatArray, fix: int, outside: int, way: int,
    radius_m: float, by_distance: bool,  # noqa: FBT001 - Numba knows no keyword-only parameters
) -> float:  # fmt: skip
    inside = outside - way
    near_x, near_y = x[inside] - x[fix], y[inside] - y[fix]
    far_x, far_y = x[outside] - x[fix], y[outside] - y[fix]
    near = np.hypot(near_x, near_y)
    if by_distance:
        part = (radius_m - near) / (np.hypot(far_x, far_y) - near)
    else:
        part = leaves_at(near_x, near_y, far_x, far_y, radius_m)
    whole = abs(t_ms[inside] - t_ms[fix]) + part * abs(t_ms[outside] - t_ms[inside])
    return float(whole / _MS_PER_S)
