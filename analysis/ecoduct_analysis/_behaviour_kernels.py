"""Compiled loops of `barrier_behaviour`: sums along tracks, encounters, what is usual."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.encounters import (
    AVERAGE_MOVEMENT,
    BACK_N_FORTH,
    BOUNCE,
    FEW_WINDOWS,
    NO_NEIGHBOUR,
    NO_REASON,
    QUICK_CROSS,
    STATIONARY,
    TOO_MANY_CROSSINGS,
    TRACE,
    TRACK_EDGE,
    TRAPPED,
    UNKNOWN,
)

_Counts = NDArray[np.int32]


class Way(NamedTuple):
    """Fixes with sums along each track, so that any stretch costs two look-ups.

    ``length_m`` is the way from the track's first fix; ``crossings``, ``gaps`` and ``members``
    count changes of side, gaps and fixes of encounters before each fix.
    """

    offsets: IntArray
    t_ms: IntArray
    x: FloatArray
    y: FloatArray
    length_m: FloatArray
    crossings: _Counts
    gaps: _Counts
    members: _Counts


class Limits(NamedTuple):
    """A rule in milliseconds and plain numbers, as kernels take it."""

    b_time_ms: int
    p_time_ms: int
    half_window_ms: int
    max_cross: int
    sd_multiplier: float
    exclude_buffer: bool
    jitter: float


@compiled
def lengths_along(offsets: IntArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Way from the first fix of each track to each of its fixes, (n,) array."""
    length = np.zeros(len(x))
    for track in range(len(offsets) - 1):
        for fix in range(offsets[track] + 1, offsets[track + 1]):
            length[fix] = length[fix - 1] + np.hypot(x[fix] - x[fix - 1], y[fix] - y[fix - 1])
    return length


@compiled
def gaps_before(offsets: IntArray, t_ms: IntArray, longest_ms: FloatArray) -> _Counts:
    """Gaps longer than a track's limit before each fix, counted through, (n,) array."""
    gaps = np.zeros(len(t_ms), dtype=np.int32)
    for track in range(len(offsets) - 1):
        for fix in range(offsets[track] + 1, offsets[track + 1]):
            is_gap = t_ms[fix] - t_ms[fix - 1] > longest_ms[track]
            gaps[fix] = gaps[fix - 1] + (1 if is_gap else 0)
    return gaps


@compiled
def spans_inside(
    offsets: IntArray, t_ms: IntArray, inside: BoolArray, longest_ms: FloatArray
) -> tuple[IntArray, int]:
    """Encounters as (track, first, last), (3, …) array, and their number.

    Fixes inside the buffer belong together unless more than a track's limit lies between them.
    """
    spans = np.empty((3, 64), dtype=np.int64)
    count = 0
    for track in range(len(offsets) - 1):
        last = -1
        for fix in range(offsets[track], offsets[track + 1]):
            if not inside[fix]:
                continue
            if last < 0 or t_ms[fix] - t_ms[last] > longest_ms[track]:
                if count == spans.shape[1]:
                    wider = np.empty((3, 2 * count), dtype=np.int64)
                    wider[:, :count] = spans
                    spans = wider
                spans[0, count], spans[1, count] = track, fix
                count += 1
            spans[2, count - 1] = fix
            last = fix
    return spans, count


@compiled
def classify_spans(
    way: Way, spans: IntArray, interval_ms: FloatArray, limits: Limits
) -> tuple[IntArray, FloatArray]:
    """Fill two tables with a column for each encounter.

    Path's first and last fix, crossings, windows, kind and reason, (6, r); straightness, mean and
    standard deviation of what is usual, (3, r).
    """
    count = spans.shape[1]
    whole, real = np.zeros((6, count), dtype=np.int64), np.full((3, count), np.nan)
    for n in range(count):
        track, first, last = spans[0, n], spans[1, n], spans[2, n]
        real[0, n] = straightness(way, first, last)
        duration = way.t_ms[last] - way.t_ms[first]
        if duration <= limits.b_time_ms:
            before, after = _path(way, track, first, last, interval_ms[track], limits.jitter)
            crossed = way.crossings[after] - way.crossings[before]
            whole[0, n], whole[1, n], whole[2, n] = before, after, crossed
            both = before < first and after > last
            at_edge = first == way.offsets[track] or last == way.offsets[track + 1] - 1
            whole[4, n] = QUICK_CROSS if crossed > 0 else BOUNCE if both else UNKNOWN
            if whole[4, n] == UNKNOWN:
                whole[5, n] = TRACK_EDGE if at_edge else NO_NEIGHBOUR
            continue
        crossed = way.crossings[last] - way.crossings[first]
        whole[0, n], whole[1, n], whole[2, n] = first, last, crossed
        if duration > limits.p_time_ms:
            whole[4, n] = TRAPPED
            continue
        usual, mean, sd = _usual(way, track, first, last, interval_ms[track], limits)
        whole[3, n], real[1, n], real[2, n] = usual, mean, sd
        enough = 2 * limits.half_window_ms / interval_ms[track] + 1
        whole[4, n], whole[5, n] = medium_kind(
            real[0, n], mean, sd, usual, enough, crossed, limits.max_cross, limits.sd_multiplier
        )
    return whole, real


