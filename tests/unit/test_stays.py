import pytest

from ecoduct_analysis.errors import AnalysisError
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.stopovers import find_stays
from ecoduct_analysis.tracks import Tracks
from gallery import STILL, TRACKS, walk

RULE = StayRule(radius_m=100.0, min_stay_s=4 * 3600.0, max_gap_s=6 * 3600.0)
AWAY = (9000.0, 0.0)
HERE = (0.0, 0.0)


def spans(tracks: Tracks, rule: StayRule = RULE) -> list[tuple[int, int]]:
    stays = find_stays(tracks, rule)
    return list(zip(stays.first.tolist(), stays.last.tolist(), strict=True))


@pytest.mark.parametrize("tracks", TRACKS.values(), ids=TRACKS)
def test_awkward_tracks_bear_it(tracks: Tracks) -> None:
    find_stays(tracks, RULE)


def test_animal_that_stands_still_stays_all_the_time() -> None:
    assert spans(STILL) == [(0, 29)]


def test_stay_begins_and_ends_with_its_fixes() -> None:
    assert spans(walk(AWAY, *[HERE] * 6, (9000, 9000))) == [(1, 6)]


def test_rest_shorter_than_the_least_stay_is_none() -> None:
    assert spans(walk(AWAY, *[HERE] * 4, (9000, 9000))) == []


def test_silence_ends_a_stay() -> None:
    hours = [0, 1, 2, 3, 4, 14, 15, 16, 17, 18]
    assert spans(walk(*[HERE] * 10, hours=hours)) == [(0, 4), (5, 9)]


def test_two_fixes_a_month_apart_are_no_stay() -> None:
    assert spans(walk(HERE, HERE, hours=[0, 720])) == []


def test_short_outing_parts_two_stays() -> None:
    assert spans(walk(*[HERE] * 6, AWAY, *[HERE] * 6)) == [(0, 5), (7, 12)]


def test_centre_is_not_moved_by_one_poor_fix() -> None:
    stays = find_stays(walk(*[HERE] * 8, (190.0, 0.0), *[HERE] * 8), RULE)
    assert (stays.x.tolist(), stays.radius_m.tolist()) == ([0.0], [190.0])


def test_slow_drift_is_one_long_stay_and_shows_its_radius() -> None:
    stays = find_stays(walk(*[(40.0 * n, 0.0) for n in range(20)]), RULE)
    assert (len(stays), stays.radius_m.tolist()) == (1, [380.0])


def test_rule_refuses_what_cannot_be() -> None:
    with pytest.raises(AnalysisError):
        StayRule(radius_m=0)
