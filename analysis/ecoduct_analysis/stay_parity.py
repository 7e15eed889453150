"""Stays by the rules of two common tools, to the letter, so that results can be compared."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._stay_rectangles import UNDECIDED, next_stop
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.errors import BadRule, NotProjected
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.projection import DEGREES
from ecoduct_analysis.tracks import Tracks

_MS_PER_H: Final = 3_600_000.0
_EARTH_M: Final = 6_371_000.0  # the reference's sphere


@dataclass(frozen=True, slots=True, eq=False)
class ParityStays:
    """One row for each stay, in order of track and time.

    Attributes
    ----------
    track : (r,) array
    first, last : (r,) array
        First and last fix whose places count.
    begins_ms, ends_ms : (r,) array, ms since 1970 UTC
        As the reference tells them: trackintel's stay ends with the fix that left it.
    x, y : (r,) array
        In the coordinates given: degrees for trackintel's rule, metres for movingpandas's.
    """

    track: IntArray
    first: IntArray
    last: IntArray
    begins_ms: IntArray
    ends_ms: IntArray
    x: FloatArray
    y: FloatArray

    def __len__(self) -> int:
        """Count the stays."""
        return len(self.first)


def trackintel_stays(
    fixes: Fixes,
    *,
    radius_m: float = 100.0,
    min_stay_h: float = 5.0 / 60.0,
    max_gap_h: float = 0.25,
    include_last: bool = False,
) -> ParityStays:
    """Stays by the anchor rule of trackintel's method ``sliding``.

    The first fix is the anchor. A fix after a silence is the next anchor, and nothing is told of
    the one before; so is a fix that is the radius away, and if its time is ``min_stay_h`` or more
    after the anchor's, the fixes before it were a stay that ends at that time.

    Parameters
    ----------
    fixes : Fixes
        ``n`` fixes in degrees, all with time and place. Rows that repeat time and place of the
        one before count once.
    radius_m, min_stay_h, max_gap_h : float
        Defaults are the reference's: 100 m, 5 min and 15 min.
    include_last : bool
        Tell also of the stay that the track ends with.

    Returns
    -------
    ParityStays
        x and y are the mean of the *different* places in degrees, longitudes around the circle.

    Raises
    ------
    NotProjected
        The fixes are not in degrees.
    BadRule

    References
    ----------
    trackintel 1.4.2, ``generate_staypoints``; Li et al. 2008, ACM GIS, 34. One poor anchor moves
    the disc, one poor fix splits a stay, and a stay before a silence is lost: see `find_stays`.

    Examples
    --------
    >>> rest = Fixes.from_arrays(["a"], track=[0] * 3, t_ms=[0, 600_000, 1_200_000],
    ...                          x=[10.0, 10.0001, 11.0], y=[50.0] * 3)
    >>> stays = trackintel_stays(rest)
    >>> stays.ends_ms - stays.begins_ms, stays.last
    (array([1200000]), array([1]))
    """
    if fixes.crs != DEGREES:
        raise NotProjected("trackintel measures on the globe: give fixes in degrees.")
    _check(radius_m=radius_m, min_stay_h=min_stay_h, max_gap_h=max_gap_h)
    kept = np.flatnonzero(_differs(fixes))
    offsets = np.searchsorted(kept, fixes.offsets)
    found = np.empty((len(kept), 2), dtype=np.int64)
    lon, lat = np.radians(fixes.x[kept]), np.radians(fixes.y[kept])
    times = fixes.t_ms[kept]
    count = _anchored(
        offsets, times, lon, lat,
        (radius_m, min_stay_h * _MS_PER_H, max_gap_h * _MS_PER_H), include_last, found,
    )  # fmt: skip
    first, after = found[:count, 0].copy(), found[:count, 1].copy()
    track = np.searchsorted(offsets, first, side="right") - 1
    # The stay that a track ends with has no fix that left it.
    ends = times[np.where(after == offsets[track + 1], after - 1, after)]
    x, y = _mean_places(fixes.x[kept], fixes.y[kept], first, after)
    return ParityStays(
        track=track.astype(np.int64), first=kept[first], last=kept[after - 1],
        begins_ms=times[first], ends_ms=ends, x=x, y=y,
    )  # fmt: skip


def movingpandas_stays(tracks: Tracks, *, max_diameter_m: float, min_stay_h: float) -> ParityStays:
    """Stays by the diameter rule of movingpandas's ``TrajectoryStopDetector``.

    Fixes are added to a buffer. While it is not still, its oldest fixes are dropped for as long
    as the rest spans the least time, but two are kept. It is still if the diagonal of its box is
    below 1.5 diameters and that of its smallest turned rectangle below one. When a fix ends that,
    the fixes before were a stay if they span the least time.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes.
    max_diameter_m, min_stay_h : float
        The reference has no defaults.

    Returns
    -------
    ParityStays
        x and y are medians of the fixes.

    Raises
    ------
    BadRule

    References
    ----------
    movingpandas 0.23.0, on projected coordinates. There is no rule for a silence: two fixes of
    one place, however far apart in time, are a stay. Where two rectangles have one area, as all
    three of a triangle do, the one that GEOS takes counts.

    Examples
    --------
    >>> month_ms = 30 * 86_400_000
    >>> twice = Tracks.from_arrays(["a"], track=[0, 0], t_ms=[0, month_ms], x=[0, 1], y=[0, 0])
    >>> len(movingpandas_stays(twice, max_diameter_m=100, min_stay_h=1))
    1
    """
    _check(max_diameter_m=max_diameter_m, min_stay_h=min_stay_h)
    most = int(np.diff(tracks.offsets).max(initial=0)) + 1
    state = np.array([0, 0, 0, 0, UNDECIDED, 0], dtype=np.int64)
    found = np.empty((len(tracks) + 1, 2), dtype=np.int64)
    room = np.empty((4, 2 * most))
    while state[0] < len(tracks.names):
        next_stop(
            tracks.offsets, tracks.t_ms, tracks.x, tracks.y,
            float(max_diameter_m), min_stay_h * _MS_PER_H, state, found, room,
        )  # fmt: skip
        if state[0] < len(tracks.names):
            state[4] = _diagonal_m(tracks, int(state[2]), int(state[1])) < max_diameter_m
    first, last = found[: state[5], 0].copy(), found[: state[5], 1].copy()
    track = np.searchsorted(tracks.offsets, first, side="right") - 1
    spans = list(zip(first.tolist(), (last + 1).tolist(), strict=True))
    return ParityStays(
        track=track.astype(np.int64), first=first, last=last,
        begins_ms=tracks.t_ms[first], ends_ms=tracks.t_ms[last],
        x=np.array([np.median(tracks.x[a:b]) for a, b in spans], dtype=np.float64),
        y=np.array([np.median(tracks.y[a:b]) for a, b in spans], dtype=np.float64),
    )  # fmt: skip


def _check(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise BadRule(f"{name} must be above 0 and finite.")


def _differs(fixes: Fixes) -> BoolArray:
    """Whether each fix differs from all before it of its animal, in time or in place."""
    animal = np.repeat(np.arange(len(fixes.names)), np.diff(fixes.offsets))
    rows = np.stack((animal, fixes.t_ms)).T
    places = np.stack((fixes.x, fixes.y)).T
    order = np.lexsort((fixes.y, fixes.x, fixes.t_ms, animal))
    again = (np.diff(rows[order], axis=0) == 0).all(axis=1)
    again &= (np.diff(places[order], axis=0) == 0).all(axis=1)
    kept = np.ones(len(fixes), dtype=bool)
    # Sorting keeps the order of equal rows, so that the first of them stays.
    kept[order[1:][again]] = False
    return kept


@compiled
def _anchored(
    offsets: IntArray, t_ms: IntArray, lon: FloatArray, lat: FloatArray,
    limits: tuple[float, float, float], include_last: bool, found: IntArray,  # noqa: FBT001 - Numba knows no keyword-only parameters
) -> int:  # fmt: skip
    """Fill rows of the anchor and the fix that left it; angles in radians."""
    radius_m, min_stay_ms, max_gap_ms = limits
    rows = 0
    for track in range(len(offsets) - 1):
        anchor = offsets[track]
        for fix in range(offsets[track] + 1, offsets[track + 1]):
            if t_ms[fix] - t_ms[fix - 1] > max_gap_ms:
                anchor = fix
                continue
            # The reference's formula: another one rounds the distances of still animals otherwise.
            part = np.cos(lat[anchor] - lat[fix])
            part -= np.cos(lat[anchor]) * np.cos(lat[fix]) * (1 - np.cos(lon[anchor] - lon[fix]))
            if _EARTH_M * np.arccos(min(part, 1.0)) >= radius_m:
                if t_ms[fix] - t_ms[anchor] >= min_stay_ms:
                    found[rows, 0], found[rows, 1] = anchor, fix
                    rows += 1
                anchor = fix
        end = offsets[track + 1]
        if include_last and end > anchor and t_ms[end - 1] - t_ms[anchor] >= min_stay_ms:
            found[rows, 0], found[rows, 1] = anchor, end
            rows += 1
    return rows


def _mean_places(
    lon_deg: FloatArray, lat_deg: FloatArray, first: IntArray, after: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Mean of the different places of each stay."""
    counts = after - first
    stay = np.repeat(np.arange(len(first)), counts)
    begins = np.concatenate(([0], np.cumsum(counts)[:-1])) if len(first) else counts
    fix = np.arange(len(stay)) - np.repeat(begins - first, counts)
    places = np.unique(np.stack((stay.astype(float), lon_deg[fix], lat_deg[fix]), axis=1), axis=0)
    which = places[:, 0].astype(np.int64)
    angle = np.radians(places[:, 1])
    sums = [
        np.bincount(which, weights, minlength=len(first))
        for weights in (np.sin(angle), np.cos(angle), places[:, 2])
    ]
    different = np.bincount(which, minlength=len(first))
    return np.degrees(np.arctan2(sums[0] / different, sums[1] / different)), sums[2] / different


def _diagonal_m(tracks: Tracks, first: int, last: int) -> float:
    places = np.stack((tracks.x[first : last + 1], tracks.y[first : last + 1]), axis=1)
    around = shapely.get_coordinates(shapely.MultiPoint(places).minimum_rotated_rectangle)
    # A rectangle's ring has five corners; fixes on one line have a line, and equal ones a point.
    opposite = around[2] if len(around) > 2 else around[-1]  # noqa: PLR2004 - a line has two ends
    return float(np.hypot(*(opposite - around[0])))
