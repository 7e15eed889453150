"""Bridges drawn beside one barrier: whether each crosses, when first, where, and how often.

A bridge is halved again and again, each middle drawn from what is known of its two ends (Lévy's
construction), but only where the barrier is near and not one straight line: there, the chance of
a crossing between two drawn positions has a closed form, and finer positions would add nothing.
"""

import numpy as np

from ecoduct_analysis._chance import UIntArray, normals, uniforms
from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._pieces import as_one_line, distance2_to, keep_near, meeting, nearest
from ecoduct_analysis.columns import FloatArray, IntArray

Room = tuple[FloatArray, IntArray, UIntArray, IntArray, FloatArray]

# A piece farther than this many standard deviations of a bridge's middle is met with a
# probability below 4e-6 (exp(-5^2 / 2)).
REACH_SD = 5.0
# Near corners and ends bridges are cut down to this part of the whole bridge's variance, a
# thirty-second of its spread.
_FINEST = 1.0 / 1024.0
_SURE = 1e-9  # a bridge that has crossed but for this is not cut finer to see whether it has
LEVELS = 64  # more than 2^20 looks and ten halvings need
_PLACES, _ENDS = 7, 3
_TWO, _ONE = np.uint64(2), np.uint64(1)
# Uses of chance at one place in the tree of a bridge; a use has two numbers.
_BEGIN, _END, _MIDDLE = np.uint64(0), np.uint64(1), np.uint64(2)
_WHEN, _KEEP, _WHERE = np.uint64(3), np.uint64(4), np.uint64(5)


@compiled
def stack() -> Room:
    """Room for the parts of a bridge that wait to be looked at.

    Returns
    -------
    Begin and end x and y, begin and end as parts of the duration, variance times duration;
    first and last look, level; name; number of pieces at each level; the part being looked at
    and the line near it.
    """
    return (
        np.empty((LEVELS, _PLACES)),
        np.empty((LEVELS, _ENDS), np.int64),
        np.empty(LEVELS, np.uint64),
        np.empty(LEVELS + 1, np.int64),
        np.empty((2, _PLACES)),
    )


@compiled
def draw_bridge(
    key: np.uint64,
    fixes: FloatArray,
    spread2: float,
    looks: int,
    pieces: FloatArray,
    lists: IntArray,
    room: Room,
    first: FloatArray,
) -> tuple[float, int, int]:
    """Draw one bridge.

    ``fixes`` is begin x, y and error, end x, y and error; ``spread2`` variance times duration;
    ``lists[0]`` names all pieces. One first crossing, taken by its probability, is put into
    ``first`` as part of the duration, x, y and piece.

    Returns
    -------
    probability of a crossing, crossings as looks would show them, net crossings
    """
    places, ends, names, counts, scratch = room
    part, line = scratch[0], scratch[1]
    _begin(key, fixes, spread2, looks, room)
    counts[0] = len(pieces)
    top, missed, total, seen, net = 0, 1.0, 0.0, 0, 0
    while top >= 0:
        for n in range(_PLACES):
            part[n] = places[top, n]
        name, low, high, level = names[top], ends[top, 0], ends[top, 1], ends[top, 2] + 1
        top -= 1
        reach = REACH_SD * 0.5 * np.sqrt(part[6])
        count = keep_near(part, pieces, lists, counts[level - 1], level - 1, reach)
        if count == 0:
            continue
        counts[level] = count
        near = lists[level]
        if high - low == 1:
            seen += _met(part, pieces, near, count)[0]
        if high - low <= 1:
            straight = as_one_line(part, pieces, near, count, reach, np.sqrt(part[6]), line)
            if straight or part[6] <= _FINEST * spread2 or missed < _SURE:
                net += _met(part, pieces, near, count)[1]
                gain = missed * _chance(part, pieces, near, count, straight, line)
                missed -= gain
                total += gain
                if gain > 0.0 and uniforms(key, name, _KEEP)[0] * total < gain:
                    _first(key, name, part, pieces, near, count, straight, line, first)
                continue
        top = _halve(key, name, low, high, level, room, top)
    return 1.0 - missed, seen, net


