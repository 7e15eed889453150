import numpy as np
import pytest
import shapely

from ecoduct_analysis.barriers import Barriers, find_nearest
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.errors import BadFeatures, NotProjected
from ecoduct_analysis.tracks import Tracks
from gallery import BARRIERS, HOLE, TRACKS, barriers, line, walk

FENCE = line((5, -9), (5, 9))


@pytest.mark.parametrize("features", BARRIERS.values(), ids=BARRIERS)
@pytest.mark.parametrize("tracks", TRACKS.values(), ids=TRACKS)
def test_awkward_barriers_and_tracks_bear_each_other(
    tracks: Tracks, features: dict[str, shapely.geometry.base.BaseGeometry]
) -> None:
    made = barriers(**features)
    near = find_nearest(tracks.x, tracks.y, made)
    assert len(near) == len(tracks)
    assert np.isinf(near.distance_m).all() == (len(made.ends) == 0 or len(tracks) == 0)
    find_crossings(tracks, made)


def test_feature_drawn_twice_is_one() -> None:
    two = barriers(fence=FENCE, again=FENCE, backwards=line((5, 9), (5, -9)))
    assert two.drawn_as.tolist() == [0, 0, 0]
    assert find_crossings(walk((0, 0), (10, 0)), two).feature.tolist() == [0]


def test_same_line_with_a_vertex_given_twice_is_the_same() -> None:
    assert barriers(a=FENCE, b=line((5, -9), (5, -9), (5, 9))).drawn_as.tolist() == [0, 0]


def test_barrier_without_length_is_near_but_never_crossed() -> None:
    post = barriers(post=line((5, 0), (5, 0)))
    assert post.length_m.tolist() == [0.0]
    assert find_nearest([2.0], [4.0], post).distance_m.tolist() == [5.0]
    assert len(find_crossings(walk((0, 0), (10, 0)), post)) == 0


def test_polygon_is_entered_and_left_however_it_was_drawn() -> None:
    path = walk((-80, 20), (-20, 20), (-80, 20))
    for ring in (HOLE, shapely.orient_polygons(HOLE, exterior_cw=True)):
        found = find_crossings(path, barriers(park=ring))
        assert found.inside_before.tolist() == [False, True]
        assert found.inside_after.tolist() == [True, False]


def test_hole_of_a_polygon_is_outside() -> None:
    found = find_crossings(walk((-20, 0), (5, 0), (5, 20)), barriers(park=HOLE))
    assert found.inside_before.tolist() == [True, False]
    assert found.inside_after.tolist() == [False, True]


def test_step_through_a_hole_ends_where_it_began() -> None:
    found = find_crossings(walk((-20, 0), (20, 0)), barriers(park=HOLE))
    assert (found.count.tolist(), found.net.tolist()) == ([2], [0])
    assert found.inside_before.tolist() == found.inside_after.tolist() == [True]


def test_lines_are_never_entered() -> None:
    found = find_crossings(walk((0, 0), (10, 0)), barriers(fence=FENCE))
    assert not found.inside_before.any()
    assert not found.inside_after.any()


def test_of_equally_near_barriers_the_first_counts() -> None:
    two = barriers(left=line((0, -9), (0, 9)), right=line((10, -9), (10, 9)))
    assert find_nearest([5.0, 5.0, 6.0, 5.0], [0.0, 1.0, 0.0, 0.0], two).feature.tolist() == [
        0, 0, 1, 0,
    ]  # fmt: skip


def test_nothing_is_near_beyond_the_limit() -> None:
    near = find_nearest([0.0, 1.0], [0.0, 0.0], barriers(fence=FENCE), max_m=4.0)
    assert near.distance_m.tolist() == [np.inf, 4.0]
    assert near.feature.tolist() == [-1, 0]


def test_tracks_in_another_projection_are_refused() -> None:
    fence = Barriers.from_geometries(["fence"], [FENCE], crs="EPSG:32612")
    tracks = Tracks.from_arrays(
        ["a"], track=[0, 0], t_ms=[0, 1], x=[0, 9], y=[0, 0], crs="EPSG:32613"
    )
    with pytest.raises(NotProjected, match="EPSG:32613"):
        find_crossings(tracks, fence)


def test_coordinate_that_is_not_finite_is_refused() -> None:
    with pytest.raises(BadFeatures, match="not finite"):
        barriers(fence=line((0, 0), (np.inf, 1)))