@compiled
def straightness(way: Way, first: int, last: int) -> float:
    """Distance over way, nan where there is no way."""
    length = way.length_m[last] - way.length_m[first]
    if not length > 0.0:
        return np.nan
    away = np.hypot(way.x[last] - way.x[first], way.y[last] - way.y[first])
    return float(min(away / length, 1.0))  # a straight walk is not straighter by rounding


@compiled
def _path(
    way: Way, track: int, first: int, last: int, interval_ms: float, jitter: float
) -> tuple[int, int]:
    """First and last fix of a short encounter with its neighbours, where they are near in time."""
    # Two intervals, for one fix may be missing; a fix from days before says nothing of this side.
    reach = (2.0 + jitter) * interval_ms
    if first > way.offsets[track] and way.t_ms[first] - way.t_ms[first - 1] <= reach:
        first -= 1
    if last < way.offsets[track + 1] - 1 and way.t_ms[last + 1] - way.t_ms[last] <= reach:
        last += 1
    return first, last


@compiled
def _usual(
    way: Way, track: int, first: int, last: int, interval_ms: float, limits: Limits
) -> tuple[int, float, float]:
    """Number, mean and sd of the straightness of windows as long as an encounter.

    A window holds no gap, and lasts as long as the encounter up to the jitter of the clock.
    """
    duration = way.t_ms[last] - way.t_ms[first]
    slack = limits.jitter * interval_ms
    end = way.offsets[track + 1]
    since, until = way.t_ms[first] - limits.half_window_ms, way.t_ms[last] + limits.half_window_ms
    begin = first
    while begin > way.offsets[track] and way.t_ms[begin - 1] >= since:
        begin -= 1
    count, total, squares = 0, 0.0, 0.0
    to = begin
    while begin < end and way.t_ms[begin] <= until:
        while to + 1 < end and abs(way.t_ms[to + 1] - way.t_ms[begin] - duration) <= abs(
            way.t_ms[to] - way.t_ms[begin] - duration
        ):
            to += 1
        fits = (
            way.t_ms[to] <= until
            and abs(way.t_ms[to] - way.t_ms[begin] - duration) <= slack
            and way.gaps[to] == way.gaps[begin]
        )
        if fits and limits.exclude_buffer:
            fits = way.members[to] == way.members[begin - 1] if begin > 0 else way.members[to] == 0
        if fits:
            value = straightness(way, begin, to)
            if value == value:  # noqa: PLR0124 - not nan: an animal that stood still all the time
                count += 1
                # Welford: no difference of large sums, whatever the number of windows.
                off = value - total
                total += off / count
                squares += off * (value - total)
        begin += 1
    return (
        count,
        total if count else np.nan,
        np.sqrt(squares / (count - 1)) if count > 1 else np.nan,
    )


@compiled
def medium_kind(
    value: float,
    mean: float,
    sd: float,
    windows: int,
    expected: float,
    crossed: int,
    max_cross: int,
    sd_multiplier: float,
) -> tuple[int, int]:
    """Kind and reason of an encounter that is neither short nor trapped."""
    if np.isnan(value):
        return UNKNOWN, STATIONARY
    if windows < expected / 4.0 or np.isnan(sd):
        return UNKNOWN, FEW_WINDOWS
    if mean - sd_multiplier * sd <= value <= mean + sd_multiplier * sd:
        return AVERAGE_MOVEMENT, NO_REASON
    if crossed > max_cross:
        return UNKNOWN, TOO_MANY_CROSSINGS
    return (BACK_N_FORTH, NO_REASON) if value < mean else (TRACE, NO_REASON)
