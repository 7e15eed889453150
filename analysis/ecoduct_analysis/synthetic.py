"""Tracks whose truth is known: a herd that migrates, with every stop-over and date written down."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.signal import lfilter

from ecoduct_analysis.columns import NO_TIME, FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks

START_MS: Final = 1_735_689_600_000  # 2025-01-01 UTC
_DAY_MS: Final = 86_400_000
_YEAR_DAYS: Final = 365
_SPRING_DAY, _AUTUMN_DAY, _DAY_SPREAD = 75.0, 285.0, 6.0
_SPEED_M_S: Final = 0.35  # 30 km a day, as pronghorn and mule deer do on their fast days
_STAY_DAYS: Final = (1.0, 5.0)
_JITTER_S: Final = 20.0  # receivers need this long to find their satellites, more or less
_BENDS, _BEND_PART = 24, 0.06  # vertices of the route, and how far it winds beside its length
_HOME_SPREAD_M: Final = 2_000.0  # between the centres of two animals' ranges
_ASIDE_M: Final = 150.0  # between two animals on the shared route
_FEWEST_FIXES: Final = 8
# How an animal wanders about where it is going, in a range, at a stop-over and on the way:
# standard deviation along each axis (m) and time until it has forgotten where it was (s).
_WANDER_M: Final = (1_200.0, 60.0, 120.0)
_FORGETS_S: Final = (6 * 3600.0, 2 * 3600.0, 2 * 3600.0)
_RANGE, _STAY, _WAY = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Migration:
    """A year of ``k`` animals, and what is true of it.

    Attributes
    ----------
    tracks : Tracks
        From winter range to summer range and back.
    leaves_ms, arrives_ms : (k, 2) array, ms since 1970 UTC
        Departure and arrival in spring and autumn; `NO_TIME` for a resident.
    stay_track : (s,) array
        Track of each stop-over, in order of track and time.
    stay_begins_ms, stay_ends_ms : (s,) array, ms since 1970 UTC
    stay_x, stay_y : (s,) array, m
        About where the animal kept.
    route : (p, 2) array, m
        Shared by all, from winter to summer.
    """

    tracks: Tracks
    leaves_ms: IntArray
    arrives_ms: IntArray
    stay_track: IntArray
    stay_begins_ms: IntArray
    stay_ends_ms: IntArray
    stay_x: FloatArray
    stay_y: FloatArray
    route: FloatArray

    def __len__(self) -> int:
        """Count the animals."""
        return len(self.tracks.names)


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """One animal's year: where along its own way it is meant to be, and in which mood, by time."""

    way: FloatArray
    knots_s: FloatArray
    along_m: FloatArray
    mood: IntArray
    stays: IntArray


def migrate(
    animals: int,
    *,
    seed: int = 0,
    interval_s: float = 7200.0,
    error_m: float = 10.0,
    missing: float = 0.0,
    residents: int = 0,
    stopovers: int = 3,
    distance_m: float = 120_000.0,
    crs: str | None = None,
) -> Migration:
    """Let a herd migrate for a year.

    Each animal winters in its own range, follows the shared route with a little to the side,
    keeps to the same ``stopovers`` places for 1 to 5 days each, summers, and returns the same way.

    Parameters
    ----------
    animals : int
        With the residents, who come last.
    seed : int
        The same seed gives the same herd.
    interval_s : float, s
        Between fixes, give or take 20 s.
    error_m : float, m
        Standard deviation of a fix along each axis.
    missing : float
        Part of the fixes that fail, at random.
    residents : int
        Animals that stay in the winter range.
    stopovers : int
        On each way.
    distance_m : float, m
        As the crow flies.
    crs : str, optional
        Projection to name in the tracks.

    Raises
    ------
    BadRule
        More residents than animals, or a parameter that no herd can have.

    Examples
    --------
    >>> herd = migrate(3, seed=1, residents=1)
    >>> len(herd), len(herd.stay_track)
    (3, 12)
    >>> float(np.hypot(herd.tracks.x, herd.tracks.y).max()) > 100_000
    True
    """
    _check(animals, residents, interval_s, error_m, missing, distance_m, stopovers)
    dice = np.random.default_rng(seed)
    route = _winding(dice, distance_m)
    parts, plans = [], []
    for animal in range(animals):
        plan = _plan(dice, route, stopovers, moves=animal < animals - residents)
        parts.append(_walk(dice, plan, interval_s, error_m, missing))
        plans.append(plan)
    counts = [len(times) for times, _ in parts]
    places = np.concatenate([place for _, place in parts]) if parts else np.zeros((0, 2))
    tracks = Tracks(
        names=tuple(f"animal {n + 1}" for n in range(animals)),
        offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        t_ms=np.concatenate([times for times, _ in parts]) if parts else np.zeros(0, np.int64),
        x=places[:, 0], y=places[:, 1],
        error_m=np.full(len(places), error_m) if error_m else None,
        crs=() if crs is None else (crs,) * animals,
    )  # fmt: skip
    return _with_truth(tracks, plans, route)


def _check(
    animals: int, residents: int, interval_s: float, error_m: float, missing: float,
    distance_m: float, stopovers: int,
) -> None:  # fmt: skip
    if not 0 <= residents <= animals:
        raise BadRule("residents must be 0 to animals.")
    if not (0 < interval_s <= _YEAR_DAYS * _DAY_MS / 1000.0 / _FEWEST_FIXES):
        raise BadRule("interval_s must be above 0 and leave a few fixes in a year.")
    if not (0 <= error_m < np.inf and 0 <= missing < 1):
        raise BadRule("error_m must be 0 or more, missing at least 0 and below 1.")
    if not (0 < distance_m < np.inf and stopovers >= 0):
        raise BadRule("distance_m must be above 0 and stopovers 0 or more.")


