"""Steps everywhere on the globe, against Karney's algorithm in PROJ."""

import numpy as np
import pytest
from pyproj import Geod

from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.steps import Steps, measure_steps, straightness
from ecoduct_analysis.tracks import FloatArray
from gallery import random_walks

GEOD = Geod(ellps="WGS84")
MOST = 1e-5  # relative, and in radians; measured: 5e-7
NOISE_M = 5e-9  # of positions as degrees in double precision
LATITUDES = [(0, 30), (30, 60), (60, 88), (88, 89.9), (89.9, 90)]
LENGTHS_M = [0.01, 1, 100, 1e4, 1e5, 2e5, 4e5, 2e6, 1e7, 1.99e7, 2.0003e7]


def wrapped(angle_deg: FloatArray) -> FloatArray:
    return (angle_deg + 180) % 360 - 180


def chains(x: FloatArray, y: FloatArray) -> Fixes:
    """Animals with one row of fixes each."""
    animals, fixes = x.shape
    return Fixes.from_arrays(
        [str(n) for n in range(animals)], track=np.repeat(np.arange(animals), fixes),
        t_ms=np.tile(np.arange(fixes) * 1000, animals), x=x.ravel(), y=y.ravel(),
    )  # fmt: skip


def assert_as_karney(fixes: Fixes, steps: Steps) -> None:
    begin = np.setdiff1d(np.arange(len(fixes)), fixes.offsets[1:] - 1)
    ends = fixes.x[begin], fixes.y[begin], fixes.x[begin + 1], fixes.y[begin + 1]
    departure, back, length = GEOD.inv(*ends)
    noise = NOISE_M / np.maximum(length, NOISE_M)
    assert (abs(steps.length_m[begin] - length) <= MOST * length + NOISE_M).all()
    off = np.radians(abs(wrapped(steps.heading_deg[begin] - departure)))
    assert (off <= MOST + noise).all()
    turning = begin[1:][np.diff(begin) == 1]
    at = np.flatnonzero(np.diff(begin) == 1) + 1
    turn = departure[at] - back[at - 1] - 180
    off = np.radians(abs(wrapped(steps.turn_deg[turning] - turn)))
    assert (off <= 2 * MOST + noise[at] + noise[at - 1]).all()
    assert ((steps.heading_deg[begin] >= 0) & (steps.heading_deg[begin] < 360)).all()


@pytest.mark.parametrize("latitudes", LATITUDES)
@pytest.mark.parametrize("length_m", LENGTHS_M)
def test_steps_of_any_length_at_any_latitude(
    latitudes: tuple[float, float], length_m: float
) -> None:
    dice = np.random.default_rng(int(length_m))
    count = 2000
    lon, lat = np.empty((count, 3)), np.empty((count, 3))
    lat[:, 0] = dice.uniform(*latitudes, count) * dice.choice([-1, 1], count)
    lon[:, 0] = dice.uniform(-180, 180, count)
    for n in range(2):
        azimuth, far = dice.uniform(0, 360, count), length_m * dice.uniform(0.5, 1, count)
        lon[:, n + 1], lat[:, n + 1], _ = GEOD.fwd(lon[:, n], lat[:, n], azimuth, far)
    fixes = chains(lon, lat)
    assert_as_karney(fixes, measure_steps(fixes))


def test_steps_between_any_two_places() -> None:
    dice = np.random.default_rng(1)
    fixes = chains(dice.uniform(-180, 180, (2000, 6)), dice.uniform(-90, 90, (2000, 6)))
    assert_as_karney(fixes, measure_steps(fixes))


def test_steps_between_places_that_face_each_other() -> None:
    dice = np.random.default_rng(2)
    lon, lat = dice.uniform(-180, 180, 2000), dice.uniform(-89, 89, 2000)
    nudge = dice.choice([1e-6, 1e-3, 0.1, 0.5], 2000) * dice.uniform(0.5, 1, (2, 2000))
    fixes = chains(
        np.stack((lon, wrapped(lon + 180 + nudge[0])), 1), np.stack((lat, nudge[1] - lat), 1)
    )
    assert_as_karney(fixes, measure_steps(fixes))


def test_steps_turn_with_the_globe() -> None:
    dice = np.random.default_rng(3)
    lon, lat = np.cumsum(dice.normal(0, 0.01, (2, 20, 50)), axis=2)
    here, there = measure_steps(chains(lon, lat + 40)), measure_steps(chains(lon + 180, lat + 40))
    for column in ("length_m", "heading_deg", "turn_deg"):
        assert getattr(here, column) == pytest.approx(
            getattr(there, column), rel=1e-6, abs=1e-6, nan_ok=True
        )


def test_animals_are_measured_alike_alone_and_together() -> None:
    dice = np.random.default_rng(4)
    lon, lat = np.cumsum(dice.normal(0, 0.5, (2, 7, 30)), axis=2)
    together = measure_steps(chains(lon, lat)).turn_deg.reshape(7, 30)
    for n in range(7):
        alone = measure_steps(chains(lon[n : n + 1], lat[n : n + 1])).turn_deg
        assert np.array_equal(together[n], alone, equal_nan=True)


@pytest.mark.parametrize("fixes", [2, 3, 7, 80, 81])
def test_straightness_is_what_each_window_says(fixes: int) -> None:
    tracks = random_walks(5)
    found = straightness(tracks, fixes=fixes)
    step = np.hypot(np.diff(tracks.x), np.diff(tracks.y))
    for n in range(len(tracks)):
        until = n + fixes - 1
        expected = np.nan
        if until < len(tracks) and tracks.track[until] == tracks.track[n]:
            walked = step[n:until].sum()
            net = np.hypot(tracks.x[until] - tracks.x[n], tracks.y[until] - tracks.y[n])
            expected = net / walked if walked else np.nan
        assert found[n] == pytest.approx(expected, rel=1e-12, abs=1e-15, nan_ok=True)
