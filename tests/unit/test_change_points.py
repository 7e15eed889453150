"""Change points: planted shifts are found, wandering is none, and pieces are the best there are."""

from itertools import combinations

import numpy as np
import pytest

from ecoduct_analysis.change_points import ChangeRule, are_confirmed, cut_means, find_changes
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.phases import SETTLED, find_phases, find_transitions
from ecoduct_analysis.synthetic import migrate
from ecoduct_analysis.tracks import Tracks
from gallery import TRACKS

DAY_MS = 86_400_000


def test_pieces_are_the_best_of_all() -> None:
    values = np.random.default_rng(3).normal(0, 1, (12, 2)) + np.repeat([[0, 0], [2, 1]], 6, axis=0)

    def cost(cuts: tuple[int, ...]) -> float:
        parts = np.split(values, cuts)
        return float(sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts))

    best = min((cuts for cuts in combinations(range(2, 11), 2) if cuts[1] - cuts[0] >= 2), key=cost)
    assert cut_means(values, pieces=3, min_length=2).tolist() == [0, *best, 12]


def test_two_ranges_at_one_distance_from_the_first_are_different_places() -> None:
    # Displacement from the first range is 50 km in both: only the places tell them apart.
    places = np.repeat([[0, 0], [50e3, 0], [0, 50e3]], 30, axis=0)
    tracks = Tracks.from_arrays(
        ["a"], track=[0] * 90, t_ms=np.arange(90) * DAY_MS, x=places[:, 0], y=places[:, 1]
    )
    found = find_changes(tracks)
    assert (found.at_ms // DAY_MS).tolist() == [30, 60]
    np.testing.assert_allclose(found.shift_m, [50e3, 50e3 * np.sqrt(2)])


def test_residents_change_nowhere_and_all_planted_moves_are_confirmed() -> None:
    herd = migrate(12, seed=4, residents=6)
    changes = find_changes(herd.tracks)
    assert (changes.track < 6).all()
    moves = find_transitions(find_phases(herd.tracks))
    ends = (moves.before == SETTLED) | (moves.after == SETTLED)
    assert ends.sum() == 24
    assert are_confirmed(moves.track[ends], moves.at_ms[ends], changes).all()


def test_every_awkward_track_is_borne() -> None:
    for name, tracks in TRACKS.items():
        assert len(find_changes(tracks)) == 0, name


def test_cuts_that_cannot_be_made_are_refused() -> None:
    with pytest.raises(BadRule, match="cannot be cut"):
        cut_means([1, 2, 3], pieces=2, min_length=2)
    assert cut_means([1, 2, 3], pieces=1).tolist() == [0, 3]


@pytest.mark.parametrize(
    "wrong",
    [{"min_change_days": 0}, {"change_penalty": float("nan")}, {"min_spread_m": 0.0},
     {"offset_h": float("inf")}],
)  # fmt: skip
def test_rules_that_cannot_be_used_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadRule):
        ChangeRule(**wrong)  # type: ignore[arg-type]
