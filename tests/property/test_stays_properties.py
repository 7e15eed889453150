"""Stays: cut, reversed, chunked or noisier, the same answer; and every planted one is found."""

from itertools import pairwise

import numpy as np
import pytest

from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.projection import change_crs
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.stopovers import Stays, find_stays
from ecoduct_analysis.synthetic import migrate
from ecoduct_analysis.tracks import Tracks
from ecoduct_sim import landscape
from ecoduct_sim.herd import Herd, Position, Stay
from gallery import HOUR_MS, random_walks

RULES = (
    StayRule(),
    StayRule(radius_m=500.0, min_stay_h=3.0, max_gap_h=4.0, exits=1),
    StayRule(radius_m=400.0, min_stay_h=8.0, max_gap_h=3.0, exits=3, hysteresis=2.0),
    StayRule(radius_m=300.0, min_stay_h=5.0, max_gap_h=2.5, bridge_h=20.0),
)
SEEDS = range(12)
DAY_MS = 24 * HOUR_MS
BEGIN_MS = 1_772_000_000_000


def noisy(seed: int, *, animals: int = 3, fixes: int = 150) -> Tracks:
    """Random walks with fixes of different error, some of it unknown, and outliers."""
    tracks = random_walks(seed, animals=animals, fixes=fixes)
    dice = np.random.default_rng(seed)
    error = dice.choice([3.0, 10.0, 60.0, np.nan], len(tracks))
    x = tracks.x + np.where(dice.random(len(tracks)) < 0.03, 8000.0, 0.0)
    return Tracks(tracks.names, tracks.offsets, tracks.t_ms, x, tracks.y, error_m=error)


def part_of(tracks: Tracks, begin_ms: int, end_ms: int) -> Tracks:
    return tracks.where((tracks.t_ms >= begin_ms) & (tracks.t_ms <= end_ms))


def spans(tracks: Tracks, rule: StayRule) -> list[tuple[int, int, int]]:
    stays = find_stays(tracks, rule)
    times = (tracks.t_ms[stays.first].tolist(), tracks.t_ms[stays.last].tolist())
    return list(zip(stays.track.tolist(), *times, strict=True))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", SEEDS)
def test_windows_that_are_read_again_give_the_stays_of_the_whole(seed: int, rule: StayRule) -> None:
    tracks = noisy(seed, animals=1, fixes=400)
    reach_ms = round(rule.reach_h * HOUR_MS)
    whole = spans(tracks, rule)
    dice = np.random.default_rng(seed)
    for _ in range(6):
        begin, end = sorted(dice.choice(tracks.t_ms, 2, replace=False).tolist())
        part = spans(part_of(tracks, begin, end), rule)
        # What lies a reach and a stay's own length from the cuts is known.
        clear = [row for row in whole if row[1] > begin + reach_ms and row[2] < end - reach_ms]
        assert set(clear) <= set(part)
        inside = [row for row in part if row[1] > begin + reach_ms and row[2] < end - reach_ms]
        assert set(inside) <= set(whole)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", SEEDS)
def test_stays_are_the_same_backwards_in_time(seed: int, rule: StayRule) -> None:
    tracks = noisy(seed)
    backwards = Tracks.from_arrays(
        tracks.names, track=tracks.track, t_ms=-tracks.t_ms, x=tracks.x, y=tracks.y,
        error_m=tracks.error_m,
    )  # fmt: skip
    mirrored = sorted((track, -end, -begin) for track, begin, end in spans(backwards, rule))
    assert mirrored == spans(tracks, rule)


@pytest.mark.parametrize("rule", RULES)
def test_stays_are_those_of_every_window_looked_at(rule: StayRule) -> None:
    for seed in range(6):
        tracks = noisy(seed, animals=2, fixes=90)
        found = find_stays(tracks, StayRule(
            rule.radius_m, rule.min_stay_h, rule.max_gap_h, rule.error_m, rule.hysteresis,
            rule.exits,
        ))  # fmt: skip
        expected = by_every_window(tracks, rule)
        assert list(zip(found.first.tolist(), found.last.tolist(), strict=True)) == expected
        assert expected


def by_every_window(tracks: Tracks, rule: StayRule) -> list[tuple[int, int]]:
    """The definition in words, without a short cut."""
    errors = np.where(np.isfinite(tracks.errors_m), tracks.errors_m, rule.error_m)
    still = [
        (first, last)
        for begin, end in pairwise(tracks.offsets.tolist())
        for first in range(begin, end)
        for last in range(first + 2, end)
        if is_window(tracks.t_ms, first, last, rule) and is_still(tracks, errors, first, last, rule)
    ]
    stays: list[tuple[int, int]] = []
    for first, last in still:
        if stays and first <= stays[-1][1]:
            stays[-1] = (stays[-1][0], max(last, stays[-1][1]))
        else:
            stays.append((first, last))
    return stays


