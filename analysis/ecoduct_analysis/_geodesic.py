"""Lengths and azimuths of steps on the WGS 84 ellipsoid, much faster than one library call each."""

import math
from typing import Final

import numpy as np
from pyproj import Geod

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis.columns import FloatArray, frozen

EQUATOR_M: Final = 6_378_137.0
FLATTENING: Final = 1 / 298.257223563
POLE_M: Final = EQUATOR_M * (1 - FLATTENING)
ECCENTRICITY_2: Final = FLATTENING * (2 - FLATTENING)
# No degree of latitude or longitude is longer than one of latitude at the poles.
MOST_M_PER_DEG: Final = math.radians(EQUATOR_M / (1 - FLATTENING))


_RAD: Final = math.pi / 180.0
_DEG: Final = 180.0 / math.pi
_FULL_DEG: Final = 360.0
_HALF_DEG: Final = 180.0
_RIGHT_DEG: Final = 90.0
# The mid-latitude formula is within 4e-7 inside these spans, measured against Karney's algorithm.
SPAN_LAT_DEG: Final = 1.0
SPAN_LON_DEG: Final = 3.0
# Vincenty's iteration slows down and then fails as two places come to face each other.
_FACING: Final = -0.98
_TURNS: Final = 20
_CONVERGED: Final = 1e-12  # rad: 6 micrometres
_TODO: Final = -1.0
_HARD: Final = -2.0


def inverse(
    lon_1: FloatArray, lat_1: FloatArray, lon_2: FloatArray, lat_2: FloatArray,
    length_m: FloatArray, departure_deg: FloatArray, arrival_deg: FloatArray,
) -> None:  # fmt: skip
    """Fill in the length and both azimuths of shortest lines between pairs of places.

    Parameters
    ----------
    lon_1, lat_1, lon_2, lat_2 : (n,) array, degrees
        Read-only. Any longitude; nan and latitudes beyond the poles give nan.
    length_m, departure_deg, arrival_deg : (n,) array, m, degrees
        Overwritten. Azimuths are -180 to 360, clockwise from north, both looking forward; nan
        where the two places are one.

    References
    ----------
    Gauss's mid-latitude formula with closed spherical terms (Rapp 1991, Geometric Geodesy I,
    section 4) for short lines, Vincenty 1975, Survey Review 23:88-93 for long ones, and Karney
    2013, Journal of Geodesy 87:43-55, in PROJ, for places that nearly face each other.
    """
    mid_latitude(lon_1, lat_1, lon_2, lat_2, length_m, departure_deg, arrival_deg)
    if not _vincenty(lon_1, lat_1, lon_2, lat_2, length_m, departure_deg, arrival_deg):
        return
    hard = np.flatnonzero(length_m == _HARD)
    departure, back, length = Geod(ellps="WGS84").inv(
        lon_1[hard], lat_1[hard], lon_2[hard], lat_2[hard]
    )
    length_m[hard], departure_deg[hard] = length, departure
    arrival_deg[hard] = back + _HALF_DEG


@compiled
def mid_latitude(
    lon_1: FloatArray, lat_1: FloatArray, lon_2: FloatArray, lat_2: FloatArray,
    length_m: FloatArray, departure_deg: FloatArray, arrival_deg: FloatArray,
) -> None:  # fmt: skip
    """Fill in all lines short enough for the mid-latitude formula, and mark the others."""
    # Nothing in this loop branches or calls a library, so that it runs four lines at a time.
    for n in range(len(length_m)):
        d_lat = lat_2[n] - lat_1[n]
        d_lon = wrapped(lon_2[n] - lon_1[n])
        length, east, north, half_turn = midpoint(lat_1[n] + d_lat / 2, d_lat, d_lon)
        azimuth = clockwise_deg(east, north)
        long = (abs(d_lat) > SPAN_LAT_DEG) | (abs(d_lon) > SPAN_LON_DEG)
        length = _TODO if long else length
        nowhere = (abs(lat_1[n]) > _RIGHT_DEG) | (abs(lat_2[n]) > _RIGHT_DEG)
        length_m[n] = np.nan if nowhere else length
        azimuth = np.nan if nowhere else azimuth
        departure_deg[n] = azimuth - half_turn
        arrival_deg[n] = azimuth + half_turn


