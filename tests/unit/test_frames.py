"""Data frames in and out: same instants, same places, and nothing lost unsaid."""

import sys
import warnings
from datetime import UTC, datetime, timedelta, timezone

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely

from ecoduct_analysis.columns import NO_TIME
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.errors import AnalysisError, BadTable
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.frames import (
    from_geopandas,
    from_movingpandas,
    from_pandas,
    to_geopandas,
    to_movingpandas,
    to_pandas,
)
from ecoduct_analysis.tracks import Tracks
from gallery import TRACKS, barriers, line, random_walks, walk

HOUR_MS = 3_600_000
AWKWARD = Fixes.from_arrays(
    ["a", "nobody", "b"],
    track=[0, 0, 0, 0, 2], t_ms=[NO_TIME, 5, 5, 9, 1_700_000_000_123],
    x=[179.9, np.nan, -179.9, 180.0, 0.0], y=[-17.0, -17.0, np.nan, -17.1, 89.9],
    error_m=[5.0, np.nan, 3.0, 2.0, 1.0], dop=[np.nan, 1.5, 1.5, 1.5, 9.0],
)  # fmt: skip
NO_FIX = Fixes.from_arrays([], track=[], t_ms=[], x=[], y=[])


def same(one: Fixes, other: Fixes) -> None:
    for name in ("t_ms", "x", "y", "error_m", "dop"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.crs == other.crs
    assert [n for n, many in zip(one.names, np.diff(one.offsets), strict=True) if many] == [
        n for n, many in zip(other.names, np.diff(other.offsets), strict=True) if many
    ]


def test_awkward_fixes_come_back_from_a_pandas_frame() -> None:
    frame = to_pandas(AWKWARD)
    assert str(frame["timestamp"].dtype) == "datetime64[ms, UTC]"
    assert frame["timestamp"].isna().tolist() == [True, False, False, False, False]
    same(from_pandas(frame), AWKWARD)
    same(from_pandas(to_pandas(NO_FIX)), NO_FIX)


def test_awkward_fixes_come_back_from_a_geopandas_frame_unless_half_a_place_is_known() -> None:
    back = from_geopandas(to_geopandas(AWKWARD))
    nowhere = np.isnan(AWKWARD.x) | np.isnan(AWKWARD.y)
    assert (np.isnan(back.x) == nowhere).all()
    same(back.where(~nowhere), AWKWARD.where(~nowhere))
    same(from_geopandas(to_geopandas(NO_FIX)), NO_FIX)


@pytest.mark.parametrize("name", TRACKS)
def test_every_awkward_track_goes_through_all_frames(name: str) -> None:
    tracks = TRACKS[name]
    for back in (from_pandas(to_pandas(tracks)), from_geopandas(to_geopandas(tracks))):
        assert back.t_ms.tolist() == tracks.t_ms.tolist()
        assert back.x.tolist() == tracks.x.tolist()
    many = np.repeat(np.diff(tracks.offsets) > 1, np.diff(tracks.offsets))
    assert from_movingpandas(to_movingpandas(tracks)).x.tolist() == tracks.x[many].tolist()


def test_tracks_come_back_from_movingpandas_with_their_projection() -> None:
    walks = random_walks(3)
    tracks = Tracks(walks.names, walks.offsets, walks.t_ms, walks.x, walks.y,
                    crs=("EPSG:32612",) * len(walks.names))  # fmt: skip
    back = from_movingpandas(to_movingpandas(tracks)).project()
    assert (back.crs, back.names) == (tracks.crs, tracks.names)
    assert back.t_ms.tolist() == tracks.t_ms.tolist()
    assert back.y.tolist() == tracks.y.tolist()


def test_tracks_across_the_antimeridian_come_back_as_near_as_a_projection_is() -> None:
    fixes = Fixes.from_arrays(
        ["fiji", "pole"], track=[0, 0, 1, 1], t_ms=[0, HOUR_MS, 0, HOUR_MS],
        x=[179.95, -179.95, 10.0, -170.0], y=[-17.0, -17.1, 88.0, 88.5],
    )  # fmt: skip
    frame = to_geopandas(fixes.project())
    assert frame.crs == "EPSG:4326"
    back = from_geopandas(frame)
    np.testing.assert_allclose(back.x, fixes.x, atol=1e-8)
    np.testing.assert_allclose(back.y, fixes.y, atol=1e-8)
    alone = to_geopandas(fixes.project().select([0]))
    assert alone.crs.to_epsg() == 32701
    np.testing.assert_allclose(np.diff(from_geopandas(alone).x), 10_800, atol=100)


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "Asia/Kathmandu"])
def test_a_time_is_an_instant_whatever_its_zone(zone: str | None) -> None:
    at = pd.date_range("2026-10-25T00:00", periods=13, freq="20min", tz="UTC")
    shown = at.tz_localize(None) if zone is None else at.tz_convert(zone)
    expected = [1_792_886_400_000 + n * HOUR_MS // 3 for n in range(13)]
    frame = pd.DataFrame({"id": "a", "timestamp": shown, "lon": 1.0, "lat": 2.0})
    points = geopandas.GeoDataFrame(
        {"id": "a", "when": shown},
        geometry=geopandas.points_from_xy(range(13), range(13)),
        crs=4326,
    )
    for fixes in (
        from_pandas(frame), from_pandas(frame.set_index("timestamp")),
        from_pandas(frame.astype({"timestamp": object})),
        from_pandas(frame.astype({"timestamp": str})),
        from_geopandas(points, time="when"), from_geopandas(points.set_index("when")),
    ):  # fmt: skip
        assert fixes.t_ms.tolist() == expected


def test_times_of_several_zones_in_one_column_are_instants() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    frame = pd.DataFrame({
        "id": ["a"] * 3, "t": pd.Series([noon, noon.astimezone(UTC), None], dtype=object),
        "x": 1, "y": 2})  # fmt: skip
    assert from_pandas(frame).t_ms.tolist() == [NO_TIME, 1_772_359_200_000, 1_772_359_200_000]


def test_a_clock_that_was_not_in_utc_is_read_by_its_zone() -> None:
    import movingpandas  # noqa: PLC0415 - it warns when imported

    at = pd.date_range("2026-10-25T00:00", periods=5, freq="30min", tz="UTC")
    frame = geopandas.GeoDataFrame(
        {"id": "a"}, index=at.tz_convert("Europe/Berlin"),
        geometry=geopandas.points_from_xy(range(5), [0] * 5), crs=32612,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = movingpandas.Trajectory(frame, "a")
    # Berlin showed 02:00, 02:30, 02:00, 02:30, 03:00: two rows are gone before we see them.
    assert len(one.df) == 3
    assert from_movingpandas(one, zone="Europe/Berlin").t_ms.tolist() == [
        NO_TIME, NO_TIME, 1_792_893_600_000
    ]  # fmt: skip
    assert from_movingpandas(one).t_ms[-1] == 1_792_893_600_000 + HOUR_MS


def test_what_cannot_be_in_a_trajectory_is_left_out() -> None:
    assert len(to_movingpandas(AWKWARD).trajectories) == 0
    assert len(to_movingpandas(NO_FIX).trajectories) == 0
    same(from_movingpandas(to_movingpandas(NO_FIX)), NO_FIX)


def test_a_frame_of_mixed_cells_is_read() -> None:
    frame = pd.DataFrame({
        "id": pd.Categorical(["a", "b", "a"]), "timestamp": ["2026-03-01", "2026-03-02", "soon"],
        "lon": [1, "2", None], "lat": pd.array([1, None, 3], dtype="Int64"), 7: "ignored",
    })  # fmt: skip
    fixes = from_pandas(frame)
    assert fixes.row.tolist() == [2, 0, 1]
    np.testing.assert_array_equal(fixes.x, [np.nan, 1, 2])
    np.testing.assert_array_equal(fixes.y, [3, 1, np.nan])


def test_the_geometry_is_the_place_whatever_other_columns_say() -> None:
    frame = geopandas.GeoDataFrame(
        {"name": ["a", "a"], "id": ["b", "b"], "timestamp": pd.to_datetime(["2026-03-01"] * 2),
         "lon": [0, 0], "lat": [0, 0], "visible": [True, False]},
        geometry=[shapely.Point(5e5, 4e6), None], crs="EPSG:32612",
    )  # fmt: skip
    fixes = from_geopandas(frame, animal="name", hidden=True)
    assert (fixes.names, fixes.crs) == (("a",), "EPSG:32612")
    np.testing.assert_array_equal(fixes.x, [5e5, np.nan])
    assert from_geopandas(frame).names == ("b",)
    assert len(from_geopandas(frame)) == 1


def test_other_degrees_become_wgs_84_and_a_plane_stays_a_plane() -> None:
    frame = geopandas.GeoDataFrame({"id": ["a"], "t": [5]}, geometry=[shapely.Point(10, 50)])
    assert from_geopandas(frame).crs is None
    assert from_geopandas(frame.set_crs("OGC:CRS84")).crs == "EPSG:4326"
    assert abs(from_geopandas(frame.set_crs(4314)).x[0] - 10) > 1e-4


def test_a_line_is_no_place() -> None:
    frame = geopandas.GeoDataFrame(
        {"id": ["a"], "t": [5]}, geometry=[shapely.LineString([(0, 0), (1, 1)])]
    )
    with pytest.raises(BadTable, match="Row 1 holds a LineString: give points"):
        from_geopandas(frame)


def test_a_column_that_is_not_there_or_there_twice_is_told() -> None:
    frame = geopandas.GeoDataFrame({"id": ["a"], "t": [5]}, geometry=[shapely.Point(1, 1)])
    with pytest.raises(BadTable, match="'when' is there 0 times among: id, t"):
        from_geopandas(frame, time="when")
    twice = pd.DataFrame([["a", "b", 5, 1, 2]], columns=["id", "id", "t", "x", "y"])
    with pytest.raises(BadTable, match="'id' is there 2 times"):
        from_pandas(twice)


def test_rows_of_a_result_become_a_frame() -> None:
    tracks = walk((0, 0), (10, 0))
    frame = to_pandas(find_crossings(tracks, barriers(f=line((5, -9), (5, 9)))), names=tracks.names)
    assert frame.loc[0, "id"] == "a"
    assert frame.loc[0, "x"] == 5.0


@pytest.mark.parametrize("package", ["pandas", "geopandas", "movingpandas"])
def test_a_package_that_is_not_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    use = {"pandas": to_pandas, "geopandas": to_geopandas, "movingpandas": to_movingpandas}[package]
    with pytest.raises(AnalysisError, match=rf"needs {package}: pip install 'ecoduct\[frames\]'"):
        use(NO_FIX)
