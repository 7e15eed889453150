"""Migration phases by a daily rule: settled, migrating, stop-over, arrived."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis import _phase_kernel as kernel
from ecoduct_analysis._animal_years import daily_medians
from ecoduct_analysis._calendar import DAY_MS
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks

KINDS: Final = ("unknown", "settled", "migrating", "stopover", "arrived", "excursion")
UNKNOWN, SETTLED, MIGRATING, STOPOVER, ARRIVED, EXCURSION = range(6)


@dataclass(frozen=True, slots=True)
class PhaseRule:
    """When an animal leaves a range, and when it has settled in one.

    All distances are between medians of days. The defaults are ours, tried on simulated herds and
    23 elk-years: see the method's page.

    Attributes
    ----------
    range_days : int, days
        A range is the median of this many last settled days, and the radius that holds 95 % of
        them. Default 30: a month of use, short enough to follow a drift with the season.
    leave_margin_m : float, m
        An animal is away beyond the range's radius and this, or beyond `leave_factor` radii,
        whichever is more. Default 2 km: a day's foray beyond a small range is no departure.
    leave_factor : float
        Default 3.
    far_m : float, m
        An animal this far from the middle of its range is away, however wide it roamed before; and
        no disc to settle in is wider than that. Default 15 km, from where on the displacement
        models speak of migration.
    leave_days, leave_of_days : int, days
        Departed: away on so many of so many last days with fixes. Default 2 of 3.
    straight_days : int, days
        Net distance over path of this many days must be above `straightness`. Default 5.
    straightness : float
        Default 0.6: migrations run straight, wide roaming does not.
    settle_days : int, days
        Settled: so many days inside one disc. Default 14: longer than any stop-over of 1 to 5 days.
    probable_days : int, days
        So many, at the end of what is known, make an arrival probable. Default 5.
    settle_radius_m : float, m
        The disc's radius; or `settle_factor` times that of the last range, if that is more.
        Default 3 km: a seasonal range's daily medians scatter by one or two.
    settle_factor, settle_share : float
        Default 1.5; part of the days that must lie inside, default 0.85: 12 of 14.
    stopover_days : int, days
        Days on the way within one disc that make a stop-over. Default 2. Stays of the fixes
        themselves are sharper: see `ecoduct_analysis.stopovers`.
    stopover_radius_m : float, m
        Default 1 km.
    excursion_days : int, days
        Longest absence that ends in the range it began in and is no migration. Default 21: who is
        away for longer has migrated, even if it settled nowhere.
    offset_h : float, h
        Local time less UTC, for where days begin. Default 0.
    """

    range_days: int = 30
    leave_margin_m: float = 2_000.0
    leave_factor: float = 3.0
    far_m: float = 15_000.0
    leave_days: int = 2
    leave_of_days: int = 3
    straight_days: int = 5
    straightness: float = 0.6
    settle_days: int = 14
    probable_days: int = 5
    settle_radius_m: float = 3_000.0
    settle_factor: float = 1.5
    settle_share: float = 0.85
    stopover_days: int = 2
    stopover_radius_m: float = 1_000.0
    excursion_days: int = 21
    offset_h: float = 0.0

    def __post_init__(self) -> None:
        for name in ("range_days", "straight_days", "stopover_days", "probable_days", "far_m"):
            if not getattr(self, name) >= 1:
                raise BadRule(f"{name} must be at least 1.")
        for name in (
            "leave_margin_m", "leave_factor", "settle_radius_m", "settle_factor",
            "stopover_radius_m", "excursion_days",
        ):  # fmt: skip
            if not 0 <= getattr(self, name) < np.inf:
                raise BadRule(f"{name} must be 0 or more, and finite.")
        if not 1 <= self.leave_days <= self.leave_of_days:
            raise BadRule("leave_days must be 1 to leave_of_days.")
        if not self.probable_days <= self.settle_days <= self.range_days:
            raise BadRule("settle_days must be from probable_days to range_days.")
        if not (0 <= self.straightness < 1 and 0.5 < self.settle_share <= 1):  # noqa: PLR2004
            raise BadRule("straightness must be 0 to below 1, settle_share above 0.5 up to 1.")
        if not np.isfinite(self.offset_h):
            raise BadRule("offset_h must be a number.")


@dataclass(frozen=True, slots=True, eq=False)
class Phases:
    """One row for each phase, in order of track and time.

    Attributes
    ----------
    track : (r,) array
        Which track.
    kind : (r,) array
        Number in `KINDS`. ``unknown``: before the first range was known. ``arrived``: probably
        settled, at the end of what is known. ``excursion``: went away and came back to the range
        it had left. The others say it themselves.
    begins_ms, ends_ms : (r,) array, ms since 1970 UTC
        Backdated: the middle between the last day of one phase and the first of the next; the
        first day's begin and the last day's end at the ends of a track.
    known_ms : (r,) array, ms since 1970 UTC
        End of the day on which the rule first said so.
    is_confirmed : (r,) array of bool
        A range is, once it is settled; a move, once it has led to another range. False is
        ``probable``: later days may still change it.
    days : (r,) array
        Days with fixes.
    x, y : (r,) array, m
        Median of its days.
    range_id : (r,) array
        Counts the ranges of a track from 1; -1 for no range.
    """

    track: IntArray
    kind: IntArray
    begins_ms: IntArray
    ends_ms: IntArray
    known_ms: IntArray
    is_confirmed: BoolArray
    days: IntArray
    x: FloatArray
    y: FloatArray
    range_id: IntArray

    def __len__(self) -> int:
        """Count the phases."""
        return len(self.track)


@dataclass(frozen=True, slots=True, eq=False)
class Transitions:
    """One row for each change of phase, in order of track and time.

    Attributes
    ----------
    track, phase : (r,) array
        Which track, and which row of the phases begins.
    before, after : (r,) array
        Numbers in `KINDS`.
    at_ms, known_ms : (r,) array, ms since 1970 UTC
        When it was, and the end of the day on which it was known.
    is_confirmed : (r,) array of bool
    """

    track: IntArray
    phase: IntArray
    before: IntArray
    after: IntArray
    at_ms: IntArray
    known_ms: IntArray
    is_confirmed: BoolArray

    def __len__(self) -> int:
        """Count the changes."""
        return len(self.track)


def find_phases(tracks: Tracks, rule: PhaseRule | None = None) -> Phases:
    """Cut each track into phases of migration.

    An animal leaves its range when it was away on enough of the last days and went straight; it is
    settled after enough days inside one disc, from its first day there. What is said of a day
    depends on the daily medians up to the day when it was said, so late fixes are heeded in
    whatever order they came, and no animal on any other.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes of ``k`` animals.
    rule : PhaseRule, optional

    Returns
    -------
    Phases
        Without a fix, a track has none.

    References
    ----------
    A rule of this project. Compare the models of displacement, which look back at a whole year
    (`ecoduct_analysis.displacement_models`).

    Examples
    --------
    Forty days about one place, four on the way, and forty 80 km away.

    >>> day = 86_400_000
    >>> far = np.concatenate((np.zeros(40), [16e3, 32e3, 48e3, 64e3], np.full(40, 80e3)))
    >>> deer = Tracks.from_arrays(
    ...     ["a"], track=[0] * 84, t_ms=np.arange(84) * day, x=far, y=np.zeros(84))
    >>> found = find_phases(deer)
    >>> [KINDS[kind] for kind in found.kind], found.begins_ms // day
    (['settled', 'migrating', 'settled'], array([ 0, 40, 44]))
    >>> (found.known_ms - found.begins_ms) // day  # two days for a departure, 14 for a range
    array([14,  2, 14])
    """
    rule = rule or PhaseRule()
    daily = daily_medians(tracks, offset_h=rule.offset_h)
    # Noon of local days, so that floor division gives their numbers in any offset.
    day = (daily.t_ms + round(rule.offset_h * 3_600_000)) // DAY_MS
    kind, settled_in, known = (np.zeros(len(daily), dtype=np.int64) for _ in range(3))
    kernel.label_days(
        daily.offsets, day, daily.x, daily.y, _thresholds(rule), kind, settled_in, known
    )
    return _runs(daily, kind, settled_in, known)


def find_transitions(phases: Phases) -> Transitions:
    """Changes from one phase to the next: what an alert tells.

    Examples
    --------
    >>> find_transitions(find_phases(Tracks.from_arrays([], track=[], t_ms=[], x=[], y=[]))).track
    array([], dtype=int64)
    """
    after = np.flatnonzero(phases.track[1:] == phases.track[:-1]) + 1
    return Transitions(
        track=phases.track[after], phase=after, before=phases.kind[after - 1],
        after=phases.kind[after], at_ms=phases.begins_ms[after], known_ms=phases.known_ms[after],
        is_confirmed=phases.is_confirmed[after],
    )  # fmt: skip


def phase_at(phases: Phases, tracks: Tracks) -> IntArray:
    """Row of the phases in which each fix lies, (n,) array; -1 before the first.

    Examples
    --------
    >>> once = Tracks.from_arrays(["a"], track=[0], t_ms=[5], x=[0], y=[0])
    >>> phase_at(find_phases(once), once)
    array([0])
    """
    row = np.full(len(tracks), -1, dtype=np.int64)
    first = np.searchsorted(phases.track, np.arange(len(tracks.names)), side="left")
    last = np.searchsorted(phases.track, np.arange(len(tracks.names)), side="right")
    for track in np.flatnonzero(last > first):
        here = slice(int(tracks.offsets[track]), int(tracks.offsets[track + 1]))
        begins = phases.begins_ms[first[track] : last[track]]
        at = np.searchsorted(begins, tracks.t_ms[here], side="right") - 1
        row[here] = np.where(at >= 0, first[track] + at, -1)
    return row


def is_on_the_way(
    phases: Phases, track: ArrayLike, begins_ms: ArrayLike, ends_ms: ArrayLike
) -> BoolArray:
    """Whether at least half of some times of tracks lie in a migration, (s,) array.

    A stop-over is a stay within a migration: give the stays of `find_stays`. Excursions are none,
    and at the end of what is known a probable arrival is none either.

    Parameters
    ----------
    phases : Phases
    track : (s,) array
    begins_ms, ends_ms : (s,) array, ms since 1970 UTC

    Examples
    --------
    >>> day = 86_400_000
    >>> far = np.concatenate((np.zeros(40), [16e3, 32e3, 48e3, 64e3], np.full(40, 80e3)))
    >>> deer = Tracks.from_arrays(
    ...     ["a"], track=[0] * 84, t_ms=np.arange(84) * day, x=far, y=np.zeros(84))
    >>> is_on_the_way(find_phases(deer), [0, 0], [2 * day, 41 * day], [9 * day, 43 * day])
    array([False,  True])
    """
    owner, begins, ends = (np.asarray(one, dtype=np.int64) for one in (track, begins_ms, ends_ms))
    moving = np.flatnonzero(np.isin(phases.kind, (MIGRATING, STOPOVER)))
    shared = np.zeros(len(owner), dtype=np.int64)
    for row in moving:  # a dozen for each animal-year
        here = owner == phases.track[row]
        until = np.minimum(ends[here], phases.ends_ms[row])
        shared[here] += np.maximum(until - np.maximum(begins[here], phases.begins_ms[row]), 0)
    return np.asarray((2 * shared >= ends - begins) & (shared > 0))


def _thresholds(rule: PhaseRule) -> FloatArray:
    """Values of the rule in the order in which the kernel looks them up."""
    return np.array(
        [
            rule.range_days, rule.leave_margin_m, rule.leave_factor, rule.leave_of_days,
            rule.leave_days, rule.straight_days, rule.straightness, rule.settle_days,
            rule.probable_days, rule.settle_radius_m, rule.settle_factor, rule.settle_share,
            rule.stopover_days, rule.stopover_radius_m, rule.excursion_days,
            rule.far_m,
        ],
        dtype=np.float64,
    )  # fmt: skip


def _runs(daily: Tracks, kind: IntArray, settled_in: IntArray, known: IntArray) -> Phases:
    track = daily.track
    begins = np.ones(len(daily), dtype=bool)
    begins[1:] = (
        (track[1:] != track[:-1])
        | (kind[1:] != kind[:-1])
        | (settled_in[1:] != settled_in[:-1])
    )  # fmt: skip
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(daily))[: len(first)] - 1
    owner, of = track[first], kind[first]
    begins_ms, ends_ms = daily.t_ms[first] - DAY_MS // 2, daily.t_ms[last] + DAY_MS // 2
    meets = np.flatnonzero(owner[1:] == owner[:-1])
    between = (daily.t_ms[last[meets]] + daily.t_ms[first[meets + 1]]) // 2
    ends_ms[meets] = between
    begins_ms[meets + 1] = between
    middles = [_medians_of(values, first, last) for values in (daily.x, daily.y)]
    return Phases(
        track=owner, kind=of, begins_ms=begins_ms, ends_ms=ends_ms,
        known_ms=daily.t_ms[known[first]] + DAY_MS // 2,
        is_confirmed=_confirmed(owner, of), days=last - first + 1, x=middles[0], y=middles[1],
        range_id=np.where(of == SETTLED, settled_in[first], -1),
    )  # fmt: skip


def _confirmed(track: IntArray, kind: IntArray) -> BoolArray:
    """Whether a phase is a settled range, or a move that one of the same track follows."""
    rows = np.arange(len(kind))
    settled = np.append(np.flatnonzero(kind == SETTLED), len(kind))
    after = settled[np.searchsorted(settled, rows)]
    follows = after < len(kind)
    follows[follows] = track[after[follows]] == track[rows[follows]]
    moved: BoolArray = (kind != UNKNOWN) & (kind != ARRIVED) & follows
    return np.asarray((kind == SETTLED) | moved)


def _medians_of(values: FloatArray, first: IntArray, last: IntArray) -> FloatArray:
    return np.array(
        [np.median(values[a : b + 1]) for a, b in zip(first, last, strict=True)], dtype=np.float64
    )
