import numpy as np
import pytest
import shapely

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.crossings import count_crossings, find_crossings
from ecoduct_analysis.errors import BadFeatures
from ecoduct_analysis.tracks import Tracks
from gallery import TRACKS, barriers, line, walk

NORTHWARD = barriers(fence=line((5, -10), (5, 0), (5, 10)))


@pytest.mark.parametrize("tracks", TRACKS.values(), ids=TRACKS)
def test_awkward_tracks_bear_it(tracks: Tracks) -> None:
    assert len(find_crossings(tracks, Barriers.from_geometries([], []))) == 0
    find_crossings(tracks, NORTHWARD)


def test_time_and_place_are_interpolated_along_the_step() -> None:
    found = find_crossings(walk((0, 0), (20, 4)), NORTHWARD)
    assert found.fraction.tolist() == [0.25]
    assert found.t_ms.tolist() == [900_000]
    assert (found.x[0], found.y[0]) == (5, 1)


@pytest.mark.parametrize(("begin", "end", "net"), [((0, 1), (9, 1), 1), ((9, 1), (0, 1), -1)])
def test_direction_is_told_by_the_line_as_drawn(
    begin: tuple[float, float], end: tuple[float, float], net: int
) -> None:
    assert find_crossings(walk(begin, end), NORTHWARD).net.tolist() == [net]


def test_step_through_a_shared_vertex_counts_once() -> None:
    found = find_crossings(walk((0, 0), (10, 0)), NORTHWARD)
    assert (found.count.tolist(), found.net.tolist()) == ([1], [1])


def test_fix_on_the_barrier_counts_once_when_the_animal_goes_through() -> None:
    found = find_crossings(walk((0, 1), (5, 1), (10, 1)), NORTHWARD)
    assert found.count.sum() == 1
    assert found.net.sum() == 1


@pytest.mark.parametrize("side", [0.0, 10.0])
def test_touching_the_barrier_and_turning_back_is_no_net_crossing(side: float) -> None:
    found = find_crossings(walk((side, 1), (5, 1), (side, 2)), NORTHWARD)
    assert found.net.sum() == 0


def test_walking_along_the_barrier_crosses_nothing() -> None:
    assert len(find_crossings(walk((5, -5), (5, -2), (5, 5)), NORTHWARD)) == 0


def test_step_that_comes_back_over_a_bend_has_no_net_crossing() -> None:
    bend = barriers(bend=line((0, 10), (5, 0), (10, 10)))
    found = find_crossings(walk((0, 5), (10, 5)), bend)
    assert (found.count.tolist(), found.net.tolist()) == ([2], [0])
    assert found.fraction.tolist() == [0.25]


def test_polygon_is_entered_and_left_over_its_ring() -> None:
    field = barriers(field=shapely.box(2, -5, 8, 5))
    found = find_crossings(walk((0, 0), (5, 0), (5, 1), (12, 0)), field)
    assert found.first.tolist() == [0, 2]
    assert found.net.sum() == 0


def test_each_feature_has_its_own_row() -> None:
    two = barriers(fence=line((5, -9), (5, 9)), road=line((6, -9), (6, 9)))
    found = find_crossings(walk((0, 0), (10, 0)), two)
    assert [two.names[n] for n in found.feature] == ["fence", "road"]


def test_no_row_joins_two_animals() -> None:
    tracks = Tracks.from_arrays(["a", "b"], track=[0, 1], t_ms=[0, 1], x=[0, 10], y=[0, 0])
    assert len(find_crossings(tracks, NORTHWARD)) == 0


def test_barrier_that_is_a_point_is_refused() -> None:
    with pytest.raises(BadFeatures, match="'well' is a Point"):
        barriers(well=shapely.Point(0, 0))


def test_step_over_hundreds_of_fences_finds_each_once_and_in_order() -> None:
    many = barriers(**{f"f{n:03}": line((n + 0.5, -9), (n + 0.5, 9)) for n in range(300)})
    found = find_crossings(walk((0, 0), (400, 1), (0, 2)), many)
    assert found.feature.tolist() == [*range(300)] * 2
    assert found.x[:300].tolist() == pytest.approx([n + 0.5 for n in range(300)])
    assert count_crossings(np.array([[0.0, 0.0]]), np.array([[400.0, 0.0]]), many).tolist() == [300]
