"""`ecoduct analyse corridors` on files: the same tables however they are computed."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from shapely.geometry import mapping
from typer import Typer
from typer.testing import CliRunner

from ecoduct_analysis.corridor_use import CorridorUseRule
from ecoduct_analysis.corridors import CorridorRule, find_corridors
from ecoduct_analysis.tables import read_csv
from ecoduct_server.commands.analysing.cli_corridors import corridors
from ecoduct_server.commands.analysing.corridors import Plan, analyse_corridors
from ecoduct_server.errors import BadRequest
from reference_tables import rows_of
from standing import Standing

EXAMPLES = Path(__file__).parents[2] / "examples"
TRACKS = EXAMPLES / "tracks.csv"
REFERENCE = [
    "id", "seg", "t0", "t1", "mid_lon", "mid_lat", "seglen_m", "speed_ms", "azimuth",
    "pseudo_azimuth", "circ_var", "corridor", "n_in_circle", "n_corridor_behaviour",
    "corridor_move", "corridor_clean",
]  # fmt: skip
TABLES = ("segments.csv", "visits.csv", "use.csv")


def layer_of(folder: Path, name: str) -> pa.Table:
    return pyogrio.read_arrow(folder / "results.gpkg", layer=name)[1]


@pytest.fixture(scope="module")
def areas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two strips over the middle of the example's tracks."""
    fixes = read_csv(TRACKS)
    lon, lat = np.median(fixes.x), np.median(fixes.y)
    shapes = [shapely.box(lon - 0.3, lat - 0.02, lon + 0.3, lat + 0.02),
              shapely.box(lon - 0.02, lat - 0.3, lon + 0.02, lat + 0.3)]  # fmt: skip
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": mapping(one)}
        for name, one in zip(("along", "up"), shapes, strict=True)
    ]
    path = tmp_path_factory.mktemp("areas") / "areas.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, areas: Path) -> Path:
    out = tmp_path_factory.mktemp("whole") / "out"
    analyse_corridors(Plan(tracks=TRACKS, out=out, corridors=areas), clock=Standing())
    return out


def test_segments_are_those_of_the_library_in_the_columns_of_the_reference(whole: Path) -> None:
    rows = rows_of(whole / "segments.csv")
    assert list(rows[0])[: len(REFERENCE)] == REFERENCE
    found = find_corridors(read_csv(TRACKS))
    assert len(rows) == len(found) == 947
    pairs = {
        "seglen_m": "length_m", "mid_lat": "mid_y", "speed_ms": "speed_m_s",
        "circ_var": "circular_variance", "n_in_circle": "in_circle",
    }  # fmt: skip
    for name, ours in pairs.items():
        assert [float(row[name]) for row in rows] == getattr(found, ours).tolist()
    assert [row["corridor"] == "1" for row in rows] == found.is_corridor.tolist()
    first = [row["seg"] for row in rows].index("0", 1)
    assert (rows[first - 1]["id"], rows[first]["id"]) == ("A01", "A02")
    assert rows[0]["t0"].endswith("Z")


def test_flags_of_both_rules_stand_beside_each_other(whole: Path) -> None:
    rows = rows_of(whole / "segments.csv")
    compat = find_corridors(read_csv(TRACKS), mode="compat")
    assert [row["corridor_move"] == "1" for row in rows] == compat.is_corridor.tolist()
    assert [row["corridor_clean"] for row in rows] == [row["corridor"] for row in rows]


def test_geopackage_has_steps_and_visits_as_lines(whole: Path) -> None:
    for name in ("segments", "visits"):
        layer, rows = layer_of(whole, name), rows_of(whole / f"{name}.csv")
        assert layer["id"].to_pylist() == [row["id"] for row in rows]
        shapes = shapely.from_wkb(layer.column(layer.num_columns - 1).to_pylist())
        assert {shape.geom_type for shape in shapes} == {"LineString"}
    assert pyogrio.read_info(whole / "results.gpkg", layer="segments")["crs"] == "EPSG:4326"
    assert (whole / "map.png").read_bytes()[:4] == b"\x89PNG"


def test_use_has_a_row_for_each_animal_and_corridor(whole: Path) -> None:
    use, visits = rows_of(whole / "use.csv"), rows_of(whole / "visits.csv")
    assert [(row["id"], row["corridor"]) for row in use[:3]] == [
        ("A01", "along"), ("A01", "up"), ("A02", "along")
    ]  # fmt: skip
    assert sum(int(row["visits"]) for row in use) == len(visits) > 0
    for row in use:
        mine = [v for v in visits if (v["id"], v["corridor"]) == (row["id"], row["corridor"])]
        assert int(row["visits"]) == len(mine)
        assert 0 <= float(row["share_time"]) <= 1


def test_record_says_what_was_done(whole: Path) -> None:
    record = json.loads((whole / "record.json").read_text())
    assert (record["command"], record["mode"]) == ("analyse corridors", "clean")
    assert set(record["rules"]) == {"CorridorRule", "CorridorUseRule", "ScreenRule"}
    assert record["counts"]["steps"] == 947
    assert len(record["inputs"]) == 2
    assert set(TABLES) < set(record["outputs"])


