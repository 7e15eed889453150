"""Steps: lengths, headings, turns, straightness; expected values by hand or from Karney's Geod."""

import numpy as np
import pytest
from pyproj import Geod

from ecoduct_analysis.columns import NO_TIME
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.steps import (
    Steps,
    measure_steps,
    net_squared_displacement_m2,
    straightness,
    track_straightness,
)
from ecoduct_analysis.tracks import FloatArray, Tracks
from gallery import TRACKS, walk

NAN = float("nan")


def wander(*places: tuple[float, float], seconds: list[float] | None = None) -> Fixes:
    """One animal in degrees, a minute between fixes unless told otherwise."""
    at = np.arange(len(places)) * 60.0 if seconds is None else np.array(seconds)
    lon, lat = np.array(places, dtype=float).reshape(-1, 2).T
    return Fixes.from_arrays(
        ["a"], track=np.zeros(len(places), int), t_ms=(at * 1000).astype(int), x=lon, y=lat
    )


def columns(steps: Steps) -> tuple[FloatArray, ...]:
    return (
        steps.length_m,
        steps.duration_s,
        steps.speed_m_s,
        steps.heading_deg,
        steps.turn_deg,
    )


@pytest.mark.parametrize("name", TRACKS)
def test_every_track_of_the_gallery_has_one_row_for_each_fix(name: str) -> None:
    tracks = TRACKS[name]
    steps = measure_steps(tracks)
    assert all(len(column) == len(tracks) == len(steps) for column in columns(steps))
    last = tracks.offsets[1:][np.diff(tracks.offsets) > 0] - 1
    assert all(np.isnan(column[last]).all() for column in columns(steps))
    assert len(net_squared_displacement_m2(tracks)) == len(tracks)
    assert len(straightness(tracks, fixes=3)) == len(tracks)
    assert len(track_straightness(tracks)) == len(tracks.names)


@pytest.mark.parametrize(
    ("end", "heading"),
    [((0, 1), 0), ((1, 1), 45), ((1, 0), 90), ((1, -1), 135), ((0, -1), 180), ((-1, 0), 270)],
)
def test_headings_are_clockwise_from_grid_north(end: tuple[float, float], heading: float) -> None:
    assert measure_steps(walk((0, 0), end)).heading_deg[0] == heading


def test_a_right_turn_is_positive() -> None:
    steps = measure_steps(walk((0, 0), (0, 1), (1, 1), (1, 2), (1, 1)))
    assert steps.turn_deg[1:4].tolist() == [90, -90, 180]
    assert np.isnan(steps.turn_deg[[0, 4]]).all()


def test_a_step_of_no_length_has_no_heading_and_no_turn_beside_it() -> None:
    steps = measure_steps(wander((5, 50), (5, 50), (6, 50), (7, 51)))
    assert steps.length_m[0] == 0
    assert steps.speed_m_s[0] == 0
    assert np.isnan(steps.heading_deg[0])
    assert np.isnan(steps.turn_deg[[0, 1]]).all()
    assert np.isfinite(steps.turn_deg[2])


def test_two_fixes_at_one_time_have_no_speed() -> None:
    steps = measure_steps(wander((5, 50), (6, 50), seconds=[7, 7]))
    assert steps.duration_s[0] == 0
    assert np.isnan(steps.speed_m_s[0])


def test_missing_times_and_positions_give_nan() -> None:
    fixes = Fixes.from_arrays(
        ["a"], track=[0] * 5, t_ms=[NO_TIME, 0, 1000, 2000, 3000],
        x=[5, 5, NAN, 5, 5], y=[50, 50, 50, 91, 50],
    )  # fmt: skip
    steps = measure_steps(fixes)
    assert np.isnan(steps.length_m).tolist() == [False, True, True, True, True]
    assert np.isnan(steps.duration_s).tolist() == [True, False, False, False, True]
    assert np.isnan(steps.speed_m_s).all()
    assert np.isnan(steps.heading_deg[1:]).all()


def test_no_step_leads_from_one_animal_to_the_next() -> None:
    fixes = Fixes.from_arrays(
        ["a", "b"], track=[0, 0, 1, 1], t_ms=[0, 1, 0, 1], x=[0, 0, 9, 9], y=[0, 1, 9, 8], crs=None
    )
    steps = measure_steps(fixes)
    assert np.isnan(steps.length_m).tolist() == [False, True, False, True]
    assert np.isnan(steps.turn_deg).all()


def test_one_degree_of_the_equator_is_the_radius_times_an_angle() -> None:
    assert measure_steps(wander((0, 0), (1, 0))).length_m[0] == pytest.approx(111_319.490793, 1e-6)