@inlined
def midpoint(mid: float, d_lat: float, d_lon: float) -> tuple[float, float, float, float]:
    """Length (m), its parts east and north at the middle, and half the turn of azimuth (deg).

    The formula is exact on a sphere; the curvature of the ellipsoid at the middle replaces the
    sphere's, which leaves terms of the flattening times the squared span.
    """
    cos_mid = sine((_RIGHT_DEG - abs(mid)) * _RAD)
    sin_mid = math.copysign(sine(abs(mid) * _RAD), mid)
    bend = 1.0 / (1.0 - ECCENTRICITY_2 * sin_mid * sin_mid)
    radius = EQUATOR_M * math.sqrt(bend)
    half_lat, half_lon = d_lat * (_RAD / 2), d_lon * (_RAD / 2)
    lat_2, lon_2 = half_lat * half_lat, half_lon * half_lon
    # Series of sine and cosine; the first term left out is below 3e-14 at the widest span.
    sin_lat = half_lat * (1 - lat_2 * (1 / 6 - lat_2 * (1 / 120)))
    sin_lon = half_lon * (1 - lon_2 * (1 / 6 - lon_2 * (1 / 120 - lon_2 * (1 / 5040))))
    cos_lat = 1 - lat_2 * (1 / 2 - lat_2 * (1 / 24))
    cos_lon = 1 - lon_2 * (1 / 2 - lon_2 * (1 / 24 - lon_2 * (1 / 720)))
    east = 2.0 * radius * cos_mid * sin_lon
    north = 2.0 * radius * (1 - ECCENTRICITY_2) * bend * sin_lat * cos_lon
    chord_2 = east * east + north * north
    arc = chord_2 * (1 - ECCENTRICITY_2 * sin_mid * sin_mid) * (0.25 / EQUATOR_M**2)
    length = math.sqrt(chord_2) * (1 + arc * (1 / 6 + arc * (3 / 40)))
    tangent = sin_mid * sin_lon / (cos_lat * cos_lon)
    square = tangent * tangent
    half_turn = tangent * (1 - square * (1 / 3 - square * (1 / 5)))
    return length, east, north, half_turn * _DEG


@inlined
def wrapped(angle_deg: float) -> float:
    """The same angle above -180 and up to 180 degrees."""
    return angle_deg - _FULL_DEG * math.ceil(angle_deg * (1 / 360) - 0.5)


@inlined
def clockwise_deg(east: float, north: float) -> float:
    """Angle from north, 0 to 360, clockwise; nan where there is none.

    References
    ----------
    Rational approximation of the Cephes library (Moshier 1992), to 2e-16; right and half right
    angles are exact.
    """
    a, b = abs(east), abs(north)
    ratio = min(a, b) / max(a, b)
    wide = ratio > 0.41421356237309503  # tan of 22.5 degrees  # noqa: PLR2004 - named here
    z = (ratio - 1) / (ratio + 1) if wide else ratio
    s = z * z
    over = (((-0.8750608600031904 * s - 16.157537187333652) * s - 75.00855792314705) * s
            - 122.88666844901361) * s - 64.85021904942025  # fmt: skip
    under = ((((s + 24.858464901423062) * s + 165.02700983169885) * s + 432.88106049129027) * s
             + 485.3903996359137) * s + 194.5506571482614  # fmt: skip
    angle = (z + z * s * over / under) * _DEG + (45.0 if wide else 0.0)
    angle = _RIGHT_DEG - angle if a > b else angle
    angle = _HALF_DEG - angle if north < 0 else angle
    return _FULL_DEG - angle if east < 0 else angle


@inlined
def sine(x: float) -> float:
    """Sine of 0 to a right angle."""
    # Taylor's series, off by 4e-14 at most. Factors are folded when compiled.
    s = x * x
    tail = 1 / 6227020800 - s * (1 / 1307674368000 - s * (1 / 355687428096000))
    tail = 1 / 362880 - s * (1 / 39916800 - s * tail)
    return x - x * s * (1 / 6 - s * (1 / 120 - s * (1 / 5040 - s * tail)))


