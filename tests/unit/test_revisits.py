"""Places, visits and passages, worked by hand and against the slow way of the references."""

import numpy as np
import pytest

from ecoduct_analysis.errors import AnalysisError
from ecoduct_analysis.first_passage import first_passage_s, log_passage_variance
from ecoduct_analysis.revisits import (
    find_places,
    visits_to,
)
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.stopovers import Stays, find_stays
from ecoduct_analysis.tracks import FloatArray, Tracks
from gallery import HOUR_MS, NOBODY, TRACKS, random_walks, walk

RULE = StayRule(radius_m=100.0, min_stay_h=2.0, max_gap_h=6.0)
H_S = 3600.0


def rests_at(*places: tuple[float, float]) -> tuple[Tracks, Stays]:
    """Three hours at each place, ten hours between."""
    hours = [13.0 * n + hour for n in range(len(places)) for hour in range(3)]
    tracks = walk(*[place for place in places for _ in range(3)], hours=hours)
    return tracks, find_stays(tracks, RULE)


@pytest.mark.parametrize("tracks", TRACKS.values(), ids=TRACKS)
def test_awkward_tracks_bear_it(tracks: Tracks) -> None:
    stays = find_stays(tracks, RULE)
    places = find_places(tracks, stays, link_m=100.0)
    visits = visits_to(tracks, places.x, places.y, radius_m=100.0)
    assert set(visits.place.tolist()) == set(range(len(places)))
    assert first_passage_s(tracks, [1.0, 50.0]).shape == (len(tracks), 2)


def test_stays_near_each_other_are_one_place_and_a_chain_is_too() -> None:
    tracks, stays = rests_at((0, 0), (5000, 0), (80, 0), (160, 0), (5000, 90))
    places = find_places(tracks, stays, link_m=90.0)
    assert places.place.tolist() == [0, 1, 0, 0, 1]
    assert (places.x.tolist(), places.y.tolist()) == ([80.0, 5000.0], [0.0, 45.0])
    assert (places.stays.tolist(), places.animals.tolist()) == ([3, 2], [1, 1])
    assert places.stayed_s.tolist() == [6 * H_S, 4 * H_S]
    assert len(find_places(tracks, stays, link_m=79.0)) == 5


def test_places_do_not_depend_on_the_order_of_animals() -> None:
    tracks = random_walks(5, animals=6, fixes=200)
    order = [4, 2, 5, 0, 3, 1]
    other = tracks.select(order)
    here = find_places(tracks, find_stays(tracks, RULE), link_m=150.0)
    there = find_places(other, find_stays(other, RULE), link_m=150.0)
    np.testing.assert_allclose(here.x, there.x, rtol=1e-12)
    assert here.animals.tolist() == there.animals.tolist()
    assert len(here) > 3


@pytest.mark.parametrize("seed", range(4))
def test_places_are_those_of_all_pairs(seed: int) -> None:
    tracks = random_walks(seed, animals=4, fixes=300)
    stays = find_stays(tracks, RULE)
    places = find_places(tracks, stays, link_m=400.0)
    near = np.hypot(stays.x[:, None] - stays.x, stays.y[:, None] - stays.y) <= 400.0
    label = np.arange(len(stays))
    for _ in range(len(stays)):
        label = np.where(near, label, len(stays)).min(axis=1)
    same = label[:, None] == label
    assert (same == (places.place[:, None] == places.place)).all()


def test_places_on_one_line_and_at_one_spot_are_told_apart() -> None:
    tracks, stays = rests_at((0, 0), (0, 0), (500, 0), (1000, 0), (1000, 0), (1050, 0))
    places = find_places(tracks, stays, link_m=60.0)
    assert sorted(places.stays.tolist()) == [1, 2, 3]


