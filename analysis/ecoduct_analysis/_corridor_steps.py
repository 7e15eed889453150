"""Steps as corridors need them: midpoint, length, speed, and the doubled azimuth of each.

In metres all is plane. In degrees a midpoint lies on the geodesic, an azimuth is the bearing with
which a great circle of the sphere departs, as in the reference, and a midpoint stands in space as
well, where what lies in a circle is found by straight distance.
"""

import math
from typing import Final, NamedTuple

import numpy as np
from pyproj import Geod

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis._geodesic import (
    ECCENTRICITY_2,
    EQUATOR_M,
    FLATTENING,
    clockwise_deg,
    inverse,
    read_only,
    wrapped,
)
from ecoduct_analysis.columns import FloatArray, IntArray

_RAD: Final = math.pi / 180.0
_HALF_DEG, _FULL_DEG = 180.0, 360.0
_MS_PER_S: Final = 1000.0
# The series of a midpoint is within 1 mm on these spans, measured against Karney's algorithm.
_SERIES_DEG: Final = 0.1
_SERIES_LAT_DEG: Final = 80.0
# No curve on the ellipsoid bends more than the meridian at the equator, so that an arc is never
# longer than that circle's arc over the same chord.
_LEAST_RADIUS_M: Final = EQUATOR_M * (1.0 - ECCENTRICITY_2)
# The reference's distance is off by less than this part, 1e-5 in all trials.
_REFERENCE_OFF: Final = 5e-5
# Far below what any receiver tells: rounding must not decide whether the rim of a circle is in it.
_RIM_M: Final = 1e-6


class StepColumns(NamedTuple):
    """One row for each step.

    ``mid`` is (m, 2), in metres or degrees; ``doubled`` (m, 2) the sine and cosine of twice the
    azimuth, 0 and 0 where there is none; ``place`` (m, 3) the midpoint in space; ``reach`` (m, 2)
    the squared straight distances within which a midpoint surely lies in the step's circle, and
    beyond which it surely does not.
    """

    mid: FloatArray
    length_m: FloatArray
    speed_m_s: FloatArray
    azimuth_deg: FloatArray
    doubled: FloatArray
    place: FloatArray
    reach: FloatArray


def planar_steps(
    first: IntArray, last: IntArray, t_ms: IntArray, x: FloatArray, y: FloatArray
) -> StepColumns:
    """Measure steps between fixes in metres."""
    made = _columns(len(first))
    _planar(first, last, t_ms, x, y, made)
    return made


def globe_steps(
    first: IntArray, last: IntArray, t_ms: IntArray, lon: FloatArray, lat: FloatArray, *,
    letter: bool,
) -> StepColumns:  # fmt: skip
    """Measure steps between fixes in degrees; ``letter`` by letter as R does, to the last bit."""
    made = _columns(len(first))
    lon_1, lat_1, lon_2, lat_2 = (
        read_only(column[at]) for at in (first, last) for column in (lon, lat)
    )
    departure, arrival = np.empty(len(first)), np.empty(len(first))
    inverse(lon_1, lat_1, lon_2, lat_2, made.length_m, departure, arrival)
    if _middles(lon_1, lat_1, lon_2, lat_2, made.mid):
        _far_middles((lon_1, lat_1, lon_2, lat_2), made.mid)
    _globe(first, last, t_ms, lon_1, lat_1, lon_2, lat_2, letter, made)
    return made


def _columns(count: int) -> StepColumns:
    length_m, speed_m_s, azimuth_deg = (np.empty(count) for _ in range(3))
    mid, doubled, place, reach = (np.empty((count, width)) for width in (2, 2, 3, 2))
    return StepColumns(mid, length_m, speed_m_s, azimuth_deg, doubled, place, reach)


def _far_middles(ends: tuple[FloatArray, ...], mid: FloatArray) -> None:
    far = np.flatnonzero(np.isnan(mid[:, 0]))
    lon_1, lat_1, lon_2, lat_2 = (column[far] for column in ends)
    geod = Geod(ellps="WGS84")
    azimuth, _, length_m = geod.inv(lon_1, lat_1, lon_2, lat_2)
    lon, lat, _ = geod.fwd(lon_1, lat_1, azimuth, np.asarray(length_m) / 2.0)
    mid[far, 0], mid[far, 1] = lon, lat


