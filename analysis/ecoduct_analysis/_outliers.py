"""Kernels that find the fixes of an animal which its other fixes contradict."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis._geodesic import (
    MOST_M_PER_DEG,
    SPAN_LAT_DEG,
    SPAN_LON_DEG,
    midpoint,
    sine,
    vincenty,
    wrapped,
)
from ecoduct_analysis.columns import FloatArray, IntArray

FlagArray = NDArray[np.uint16]
ByteArray = NDArray[np.uint8]

TOO_FAST: Final = 256
SPIKE: Final = 512

_LONG, _FAST, _WILD, _SPIKED = 1, 2, 4, 8  # what is known of a step
_DOUBTFUL: Final = _FAST | _WILD | _SPIKED
_RIGHT: Final = math.pi / 2
_HALF_DEG: Final = 180.0
_S_PER_MS: Final = 0.001
_FACING_M: Final = 2.0e7  # no step is longer than half around the Earth
_SAMPLE: Final = 128  # triples of fixes that tell an animal's scale
_FEWEST: Final = 10  # triples without which there is no scale
_USUAL: Final = 0.95  # 1 in 20 fixes may be wrong before they set the scale themselves
_UNKNOWN_M: Final = 1.0e9  # cost of a fix where there is no scale: more than any path
_IMPOSSIBLE_M: Final = 1.0e12  # cost of a step that is too fast: more than any run of fixes


class Limits(NamedTuple):
    """A `ScreenRule` as kernels take it."""

    is_degrees: bool
    max_speed_m_s: float
    position_error_m: float
    spike_factor: float
    min_spike_m: float
    leg_factor: float
    return_part: float
    end_factor: float
    max_run: int


class Moves(NamedTuple):
    """Columns of all animals, and of one animal the fixes that are still kept."""

    is_degrees: bool
    t_ms: IntArray
    x: FloatArray
    y: FloatArray
    kept: NDArray[np.uint32]  # unsigned: spares a test for a negative index at each use
    steps: ByteArray  # what is known of the step that leads to each kept fix
    skipped: ByteArray  # fixes left out before each kept fix
    cost: FloatArray  # of the last few kept fixes, in turn


@compiled
def find_outliers(
    offsets: IntArray, t_ms: IntArray, x: FloatArray, y: FloatArray, flags: FlagArray,
    limits: Limits,
) -> None:  # fmt: skip
    """Flag fixes that are too fast or spikes, among those without a flag."""
    largest = 0
    for track in range(len(offsets) - 1):
        largest = max(largest, offsets[track + 1] - offsets[track])
    moves = Moves(
        limits.is_degrees, t_ms, x, y, np.empty(largest, np.uint32), np.empty(largest, np.uint8),
        np.empty(largest, np.uint8), np.empty(limits.max_run + 2),
    )  # fmt: skip
    rates, speeds, top = np.empty(_SAMPLE), np.empty(_SAMPLE), np.empty(_SAMPLE)
    for track in range(len(offsets) - 1):
        count = 0
        for fix in range(offsets[track], offsets[track + 1]):
            moves.kept[count] = fix
            count += flags[fix] == 0
        if count > 1:
            samples = _sample(moves, count, rates, speeds)
            rate = _times(limits.spike_factor, _usual(rates, samples, top))
            pace = _usual(speeds, samples, top)
            if _long_steps(moves, count, max(rate, _times(limits.leg_factor, pace)), limits):
                _wild_ends(moves, count, _times(limits.end_factor, pace), limits)
                _spiked(moves, count, rate, limits)
                _clusters(moves, count, rate, limits, flags)


@compiled
def _sample(moves: Moves, count: int, rates: FloatArray, speeds: FloatArray) -> int:
    """Detour and speed of the slower leg at fixes evenly spread over a track, arrays, m/s."""
    unit_m = MOST_M_PER_DEG if moves.is_degrees else 1.0
    stride = (count - 3) // _SAMPLE + 1
    samples = 0
    for n in range(1, count - 1, max(stride, 1)):
        a, b, c = moves.kept[n - 1], moves.kept[n], moves.kept[n + 1]
        east, north = moves.x[b] - moves.x[a], moves.y[b] - moves.y[a]
        on, up = moves.x[c] - moves.x[b], moves.y[c] - moves.y[b]
        if moves.is_degrees:
            # As if the Earth was flat around the middle fix: a scale needs no more.
            shrink = sine(_RIGHT - math.radians(abs(moves.y[b])))
            east, on = wrapped(east) * shrink, wrapped(on) * shrink
        first, second = _hypotenuse(east, north), _hypotenuse(on, up)
        detour_m = (first + second - _hypotenuse(east + on, north + up)) * unit_m
        rates[samples] = detour_m / ((moves.t_ms[c] - moves.t_ms[a]) * _S_PER_MS)
        # The slower of two legs: one outlier makes two fast steps, but only one such pair.
        speed = min(
            first / (moves.t_ms[b] - moves.t_ms[a]), second / (moves.t_ms[c] - moves.t_ms[b])
        )
        speeds[samples] = speed * unit_m / _S_PER_MS
        samples += 1
    return samples


@inlined
def _hypotenuse(across: float, up: float) -> float:
    return math.sqrt(across * across + up * up)


@compiled
def _usual(values: FloatArray, count: int, top: FloatArray) -> float:
    """What 95 of 100 values do not exceed; inf for too few values to tell."""
    if count < _FEWEST:
        return np.inf
    # Keeping the largest few in order is several times faster than sorting or partition.
    largest = count - int(_USUAL * (count - 1))
    top[:largest] = -1.0
    for n in range(count):
        value = values[n]
        if value > top[0]:
            at = 1
            while at < largest and top[at] < value:
                top[at - 1] = top[at]
                at += 1
            top[at - 1] = value
    return float(top[0])


@inlined
def _times(factor: float, scale: float) -> float:
    # A factor that is off stays off for an animal that never moved.
    return np.inf if factor == np.inf else factor * scale


@compiled
def _long_steps(moves: Moves, count: int, rate: float, limits: Limits) -> int:
    """Mark the steps of a track that are long or too fast, and count them."""
    wide = _widest(moves, count) if moves.is_degrees else 1.0
    scale = 1.0 / MOST_M_PER_DEG if moves.is_degrees else 1.0
    kept, t_ms, x, y = moves.kept, moves.t_ms, moves.x, moves.y
    found = 0
    at_ms, lon, lat = t_ms[kept[0]], x[kept[0]], y[kept[0]]
    for n in range(1, count):
        fix = kept[n]
        span = (t_ms[fix] - at_ms) * _S_PER_MS
        across, up = x[fix] - lon, y[fix] - lat
        at_ms, lon, lat = t_ms[fix], x[fix], y[fix]
        if moves.is_degrees and abs(across) > _HALF_DEG:
            across = wrapped(across)
        long = max(limits.min_spike_m / 2, rate * span)
        fast = limits.max_speed_m_s * span + limits.position_error_m
        least = min(long, fast) * scale
        across *= wide
        known = 0
        # Never less than the distance, without trigonometry: most steps are decided here.
        if across * across + up * up > least * least:
            length = _apart(moves, kept[n - 1], fix)
            known = _LONG * (length > long) + _FAST * (length > fast)
            found += known > 0
        moves.steps[n] = known
    return found


@compiled
def _widest(moves: Moves, count: int) -> float:
    south, north = 90.0, -90.0
    for n in range(count):
        lat = moves.y[moves.kept[n]]
        south = min(south, lat)
        north = max(north, lat)
    nearest = max(south, -north, 0.0)
    return math.cos(math.radians(nearest))


@inlined
def _apart(moves: Moves, one: int, other: int) -> float:
    if moves.is_degrees:
        # Only numbers are handed to what is not inlined: a tuple of columns is dear to pass on.
        return _geodesic_m(moves.x[one], moves.y[one], moves.x[other], moves.y[other])
    return _hypotenuse(moves.x[other] - moves.x[one], moves.y[other] - moves.y[one])


@compiled
def _geodesic_m(lon_1: float, lat_1: float, lon_2: float, lat_2: float) -> float:
    d_lat, d_lon = lat_2 - lat_1, wrapped(lon_2 - lon_1)
    if abs(d_lat) <= SPAN_LAT_DEG and abs(d_lon) <= SPAN_LON_DEG:
        return midpoint(lat_1 + d_lat / 2, d_lat, d_lon)[0]
    length = vincenty(lon_1, lat_1, lon_2, lat_2)[0]
    return length if length >= 0 else _FACING_M


@compiled
def _wild_ends(moves: Moves, count: int, speed: float, limits: Limits) -> None:
    """Mark the long steps near both ends that are far faster than the animal's fast ones."""
    # Nothing comes back from beyond an end, so that a long step alone has to tell.
    for n in range(1, count):
        if limits.max_run < n < count - limits.max_run or not moves.steps[n] & _LONG:
            continue
        before, fix = moves.kept[n - 1], moves.kept[n]
        span = (moves.t_ms[fix] - moves.t_ms[before]) * _S_PER_MS
        if _apart(moves, before, fix) > max(limits.min_spike_m, speed * span):
            moves.steps[n] |= _WILD


