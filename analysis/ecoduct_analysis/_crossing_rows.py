"""Bridges drawn for many pairs of step and barrier, and what they say together."""

import numpy as np

from ecoduct_analysis._chance import UIntArray, mix
from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._drawn_bridges import LEVELS as DEPTH
from ecoduct_analysis._drawn_bridges import draw_bridge, stack
from ecoduct_analysis._pieces import along, as_one_line, distance2
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray

LEVELS, MIDDLE, COLUMNS = (0.05, 0.5, 0.95), 1, 5
_LEVELS = np.array(LEVELS)


@compiled
def distances(fixes: FloatArray, piece: IntArray, step: IntArray, ends: FloatArray) -> FloatArray:
    """Distance between each pair of a step and a piece."""
    found, way = np.empty(len(step)), np.empty(4)
    for pair in range(len(step)):
        fix = fixes[step[pair]]
        way[0], way[1], way[2], way[3] = fix[0], fix[1], fix[3], fix[4]
        found[pair] = np.sqrt(distance2(way, ends, piece[pair]))
    return found


@compiled
def lines(
    fixes: FloatArray,
    reach_m: FloatArray,
    spread2: FloatArray,
    offsets: IntArray,
    piece: IntArray,
    ends: FloatArray,
) -> tuple[BoolArray, FloatArray]:
    """Whether each row's barrier is one straight line, and signed distances of the fixes to it."""
    straight, off = np.zeros(len(fixes), np.bool_), np.full((len(fixes), 2), np.nan)
    line = np.empty(4)
    for row in range(len(fixes)):
        near = piece[offsets[row] : offsets[row + 1]]
        fix = fixes[row]
        way = np.array([fix[0], fix[1], fix[3], fix[4]])
        if not as_one_line(way, ends, near, len(near), reach_m[row], np.sqrt(spread2[row]), line):
            continue
        # The line runs as its longest piece was drawn; what lies left of it is above 0.
        way_x, way_y = line[2] - line[0], line[3] - line[1]
        length = np.hypot(way_x, way_y)
        straight[row] = True
        for end in (0, 1):
            x, y = fix[3 * end] - line[0], fix[3 * end + 1] - line[1]
            off[row, end] = (way_x * y - way_y * x) / length
    return straight, off


