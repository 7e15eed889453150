import math

import pyproj
import pytest

from ecoduct_sim.errors import ProjectionError
from ecoduct_sim.projection import from_lon_lat, to_lon_lat, utm_of

PLACES = [
    (32612, -110.187231, 42.7312),
    (32648, 107.0, 44.0),
    (32736, 31.8877604, -24.9673808),
    (32633, 12.0, 0.0),
    (32701, -179.9, -65.0),
    (32660, 179.99, 79.5),
    (32637, 42.9, 60.0),
    (3857, -73.9, 42.74),
    (4326, 107.6, 44.1),
]


@pytest.mark.parametrize(("epsg", "lon", "lat"), PLACES)
def test_forward_and_inverse_agree_with_pyproj_to_a_millimetre(
    epsg: int, lon: float, lat: float
) -> None:
    there = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
    x, y = there.transform(lon, lat)
    metre = 1 / 111_000 if epsg == 4326 else 1.0
    assert math.dist(from_lon_lat(lon, lat, epsg=epsg), (x, y)) < 0.001 * metre
    back_lon, back_lat = to_lon_lat(x, y, epsg=epsg)
    assert abs(back_lon - lon) * 111_320 * math.cos(math.radians(lat)) < 0.001
    assert abs(back_lat - lat) * 111_320 < 0.001


def test_the_zone_of_a_position_is_named() -> None:
    assert utm_of(107.0, 44.0) == 32648
    assert utm_of(-180.0, -10.0) == 32701
    assert utm_of(180.0, 10.0) == 32660


@pytest.mark.parametrize("epsg", [5070, 32600, 32661, 32700])
def test_an_unknown_system_is_refused_by_name(epsg: int) -> None:
    with pytest.raises(ProjectionError, match=f"EPSG:{epsg} is not known"):
        to_lon_lat(0.0, 0.0, epsg=epsg)


def test_degrees_that_are_metres_are_refused() -> None:
    with pytest.raises(ProjectionError, match="not on Earth"):
        to_lon_lat(566_155.0, 4_731_866.0, epsg=4326)
