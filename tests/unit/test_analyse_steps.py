"""The commands on files: every row comes back, measured or judged, in memory that is bounded."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyogrio
import pytest
import shapely
from pyproj import Geod

from ecoduct_analysis.screening import ScreenRule
from ecoduct_server.commands.analysing.screening import analyse_screen
from ecoduct_server.commands.analysing.steps import analyse_steps
from ecoduct_server.errors import BadRequest
from reference_tables import rows_of
from standing import Standing

EXAMPLES = Path(__file__).parents[2] / "examples"
COMMANDS = {"steps": analyse_steps, "screened": analyse_screen}


def layer_of(folder: Path, name: str) -> pa.Table:
    return pyogrio.read_arrow(folder / "results.gpkg", layer=name)[1]


def awkward(folder: Path) -> Path:
    """Rows 1 to 9: a walk with a wild fix, a row of each fault, and one across the antimeridian."""
    path = folder / "awkward.csv"
    path.write_text(
        "id,timestamp,visible,lon,lat\n"
        "a,2026-03-01T00:00:00Z,true,106.90,43.90\n"
        "a,2026-03-01T01:00:00Z,true,106.91,43.90\n"
        "a,2026-03-01T02:00:00Z,true,116.91,43.90\n"
        "a,2026-03-01T03:00:00Z,true,106.92,43.90\n"
        "a,2026-03-01T03:00:00Z,false,0.5,0.5\n"
        "a,noon,true,106.92,43.90\n"
        "a,2026-03-01T04:00:00Z,true,,43.90\n"
        "b,2026-03-01T00:00:00Z,true,179.95,-17\n"
        "b,2026-03-01T01:00:00Z,true,-179.95,-17\n"
    )
    return path


def test_steps_of_the_example_are_those_of_the_ellipsoid(tmp_path: Path) -> None:
    analyse_steps(EXAMPLES / "tracks.csv", tmp_path / "out", clock=Standing())
    given = rows_of(EXAMPLES / "tracks.csv")
    made = rows_of(tmp_path / "out" / "steps.csv")
    assert sorted(int(row["row"]) for row in made) == list(range(1, 952))
    for here, there in pairwise(made[:51]):
        source = given[int(here["row"]) - 1]
        assert float(here["lon"]) == float(source["location-long"])
        at = datetime.fromisoformat(source["timestamp"]).replace(tzinfo=UTC)
        assert datetime.fromisoformat(here["timestamp"]) == at
        (lon, lat), (next_lon, next_lat) = (
            (float(row["lon"]), float(row["lat"])) for row in (here, there)
        )
        far = Geod(ellps="WGS84").inv(lon, lat, next_lon, next_lat)[2]
        assert abs(float(here["length_m"]) - far) < 1e-3
    animals = rows_of(tmp_path / "out" / "animals.csv")
    assert [row["id"] for row in animals] == ["A01", "A02", "A03", "A04"]
    assert sum(int(row["fixes"]) for row in animals) == 951
    assert {row["median_interval_s"] for row in animals} == {"1800"}
    total = sum(float(row["length_m"] or 0) for row in made if row["id"] == "A01")
    np.testing.assert_allclose(float(animals[0]["length_m"]), total)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_geopackage_has_what_the_table_has_and_chunks_change_nothing(
    tmp_path: Path, name: str
) -> None:
    run: Callable[..., Any] = COMMANDS[name]
    for folder, chunk in (("out", 10**6), ("parts", 300)):
        run(EXAMPLES / "tracks.csv", tmp_path / folder, clock=Standing(), chunk=chunk)
    layer = layer_of(tmp_path / "out", name)
    table = rows_of(tmp_path / "out" / f"{name}.csv")
    assert layer["row"].to_pylist() == [int(row["row"]) for row in table]
    assert layer["lon"].to_pylist() == [float(row["lon"]) for row in table]
    assert [at.isoformat(timespec="milliseconds") for at in layer["timestamp"].to_pylist()] == [
        row["timestamp"].replace("Z", "+00:00") for row in table
    ]
    shapes = shapely.from_wkb(layer.column(layer.num_columns - 1).to_pylist())
    first = shapely.get_coordinates(shapes[0])[0]
    assert first.tolist() == [float(table[0]["lon"]), float(table[0]["lat"])]
    assert (tmp_path / "out" / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    for file in (f"{name}.csv", "animals.csv", f"{name}.png", "record.json"):
        assert (tmp_path / "out" / file).read_bytes() == (tmp_path / "parts" / file).read_bytes()
    assert layer.equals(layer_of(tmp_path / "parts", name))


def test_every_row_is_judged_and_none_is_lost(tmp_path: Path) -> None:
    analyse_screen(awkward(tmp_path), tmp_path / "out", clock=Standing())
    found = {int(row["row"]): row for row in rows_of(tmp_path / "out" / "screened.csv")}
    assert sorted(found) == list(range(1, 10))
    assert {number: row["reasons"] for number, row in found.items() if row["reasons"]} == {
        3: "too_fast", 5: "hidden", 6: "no_time", 7: "no_position",
    }  # fmt: skip
    assert [number for number in sorted(found) if found[number]["kept"] == "true"] == [
        1,
        2,
        4,
        8,
        9,
    ]
    assert (found[6]["timestamp"], found[7]["lon"]) == ("", "")
    animals = rows_of(tmp_path / "out" / "animals.csv")
    assert [(row["id"], row["rows"], row["kept"], row["hidden"]) for row in animals] == [
        ("a", "7", "3", "1"), ("b", "2", "2", "0")
    ]  # fmt: skip
    counts = json.loads((tmp_path / "out" / "record.json").read_text())["counts"]
    assert (counts["rows"], counts["kept"], counts["too_fast"], counts["no_time"]) == (9, 5, 1, 1)


def test_fixes_after_now_and_a_rule_of_ones_own_are_heeded(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text(
        "id,timestamp,lon,lat,hdop\na,2026-03-01,106.9,43.9,9\na,2026-03-02,106.9,43.9,1\n"
        "a,2099-01-01,106.9,43.9,1\n"
    )
    rule = ScreenRule(max_dop=5.0)
    analyse_screen(path, tmp_path / "out", clock=Standing(), rule=rule)
    found = rows_of(tmp_path / "out" / "screened.csv")
    assert [row["reasons"] for row in found] == ["poor", "", "too_late"]
    kept = json.loads((tmp_path / "out" / "record.json").read_text())
    assert kept["rules"]["ScreenRule"]["max_dop"] == 5.0


@pytest.fixture(scope="module")
def awkward_steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("awkward")
    analyse_steps(awkward(folder), folder / "out", clock=Standing())
    return folder / "out"


def test_steps_of_awkward_rows_are_missing_and_hidden_rows_are_left_out(
    awkward_steps: Path,
) -> None:
    found = {int(row["row"]): row for row in rows_of(awkward_steps / "steps.csv")}
    assert sorted(found) == [1, 2, 3, 4, 6, 7, 8, 9]
    assert found[4]["length_m"] == found[7]["length_m"] == found[9]["length_m"] == ""
    assert found[6]["speed_m_s"] == ""
    counts = json.loads((awkward_steps / "record.json").read_text())["counts"]
    assert (counts["rows"], counts["fixes"], counts["hidden"]) == (9, 8, 1)


def test_a_step_across_the_antimeridian_is_a_short_line(awkward_steps: Path) -> None:
    layer = layer_of(awkward_steps, "steps")
    at = layer["row"].to_pylist().index(8)
    shape = shapely.from_wkb(layer.column(layer.num_columns - 1)[at].as_py())
    np.testing.assert_allclose(shapely.get_coordinates(shape), [[179.95, -17], [180.05, -17]])
    np.testing.assert_allclose(layer["length_m"][at].as_py(), 10_648, atol=2)


@pytest.mark.parametrize("name", COMMANDS)
def test_metres_need_no_place_on_the_globe(tmp_path: Path, name: str) -> None:
    run: Callable[..., Any] = COMMANDS[name]
    path = tmp_path / "tracks.csv"
    path.write_text("id,timestamp,x,y\na,2026-03-01,0,0\na,2026-03-02,3,4\n")
    run(path, tmp_path / "plane", clock=Standing())
    run(path, tmp_path / "globe", clock=Standing(), epsg=32648)
    assert pyogrio.read_info(tmp_path / "globe" / "results.gpkg", layer=name)["crs"] == "EPSG:32648"
    crs = [json.loads((tmp_path / folder / "record.json").read_text())["crs"]
           for folder in ("plane", "globe")]  # fmt: skip
    assert crs == [None, "EPSG:32648"]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_table_without_rows_gives_empty_results(tmp_path: Path, name: str) -> None:
    run: Callable[..., Any] = COMMANDS[name]
    path = tmp_path / "tracks.csv"
    path.write_text("id,timestamp,lon,lat\n")
    run(path, tmp_path / "out", clock=Standing())
    assert rows_of(tmp_path / "out" / f"{name}.csv") == []
    assert (tmp_path / "out" / f"{name}.png").exists()


@pytest.mark.parametrize("name", COMMANDS)
def test_a_bad_table_leaves_no_folder(tmp_path: Path, name: str) -> None:
    run: Callable[..., Any] = COMMANDS[name]
    path = tmp_path / "tracks.csv"
    path.write_text("id,when,lon,lat\na,2026-03-01,1,1\n")
    with pytest.raises(BadRequest, match="no column for the time"):
        run(path, tmp_path / "out", clock=Standing())
    assert not (tmp_path / "out").exists()