def test_visit_begins_and_ends_where_the_steps_cross_the_circle() -> None:
    # In at -50 from -100 to 0: half way; out at 40, 30 on the way from 0, 0 to 80, 60: half way.
    past = walk((-100, 0), (0, 0), (80, 60))
    visits = visits_to(past, [0.0], [0.0], radius_m=50.0)
    assert visits.begins_ms.tolist() == [HOUR_MS // 2]
    assert visits.ends_ms.tolist() == [3 * HOUR_MS // 2]
    assert (visits.inside_s.tolist(), visits.fixes.tolist()) == ([H_S], [1])
    assert not (visits.begins_in_gap | visits.ends_in_gap).any()


def test_short_outing_is_time_inside() -> None:
    there = walk((0, 0), (100, 0), (0, 0), (100, 0), (100, 0), (100, 0), (0, 0))
    visits = visits_to(there, [0.0], [0.0], radius_m=50.0, outing_h=1.5)
    # Half an hour in, an hour out, an hour in; three hours out; half an hour in.
    assert visits.inside_s.tolist() == [2.5 * H_S, 0.5 * H_S]
    assert visits.since_s.tolist()[1:] == [3 * H_S]
    assert np.isnan(visits.since_s[0])
    assert (visits.fixes.tolist(), visits.begins_in_gap.tolist()) == ([2, 1], [True, False])
    assert len(visits_to(there, [0.0], [0.0], radius_m=50.0, outing_h=1.0)) == 3


def test_nobody_knows_how_long_a_visit_lasts_into_a_silence() -> None:
    there = walk((100, 0), (0, 0), (1, 0), (2, 0), (100, 0), hours=[0, 1, 2, 30, 60])
    visits = visits_to(there, [0.0], [0.0], radius_m=50.0)
    assert visits.ends_in_gap.tolist() == [True, True]
    assert visits.begins_in_gap.tolist() == [False, True]
    assert visits.inside_s.tolist() == [1.5 * H_S, 0.0]
    as_reference = visits_to(there, [0.0], [0.0], radius_m=50.0, max_gap_h=np.inf)
    assert len(as_reference) == 1


def test_step_that_only_cuts_through_is_no_visit() -> None:
    assert len(visits_to(walk((-100, 0), (100, 0)), [0.0], [0.0], radius_m=50.0)) == 0


@pytest.mark.parametrize(("seed", "outing_h"), [(0, 0.0), (1, 3.0), (2, 10.0)])
def test_visits_are_those_of_the_reference(seed: int, outing_h: float) -> None:
    tracks = random_walks(seed, animals=3, fixes=150, scale=200.0)
    at = np.arange(0, len(tracks), 7)
    x, y = tracks.x[at], tracks.y[at]
    found = visits_to(tracks, x, y, radius_m=300.0, outing_h=outing_h, max_gap_h=np.inf)
    rows = recurse(tracks, x, y, radius_m=300.0, threshold_s=outing_h * H_S)
    assert found.place.tolist() == [row[0] for row in rows]
    assert found.track.tolist() == [row[1] for row in rows]
    np.testing.assert_allclose(found.inside_s, [row[2] for row in rows], atol=1e-3)
    np.testing.assert_allclose(found.since_s, [row[3] for row in rows], atol=1e-3)


def recurse(
    tracks: Tracks, x: FloatArray, y: FloatArray, *, radius_m: float, threshold_s: float
) -> list[tuple[int, int, float, float]]:
    """The loop of recurse 1.4.0, getRecursionsCpp: place, track, time inside, time since."""
    rows: list[tuple[int, int, float, float]] = []
    t_s = tracks.t_ms / 1000.0
    for place in range(len(x)):
        for track in range(len(tracks.names)):
            begin, end = tracks.offsets[track : track + 2].tolist()
            inside = np.hypot(tracks.x - x[place], tracks.y - y[place]) <= radius_m
            is_in = bool(inside[begin])
            entered, left, since, joins = t_s[begin], np.nan, np.nan, False
            for fix in range(begin + 1, end + 1):
                ends = fix == end
                if is_in and (ends or not inside[fix]):
                    left = t_s[fix - 1]
                    if not ends:
                        part = crossing(tracks, fix - 1, fix, (x[place], y[place]), radius_m)
                        left += part * (t_s[fix] - t_s[fix - 1])
                    if joins:
                        last = rows[-1]
                        rows[-1] = (place, track, last[2] + left - entered, last[3])
                    else:
                        rows.append((place, track, left - entered, since))
                    is_in = False
                elif not ends and not is_in and inside[fix]:
                    part = crossing(tracks, fix, fix - 1, (x[place], y[place]), radius_m)
                    entered = t_s[fix] - part * (t_s[fix] - t_s[fix - 1])
                    since = entered - left
                    joins = bool(since < threshold_s)
                    if joins:
                        last = rows[-1]
                        rows[-1] = (place, track, last[2] + since, last[3])
                    is_in = True
    return rows


def crossing(
    tracks: Tracks, inner: int, outer: int, where: tuple[float, float], radius_m: float
) -> float:
    """Its calculateCrossingPercentage."""
    ax, ay = tracks.x[inner], tracks.y[inner]
    length = np.hypot(tracks.x[outer] - ax, tracks.y[outer] - ay)
    dx, dy = (tracks.x[outer] - ax) / length, (tracks.y[outer] - ay) / length
    t = dx * (where[0] - ax) + dy * (where[1] - ay)
    off = np.hypot(t * dx + ax - where[0], t * dy + ay - where[1])
    return float((t + np.sqrt(max(radius_m**2 - off**2, 0.0))) / length)


def test_passage_of_a_straight_walk_is_the_diameter_over_the_speed() -> None:
    past = walk(*[(100.0 * n, 0.0) for n in range(9)])
    passage = first_passage_s(past, [150.0])
    assert np.isnan(passage[[0, 1, 7, 8], 0]).all()
    np.testing.assert_allclose(passage[2:7, 0], 3 * H_S)


def test_passage_ends_where_the_step_meets_the_circle() -> None:
    # From (30, 40), 50 m away, to (30, -80): the circle of 60 m is met at (30, -51.96).
    past = walk((-120, 0), (0, 0), (30, 40), (30, -80))
    part = (40 + np.sqrt(60**2 - 30**2)) / 120
    np.testing.assert_allclose(first_passage_s(past, 60.0)[1], [(0.5 + 1 + part) * H_S])
    far = np.hypot(30, 80)
    by_distance = (60 - 50) / (far - 50)
    np.testing.assert_allclose(
        first_passage_s(past, 60.0, mode="adehabitat")[1], [(0.5 + 1 + by_distance) * H_S]
    )


def test_no_passage_leads_over_a_silence() -> None:
    past = walk((-100, 0), (0, 0), (10, 0), (100, 0), hours=[0, 1, 30, 31])
    assert np.isfinite(first_passage_s(past, 50.0)[1:3]).all()
    assert np.isnan(first_passage_s(past, 50.0, max_gap_h=24.0)).all()


@pytest.mark.parametrize("seed", range(3))
def test_passages_over_boxes_are_those_of_every_fix(seed: int) -> None:
    tracks = random_walks(seed, animals=2, fixes=500, scale=30.0)
    radius_m = 400.0
    found = first_passage_s(tracks, radius_m)[:, 0]
    for fix in range(0, len(tracks), 37):
        track = int(tracks.track[fix])
        begin, end = tracks.offsets[track : track + 2]
        far = np.hypot(tracks.x - tracks.x[fix], tracks.y - tracks.y[fix]) >= radius_m
        before, after = np.flatnonzero(far[begin:fix]), np.flatnonzero(far[fix:end])
        assert np.isfinite(found[fix]) == bool(len(before) and len(after))
        if np.isfinite(found[fix]):
            widest = tracks.t_ms[fix + after[0]] - tracks.t_ms[begin + before[-1]]
            within = tracks.t_ms[fix + after[0] - 1] - tracks.t_ms[begin + before[-1] + 1]
            assert within <= found[fix] * 1000 <= widest


def test_what_cannot_be_is_refused() -> None:
    tracks, stays = rests_at((0, 0))
    with pytest.raises(AnalysisError):
        find_places(tracks, stays, link_m=np.nan)
    for values in ({"radius_m": 0.0}, {"radius_m": 1.0, "outing_h": np.nan},
                   {"radius_m": 1.0, "max_gap_h": np.nan}):  # fmt: skip
        with pytest.raises(AnalysisError):
            visits_to(tracks, [0.0], [0.0], **values)
    with pytest.raises(AnalysisError):
        visits_to(tracks, [0.0, 1.0], [0.0], radius_m=1.0)
    with pytest.raises(AnalysisError):
        first_passage_s(tracks, [-1.0])
    with pytest.raises(AnalysisError):
        first_passage_s(tracks, [1.0], mode="other")  # type: ignore[arg-type]


def test_variance_of_passages_needs_two() -> None:
    assert np.isnan(log_passage_variance(first_passage_s(NOBODY, [10.0, 20.0]))).all()
