"""The command on files: every animal-year has its row, and chunks and workers change nothing."""

import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest

from ecoduct_analysis.projection import change_crs
from ecoduct_analysis.stopovers import STAY_PRESETS
from ecoduct_analysis.synthetic import migrate
from ecoduct_server.commands.analysing.phases import Plan, analyse_phases, parse_rules
from ecoduct_server.errors import BadRequest
from reference_tables import rows_of
from standing import Standing

TABLES = ("phases", "models", "transitions", "daily", "stopovers")
REFERENCE = ["burst", "n", "best", "start1", "end1", "start2", "end2"]


def herd_file(folder: Path, *, degrees: bool = False) -> Path:
    herd = migrate(4, seed=2, interval_s=14_400.0, residents=1).tracks
    x, y = herd.x, herd.y
    if degrees:
        x, y = change_crs(x + 500_000, y + 4_700_000, source="EPSG:32612", target="EPSG:4326")
    times = herd.t_ms.astype("datetime64[ms]")
    path = folder / "herd.csv"
    with path.open("w") as file:
        file.write("id,timestamp,lon,lat\n" if degrees else "id,timestamp,x,y\n")
        for n in range(len(herd)):
            file.write(f"{herd.names[herd.track[n]]},{times[n]}Z,{x[n]:.7f},{y[n]:.7f}\n")
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    analyse_phases(Plan(tracks=herd_file(folder), out=folder / "out"), clock=Standing())
    return folder / "out"


def test_migrants_are_told_with_their_dates_and_residents_without(whole: Path) -> None:
    truth = migrate(4, seed=2, interval_s=14_400.0, residents=1)
    rows = rows_of(whole / "phases.csv")
    assert list(rows[0])[:7] == REFERENCE
    assert [row["best"] for row in rows] == ["migrant"] * 3 + ["resident"]
    assert rows[0]["burst"] == "animal 1_2025"
    for track, row in enumerate(rows[:3]):
        for column, at in (("start1", truth.leaves_ms[track, 0]),
                           ("end2", truth.arrives_ms[track, 1])):  # fmt: skip
            away = np.datetime64(row[column]) - np.datetime64(int(at), "ms").astype("datetime64[D]")
            assert abs(int(away.astype(int))) <= 6
    assert rows[3]["start1"] == ""


def test_transitions_are_those_that_were_planted(whole: Path) -> None:
    rows = rows_of(whole / "transitions.csv")
    of = [row for row in rows if row["id"] == "animal 1" and "settled" in (row["from"], row["to"])]
    assert [row["to"] == "settled" for row in of] == [False, True, False, True]
    assert {row["confidence"] for row in of} == {"confirmed"}
    assert {row["change_point"] for row in of} == {"true"}
    assert not [row for row in rows if row["id"] == "animal 4"]
    daily = [row["phase"] for row in rows_of(whole / "daily.csv") if row["id"] == "animal 4"]
    assert daily == ["settled"]


def test_stop_overs_are_stays_on_the_way(whole: Path) -> None:
    truth = migrate(4, seed=2, interval_s=14_400.0, residents=1)
    rows = rows_of(whole / "stopovers.csv")
    long = truth.stay_ends_ms - truth.stay_begins_ms > 30 * 3_600_000
    found = np.array([[float(row["x"]), float(row["y"])] for row in rows])
    for x, y in zip(truth.stay_x[long], truth.stay_y[long], strict=True):
        assert np.hypot(*(found - [x, y]).T).min() < 600


def test_models_have_the_reference_s_columns_and_the_record_every_rule(whole: Path) -> None:
    rows = rows_of(whole / "models.csv")
    assert list(rows[0])[:5] == ["burst", "model", "AIC", "param", "value"]
    record = json.loads((whole / "record.json").read_text())
    assert set(record["rules"]) == {
        "DisplacementRule", "ReferenceRule", "PhaseRule", "ChangeRule", "StayRule", "ScreenRule",
        "years",
    }  # fmt: skip
    assert record["counts"]["migrant"] == 3
    for name in ("map.png", "chart.png"):
        assert (whole / name).read_bytes()[:4] == b"\x89PNG"
    layers = {str(name) for name, _ in pyogrio.list_layers(whole / "results.gpkg")}
    assert layers == set(TABLES)


