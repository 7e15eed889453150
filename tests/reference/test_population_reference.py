"""Populations of Migration Mapper's rules (`corridor/04_sawyer_population.md` of the data)."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.footprints import find_footprints, find_stopovers
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.population import Population, find_population
from ecoduct_analysis.population_rules import PopulationRule, StopoverKind
from ecoduct_analysis.refusals import judge_sequences
from ecoduct_analysis.sequence_bridges import SequenceBridges, bridge_sequences, population_grid
from ecoduct_analysis.sequences import Sequences, label_sequences
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.use_levels import use_levels
from ecoduct_analysis.utilisation import Utilisation
from ecoduct_server.commands.analysing.population import Plan, analyse_population, parse_rules
from ecoduct_server.commands.analysing.population_inputs import Cut
from ecoduct_wire.clock import SystemClock
from reference_tables import Row, at_ms, rows_of

pytestmark = pytest.mark.reference

STOPOVERS: tuple[StopoverKind, ...] = ("area", "volume")


def sequences_of(rows: list[Row], *, time: str, x: str, y: str) -> Sequences:
    rows = sorted(rows, key=lambda row: (row["id"], row[time]))
    names = sorted({row["id"] for row in rows})
    tracks = Tracks.from_arrays(
        names,
        track=[names.index(row["id"]) for row in rows],
        t_ms=[at_ms(row[time]) for row in rows],
        x=[float(row[x]) for row in rows],
        y=[float(row[y]) for row in rows],
    )
    return label_sequences(tracks, [row["seq"] for row in rows])


def counts_of(population: Population) -> tuple[list[int], list[int]]:
    """Cells by 1 animal, 10, 20 and 30 %, and cells of the stop-overs by area and volume."""
    levels = {level.name: level.animals for level in use_levels(len(population), mode="compat")}
    wanted = [levels[name] for name in ("1 animal", "medium", "20 %", "30 %")]
    stopovers = [find_stopovers(population.utilisation, kind=kind) for kind in STOPOVERS]
    return [len(population.used_by(n)) for n in wanted], [int(s.counts[0]) for s in stopovers]


@pytest.fixture(scope="module")
def folder(reference: Path) -> Path:
    return reference / "corridor" / "expected" / "pronghorn"


@pytest.fixture(scope="module")
def table(folder: Path) -> dict[str, Row]:
    return {row["seq"]: row for row in rows_of(folder / "sequences.csv")}


@pytest.fixture(scope="module")
def theirs(folder: Path, table: dict[str, Row]) -> tuple[Utilisation, FloatArray, FloatArray]:
    """Their own distributions, and the population's counts and distribution."""
    kept = np.load(folder / "uds.npz")
    layers = [kept[name].ravel().astype(float) for name in table]
    cells = [np.flatnonzero(layer) for layer in layers]
    place = json.loads((folder / "population.json").read_text())
    grid = Grid(
        west=place["extent"][0], north=place["extent"][3], cell_m=place["cell"],
        rows=place["nrow"], columns=place["ncol"], crs=place["crs"],
    )  # fmt: skip
    ud = Utilisation(
        grid, tuple(table), np.cumsum([0, *map(len, cells)]), np.concatenate(cells),
        np.concatenate([layer[cell] for layer, cell in zip(layers, cells, strict=True)]),
    )  # fmt: skip
    return ud, kept["pop_footprint_n_ids"].astype(float), kept["pop_ud"].astype(float)


@pytest.fixture(scope="module")
def pronghorn(reference: Path) -> Sequences:
    rows = rows_of(reference / "corridor" / "data" / "pronghorn_sublette_seqs.csv")
    return sequences_of(rows, time="timestamp", x="x_5070", y="y_5070")


@pytest.fixture(scope="module")
def ours(pronghorn: Sequences) -> tuple[SequenceBridges, Population]:
    grid = population_grid(pronghorn.tracks, mode="compat")
    made = bridge_sequences(pronghorn.tracks, grid, mode="compat")
    found = find_population(made.utilisation, animals=pronghorn.owners, mode="compat")
    return made, found


