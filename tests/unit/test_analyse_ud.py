"""`ecoduct analyse ud`: tables, polygons and rasters that tell one story, however computed."""

import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely

from ecoduct_analysis.utilisation_rules import UtilisationRule
from ecoduct_server.commands.analysing.ud import Plan, analyse_ud
from ecoduct_server.commands.analysing.ud_tables import RasterNames
from ecoduct_server.errors import BadRequest
from reference_tables import rows_of
from standing import Standing

EXAMPLES = Path(__file__).parents[2] / "examples"
CELLS = UtilisationRule(method="bbmm", cell_m=200.0)


def run(folder: Path, *, tracks: Path = EXAMPLES / "tracks.csv", **options: object) -> Path:
    out = folder / "out"
    given = {"rule": CELLS} | options
    analyse_ud(Plan(tracks=tracks, out=out, **given), clock=Standing())  # type: ignore[arg-type]
    return out


def walk_file(folder: Path, *names: str) -> Path:
    """Animals that go to and fro every hour, in metres on no globe."""
    path = folder / "walk.csv"
    lines = [
        f"{name},2026-03-01T{hour:02}:00:00Z,{100 * (hour % 5) + 40 * n},{30 * (hour % 3)}"
        for n, name in enumerate(names)
        for hour in range(24)
    ]
    path.write_text("\n".join(["id,timestamp,x,y", *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("ud"))


def test_every_raster_has_mass_one_and_the_mean_is_their_mean(example: Path) -> None:
    areas = rows_of(example / "areas.csv")
    assert [row["raster"] for row in areas] == [f"ud_A0{n}.tif" for n in range(1, 5)]
    held = []
    for row in areas:
        with rasterio.open(example / row["raster"]) as raster:
            held.append(raster.read(1))
            assert raster.transform.a == 200.0
            assert raster.crs is not None
        np.testing.assert_allclose(held[-1].sum(), 1.0, atol=1e-5)
        assert np.count_nonzero(held[-1]) == int(row["cells"])
    with rasterio.open(example / "ud_mean.tif") as raster:
        np.testing.assert_allclose(raster.read(1), np.mean(held, axis=0), atol=1e-7)


def test_areas_are_those_of_the_polygons_and_called_occurrence(example: Path) -> None:
    areas = {row["id"]: row for row in rows_of(example / "areas.csv")}
    layer = pyogrio.read_arrow(example / "results.gpkg", layer="isopleths")[1]
    shapes = shapely.from_wkb(layer.column(layer.num_columns - 1).to_pylist())
    assert len(shapes) == 12
    for name, share, shape in zip(
        layer["id"].to_pylist(), layer["share"].to_pylist(), shapes, strict=True
    ):
        told = float(areas[name][f"area{100 * share:.0f}_m2_inclusive"])
        np.testing.assert_allclose(shape.area, told)
        exclusive = float(areas[name][f"area{100 * share:.0f}_m2_exclusive"])
        assert told - exclusive in {0.0, 200.0**2}
    assert {row["kind"] for row in rows_of(example / "isopleths.csv")} == {"occurrence"}
    assert {row["kind"] for row in areas.values()} == {"occurrence"}


def test_every_fix_has_its_row_of_motion_variance(example: Path) -> None:
    rows = rows_of(example / "motion_variance.csv")
    assert list(rows[0])[:6] == [
        "id", "i", "timestamp", "bm_var_m2_per_min", "in_windows", "interest"
    ]  # fmt: skip
    last = [row for row in rows if not row["bridge_var_m2_per_min"]]
    assert [row["id"] for row in last] == ["A01", "A02", "A03", "A04"]
    counts = json.loads((example / "record.json").read_text())["counts"]
    assert len(rows) == counts["fixes"]
    assert counts["utilisations"] == 4


def test_the_record_names_all_that_was_written(example: Path) -> None:
    record = json.loads((example / "record.json").read_text())
    assert record["mode"] == "clean"
    assert record["rules"]["UtilisationRule"]["cell_m"] == 200.0
    assert sorted(record["outputs"]) == sorted(
        path.name for path in example.iterdir() if path.name != "record.json"
    )
    assert "map.png" in record["outputs"]


@pytest.mark.parametrize("chunk", [1, 10**9])
def test_chunks_change_no_byte(example: Path, tmp_path: Path, chunk: int) -> None:
    other = run(tmp_path, chunk=chunk)
    for path in example.iterdir():
        if path.suffix in {".csv", ".tif", ".png", ".json"}:
            assert (other / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("method", ["dbbmm", "kernelbb", "kernel"])
@pytest.mark.parametrize("mode", ["clean", "compat"])
def test_every_method_runs_in_every_mode(tmp_path: Path, method: str, mode: str) -> None:
    rule = UtilisationRule(method=method, cell_m=50.0, location_error_m=10.0, window=15, margin=5,
                           time_step_min=10.0)  # fmt: skip
    out = run(tmp_path, tracks=walk_file(tmp_path, "a", "b"), rule=rule, mode=mode)
    areas = rows_of(out / "areas.csv")
    assert all(float(row["area50_m2_inclusive"]) > 0 for row in areas)
    assert json.loads((out / "record.json").read_text())["mode"] == mode


def test_the_grid_may_be_given(tmp_path: Path) -> None:
    out = run(
        tmp_path, tracks=walk_file(tmp_path, "a"), bounds=(-1000.0, -500.0, 1000.0, 500.0),
        rule=UtilisationRule(method="bbmm", cell_m=50.0),
    )  # fmt: skip
    with rasterio.open(out / "ud_a.tif") as raster:
        assert (raster.width, raster.height) == (40, 20)
        assert tuple(raster.bounds) == (-1000.0, -500.0, 1000.0, 500.0)
        assert raster.crs is None


def test_a_grid_without_area_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="between finite edges"):
        run(tmp_path, tracks=walk_file(tmp_path, "a"), bounds=(0.0, 0.0, 0.0, 5.0))


def test_names_that_no_file_can_have_are_made_safe_and_different() -> None:
    names = RasterNames()
    made = [
        names.name(animal) for animal in ("../etc", "a b", "a_b", "A b", "mean", "", "7/8", "Ä")
    ]
    assert made == [
        "ud_etc", "ud_a_b", "ud_a_b_2", "ud_A_b_3", "ud_mean_2", "ud_animal", "ud_7_8", "ud_Ä"
    ]  # fmt: skip


def test_an_animal_heard_once_is_told_and_has_no_raster(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = walk_file(tmp_path, "a")
    path.write_text(path.read_text() + "once,2026-03-01T00:00:00Z,0,0\n")
    out = run(tmp_path, tracks=path, rule=UtilisationRule(method="bbmm", cell_m=50.0))
    assert "1 animals have no utilisation: too few fixes" in capsys.readouterr().err
    areas = {row["id"]: row for row in rows_of(out / "areas.csv")}
    assert (areas["once"]["raster"], areas["once"]["area50_m2_inclusive"]) == ("", "")
    assert not (out / "ud_once.tif").exists()


def test_a_silent_animal_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = walk_file(tmp_path, "a")
    path.write_text(path.read_text() + "a,2026-03-09T00:00:00Z,0,0\n")
    run(tmp_path, tracks=path, rule=UtilisationRule(method="bbmm", cell_m=50.0))
    assert "not observed for more than a third" in capsys.readouterr().err


def test_a_table_without_rows_gives_empty_results(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("id,timestamp,lon,lat\n")
    out = run(tmp_path, tracks=path)
    for name in ("motion_variance", "areas", "isopleths"):
        assert rows_of(out / f"{name}.csv") == []
    assert (out / "map.png").exists()


def test_cells_too_small_to_be_held_leave_no_folder(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="choose another cell_m"):
        run(tmp_path, rule=UtilisationRule(method="bbmm", cell_m=0.01))
    assert not (tmp_path / "out").exists()
