"""Elk-years of migrateR (`corridor/06_migration_phases.md` of the data): classes, dates, models."""

from pathlib import Path

import numpy as np
import pytest

from ecoduct_analysis.change_points import cut_means
from ecoduct_analysis.columns import NO_TIME
from ecoduct_analysis.displacement_models import (
    MODELS,
    PARAMETERS,
    DisplacementFits,
    Displacements,
    fit_displacement,
    measure_displacement,
    movement_dates,
    split_years,
)
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing.phases import Plan, analyse_phases
from ecoduct_wire.clock import SystemClock
from reference_tables import Row, at_ms, rows_of

pytestmark = pytest.mark.reference

DATES = ("start1", "end1", "start2", "end2")
# Where the best of all valleys, or limits on the right models, tell otherwise than migrateR.
OTHERWISE = {"GR104_2004", "YL15_2003", "YL78_2004", "YL92_2004"}


def elk(folder: Path) -> Tracks:
    rows = rows_of(folder / "data" / "elk_daily_migrateR.csv")
    names = sorted({row["id"] for row in rows})
    return Tracks.from_arrays(
        names,
        track=[names.index(row["id"]) for row in rows],
        t_ms=[at_ms(row["timestamp"]) for row in rows],
        x=[float(row["x"]) for row in rows],
        y=[float(row["y"]) for row in rows],
    )


@pytest.fixture(scope="module")
def folder(reference: Path) -> Path:
    return reference / "corridor"


@pytest.fixture(scope="module")
def series(folder: Path) -> Displacements:
    years = split_years(elk(folder), begins="02-10")
    return measure_displacement(years.tracks, zero_ms=years.zero_ms)


@pytest.fixture(scope="module")
def compat(series: Displacements) -> DisplacementFits:
    return fit_displacement(series, mode="compat")


@pytest.fixture(scope="module")
def clean(series: Displacements) -> DisplacementFits:
    return fit_displacement(series)


@pytest.fixture(scope="module")
def expected(folder: Path) -> list[Row]:
    return rows_of(folder / "expected" / "nsd_elk_class.csv")


def told(fits: DisplacementFits) -> list[Row]:
    dates = movement_dates(fits)
    rows = []
    for year, name in enumerate(fits.names):
        days = ["" if at == NO_TIME else str(np.datetime64(int(at), "ms"))[:10]
                for at in dates.at_ms[year]]  # fmt: skip
        row = {"burst": name, "n": str(fits.positions[year]), "best": MODELS[fits.best[year]]}
        rows.append(row | dict(zip(DATES, days, strict=True)))
    return rows


def test_classes_and_dates_of_all_23_years_are_the_reference_s(
    compat: DisplacementFits, expected: list[Row]
) -> None:
    assert told(compat) == expected
    names = [row["best"] for row in expected]
    assert [names.count(name) for name in ("migrant", "mixmig", "disperser", "resident")] == [
        11, 3, 3, 6,
    ]  # fmt: skip


def test_the_same_models_are_kept_with_the_same_parameters(
    compat: DisplacementFits, folder: Path
) -> None:
    rows = rows_of(folder / "expected" / "nsd_elk_params.csv")
    kept = {
        (name, model)
        for year, name in enumerate(compat.names)
        for number, model in enumerate(MODELS)
        if compat.is_supported[year, number]
    }
    assert kept == {(row["burst"], row["model"]) for row in rows}
    for row in rows:
        year, model = compat.names.index(row["burst"]), MODELS.index(row["model"])
        # YL25's resident is 3e-4 better here: the reference stopped a little early.
        assert compat.aic[year, model] == pytest.approx(float(row["AIC"]), abs=5e-4)
        value = compat.values[year, model, PARAMETERS.index(row["param"])]
        assert value == pytest.approx(float(row["value"]), rel=2e-3, abs=2e-3)


def test_clean_fits_are_never_worse(compat: DisplacementFits, clean: DisplacementFits) -> None:
    gain = compat.aic - clean.aic
    # The reference lets theta lie before the first day, as it does for YL15's disperser.
    before = compat.values[:, :, 0] < compat.first_day[:, None]
    assert gain[~before].min() > -1e-6
    better = {(clean.names[y], MODELS[m]) for y, m in zip(*np.nonzero(gain > 0.5), strict=True)}
    # A second valley that the reference's start does not reach.
    assert {
        ("YL42_2003", "mixmig"), ("YL58_2004", "migrant"), ("YL58_2004", "mixmig"),
        ("YL64_2004", "migrant"), ("YL78_2004", "mixmig"), ("YL92_2004", "mixmig"),
    } <= better  # fmt: skip


def test_clean_tells_otherwise_only_where_it_is_known_why(
    clean: DisplacementFits, expected: list[Row]
) -> None:
    rows = told(clean)
    other = {row["burst"] for row, theirs in zip(rows, expected, strict=True) if row != theirs}
    assert other == OTHERWISE
    best = {row["burst"]: row["best"] for row in rows}
    # Limits of 225 km² and 21 days, which fell on the wrong models in the reference.
    assert (best["GR104_2004"], best["YL15_2003"]) == ("disperser", "resident")
    # A better valley: the return of YL78 no longer takes four months, YL92 does not come back
    # all the way.
    assert (best["YL78_2004"], best["YL92_2004"]) == ("mixmig", "mixmig")
    assert not movement_dates(clean).overlaps.any()


def test_lavielle_cuts_the_elk_s_year_where_the_reference_does(folder: Path) -> None:
    rows = rows_of(folder / "expected" / "nsd_elk_GP2_series.csv")
    away_km = np.sqrt([float(row["nsd_m2"]) for row in rows]) / 1000.0
    # Segments 1-120, 121-208 and 209-292.
    assert cut_means(away_km, pieces=3).tolist() == [0, 120, 208, 292]


def test_displacement_from_a_position_of_one_s_own_is_the_reference_s(folder: Path) -> None:
    # The series is measured from a place before the data begin, which three of its rows tell.
    rows = rows_of(folder / "expected" / "nsd_elk_GP2_series.csv")
    gp2 = elk(folder).select([1])
    assert gp2.names == ("GP2",)
    nsd = np.array([float(row["nsd_m2"]) for row in rows])
    x, y = gp2.x - gp2.x.mean(), gp2.y - gp2.y.mean()
    lines = np.stack((-2 * x, -2 * y, np.ones(len(x))), axis=1)
    place = np.linalg.lstsq(lines, nsd - x**2 - y**2, rcond=None)[0][:2]
    middle = np.array([gp2.x.mean(), gp2.y.mean()])
    own = measure_displacement(gp2, reference=[place + middle])
    # Coordinates are told to a millimetre, and 45 km away that is 90 m².
    np.testing.assert_allclose(own.nsd_km2 * 1e6, nsd, atol=90)


def test_the_command_writes_the_reference_s_table_in_compat(folder: Path, tmp_path: Path) -> None:
    data, out = folder / "data" / "elk_daily_migrateR.csv", tmp_path / "out"
    analyse_phases(Plan(tracks=data, out=out, mode="compat", by="burst"), clock=SystemClock())
    ours = {row["burst"]: row for row in rows_of(out / "phases.csv")}
    theirs = rows_of(folder / "expected" / "nsd_elk_class.csv")
    assert [{name: ours[row["burst"]][name] for name in row} for row in theirs] == theirs
