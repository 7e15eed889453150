"""What analyses read: files that are right, or told to be wrong."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely

from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.projection import Projection
from ecoduct_server.commands.analysing import record
from ecoduct_server.commands.analysing.inputs import (
    chunks,
    parse_rule,
    read_barriers,
    read_tracks,
    rule_values,
)
from ecoduct_server.errors import BadRequest
from gallery import line

EXAMPLES = Path(__file__).parents[2] / "examples"
UTM_48 = "EPSG:32648"


@dataclass(frozen=True, slots=True)
class Rule:
    buffer_m: float = 100.0
    most: int = 3
    is_strict: bool = False
    limit: float | None = None

    def __post_init__(self) -> None:
        if self.buffer_m <= 0:
            raise BadRule("buffer_m must be above 0.")


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "no column"), ("id,timestamp,lon,lat\na,noon,1,1\n", "'timestamp' can be read"),
     ("id,timestamp,lon,lat\na,2026-03-01\n", "Expected 4 columns")],
)  # fmt: skip
def test_a_bad_track_table_is_told_with_file_and_remedy(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text(text)
    with pytest.raises(BadRequest, match=told) as caught:
        read_tracks(path)
    assert caught.value.where == str(path)
    assert caught.value.remedy


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    for read in (read_tracks, lambda path: read_barriers(path, crs=UTM_48)):
        with pytest.raises(BadRequest, match="No such file"):
            read(tmp_path / "nothing.csv")
        with pytest.raises(BadRequest, match="Is a directory"):
            read(tmp_path)


@pytest.mark.parametrize("about", [1, 300, 10_000])
def test_chunks_hold_whole_animals_and_lose_nothing(about: int) -> None:
    table = read_tracks(EXAMPLES / "tracks.csv")
    parts = list(chunks(table, about))
    assert sum((part.fixes.names for part in parts), ()) == table.fixes.names
    for name in ("t_ms", "x", "y", "row"):
        joined = np.concatenate([getattr(part.fixes, name) for part in parts])
        assert (joined == getattr(table.fixes, name)).all()
    assert len(parts) == {1: 4, 300: 4, 10_000: 1}[about]


def test_a_table_without_rows_is_one_empty_chunk(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("id,timestamp,lon,lat\n")
    assert [len(part.fixes) for part in chunks(read_tracks(path), 100)] == [0]


def test_barriers_of_a_landscape_come_alone_and_projected() -> None:
    read = read_barriers(EXAMPLES / "landscape.geojson", crs=UTM_48)
    assert read.names == ("Railway fence", "Mine road", "Hay-field fence")
    assert read.columns.column_names == ["id", "kind", "name"]
    document = json.loads((EXAMPLES / "landscape.geojson").read_text())
    lon, lat = document["features"][0]["geometry"]["coordinates"][0][:2]
    x, y = Projection(UTM_48).to_metres(lon, lat)
    np.testing.assert_allclose(shapely.get_coordinates(read.geometries[0])[0], (x, y))


def layer(
    path: Path, shapes: Sequence[object], *, crs: str | None = UTM_48, name: str = "l"
) -> Path:
    binary = shapely.to_wkb(np.array(shapes, dtype=object))
    table = pa.table({"FID_Fence": np.arange(len(shapes)) + 0.5, "geometry": binary})
    kind = "Unknown" if len({type(one) for one in shapes}) > 1 else "LineString"
    pyogrio.write_arrow(table, path, layer=name, geometry_name="geometry", geometry_type=kind,
                        crs=crs, append=path.exists())  # fmt: skip
    return path


@pytest.mark.parametrize("name", ["fences.gpkg", "fences.shp"])
def test_a_geopackage_and_a_shapefile_give_their_lines(tmp_path: Path, name: str) -> None:
    one, other = line((5e5, 5e6), (6e5, 5e6)), line((5e5, 4e6), (5e5, 5e6))
    path = layer(tmp_path / name, [one, other], name="fences")
    read = read_barriers(path, crs=UTM_48)
    assert read.names == ("1", "2")
    assert read.geometries == (one, other)
    assert read.columns["FID_Fence"].to_pylist() == [0.5, 1.5]
    described = record.make_record("x", inputs=[path], counts={}, crs=None, started_ms=0,
                                   finished_ms=0)["inputs"]  # fmt: skip
    beside = {".shp", ".shx", ".dbf", ".prj"} if path.suffix == ".shp" else {".gpkg"}
    assert beside <= {Path(one["path"]).suffix for one in described}


def test_a_feature_that_is_nowhere_is_counted(tmp_path: Path) -> None:
    shapes = [None, line((5e5, 5e6), (6e5, 5e6)), shapely.LineString()]
    read = read_barriers(layer(tmp_path / "l.gpkg", shapes), crs=UTM_48)
    assert (read.names, read.without_geometry, len(read.columns)) == (("2",), 2, 1)


def test_barriers_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    two = layer(layer(tmp_path / "two.gpkg", [line((0, 0), (1, 1))]), [], name="other")
    with pytest.raises(BadRequest, match="2 layers: l, other"):
        read_barriers(two, crs=UTM_48)
    assert len(read_barriers(two, crs=UTM_48, layer="l").names) == 1
    with pytest.raises(BadRequest, match="Layer 'none' could not be opened"):
        read_barriers(two, crs=UTM_48, layer="none")
    with pytest.raises(BadRequest, match="holds no geometries"):
        read_barriers(EXAMPLES / "tracks.csv", crs=UTM_48)
    bad = tmp_path / "bad.geojson"
    bad.write_text("{not json")
    with pytest.raises(BadRequest, match="not recognized"):
        read_barriers(bad, crs=UTM_48)
    for place, told in (([1, 2], "'1' is a Point"), ([[1, 95], [2, 2]], "nowhere in")):
        kind = "Point" if told.endswith("Point") else "LineString"
        bad.write_text(json.dumps({"type": "Feature", "properties": {},
                                   "geometry": {"type": kind, "coordinates": place}}))  # fmt: skip
        with pytest.raises(BadRequest, match=told):
            read_barriers(bad, crs=UTM_48)


def test_barriers_without_a_projection_are_refused(tmp_path: Path) -> None:
    path = layer(tmp_path / "l.shp", [line((0, 0), (1, 1))])
    path.with_suffix(".prj").unlink()
    with pytest.raises(BadRequest, match="does not say its projection"):
        read_barriers(path, crs=UTM_48)


def test_a_rule_takes_values_of_each_kind() -> None:
    assert parse_rule(Rule, []) == Rule()
    assert parse_rule(Rule, ["buffer_m=50", " most = 7", "is_strict=Yes", "limit=2.5"]) == Rule(
        50.0, 7, True, 2.5
    )
    assert parse_rule(Rule, ["limit=none"]).limit is None
    assert parse_rule(Rule, ["limit=inf"]).limit == float("inf")
    assert rule_values(Rule())["most"] == 3


@pytest.mark.parametrize(
    ("pair", "told"),
    [("bufer_m=5", r"has no 'bufer_m'[\s\S]*Did you mean buffer_m\?"),
     ("z=5", r"It has buffer_m, most, is_strict, limit\."), ("most", "most is given no value"),
     ("most=3.5", "most needs a whole number, not '3.5'"), ("buffer_m=nan", "needs a number"),
     ("is_strict=perhaps", "needs true or false"), ("buffer_m=-1", "buffer_m must be above 0"),
     ("buffer_m=none", "needs a number")],
)  # fmt: skip
def test_a_value_that_a_rule_cannot_take_is_told(pair: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told) as caught:
        parse_rule(Rule, [pair])
    assert caught.value.where == f"--rule {pair}"
    with pytest.raises(BadRequest, match="most is given twice"):
        parse_rule(Rule, ["most=1", "most=2"])


def test_a_column_may_name_parts_of_animals(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text(
        "id,timestamp,lon,lat,seq\n"
        "b,2026-01-01T00:00:00Z,1,1,b_spring\nb,2026-09-01T00:00:00Z,2,2,b_autumn\n"
        "a,2026-01-01T00:00:00Z,3,3,a_spring\nb,2026-01-01T01:00:00Z,4,4,b_spring\n"
    )
    table = read_tracks(path, by="seq")
    assert table.fixes.names == ("a_spring", "b_autumn", "b_spring")
    assert table.owners == ("a", "b", "b")
    assert list(table.fixes.x) == [3, 2, 1, 4]
    assert [part.owners for part in chunks(table, 2)] == [("a", "b"), ("b",)]


def test_a_part_of_two_animals_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text(
        "id,timestamp,lon,lat,seq\na,2026-01-01T00:00:00Z,1,1,s\nb,2026-01-01T01:00:00Z,1,1,s\n"
    )
    with pytest.raises(BadRequest, match="'s' holds fixes of a and of b"):
        read_tracks(path, by="seq")


def test_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("id,timestamp,lon,lat\na,2026-01-01T00:00:00Z,1,1\n")
    with pytest.raises(BadRequest, match="no column 'seq'"):
        read_tracks(path, by="seq")


def test_corridors_of_a_landscape_are_read_without_its_barriers() -> None:
    read = read_barriers(EXAMPLES / "landscape.geojson", crs=UTM_48, kind="corridor")
    assert read.names
    assert {place.geom_type for place in read.geometries} == {"Polygon"}
    assert not set(read.names) & set(
        read_barriers(EXAMPLES / "landscape.geojson", crs=UTM_48).names
    )