@compiled
def _begin(key: np.uint64, fixes: FloatArray, spread2: float, looks: int, room: Room) -> None:
    places, ends, names, _, _ = room
    one, other = normals(key, _ONE, _BEGIN)
    places[0, 0], places[0, 1] = fixes[0] + fixes[2] * one, fixes[1] + fixes[2] * other
    one, other = normals(key, _ONE, _END)
    places[0, 2], places[0, 3] = fixes[3] + fixes[5] * one, fixes[4] + fixes[5] * other
    places[0, 4], places[0, 5], places[0, 6] = 0.0, 1.0, spread2
    ends[0, 0], ends[0, 1], ends[0, 2], names[0] = 0, looks, 0, _ONE


@compiled
def _halve(
    key: np.uint64, name: np.uint64, low: int, high: int, level: int, room: Room, top: int
) -> int:
    """Draw a position inside a part of a bridge; put the later part below the earlier one."""
    places, ends, names, _, scratch = room
    part = scratch[0]
    middle = (low + high) // 2
    share = (middle - low) / (high - low) if high - low > 1 else 0.5
    one, other = normals(key, name, _MIDDLE)
    spread = np.sqrt(part[6] * share * (1.0 - share))
    x = part[0] + share * (part[2] - part[0]) + spread * one
    y = part[1] + share * (part[3] - part[1]) + spread * other
    at = part[4] + share * (part[5] - part[4])
    late, early = top + 1, top + 2
    places[late, 0], places[late, 1], places[late, 2], places[late, 3] = x, y, part[2], part[3]
    places[late, 4], places[late, 5], places[late, 6] = at, part[5], part[6] * (1.0 - share)
    places[early, 0], places[early, 1], places[early, 2], places[early, 3] = part[0], part[1], x, y
    places[early, 4], places[early, 5], places[early, 6] = part[4], at, part[6] * share
    ends[late, 0], ends[late, 1], ends[late, 2] = middle, high, level
    ends[early, 0], ends[early, 1], ends[early, 2] = low, middle, level
    if high - low <= 1:
        # A part that is shorter than a look has equal ends and is not counted.
        ends[late, 0], ends[early, 1] = high, low
    names[late], names[early] = name * _TWO + _ONE, name * _TWO
    return early


@compiled
def _met(
    part: FloatArray, pieces: FloatArray, near: IntArray, count: int
) -> tuple[int, int, float, int]:
    """Crossings of the straight part, net, and place and piece of the first."""
    met, net, least, which = 0, 0, 2.0, -1
    for n in range(count):
        sign, fraction = meeting(part, pieces, near[n])
        if sign != 0:
            met += 1
            net += sign
            if fraction < least:
                least, which = fraction, near[n]
    return met, net, least, which


@compiled
def _beside(part: FloatArray, line: FloatArray) -> tuple[float, float, float, float]:
    """Along and off a line: place of its begin, of its end; direction of the line."""
    way_x, way_y = line[2] - line[0], line[3] - line[1]
    length = np.hypot(way_x, way_y)
    way_x, way_y = way_x / length, way_y / length
    begin = way_x * (part[1] - line[1]) - way_y * (part[0] - line[0])
    end = way_x * (part[3] - line[1]) - way_y * (part[2] - line[0])
    return begin, end, way_x, way_y


@compiled
def _chance(
    part: FloatArray,
    pieces: FloatArray,
    near: IntArray,
    count: int,
    straight: bool,  # noqa: FBT001 - kernels have no keywords
    line: FloatArray,
) -> float:
    """Probability that a part of a bridge crosses."""
    if straight:
        begin, end, _, _ = _beside(part, line)
        return hidden(begin, end, part[6])
    # At the finest, what is near is taken for a line.
    if _met(part, pieces, near, count)[3] >= 0:
        return 1.0
    begin, end, _ = _nearest(part, pieces, near, count)
    return hidden(begin, end, part[6])