@compiled
def _spiked(moves: Moves, count: int, rate: float, limits: Limits) -> None:
    """Mark the long steps that begin a way out and back worth leaving out."""
    kept, steps = moves.kept, moves.steps
    for n in range(1, count - 1):
        if not steps[n] & _LONG:
            continue
        out = -1.0
        for end in range(n + 1, min(n + limits.max_run, count - 1) + 1):
            if not steps[end] & _LONG:
                continue
            out = _apart(moves, kept[n - 1], kept[n]) if out < 0 else out
            direct = _apart(moves, kept[n - 1], kept[end])
            if direct > limits.return_part * out:
                continue
            saved = out - direct
            for m in range(n, end):
                saved += _apart(moves, kept[m], kept[m + 1])
                saved -= _price(moves, m, count, rate, limits)
            if saved > 0:
                steps[n] |= _SPIKED
                break


@compiled
def _clusters(moves: Moves, count: int, rate: float, limits: Limits, flags: FlagArray) -> None:
    """Judge each group of doubtful steps together with the fixes around it."""
    # What leaving out a run saves depends on that run alone, so that nothing is to be gained
    # where no step is doubtful.
    reach = limits.max_run
    n = 1
    while n < count:
        if not moves.steps[n] & _DOUBTFUL:
            n += 1
            continue
        low, last = n - 1, n
        while n < count and n <= last + 2 * reach + 1:
            known = moves.steps[n]
            last = n if known & _DOUBTFUL else last
            if known & (_FAST | _WILD):  # the fixes before it may be the wrong ones
                low = min(low, n - 1 - reach)
            n += 1
        high = min(last + reach, count - 1)
        _shortest_path(moves, max(low, 0), high, count, rate, limits, flags)


