import numpy as np
import pytest

from ecoduct_analysis.projection import Projection, choose_crs


@pytest.mark.parametrize(
    ("lon", "lat", "crs"),
    [
        ([-110.2, -109.9], [42.7, 42.8], "EPSG:32612"),
        ([18.4], [-33.9], "EPSG:32734"),
        ([179.5, -179.9], [-17.0, -17.2], "EPSG:32760"),
        ([-180.0], [10.0], "EPSG:32601"),
        ([180.0], [10.0], "EPSG:32601"),
    ],
)
def test_small_areas_get_their_utm_zone(lon: list[float], lat: list[float], crs: str) -> None:
    assert choose_crs(lon, lat) == crs


@pytest.mark.parametrize(
    ("lon", "lat"),
    [([-10.0, 30.0], [5.0, 52.0]), ([20.0], [86.0]), ([170.0, -160.0], [60.0, 65.0])],
)
def test_wide_and_polar_areas_get_an_equal_area_projection(
    lon: list[float], lat: list[float]
) -> None:
    crs = choose_crs(lon, lat)
    assert crs.startswith("+proj=laea")
    x, y = Projection(crs).to_metres(lon, lat)
    assert np.isfinite([x, y]).all()
    assert np.hypot(x, y).max() < 4_000_000


def test_no_position_still_gives_a_projection() -> None:
    assert choose_crs([], []).startswith("+proj=laea +lon_0=0")


def test_metres_and_degrees_are_inverse() -> None:
    projection = Projection("EPSG:32612")
    lon, lat = projection.to_degrees([566155.0], [4731866.0])
    x, y = projection.to_metres(lon, lat)
    assert x[0] == pytest.approx(566155.0, abs=1e-6)
    assert y[0] == pytest.approx(4731866.0, abs=1e-6)