@compiled
def _nearest(
    part: FloatArray, pieces: FloatArray, near: IntArray, count: int
) -> tuple[float, float, int]:
    """Distances of begin and end from what is near, and the piece nearest to the middle."""
    begin2, end2 = np.inf, np.inf
    for n in range(count):
        begin2 = min(begin2, distance2_to(part[0], part[1], pieces, near[n]))
        end2 = min(end2, distance2_to(part[2], part[3], pieces, near[n]))
    which = nearest(0.5 * (part[0] + part[2]), 0.5 * (part[1] + part[3]), pieces, near, count)
    return np.sqrt(begin2), np.sqrt(end2), which


@compiled
def hidden(begin: float, end: float, spread2: float) -> float:
    """Probability that a bridge meets a straight line, by the signed distances of its ends."""
    if spread2 == 0.0:
        # One that does not stray crosses if it changes side; what is on the line lies left.
        return 1.0 if (begin >= 0.0) != (end >= 0.0) else 0.0
    return 1.0 if begin * end <= 0.0 else float(np.exp(-2.0 * begin * end / spread2))


@compiled
def _first(
    key: np.uint64,
    name: np.uint64,
    part: FloatArray,
    pieces: FloatArray,
    near: IntArray,
    count: int,
    straight: bool,  # noqa: FBT001 - kernels have no keywords
    line: FloatArray,
    first: FloatArray,
) -> None:
    """Put a time and place of a part's first crossing into ``first``."""
    if straight:
        begin, end, way_x, way_y = _beside(part, line)
        share = _first_hit(key, name, abs(begin), abs(end), part[6])
        one, _ = normals(key, name, _WHERE)
        before = way_x * (part[0] - line[0]) + way_y * (part[1] - line[1])
        after = way_x * (part[2] - line[0]) + way_y * (part[3] - line[1])
        at = before + share * (after - before) + np.sqrt(part[6] * share * (1.0 - share)) * one
        x, y = line[0] + at * way_x, line[1] + at * way_y
        which = nearest(x, y, pieces, near, count)
    else:
        _, _, share, which = _met(part, pieces, near, count)
        if which < 0:
            begin, end, which = _nearest(part, pieces, near, count)
            share = begin / (begin + end) if begin + end > 0.0 else 0.0
        x, y = part[0] + share * (part[2] - part[0]), part[1] + share * (part[3] - part[1])
    first[0] = part[4] + share * (part[5] - part[4])
    first[1], first[2], first[3] = x, y, which


@compiled
def _first_hit(key: np.uint64, name: np.uint64, begin: float, end: float, spread2: float) -> float:
    """Draw the part of a bridge before it first meets a line that it does meet.

    In the time ``u = w / (1 - w)`` a bridge is a motion with drift, whose first passage follows
    the inverse Gaussian distribution: mean ``begin / end``, shape ``begin^2 / spread2``. Drawn as
    Michael et al. 1976, The American Statistician 30:88-90, without their difference of near
    equals.
    """
    if begin == 0.0:
        return 0.0
    if end == 0.0 and spread2 == 0.0:
        return 1.0
    one, _ = normals(key, name, _WHEN)
    square = spread2 * one * one
    if end == 0.0:
        return float(begin * begin / (begin * begin + square))
    ratio = square / (2.0 * begin * end)
    small = 1.0 / (1.0 + ratio + np.sqrt(ratio * (2.0 + ratio)))
    other = uniforms(key, name, _KEEP)[1]
    scaled = small if other * (1.0 + small) <= 1.0 else 1.0 / small
    # The part w = u / (1 + u) of u = scaled * begin / end.
    return float(scaled * begin / (end + scaled * begin))
