"""Stays: when an animal kept to one place, and which of them are stop-overs of a migration."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._stay_medians import describe
from ecoduct_analysis._stay_windows import FEWEST, find_runs, mark_ends, mark_starts
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray, frozen
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.tracks import Tracks

_MS_PER_H: Final = 3_600_000.0
_MS_PER_S: Final = 1000.0
_AT_ONCE: Final = 50_000  # fixes whose marks stay in a processor's cache

STAY_PRESETS: Final = {
    # Ours, not sourced: published radii and times differ with species and question.
    "ungulate": StayRule(radius_m=500.0, min_stay_h=24.0, max_gap_h=24.0),
    "soaring_bird": StayRule(radius_m=15_000.0, min_stay_h=24.0, max_gap_h=24.0),
    "night_roost": StayRule(radius_m=500.0, min_stay_h=6.0, max_gap_h=3.0),
}
"""Rules by name: a large herbivore, a bird that soars, a bird's night."""


@dataclass(frozen=True, slots=True, eq=False)
class Stays:
    """One row for each stay, in order of track and time.

    Attributes
    ----------
    track : (r,) array
        Which track.
    first, last : (r,) array
        First and last fix of the stay.
    x, y : (r,) array, m
        Median of its fixes along and across the line from the first to the last, which single
        poor fixes do not move.
    radius_m : (r,) array, m
        Greatest distance of a fix from that centre, an outing's too.
    spread_m : (r,) array, m
        Median distance of its fixes from the centre.
    longest_gap_s : (r,) array, s
        Longest silence within.
    observed : (r,) array
        Part of its time that lies in no silence longer than the rule's; below 1 where bridged.
    bridged : (r,) array
        Silences longer than the rule's that it was joined over.
    begins_in_gap, ends_in_gap : (r,) array of bool
        Nothing was heard for longer than the rule's silence before or after it, or ever: the stay
        may be longer than it seems.
    is_open : (r,) array of bool
        It ends with the track: the animal may be there still.
    """

    track: IntArray
    first: IntArray
    last: IntArray
    x: FloatArray
    y: FloatArray
    radius_m: FloatArray
    spread_m: FloatArray
    longest_gap_s: FloatArray
    observed: FloatArray
    bridged: IntArray
    begins_in_gap: BoolArray
    ends_in_gap: BoolArray
    is_open: BoolArray

    def __len__(self) -> int:
        """Count the stays."""
        return len(self.first)

    @property
    def fixes(self) -> IntArray:
        """How many fixes each stay has, outings included, (r,) array."""
        return self.last - self.first + 1


def find_stays(tracks: Tracks, rule: StayRule) -> Stays:
    """Find stays.

    A *window* is a run of fixes without a silence longer than ``max_gap_h`` that has no more
    fixes than it needs to last ``min_stay_h`` and to hold three (or, to span an outing,
    ``3 exits - 1``). Its centre is the median of its fixes. It is *still* if its first and last
    ``exits`` fixes lie within the radius of the centre, and of those between no ``exits`` in a
    row are farther than ``hysteresis`` times it. The radius is widened by twice the standard
    deviation of the fix and the centre together, at most to its double. A stay is the union of
    still windows that share a fix.

    Whether a fix belongs to a stay therefore depends only on the fixes within ``rule.reach_h`` of
    it: a stay found in a part of a track is the stay found in the whole, forwards or backwards in
    time, and no fix is lost because an earlier stay ended with it.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes; those of unknown error get that of the rule.
    rule : StayRule

    Returns
    -------
    Stays
        An animal that drifts slowly makes one long stay; ``radius_m`` shows it.

    References
    ----------
    The silence answers the "two fixes 30 days apart are one stop" of common stop detectors.
    Anchor-based rules (Li et al. 2008, ACM GIS) differ: their stays depend on where one starts.

    Examples
    --------
    >>> hour = 3_600_000
    >>> rest = Tracks.from_arrays(
    ...     ["a"], track=[0] * 4, t_ms=[0, 3 * hour, 6 * hour, 7 * hour],
    ...     x=[0, 10, 20, 9000], y=[0] * 4)
    >>> stays = find_stays(rest, StayRule(radius_m=100, min_stay_h=6))
    >>> stays.first, stays.last, stays.x
    (array([0]), array([2]), array([10.]))
    >>> stays.begins_in_gap, stays.is_open
    (array([ True]), array([False]))
    """
    parts = [_runs(tracks, part, rule) for part in _parts(tracks)]
    none = np.zeros((0, 2), dtype=np.int64)
    return _describe(tracks, _bridged(tracks, np.concatenate((none, *parts)), rule), rule)