def is_window(t_ms: IntArray, first: int, last: int, rule: StayRule) -> bool:
    if (np.diff(t_ms[first : last + 1]) > rule.max_gap_h * HOUR_MS).any():
        return False

    def enough(one: int, other: int, fewest: int) -> bool:
        lasts = t_ms[other] - t_ms[one] >= rule.min_stay_h * HOUR_MS
        return bool(lasts and other - one + 1 >= fewest)

    return any(
        enough(first, last, fewest)
        and not (enough(first, last - 1, fewest) and enough(first + 1, last, fewest))
        for fewest in (3, max(3, 3 * rule.exits - 1))
    )


def is_still(tracks: Tracks, errors: FloatArray, first: int, last: int, rule: StayRule) -> bool:
    run = slice(first, last + 1)
    count = last - first + 1
    places = np.stack((tracks.x[run], tracks.y[run]), axis=1)
    way = places[-1] - places[0]
    way = way / np.hypot(*way) if way.any() else np.array([1.0, 0.0])
    turn = np.array([[way[0], -way[1]], [way[1], way[0]]])
    centre = turn @ np.median((places - places[0]) @ turn, axis=0) + places[0]
    wide = np.minimum(2 * errors[run] * np.sqrt(1 + 1 / count), rule.radius_m)
    reach = rule.radius_m + wide
    far = np.hypot(*(places - centre).T)
    edge = np.r_[: min(rule.exits, count), count - min(rule.exits, count) : count]
    away = (far > rule.hysteresis * reach).astype(int)
    in_a_row = np.convolve(away, np.ones(rule.exits, dtype=int))
    return bool((far[edge] <= reach[edge]).all() and in_a_row.max() < rule.exits)


@pytest.mark.parametrize("seed", SEEDS)
def test_animals_mean_nothing_to_each_other(seed: int) -> None:
    tracks = noisy(seed)
    whole = find_stays(tracks, RULES[0])
    for animal in range(3):
        alone = find_stays(tracks.select([animal]), RULES[0])
        mine = whole.track == animal
        for name in ("x", "y", "radius_m", "spread_m", "observed", "is_open"):
            assert getattr(whole, name)[mine].tolist() == getattr(alone, name).tolist()


@pytest.mark.parametrize("seed", SEEDS)
def test_turned_and_shifted_world_has_the_same_stays(seed: int) -> None:
    tracks = noisy(seed)
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    x, y = turn @ np.stack((tracks.x, tracks.y)) + np.array([[123_456.0], [-9_876.5]])
    other = Tracks(tracks.names, tracks.offsets, tracks.t_ms, x, y, error_m=tracks.error_m)
    here, there = (find_stays(each, RULES[0]) for each in (tracks, other))
    assert (here.first.tolist(), here.last.tolist()) == (there.first.tolist(), there.last.tolist())
    moved = turn @ np.stack((here.x, here.y)) + np.array([[123_456.0], [-9_876.5]])
    np.testing.assert_allclose(moved, np.stack((there.x, there.y)), atol=1e-6)
    np.testing.assert_allclose(here.spread_m, there.spread_m, atol=1e-6)


def test_no_stay_is_made_by_a_silence_alone() -> None:
    dice = np.random.default_rng(1)
    for _ in range(200):
        # One fix of one place at both ends of a silence, and a walk that never rests around it.
        before, after = (np.cumsum(dice.uniform(900, 2000, 20)) for _ in range(2))
        x = np.concatenate((-before[::-1], [0.0], [dice.normal(0, 20)], after))
        hours = np.arange(42) + np.where(np.arange(42) > 20, dice.uniform(2, 500), 0.0)
        tracks = Tracks.from_arrays(["a"], track=[0] * 42, t_ms=hours * HOUR_MS, x=x, y=x * 0)
        for max_gap_h in (1.5, 24.0, 1000.0):
            assert len(find_stays(tracks, StayRule(min_stay_h=2.0, max_gap_h=max_gap_h))) == 0


