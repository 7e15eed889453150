"""Utilisation distributions of R packages (`corridor/expected` and `connectivity/expected`)."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecoduct_analysis.bridge_utilisation import bridge_utilisation
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.isopleths import EdgeRule, isopleth_areas_m2
from ecoduct_analysis.kernel_utilisation import kernel_utilisation, reference_bandwidth_m
from ecoduct_analysis.occurrence import occurrence, step_variance
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation import Utilisation
from ecoduct_analysis.utilisation_rules import UtilisationRule
from reference_tables import at_ms, rows_of

pytestmark = pytest.mark.reference

IBEX = ("A153", "A160", "A286", "A289")
BBMM = ("leroy", "leroy_maxlag60", "muledeer25", *(f"ibex_{name}" for name in IBEX))
DBBMM = ("dbbmm_leroy_50m_ts1", "dbbmm_leroy_50m_ts5", "dbbmm_leroy_dim45")
RULES: tuple[EdgeRule, ...] = ("inclusive", "exclusive")


def track_of(folder: Path, name: str) -> Tracks:
    data = folder / "corridor" / "data"
    if name.startswith("leroy"):
        rows = rows_of(data / "fisher_leroy.csv")
        x, y, times = "x_aeqd", "y_aeqd", [at_ms(row["timestamp"]) for row in rows]
    elif name == "muledeer25":
        rows = rows_of(data / "muledeer25_BBMM.csv")
        x, y, times = "x", "y", [round(float(row["t_min"]) * 60_000) for row in rows]
    else:
        rows = rows_of(data / "ibex_adehabitat.csv")
        rows = [row for row in rows if f"ibex_{row['id']}" == name]
        x, y, times = "x", "y", [at_ms(row["timestamp"]) for row in rows]
    return Tracks.from_arrays(
        [name], track=[0] * len(rows), t_ms=times,
        x=[float(row[x]) for row in rows], y=[float(row[y]) for row in rows],
    )  # fmt: skip


def expected(folder: Path, name: str) -> tuple[dict[str, Any], FloatArray, Grid]:
    path = folder / "corridor" / "expected" / f"{name}.json"
    told = json.loads(path.read_text())
    grid = Grid(west=told["xmin"], north=told["ymax"], cell_m=told["cell"][0],
                rows=told["nrow"], columns=told["ncol"])  # fmt: skip
    return told, np.load(path.with_suffix(".npz"))["ud"], grid


def overlap(ud: Utilisation, other: FloatArray) -> float:
    return float(np.minimum(ud.dense(0), other).sum())


def check_areas(ud: Utilisation, told: dict[str, Any]) -> None:
    for rule in RULES:
        wanted = [told[f"area{percent}_m2_{rule}"] for percent in (50, 95)]
        np.testing.assert_allclose(isopleth_areas_m2(ud, [0.5, 0.95], rule=rule)[0], wanted)
    wanted = [told["area10_m2_inclusive"]]
    np.testing.assert_allclose(isopleth_areas_m2(ud, [0.1])[0], wanted)


@pytest.mark.parametrize("name", BBMM)
def test_bbmm_is_had_again(reference: Path, name: str) -> None:
    told, wanted, grid = expected(reference, f"bbmm_{name}")
    rule = UtilisationRule(
        method="bbmm", location_error_m=told["location_error"], max_lag_min=told["max_lag_min"],
        time_step_min=told["time_step_min"],
    )  # fmt: skip
    ud = bridge_utilisation(
        track_of(reference, name), grid, variance_m2_s=[told["bm_var_m2_per_min"] / 60],
        rule=rule, mode="BBMM-3.0",
    )  # fmt: skip
    assert overlap(ud, wanted) > 1 - 1e-9
    np.testing.assert_allclose(ud.dense(0), wanted, rtol=0, atol=1e-11)
    check_areas(ud, told)


@pytest.mark.parametrize("name", ["leroy", "muledeer25"])
def test_bbmm_is_had_again_with_its_own_motion_variance(reference: Path, name: str) -> None:
    told, wanted, grid = expected(reference, f"bbmm_{name}")
    rule = UtilisationRule(
        method="bbmm", location_error_m=told["location_error"], time_step_min=told["time_step_min"]
    )
    tracks = track_of(reference, name)
    found = step_variance(tracks, rule, mode="compat")
    np.testing.assert_allclose(found.variance_m2_s * 60, told["bm_var_m2_per_min"], rtol=1e-6)
    assert overlap(occurrence(tracks, grid, found, rule, mode="compat"), wanted) > 0.999999


def leroy_variances(folder: Path) -> FloatArray:
    rows = rows_of(folder / "corridor" / "expected" / "dbbmm_leroy_w31_m11_variance.csv")
    per_min = [float(row["bm_var_m2_per_min"]) if row["interest"] == "1" else np.nan
               for row in rows[:-1]]  # fmt: skip
    return np.array(per_min) / 60


@pytest.mark.parametrize("name", DBBMM)
def test_dbbmm_is_had_again(reference: Path, name: str) -> None:
    told, wanted, grid = expected(reference, name)
    rule = UtilisationRule(
        location_error_m=told["location_error"], time_step_min=told["time_step_min"]
    )
    tracks = track_of(reference, "leroy")
    ud = bridge_utilisation(
        tracks, grid, variance_m2_s=leroy_variances(reference), rule=rule, mode="move"
    )
    # Its box and its coordinates are rounded in ways that its files do not tell.
    assert overlap(ud, wanted) > 0.99997
    check_areas(ud, told)


def test_dbbmm_is_had_again_with_its_own_motion_variance(reference: Path) -> None:
    told, wanted, grid = expected(reference, "dbbmm_leroy_50m_ts5")
    rule = UtilisationRule(location_error_m=12.0, time_step_min=5.0)
    tracks = track_of(reference, "leroy")
    found = step_variance(tracks, rule, mode="compat")
    ud = occurrence(tracks, grid, found, rule, mode="compat")
    assert overlap(ud, wanted) > 0.9999
    areas = isopleth_areas_m2(ud, [0.5, 0.95])[0]
    # Two cells at most: variances differ by up to 1.7e-4 of their size.
    wanted_m2 = [told["area50_m2_inclusive"], told["area95_m2_inclusive"]]
    np.testing.assert_allclose(areas, wanted_m2, atol=2 * 2500)


@pytest.mark.parametrize("name", ["leroy", *(f"ibex_{name}" for name in IBEX)])
def test_kernelbb_is_had_again(reference: Path, name: str) -> None:
    told, wanted, grid = expected(reference, f"kernelbb_{name}")
    rule = UtilisationRule(method="kernelbb", location_error_m=told["sig2"])
    ud = bridge_utilisation(
        track_of(reference, name), grid, variance_m2_s=[told["sig1"] ** 2], rule=rule,
        mode="kernelbb",
    )  # fmt: skip
    np.testing.assert_allclose(ud.dense(0), wanted, rtol=0, atol=1e-9)
    check_areas(ud, told)
    for percent in (50, 95):
        area = isopleth_areas_m2(ud, [percent / 100], rule="exclusive")[0, 0]
        np.testing.assert_allclose(area, told[f"kernel_area{percent}_m2"])


@pytest.mark.parametrize(
    ("name", "least", "most"), [("dbbmm_leroy_50m_ts1", 0.92, 0.95),
                                ("dbbmm_leroy_dim45", 0.76, 0.80)]
)  # fmt: skip
def test_sampling_at_centres_puts_mass_into_other_cells(
    reference: Path, name: str, least: float, most: float
) -> None:
    # The note says 6.4 % of the mass at 50 m cells, and 22 % at 760 m cells.
    _, wanted, grid = expected(reference, name)
    rule = UtilisationRule(location_error_m=12.0, max_lag_min=np.inf)
    ud = bridge_utilisation(
        track_of(reference, "leroy"), grid, variance_m2_s=leroy_variances(reference), rule=rule
    )
    assert least < overlap(ud, wanted) < most


def boobies(folder: Path) -> dict[str, Tracks]:
    with gzip.open(folder / "boobies_trips_projected.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    held: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        held.setdefault(row["ID"], []).append(row)
    return {
        name: Tracks.from_arrays(
            [name], track=[0] * len(own), t_ms=range(len(own)),
            x=[float(row["x"]) for row in own], y=[float(row["y"]) for row in own],
        )
        for name, own in held.items()
    }  # fmt: skip


def test_kernels_of_boobies_are_those_of_track2kba(reference: Path) -> None:
    folder = reference / "connectivity" / "expected" / "track2kba"
    told = json.loads((folder / "kde_grid.json").read_text())
    cell_m = told["dx"]
    # Its grid is one of places, ours of cells about them.
    grid = Grid(
        west=told["x0"] - cell_m / 2, north=told["y0"] + cell_m * (told["ny"] - 0.5),
        cell_m=cell_m, rows=told["ny"], columns=told["nx"],
    )  # fmt: skip
    birds = boobies(folder)
    uds = {
        name: kernel_utilisation(birds[name], grid, h_m=told["h_m"], mode="adehabitatHR")
        for name in told["ids"]
    }
    with gzip.open(folder / "ud_69302.csv.gz", "rt") as file:
        rows = np.array([[float(one) for one in row] for row in list(csv.reader(file))[1:]])
    wanted = grid.dense(grid.cell_at(rows[:, 0], rows[:, 1]), rows[:, 2] * cell_m**2)
    assert overlap(uds["69302"], wanted / wanted.sum()) > 0.99999
    with (folder / "core50_areas_km2.csv").open() as file:
        core = {row["id"]: float(row["area"]) for row in csv.DictReader(file)}
    found = np.array([
        isopleth_areas_m2(uds[name], [0.5], rule="exclusive")[0, 0] / 1e6 for name in core
    ])  # fmt: skip
    # They measure polygons drawn through the grid's places, we whole cells about them.
    np.testing.assert_allclose(found, list(core.values()), rtol=0.008)


def test_the_median_of_the_reference_bandwidths_is_that_of_track2kba(reference: Path) -> None:
    folder = reference / "connectivity" / "expected" / "track2kba"
    rows = rows_of(folder / "findScale.csv")
    birds = boobies(folder).values()
    found = np.median([reference_bandwidth_m(bird)[0] for bird in birds]) / 1000
    assert found == pytest.approx(float(rows[0]["href"]), abs=0.005)
