"""Sequences are cut by label, by date and by season, judged, and bridged on one grid."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from ecoduct_analysis.columns import NO_TIME
from ecoduct_analysis.errors import BadRule, BadTracks, NotProjected
from ecoduct_analysis.population import find_population
from ecoduct_analysis.refusals import REASONS, judge_sequences
from ecoduct_analysis.sequence_bridges import BRIDGES, bridge_sequences, population_grid
from ecoduct_analysis.sequences import (
    Season,
    Sequences,
    cut_seasons,
    cut_sequences,
    label_sequences,
)
from ecoduct_analysis.tracks import Tracks
from gallery import HOUR_MS, NOBODY, ONCE, TRACKS, random_walks, walk

DAY_MS = 24 * HOUR_MS
SPRING, WINTER = Season("spring", "03-15", "06-15"), Season("winter", "12-01", "02-28")


def days(*numbers: float, names: Sequence[str] = ("a",), track: Sequence[int] = ()) -> Tracks:
    """Fixes on days since 1970, each a metre east of the one before."""
    return Tracks.from_arrays(
        names,
        track=list(track) or [0] * len(numbers),
        t_ms=[round(number * DAY_MS) for number in numbers],
        x=np.arange(len(numbers)),
        y=np.zeros(len(numbers)),
    )


def reasons(tracks: Tracks, **asked: object) -> list[str]:
    return [REASONS[n] for n in judge_sequences(tracks, **asked).reason]  # type: ignore[arg-type]


def test_labels_make_sequences_in_order_of_animal_and_name() -> None:
    tracks = days(1, 2, 3, 4, names=("b", "a"), track=(0, 0, 1, 1))
    found = label_sequences(tracks, ["b_x", "b_x", "a_z", "a_y"])
    # Fixes stand in the order of the tracks: first both of b.
    assert found.tracks.names == ("a_y", "a_z", "b_x")
    assert found.owners == ("a", "a", "b")
    assert found.tracks.x.tolist() == [3, 2, 0, 1]


def test_a_fix_without_a_label_belongs_to_no_sequence() -> None:
    found = label_sequences(days(1, 2, 3), ["", "s", None])
    assert (found.tracks.names, found.tracks.x.tolist()) == (("s",), [1.0])
    assert len(label_sequences(days(1, 2), ["", None])) == 0


def test_tracks_that_are_sequences_are_given_their_animals() -> None:
    tracks = days(1, 2, 3, 4, 5, names=("s", "t", "r"), track=(0, 0, 1, 1, 2))
    of = [tracks.names[n] for n in tracks.track]
    found = label_sequences(tracks, of, animals=["b", "b", "a", "a", "b"])
    assert (found.tracks.names, found.owners) == (("t", "r", "s"), ("a", "b", "b"))
    assert found.tracks.x.tolist() == [2, 3, 4, 0, 1]


def test_a_sequence_of_several_tracks_is_in_order_of_time() -> None:
    tracks = days(1, 4, 2, 3, names=("collar 1", "collar 2"), track=(0, 0, 1, 1))
    found = label_sequences(tracks, ["s"] * 4, animals=["a"] * 4)
    assert found.tracks.x.tolist() == [0, 2, 3, 1]


def test_a_label_of_two_animals_is_two_sequences() -> None:
    found = label_sequences(days(1, 2, names=("a", "b"), track=(0, 1)), ["sp13", "sp13"])
    assert found.tracks.names == ("a sp13", "b sp13")


def test_the_order_of_rows_changes_no_sequence() -> None:
    tracks = random_walks(3)
    labels = [
        f"{tracks.names[n]}_{k % 2}" for n, k in zip(tracks.track, range(len(tracks)), strict=True)
    ]
    other = tracks.select([2, 0, 3, 1])
    moved = [
        f"{other.names[n]}_{k % 2}" for n, k in zip(other.track, range(len(other)), strict=True)
    ]
    here, there = label_sequences(tracks, labels), label_sequences(other, moved)
    assert here.tracks.names == there.tracks.names
    assert here.tracks.x.tolist() == there.tracks.x.tolist()
    assert here.owners == there.owners


def test_first_and_last_moment_belong_to_a_sequence() -> None:
    found = cut_sequences(days(1, 2, 3, 4), track=[0], begins_ms=[2 * DAY_MS], ends_ms=[3 * DAY_MS])
    assert found.tracks.x.tolist() == [1, 2]
    assert found.tracks.names == ("a_1970_migration",)


def test_a_sequence_without_dates_or_fixes_is_left_out() -> None:
    found = cut_sequences(
        days(1, 2, 3), track=[0, 0, 0], begins_ms=[NO_TIME, DAY_MS * 8, DAY_MS],
        ends_ms=[DAY_MS, DAY_MS * 9, DAY_MS],
    )  # fmt: skip
    assert found.tracks.x.tolist() == [0]


def test_two_sequences_of_one_season_have_two_names_and_may_overlap() -> None:
    found = cut_sequences(
        days(1, 2, 3), track=[0, 0], begins_ms=[0, 0], ends_ms=[DAY_MS * 9] * 2, season="spring"
    )
    assert found.tracks.names == ("a_1970_spring", "a_1970_spring_2")
    assert found.tracks.x.tolist() == [0, 1, 2, 0, 1, 2]


def test_seasons_are_cut_by_the_calendar_also_over_the_new_year() -> None:
    # 1970-01-20, 1970-05-01, 1970-12-20, 1971-01-20, 1971-05-01
    tracks = days(19, 120, 353, 384, 485)
    found = cut_seasons(tracks, [SPRING, WINTER])
    assert found.tracks.names == (
        "a_1970_winter",
        "a_1970_spring",
        "a_1970_winter_2",
        "a_1971_spring",
    )
    assert np.diff(found.tracks.offsets).tolist() == [1, 1, 2, 1]
    assert found.season == ("winter", "spring", "winter", "spring")
    by_summer = cut_seasons(tracks, [SPRING, WINTER], year_begins="07-01")
    assert by_summer.year.tolist() == [1969, 1969, 1970, 1970]
    assert len(cut_seasons(NOBODY, [SPRING])) == 0


def test_the_last_day_of_a_season_counts_whole() -> None:
    # 1970-06-15 is day 165, and 1970-06-16 day 166.
    found = cut_seasons(days(165.99, 166.0), [SPRING])
    assert found.tracks.x.tolist() == [0]


@pytest.mark.parametrize("day", ["13-01", "02-30", "spring", "3", "2020-03-01"])
def test_a_day_that_no_year_has_is_refused(day: str) -> None:
    with pytest.raises(BadRule, match="MM-DD"):
        Season("spring", day, "06-15")
    with pytest.raises(BadRule, match="MM-DD"):
        label_sequences(days(1), ["s"], year_begins=day)


def test_leap_day_is_a_day() -> None:
    found = cut_seasons(days(59), [Season("spring", "02-29", "03-02")])  # 1970-03-01
    assert len(found) == 1


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadTracks, match="one label and one animal"):
        label_sequences(days(1, 2), ["s"])
    with pytest.raises(BadTracks, match="one begin"):
        cut_sequences(days(1), track=[0], begins_ms=[0, 1], ends_ms=[9])
    with pytest.raises(BadTracks, match="numbered"):
        cut_sequences(days(1), track=[1], begins_ms=[0], ends_ms=[9])
    with pytest.raises(BadTracks, match="one animal"):
        Sequences(ONCE, ("a",), np.zeros(2, int), np.zeros(2, int), ("", ""))
    with pytest.raises(BadRule, match="name"):
        Season("", "03-01", "04-01")


def test_fewer_than_four_fixes_are_refused() -> None:
    assert reasons(walk((0, 0), (1, 0), (2, 0))) == ["too_few_fixes"]
    assert reasons(walk((0, 0), (1, 0), (2, 0), (3, 0))) == [""]


def test_one_long_step_in_three_is_kept_unless_as_the_reference() -> None:
    tracks = walk((0, 0), (1, 0), (2, 0), (3, 0), hours=[0, 1, 2, 11])
    assert reasons(tracks) == [""]
    assert reasons(tracks, mode="compat") == ["too_many_gaps"]
    two = walk((0, 0), (1, 0), (2, 0), (3, 0), hours=[0, 1, 10, 19])
    assert reasons(two) == ["too_many_gaps"]


def test_a_step_of_just_the_longest_lag_is_not_too_long() -> None:
    tracks = walk((0, 0), (1, 0), (2, 0), (3, 0), hours=[0, 8, 16, 24])
    found = judge_sequences(tracks)
    assert (found.long_steps.tolist(), found.long_share.tolist()) == ([0], [0.0])
    assert judge_sequences(tracks, max_lag_min=479.9).long_steps.tolist() == [3]


def test_gaps_between_sequences_are_no_steps() -> None:
    tracks = days(
        0, 0.1, 0.2, 0.3, 9, 9.1, 9.2, 9.3, names=("a", "e", "b"), track=[0] * 4 + [2] * 4
    )
    found = judge_sequences(tracks)
    assert found.long_steps.tolist() == [0, 0, 0]
    assert np.isnan(found.long_share[1])
    assert found.kept.tolist() == [True, False, True]


def test_a_sequence_that_no_bridge_can_be_made_of_is_refused() -> None:
    # The long step is part of every triplet of fixes: there is no motion variance.
    tracks = walk((0, 0), (1, 0), (2, 0), (3, 0), hours=[0, 1, 30, 31])
    found = bridge_sequences(tracks, population_grid(tracks)).utilisation
    assert reasons(tracks) == [""]
    assert reasons(tracks, utilisation=found) == ["no_bridge"]


def test_bad_judgements_are_refused() -> None:
    with pytest.raises(BadRule):
        judge_sequences(ONCE, max_lag_min=0)
    with pytest.raises(BadRule):
        judge_sequences(ONCE, max_lag_min=float("nan"))
    with pytest.raises(BadRule):
        judge_sequences(ONCE, mode="strict")  # type: ignore[arg-type]
    other = bridge_sequences(walk((0, 0), (1, 1)), population_grid(ONCE)).utilisation
    with pytest.raises(BadTracks, match="not of these"):
        judge_sequences(days(1, 2, names=("x",)), utilisation=other)


@pytest.mark.parametrize("name", TRACKS)
@pytest.mark.parametrize("mode", ["clean", "compat"])
def test_awkward_sequences_are_borne(name: str, mode: str) -> None:
    tracks = TRACKS[name]
    grid = population_grid(tracks, mode=mode)  # type: ignore[arg-type]
    found = bridge_sequences(tracks, grid, mode=mode)  # type: ignore[arg-type]
    assert len(found) == len(tracks.names)
    known = np.diff(found.utilisation.offsets) > 0
    sums = [found.utilisation.dense(n).sum() for n in np.flatnonzero(known).tolist()]
    np.testing.assert_allclose(sums, 1.0, atol=1e-12)
    people = find_population(found.utilisation, animals=tracks.names, mode=mode)  # type: ignore[arg-type]
    assert len(people) == known.sum()


def test_the_grid_holds_all_fixes_on_whole_cells() -> None:
    tracks = random_walks(1)
    grid = population_grid(tracks)
    assert (grid.cell_at(tracks.x, tracks.y) >= 0).all()
    assert grid.west % 500 == grid.north % 500 == 0
    moved = replace(tracks, x=tracks.x + 500.0 * 7)
    assert population_grid(moved) == replace(grid, west=grid.west + 500.0 * 7)


def test_a_given_motion_variance_is_taken() -> None:
    tracks = random_walks(1)
    bridges = replace(BRIDGES, motion_variance_m2_min=800.0)
    found = bridge_sequences(tracks, population_grid(tracks), bridges=bridges)
    np.testing.assert_allclose(found.variance_m2_s * 60, 800.0)


@pytest.mark.parametrize("method", ["dbbmm", "kernelbb", "kernel"])
def test_other_methods_serve_too(method: str) -> None:
    tracks = random_walks(1)
    bridges = replace(BRIDGES, method=method)
    found = bridge_sequences(tracks, population_grid(tracks), bridges=bridges)
    np.testing.assert_allclose(found.utilisation.mean().sum(), 1.0)
    assert np.isfinite(found.variance_m2_s).all() == (method != "kernel")


def test_a_sequence_is_the_same_whatever_stands_beside_it() -> None:
    tracks = random_walks(5)
    grid = population_grid(tracks)
    whole = bridge_sequences(tracks, grid).utilisation
    for number in range(len(tracks.names)):
        alone = bridge_sequences(tracks.select([number]), grid).utilisation
        assert np.array_equal(alone.dense(0), whole.dense(number))


def test_bad_bridges_and_grids_are_refused() -> None:
    with pytest.raises(BadRule, match="mode must be"):
        bridge_sequences(ONCE, population_grid(ONCE), mode="strict")  # type: ignore[arg-type]
    with pytest.raises(BadRule, match="mode must be"):
        population_grid(ONCE, mode="strict")  # type: ignore[arg-type]
    two = replace(days(1, 2, names=("a", "b"), track=(0, 1)), crs=("EPSG:32612", "EPSG:32613"))
    with pytest.raises(NotProjected, match="one projection"):
        population_grid(two)
