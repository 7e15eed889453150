"""Corridors that animals make: circles, quantiles and what is passed over."""

import math

import numpy as np
import pytest
from pyproj import Geod

from ecoduct_analysis.columns import BoolArray
from ecoduct_analysis.corridors import CorridorRule, CorridorSteps, find_corridors
from ecoduct_analysis.errors import BadRule, BadTracks
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.synthetic import migrate
from ecoduct_analysis.tracks import Tracks
from gallery import FIXES, TRACKS, loose, walk

HOUR_MS = 3_600_000


def path_and_rests(seed: int = 1, *, rounds: int = 8) -> Tracks:
    """Up and down a kilometre of path, with rests at its foot: 100 m steps and 5 m steps."""
    dice = np.random.default_rng(seed)
    there = np.arange(0.0, 1000.0, 100.0)
    x = np.concatenate([there, there[::-1], np.zeros(20)] * rounds)
    x, y = x + dice.normal(0, 5, len(x)), dice.normal(0, 5, len(x))
    t_ms = np.arange(len(x)) * 900_000
    return Tracks.from_arrays(["a"], track=np.zeros(len(x), int), t_ms=t_ms, x=x, y=y)


def by_hand(found: CorridorSteps, rule: CorridorRule) -> BoolArray:
    """Flags of one animal in metres by comparing every step with every other."""
    off = np.hypot(np.subtract.outer(found.mid_x, found.mid_x),
                   np.subtract.outer(found.mid_y, found.mid_y))  # fmt: skip
    within = (off <= found.length_m[:, None] / 2 + 1e-6).astype(int)
    angle = np.radians(found.pseudo_azimuth_deg)
    known = np.isfinite(angle)
    sine, cosine = (within @ np.where(known, wave(angle), 0.0) for wave in (np.sin, np.cos))
    directed = within @ known.astype(int)
    with np.errstate(invalid="ignore"):
        variance = 1 - np.hypot(sine, cosine) / directed
    counts = directed > 1
    limit = np.quantile(variance[counts], rule.circular_variance_quantile)
    fast = found.speed_m_s >= np.quantile(found.speed_m_s, rule.speed_quantile)
    behaves = fast & counts & (variance <= limit + 1e-12)
    assert found.in_circle.tolist() == within.sum(axis=1).tolist()
    np.testing.assert_allclose(found.circular_variance[counts], variance[counts], atol=2e-12)
    many, most = within.sum(axis=1), within @ behaves.astype(int)
    flags: BoolArray = (many > rule.min_neighbours) & (2 * most > many)
    return flags


def test_a_path_walked_often_is_a_corridor_and_a_resting_place_is_not() -> None:
    found = find_corridors(path_and_rests())
    assert found.is_corridor.sum() > 40
    assert found.length_m[found.is_corridor].min() > 50


@pytest.mark.parametrize("seed", range(5))
def test_flags_are_those_of_comparing_every_step_with_every_other(seed: int) -> None:
    tracks, rule = path_and_rests(seed), CorridorRule(speed_quantile=0.6)
    found = find_corridors(tracks, rule)
    assert found.is_corridor.tolist() == by_hand(found, rule).tolist()


def test_columns_of_a_step_are_those_of_its_two_fixes() -> None:
    found = find_corridors(walk((0, 0), (30, 40), (30, 0), (0, 0)))
    assert found.length_m.tolist() == [50.0, 40.0, 30.0]
    assert found.speed_m_s[0] == pytest.approx(50 / 3600)
    assert (found.mid_x.tolist(), found.mid_y.tolist()) == ([15, 30, 15], [20, 20, 0])
    np.testing.assert_allclose(found.azimuth_deg, [math.degrees(math.atan2(3, 4)), 180, -90])
    np.testing.assert_allclose(found.pseudo_azimuth_deg[1:], [0, 180])
    assert (found.first.tolist(), found.last.tolist()) == ([0, 1, 2], [1, 2, 3])


def test_opposite_headings_are_one_direction() -> None:
    found = find_corridors(walk((0, 0), (10, 3), (0, 0), (10, 3), (500, 500)))
    assert found.circular_variance[:3].tolist() == [0.0, 0.0, 0.0]
    assert found.in_circle[:3].tolist() == [3, 3, 3]


