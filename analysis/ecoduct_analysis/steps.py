"""Steps: how far, how fast and where to between fixes, and how straight."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._geodesic import clockwise_deg, inverse, read_only, wrapped
from ecoduct_analysis.columns import NO_TIME, FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.tracks import Tracks

_MS_PER_S: Final = 1000.0
_FULL_DEG: Final = 360.0
_POLE_DEG: Final = 90.0
_FEWEST: Final = 2  # fixes of a path


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """One row for each fix: the step that begins there, nan at the last fix of an animal.

    Attributes
    ----------
    length_m, duration_s, speed_m_s : (n,) array, m, s, m/s
        Speed is nan where the duration is zero. Each is nan where a position or time is missing.
    heading_deg : (n,) array, degrees
        0 up to but not 360, clockwise from north, as the animal departs; from grid north where
        fixes are in metres. nan where the animal stayed where it was.
    turn_deg : (n,) array, degrees
        Change of heading at the fix, above -180 and up to 180, right is positive. nan at the first
        and last fix of an animal and beside a step of zero length.
    """

    length_m: FloatArray
    duration_s: FloatArray
    speed_m_s: FloatArray
    heading_deg: FloatArray
    turn_deg: FloatArray

    def __len__(self) -> int:
        """Count the fixes."""
        return len(self.length_m)


def measure_steps(fixes: Fixes | Tracks) -> Steps:
    """Length, duration, speed, heading and turn of every step.

    Fixes in degrees are measured along the shortest line on the WGS 84 ellipsoid, those in metres
    in the plane. On the ellipsoid a turn is the departing heading less the heading with which the
    step before arrives, so that a straight line turns nowhere, not even close to a pole.

    Parameters
    ----------
    fixes : Fixes or Tracks
        ``n`` fixes; every one is measured, so screen them first.

    Returns
    -------
    Steps
        A speed is a lower bound: the animal wandered more than was seen.

    References
    ----------
    Against Karney 2013, Journal of Geodesy 87:43-55: lengths within 5e-7, headings within 4e-7
    radians, or 5 nanometres where that is more; see `docs/methods/steps.md`.

    Examples
    --------
    >>> fixes = Fixes.from_arrays(
    ...     ["a"], track=[0] * 4, t_ms=[0, 60_000, 60_000, 120_000], crs=None,
    ...     x=[0, 30, 30, 30], y=[0, 0, 0, -60])
    >>> steps = measure_steps(fixes)
    >>> steps.length_m, steps.speed_m_s
    (array([30.,  0., 60., nan]), array([0.5, nan, 1. , nan]))
    >>> steps.heading_deg
    array([ 90.,  nan, 180.,  nan])
    """
    count = len(fixes)
    columns = Steps(*(np.empty(count) for _ in range(5)))
    if count:
        # Until the last pass `turn_deg` holds the heading with which each fix was reached.
        between = inverse if _is_degrees(fixes) else _planar
        between(
            fixes.x[:-1], fixes.y[:-1], fixes.x[1:], fixes.y[1:],
            columns.length_m[:-1], columns.heading_deg[:-1], columns.turn_deg[1:],
        )  # fmt: skip
        _finish(
            fixes.offsets, fixes.t_ms, columns.length_m, columns.duration_s, columns.speed_m_s,
            columns.heading_deg, columns.turn_deg,
        )  # fmt: skip
    return columns


def net_squared_displacement_m2(fixes: Fixes | Tracks) -> FloatArray:
    """Squared distance of each fix from the first fix of its animal that has a position.

    Parameters
    ----------
    fixes : Fixes or Tracks
        ``n`` fixes.

    Returns
    -------
    (n,) array, m²
        nan without a position.

    References
    ----------
    Börger & Fryxell 2012, in Dispersal Ecology and Evolution, 222-230: its shape tells migration
    from dispersal and from staying. Differs: measured on the ellipsoid where fixes are in degrees.

    Examples
    --------
    >>> walk = Tracks.from_arrays(["a"], track=[0] * 3, t_ms=[1, 2, 3], x=[1, 1, 4], y=[0, 2, 4])
    >>> net_squared_displacement_m2(walk)
    array([ 0.,  4., 25.])
    """
    degrees = _is_degrees(fixes)
    known = np.isfinite(fixes.x) & np.isfinite(fixes.y)
    if degrees:
        known &= np.abs(fixes.y) <= _POLE_DEG
    # The number of fixes stands for "none": the position there is nan.
    following = np.append(np.flatnonzero(known), len(fixes))
    first = following[np.searchsorted(following, fixes.offsets[:-1])]
    first = np.where(first < fixes.offsets[1:], first, len(fixes))
    lengths = np.diff(fixes.offsets)
    x, y = (
        read_only(np.repeat(np.append(column, np.nan)[first], lengths))
        for column in (fixes.x, fixes.y)
    )
    away, spare, other = (np.empty(len(fixes)) for _ in range(3))
    (inverse if degrees else _planar)(x, y, fixes.x, fixes.y, away, spare, other)
    squared: FloatArray = away * away
    return squared


def straightness(tracks: Tracks, *, fixes: int) -> FloatArray:
    """Straight distance over walked distance, in the window that begins at each fix.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes.
    fixes : int
        Fixes in a window, at least 2. Compare only windows of one length and one interval.

    Returns
    -------
    (n,) array
        1 is straight, 0 comes back to where it began. nan where the track ends before the window
        does, or the animal did not move.

    Raises
    ------
    BadRule
        Fewer than two fixes in a window.

    References
    ----------
    Batschelet 1981, Circular Statistics in Biology; Benhamou 2004, Journal of Theoretical Biology
    229:209-220, says for which paths it can be trusted.

    Examples
    --------
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0] * 4, t_ms=[1, 2, 3, 4], x=[0, 3, 3, 3], y=[0, 0, 4, 4])
    >>> straightness(walk, fixes=3).round(3)
    array([0.714, 1.   ,   nan,   nan])
    """
    if fixes < _FEWEST:
        raise BadRule(f"A window needs at least two fixes, not {fixes}.")
    ratio = np.full(len(tracks), np.nan)
    _straightness(tracks.offsets, tracks.x, tracks.y, fixes - 1, ratio)
    return ratio


def track_straightness(tracks: Tracks) -> FloatArray:
    """Straight distance over walked distance of each whole track.

    Parameters
    ----------
    tracks : Tracks
        ``k`` tracks.

    Returns
    -------
    (k,) array
        nan for a track that did not move or has fewer than two fixes.

    References
    ----------
    As for `straightness`.

    Examples
    --------
    >>> walk = Tracks.from_arrays(
    ...     ["a", "once"], track=[0, 0, 0, 1], t_ms=[1, 2, 3, 1], x=[0, 3, 3, 0], y=[0, 0, 4, 0])
    >>> track_straightness(walk).round(3)
    array([0.714,   nan])
    """
    ratio = np.full(len(tracks.names), np.nan)
    _whole_straightness(tracks.offsets, tracks.x, tracks.y, ratio)
    return ratio


def _is_degrees(fixes: Fixes | Tracks) -> bool:
    return isinstance(fixes, Fixes) and fixes.is_degrees


@compiled
def _planar(
    x_1: FloatArray, y_1: FloatArray, x_2: FloatArray, y_2: FloatArray,
    length_m: FloatArray, departure_deg: FloatArray, arrival_deg: FloatArray,
) -> None:  # fmt: skip
    for n in range(len(length_m)):
        east, north = x_2[n] - x_1[n], y_2[n] - y_1[n]
        length_m[n] = math.sqrt(east * east + north * north)
        departure_deg[n] = arrival_deg[n] = clockwise_deg(east, north)


@compiled
def _finish(
    offsets: IntArray, t_ms: IntArray, length_m: FloatArray, duration_s: FloatArray,
    speed_m_s: FloatArray, heading_deg: FloatArray, turn_deg: FloatArray,
) -> None:  # fmt: skip
    for track in range(len(offsets) - 1):
        begin, last = offsets[track], offsets[track + 1] - 1
        if last < begin:
            continue
        for n in range(begin, last):
            span = (t_ms[n + 1] - t_ms[n]) / _MS_PER_S
            span = np.nan if t_ms[n] == NO_TIME else span
            duration_s[n] = span
            speed_m_s[n] = length_m[n] / span if span > 0 else np.nan
            heading = heading_deg[n]
            turn_deg[n] = wrapped(heading - turn_deg[n])
            heading = heading + _FULL_DEG if heading < 0 else heading
            heading_deg[n] = heading - _FULL_DEG if heading >= _FULL_DEG else heading
        turn_deg[begin] = turn_deg[last] = np.nan
        length_m[last] = duration_s[last] = speed_m_s[last] = heading_deg[last] = np.nan


@compiled
def _distance(x: FloatArray, y: FloatArray, one: int, other: int) -> float:
    return math.sqrt((x[other] - x[one]) ** 2 + (y[other] - y[one]) ** 2)


@compiled
def _straightness(
    offsets: IntArray, x: FloatArray, y: FloatArray, steps: int, ratio: FloatArray
) -> None:
    # A window is the end of one block of steps and the beginning of the next. Adding these two
    # keeps all digits; the difference of two sums since the track began would not, and would be
    # off by micrometres after a long migration.
    for track in range(len(offsets) - 1):
        until = offsets[track + 1] - steps
        for block in range(offsets[track], until, steps):
            path = 0.0
            for n in range(block + steps - 1, block - 1, -1):
                path += _distance(x, y, n, n + 1)
                if n < until:
                    ratio[n] = path
            path = 0.0
            for n in range(block, min(block + steps, until)):
                walked = ratio[n] + path
                net = _distance(x, y, n, n + steps)
                ratio[n] = min(net / walked, 1.0) if walked > 0 else np.nan
                path += _distance(x, y, n + steps, n + steps + 1) if n + 1 < until else 0.0


@compiled
def _whole_straightness(offsets: IntArray, x: FloatArray, y: FloatArray, ratio: FloatArray) -> None:
    for track in range(len(offsets) - 1):
        begin, last = offsets[track], offsets[track + 1] - 1
        path = 0.0
        for n in range(begin, last):
            path += _distance(x, y, n, n + 1)
        if path > 0:
            ratio[track] = min(_distance(x, y, begin, last) / path, 1.0)
