"""From degrees to metres and back, in a projection chosen for the place."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from pyproj import Transformer
from pyproj.exceptions import ProjError

from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.errors import NotProjected

DEGREES: Final = "EPSG:4326"  # WGS 84 longitude and latitude

_UTM_WIDTH_DEG = 6.0
_UTM_REACH_DEG = 9.0  # scale is off by at most 1 % this far from the middle of a zone
_UTM_NORTH, _UTM_SOUTH = 84.0, -80.0  # beyond, zones are too narrow to mean anything


def choose_crs(lon_deg: ArrayLike, lat_deg: ArrayLike) -> str:
    """Projection in metres for a set of positions, as a string that PROJ reads.

    Parameters
    ----------
    lon_deg, lat_deg : (n,) array, degrees
        WGS 84; may lie on both sides of the antimeridian. Missing ones (nan) are passed over.

    Returns
    -------
    str
        The UTM zone of the middle where it serves, as ``EPSG:32612``; otherwise a Lambert
        azimuthal equal-area projection about the middle. For no position at all, the same about
        0, 0.

    Examples
    --------
    >>> choose_crs([-110.2, -109.9], [42.7, 42.8])
    'EPSG:32612'
    >>> choose_crs([179.5, -179.9], [-17.0, -17.2])
    'EPSG:32760'
    """
    lon, lat = np.asarray(lon_deg, dtype=float), np.asarray(lat_deg, dtype=float)
    known = np.isfinite(lon) & np.isfinite(lat)
    lon, lat = lon[known], lat[known]
    if lon.size == 0:
        return _azimuthal(0.0, 0.0)
    # The middle of the widest arc's complement: right on both sides of the antimeridian.
    around = np.sort(np.mod(lon, 360.0))
    gaps = np.diff(np.append(around, around[0] + 360.0))
    widest = int(np.argmax(gaps))
    half_width = (360.0 - gaps[widest]) / 2.0
    middle = float(np.mod(around[(widest + 1) % lon.size] + half_width + 180.0, 360.0) - 180.0)
    middle_lat = float((lat.min() + lat.max()) / 2.0)
    if half_width > _UTM_REACH_DEG or lat.min() < _UTM_SOUTH or lat.max() > _UTM_NORTH:
        return _azimuthal(middle, middle_lat)
    zone = int((middle + 180.0) // _UTM_WIDTH_DEG) % 60 + 1
    return f"EPSG:{(32600 if middle_lat >= 0 else 32700) + zone}"


def _azimuthal(lon_deg: float, lat_deg: float) -> str:
    return f"+proj=laea +lon_0={lon_deg:.4f} +lat_0={lat_deg:.4f} +datum=WGS84 +units=m"


@dataclass(frozen=True, slots=True)
class Projection:
    """A projection both ways.

    Parameters
    ----------
    crs : str
        What PROJ reads, in metres, for example from `choose_crs`.
    """

    crs: str

    def to_metres(self, lon_deg: ArrayLike, lat_deg: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Metres east and north of positions in degrees (WGS 84); same shape as given."""
        return change_crs(lon_deg, lat_deg, source=DEGREES, target=self.crs)

    def to_degrees(self, x_m: ArrayLike, y_m: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Longitude and latitude (WGS 84) of positions in metres; same shape as given."""
        return change_crs(x_m, y_m, source=self.crs, target=DEGREES)


def change_crs(
    x: ArrayLike, y: ArrayLike, *, source: str, target: str
) -> tuple[FloatArray, FloatArray]:
    """Positions of one projection in another; same shape as given.

    Parameters
    ----------
    x, y : array
        Longitude and latitude where ``source`` is ``EPSG:4326``; x is always east.
    source, target : str
        What PROJ reads.

    Raises
    ------
    NotProjected
        PROJ does not know one of them.
    """
    try:
        # A transformer must not be shared between threads, so each call makes its own; PROJ
        # keeps the definitions, and a call is for thousands of fixes.
        change = Transformer.from_crs(source, target, always_xy=True)
    except ProjError as error:
        raise NotProjected(f"PROJ does not know {source!r} or {target!r}.") from error
    new_x, new_y = change.transform(np.asarray(x, dtype=float), np.asarray(y, dtype=float))
    return np.asarray(new_x, dtype=np.float64), np.asarray(new_y, dtype=np.float64)