def test_a_lonely_circle_neither_counts_nor_is_parallel() -> None:
    # The far step has the only circle with two directions: it alone has a limit to keep.
    found = find_corridors(walk((0, 0), (10, 0), (40, 30), (1000, 30), (20, 15)))
    assert not found.is_parallel[found.in_circle == 1].any()


def test_everything_is_fast_where_all_speeds_are_equal() -> None:
    assert find_corridors(walk(*[(10.0 * n, 0) for n in range(9)])).is_fast.all()


def test_where_no_circle_differs_there_is_no_corridor() -> None:
    there_and_back = walk(*[(10.0 * (n % 2), 0) for n in range(30)])
    found = find_corridors(there_and_back)
    assert (found.circular_variance == 0).all()
    assert np.isnan(found.variance_limit[0])
    assert not found.is_corridor.any()


def test_a_step_of_no_length_has_no_direction_and_is_left_out_of_the_circle() -> None:
    found = find_corridors(walk((0, 0), (10, 0), (6, 0), (6, 0), (6, 0), (9, 0)))
    assert np.isnan(found.azimuth_deg[2:4]).all()
    assert np.isnan(found.circular_variance[2])
    assert found.circular_variance[0] == 0.0
    assert found.in_circle[0] > 2


def test_in_compat_one_step_of_no_length_spoils_the_circle() -> None:
    fixes = loose((18, 40), (18.01, 40), (18.005, 40), (18.005, 40), (18.002, 40))
    found = find_corridors(fixes, mode="compat")
    assert np.isnan(found.circular_variance[0])
    assert np.isfinite(find_corridors(fixes).circular_variance[0])


def test_a_gap_makes_no_circle_and_is_nobodys_neighbour() -> None:
    hours = [0, 1, 2, 50, 51]
    tracks = walk((0, 0), (10, 0), (20, 0), (30, 5), (40, 5), hours=hours)
    found = find_corridors(tracks, CorridorRule(max_gap_h=3.0))
    assert found.is_used.tolist() == [True, True, False, True]
    assert found.in_circle.tolist() == [1, 1, 0, 1]
    assert np.isnan(found.circular_variance[2])


def test_a_short_step_is_passed_over_as_neighbour_too() -> None:
    tracks = walk((0, 0), (100, 0), (50, 0), (50, 1), (51, 1))
    assert find_corridors(tracks).in_circle[0] == 4
    assert find_corridors(tracks, CorridorRule(min_length_m=10)).in_circle.tolist() == [2, 2, 0, 0]


def test_a_time_that_stands_twice_is_taken_once() -> None:
    places = [(18.4, -33.9), (18.41, -33.9), (19.0, -33.9), (18.42, -33.9)]
    twice = find_corridors(loose(*places, hours=[0, 1, 1, 2]))
    once = find_corridors(loose(*places[:2], places[3], hours=[0, 1, 2]))
    assert twice.length_m.tolist() == once.length_m.tolist()
    assert (twice.first.tolist(), twice.last.tolist()) == ([0, 1], [1, 3])


def test_a_walk_over_the_antimeridian_is_a_walk_like_any_other() -> None:
    dice = np.random.default_rng(3)
    places = np.cumsum(dice.normal(0, 0.01, (300, 2)), axis=0)
    here, there = (
        find_corridors(loose(*zip(np.mod(places[:, 0] + lon + 180, 360) - 180,
                                  places[:, 1], strict=True)))
        for lon in (20.0, 180.0)
    )  # fmt: skip
    assert here.in_circle.tolist() == there.in_circle.tolist()
    assert here.is_corridor.tolist() == there.is_corridor.tolist()
    np.testing.assert_allclose(here.circular_variance, there.circular_variance, atol=1e-9)


