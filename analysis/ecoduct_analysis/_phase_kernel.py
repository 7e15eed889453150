"""The daily rule: what an animal was doing on each day, from where it was on the days before."""

import math
from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._medians import median, ordered
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray

UNKNOWN, SETTLED, MIGRATING, STOPOVER, ARRIVED, EXCURSION = range(6)
# Places of the thresholds in the array that the kernel gets.
(RANGE_DAYS, LEAVE_MARGIN, LEAVE_FACTOR, LEAVE_OF, LEAVE_AGAIN, STRAIGHT_DAYS, STRAIGHTNESS,
 SETTLE_DAYS, PROBABLE_DAYS, SETTLE_RADIUS, SETTLE_FACTOR, SETTLE_SHARE, STOPOVER_DAYS,
 STOPOVER_RADIUS, EXCURSION_DAYS, FAR) = range(16)  # fmt: skip
_MOST: Final = 0.95  # of the days lie within a range's radius
_HALF: Final = 2


@compiled
def label_days(
    offsets: IntArray, day: IntArray, x: FloatArray, y: FloatArray, rule: FloatArray,
    kind: IntArray, settled_in: IntArray, known: IntArray,
) -> None:  # fmt: skip
    """Fill what each day was, in which range, and on which day (a position) the rule knew it."""
    is_away = np.zeros(len(day), dtype=np.bool_)
    for track in range(len(offsets) - 1):
        begin, end = offsets[track], offsets[track + 1]
        start, radius = _follow(begin, end, day, x, y, rule, kind, settled_in, known, is_away)
        if start >= 0:
            entry = _settled_since(end - 1, start, day, x, y, rule, radius, PROBABLE_DAYS)
            if entry >= 0:
                _mark(entry, end - 1, ARRIVED, -1, kind, settled_in, known)
        _find_stopovers(begin, end, day, x, y, rule, kind)


@compiled
def _follow(
    begin: int, end: int, day: IntArray, x: FloatArray, y: FloatArray, rule: FloatArray,
    kind: IntArray, settled_in: IntArray, known: IntArray, is_away: BoolArray,
) -> tuple[int, float]:  # fmt: skip
    """Label a track's days; where the move at its end began, or -1, and the last range's radius."""
    start, number = begin, 0  # of the move at hand, of the range it left
    radius = limit = 0.0
    centre_x = centre_y = np.nan
    is_moving = True
    for now in range(begin, end):
        first = now
        if not is_moving:
            _mark(now, now, SETTLED, number, kind, settled_in, known)
            centre_x, centre_y, radius = _range(
                now, begin, number, x, y, rule, settled_in, is_away
            )  # fmt: skip
            limit = max(radius + rule[LEAVE_MARGIN], rule[LEAVE_FACTOR] * radius)
            limit = min(limit, rule[FAR])
            is_away[now] = math.hypot(x[now] - centre_x, y[now] - centre_y) > limit
            start = _left_on(now, begin, number, radius, day, x, y, rule, settled_in, is_away)
            if start < 0:
                continue
            first, is_moving = start, True
        entry = _settled_since(now, start, day, x, y, rule, radius, SETTLE_DAYS)
        _mark(first, now, MIGRATING if number else UNKNOWN, -1, kind, settled_in, known)
        if entry < 0:
            continue
        if number > 0 and entry == start and entry < now:
            entry += 1  # a move takes a day at least
        if number > 0 and day[entry] - day[start] <= rule[EXCURSION_DAYS]:
            _call_excursion(start, entry, now, x, y, centre_x, centre_y, limit, kind)
        number += 1
        _mark(entry, now, SETTLED, number, kind, settled_in, known)
        for n in range(entry, now):
            is_away[n] = False  # from the range before
        is_moving = False
    return start if is_moving and number > 0 else -1, radius


@compiled
def _mark(
    first: int, last: int, what: int, number: int, kind: IntArray, settled_in: IntArray,
    known: IntArray,
) -> None:  # fmt: skip
    """Label days; those that are so labelled already were known before."""
    for n in range(first, last + 1):
        if kind[n] != what or settled_in[n] != number:
            kind[n], settled_in[n], known[n] = what, number, last


@compiled
def _range(
    now: int, begin: int, number: int, x: FloatArray, y: FloatArray, rule: FloatArray,
    settled_in: IntArray, is_away: BoolArray,
) -> tuple[float, float, float]:  # fmt: skip
    """Middle and 95 % radius of the last settled days before one."""
    most = int(rule[RANGE_DAYS])
    xs, ys = np.empty(most), np.empty(most)
    count, n = 0, now - 1
    while n >= begin and settled_in[n] == number and count < most:
        if not is_away[n]:
            xs[count], ys[count] = x[n], y[n]
            count += 1
        n -= 1
    return _disc(xs[:count], ys[:count])


