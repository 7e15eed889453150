"""Moved, turned, reversed, cut or shuffled: the same answer."""

import numpy as np
import pytest
import shapely

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.stopovers import find_stays
from ecoduct_analysis.tracks import FloatArray, Tracks
from gallery import HOUR_MS, random_walks

RULE = StayRule(radius_m=300.0, min_stay_h=6.0, max_gap_h=12.0)
SEEDS = range(25)


def some_fences(seed: int) -> list[FloatArray]:
    dice = np.random.default_rng(seed + 1000)
    return [np.cumsum(dice.normal(0, 700, (12, 2)), axis=0) for _ in range(6)]


def as_barriers(fences: list[FloatArray]) -> Barriers:
    names = [str(n) for n in range(len(fences))]
    return Barriers.from_geometries(names, [shapely.LineString(fence) for fence in fences])


def moved(tracks: Tracks, change: FloatArray, shift: FloatArray) -> Tracks:
    x, y = change @ np.stack((tracks.x, tracks.y)) + shift[:, None]
    return Tracks(tracks.names, tracks.offsets, tracks.t_ms, x, y)


def stay_spans(tracks: Tracks) -> list[tuple[int, int, int]]:
    stays = find_stays(tracks, RULE)
    return list(
        zip(
            stays.track.tolist(),
            tracks.t_ms[stays.first].tolist(),
            tracks.t_ms[stays.last].tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_crossings_agree_with_a_geometry_library(seed: int) -> None:
    tracks, fences = random_walks(seed), some_fences(seed)
    found = find_crossings(tracks, as_barriers(fences))
    ours = set(zip(found.first.tolist(), found.feature.tolist(), strict=True))
    first = tracks.steps
    ends = [np.stack((tracks.x[at], tracks.y[at]), axis=1) for at in (first, first + 1)]
    steps = shapely.linestrings(np.stack(ends, axis=1))
    theirs = {
        (int(first[step]), number)
        for number, fence in enumerate(fences)
        for step in np.flatnonzero(shapely.intersects(steps, shapely.LineString(fence)))
    }
    assert ours == theirs
    assert ours


@pytest.mark.parametrize("seed", SEEDS)
def test_turning_and_shifting_the_world_changes_nothing(seed: int) -> None:
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([123_456.0, -9_876.5])
    tracks, fences = random_walks(seed), some_fences(seed)
    other = moved(tracks, turn, shift)
    here = find_crossings(tracks, as_barriers(fences))
    there = find_crossings(other, as_barriers([fence @ turn.T + shift for fence in fences]))
    assert here.first.tolist() == there.first.tolist()
    assert here.net.tolist() == there.net.tolist()
    assert np.abs(here.t_ms - there.t_ms).max() <= 1
    assert stay_spans(tracks) == stay_spans(other)


@pytest.mark.parametrize("seed", SEEDS)
def test_turning_round_at_the_end_brings_every_net_crossing_back(seed: int) -> None:
    tracks = random_walks(seed, animals=1)
    there_and_back = Tracks.from_arrays(
        ["a"],
        track=np.zeros(2 * len(tracks) - 1, dtype=int),
        t_ms=np.arange(2 * len(tracks) - 1),
        x=np.concatenate((tracks.x, tracks.x[-2::-1])),
        y=np.concatenate((tracks.y, tracks.y[-2::-1])),
    )
    found = find_crossings(there_and_back, as_barriers(some_fences(seed)))
    for number in range(6):
        assert found.net[found.feature == number].sum() == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_stays_are_the_same_backwards_in_time(seed: int) -> None:
    tracks = random_walks(seed)
    backwards = Tracks.from_arrays(
        tracks.names, track=tracks.track, t_ms=-tracks.t_ms, x=tracks.x, y=tracks.y
    )
    mirrored = sorted((track, -end, -begin) for track, begin, end in stay_spans(backwards))
    assert mirrored == stay_spans(tracks)
    assert mirrored


@pytest.mark.parametrize("seed", SEEDS)
def test_stay_in_a_part_of_a_track_is_the_stay_in_the_whole(seed: int) -> None:
    tracks = random_walks(seed, animals=1, fixes=200)
    reach_ms = round(RULE.reach_h * HOUR_MS)
    cut = int(tracks.t_ms[100])
    part = tracks.t_ms >= cut
    later = Tracks.from_arrays(
        ["a"],
        track=np.zeros(part.sum(), dtype=int),
        t_ms=tracks.t_ms[part],
        x=tracks.x[part],
        y=tracks.y[part],
    )
    clear = [span for span in stay_spans(tracks) if span[1] > cut + reach_ms]
    assert [span for span in stay_spans(later) if span[1] > cut + reach_ms] == clear