@pytest.mark.parametrize("scale_deg", [1e-4, 1e-2, 0.2, 3.0, 40.0])
def test_midpoints_and_lengths_are_those_of_the_geodesic(scale_deg: float) -> None:
    dice = np.random.default_rng(5)
    lon = np.mod(dice.uniform(-180, 180) + np.cumsum(dice.normal(0, scale_deg, 200)) + 180, 360)
    lat = np.clip(55 + dice.normal(0, min(scale_deg, 15), 200), -89, 89)
    found = find_corridors(loose(*zip(lon - 180, lat, strict=True)))
    geod = Geod(ellps="WGS84")
    azimuth, _, length_m = geod.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    mid_lon, mid_lat, _ = geod.fwd(lon[:-1], lat[:-1], azimuth, np.asarray(length_m) / 2)
    off_m = geod.inv(np.asarray(mid_lon) - 180, mid_lat, found.mid_x, found.mid_y)[2]
    assert np.max(off_m) < 1e-3
    np.testing.assert_allclose(found.length_m, length_m, rtol=1e-6, atol=1e-6)


def test_degrees_and_metres_agree_on_a_small_place() -> None:
    tracks = path_and_rests()
    lon, lat = 18.0 + tracks.x / 85_000, 40.0 + tracks.y / 111_000
    fixes = Fixes.from_arrays(["a"], track=tracks.track, t_ms=tracks.t_ms, x=lon, y=lat)
    there, here = find_corridors(fixes), find_corridors(fixes.project())
    assert (there.is_corridor == here.is_corridor).mean() > 0.97
    assert (there.in_circle == here.in_circle).mean() > 0.97


def test_a_population_of_one_is_that_animal() -> None:
    tracks = path_and_rests()
    alone, all_of_one = (
        find_corridors(tracks),
        find_corridors(tracks, CorridorRule(population=True)),
    )
    assert alone.is_corridor.tolist() == all_of_one.is_corridor.tolist()
    assert all_of_one.animals.tolist() == [1] * len(alone)


def herd(count: int) -> Tracks:
    """Animals that walk the same path once each, and rest before and after elsewhere."""
    dice = np.random.default_rng(7)
    parts = []
    for n in range(count):
        home = np.array([-3000.0, 4000.0 * n])
        rest = home + np.cumsum(dice.normal(0, 30, (60, 2)), axis=0)
        path = np.stack((np.arange(0.0, 4000, 400), np.zeros(10)), axis=1)
        parts.append(np.concatenate((rest, path + dice.normal(0, 20, (10, 2)))))
    places = np.concatenate(parts)
    track = np.repeat(np.arange(count), 70)
    return Tracks.from_arrays(
        [str(n) for n in range(count)], track=track, t_ms=np.tile(np.arange(70), count) * HOUR_MS,
        x=places[:, 0], y=places[:, 1],
    )  # fmt: skip


def test_a_path_of_many_animals_is_found_in_the_population_only() -> None:
    tracks = herd(6)
    alone = find_corridors(tracks)
    shared = find_corridors(tracks, CorridorRule(population=True, min_animals=4))
    on_path = (shared.mid_x > 100) & (np.abs(shared.mid_y) < 100)
    assert alone.is_corridor[on_path].sum() == 0
    assert shared.is_corridor[on_path].mean() > 0.8
    assert shared.animals[shared.is_corridor].min() >= 4


def test_a_corridor_needs_as_many_animals_as_asked_for() -> None:
    tracks = herd(6)
    found = [find_corridors(tracks, CorridorRule(population=True, min_animals=least))
             for least in (1, 6, 7)]  # fmt: skip
    counts = [int(one.is_corridor.sum()) for one in found]
    assert counts[0] >= counts[1] > counts[2] == 0
    assert found[0].animals.tolist() == found[2].animals.tolist()


def test_animals_in_a_circle_are_counted_once_each() -> None:
    tracks = herd(3)
    found = find_corridors(tracks, CorridorRule(population=True))
    off = np.hypot(np.subtract.outer(found.mid_x, found.mid_x),
                   np.subtract.outer(found.mid_y, found.mid_y))  # fmt: skip
    within = off <= found.length_m[:, None] / 2 + 1e-6
    expected = [len(np.unique(found.track[row])) for row in within]
    assert found.animals.tolist() == expected


@pytest.mark.parametrize("name", TRACKS)
def test_awkward_tracks_have_a_row_for_each_step(name: str) -> None:
    tracks = TRACKS[name]
    for rule in (CorridorRule(), CorridorRule(population=True, min_animals=2),
                 CorridorRule(max_gap_h=5, min_length_m=1)):  # fmt: skip
        found = find_corridors(tracks, rule)
        assert len(found) == len(tracks.steps)
        assert ((found.in_circle > 0) == found.is_used).all()


