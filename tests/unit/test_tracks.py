import numpy as np
import pytest

from ecoduct_analysis.errors import BadTracks
from ecoduct_analysis.tracks import Tracks
from gallery import FAR_APART, NOBODY, ONCE, SILENT


def test_loose_fixes_are_sorted_into_tracks() -> None:
    assert FAR_APART.offsets.tolist() == [0, 2, 2, 4]
    assert FAR_APART.t_ms.tolist() == [3, 9, 1, 5]
    assert FAR_APART.x.tolist() == [5, 0, -9, 9]


def test_no_step_leads_from_one_animal_to_the_next() -> None:
    assert FAR_APART.steps.tolist() == [0, 2]
    assert FAR_APART.track.tolist() == [0, 0, 2, 2]
    assert FAR_APART.step_s.tolist() == [0.006, 0.004]


@pytest.mark.parametrize("tracks", [NOBODY, SILENT, ONCE])
def test_animals_with_fewer_than_two_fixes_have_no_step(tracks: Tracks) -> None:
    assert len(tracks.steps) == 0


def test_one_time_twice_is_refused() -> None:
    with pytest.raises(BadTracks, match="each time once"):
        Tracks.from_arrays(["a"], track=[0, 0], t_ms=[5, 5], x=[0, 1], y=[0, 1])


def test_position_that_is_not_finite_is_refused() -> None:
    with pytest.raises(BadTracks, match="finite"):
        Tracks.from_arrays(["a"], track=[0], t_ms=[5], x=[np.nan], y=[0])


def test_offsets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadTracks, match="offsets"):
        Tracks(("a",), np.array([0, 2]), np.array([1]), np.array([0.0]), np.array([0.0]))


def test_selected_tracks_come_in_the_order_asked() -> None:
    chosen = FAR_APART.select([2, 0])
    assert chosen.names == ("b", "a")
    assert chosen.x.tolist() == [-9, 9, 5, 0]


def test_masked_fixes_leave_their_track_in_place() -> None:
    left = FAR_APART.where([False, False, True, True])
    assert left.offsets.tolist() == [0, 0, 0, 2]
    assert left.names == FAR_APART.names


@pytest.mark.parametrize("fixes", [1, 2, 3, 100])
def test_chunks_hold_every_track_once_and_whole(fixes: int) -> None:
    parts = list(FAR_APART.chunks(fixes))
    assert [name for part in parts for name in part.names] == list(FAR_APART.names)
    assert np.concatenate([part.x for part in parts]).tolist() == FAR_APART.x.tolist()


def test_number_of_a_track_without_a_name_is_refused() -> None:
    with pytest.raises(BadTracks, match="one number for each name"):
        Tracks.from_arrays(["a"], track=[1], t_ms=[5], x=[0], y=[0])


def test_error_of_nothing_is_refused() -> None:
    with pytest.raises(BadTracks, match="above 0 or nan"):
        Tracks.from_arrays(["a"], track=[0], t_ms=[5], x=[0], y=[0], error_m=[0.0])