def _winding(dice: np.random.Generator, distance_m: float) -> FloatArray:
    part = np.linspace(0.0, 1.0, _BENDS)
    sway = np.cumsum(dice.normal(0.0, 1.0, _BENDS))
    sway -= sway[0] + part * (sway[-1] - sway[0])  # a bridge: both ends are where they should be
    aside = sway * _BEND_PART * distance_m / np.sqrt(_BENDS)
    way: FloatArray = np.stack((part * distance_m, aside), axis=1)
    return way


def _plan(dice: np.random.Generator, route: FloatArray, stopovers: int, *, moves: bool) -> _Plan:
    homes = dice.normal(0.0, _HOME_SPREAD_M, (2, 2)) + route[[0, -1]]
    side = dice.normal(0.0, _ASIDE_M, (len(route), 2))
    way = np.concatenate((homes[:1], route + side, homes[1:]))
    length_m = _lengths(way)
    # The same vertices of the route for all animals, evenly along it.
    at = 1 + np.rint(np.arange(1, stopovers + 1) * (len(route) - 1) / (stopovers + 1)).astype(int)
    knots, along, mood, stays = [0.0], [0.0], [_RANGE], []
    seasons = ((_SPRING_DAY, length_m[at], length_m[-1]), (_AUTUMN_DAY, length_m[at][::-1], 0.0))
    for day, halts, end in seasons if moves else ():
        now = (day + dice.normal(0.0, _DAY_SPREAD)) * _DAY_MS / 1000.0
        knots.append(now)
        along.append(along[-1])
        mood.append(_WAY)
        for halt in halts:
            now += abs(halt - along[-1]) / _SPEED_M_S
            stays.append(len(knots))
            leaves = now + dice.uniform(*_STAY_DAYS) * _DAY_MS / 1000.0
            knots += [now, leaves]
            along += [halt, halt]
            mood += [_STAY, _WAY]
            now = leaves
        knots.append(now + abs(end - along[-1]) / _SPEED_M_S)
        along.append(end)
        mood.append(_RANGE)
    return _Plan(
        way, np.array(knots), np.array(along), np.array(mood, dtype=np.int64),
        np.array(stays, dtype=np.int64),
    )  # fmt: skip


def _lengths(way: FloatArray) -> FloatArray:
    steps = np.hypot(np.diff(way[:, 0]), np.diff(way[:, 1]))
    return np.concatenate(([0.0], np.cumsum(steps)))


def _walk(
    dice: np.random.Generator, plan: _Plan, interval_s: float, error_m: float, missing: float
) -> tuple[IntArray, FloatArray]:
    due_s = np.arange(0.0, _YEAR_DAYS * _DAY_MS / 1000.0, interval_s)
    jitter_s = min(_JITTER_S, interval_s / 4.0)  # fixes never change places
    t_s = due_s + dice.uniform(0.0, jitter_s, len(due_s))
    length_m = _lengths(plan.way)
    along_m = np.interp(t_s, plan.knots_s, plan.along_m)
    mood = plan.mood[np.searchsorted(plan.knots_s, t_s, side="right") - 1]
    wander = np.zeros((len(t_s), 2))
    for which, (reach_m, forgets_s) in enumerate(zip(_WANDER_M, _FORGETS_S, strict=True)):
        kept = np.exp(-interval_s / forgets_s)
        noise = dice.normal(0.0, reach_m * np.sqrt(1.0 - kept**2), (len(t_s), 2))
        noise[:1] *= 1.0 / np.sqrt(1.0 - kept**2)
        wander += lfilter([1.0], [1.0, -kept], noise, axis=0) * (mood == which)[:, None]
    place = np.stack([np.interp(along_m, length_m, plan.way[:, axis]) for axis in (0, 1)], axis=1)
    place += wander + dice.normal(0.0, error_m, (len(t_s), 2))
    kept_fixes = dice.random(len(t_s)) >= missing
    t_ms = START_MS + np.rint(t_s * 1000.0).astype(np.int64)
    return t_ms[kept_fixes], place[kept_fixes]


def _with_truth(tracks: Tracks, plans: list[_Plan], route: FloatArray) -> Migration:
    leaves = np.full((len(plans), 2), NO_TIME, dtype=np.int64)
    arrives = leaves.copy()
    rows: list[tuple[float, ...]] = []
    for track, plan in enumerate(plans):
        knots_ms = START_MS + np.rint(plan.knots_s * 1000.0).astype(np.int64)
        out = np.flatnonzero((plan.mood[:-1] == _RANGE) & (plan.mood[1:] == _WAY)) + 1
        into = np.flatnonzero((plan.mood[:-1] == _WAY) & (plan.mood[1:] == _RANGE)) + 1
        if len(out):
            leaves[track], arrives[track] = knots_ms[out], knots_ms[into]
        length_m = _lengths(plan.way)
        for stay in plan.stays:
            at = [np.interp(plan.along_m[stay], length_m, plan.way[:, axis]) for axis in (0, 1)]
            rows.append((track, knots_ms[stay], knots_ms[stay + 1], *at))
    truth = np.array(rows, dtype=float).reshape(-1, 5)
    return Migration(
        tracks=tracks, leaves_ms=leaves, arrives_ms=arrives, route=route,
        stay_track=truth[:, 0].astype(np.int64), stay_begins_ms=truth[:, 1].astype(np.int64),
        stay_ends_ms=truth[:, 2].astype(np.int64), stay_x=truth[:, 3], stay_y=truth[:, 4],
    )  # fmt: skip
