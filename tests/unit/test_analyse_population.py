"""`ecoduct analyse population` on files: tables, layers, rasters, and what it refuses."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import rasterio
import shapely

from ecoduct_analysis.population_rules import PopulationRule
from ecoduct_analysis.sequences import Season
from ecoduct_analysis.synthetic import migrate
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing.population import Plan, analyse_population, parse_rules
from ecoduct_server.commands.analysing.population_inputs import Cut, parse_season
from ecoduct_server.errors import BadRequest
from reference_tables import rows_of
from standing import Standing

TABLES = ("sequences", "refused", "levels", "stopovers")
FILES = (*(f"{name}.csv" for name in TABLES), "footprint_count.tif", "population_ud.tif", "map.png")
SEASONS = (Season("spring", "03-01", "05-31"), Season("autumn", "09-15", "11-30"))


def write(path: Path, tracks: Tracks, **columns: Any) -> Path:
    """Track table in metres of EPSG:32612."""
    head = ",".join(["id", "timestamp", "x", "y", "epsg", *columns])
    rows = [
        f"{tracks.names[n]},{t},{x},{y},32612" + "".join(f",{c[k]}" for c in columns.values())
        for k, (n, t, x, y) in enumerate(
            zip(tracks.track, tracks.t_ms, tracks.x, tracks.y, strict=True)
        )
    ]
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def herd() -> Tracks:
    return migrate(4, seed=2, interval_s=4 * 3600.0, distance_m=40_000.0).tracks


@pytest.fixture(scope="module")
def ran(herd: Tracks, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("herd")
    tracks = write(folder / "tracks.csv", herd)
    plan = Plan(tracks=tracks, out=folder / "out", cut=Cut(seasons=SEASONS))
    analyse_population(plan, clock=Standing())
    return folder


def test_every_animal_has_a_row_for_every_season(ran: Path) -> None:
    rows = rows_of(ran / "out" / "sequences.csv")
    assert [row["seq"] for row in rows[:2]] == ["animal 1_2025_spring", "animal 1_2025_autumn"]
    assert len(rows) == 8
    assert [row["season"] for row in rows[:2]] == ["spring", "autumn"]
    assert {row["id"] for row in rows} == {f"animal {n}" for n in range(1, 5)}
    assert rows_of(ran / "out" / "refused.csv") == []
    first = list(rows[0])[:11]
    assert first == [
        "seq", "id", "n", "n_lag_gt_8h", "bm_var_BBMM", "crop_cells", "seconds",
        "cells_footprint99", "cells_positive", "stopover_cells_top10pct_area",
        "stopover_cells_top10pct_volume",
    ]  # fmt: skip


def test_levels_are_nested_outlines_of_what_the_raster_counts(ran: Path) -> None:
    rows = rows_of(ran / "out" / "levels.csv")
    with rasterio.open(ran / "out" / "footprint_count.tif") as raster:
        count = raster.read(1)
        assert raster.crs.to_epsg() == 32612
    for row in rows:
        assert int(row["cells"]) == (count >= int(row["least_animals"])).sum(), row["level"]
        assert row["animals"] == "4"
    layer = pyogrio.read_arrow(ran / "out" / "results.gpkg", layer="levels")[1]
    shapes = shapely.from_wkb(layer.column(layer.num_columns - 1).to_pylist())
    by_level = dict(zip(layer["level"].to_pylist(), shapes, strict=True))
    assert shapely.covers(by_level["1 animal"], by_level["2 animals"])
    for row in rows:
        assert by_level[row["level"]].area / 1e6 == pytest.approx(float(row["outline_km2"]))


def test_the_raster_of_use_sums_to_one(ran: Path) -> None:
    with rasterio.open(ran / "out" / "population_ud.tif") as raster:
        use = raster.read(1)
    assert use.sum(dtype=float) == pytest.approx(1.0, abs=1e-6)
    counts = json.loads((ran / "out" / "record.json").read_text())["counts"]
    assert counts["ud_cells"] == np.count_nonzero(use)
    assert counts["stopover_cells_area"] == -(-counts["ud_cells"] // 10)


def test_stopovers_are_named_by_their_definition(ran: Path) -> None:
    rows = rows_of(ran / "out" / "stopovers.csv")
    assert {row["definition"]: row["is_chosen"] for row in rows} == {
        "area": "true", "volume": "false"
    }  # fmt: skip
    areas = [float(row["area_km2"]) for row in rows if row["definition"] == "area"]
    assert areas == sorted(areas, reverse=True)


def test_chunks_and_the_order_of_rows_change_nothing(ran: Path) -> None:
    head, *rows = (ran / "tracks.csv").read_text().splitlines()
    np.random.default_rng(1).shuffle(rows)
    # The first animal stays the first: the names order the seasons' sequences.
    rows.sort(key=lambda row: row.split(",")[0])
    mixed = ran / "mixed" / "tracks.csv"
    mixed.parent.mkdir()
    mixed.write_text("\n".join([head, *rows]))
    for name, tracks, chunk in (("chunks", ran / "tracks.csv", 1), ("again", mixed, 10**6)):
        plan = Plan(tracks=tracks, out=ran / name, cut=Cut(seasons=SEASONS), chunk=chunk)
        analyse_population(plan, clock=Standing())
        for file in FILES:
            assert (ran / name / file).read_bytes() == (ran / "out" / file).read_bytes(), file


def test_a_column_names_sequences_and_what_is_too_sparse_is_told(
    herd: Tracks, tmp_path: Path
) -> None:
    day = (herd.t_ms - herd.t_ms[0]) // 86_400_000
    label = np.where((day >= 60) & (day < 120), "spring", "")
    label[(day >= 200) & (day < 201)] = "summer"
    label[np.flatnonzero(label == "summer")[2:]] = ""
    tracks = write(tmp_path / "tracks.csv", herd, seq=label)
    plan = Plan(tracks=tracks, out=tmp_path / "out")
    analyse_population(plan, clock=Standing())
    rows = rows_of(tmp_path / "out" / "sequences.csv")
    assert [row["seq"] for row in rows] == [f"animal {n} spring" for n in range(1, 5)]
    (gone,) = rows_of(tmp_path / "out" / "refused.csv")
    assert (gone["seq"], gone["n"], gone["reason"]) == ("summer", "2", "too_few_fixes")
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert record["rules"]["sequences"]["column"] == "seq"
    assert record["counts"]["refused_too_few_fixes"] == 1


def test_a_column_names_animals_of_tracks_that_are_sequences(herd: Tracks, tmp_path: Path) -> None:
    owner = np.where(herd.track < 2, "doe", "buck")
    tracks = write(tmp_path / "tracks.csv", herd, owner=owner)
    rule = PopulationRule(cell_m=2000.0)
    plan = Plan(tracks=tracks, out=tmp_path / "out", cut=Cut(animal_column="owner"), rule=rule)
    analyse_population(plan, clock=Standing())
    rows = rows_of(tmp_path / "out" / "sequences.csv")
    assert [row["id"] for row in rows] == ["buck", "buck", "doe", "doe"]
    assert rows_of(tmp_path / "out" / "levels.csv")[0]["animals"] == "2"


def test_compat_looks_about_each_sequence_only(herd: Tracks, tmp_path: Path) -> None:
    tracks = write(tmp_path / "tracks.csv", herd)
    rule, bridges = parse_rules(["cell_m=1000", "motion_variance_m2_min=900"], mode="compat")
    assert (bridges.time_step_min, bridges.location_error_m) == (5.0, 20.0)
    bounds = (-20_000.0, -20_000.0, 60_000.0, 20_000.0)
    plan = Plan(
        tracks=tracks, out=tmp_path / "out", rule=rule, bridges=bridges, mode="compat",
        cut=Cut(seasons=SEASONS), bounds=bounds,
    )  # fmt: skip
    analyse_population(plan, clock=Standing())
    rows = rows_of(tmp_path / "out" / "sequences.csv")
    assert all(0 < int(row["crop_cells"]) < 80 * 40 for row in rows)
    assert {float(row["bm_var_BBMM"]) for row in rows} == {900.0}
    with rasterio.open(tmp_path / "out" / "population_ud.tif") as raster:
        assert tuple(raster.bounds) == bounds


def test_a_table_without_rows_gives_empty_results(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks.csv"
    tracks.write_text("id,timestamp,lon,lat\n")
    analyse_population(Plan(tracks=tracks, out=tmp_path / "out"), clock=Standing())
    assert all(rows_of(tmp_path / "out" / f"{name}.csv") == [] for name in TABLES)
    assert (tmp_path / "out" / "map.png").exists()


def test_degrees_are_put_into_the_projection_that_is_asked_for(tmp_path: Path) -> None:
    tracks = tmp_path / "tracks.csv"
    rows = [
        f"a,2026-03-01T{n:02}:00:00Z,{-109 + 0.01 * n},{42 + 0.005 * (n % 3)}" for n in range(12)
    ]
    tracks.write_text("\n".join(["id,timestamp,lon,lat", *rows]))
    for epsg, crs in ((None, "EPSG:32612"), (5070, "EPSG:5070")):
        plan = Plan(tracks=tracks, out=tmp_path / str(epsg), cut=Cut(epsg=epsg))
        analyse_population(plan, clock=Standing())
        assert json.loads((plan.out / "record.json").read_text())["crs"] == crs


def test_faults_of_the_input_are_told_and_leave_no_folder(herd: Tracks, tmp_path: Path) -> None:
    tracks = write(tmp_path / "tracks.csv", herd.select([0]))
    plan = Plan(tracks=tracks, out=tmp_path / "out")
    faults: list[tuple[Plan, str]] = [
        (replace(plan, cut=Cut(sequence_column="migration")), "no column 'migration'"),
        (replace(plan, cut=Cut(seasons=SEASONS, sequence_column="id")), "by column and by season"),
        (replace(plan, cut=Cut(seasons=SEASONS, year_begins="soon")), "MM-DD"),
        (replace(plan, rule=PopulationRule(cell_m=0.1)), "cells"),
        (replace(plan, mode="strict"), "mode must be"),  # type: ignore[arg-type]
    ]
    for wrong, told in faults:
        with pytest.raises(BadRequest, match=told):
            analyse_population(wrong, clock=Standing())
        assert not plan.out.exists()


def test_words_of_the_command_line_are_read_or_refused() -> None:
    assert parse_season("spring=03-15/06-15") == Season("spring", "03-15", "06-15")
    for text in ("spring", "=03-15/06-15", "spring=03-15", "spring=31-31/06-15"):
        with pytest.raises(BadRequest):
            parse_season(text)
    with pytest.raises(BadRequest, match="PopulationRule has no 'cels'"):
        parse_rules(["cels=1"], mode="clean")
    with pytest.raises(BadRequest, match="given twice"):
        parse_rules(["cell_m=1", "cell_m=2"], mode="clean")
    rule, bridges = parse_rules(["method=dbbmm", "contour=0.95"], mode="clean")
    assert (rule.contour, bridges.method, bridges.max_lag_min) == (0.95, "dbbmm", 480.0)
