"""The rules of the reference (R package BaBA) to the letter, faults included.

Kept apart so that nobody mistakes them for ours: `classify_encounters(…, mode="parity")`.
"""

from typing import Final

import numpy as np
import shapely

from ecoduct_analysis._behaviour_kernels import lengths_along
from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.barriers import Barriers, find_nearest
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.encounters import (
    AVERAGE_MOVEMENT,
    BACK_N_FORTH,
    BOUNCE,
    FEW_WINDOWS,
    NO_REASON,
    QUICK_CROSS,
    REFERENCE_STOPS,
    REPEATED_TIME,
    STATIONARY,
    TOO_MANY_CROSSINGS,
    TRACE,
    TRACK_EDGE,
    TRAPPED,
    UNKNOWN,
    Encounters,
)
from ecoduct_analysis.errors import BadFeatures, BadRule
from ecoduct_analysis.rules import EncounterRule
from ecoduct_analysis.tracks import Tracks

_HOUR_MS: Final = 3_600_000
_ARC_PIECES: Final = 5  # of a quarter circle of the reference's buffer polygon


def classify_as_reference(tracks: Tracks, barriers: Barriers, rule: EncounterRule) -> Encounters:
    """Encounters as the reference finds and names them.

    Raises
    ------
    BadRule
        Tracks whose usual intervals differ, or times that are no multiples of it.
    BadFeatures
        A polygon among the barriers.
    """
    if barriers.is_area.any():
        raise BadFeatures("Parity mode takes lines only, as the reference does.")
    interval_ms = shared_interval_ms(tracks, rule)
    _check_multiples(rule, interval_ms)
    near = find_nearest(tracks.x, tracks.y, barriers, max_m=rule.buffer_m)
    inside = _inside_polygons(tracks, barriers, near.distance_m, rule.buffer_m)
    members, offsets, key, stopped = _group(tracks, inside, rule, interval_ms)
    first, last = members[offsets[:-1]], members[offsets[1:] - 1]
    start_ms, end_ms = tracks.t_ms[first], tracks.t_ms[last]
    is_short = end_ms - start_ms <= _ms(rule.b_time_h)
    paths = _paths(tracks, members, offsets, is_short)
    crossed = _vertices_in_common(tracks, barriers, paths)
    complete = np.array([len(path) for path in paths], dtype=np.int64) == np.diff(offsets) + 2
    value, repeated = _straightness(tracks, members, offsets)
    whole, real = _name(
        tracks, rule, interval_ms, (members, first, last), is_short, crossed, complete, value
    )
    whole[2, repeated & (whole[2] == STATIONARY)] = REPEATED_TIME
    whole[1:, stopped] = np.array([[UNKNOWN], [REFERENCE_STOPS]])
    return Encounters(
        track=tracks.track[first], first=first, last=last, start_ms=start_ms, end_ms=end_ms,
        x=tracks.x[first], y=tracks.y[first], fixes=np.diff(offsets),
        path_first=np.array([path[0] for path in paths], dtype=np.int64),
        path_last=np.array([path[-1] for path in paths], dtype=np.int64), crossings=crossed,
        straightness=value, usual_mean=real[0], usual_sd=real[1], windows=whole[0],
        kind=whole[1], reason=whole[2], feature=near.feature[first], key=key, members=members,
        member_offsets=offsets, inside=inside[members],
    )  # fmt: skip


def shared_interval_ms(tracks: Tracks, rule: EncounterRule) -> float:
    """Interval that is asked for, or the most frequent step that all tracks share, ms.

    Raises
    ------
    BadRule
        Most frequent steps differ, or one is longer than the interval asked for.
    """
    modes = [
        _mode(np.diff(tracks.t_ms[begin:end]))
        for begin, end in zip(tracks.offsets[:-1], tracks.offsets[1:], strict=True)
        if end - begin > 1
    ]
    if rule.interval_h is not None:
        if max(modes, default=0) > rule.interval_h * _HOUR_MS:
            raise BadRule("interval_h is shorter than the fixes are apart; parity mode stops.")
        return rule.interval_h * _HOUR_MS
    if len(set(modes)) > 1:
        raise BadRule("Tracks have different intervals; parity mode needs interval_h.")
    return float(modes[0]) if modes else float(_HOUR_MS)