@compiled
def _disc(xs: FloatArray, ys: FloatArray) -> tuple[float, float, float]:
    centre_x, centre_y = median(xs), median(ys)
    far = np.empty(len(xs))
    for n in range(len(xs)):
        far[n] = math.hypot(xs[n] - centre_x, ys[n] - centre_y)
    # The smallest radius with 95 % of the days within it.
    return centre_x, centre_y, ordered(far)[math.ceil(_MOST * len(far)) - 1]


@compiled
def _left_on(
    now: int, begin: int, number: int, radius: float, day: IntArray, x: FloatArray, y: FloatArray,
    rule: FloatArray, settled_in: IntArray, is_away: BoolArray,
) -> int:  # fmt: skip
    """First day of the move that this day shows, or -1."""
    if not is_away[now]:
        return -1
    start, count = now, 0
    n = now
    while n >= begin and n > now - int(rule[LEAVE_OF]) and settled_in[n] == number:
        if is_away[n]:
            start = n
            count += 1
        n -= 1
    is_straight = _straightness(now, begin, day, x, y, rule) > rule[STRAIGHTNESS]
    if count >= int(rule[LEAVE_AGAIN]) and is_straight:
        return start
    # No straight way was seen, but it may have kept to another place since.
    start = now
    while start > begin and is_away[start - 1] and settled_in[start - 1] == number:
        start -= 1
    kept = _settled_since(now, start, day, x, y, rule, radius, SETTLE_DAYS)
    return start if kept >= 0 else -1


@compiled
def _straightness(
    now: int, begin: int, day: IntArray, x: FloatArray, y: FloatArray, rule: FloatArray
) -> float:
    first = now
    path = 0.0
    while first > begin and day[first - 1] >= day[now] - int(rule[STRAIGHT_DAYS]):
        path += math.hypot(x[first] - x[first - 1], y[first] - y[first - 1])
        first -= 1
    if first == now and now > begin:  # nothing was heard on the days before
        return 1.0
    return math.hypot(x[now] - x[first], y[now] - y[first]) / path if path > 0.0 else 0.0


@compiled
def _settled_since(
    now: int, start: int, day: IntArray, x: FloatArray, y: FloatArray, rule: FloatArray,
    radius: float, days: int,
) -> int:  # fmt: skip
    """First day of the disc that the last days lie in; -1 where they do not, or are too few."""
    span = int(rule[days])
    first = now
    while first > start and day[first - 1] > day[now] - span:
        first -= 1
    count = now - first + 1
    reached = day[now] - day[first] + 1 == span or (
        first > start and day[first] - day[first - 1] > 1
    )
    if not reached or count * _HALF < span:
        return -1
    xs, ys = x[first : now + 1], y[first : now + 1]
    centre_x, centre_y = median(xs), median(ys)
    reach = min(max(rule[SETTLE_RADIUS], rule[SETTLE_FACTOR] * radius), 0.5 * rule[FAR])
    inside = 0
    for n in range(count):
        inside += int(math.hypot(xs[n] - centre_x, ys[n] - centre_y) <= reach)
    begins_inside = math.hypot(xs[0] - centre_x, ys[0] - centre_y) <= reach
    if not begins_inside or inside < rule[SETTLE_SHARE] * count:
        return -1
    while first > start and math.hypot(x[first - 1] - centre_x, y[first - 1] - centre_y) <= reach:
        first -= 1
    return first


@compiled
def _call_excursion(
    start: int, entry: int, now: int, x: FloatArray, y: FloatArray, centre_x: float,
    centre_y: float, limit: float, kind: IntArray,
) -> None:  # fmt: skip
    """A move that ends where it began is no migration."""
    here_x, here_y = median(x[entry : now + 1]), median(y[entry : now + 1])
    if math.hypot(here_x - centre_x, here_y - centre_y) <= limit:
        for n in range(start, entry):
            kind[n] = EXCURSION


@compiled
def _find_stopovers(
    begin: int, end: int, day: IntArray, x: FloatArray, y: FloatArray, rule: FloatArray,
    kind: IntArray,
) -> None:  # fmt: skip
    """Days on the way whose places lie in one disc."""
    first = begin
    while first < end:
        if kind[first] != MIGRATING:
            first += 1
            continue
        until = first + 1
        while (
            until < end
            and kind[until] == MIGRATING
            and (
                math.hypot(x[until] - x[first], y[until] - y[first]) <= 2.0 * rule[STOPOVER_RADIUS]
            )
        ):
            until += 1
        if day[until - 1] - day[first] + 1 >= rule[STOPOVER_DAYS]:
            for n in range(first, until):
                kind[n] = STOPOVER
        first = until