def test_chunks_change_nothing(whole: Path, tmp_path: Path) -> None:
    plan = Plan(tracks=herd_file(tmp_path), out=tmp_path / "out", chunk=1)
    analyse_phases(plan, clock=Standing())
    for name in (*(f"{table}.csv" for table in TABLES), "map.png", "chart.png"):
        assert (tmp_path / "out" / name).read_bytes() == (whole / name).read_bytes(), name


def test_degrees_give_the_same_phases_in_degrees(whole: Path, tmp_path: Path) -> None:
    path = herd_file(tmp_path, degrees=True)
    analyse_phases(Plan(tracks=path, out=tmp_path / "out"), clock=Standing())
    ours, theirs = (rows_of(folder / "daily.csv") for folder in (tmp_path / "out", whole))
    assert [row["phase"] for row in ours] == [row["phase"] for row in theirs]
    assert -112 < float(ours[0]["lon"]) < -110
    info = pyogrio.read_info(tmp_path / "out" / "results.gpkg", layer="transitions")
    assert info["crs"] == "EPSG:4326"


def test_a_column_may_name_the_years_and_compat_fits_every_fix(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    days = np.datetime64("2024-03-01T12:00:00") + np.arange(60).astype("timedelta64[D]")
    lines = [f"a,{at}Z,{40_000.0 * (n > 30)},{n % 3},first" for n, at in enumerate(days)]
    lines += [f"a,{days[0]}Z,5,5,second", f"a,{days[1]}Z,5,6,second"]
    path.write_text("id,timestamp,x,y,burst\n" + "\n".join(lines) + "\n")
    plan = Plan(tracks=path, out=tmp_path / "out", mode="compat", year_begins="02-01", by="burst")
    analyse_phases(plan, clock=Standing())
    rows = rows_of(tmp_path / "out" / "phases.csv")
    assert [(row["burst"], row["n"], row["best"]) for row in rows] == [
        ("first", "60", "disperser"), ("second", "2", "")
    ]  # fmt: skip
    assert rows[0]["day_zero_utc"] == "2024-02-01T00:00:00.000Z"


def test_a_table_without_rows_gives_empty_results(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("id,timestamp,lon,lat\n")
    analyse_phases(Plan(tracks=path, out=tmp_path / "out"), clock=Standing())
    for name in TABLES:
        assert rows_of(tmp_path / "out" / f"{name}.csv") == []


def test_rules_are_found_by_their_names(tmp_path: Path) -> None:
    rules = parse_rules(["min_delta_km2=100", "settle_days=10", "min_change_days=5",
                         "radius_m=800", "reference=mean", "offset_h=-7"])  # fmt: skip
    assert (rules.models.min_delta_km2, rules.days.settle_days) == (100.0, 10)
    assert (rules.changes.min_change_days, rules.reference.reference) == (5, "mean")
    # What is not given stays that of the preset, not of any stay.
    assert (rules.stays.radius_m, rules.stays.min_stay_h) == (
        800.0, STAY_PRESETS["ungulate"].min_stay_h,
    )  # fmt: skip
    for pair, told in (("settle_dais=3", "no parameter"), ("reference=last", "reference must be"),
                       ("settle_days=soon", "settle_days")):  # fmt: skip
        with pytest.raises(BadRequest, match=told):
            parse_rules([pair])
    path = herd_file(tmp_path)
    with pytest.raises(BadRequest, match="MM-DD"):
        analyse_phases(Plan(tracks=path, out=tmp_path / "out", year_begins="spring"),
                       clock=Standing())  # fmt: skip
    assert not (tmp_path / "out").exists()