@pytest.mark.parametrize("name", FIXES)
def test_awkward_fixes_are_borne(name: str) -> None:
    found = find_corridors(FIXES[name])
    assert np.isfinite(found.length_m).all()
    assert (found.in_circle > 0).all()
    assert ((found.last - found.first) > 0).all()
    if FIXES[name].is_degrees:
        assert len(find_corridors(FIXES[name], mode="compat")) == len(found)


def test_a_crowd_at_one_place_is_counted_without_looking_at_every_pair() -> None:
    # 40,000 midpoints in each other's circles would be 1.6 billion pairs.
    dice = np.random.default_rng(2)
    places = dice.normal(0, 1, (40_000, 2))
    places[::100] += dice.normal(0, 1000, (400, 2))
    tracks = Tracks.from_arrays(
        ["a"], track=np.zeros(40_000, int), t_ms=np.arange(40_000) * 1000,
        x=places[:, 0], y=places[:, 1],
    )  # fmt: skip
    found = find_corridors(tracks)
    some = dice.integers(0, len(found), 50)
    for n in some.tolist():
        off = np.hypot(found.mid_x - found.mid_x[n], found.mid_y - found.mid_y[n])
        assert found.in_circle[n] == (off <= found.length_m[n] / 2 + 1e-6).sum()


def test_variances_that_are_given_stand_in_for_ours() -> None:
    tracks = path_and_rests()
    found = find_corridors(tracks)
    again = find_corridors(tracks, circular_variance=found.circular_variance)
    assert again.is_corridor.tolist() == found.is_corridor.tolist()
    flat = find_corridors(tracks, circular_variance=np.ones(len(found)))
    assert not flat.is_corridor.any()
    with pytest.raises(BadTracks, match="circular variances"):
        find_corridors(tracks, circular_variance=[0.5])


@pytest.mark.parametrize(
    "wrong",
    [{"speed_quantile": 1.5}, {"speed_quantile": math.nan}, {"circular_variance_quantile": -0.1},
     {"max_gap_h": 0}, {"max_gap_h": math.nan}, {"min_length_m": -1}, {"min_length_m": math.nan},
     {"min_neighbours": -1}, {"min_animals": 0}, {"min_animals": 2}],
)  # fmt: skip
def test_a_rule_that_cannot_be_used_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadRule):
        CorridorRule(**wrong)  # type: ignore[arg-type]


def test_compat_refuses_what_the_reference_does_not_know() -> None:
    fixes = FIXES["gap of a year"]
    for rule in (CorridorRule(max_gap_h=5), CorridorRule(min_length_m=1),
                 CorridorRule(population=True)):  # fmt: skip
        with pytest.raises(BadRule, match="not in the reference"):
            find_corridors(fixes, rule, mode="compat")
    with pytest.raises(BadTracks, match="degrees"):
        find_corridors(walk((0, 0), (1, 1)), mode="compat")
    with pytest.raises(BadRule, match="no mode"):
        find_corridors(fixes, mode="R")  # type: ignore[arg-type]


def test_fewer_than_two_neighbours_count_as_two_as_in_the_reference() -> None:
    tracks = path_and_rests()
    none, two = (find_corridors(tracks, CorridorRule(min_neighbours=n)) for n in (0, 2))
    assert none.is_corridor.tolist() == two.is_corridor.tolist()


def test_a_population_finds_the_way_that_a_herd_was_planted_on() -> None:
    herd = migrate(12, seed=3, residents=1)
    found = find_corridors(herd.tracks, CorridorRule(population=True, min_animals=3))
    at_ms = (herd.tracks.t_ms[found.first] + herd.tracks.t_ms[found.last]) / 2
    leaves, arrives = herd.leaves_ms[found.track], herd.arrives_ms[found.track]
    away = (at_ms[:, None] >= leaves) & (at_ms[:, None] <= arrives)
    moving = away[:, 0] | away[:, 1]
    for track, begins, ends in zip(
        herd.stay_track, herd.stay_begins_ms, herd.stay_ends_ms, strict=True
    ):
        moving &= ~((found.track == track) & (at_ms >= begins) & (at_ms <= ends))
    assert moving[found.is_corridor].mean() > 0.95
    assert found.is_corridor[moving].mean() > 0.6