def test_a_step_over_the_antimeridian_is_short() -> None:
    steps = measure_steps(wander((179.99, 0), (-179.99, 0), (179.99, 0)))
    assert steps.length_m[:2] == pytest.approx(2226.3898, rel=1e-6)
    assert steps.heading_deg[:2] == pytest.approx([90, 270])


def test_longitudes_to_360_are_the_same_places() -> None:
    one = measure_steps(wander((179.9, 10), (-179.9, 11)))
    other = measure_steps(wander((179.9, 10), (180.1, 11)))
    assert one.length_m[0] == pytest.approx(other.length_m[0], rel=1e-9)


def test_a_straight_line_past_the_pole_turns_nowhere() -> None:
    lon, lat, _ = Geod(ellps="WGS84").fwd([40.0] * 9, [89.95] * 9, [10.0] * 9, np.arange(9) * 2e3)
    steps = measure_steps(wander(*zip(lon, lat, strict=True)))
    assert steps.turn_deg[1:-1] == pytest.approx(np.zeros(7), abs=1e-6)
    assert np.ptp(steps.heading_deg[:-1]) > 90


def test_a_step_over_the_pole_is_measured() -> None:
    steps = measure_steps(wander((0, 89.9), (180, 89.9)))
    assert steps.length_m[0] == pytest.approx(22_338.79, rel=1e-6)  # 0.2 degrees of 111 694 m
    assert steps.heading_deg[0] == pytest.approx(0, abs=1e-9)


def test_the_pole_is_one_place_at_any_longitude() -> None:
    steps = measure_steps(wander((0, 90), (100, 90), (1, -90), (0, -90)))
    assert steps.length_m[[0, 2]].tolist() == [0, 0]
    assert np.isnan(steps.heading_deg[[0, 2]]).all()
    assert steps.length_m[1] == pytest.approx(20_003_931.4586, rel=1e-9)


def test_opposite_places_are_half_around_the_earth() -> None:
    steps = measure_steps(wander((10, 30), (-169.9999, -30.0001)))
    _, _, length = Geod(ellps="WGS84").inv(10, 30, -169.9999, -30.0001)
    assert steps.length_m[0] == pytest.approx(length, rel=1e-9)


def test_a_gap_of_a_year_is_a_slow_step() -> None:
    steps = measure_steps(wander((0, 0), (1, 0), seconds=[0, 31_536_000]))
    assert steps.speed_m_s[0] == pytest.approx(111_319.490793 / 31_536_000, rel=1e-6)


def test_displacement_counts_from_the_first_fix_with_a_position() -> None:
    fixes = Fixes.from_arrays(
        ["a", "none", "lost"], track=[0, 0, 0, 2], t_ms=[0, 1, 2, 0],
        x=[NAN, 0, 3, NAN], y=[0, 0, 4, NAN], crs=None,
    )  # fmt: skip
    assert net_squared_displacement_m2(fixes) == pytest.approx([NAN, 0, 25, NAN], nan_ok=True)


def test_displacement_in_degrees_is_measured_on_the_ellipsoid() -> None:
    away = net_squared_displacement_m2(wander((179.5, 0), (-179.5, 0)))
    assert away == pytest.approx([0, 111_319.490793**2], rel=1e-6)


def test_straightness_of_windows_and_of_the_whole() -> None:
    square = walk((0, 0), (1, 0), (1, 1), (0, 1), (0, 0), (0, 0))
    assert straightness(square, fixes=2) == pytest.approx([1, 1, 1, 1, NAN, NAN], nan_ok=True)
    root = 2**0.5 / 2
    assert straightness(square, fixes=3) == pytest.approx(
        [root, root, root, 1, NAN, NAN], nan_ok=True
    )
    assert straightness(square, fixes=5)[:2] == pytest.approx([0, 1 / 3])
    assert track_straightness(square).tolist() == [0]


def test_straightness_is_kept_to_the_last_digit_after_a_long_way() -> None:
    far = np.concatenate(([0.0], np.full(999, 1e9), 1e9 + np.arange(1, 5) * 1e-3))
    x = np.cumsum(np.where(np.arange(len(far)) % 2, far, -far))
    x[-4:] = x[-5] + np.array([0, 1, 0, 1])
    walked = walk(*[(float(value), 0.0) for value in x])
    assert straightness(walked, fixes=4)[-4] == pytest.approx(1 / 3, rel=1e-12)


def test_windows_never_reach_into_the_next_track() -> None:
    two = Tracks.from_arrays(
        ["a", "b"], track=[0, 0, 1, 1, 1], t_ms=[0, 1, 0, 1, 2], x=[0, 1, 0, 1, 2], y=[0] * 5
    )
    assert np.isfinite(straightness(two, fixes=3)).tolist() == [False, False, True, False, False]


def test_a_window_of_one_fix_is_refused() -> None:
    with pytest.raises(BadRule, match="two fixes"):
        straightness(walk((0, 0)), fixes=1)