def score(
    tracks: Tracks, stays: Stays, truth: tuple[IntArray, IntArray, IntArray],
    where: FloatArray, *, near_m: float, least_h: float,
) -> tuple[float, float]:  # fmt: skip
    """Recall and precision.

    A found stay is right if it and a planted one share at least half of the time that either
    covers, at one place; each counts once. Planted stays shorter than the rule's least need not
    be found.
    """
    of, begins, ends = truth
    since, until = tracks.t_ms[stays.first], tracks.t_ms[stays.last]
    planted, found = np.nonzero(
        (of[:, None] == stays.track) & (begins[:, None] < until) & (ends[:, None] > since)
    )
    shared = np.minimum(ends[planted], until[found]) - np.maximum(begins[planted], since[found])
    both = np.maximum(ends[planted], until[found]) - np.minimum(begins[planted], since[found])
    apart = np.hypot(*(where[planted] - np.stack((stays.x, stays.y), axis=1)[found]).T)
    right = (2 * shared >= both) & (apart <= near_m)
    # More than half of both: no stay can be right for two.
    assert len(np.unique(planted[right])) == len(np.unique(found[right])) == right.sum()
    asked = ends - begins >= least_h * HOUR_MS
    recall = np.isin(np.flatnonzero(asked), planted[right]).sum() / asked.sum()
    return float(recall), float(right.sum() / max(len(stays), 1))


@pytest.mark.parametrize("interval_min", [15, 30, 60, 120, 240])
def test_every_stopover_of_a_migration_is_found_and_nothing_else(interval_min: int) -> None:
    rule = StayRule(radius_m=200.0, min_stay_h=18.0, max_gap_h=24.0)
    # Long intervals leave room for chance, and cost little.
    animals = 12 if interval_min < 60 else 60
    herd = migrate(animals, seed=3, interval_s=interval_min * 60.0, error_m=10.0, missing=0.2)
    recall, precision = score(
        herd.tracks, find_stays(herd.tracks, rule),
        (herd.stay_track, herd.stay_begins_ms, herd.stay_ends_ms),
        np.stack((herd.stay_x, herd.stay_y), axis=1), near_m=rule.radius_m, least_h=rule.min_stay_h,
    )  # fmt: skip
    assert recall >= 0.98
    assert precision >= 0.98


@pytest.fixture(scope="module")
def herd() -> tuple[list[Position], list[Stay], landscape.Landscape]:
    """Six animals for twelve days, every quarter of an hour, without error."""
    land = landscape.load("steppe")
    until_ms = BEGIN_MS + 12 * DAY_MS
    walkers = Herd(land, animals=6, seed=4, start_ms=BEGIN_MS, interval_ms=HOUR_MS // 4)
    events = list(walkers.events(until_ms=until_ms))
    positions = [event for event in events if isinstance(event, Position)]
    stays = [event for event in events if isinstance(event, Stay)]
    return positions, [*stays, *walkers.open_stays(at_ms=until_ms)], land


@pytest.mark.journey
@pytest.mark.parametrize("interval_min", [15, 30, 60, 120, 240])
def test_every_stay_of_the_simulated_herd_is_found_and_nothing_else(
    herd: tuple[list[Position], list[Stay], landscape.Landscape], interval_min: int
) -> None:
    positions, truth, land = herd
    # As wide as half a pasture of this land; animals graze there for a day or more.
    rule = StayRule(radius_m=1000.0, min_stay_h=16.0, max_gap_h=24.0)
    names = sorted({position.animal for position in positions})
    dice = np.random.default_rng(interval_min)
    kept = [
        position
        for position in positions
        if (position.at_ms - BEGIN_MS) // (HOUR_MS // 4) % (interval_min // 15) == 0
        and dice.random() >= 0.2
    ]
    lon, lat = ([getattr(one, axis) for one in kept] for axis in ("lon", "lat"))
    place = change_crs(lon, lat, source="EPSG:4326", target=f"EPSG:{land.epsg}")
    x, y = place + dice.normal(0.0, 10.0, (2, len(kept)))
    tracks = Tracks.from_arrays(
        names, track=[names.index(one.animal) for one in kept],
        t_ms=[one.at_ms for one in kept], x=x, y=y,
    )  # fmt: skip
    places = {place.id: place for place in land.places}
    columns = [
        [names.index(stay.animal) for stay in truth],
        [stay.starts_at_ms for stay in truth],
        [stay.ends_at_ms for stay in truth],
    ]
    of, begins, ends = (np.array(column, dtype=np.int64) for column in columns)
    where = np.array([places[stay.place].centre for stay in truth])
    recall, precision = score(
        tracks, find_stays(tracks, rule), (of, begins, ends), where,
        near_m=1800.0, least_h=rule.min_stay_h,
    )  # fmt: skip
    assert recall >= 0.98
    assert precision >= 0.98