def test_chunks_change_nothing(tmp_path: Path, whole: Path, areas: Path) -> None:
    plan = Plan(tracks=TRACKS, out=tmp_path / "out", corridors=areas, chunk=1)
    analyse_corridors(plan, clock=Standing())
    for name in (*TABLES, "map.png"):
        assert (tmp_path / "out" / name).read_bytes() == (whole / name).read_bytes()


def test_a_population_is_looked_at_together(tmp_path: Path) -> None:
    rule = CorridorRule(population=True, min_animals=2)
    plan = Plan(tracks=TRACKS, out=tmp_path / "out", rule=rule, chunk=1)
    analyse_corridors(plan, clock=Standing())
    rows = rows_of(tmp_path / "out" / "segments.csv")
    found = find_corridors(read_csv(TRACKS), rule)
    assert [int(row["n_animals"]) for row in rows] == found.animals.tolist()
    assert [row["corridor"] == "1" for row in rows] == found.is_corridor.tolist()
    assert not (tmp_path / "out" / "use.csv").exists()


def app() -> Typer:
    made = Typer()
    made.command()(corridors)
    made.command("other")(lambda: None)  # or Typer would leave out the command's name
    return made


def test_the_command_takes_rules_and_says_what_it_found(tmp_path: Path, areas: Path) -> None:
    done = CliRunner().invoke(
        app(),
        ["corridors", "--tracks", str(TRACKS), "--out", str(tmp_path / "out"), "--corridors",
         str(areas), "-r", "speed_quantile=0.5", "-r", "circular_variance_quantile=0.5",
         "-r", "min_neighbours=4", "-u", "tolerance_m=50", "--population"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "947 steps" in done.output
    assert "2 given corridors" in done.output
    rules = json.loads((tmp_path / "out" / "record.json").read_text())["rules"]
    assert rules["CorridorRule"]["min_neighbours"] == 4
    assert rules["CorridorRule"]["population"] is True
    assert rules["CorridorUseRule"]["tolerance_m"] == 50.0


def test_compat_needs_places_on_the_globe_and_no_limits(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    lines = [f"a,2026-03-0{n + 1},{500_000 + 300 * n},{4_700_000 + n * n}" for n in range(6)]
    path.write_text("\n".join(["id,timestamp,x,y", *lines]))
    plan = Plan(tracks=path, out=tmp_path / "out", mode="compat")
    with pytest.raises(BadRequest, match="degrees"):
        analyse_corridors(plan, clock=Standing())
    analyse_corridors(Plan(tracks=path, out=tmp_path / "out", mode="compat", epsg=32612),
                      clock=Standing())  # fmt: skip
    row = rows_of(tmp_path / "out" / "segments.csv")[0]
    assert float(row["mid_lat"]) == pytest.approx(42.45, abs=0.01)
    assert json.loads((tmp_path / "out" / "record.json").read_text())["mode"] == "compat"
    with pytest.raises(BadRequest, match="not in the reference"):
        analyse_corridors(Plan(tracks=TRACKS, out=tmp_path / "no", mode="compat",
                               rule=CorridorRule(max_gap_h=5)), clock=Standing())  # fmt: skip
    assert not (tmp_path / "no").exists()


def test_metres_without_a_place_on_the_globe_have_no_degrees(tmp_path: Path, areas: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("id,timestamp,x,y\na,2026-03-01,0,0\na,2026-03-02,3,4\n")
    analyse_corridors(Plan(tracks=path, out=tmp_path / "out"), clock=Standing())
    row = rows_of(tmp_path / "out" / "segments.csv")[0]
    assert (row["mid_lon"], row["corridor_move"], row["mid_y"]) == ("", "", "2")
    with pytest.raises(BadRequest, match="not known"):
        analyse_corridors(Plan(tracks=path, out=tmp_path / "no", corridors=areas), clock=Standing())


def test_a_table_without_rows_gives_empty_results(tmp_path: Path, areas: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("id,timestamp,lon,lat\n")
    plan = Plan(tracks=path, out=tmp_path / "out", corridors=areas, use_rule=CorridorUseRule())
    analyse_corridors(plan, clock=Standing())
    for name in TABLES:
        assert rows_of(tmp_path / "out" / name) == []
    assert (tmp_path / "out" / "map.png").exists()


def test_lines_are_no_corridors(tmp_path: Path) -> None:
    path = tmp_path / "line.geojson"
    path.write_text(json.dumps({
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": {},
                      "geometry": {"type": "LineString", "coordinates": [[106, 43], [107, 44]]}}],
    }))  # fmt: skip
    with pytest.raises(BadRequest, match="give polygons"):
        analyse_corridors(Plan(tracks=TRACKS, out=tmp_path / "out", corridors=path),
                          clock=Standing())  # fmt: skip