def _mode(values: IntArray) -> int:
    distinct, counts = np.unique(values, return_counts=True)
    return int(distinct[np.argmax(counts)])


def _ms(hours: float) -> int:
    return round(hours * _HOUR_MS)


def _check_multiples(rule: EncounterRule, interval_ms: float) -> None:
    for name in ("b_time_h", "p_time_h"):
        times = getattr(rule, name) * _HOUR_MS / interval_ms
        if round(times) < 1 or abs(times - round(times)) > 1e-9 * times:
            raise BadRule(f"In parity mode {name} must be a multiple of the interval.")


def _inside_polygons(
    tracks: Tracks, barriers: Barriers, distance_m: FloatArray, buffer_m: float
) -> BoolArray:
    """Whether fixes lie in the reference's buffer, whose arcs have five pieces a quarter.

    The polygon is nowhere narrower than the cosine of half a piece's angle, so only the few fixes
    between that and the full distance are laid over it.
    """
    inside: BoolArray = distance_m <= buffer_m * np.cos(np.pi / 4.0 / _ARC_PIECES) * (1.0 - 1e-9)
    unsure = np.flatnonzero((distance_m <= buffer_m) & ~inside)
    if len(unsure):
        places = np.stack((tracks.x[unsure], tracks.y[unsure]), axis=1)
        which, piece = barriers.near(places, places, reach_m=buffer_m)
        pairs = np.unique(np.stack((which, barriers.feature[piece])), axis=1)
        polygons = {
            int(feature): shapely.buffer(
                barriers.geometry[feature], buffer_m, quad_segs=_ARC_PIECES
            )
            for feature in np.unique(pairs[1])
        }
        areas = np.array([polygons[feature] for feature in pairs[1].tolist()], dtype=object)
        covered = shapely.intersects(areas, shapely.points(places[pairs[0]]))
        inside[unsure[pairs[0][covered]]] = True
    return inside


def _tenths(values: FloatArray) -> IntArray:
    """Values to one decimal as R rounds: the nearer one as floats compare, ties to even."""
    low = np.floor(values * 10.0)
    below, above = values - low / 10.0, (low + 1.0) / 10.0 - values
    up = (below > above) | ((below == above) & (low % 2 == 1))
    rounded: IntArray = (low + up).astype(np.int64)
    return rounded


