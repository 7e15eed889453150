"""Behaviour at barriers: moved, turned, shuffled or cut into chunks, it is the same."""

import numpy as np
import pytest
import shapely

from ecoduct_analysis.barrier_behaviour import Mode, classify_encounters
from ecoduct_analysis.barrier_ranking import rank_pieces
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.encounters import KINDS, Behaviour, join_behaviours
from ecoduct_analysis.rules import EncounterRule
from ecoduct_analysis.tracks import Tracks
from gallery import HOUR_MS

SEEDS = range(8)
RULE = EncounterRule(buffer_m=150.0, interval_h=2.0, max_cross=2)
MODES: tuple[Mode, ...] = ("robust", "parity")


def herd(seed: int, *, animals: int = 6, fixes: int = 400) -> Tracks:
    """Animals that wander about fences, every two hours, some fixes late or missing."""
    dice = np.random.default_rng(seed)
    shape = (animals, fixes)
    heading = np.cumsum(dice.normal(0, 0.8, shape), axis=1)
    length = dice.gamma(1.0, 200.0, shape)
    hours = np.cumsum(np.where(dice.random(shape) < 0.03, 4.0, 2.0), axis=1)
    hours += np.where(dice.random(shape) < 0.05, 0.2, 0.0)
    return Tracks.from_arrays(
        [f"animal {n}" for n in range(animals)],
        track=np.repeat(np.arange(animals), fixes),
        t_ms=np.rint(hours * HOUR_MS).ravel().astype(int),
        x=np.round(np.cumsum(length * np.cos(heading), axis=1), 2).ravel(),
        y=np.round(np.cumsum(length * np.sin(heading), axis=1), 2).ravel(),
    )


def fences(seed: int) -> list[FloatArray]:
    dice = np.random.default_rng(seed + 50)
    return [
        dice.uniform(-4000, 4000, 2) + np.cumsum(dice.normal(0, 900, (8, 2)), axis=0)
        for _ in range(12)
    ]


def as_barriers(lines: list[FloatArray]) -> Barriers:
    return Barriers.from_geometries(
        [str(n) for n in range(len(lines))], [shapely.LineString(each) for each in lines]
    )


def told(tracks: Tracks, seen: Behaviour) -> list[tuple[object, ...]]:
    """What is said of each encounter and crossing, by name and time."""
    of, crossings = seen.encounters, seen.crossings
    rows: list[tuple[object, ...]] = [
        (tracks.names[of.track[n]], int(of.start_ms[n]), int(of.end_ms[n]), int(of.crossings[n]),
         KINDS[of.kind[n]], int(of.reason[n]), int(of.fixes[n]), f"{of.straightness[n]:.6f}")
        for n in range(len(of))
    ]  # fmt: skip
    rows += [
        (tracks.names[crossings.track[n]], int(crossings.feature[n]), int(crossings.net[n]),
         int(tracks.t_ms[crossings.first[n]]), bool(seen.without_encounter[n]))
        for n in range(len(crossings))
    ]  # fmt: skip
    return sorted(rows, key=str)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_animals_and_rows_changes_nothing(seed: int, mode: Mode) -> None:
    tracks, barriers = herd(seed), as_barriers(fences(seed))
    dice = np.random.default_rng(seed)
    renamed, rows = dice.permutation(len(tracks.names)), dice.permutation(len(tracks))
    mixed = Tracks.from_arrays(
        [tracks.names[n] for n in np.argsort(renamed)],
        track=renamed[tracks.track][rows],
        t_ms=tracks.t_ms[rows],
        x=tracks.x[rows],
        y=tracks.y[rows],
    )
    seen = told(tracks, classify_encounters(tracks, barriers, RULE, mode=mode))
    assert told(mixed, classify_encounters(mixed, barriers, RULE, mode=mode)) == seen
    assert len({row[4] for row in seen}) > 3


@pytest.mark.parametrize("seed", SEEDS)
def test_turning_and_shifting_the_world_changes_nothing(seed: int) -> None:
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = np.array([500_000.0, 4_000_000.0])
    tracks, lines = herd(seed), fences(seed)
    x, y = turn @ np.stack((tracks.x, tracks.y)) + shift[:, None]
    later = tracks.t_ms + 86_400_000 * 365
    moved = Tracks(tracks.names, tracks.offsets, later, x, y)
    seen = classify_encounters(tracks, as_barriers(lines), RULE)
    other = classify_encounters(moved, as_barriers([a @ turn.T + shift for a in lines]), RULE)
    assert other.encounters.kind.tolist() == seen.encounters.kind.tolist()
    assert other.encounters.first.tolist() == seen.encounters.first.tolist()
    assert other.crossings.net.tolist() == seen.crossings.net.tolist()
    assert other.encounter.tolist() == seen.encounter.tolist()


@pytest.mark.parametrize("fixes", [1, 900])
@pytest.mark.parametrize("seed", SEEDS)
def test_chunks_give_what_the_whole_gives(seed: int, fixes: int) -> None:
    tracks, barriers = herd(seed), as_barriers(fences(seed))
    parts = [(chunk, classify_encounters(chunk, barriers, RULE)) for chunk in tracks.chunks(fixes)]
    whole, joined = classify_encounters(tracks, barriers, RULE), join_behaviours(parts)
    assert told(tracks, joined) == told(tracks, whole)
    assert joined.encounters.members.tolist() == whole.encounters.members.tolist()
    assert joined.encounters.member_offsets.tolist() == whole.encounters.member_offsets.tolist()
    ranks = [rank_pieces(seen, barriers) for seen in (whole, joined)]
    assert ranks[0].p_worst.tolist() == ranks[1].p_worst.tolist()