@compiled
def draw_rows(
    keys: UIntArray,
    fixes: FloatArray,
    spread2: FloatArray,
    looks: IntArray,
    offsets: IntArray,
    piece: IntArray,
    ends: FloatArray,
    starts: FloatArray,
    rings: FloatArray,
    samples: int,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Draw bridges for each row.

    Returns
    -------
    (r, 5) probability, its standard error, probability of a net crossing, mean net, mean count
    (r, 3) quantiles of the part of the step before the first crossing
    (r, 3) quantiles of its place along the feature
    (r, 2) x and y of its middle place
    """
    rows = len(fixes)
    summary, when = np.zeros((rows, COLUMNS)), np.full((rows, len(_LEVELS)), np.nan)
    where, middle = np.full((rows, len(_LEVELS)), np.nan), np.full((rows, 2), np.nan)
    weight, first, room = np.empty(samples), np.empty((samples, 4)), stack()
    for row in range(rows):
        mine = piece[offsets[row] : offsets[row + 1]]
        framed, local = _in_frame(fixes[row], ends, mine)
        lists = np.empty((DEPTH + 1, len(mine)), np.int64)
        lists[0] = np.arange(len(mine))
        total = summary[row]
        for sample in range(samples):
            key = mix(keys[row] + np.uint64(sample))
            chance, seen, net = draw_bridge(
                key, framed, spread2[row], looks[row], local, lists, room, first[sample]
            )
            weight[sample] = chance
            total[0] += chance
            total[1] += chance * chance
            total[2] += 1.0 if net != 0 else 0.0
            total[3] += net
            total[4] += seen
        total /= samples
        total[1] = np.sqrt(max(0.0, total[1] - total[0] * total[0]) / samples)
        if total[0] > 0.0:
            _first_crossing(weight, first, local, mine, starts, rings, when[row], where[row],
                            middle[row])  # fmt: skip
            _out_of_frame(fixes[row], middle[row])
    return summary, when, where, middle


@compiled
def _way(fix: FloatArray) -> tuple[float, float]:
    """Direction of a step; east for one that does not move."""
    length = np.hypot(fix[3] - fix[0], fix[4] - fix[1])
    if length == 0.0:
        return 1.0, 0.0
    return (fix[3] - fix[0]) / length, (fix[4] - fix[1]) / length


@compiled
def _in_frame(fix: FloatArray, ends: FloatArray, mine: IntArray) -> tuple[FloatArray, FloatArray]:
    """Fixes and pieces as seen from the first fix, looking to the second.

    Chance is drawn along and across the step, so that a world turned about gets the same bridges;
    and near 0 no digits are lost to large coordinates.
    """
    way_x, way_y = _way(fix)
    local = np.empty((len(mine), 4))
    for n in range(len(mine)):
        for end in (0, 1):
            x, y = ends[mine[n], 2 * end] - fix[0], ends[mine[n], 2 * end + 1] - fix[1]
            local[n, 2 * end] = way_x * x + way_y * y
            local[n, 2 * end + 1] = way_x * y - way_y * x
    length = np.hypot(fix[3] - fix[0], fix[4] - fix[1])
    return np.array([0.0, 0.0, fix[2], length, 0.0, fix[5]]), local


@compiled
def _out_of_frame(fix: FloatArray, place: FloatArray) -> None:
    way_x, way_y = _way(fix)
    x, y = place
    place[0] = fix[0] + way_x * x - way_y * y
    place[1] = fix[1] + way_y * x + way_x * y


@compiled
def _first_crossing(
    weight: FloatArray,
    first: FloatArray,
    local: FloatArray,
    mine: IntArray,
    starts: FloatArray,
    rings: FloatArray,
    when: FloatArray,
    where: FloatArray,
    middle: FloatArray,
) -> None:
    """Quantiles over the bridges, each weighed by its probability to cross at all."""
    crossing = np.flatnonzero(weight > 0.0)
    weight, first = weight[crossing], first[crossing]
    times, places = first[:, 0].copy(), np.empty(len(crossing))
    for n in range(len(crossing)):
        number = int(first[n, 3])
        places[n] = starts[mine[number]] + along(first[n, 1], first[n, 2], local, number)
    # Places on one ring are put less than half the ring from the likeliest bridge's place, so
    # that the place where the drawing of the ring began does not split them.
    chosen = np.argmax(weight)
    ring = rings[mine[int(first[chosen, 3])]]
    for n in range(len(crossing)):
        its = rings[mine[int(first[n, 3])]]
        if its[1] > 0.0 and its[0] == ring[0]:
            places[n] -= its[1] * np.rint((places[n] - places[chosen]) / its[1])
    order = np.argsort(times, kind="mergesort")
    _quantiles(times, order, weight, when)
    order = np.argsort(places, kind="mergesort")
    at = _quantiles(places, order, weight, where)
    middle[0], middle[1] = first[at, 1], first[at, 2]


@compiled
def _quantiles(values: FloatArray, order: IntArray, weight: FloatArray, found: FloatArray) -> int:
    """Put weighted quantiles of values into ``found``; which value is the middle one."""
    total, upto, level, middle = np.sum(weight), 0.0, 0, order[0]
    for n in order:
        upto += weight[n]
        while level < len(_LEVELS) and upto >= _LEVELS[level] * total:
            found[level] = values[n]
            if level == MIDDLE:
                middle = n
            level += 1
    while level < len(_LEVELS):
        # Rounding can leave the sum short of the last level.
        found[level] = values[order[-1]]
        level += 1
    return int(middle)