def _group(
    tracks: Tracks, inside: BoolArray, rule: EncounterRule, interval_ms: float
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Members of each encounter, their offsets, keys in tenths of the unit, and where R stops.

    The key is the sum of all gaps so far, so two encounters whose sums agree are one.
    """
    unit_ms = rule.unit_h * _HOUR_MS
    fix = np.flatnonzero(inside)
    track = tracks.track[fix]
    excess = np.zeros(len(fix), dtype=np.int64)
    apart = np.diff(tracks.t_ms[fix]) / unit_ms - interval_ms / unit_ms
    excess[1:] = np.where(track[1:] == track[:-1], _tenths(apart), 0)
    rescued = (excess / 10.0 >= interval_ms / unit_ms) & (
        excess / 10.0 <= rule.tolerance_h * _HOUR_MS / unit_ms
    )
    excess[rescued] = 0
    sums = np.cumsum(excess)
    key = sums - sums[np.searchsorted(track, track, side="left")] if len(fix) else sums
    at = np.flatnonzero(rescued)
    between = [np.arange(fix[j - 1] + 1, fix[j]) for j in at]
    member = np.concatenate([fix, *between])
    keys = np.concatenate(
        [key, *(np.full(len(b), key[j]) for j, b in zip(at, between, strict=True))]
    )
    order = np.lexsort((member, keys, tracks.track[member]))
    member, keys = member[order], keys[order]
    new = np.ones(len(member), dtype=bool)
    new[1:] = (keys[1:] != keys[:-1]) | (np.diff(tracks.track[member]) != 0)
    heads = np.flatnonzero(new)
    by_time = np.argsort(member[heads], kind="stable")
    lengths = np.diff(np.append(heads, len(member)))[by_time]
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    chosen = np.repeat(heads[by_time] - offsets[:-1], lengths) + np.arange(offsets[-1])
    # Where none of an animal's rescued gaps holds a fix, the reference asks for fetched fixes that
    # it never made, and stops.
    fetched = {int(track[j]) for j, b in zip(at, between, strict=True) if len(b)}
    lost = [fix[j] for j in at if int(track[j]) not in fetched]
    where = np.flatnonzero(np.isin(member[chosen], lost))
    stopped = np.searchsorted(offsets, where, side="right") - 1
    return member[chosen], offsets, keys[heads][by_time], stopped


def _paths(
    tracks: Tracks, members: IntArray, offsets: IntArray, is_short: BoolArray
) -> list[IntArray]:
    """Fixes along which crossings are counted: short encounters with one recorded fix each side."""
    begins, ends = tracks.offsets[:-1][tracks.track], tracks.offsets[1:][tracks.track]
    paths = []
    for n, short in enumerate(is_short):
        own = members[offsets[n] : offsets[n + 1]]
        if short:
            begin, end = max(own[0] - 1, begins[own[0]]), min(own[-1] + 2, ends[own[0]])
            own = np.arange(begin, end)
        paths.append(own)
    return paths


def _vertices_in_common(tracks: Tracks, barriers: Barriers, paths: list[IntArray]) -> IntArray:
    """Vertices of what each path has in common with each feature, summed over the features."""
    lines = [
        shapely.LineString(np.stack((tracks.x[p], tracks.y[p]), axis=1)) if len(p) > 1 else None
        for p in paths
    ]
    bounds = np.array([shapely.bounds(line) for line in lines]).reshape(-1, 4)
    known = np.flatnonzero(np.isfinite(bounds[:, 0]))
    which, piece = barriers.near(bounds[known, :2], bounds[known, 2:])
    rows = {(int(known[w]), int(f)) for w, f in zip(which, barriers.feature[piece], strict=True)}
    twins = _drawn_again(barriers)
    pairs = [(row, twin) for row, feature in sorted(rows) for twin in twins[feature]]
    path = np.array([lines[row] for row, _ in pairs], dtype=object)
    feature = np.array([barriers.geometry[f] for _, f in pairs], dtype=object)
    common = shapely.get_num_coordinates(shapely.intersection(path, feature))
    counts = np.zeros(len(paths), dtype=np.int64)
    np.add.at(counts, np.array([row for row, _ in pairs], dtype=np.int64), common)
    return counts


def _drawn_again(barriers: Barriers) -> list[list[int]]:
    twins: list[list[int]] = [[] for _ in barriers.names]
    for feature, first in enumerate(barriers.drawn_as.tolist()):
        twins[first].append(feature)
    return twins


def _straightness(
    tracks: Tracks, members: IntArray, offsets: IntArray
) -> tuple[FloatArray, BoolArray]:
    """Straightness of each encounter, and whether a time stands twice in it: it is nan then."""
    x, y = tracks.x[members], tracks.y[members]
    length = np.append(np.hypot(np.diff(x), np.diff(y)), 0.0)
    twice = np.append(np.diff(tracks.t_ms[members]) == 0, False)
    length[offsets[1:] - 1], twice[offsets[1:] - 1] = 0.0, False
    way = np.add.reduceat(length, offsets[:-1]) if len(offsets) > 1 else np.zeros(0)
    repeated = np.zeros(len(way), dtype=bool)
    repeated[np.searchsorted(offsets, np.flatnonzero(twice), side="right") - 1] = True
    first, last = offsets[:-1], offsets[1:] - 1
    with np.errstate(invalid="ignore"):
        value: FloatArray = np.hypot(x[last] - x[first], y[last] - y[first]) / way
    value[repeated] = np.nan
    return value, repeated


def _name(
    tracks: Tracks,
    rule: EncounterRule,
    interval_ms: float,
    fixes: tuple[IntArray, IntArray, IntArray],
    is_short: BoolArray,
    crossed: IntArray,
    complete: BoolArray,
    value: FloatArray,
) -> tuple[IntArray, FloatArray]:
    """Windows, kind and reason, (3, r), and the mean and sd of what is usual, (2, r)."""
    members, first, last = fixes
    kept = np.ones(len(tracks), dtype=bool)
    if rule.exclude_buffer:
        kept[members] = False
    left = tracks.where(kept)
    unit_ms = rule.unit_h * _HOUR_MS
    broken = np.ones(len(left), dtype=bool)
    broken[1:] = _tenths(np.diff(left.t_ms) / unit_ms) / 10.0 != interval_ms / unit_ms
    length = lengths_along(left.offsets, left.x, left.y)
    whole, real = np.zeros((3, len(first)), dtype=np.int64), np.full((2, len(first)), np.nan)
    half_ms, expected = _ms(rule.window_h) // 2, rule.window_h * _HOUR_MS / interval_ms + 1.0
    for n, (a, b) in enumerate(zip(first, last, strict=True)):
        duration = tracks.t_ms[b] - tracks.t_ms[a]
        if is_short[n]:
            unsure = crossed[n] == 0 and not complete[n]
            kind = UNKNOWN if unsure else BOUNCE if crossed[n] == 0 else QUICK_CROSS
            whole[1:, n] = kind, TRACK_EDGE if unsure else NO_REASON
            continue
        if duration > _ms(rule.p_time_h):
            whole[1, n] = TRAPPED
            continue
        span = slice(*left.offsets[tracks.track[a] : tracks.track[a] + 2])
        usual = _usual(
            left.t_ms[span], left.x[span], left.y[span], length[span], broken[span],
            tracks.t_ms[a] - half_ms, tracks.t_ms[b] + half_ms, duration, interval_ms,
        )  # fmt: skip
        whole[0, n] = len(usual)
        whole[1:, n], real[:, n] = _medium(usual, expected, value[n], int(crossed[n]), rule)
    return whole, real


def _medium(
    usual: FloatArray, expected: float, value: float, crossed: int, rule: EncounterRule
) -> tuple[tuple[int, int], tuple[float, float]]:
    if len(usual) < expected / 4.0:
        return (UNKNOWN, FEW_WINDOWS), (np.nan, np.nan)
    mean, sd = float(usual.mean()), float(usual.std(ddof=1))
    if not np.isfinite([mean, sd, value]).all():
        return (UNKNOWN, STATIONARY), (np.nan, np.nan)  # the reference stops here
    low, high = mean - rule.sd_multiplier * sd, mean + rule.sd_multiplier * sd
    if low <= value <= high:
        return (AVERAGE_MOVEMENT, NO_REASON), (mean, sd)
    if crossed > rule.max_cross:
        return (UNKNOWN, TOO_MANY_CROSSINGS), (mean, sd)
    return (BACK_N_FORTH if value < low else TRACE, NO_REASON), (mean, sd)


@compiled
def _usual(
    t_ms: IntArray,
    x: FloatArray,
    y: FloatArray,
    length: FloatArray,
    broken: BoolArray,
    since_ms: int,
    until_ms: int,
    duration_ms: int,
    interval_ms: float,
) -> FloatArray:
    """Straightness of every window of a duration in the unbroken sections of a time."""
    begin = int(np.searchsorted(t_ms, since_ms))
    end = int(np.searchsorted(t_ms, until_ms, side="right"))
    steps = int(np.floor(duration_ms / interval_ms + 1e-10))
    values: FloatArray = np.empty(max(end - begin, 0))
    count = 0
    while begin < end:
        last = begin
        while last + 1 < end and not broken[last + 1]:
            last += 1
        for i in range(begin, last + 1):
            if t_ms[i] > t_ms[last] - duration_ms or i + steps > last:
                break
            j = i + steps
            way = length[j] - length[i]
            values[count] = np.hypot(x[j] - x[i], y[j] - y[i]) / way if way > 0.0 else np.nan
            count += 1
        begin = last + 1
    found: FloatArray = values[:count]
    return found
