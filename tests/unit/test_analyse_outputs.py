"""What analyses write: files that read back as they were, all or nothing."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyogrio
import pytest
import rasterio
import shapely

from ecoduct_analysis.grids import Grid
from ecoduct_server.commands.analysing import record
from ecoduct_server.commands.analysing.figures import (
    ENCOUNTERS,
    Points,
    draw_bars,
    draw_histogram,
    draw_map,
    new_figure,
    save,
)
from ecoduct_server.commands.analysing.outputs import open_results
from ecoduct_server.errors import BadRequest
from gallery import line, walk

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True, slots=True)
class Rule:
    buffer_m: float = 100.0
    most: int = 3
    is_strict: bool = False
    limit: float | None = None


def a_record(**changes: object) -> dict[str, object]:
    made = record.make_record(
        "analyse steps", inputs=[EXAMPLES / "tracks.csv"], rules=[Rule(limit=float("inf"))],
        counts={"fixes": 5}, crs="EPSG:4326", started_ms=0, finished_ms=1500, seed=7,
    )  # fmt: skip
    return made | changes


def rows(*times: int | None, x: list[float | None]) -> pa.Table:
    return pa.table({
        "id": pa.array(["a"] * len(times)).dictionary_encode(),
        "at": pa.array(times, pa.timestamp("ms", "UTC")), "x": pa.array(x, pa.float64()),
    })  # fmt: skip


def run(out: Path, *tables: pa.Table, name: str = "found") -> None:
    with open_results(out) as results:
        for table in tables:
            results.write_table(name, table)
        results.write_record(a_record())


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_rows_that_come_in_parts_are_one_table_and_one_layer(tmp_path: Path) -> None:
    places = np.array([shapely.Point(1, 2), None], dtype=object)
    with open_results(tmp_path / "out") as results:
        for _ in range(3):
            results.write_table(
                "found", rows(5, None, x=[1 / 3, None]), geometry=places, crs="EPSG:32612"
            )
        results.write_table("other", rows(7, x=[1e22]))
        results.write_record(a_record())
    out = tmp_path / "out"
    assert files(out) == ["found.csv", "other.csv", "record.json", "results.gpkg"]
    assert (out / "found.csv").read_text() == (
        '"id","at","x"\n' + '"a","1970-01-01T00:00:00.005Z",0.3333333333333333\n"a",,\n' * 3
    )
    meta, layer = pyogrio.read_arrow(out / "results.gpkg", layer="found")
    assert (len(layer), meta["crs"], meta["geometry_type"]) == (6, "EPSG:32612", "Point")
    assert layer["at"].cast(pa.int64()).to_pylist() == [5, None] * 3
    assert layer["x"].to_pylist() == [1 / 3, None] * 3
    assert len(pyogrio.read_arrow(out / "results.gpkg", layer="other")[1]) == 1


def test_every_number_reads_back_as_the_same_number(tmp_path: Path) -> None:
    dice = np.random.default_rng(4)
    numbers = dice.normal(size=2000) * 10.0 ** dice.integers(-300, 300, 2000)
    run(tmp_path / "out", pa.table({"x": numbers}))
    back = pyarrow.csv.read_csv(tmp_path / "out" / "found.csv")["x"].to_numpy()
    assert (back == numbers).all()


def test_no_row_is_a_table_too(tmp_path: Path) -> None:
    with open_results(tmp_path / "out") as results:
        results.write_table("found", rows(x=[]), geometry=np.empty(0, dtype=object), crs=None)
        results.write_record(a_record())
    assert (tmp_path / "out" / "found.csv").read_text() == '"id","at","x"\n'
    assert len(pyogrio.read_arrow(tmp_path / "out" / "results.gpkg", layer="found")[1]) == 0


@pytest.mark.parametrize("error", [KeyboardInterrupt, BadRequest, ZeroDivisionError])
def test_a_run_that_is_broken_off_leaves_nothing(
    tmp_path: Path, error: type[BaseException]
) -> None:
    fault = error("x", where="y", remedy="z") if error is BadRequest else error()
    out = tmp_path / "deep" / "out"

    def break_off() -> None:
        with open_results(out) as results:
            results.write_table("found", rows(5, x=[1.0]))
            raise fault

    with pytest.raises(error):
        break_off()
    assert not out.exists()


def test_an_earlier_result_stays_until_the_next_run_succeeds(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(out, rows(5, x=[1.0]))
    (out / "notes.txt").write_text("mine")
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def break_off() -> None:
        with open_results(out) as results:
            results.write_table("found", rows(5, x=[2.0]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    run(out, rows(5, x=[3.0]), name="other")
    assert files(out) == ["notes.txt", "other.csv", "record.json", "results.gpkg"]
    assert len(pyogrio.list_layers(out / "results.gpkg")) == 1


def test_what_a_killed_run_left_behind_is_cleared_away(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / ".unfinished").mkdir(parents=True)
    (out / ".unfinished" / "found.csv").write_text("half")
    run(out, rows(5, x=[1.0]))
    assert files(out) == ["found.csv", "record.json", "results.gpkg"]


def test_a_folder_of_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(BadRequest, match=r"1 files that no analysis wrote, one is thesis\.tex"):
        run(tmp_path, rows(5, x=[1.0]))
    (tmp_path / "record.json").write_text('{"format": "of another program"}')
    with pytest.raises(BadRequest, match="no analysis wrote"):
        run(tmp_path, rows(5, x=[1.0]))
    with pytest.raises(BadRequest, match="It is a file"):
        run(tmp_path / "thesis.tex", rows(5, x=[1.0]))
    with pytest.raises(BadRequest, match="cannot be written: Not a directory"):
        run(tmp_path / "thesis.tex" / "out", rows(5, x=[1.0]))
    assert files(tmp_path) == ["record.json", "thesis.tex"]


def test_an_old_record_leads_to_no_file_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    record.write(out / "record.json", a_record(outputs=["../precious", str(tmp_path / "precious")]))
    run(out, rows(5, x=[1.0]))
    assert (tmp_path / "precious").exists()


def test_the_record_says_all_that_is_needed_to_do_it_again(tmp_path: Path) -> None:
    run(tmp_path / "out", rows(5, x=[1.0]))
    kept = json.loads((tmp_path / "out" / "record.json").read_text())
    assert list(kept) == [
        "format", "command", "mode", "rules", "seed", "inputs", "crs", "counts", "versions",
        "started_at", "finished_at", "outputs",
    ]  # fmt: skip
    content = (EXAMPLES / "tracks.csv").read_bytes()
    assert kept["inputs"] == [{
        "path": str(EXAMPLES / "tracks.csv"), "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }]  # fmt: skip
    assert kept["rules"] == {
        "Rule": {"buffer_m": 100.0, "most": 3, "is_strict": False, "limit": "inf"}
    }
    assert (kept["seed"], kept["mode"]) == (7, None)
    assert kept["finished_at"] == "1970-01-01T00:00:01.500Z"
    assert {"ecoduct", "numpy", "scipy", "shapely", "numba", "pyproj", "proj", "geos"} <= set(
        kept["versions"]
    )
    assert kept["outputs"] == ["found.csv", "results.gpkg"]


def test_a_figure_is_drawn_of_anything_and_of_nothing(tmp_path: Path) -> None:
    for number in range(2):
        figure, (bars, histogram, full, empty) = new_figure(4, title="All")
        draw_bars(bars, {"one": 5, "two": 0}, title="Bars", x="rows")
        draw_histogram(histogram, np.array([1.0, 10, 100]), np.array([0, 3]), title="H", x="s")
        draw_map(
            full, tracks=walk((0, 0), (5000, 100)),
            lines=[line((0, -900), (10, 900)), shapely.box(0, 0, 50, 50)],
            points=[Points(np.array([5.0]), np.array([1.0]), "Bounce", ENCOUNTERS["Bounce"])],
        )  # fmt: skip
        draw_map(empty)
        save(figure, tmp_path / f"{number}.png")
        assert "1 km" in [text.get_text() for text in full.texts]
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes()
    assert (tmp_path / "0.png").read_bytes()[:4] == b"\x89PNG"


def test_a_raster_reads_back_in_its_place_with_what_is_not_known(tmp_path: Path) -> None:
    grid = Grid(west=-400.0, north=200.0, cell_m=100.0, rows=2, columns=3, crs="EPSG:5070")
    values = np.array([[0.5, np.nan, 0.0], [0.25, 0.25, 1e-30]])
    with open_results(tmp_path / "out") as results:
        results.write_raster("ud", grid, values)
        results.write_record(a_record())
    with rasterio.open(tmp_path / "out" / "ud.tif") as raster:
        assert raster.crs.to_epsg() == 5070
        assert raster.bounds == (-400.0, 0.0, -100.0, 200.0)
        assert raster.index(-350.0, 150.0) == (0, 0)
        np.testing.assert_array_equal(raster.read(1), values.astype(np.float32))
    assert "ud.tif" in record.outputs(tmp_path / "out")


def test_a_raster_of_no_globe_has_no_projection(tmp_path: Path) -> None:
    grid = Grid(west=0.0, north=10.0, cell_m=10.0, rows=1, columns=1)
    with open_results(tmp_path / "out") as results:
        results.write_raster("ud", grid, np.ones((1, 1)))
        results.write_record(a_record())
    with rasterio.open(tmp_path / "out" / "ud.tif") as raster:
        assert raster.crs is None
