"""Corridors that animals make: where they move fast, and along each other's way or their own."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._corridor_circles import Rim
from ecoduct_analysis._corridor_flags import Flags, Limits, find_fast, find_flags, new_flags
from ecoduct_analysis._corridor_steps import StepColumns, globe_steps, planar_steps
from ecoduct_analysis.columns import NO_TIME, BoolArray, FloatArray, IntArray, frozen
from ecoduct_analysis.errors import BadRule, BadTracks
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.tracks import Tracks

Mode = Literal["clean", "compat"]

_MS_PER_H: Final = 3_600_000.0
_POLE_DEG: Final = 90.0
_LEAST_NEIGHBOURS: Final = 2  # the reference raises a lower number to this


@dataclass(frozen=True, slots=True)
class CorridorRule:
    """When a step belongs to a corridor.

    Attributes
    ----------
    speed_quantile : float, 0 to 1
        A step is fast from this quantile of its animal's speeds on. 0.75 as published.
    circular_variance_quantile : float, 0 to 1
        A step is parallel up to this quantile of the circular variances. 0.25 as published.
    min_neighbours : int
        A corridor's circle holds more midpoints than this, the step's own among them; below 2 it
        counts as 2. 2 as in R's `move`, whose manual calls them segments with corridor behaviour.
    max_gap_h : float, h
        Steps longer than this are passed over, as steps and as neighbours: where the animal went
        is not known, and the circle of such a step is huge. inf, as in the reference, keeps all;
        three of the usual intervals suit most schedules.
    min_length_m : float, m
        Shorter steps are passed over, as steps and as neighbours: their azimuth is that of the GPS
        error. 0, as in the reference, keeps all; three times the error suits.
    population : bool
        Take neighbours from all animals. Speeds are compared within each animal, for what is fast
        for one is not for another; circular variances, which are those of places, among all.
    min_animals : int
        Fewest different animals in the circle of a corridor of a population.

    Raises
    ------
    BadRule
    """

    speed_quantile: float = 0.75
    circular_variance_quantile: float = 0.25
    min_neighbours: int = _LEAST_NEIGHBOURS
    max_gap_h: float = np.inf
    min_length_m: float = 0.0
    population: bool = False
    min_animals: int = 1

    def __post_init__(self) -> None:
        for name in ("speed_quantile", "circular_variance_quantile"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadRule(f"{name} must be 0 to 1.")
        if not self.max_gap_h > 0:
            raise BadRule("max_gap_h must be above 0; inf keeps every step.")
        if not 0 <= self.min_length_m < np.inf:
            raise BadRule("min_length_m must not be below 0, and finite.")
        if not (self.min_neighbours >= 0 and self.min_animals >= 1):
            raise BadRule("min_neighbours must not be below 0, min_animals not below 1.")
        if self.min_animals > 1 and not self.population:
            raise BadRule("min_animals above 1 needs population=true: else a circle holds one.")

    @property
    def is_plain(self) -> bool:
        """Whether nothing is asked for that the reference does not know."""
        return not (self.population or self.min_length_m or np.isfinite(self.max_gap_h))


@dataclass(frozen=True, slots=True, eq=False)
class CorridorSteps:
    """One row for each step, in order of track and time.

    Attributes
    ----------
    track : (m,) array
        Which track.
    first, last : (m,) array
        Fixes between which the step leads; fixes without time or place, or of a time that the
        animal had already, are passed over.
    mid_x, mid_y : (m,) array, m or degrees
        Middle of the step, on the geodesic where fixes are in degrees.
    length_m, speed_m_s : (m,) array, m, m/s
    azimuth_deg : (m,) array, degrees
        Above -180 and up to 180, clockwise from north, with which the step departs; nan where both
        ends are one place.
    circular_variance : (m,) array
        Of doubled azimuths in the circle, 0 (parallel) to 1; nan where there is none.
    in_circle : (m,) array
        Midpoints within half the step's length of its own, which counts; 0 for a step passed over.
    with_behaviour : (m,) array
        Those of them that are fast and parallel.
    animals : (m,) array
        Different animals among those in the circle.
    is_used : (m,) array of bool
        Not passed over as too long in time or too short.
    is_fast, is_parallel, has_behaviour : (m,) array of bool
        Behaviour is both.
    is_corridor : (m,) array of bool
        More midpoints than ``min_neighbours`` in the circle, more than half of them with the
        behaviour; the step itself need not have it.
    speed_limit_m_s : (k,) array, m/s
        From which each animal is fast; nan for one without steps.
    variance_limit : (k,) array
        Up to which circles of each animal are parallel, the same for all in a population; nan
        where none differs from another.
    """

    track: IntArray
    first: IntArray
    last: IntArray
    mid_x: FloatArray
    mid_y: FloatArray
    length_m: FloatArray
    speed_m_s: FloatArray
    azimuth_deg: FloatArray
    circular_variance: FloatArray
    in_circle: IntArray
    with_behaviour: IntArray
    animals: IntArray
    is_used: BoolArray
    is_fast: BoolArray
    is_parallel: BoolArray
    has_behaviour: BoolArray
    is_corridor: BoolArray
    speed_limit_m_s: FloatArray
    variance_limit: FloatArray

    def __len__(self) -> int:
        """Count the steps."""
        return len(self.track)

    @property
    def pseudo_azimuth_deg(self) -> FloatArray:
        """Twice the azimuth, 0 up to 360: the same for opposite headings; (m,) array, degrees."""
        pseudo: FloatArray = np.mod((180.0 + self.azimuth_deg) * 2.0, 360.0)
        return pseudo


def find_corridors(
    fixes: Fixes | Tracks,
    rule: CorridorRule | None = None,
    *,
    mode: Mode = "clean",
    circular_variance: ArrayLike | None = None,
) -> CorridorSteps:
    """Find the steps of corridors.

    A step is judged by the midpoints of steps in the circle about its own midpoint whose radius is
    half its length. It belongs to a corridor if most of these are of fast steps in circles whose
    directions agree, whichever way along.

    Parameters
    ----------
    fixes : Fixes or Tracks
        ``n`` fixes, in degrees or metres; screen them first.
    rule : CorridorRule, optional
        As published, without one.
    mode : str
        ``compat`` follows R's `move` 4.2.7 to the letter: it means to leave circles with one
        direction out of the quantile, but about 1 in 6 of them stays in by rounding, and a circle
        with a step of length 0 has no variance. ``clean`` leaves out what it means to.
    circular_variance : (m,) array, optional
        In place of our own: with R's column the flags of ``compat`` are R's on any machine.

    Returns
    -------
    CorridorSteps
        Quantiles are relative: every animal that circles and runs has its fastest quarter, so that
        flags say where a corridor is, not whether there is one.

    Raises
    ------
    BadRule
        ``compat`` with a limit, or a population, which the reference does not know.
    BadTracks
        ``compat`` of fixes in metres, which the reference refuses, or variances of another number.

    References
    ----------
    LaPoint, Gallery, Wikelski & Kays 2013, Landscape Ecology 28:1615-1630, as R's `move` has it.

    Examples
    --------
    Five times along a path, and now and then a rest beside it:

    >>> dice = np.random.default_rng(1)
    >>> there = np.arange(0.0, 1000.0, 100.0)
    >>> x = np.concatenate([there, there[::-1], np.zeros(20)] * 5) + dice.normal(0, 30, 200)
    >>> y = dice.normal(0, 5, 200)
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=np.zeros(200), t_ms=np.arange(200) * 900_000, x=x, y=y)
    >>> found = find_corridors(walk)
    >>> bool(np.median(found.mid_x[found.is_corridor]) > 200), int(found.is_corridor.sum()) > 10
    (True, True)
    """
    rule = rule or CorridorRule()
    degrees = isinstance(fixes, Fixes) and fixes.is_degrees
    _check(rule, mode, degrees=degrees)
    first, last, track = _steps(fixes, degrees=degrees)
    columns = (first, last, fixes.t_ms, fixes.x, fixes.y)
    letter = mode == "compat"
    measured = globe_steps(*columns, letter=letter) if degrees else planar_steps(*columns)
    flags = new_flags(len(first))
    lapse_ms = fixes.t_ms[last] - fixes.t_ms[first]
    flags.is_used[:] = lapse_ms <= rule.max_gap_h * _MS_PER_H
    flags.is_used[:] &= measured.length_m >= rule.min_length_m
    given = _given(circular_variance, len(first))
    rim = _rim(fixes, first, last, measured, degrees=degrees)
    offsets = np.searchsorted(track, np.arange(len(fixes.names) + 1)).astype(np.int64)
    limits = Limits(
        rule.speed_quantile, rule.circular_variance_quantile,
        max(rule.min_neighbours, _LEAST_NEIGHBOURS), rule.min_animals, letter,
    )  # fmt: skip
    speed_limit, variance_limit = (np.full(len(fixes.names), np.nan) for _ in range(2))
    find_fast(offsets, measured.speed_m_s, limits, flags, speed_limit)
    groups = offsets[[0, -1]] if rule.population else offsets
    animals = len(fixes.names) if rule.population else 0
    find_flags(groups, track, animals, measured, rim, limits, given, flags, variance_limit)
    if rule.population:
        variance_limit[:] = variance_limit[:1]
    else:
        flags.animals[:] = flags.in_circle > 0
    return _result(track, first, last, measured, flags, speed_limit, variance_limit)


def _check(rule: CorridorRule, mode: Mode, *, degrees: bool) -> None:
    if mode not in {"clean", "compat"}:
        raise BadRule(f"There is no mode {mode!r}: take clean or compat.")
    if mode == "compat" and not rule.is_plain:
        raise BadRule(
            "max_gap_h, min_length_m and population are not in the reference: take clean."
        )
    if mode == "compat" and not degrees:
        raise BadTracks("The reference knows longitude and latitude only: give fixes in degrees.")


def _steps(fixes: Fixes | Tracks, *, degrees: bool) -> tuple[IntArray, IntArray, IntArray]:
    """Fixes at the ends of each step, and its track."""
    known = np.isfinite(fixes.x) & np.isfinite(fixes.y) & (fixes.t_ms != NO_TIME)
    if degrees:
        known &= np.abs(fixes.y) <= _POLE_DEG
    at = np.flatnonzero(known)
    of = np.repeat(np.arange(len(fixes.names)), np.diff(fixes.offsets))[at]
    again = (np.diff(fixes.t_ms[at]) == 0) & (np.diff(of) == 0)
    if again.any():
        first_of_time = np.append(True, ~again)
        at, of = at[first_of_time], of[first_of_time]
    joined = np.flatnonzero(of[1:] == of[:-1])
    return at[joined], at[joined + 1], of[joined]


def _given(circular_variance: ArrayLike | None, count: int) -> FloatArray:
    if circular_variance is None:
        return np.asarray(frozen(np.zeros(0), float))
    given: FloatArray = frozen(circular_variance, float)
    if len(given) != count:
        raise BadTracks(f"There are {count} steps and {len(given)} circular variances.")
    return given


def _rim(
    fixes: Fixes | Tracks, first: IntArray, last: IntArray, measured: StepColumns, *, degrees: bool
) -> Rim:
    if not degrees:
        return Rim(np.empty((0, 2)), np.empty((0, 4)))
    ends = (fixes.x[first], fixes.y[first], fixes.x[last], fixes.y[last])
    return Rim(measured.mid, np.stack(ends, axis=1))


def _result(
    track: IntArray, first: IntArray, last: IntArray, measured: StepColumns, flags: Flags,
    speed_limit: FloatArray, variance_limit: FloatArray,
) -> CorridorSteps:  # fmt: skip
    return CorridorSteps(
        track=track, first=first, last=last, mid_x=measured.mid[:, 0], mid_y=measured.mid[:, 1],
        length_m=measured.length_m, speed_m_s=measured.speed_m_s, azimuth_deg=measured.azimuth_deg,
        circular_variance=flags.circular_variance, in_circle=flags.in_circle,
        with_behaviour=flags.with_behaviour, animals=flags.animals, is_used=flags.is_used,
        is_fast=flags.is_fast, is_parallel=flags.is_parallel, has_behaviour=flags.has_behaviour,
        is_corridor=flags.is_corridor, speed_limit_m_s=speed_limit, variance_limit=variance_limit,
    )  # fmt: skip
