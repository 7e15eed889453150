import numpy as np
import pytest

from ecoduct_analysis.columns import NO_TIME
from ecoduct_analysis.errors import BadTracks, NotProjected
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.screening import screen
from ecoduct_analysis.steps import measure_steps
from gallery import FIXES


def two_animals(lon: list[float], lat: list[float], crs: str | None = "EPSG:4326") -> Fixes:
    return Fixes.from_arrays(
        ["a", "b"], track=[0, 1], t_ms=[5, 5], x=np.array(lon), y=np.array(lat), crs=crs
    )


def test_fixes_of_one_time_stay_in_the_order_given() -> None:
    fixes = Fixes.from_arrays(["a"], track=[0] * 4, t_ms=[7, 5, 7, 5], x=[1, 2, 3, 4], y=[0] * 4)
    assert fixes.x.tolist() == [2, 4, 1, 3]
    assert fixes.row.tolist() == [1, 3, 0, 2]


def test_columns_cannot_be_written() -> None:
    fixes = two_animals([1, 2], [3, 4])
    with pytest.raises(ValueError, match="read-only"):
        fixes.x[0] = 9.0


def test_each_animal_gets_the_projection_of_its_place() -> None:
    tracks = two_animals([18.4, -110.0], [-33.9, 42.0]).project()
    assert tracks.crs == ("EPSG:32734", "EPSG:32612")


def test_one_projection_serves_all_when_asked() -> None:
    tracks = two_animals([-109.0, -110.0], [42.5, 42.0]).project(crs="EPSG:32612")
    assert tracks.crs == ("EPSG:32612",) * 2
    assert np.isfinite(tracks.x).all()


def test_metres_stay_to_the_last_bit_where_nothing_is_asked() -> None:
    tracks = two_animals([566155.1, 566286.2], [4731866.3, 4731724.4], crs="EPSG:32612").project()
    assert tracks.x.tolist() == [566155.1, 566286.2]
    assert tracks.crs == ("EPSG:32612",) * 2


def test_plane_off_the_globe_cannot_be_moved_to_another() -> None:
    fixes = two_animals([1, 2], [3, 4], crs=None)
    assert fixes.project().crs == ()
    with pytest.raises(NotProjected):
        fixes.project(crs="EPSG:32612")


def test_unknown_projection_is_refused() -> None:
    with pytest.raises(NotProjected, match="EPSG:999999"):
        two_animals([1, 2], [3, 4]).project(crs="EPSG:999999")


def test_fix_without_a_time_is_kept_out_of_tracks_by_a_mask_only() -> None:
    fixes = Fixes.from_arrays(["a"], track=[0, 0], t_ms=[NO_TIME, 5], x=[1, np.nan], y=[1, 1])
    with pytest.raises(BadTracks, match="without a time"):
        fixes.project()
    with pytest.raises(BadTracks, match="finite"):
        fixes.project(kept=[False, True])
    assert len(fixes.project(kept=[False, False])) == 0


def test_track_across_the_antimeridian_stays_in_one_piece() -> None:
    fixes = Fixes.from_arrays(
        ["a"], track=[0, 0], t_ms=[0, 1], x=[179.99, -179.99], y=[-17.0, -17.0]
    )
    tracks = fixes.project()
    assert abs(tracks.x[1] - tracks.x[0]) < 3000


@pytest.mark.parametrize("fixes", FIXES.values(), ids=FIXES)
def test_awkward_fixes_are_measured_screened_and_projected(fixes: Fixes) -> None:
    steps, found = measure_steps(fixes), screen(fixes)
    assert len(steps) == len(found) == len(fixes)
    assert not (steps.length_m < 0).any()
    assert not np.isinf(steps.speed_m_s).any()
    tracks = fixes.project(kept=found.kept)
    assert len(tracks) == found.kept.sum()
    assert tracks.names == fixes.names


def test_screening_names_what_it_passes_over() -> None:
    assert screen(FIXES["nowhere"]).counts()["no_position"] == 3
    assert screen(FIXES["once"], now_ms=0).counts()["too_late"] == 1
    assert screen(FIXES["one time twice"]).counts()["duplicate_time"] == 1