def test_their_distributions_give_their_population(
    table: dict[str, Row], theirs: tuple[Utilisation, FloatArray, FloatArray]
) -> None:
    ud, counts, mass = theirs
    found = find_population(ud, animals=[row["id"] for row in table.values()])
    assert counts_of(found) == ([7831, 1185, 389, 13], [1078, 40])
    assert len(found) == 15
    np.testing.assert_array_equal(ud.grid.dense(found.cell, found.count), counts)
    # Theirs is in single precision.
    np.testing.assert_allclose(found.utilisation.dense(0), mass, atol=1e-9)


def test_fixes_give_their_population(
    ours: tuple[SequenceBridges, Population], theirs: tuple[Utilisation, FloatArray, FloatArray]
) -> None:
    _, found = ours
    grid = found.grid
    assert (grid.rows, grid.columns) == (344, 399)
    np.testing.assert_allclose(grid.bounds[:2], (theirs[0].grid.west, 2106190.36558444), atol=1e-3)
    assert counts_of(found) == ([7831, 1185, 389, 13], [1078, 40])
    assert len(found.utilisation.cell) == 10773
    np.testing.assert_array_equal(grid.dense(found.cell, found.count), theirs[1])
    np.testing.assert_allclose(found.utilisation.dense(0), theirs[2], atol=1e-7)


def test_every_sequence_has_their_numbers(
    pronghorn: Sequences, ours: tuple[SequenceBridges, Population], table: dict[str, Row]
) -> None:
    made, _ = ours
    judged = judge_sequences(pronghorn.tracks, mode="compat")
    assert judged.kept.all()
    columns = {
        "n": judged.fixes,
        "n_lag_gt_8h": judged.long_steps,
        "crop_cells": made.crop_cells,
        "cells_footprint99": find_footprints(made.utilisation, mode="compat").counts,
        "cells_positive": np.diff(made.utilisation.offsets),
        "stopover_cells_top10pct_area": find_stopovers(made.utilisation).counts,
        "stopover_cells_top10pct_volume": find_stopovers(made.utilisation, kind="volume").counts,
    }
    names = pronghorn.tracks.names
    assert list(pronghorn.owners) == [table[name]["id"] for name in names]
    for column, found in columns.items():
        assert found.tolist() == [int(table[name][column]) for name in names], column
    variances = [float(table[name]["bm_var_BBMM"]) for name in names]
    np.testing.assert_allclose(made.variance_m2_s * 60, variances, rtol=1e-6)


def test_clean_bridges_find_wider_corridors(pronghorn: Sequences) -> None:
    # Cells are integrated: where half a bridge is in a cell, so is half its mass.
    made = bridge_sequences(pronghorn.tracks, population_grid(pronghorn.tracks))
    found = find_population(made.utilisation, animals=pronghorn.owners)
    (low, medium, high, most), (area, volume) = counts_of(found)
    assert 1.06 < low / 7831 < 1.08
    assert 1.08 < medium / 1185 < 1.13
    assert 1.08 < high / 389 < 1.15
    assert most >= 13
    assert 1.04 < area / 1078 < 1.07
    assert volume > 40


def test_the_command_gives_their_tables(
    reference: Path, table: dict[str, Row], tmp_path: Path
) -> None:
    # In degrees, as most tables are: 5 mm off the metres that the table has besides.
    rule, bridges = parse_rules([], mode="compat")
    plan = Plan(
        tracks=reference / "corridor" / "data" / "pronghorn_sublette_seqs.csv",
        out=tmp_path / "out", rule=rule, bridges=bridges, mode="compat", cut=Cut(epsg=5070),
    )  # fmt: skip
    analyse_population(plan, clock=SystemClock())
    rows = rows_of(tmp_path / "out" / "sequences.csv")
    assert sorted(row["seq"] for row in rows) == sorted(table)
    for row in rows:
        for name, value in table[row["seq"]].items():
            if name == "bm_var_BBMM":
                assert float(row[name]) == pytest.approx(float(value), rel=1e-4)
            elif name != "seconds":
                assert row[name] == value, (row["seq"], name)
    levels = {row["level"]: int(row["cells"]) for row in rows_of(tmp_path / "out" / "levels.csv")}
    assert [levels[name] for name in ("low", "medium", "high", "30 %")] == [7831, 1185, 389, 13]
    counts = json.loads((tmp_path / "out" / "record.json").read_text())["counts"]
    assert (counts["stopover_cells_area"], counts["stopover_cells_volume"]) == (1078, 40)


