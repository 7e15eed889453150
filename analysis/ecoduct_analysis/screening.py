"""Screening: which fixes to pass over, and why; nothing is ever deleted."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._outliers import SPIKE, TOO_FAST, FlagArray, Limits, find_outliers
from ecoduct_analysis.columns import NO_TIME, BoolArray, FloatArray, IntArray, frozen
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.fixes import Fixes

_NO_TIME, _NO_POSITION, _OUT_OF_RANGE, _ZERO, _EARLY, _LATE, _POOR, _DUPLICATE = (
    1 << bit for bit in range(8)
)
REASONS: Final = {
    "no_time": _NO_TIME, "no_position": _NO_POSITION, "out_of_range": _OUT_OF_RANGE,
    "zero_position": _ZERO, "too_early": _EARLY, "too_late": _LATE, "poor": _POOR,
    "duplicate_time": _DUPLICATE, "too_fast": TOO_FAST, "spike": SPIKE,
}  # fmt: skip

_MOST_RUN: Final = 100  # prices of longer runs could reach that of an impossible step
_POLE_DEG: Final = 90.0
_WEST_DEG, _EAST_DEG = -180.0, 360.0


@dataclass(frozen=True, slots=True)
class ScreenRule:
    """Which fixes to pass over.

    Attributes
    ----------
    earliest_ms : int, ms since 1970 UTC
        1990-01-01. A clock that lost its power starts at 1970 (Unix) or 1980 (GPS), and the first
        animals with a GPS receiver wore it in the 1990s (Rempel et al. 1995, Journal of Wildlife
        Management 59:543-551). The week number of GPS starts anew every 1024 weeks (IS-GPS-200,
        20.3.3.3.1.1), so that an old receiver writes dates 19.6 years too early: give the day of
        deployment to find those.
    zero_box_deg : float, degrees
        Receivers write 0, 0 while they search for satellites. 0.0001 degrees are 11 m: rounding,
        but hardly a real place.
    max_dop : float or None
        Worst dilution of precision to keep. Off by default: what it means differs between
        receivers.
    max_error_m : float or None, m
        Largest error to keep. Off by default: it depends on the question.
    max_speed_m_s : float, m/s
        40, which no animal keeps up between two fixes: the fastest sustained flight on record is
        above 110 km/h (31 m/s; Catry et al. 2004, The Auk 121:1208-1213). inf is off.
    position_error_m : float, m
        Distance that two fixes may be apart at any speed. 30 m is the error of a collar's poorer
        fixes; without it fixes a second apart are too fast where the animal sleeps.
    spike_factor : float
        A spike goes this many times further out of the way than 95 of 100 of the animal's fixes
        do in the same time. Measured: see `docs/methods/screening.md`. inf is off.
    min_spike_m : float, m
        Shorter ways out and back are GPS error or grazing.
    leg_factor : float
        Both legs of a spike are this many times faster than the slower of the two steps at 95 of
        100 of the animal's fixes.
    return_part : float
        A spike ends closer to where it began than this part of its shorter leg.
    end_factor : float
        The first or last fixes are spikes where the step to the others is this many times faster
        than that: no way back can be seen there, so that more is asked.
    max_run : int
        Most fixes in a row that are judged to be wrong together, 1 to 100. What stays away longer
        is taken for a journey.

    Raises
    ------
    BadRule
    """

    earliest_ms: int = 631_152_000_000
    zero_box_deg: float = 1e-4
    max_dop: float | None = None
    max_error_m: float | None = None
    max_speed_m_s: float = 40.0
    position_error_m: float = 30.0
    spike_factor: float = 10.0
    min_spike_m: float = 500.0
    leg_factor: float = 2.0
    return_part: float = 1.0
    end_factor: float = 5.0
    max_run: int = 3

    def __post_init__(self) -> None:
        positive = (
            self.max_speed_m_s, self.spike_factor, self.min_spike_m, self.leg_factor,
            self.return_part, self.end_factor, 1.0 if self.max_dop is None else self.max_dop,
            1.0 if self.max_error_m is None else self.max_error_m,
        )  # fmt: skip
        if not (
            all(value > 0 for value in positive)
            and self.position_error_m >= 0
            and self.zero_box_deg >= 0
        ):
            raise BadRule("Limits of a screening must be above 0.")
        if not 1 <= self.max_run <= _MOST_RUN:
            raise BadRule(f"max_run must be 1 to {_MOST_RUN} fixes, not {self.max_run}.")


@dataclass(frozen=True, slots=True, eq=False)
class Screening:
    """What speaks against each fix.

    Attributes
    ----------
    flags : (n,) array of uint16
        Sum of the `REASONS` that hold; 0 for a fix to keep.
    """

    flags: FlagArray

    def __len__(self) -> int:
        """Count the fixes, kept or not."""
        return len(self.flags)

    @property
    def kept(self) -> BoolArray:
        """Fixes that nothing speaks against, (n,) array, as `Fixes.project` takes it."""
        kept: BoolArray = self.flags == 0
        return kept

    def has(self, reason: str) -> BoolArray:
        """Fixes against which a reason of `REASONS` speaks, (n,) array."""
        if reason not in REASONS:
            raise BadRule(f"No reason is called {reason!r}; there are {', '.join(REASONS)}.")
        found: BoolArray = (self.flags & REASONS[reason]) != 0
        return found

    def count(self, reason: str) -> int:
        """Count the fixes against which a reason of `REASONS` speaks."""
        return int(np.count_nonzero(self.has(reason)))

    def counts(self) -> dict[str, int]:
        """Fixes by reason; one with two reasons is counted twice."""
        return {reason: self.count(reason) for reason in REASONS}

    def reasons(self, fix: int) -> tuple[str, ...]:
        """Reasons against one fix."""
        return tuple(reason for reason, bit in REASONS.items() if self.flags[fix] & bit)


def screen(fixes: Fixes, rule: ScreenRule | None = None, *, now_ms: int | None = None) -> Screening:
    """Find the fixes to pass over.

    First each fix is judged alone; then of several at one time the best is kept: that of the
    smallest error, then of the smallest dilution of precision, then the most western, the most
    southern. Last come the fixes that the rest of the track contradicts. Each step asks only those
    that the steps before it kept.

    Where a track holds a step that is too fast, or goes far and comes back, those fixes are left
    out that make the remaining path shortest, when each costs as much as the longest detour the
    animal is likely to make, and a step that is too fast costs more than any run of fixes. So the
    outlier is found and not the fix before it, at the ends of a track too, and what cannot be
    mended by ``max_run`` fixes is kept: one outlier never takes the rest of the track with it.

    Parameters
    ----------
    fixes : Fixes
        ``n`` fixes.
    rule : ScreenRule, optional
    now_ms : int, ms since 1970 UTC, optional
        Fixes after it are ``too_late``.

    Returns
    -------
    Screening

    References
    ----------
    Out-and-back as a sign of error: Bjørneraas et al. 2010, Journal of Wildlife Management
    74:1361-1366. Differs: measured against the animal's own detours, and fixes are judged
    together.

    Examples
    --------
    >>> fixes = Fixes.from_arrays(
    ...     ["a"], track=[0] * 5, t_ms=np.arange(5) * 300_000 + 1_700_000_000_000,
    ...     x=[18.4, 18.9, 18.4, np.nan, 18.4], y=[-33.0] * 5)
    >>> screening = screen(fixes)
    >>> screening.kept
    array([ True, False,  True, False,  True])
    >>> screening.reasons(1), screening.count("no_position")
    (('too_fast',), 1)
    """
    rule = rule or ScreenRule()
    flags = np.zeros(len(fixes), dtype=np.uint16)
    error_m, dop = _column(fixes.error_m), _column(fixes.dop)
    latest = np.iinfo(np.int64).max if now_ms is None else now_ms
    _judge_alone(
        fixes.t_ms, fixes.x, fixes.y, flags,
        (rule.earliest_ms, latest), rule.zero_box_deg if fixes.is_degrees else math.nan,
    )  # fmt: skip
    for column, most in ((error_m, rule.max_error_m), (dop, rule.max_dop)):
        if most is not None and len(column):
            flags[column > most] |= _POOR
    _find_duplicates(fixes.offsets, fixes.t_ms, fixes.x, fixes.y, error_m, dop, flags)
    limits = Limits(
        fixes.is_degrees, float(rule.max_speed_m_s), float(rule.position_error_m),
        float(rule.spike_factor), float(rule.min_spike_m), float(rule.leg_factor),
        float(rule.return_part), float(rule.end_factor), int(rule.max_run),
    )  # fmt: skip
    find_outliers(fixes.offsets, fixes.t_ms, fixes.x, fixes.y, flags, limits)
    return Screening(flags)


def _column(values: FloatArray | None) -> FloatArray:
    # An empty column stands for an unknown one, so that kernels are compiled for one kind only.
    empty: FloatArray = frozen(np.empty(0), np.float64)
    return empty if values is None else values


@compiled
def _judge_alone(
    t_ms: IntArray, x: FloatArray, y: FloatArray, flags: FlagArray,
    times_ms: tuple[int, int], zero_box_deg: float,
) -> None:  # fmt: skip
    is_degrees = not math.isnan(zero_box_deg)
    earliest_ms, latest_ms = times_ms
    for n in range(len(t_ms)):
        lon, lat, at = x[n], y[n], t_ms[n]
        flag = 0
        if at == NO_TIME:
            flag |= _NO_TIME
        elif at < earliest_ms:
            flag |= _EARLY
        elif at > latest_ms:
            flag |= _LATE
        if not (abs(lon) < np.inf and abs(lat) < np.inf):
            flag |= _NO_POSITION
        elif is_degrees:
            if abs(lat) > _POLE_DEG or lon < _WEST_DEG or lon > _EAST_DEG:
                flag |= _OUT_OF_RANGE
            if abs(lon) <= zero_box_deg and abs(lat) <= zero_box_deg:
                flag |= _ZERO
        flags[n] = flag


@compiled
def _find_duplicates(
    offsets: IntArray, t_ms: IntArray, x: FloatArray, y: FloatArray,
    error_m: FloatArray, dop: FloatArray, flags: FlagArray,
) -> None:  # fmt: skip
    for track in range(len(offsets) - 1):
        best = -1
        for fix in range(offsets[track], offsets[track + 1]):
            if flags[fix]:
                continue
            if best < 0 or t_ms[fix] != t_ms[best]:
                best = fix
            elif _is_better(fix, best, x, y, error_m, dop):
                flags[best] = _DUPLICATE
                best = fix
            else:
                flags[fix] = _DUPLICATE


@compiled
def _is_better(
    fix: int, best: int, x: FloatArray, y: FloatArray, error_m: FloatArray, dop: FloatArray
) -> bool:
    for quality in (error_m, dop):
        if len(quality):
            # nan is worse than any number.
            mine = np.inf if math.isnan(quality[fix]) else quality[fix]
            other = np.inf if math.isnan(quality[best]) else quality[best]
            if mine != other:
                return bool(mine < other)
    return bool(x[fix] < x[best] or (x[fix] == x[best] and y[fix] < y[best]))