@compiled
def _planar(
    first: IntArray, last: IntArray, t_ms: IntArray, x: FloatArray, y: FloatArray,
    made: StepColumns,
) -> None:  # fmt: skip
    for n in range(len(first)):
        a, b = first[n], last[n]
        east, north = x[b] - x[a], y[b] - y[a]
        length = math.sqrt(east * east + north * north)
        made.length_m[n] = length
        made.speed_m_s[n] = _speed(length, t_ms[b] - t_ms[a])
        made.azimuth_deg[n] = wrapped(clockwise_deg(east, north))
        made.mid[n, 0] = made.place[n, 0] = x[a] + east / 2.0
        made.mid[n, 1] = made.place[n, 1] = y[a] + north / 2.0
        made.place[n, 2] = 0.0
        made.reach[n, 0] = made.reach[n, 1] = (length / 2.0 + _RIM_M) ** 2
        _double(east, north, n, made.doubled)


@inlined
def _speed(length_m: float, lapse_ms: int) -> float:
    return length_m / (lapse_ms / _MS_PER_S) if lapse_ms > 0 else np.nan


@inlined
def _double(east: float, north: float, n: int, doubled: FloatArray) -> None:
    """Sine and cosine of twice an angle, without asking for the angle."""
    square = east * east + north * north
    doubled[n, 0] = 2.0 * east * north / square if square > 0.0 else 0.0
    doubled[n, 1] = (north * north - east * east) / square if square > 0.0 else 0.0


@compiled
def _middles(
    lon_1: FloatArray, lat_1: FloatArray, lon_2: FloatArray, lat_2: FloatArray, mid: FloatArray
) -> int:
    """Fill in midpoints of short steps, nan for the others, and count those.

    A geodesic as a series about its middle in latitude and longitude, by Clairaut's relation.
    """
    far = 0
    for n in range(len(mid)):
        d_lat, d_lon = (lat_2[n] - lat_1[n]) * _RAD, wrapped(lon_2[n] - lon_1[n])
        mean = (lat_1[n] + lat_2[n]) / 2.0
        if max(abs(d_lat), abs(d_lon) * _RAD) > _SERIES_DEG * _RAD or abs(mean) > _SERIES_LAT_DEG:
            mid[n, 0] = mid[n, 1] = np.nan
            far += 1
            continue
        up, out = math.sin(mean * _RAD), math.cos(mean * _RAD)
        bend = 1.0 - ECCENTRICITY_2 * up * up
        ratio = (1.0 - ECCENTRICITY_2) / bend  # of the radii along and across the meridian
        turn = d_lon * _RAD
        north = up * out * (turn * turn / ratio + 3.0 * ECCENTRICITY_2 / bend * d_lat * d_lat) / 8.0
        mid[n, 0] = wrapped(lon_1[n] + d_lon / 2.0 - ratio * up / out * d_lat * d_lon / 4.0)
        mid[n, 1] = mean + north / _RAD
    return far