@pytest.fixture(scope="module")
def synthetic(reference: Path) -> Sequences:
    path = reference / "connectivity" / "data" / "synthetic_migration_tracks.csv"
    return sequences_of(rows_of(path), time="time", x="x", y="y")


@pytest.fixture(scope="module")
def grid_table(reference: Path) -> list[Row]:
    path = reference / "connectivity" / "expected" / "corridor" / "population_grid.csv.gz"
    with gzip.open(path, "rt") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("merge_key", ["id", "year,id"])
def test_synthetic_migration_is_theirs_cell_for_cell(
    reference: Path, synthetic: Sequences, grid_table: list[Row], merge_key: str
) -> None:
    x, y, animals, mass, is_stopover = (
        np.array([float(row[name]) for row in grid_table])
        for name in ("x", "y", "n_ids", "pop_ud", "stopover")
    )
    grid = Grid(west=x.min() - 125, north=y.max() + 125, cell_m=250, rows=53, columns=145)
    rule = PopulationRule(merge_key=merge_key)
    made = bridge_sequences(synthetic.tracks, grid, rule=rule, mode="compat")
    found = find_population(
        made.utilisation, animals=synthetic.owners, years=synthetic.year, rule=rule, mode="compat"
    )
    at = grid.cell_at(x, y)
    np.testing.assert_array_equal(grid.dense(found.cell, found.count).ravel()[at], animals)
    np.testing.assert_allclose(found.utilisation.dense(0).ravel()[at], mass, atol=1e-9)
    stopover = find_stopovers(found.utilisation)
    np.testing.assert_array_equal(stopover.dense(0).ravel()[at], is_stopover > 0)
    levels = {level.name: len(found.used_by(level.animals)) for level in use_levels(12)}
    assert (levels["low"], levels["2 animals"], levels["medium"]) == (1428, 1160, 1160)
    assert (levels["high"], stopover.counts.tolist()) == (915, [160])
    meta = rows_of(reference / "connectivity" / "expected" / "corridor" / "bbmm_meta.csv")
    by_name = {row["seq"]: row for row in meta}
    rows = [by_name[name] for name in synthetic.tracks.names]
    footprints = find_footprints(made.utilisation, mode="compat").counts.tolist()
    assert footprints == [int(row["cells99"]) for row in rows]
    variances = [float(row["bmvar"]) for row in rows]
    np.testing.assert_allclose(made.variance_m2_s * 60, variances, rtol=1e-6)


def test_one_synthetic_sequence_is_theirs_cell_for_cell(
    reference: Path, synthetic: Sequences
) -> None:
    path = reference / "connectivity" / "expected" / "corridor" / "bbmm_ud_A00_2024_spr.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = list(csv.DictReader(file))
    number = synthetic.tracks.names.index("A00_2024_spr")
    grid = Grid(west=-3125, north=13_125, cell_m=250, rows=53, columns=145)
    made = bridge_sequences(synthetic.tracks.select([number]), grid, mode="compat").utilisation
    cells = grid.cell_at([float(row["x"]) for row in rows], [float(row["y"]) for row in rows])
    assert sorted(cells.tolist()) == made.cell.tolist()
    expected = np.zeros(len(grid))
    expected[cells] = [float(row["p"]) for row in rows]
    np.testing.assert_allclose(made.dense(0).ravel(), expected, atol=1e-8)