@dataclass(frozen=True, slots=True, eq=False)
class Stopovers:
    """One row for each stop-over, in order of track and time.

    Attributes
    ----------
    track : (s,) array
    phase : (s,) array
        Row of the migration phase that it lies in.
    begins_ms, ends_ms : (s,) array, ms since 1970 UTC
    x, y : (s,) array, m
        Mean of the centres of its stays, each counted by its time.
    stays : (s,) array
        How many stays it joins.
    stopover : (r,) array
        Stop-over of each stay, -1 for a stay that is none.
    """

    track: IntArray
    phase: IntArray
    begins_ms: IntArray
    ends_ms: IntArray
    x: FloatArray
    y: FloatArray
    stays: IntArray
    stopover: IntArray

    def __len__(self) -> int:
        """Count the stop-overs."""
        return len(self.track)


def find_stopovers(
    tracks: Tracks,
    stays: Stays,
    *,
    phase_track: ArrayLike,
    begins_ms: ArrayLike,
    ends_ms: ArrayLike,
    merge_m: float = 0.0,
    merge_h: float = 0.0,
    least_part: float = 0.5,
) -> Stopovers:
    """Stays within migration phases, and neighbours among them as one.

    Parameters
    ----------
    tracks : Tracks
        That the stays were found in.
    stays : Stays
        Of `find_stays` with a rule for stop-overs.
    phase_track, begins_ms, ends_ms : (p,) array
        Track, begin and end of each migration phase; no two of a track overlap.
    merge_m, merge_h : float
        Two stays that follow each other in a phase are one stop-over if their centres are nearer
        than this and the time between them is shorter than that; 0 merges none.
    least_part : float
        Least part of a stay's time that must lie in the phase, so that the stay that a migration
        begins or ends with is judged by where most of it lies.

    Raises
    ------
    BadRule

    Examples
    --------
    >>> hour = 3_600_000
    >>> tracks = Tracks.from_arrays(
    ...     ["a"], track=[0] * 9, t_ms=np.arange(9) * hour,
    ...     x=[0, 0, 0, 5000, 5000, 5000, 9000, 9000, 9000], y=[0] * 9)
    >>> stays = find_stays(tracks, StayRule(radius_m=100, min_stay_h=2))
    >>> on_the_way = find_stopovers(
    ...     tracks, stays, phase_track=[0], begins_ms=[2 * hour], ends_ms=[6 * hour])
    >>> on_the_way.stopover, on_the_way.x
    (array([-1,  0, -1]), array([5000.]))
    """
    if not (merge_m >= 0 and merge_h >= 0 and 0 < least_part <= 1):
        raise BadRule("merge_m and merge_h must be 0 or more, least_part above 0 and at most 1.")
    since, until = tracks.t_ms[stays.first], tracks.t_ms[stays.last]
    phase = _phases_of(stays.track, since, until, (phase_track, begins_ms, ends_ms), least_part)
    chosen = np.flatnonzero(phase >= 0)
    ahead, after = chosen[:-1], chosen[1:]
    apart = np.hypot(stays.x[after] - stays.x[ahead], stays.y[after] - stays.y[ahead])
    one = (phase[after] == phase[ahead]) & (apart < merge_m)
    one &= since[after] - until[ahead] < merge_h * _MS_PER_H
    new = np.append(True, ~one)[: len(chosen)]
    row = np.cumsum(new) - 1
    heads = np.flatnonzero(new)
    tails = np.append(heads[1:], len(chosen)) - 1 if len(heads) else heads
    time_ms = (until - since)[chosen].astype(np.float64)
    whole_ms = np.bincount(row, time_ms, minlength=len(heads))
    stopover = np.full(len(stays), -1, dtype=np.int64)
    stopover[chosen] = row
    return Stopovers(
        track=stays.track[chosen[heads]], phase=phase[chosen[heads]],
        begins_ms=since[chosen[heads]], ends_ms=until[chosen[tails]],
        x=np.bincount(row, time_ms * stays.x[chosen], minlength=len(heads)) / whole_ms,
        y=np.bincount(row, time_ms * stays.y[chosen], minlength=len(heads)) / whole_ms,
        stays=(tails - heads + 1).astype(np.int64), stopover=stopover,
    )  # fmt: skip


def _phases_of(
    track: IntArray, since_ms: IntArray, until_ms: IntArray,
    phases: tuple[ArrayLike, ArrayLike, ArrayLike], least_part: float,
) -> IntArray:  # fmt: skip
    """Phase that holds enough of each stay, and more of it than another, or -1."""
    phase = np.full(len(track), -1, dtype=np.int64)
    most = np.zeros(len(track))
    columns = [np.asarray(column, dtype=np.int64) for column in phases]
    for number, (of, begin, end) in enumerate(zip(*columns, strict=True)):
        rows = slice(*np.searchsorted(track, [of, of + 1]))
        inside = np.minimum(until_ms[rows], end) - np.maximum(since_ms[rows], begin)
        part = inside / (until_ms[rows] - since_ms[rows])
        holds = (part >= least_part) & (part > most[rows])
        phase[rows][holds], most[rows][holds] = number, part[holds]
    return phase