@compiled
def _globe(
    first: IntArray, last: IntArray, t_ms: IntArray, lon_1: FloatArray, lat_1: FloatArray,
    lon_2: FloatArray, lat_2: FloatArray, letter: bool,  # noqa: FBT001 - as Numba needs it
    made: StepColumns,
) -> None:  # fmt: skip
    for n in range(len(first)):
        length = made.length_m[n]
        made.speed_m_s[n] = _speed(length, t_ms[last[n]] - t_ms[first[n]])
        if letter:
            _as_r(lon_1[n], lat_1[n], lon_2[n], lat_2[n], n, made)
        else:
            d_lon, d_lat = wrapped(lon_2[n] - lon_1[n]) * _RAD, (lat_2[n] - lat_1[n]) * _RAD
            out, half = math.cos(lat_2[n] * _RAD), math.sin(d_lon / 2.0)
            east = math.sin(d_lon) * out
            north = math.sin(d_lat) + 2.0 * math.sin(lat_1[n] * _RAD) * out * half * half
            made.azimuth_deg[n] = wrapped(clockwise_deg(east, north))
            _double(east, north, n, made.doubled)
        _place(made.mid[n, 0] * _RAD, made.mid[n, 1] * _RAD, n, made.place)
        angle = min(length / (4.0 * _LEAST_RADIUS_M), math.pi / 2.0)
        inner = 2.0 * _LEAST_RADIUS_M * math.sin(angle) * (1.0 - _REFERENCE_OFF) - _RIM_M
        outer = length / 2.0 * (1.0 + _REFERENCE_OFF) + _RIM_M
        made.reach[n, 0] = max(inner, 0.0) ** 2
        made.reach[n, 1] = outer * outer


@compiled
def _as_r(
    lon_1: float, lat_1: float, lon_2: float, lat_2: float, n: int, made: StepColumns
) -> None:
    # Each product and quotient in the order in which R's packages compute it: whether the
    # resultant of one direction is 1, or 1 less the last bit, changes flags.
    turn = lon_2 * math.pi / _HALF_DEG - lon_1 * math.pi / _HALF_DEG
    a, b = lat_1 * math.pi / _HALF_DEG, lat_2 * math.pi / _HALF_DEG
    north = math.cos(a) * math.sin(b) - math.sin(a) * math.cos(b) * math.cos(turn)
    azimuth = math.atan2(math.cos(b) * math.sin(turn), north) * _HALF_DEG / math.pi
    azimuth = np.nan if lon_1 == lon_2 and lat_1 == lat_2 else azimuth
    made.azimuth_deg[n] = azimuth
    pseudo = (_HALF_DEG + azimuth) * 2.0
    pseudo = (pseudo - math.floor(pseudo / _FULL_DEG) * _FULL_DEG) / _HALF_DEG * math.pi
    made.doubled[n, 0] = math.sin(pseudo) if azimuth == azimuth else 0.0  # noqa: PLR0124 - nan
    made.doubled[n, 1] = math.cos(pseudo) if azimuth == azimuth else 0.0  # noqa: PLR0124 - nan


@inlined
def _place(lon: float, lat: float, n: int, place: FloatArray) -> None:
    up, out = math.sin(lat), math.cos(lat)
    radius = EQUATOR_M / math.sqrt(1.0 - ECCENTRICITY_2 * up * up)
    place[n, 0] = radius * out * math.cos(lon)
    place[n, 1] = radius * out * math.sin(lon)
    place[n, 2] = radius * (1.0 - ECCENTRICITY_2) * up


@compiled
def great_circle_m(lon_1: float, lat_1: float, lon_2: float, lat_2: float) -> float:
    """Distance as R's package sp measures it, in the form of Andoyer and Lambert."""
    if lat_1 == lat_2 and wrapped(lon_1 - lon_2) == 0.0:
        return 0.0
    mean, half = (lat_1 + lat_2) / 2.0 * _RAD, (lat_1 - lat_2) / 2.0 * _RAD
    turn = (lon_1 - lon_2) / 2.0 * _RAD
    sin_g, cos_g = math.sin(half) ** 2, math.cos(half) ** 2
    sin_f, cos_f = math.sin(mean) ** 2, math.cos(mean) ** 2
    sin_l, cos_l = math.sin(turn) ** 2, math.cos(turn) ** 2
    s = sin_g * cos_l + cos_f * sin_l
    c = cos_g * cos_l + sin_f * sin_l
    w = math.atan(math.sqrt(s / c))
    r = math.sqrt(s * c) / w
    more = (3.0 * r - 1.0) / (2.0 * c) * sin_f * cos_g
    less = (3.0 * r + 1.0) / (2.0 * s) * cos_f * sin_g
    return 2.0 * w * EQUATOR_M * (1.0 + FLATTENING * more - FLATTENING * less)
