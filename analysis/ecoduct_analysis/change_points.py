"""Change points: when an animal's place changed for good, to confirm phases found day by day."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import ruptures
from numpy.typing import ArrayLike

from ecoduct_analysis._animal_years import daily_medians
from ecoduct_analysis._calendar import DAY_MS
from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks

_PER_SD: Final = float(np.sqrt(2.0 * np.log(2.0)))  # median distance of a circular normal cloud


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """When the mean position of days is taken to have changed.

    Attributes
    ----------
    min_change_days : int, days
        Shortest time between two changes, in days with fixes. Default 7.
    change_penalty : float
        A change must take this many times ``log(days)`` variances off the sum of squares. Default
        6: a change costs two coordinates and a date, and 2 for each is Schwarz's criterion (BIC).
    min_spread_m : float, m
        Least standard deviation of a day along each axis. Default 1 km: a range's daily medians
        wander by a kilometre, and are no change however still the animal was else.
    offset_h : float, h
        Local time less UTC, for where days begin. Default 0.
    """

    min_change_days: int = 7
    change_penalty: float = 6.0
    min_spread_m: float = 1_000.0
    offset_h: float = 0.0

    def __post_init__(self) -> None:
        if not self.min_change_days >= 1:
            raise BadRule("min_change_days must be at least 1.")
        if not (0 < self.change_penalty < np.inf and 0 < self.min_spread_m < np.inf):
            raise BadRule("change_penalty and min_spread_m must be above 0, and finite.")
        if not np.isfinite(self.offset_h):
            raise BadRule("offset_h must be a number.")


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """One row for each change, in order of track and time.

    Attributes
    ----------
    track : (r,) array
        Which track.
    at_ms : (r,) array, ms since 1970 UTC
        The middle between the last day before and the first day after.
    shift_m : (r,) array, m
        Between the means of the days up to the changes before and after.
    """

    track: IntArray
    at_ms: IntArray
    shift_m: FloatArray

    def __len__(self) -> int:
        """Count the changes."""
        return len(self.track)


def find_changes(tracks: Tracks, rule: ChangeRule | None = None) -> Changes:
    """Cut each track's daily medians where their mean position changes.

    PELT finds the cuts with the smallest sum of squares and penalty. Positions in two dimensions
    are cut, not displacement: two ranges at one distance from a third are different places. The
    variance is that of daily moves, by their median, so that a migration does not count as noise.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes.
    rule : ChangeRule, optional

    References
    ----------
    Killick, Fearnhead & Eckley 2012, Journal of the American Statistical Association
    107:1590-1598; computed by the package ruptures.

    Examples
    --------
    >>> day = 86_400_000
    >>> deer = Tracks.from_arrays(
    ...     ["a"], track=[0] * 40, t_ms=np.arange(40) * day, x=np.repeat([0, 30e3], 20),
    ...     y=np.arange(40) % 2)
    >>> found = find_changes(deer)
    >>> found.at_ms // day, found.shift_m
    (array([20]), array([30000.]))
    """
    rule = rule or ChangeRule()
    daily = daily_medians(tracks, offset_h=rule.offset_h)
    owner: list[int] = []
    rows: list[tuple[int, float]] = []
    for track, (begin, end) in enumerate(pairwise(daily.offsets.tolist())):
        place = np.stack((daily.x[begin:end], daily.y[begin:end]), axis=1)
        cuts = _cuts(place, rule)
        if len(cuts) == 2:  # noqa: PLR2004 - one piece, or none
            continue
        means = [place[a:b].mean(axis=0) for a, b in pairwise(cuts)]
        for cut, (before, after) in zip(cuts[1:-1], pairwise(means), strict=True):
            at = begin + cut
            owner.append(track)
            middle = (daily.t_ms[at - 1] + daily.t_ms[at]) // 2
            rows.append((int(middle), float(np.hypot(*(after - before)))))
    return Changes(
        track=np.array(owner, dtype=np.int64),
        at_ms=np.array([at for at, _ in rows], dtype=np.int64),
        shift_m=np.array([shift for _, shift in rows], dtype=np.float64),
    )


def are_confirmed(
    track: IntArray, at_ms: IntArray, changes: Changes, *, tolerance_days: float = 4.0
) -> BoolArray:
    """Whether a change lies close to each of some times of tracks, (r,) array.

    Parameters
    ----------
    track : (r,) array
    at_ms : (r,) array, ms since 1970 UTC
        For example transitions between phases.
    changes : Changes
    tolerance_days : float, days
        Default 4: half of the shortest time between changes, and a day's middle.

    Examples
    --------
    >>> changes = Changes(np.array([0]), np.array([10 * 86_400_000]), np.array([5000.0]))
    >>> are_confirmed(np.array([0, 0, 1]), np.array([9, 3, 10]) * 86_400_000, changes)
    array([ True, False, False])
    """
    found = np.zeros(len(track), dtype=bool)
    for one in np.unique(track):
        here = track == one
        of = changes.at_ms[changes.track == one]
        if len(of):
            away = np.abs(at_ms[here][:, None] - of[None, :]).min(axis=1)
            found[here] = away <= tolerance_days * DAY_MS
    return found


def cut_means(values: ArrayLike, *, pieces: int, min_length: int = 1) -> IntArray:
    """Cut a series into a number of pieces with the smallest sum of squares about their means.

    The segmentation of Lavielle with a change of the mean. It takes ``pieces * n^2`` steps: for
    daily series, not for fixes.

    Parameters
    ----------
    values : (n,) or (n, d) array
        For example displacement in km, or daily medians.
    pieces : int
    min_length : int
        Fewest values in a piece.

    Returns
    -------
    (pieces + 1,) array
        Piece ``i`` holds the values ``i`` to before ``i + 1`` of it.

    Raises
    ------
    BadRule
        Fewer values than the pieces need.

    References
    ----------
    Lavielle 2005, Signal Processing 85:1501-1510; Barraquand & Benhamou 2008, Ecology
    89:3336-3348.

    Examples
    --------
    >>> cut_means([0, 1, 0, 9, 8, 9, 1], pieces=3)
    array([0, 3, 6, 7])
    """
    series = np.asarray(values, dtype=np.float64)
    series = np.ascontiguousarray(series.reshape(len(series), -1))
    if not (pieces >= 1 and min_length >= 1 and pieces * min_length <= len(series)):
        raise BadRule(f"{len(series)} values cannot be cut into {pieces} pieces.")
    cuts = np.zeros(pieces + 1, dtype=np.int64)
    # About the mean, running sums keep the digits that a far-off origin would cost.
    _cut(series - series.mean(axis=0), min_length, cuts)
    return cuts


def _cuts(place: FloatArray, rule: ChangeRule) -> list[int]:
    count = len(place)
    if count < 2 * rule.min_change_days:
        return [0, count]
    moves = np.diff(place, axis=0)
    # The difference of two days has twice their variance along each axis.
    spread = float(np.median(np.hypot(moves[:, 0], moves[:, 1]))) / _PER_SD / np.sqrt(2.0)
    variance = max(spread, rule.min_spread_m) ** 2
    search: Any = ruptures.KernelCPD(kernel="linear", min_size=rule.min_change_days)
    search.fit(place - place.mean(axis=0))
    penalty = rule.change_penalty * variance * np.log(count)
    return [0, *(int(cut) for cut in search.predict(pen=penalty))]


@compiled
def _cut(series: FloatArray, min_length: int, cuts: IntArray) -> None:
    count, width = series.shape
    pieces = len(cuts) - 1
    sums, squares = np.zeros((count + 1, width)), np.zeros(count + 1)
    for n in range(count):
        squares[n + 1] = squares[n]
        for axis in range(width):
            sums[n + 1, axis] = sums[n, axis] + series[n, axis]
            squares[n + 1] += series[n, axis] ** 2
    best = np.full((pieces + 1, count + 1), np.inf)
    since = np.zeros((pieces + 1, count + 1), dtype=np.int64)
    best[0, 0] = 0.0
    for piece in range(1, pieces + 1):
        for end in range(piece * min_length, count + 1):
            for begin in range((piece - 1) * min_length, end - min_length + 1):
                cost = best[piece - 1, begin] + squares[end] - squares[begin]
                for axis in range(width):
                    cost -= (sums[end, axis] - sums[begin, axis]) ** 2 / (end - begin)
                if cost < best[piece, end]:
                    best[piece, end], since[piece, end] = cost, begin
    cuts[pieces] = count
    for piece in range(pieces, 0, -1):
        cuts[piece - 1] = since[piece, cuts[piece]]