@compiled
def _shortest_path(
    moves: Moves, low: int, high: int, count: int, rate: float, limits: Limits, flags: FlagArray
) -> None:
    """Flag the fixes without which the path, and a price for each fix, is shortest."""
    ring = len(moves.cost)
    moves.cost[low % ring] = 0.0
    for n in range(low + 1, high + 1):
        best, skip = np.inf, 0
        if low == 0 and n <= limits.max_run and moves.steps[n] & (_FAST | _WILD):
            best, skip = _price_of_run(moves, 0, n, count, rate, limits), n
        for origin in range(n - 1, max(n - 2 - limits.max_run, low - 1), -1):
            if not _may_skip(moves, origin, n):
                continue
            total = moves.cost[origin % ring] + _length_of(moves, origin, n, limits)
            total += _price_of_run(moves, origin + 1, n, count, rate, limits)
            if total < best:
                best, skip = total, n - 1 - origin
        moves.cost[n % ring], moves.skipped[n] = best, skip
    end = high
    if high == count - 1:
        best = moves.cost[high % ring]
        for n in range(high - 1, max(high - limits.max_run, low) - 1, -1):
            if moves.steps[n + 1] & (_FAST | _WILD):
                total = moves.cost[n % ring]
                total += _price_of_run(moves, n + 1, count, count, rate, limits)
                if total < best:
                    best, end = total, n
    _flag_skipped(moves, low, high, end, flags)


@inlined
def _may_skip(moves: Moves, origin: int, n: int) -> bool:
    first, last = moves.steps[origin + 1], moves.steps[n]
    return n == origin + 1 or bool((first | last) & _FAST) or bool(first & last & _LONG)


@inlined
def _price_of_run(
    moves: Moves, begin: int, end: int, count: int, rate: float, limits: Limits
) -> float:
    price = 0.0
    for n in range(begin, end):
        price += _price(moves, n, count, rate, limits)
    return price


@inlined
def _price(moves: Moves, n: int, count: int, rate: float, limits: Limits) -> float:
    since, until = moves.kept[max(n - 1, 0)], moves.kept[min(n + 1, count - 1)]
    usual = rate * ((moves.t_ms[until] - moves.t_ms[since]) * _S_PER_MS)
    return float(min(max(limits.min_spike_m, usual), _UNKNOWN_M))


@inlined
def _length_of(moves: Moves, origin: int, n: int, limits: Limits) -> float:
    """Length of the step between two fixes that leaves out those between; inf if it may not."""
    begin, end = moves.kept[origin], moves.kept[n]
    length = _apart(moves, begin, end)
    span = (moves.t_ms[end] - moves.t_ms[begin]) * _S_PER_MS
    if length > limits.max_speed_m_s * span + limits.position_error_m:
        return length + _IMPOSSIBLE_M
    if n - origin == 1 or (moves.steps[origin + 1] | moves.steps[n]) & _FAST:
        return length
    out = _apart(moves, begin, moves.kept[origin + 1])
    back = _apart(moves, moves.kept[n - 1], end)
    return length if length <= limits.return_part * min(out, back) else np.inf


@compiled
def _flag_skipped(moves: Moves, low: int, high: int, end: int, flags: FlagArray) -> None:
    if end < high:
        reason = TOO_FAST if moves.steps[end + 1] & _FAST else SPIKE
        for n in range(end + 1, high + 1):
            flags[moves.kept[n]] = reason
    while end > low:
        origin = end - 1 - moves.skipped[end]
        edges = moves.steps[end] | (moves.steps[origin + 1] if origin >= 0 else np.uint8(0))
        for n in range(origin + 1, end):
            flags[moves.kept[n]] = TOO_FAST if edges & _FAST else SPIKE
        end = origin