@compiled
def _vincenty(
    lon_1: FloatArray, lat_1: FloatArray, lon_2: FloatArray, lat_2: FloatArray,
    length_m: FloatArray, departure_deg: FloatArray, arrival_deg: FloatArray,
) -> int:  # fmt: skip
    hard = 0
    for n in range(len(length_m)):
        if length_m[n] == _TODO:
            length, departure, arrival = vincenty(lon_1[n], lat_1[n], lon_2[n], lat_2[n])
            length_m[n], departure_deg[n], arrival_deg[n] = length, departure, arrival
            hard += length == _HARD
    return hard


@compiled
def vincenty(lon_1: float, lat_1: float, lon_2: float, lat_2: float) -> tuple[float, float, float]:
    """Length (m) and azimuths (deg) of one line, or -2 for a length it cannot tell."""
    d_lon = wrapped(lon_2 - lon_1) * _RAD
    (sin_1, cos_1), (sin_2, cos_2) = _reduced(lat_1), _reduced(lat_2)
    if lat_1 == lat_2 and abs(lat_1) == _RIGHT_DEG:
        return 0.0, np.nan, np.nan
    lam = d_lon
    for _ in range(_TURNS):
        sin_lam, cos_lam = math.sin(lam), math.cos(lam)
        across = cos_1 * sin_2 - sin_1 * cos_2 * cos_lam
        sin_sigma = math.sqrt((cos_2 * sin_lam) ** 2 + across * across)
        cos_sigma = sin_1 * sin_2 + cos_1 * cos_2 * cos_lam
        if not cos_sigma > _FACING:
            return _HARD, np.nan, np.nan
        sigma = math.atan2(sin_sigma, cos_sigma)
        sin_alpha = cos_1 * cos_2 * sin_lam / sin_sigma
        cos2_alpha = 1 - sin_alpha * sin_alpha
        cos_2sm = cos_sigma - 2 * sin_1 * sin_2 / cos2_alpha if cos2_alpha > 0 else 0.0
        c = FLATTENING / 16 * cos2_alpha * (4 + FLATTENING * (4 - 3 * cos2_alpha))
        inner = cos_2sm + c * cos_sigma * (2 * cos_2sm**2 - 1)
        before, lam = (
            lam,
            d_lon + (1 - c) * FLATTENING * sin_alpha * (sigma + c * sin_sigma * inner),
        )
        if abs(lam - before) < _CONVERGED:
            length = _arc_m(sigma, sin_sigma, cos_sigma, cos_2sm, cos2_alpha)
            departure = math.atan2(cos_2 * sin_lam, across)
            arrival = math.atan2(cos_1 * sin_lam, cos_1 * sin_2 * cos_lam - sin_1 * cos_2)
            return length, departure * _DEG, arrival * _DEG
    return _HARD, np.nan, np.nan


@compiled
def _reduced(lat_deg: float) -> tuple[float, float]:
    # Sine and cosine of the reduced latitude. The angle from the pole keeps its digits there.
    polar = (_RIGHT_DEG - abs(lat_deg)) * _RAD
    up, out = (1 - FLATTENING) * math.cos(polar), math.sin(polar)
    far = math.sqrt(up * up + out * out)
    return math.copysign(up / far, lat_deg), out / far


@compiled
def _arc_m(
    sigma: float, sin_sigma: float, cos_sigma: float, cos_2sm: float, cos2_alpha: float
) -> float:
    u2 = cos2_alpha * (EQUATOR_M**2 / POLE_M**2 - 1)
    a = 1 + u2 / 16384 * (4096 + u2 * (-768 + u2 * (320 - 175 * u2)))
    b = u2 / 1024 * (256 + u2 * (-128 + u2 * (74 - 47 * u2)))
    square = cos_2sm * cos_2sm
    third = cos_2sm * (4 * sin_sigma * sin_sigma - 3) * (4 * square - 3)
    change = cos_2sm + b / 4 * (cos_sigma * (2 * square - 1) - b / 6 * third)
    return POLE_M * a * (sigma - b * sin_sigma * change)


def read_only(values: FloatArray) -> FloatArray:
    """Read-only view, so that kernels are compiled for one kind of array only."""
    view: FloatArray = frozen(values, np.float64)
    return view
