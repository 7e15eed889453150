"""Map coordinates to longitude and latitude, and back, in plain Python.

Transverse Mercator by Krueger's series in the third flattening, with the coefficients as given by
Karney 2011, Journal of Geodesy 85:475-485. Four terms: the fifth is below 0.001 mm inside a zone.
"""

import math
from typing import Final

from ecoduct_sim.errors import ProjectionError

_A = 6_378_137.0
_F = 1 / 298.257223563
_E = math.sqrt(_F * (2 - _F))
_N = _F / (2 - _F)
_SCALE = 0.9996
_RADIUS = _A / (1 + _N) * (1 + _N**2 / 4 + _N**4 / 64)

_ALPHA = (
    _N / 2 - 2 / 3 * _N**2 + 5 / 16 * _N**3 + 41 / 180 * _N**4,
    13 / 48 * _N**2 - 3 / 5 * _N**3 + 557 / 1440 * _N**4,
    61 / 240 * _N**3 - 103 / 140 * _N**4,
    49561 / 161280 * _N**4,
)
_BETA = (
    _N / 2 - 2 / 3 * _N**2 + 37 / 96 * _N**3 - 1 / 360 * _N**4,
    1 / 48 * _N**2 + 1 / 15 * _N**3 - 437 / 1440 * _N**4,
    17 / 480 * _N**3 - 37 / 840 * _N**4,
    4397 / 161280 * _N**4,
)

WGS84: Final = 4326
WEB_MERCATOR: Final = 3857
_MOST_LON, _MOST_LAT = 180.0, 90.0
_NORTH = range(32601, 32661)
_SOUTH = range(32701, 32761)


def to_lon_lat(x: float, y: float, *, epsg: int) -> tuple[float, float]:
    """Longitude and latitude in degrees of a position in an EPSG system.

    Raises
    ------
    ProjectionError
        The system is not 4326, 3857 or WGS 84 / UTM, or the position is not on Earth.
    """
    if epsg == WGS84:
        lon, lat = x, y
    elif epsg == WEB_MERCATOR:
        lon, lat = math.degrees(x / _A), math.degrees(math.atan(math.sinh(y / _A)))
    else:
        central_deg, false_northing_m = _zone(epsg)
        east, north = _unbend(x - 500_000.0, y - false_northing_m)
        lon, lat = central_deg + east, north
        lon = (lon + 180) % 360 - 180
    if not (abs(lon) <= _MOST_LON and abs(lat) <= _MOST_LAT):
        raise ProjectionError(
            f"x {x}, y {y} in EPSG:{epsg} is longitude {lon}, latitude {lat}: not on Earth.",
            where=f"EPSG:{epsg}",
            remedy="Check the coordinate system, and that x is the easting.",
        )
    return lon, lat


def from_lon_lat(lon: float, lat: float, *, epsg: int) -> tuple[float, float]:
    """Position in an EPSG system of longitude and latitude in degrees.

    Raises
    ------
    ProjectionError
        The system is not 4326, 3857 or WGS 84 / UTM.
    """
    if epsg == WGS84:
        return lon, lat
    if epsg == WEB_MERCATOR:
        return _A * math.radians(lon), _A * math.asinh(math.tan(math.radians(lat)))
    central_deg, false_northing_m = _zone(epsg)
    x, y = _bend((lon - central_deg + 180) % 360 - 180, lat)
    return x + 500_000.0, y + false_northing_m


def utm_of(lon: float, lat: float) -> int:
    """EPSG number of the UTM zone that holds the position."""
    zone = min(int((lon + 180) // 6) + 1, 60)
    return (32600 if lat >= 0 else 32700) + zone


def _zone(epsg: int) -> tuple[float, float]:
    """Central meridian in degrees and false northing in metres."""
    if epsg in _NORTH or epsg in _SOUTH:
        return (epsg % 100) * 6.0 - 183.0, 10_000_000.0 if epsg in _SOUTH else 0.0
    raise ProjectionError(
        f"EPSG:{epsg} is not known here.",
        where="coordinate system",
        remedy="Use 4326, 3857, 32601-32660 or 32701-32760, or convert the table first.",
    )


def _bend(lon_deg: float, lat_deg: float) -> tuple[float, float]:
    lon, tau = math.radians(lon_deg), math.tan(math.radians(lat_deg))
    conformal = _conformal(tau)
    xi = math.atan2(conformal, math.cos(lon))
    eta = math.asinh(math.sin(lon) / math.hypot(conformal, math.cos(lon)))
    north = xi + sum(
        a * math.sin(2 * j * xi) * math.cosh(2 * j * eta) for j, a in enumerate(_ALPHA, 1)
    )
    east = eta + sum(
        a * math.cos(2 * j * xi) * math.sinh(2 * j * eta) for j, a in enumerate(_ALPHA, 1)
    )
    return _SCALE * _RADIUS * east, _SCALE * _RADIUS * north


def _unbend(x: float, y: float) -> tuple[float, float]:
    north, east = y / (_SCALE * _RADIUS), x / (_SCALE * _RADIUS)
    xi = north - sum(
        b * math.sin(2 * j * north) * math.cosh(2 * j * east) for j, b in enumerate(_BETA, 1)
    )
    eta = east - sum(
        b * math.cos(2 * j * north) * math.sinh(2 * j * east) for j, b in enumerate(_BETA, 1)
    )
    conformal = math.sin(xi) / math.hypot(math.sinh(eta), math.cos(xi))
    lon = math.atan2(math.sinh(eta), math.cos(xi))
    return math.degrees(lon), math.degrees(math.atan(_geographic(conformal)))


def _conformal(tau: float) -> float:
    """Tangent of the conformal latitude, from the tangent of the geographic one."""
    sigma = math.sinh(_E * math.atanh(_E * tau / math.hypot(1, tau)))
    return tau * math.hypot(1, sigma) - sigma * math.hypot(1, tau)


def _geographic(conformal: float) -> float:
    """Inverse of `_conformal` by Newton's method; three rounds reach the last digit."""
    tau = conformal
    for _ in range(4):
        found = _conformal(tau)
        slope = (1 - _E**2) * math.hypot(1, tau) / (1 + (1 - _E**2) * tau**2)
        tau += (conformal - found) / math.hypot(1, found) / slope
    return tau