def _ms(hours: float) -> int:
    # A rule may say inf; no two times are farther apart than this.
    return round(min(hours * _MS_PER_H, np.iinfo(np.int64).max // 4))


def _errors_m(tracks: Tracks, rule: StayRule, begin: int, end: int) -> FloatArray:
    if tracks.error_m is None:
        return frozen([rule.error_m], float)
    known = tracks.error_m[begin:end]
    return frozen(np.where(np.isfinite(known), known, rule.error_m), float)


def _parts(tracks: Tracks) -> Iterator[tuple[int, int]]:
    """First track, and the one after the last, of runs of tracks with some fixes together."""
    begin, count = 0, len(tracks.names)
    while begin < count:
        limit = tracks.offsets[begin] + _AT_ONCE
        end = max(begin + 1, int(np.searchsorted(tracks.offsets, limit, side="right")) - 1)
        yield begin, min(end, count)
        begin = end


def _runs(tracks: Tracks, part: tuple[int, int], rule: StayRule) -> IntArray:
    """First and last fix of each stay of some tracks, (r, 2) array."""
    offsets = tracks.offsets[part[0] : part[1] + 1]
    begin, end = int(offsets[0]), int(offsets[-1])
    x, y, t_ms = tracks.x[begin:end], tracks.y[begin:end], tracks.t_ms[begin:end]
    errors = _errors_m(tracks, rule, begin, end)
    late, ends, starts = (np.empty(end - begin, dtype=np.int64) for _ in range(3))
    ways = np.empty(end - begin, dtype=np.uint8)
    most = mark_ends(offsets - begin, t_ms, _ms(rule.min_stay_h), _ms(rule.max_gap_h), late, ends)
    count = mark_starts(x, y, errors, late, ends, rule.radius_m, rule.exits, starts, ways)
    found = np.empty(((end - begin) // FEWEST + 1, 2), dtype=np.int64)
    count = find_runs(
        x, y, errors, late, ends, starts[:count], ways, (rule.radius_m, rule.hysteresis),
        rule.exits, np.empty(2 * (most + FEWEST * rule.exits + 2)), found,
    )  # fmt: skip
    runs: IntArray = found[:count] + begin
    return runs


def _bridged(tracks: Tracks, runs: IntArray, rule: StayRule) -> IntArray:
    """Join stays either side of a silence whose nearest fixes lie within the radius."""
    if rule.bridge_h <= rule.max_gap_h or len(runs) == 0:
        return runs
    before, after = runs[:-1, 1], runs[1:, 0]
    errors = np.broadcast_to(_errors_m(tracks, rule, 0, len(tracks)), tracks.t_ms.shape)
    apart = np.hypot(tracks.x[after] - tracks.x[before], tracks.y[after] - tracks.y[before])
    # Two fixes of one place, each with its own error; no wider than `find_runs` allows.
    reach = rule.radius_m + np.minimum(2.0 * np.hypot(errors[before], errors[after]), rule.radius_m)
    silence_ms = tracks.t_ms[after] - tracks.t_ms[before]
    joined = (after == before + 1) & (tracks.track[after] == tracks.track[before])
    joined &= (silence_ms > _ms(rule.max_gap_h)) & (silence_ms <= _ms(rule.bridge_h))
    joined &= apart <= reach
    return np.stack((runs[np.append(True, ~joined), 0], runs[np.append(~joined, True), 1]), axis=1)


def _describe(tracks: Tracks, runs: IntArray, rule: StayRule) -> Stays:
    first, last = runs[:, 0].copy(), runs[:, 1].copy()
    most = int((last - first).max(initial=0)) + 1
    measured = np.empty((7, len(runs)))
    max_gap_ms = _ms(rule.max_gap_h)
    describe(tracks.t_ms, tracks.x, tracks.y, runs, max_gap_ms, np.empty(2 * most), measured)
    track = np.searchsorted(tracks.offsets, first, side="right") - 1
    is_open = last + 1 == tracks.offsets[track + 1]
    begins = first == tracks.offsets[track]
    # Neighbours within the arrays; those of another track are passed over.
    before, after = np.where(begins, first, first - 1), np.where(is_open, last, last + 1)
    return Stays(
        track=track.astype(np.int64), first=first, last=last, x=measured[0], y=measured[1],
        radius_m=measured[2], spread_m=measured[3], longest_gap_s=measured[4], observed=measured[5],
        bridged=measured[6].astype(np.int64),
        begins_in_gap=begins | (tracks.t_ms[first] - tracks.t_ms[before] > max_gap_ms),
        ends_in_gap=is_open | (tracks.t_ms[after] - tracks.t_ms[last] > max_gap_ms),
        is_open=is_open,
    )  # fmt: skip
