"""Stays: when an animal kept to one place."""

from dataclasses import dataclass

import numpy as np

from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.tracks import BoolArray, FloatArray, IntArray, Tracks


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
        Median of its fixes, which single poor fixes do not move.
    radius_m : (r,) array, m
        Greatest distance of a fix from that centre.
    """

    track: IntArray
    first: IntArray
    last: IntArray
    x: FloatArray
    y: FloatArray
    radius_m: FloatArray

    def __len__(self) -> int:
        """Count the stays."""
        return len(self.first)


def find_stays(tracks: Tracks, rule: StayRule) -> Stays:
    """Find stays.

    A window is a run of fixes that lasts at least ``min_stay_s``, holds no silence longer than
    ``max_gap_s``, and in which no two fixes are more than ``2 * radius_m`` apart. A stay is the
    union of windows that overlap. Whether a fix belongs to a stay therefore depends only on the
    fixes within ``min_stay_s + max_gap_s`` of it, so that a stay found in a part of a track is
    the stay found in the whole, forwards or backwards in time.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes.
    rule : StayRule

    Returns
    -------
    Stays
        An animal that drifts slowly makes one long stay; ``radius_m`` shows it.

    References
    ----------
    The gap rule answers the "two fixes 30 days apart are one stop" of common stop detectors.
    Anchor-based rules (Li et al. 2008, ACM GIS) differ: their stays depend on where one starts.

    Examples
    --------
    >>> hour = 3_600_000
    >>> rest = Tracks.from_arrays(
    ...     ["a"], track=[0] * 4, t_ms=[0, 3 * hour, 6 * hour, 7 * hour],
    ...     x=[0, 10, 20, 9000], y=[0] * 4)
    >>> stays = find_stays(rest, StayRule(radius_m=100, min_stay_s=6 * 3600))
    >>> stays.first, stays.last, stays.x
    (array([0]), array([2]), array([10.]))
    """
    limit = _reach(tracks, rule)
    times = tracks.t_ms
    long_enough = round(rule.min_stay_s * 1000)
    fixes = np.arange(len(tracks))
    track_begin = tracks.offsets[:-1][tracks.track]
    # Times of one track rise; adding a track's number times more than any time keeps tracks apart.
    apart = tracks.track * (np.ptp(times) + long_enough + 1 if len(tracks) else 0)
    until = np.searchsorted(apart + times, apart + times + long_enough, side="left")
    since = np.searchsorted(apart + times, apart + times - long_enough, side="right") - 1
    forward = until <= limit
    backward = (since >= track_begin) & (limit[np.maximum(since, 0)] >= fixes)
    begins = np.concatenate((fixes[forward], since[backward]))
    ends = np.concatenate((until[forward], fixes[backward]))
    return _union(tracks, begins, ends)


def _reach(tracks: Tracks, rule: StayRule) -> IntArray:
    """Last fix that can stand in one window with each fix, (n,) array."""
    count = len(tracks)
    barred = np.full(count, count, dtype=np.int64)  # first later fix that cannot share a window
    open_until = np.repeat(tracks.offsets[1:], np.diff(tracks.offsets))
    first = tracks.steps
    silent = first[tracks.step_s > rule.max_gap_s]
    barred[silent] = silent + 1
    active = np.arange(count)
    lag = 1
    # One turn for each fix that fits into min_stay_s: the spread of a longer window follows from
    # the windows inside it.
    while True:
        active = active[active + lag < open_until[active]]
        active = active[barred[active] == count]
        # A window that begins or ends with the pair is the longest that min_stay_s asks for.
        inside_ms = np.minimum(
            tracks.t_ms[active + lag - 1] - tracks.t_ms[active],
            tracks.t_ms[active + lag] - tracks.t_ms[active + 1],
        )
        active = active[inside_ms < rule.min_stay_s * 1000.0]
        if not len(active):
            break
        far = _distance(tracks, active, active + lag) > 2.0 * rule.radius_m
        barred[active[far]] = active[far] + lag
        lag += 1
    nearest = np.minimum.accumulate(barred[::-1])[::-1]
    return np.minimum(nearest, open_until) - 1


def _distance(tracks: Tracks, one: IntArray, other: IntArray) -> FloatArray:
    return np.hypot(tracks.x[other] - tracks.x[one], tracks.y[other] - tracks.y[one])


def _union(tracks: Tracks, begins: IntArray, ends: IntArray) -> Stays:
    order = np.argsort(begins, kind="stable")
    begins, ends = begins[order], ends[order]
    furthest = np.maximum.accumulate(ends) if len(ends) else ends
    new: BoolArray = np.ones(len(begins), dtype=bool)
    new[1:] = begins[1:] > furthest[:-1]
    heads = np.flatnonzero(new)
    first = begins[heads]
    last = furthest[np.append(heads[1:], len(begins)) - 1] if len(heads) else heads
    spans = list(zip(first, last, strict=True))
    x = np.array([np.median(tracks.x[a : b + 1]) for a, b in spans])
    y = np.array([np.median(tracks.y[a : b + 1]) for a, b in spans])
    radius = [
        np.hypot(tracks.x[a : b + 1] - cx, tracks.y[a : b + 1] - cy).max()
        for (a, b), cx, cy in zip(spans, x, y, strict=True)
    ]
    return Stays(
        track=tracks.track[first],
        first=first.astype(np.int64),
        last=last.astype(np.int64),
        x=x.astype(np.float64),
        y=y.astype(np.float64),
        radius_m=np.array(radius, dtype=np.float64),
    )
