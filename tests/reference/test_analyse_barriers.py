"""`ecoduct analyse barriers` on the pronghorn: the reference's tables, in any order of rows."""

import json
import random
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ecoduct_analysis.rules import EncounterRule
from ecoduct_server.cli import app
from ecoduct_server.commands.analysing.barriers import Plan, analyse_barriers
from ecoduct_wire.clock import SystemClock
from reference_tables import Row, rows_of

pytestmark = [pytest.mark.reference, pytest.mark.journey]

RUN = "P1_pronghorn_d110_mc4_DOCEXAMPLE"
TABLES = ("events", "fixes", "crossings", "probabilities", "ranking", "pieces")


@pytest.fixture(scope="module")
def data(reference: Path) -> Path:
    return reference / "barrier" / "data"


@pytest.fixture(scope="module")
def parity(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("parity") / "out"
    done = CliRunner().invoke(
        app,
        ["analyse", "barriers", "--tracks", str(data / "pronghorn_fixes.csv"),
         "--barriers", str(data / "fences_epsg32612.geojson"), "--rule", "buffer_m=110",
         "--rule", "max_cross=4", "--mode", "parity", "--out", str(out)],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "498 encounters" in done.output
    return out


def agree(ours: list[Row], theirs: list[Row]) -> None:
    """Every column that the reference has holds the same, numbers to 1e-9."""
    assert len(ours) == len(theirs)
    for mine, row in zip(ours, theirs, strict=True):
        for name, value in row.items():
            told = mine[name]
            try:
                assert float(told) == pytest.approx(float(value), abs=1e-9), name
            except ValueError:
                assert told == value, name


@pytest.mark.parametrize("table", ["events", "fixes"])
def test_tables_hold_the_reference_in_its_own_columns(
    reference: Path, parity: Path, table: str
) -> None:
    expected = rows_of(reference / "barrier" / "expected" / f"{RUN}_{table}.csv")
    agree(rows_of(parity / f"{table}.csv"), expected)


def test_ranking_holds_the_reference_in_its_own_columns(reference: Path, parity: Path) -> None:
    def place(row: Row) -> tuple[str, ...]:
        return (row["FID_Fence0"], *(row[name] for name in ("Quick_Cross", "Bounce", "total_enc")))

    ours = sorted(rows_of(parity / "ranking.csv"), key=place)
    theirs = sorted(rows_of(reference / "barrier" / "expected" / f"{RUN}_ranking.csv"), key=place)
    agree(ours, [{n: v.replace("NA", "") for n, v in row.items()} for row in theirs])


def test_geopackage_holds_every_table(parity: Path) -> None:
    with sqlite3.connect(parity / "results.gpkg") as store:
        layers = {name for (name,) in store.execute("SELECT table_name FROM gpkg_contents")}
        events = store.execute("SELECT count(*) FROM events").fetchone()[0]
    store.close()
    assert layers == set(TABLES)
    assert events == 498


def test_record_says_what_was_done_with_what(parity: Path) -> None:
    record = json.loads((parity / "record.json").read_text())
    assert record["mode"] == "parity"
    assert record["rules"]["EncounterRule"]["buffer_m"] == 110.0
    assert record["counts"]["crossings"] == 816
    assert record["counts"]["barriers_drawn_again"] == 90
    assert len({entry["sha256"] for entry in record["inputs"]}) == 2
    assert record["versions"]["numba"]


def test_pictures_are_pictures(parity: Path) -> None:
    for name in ("map.png", "chart.png"):
        assert (parity / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_chunks_and_the_order_of_rows_change_nothing(data: Path, tmp_path: Path) -> None:
    head, *rows = (data / "pronghorn_fixes.csv").read_text().splitlines()
    rows = rows[:600] + rows[-600:]
    in_order, mixed = tmp_path / "tracks.csv", tmp_path / "mixed.csv"
    in_order.write_text("\n".join([head, *rows]))
    random.Random(5).shuffle(rows)
    mixed.write_text("\n".join([head, *rows]))
    runs = (("whole", in_order, 10**6), ("chunks", in_order, 1), ("mixed", mixed, 1))
    made = {}
    for name, tracks, chunk in runs:
        plan = Plan(
            tracks=tracks, barriers=data / "fences_epsg32612.geojson", out=tmp_path / name,
            rule=EncounterRule(), chunk=chunk,
        )  # fmt: skip
        analyse_barriers(plan, clock=SystemClock())
        made[name] = {table: (tmp_path / name / f"{table}.csv").read_bytes() for table in TABLES}
    assert made["whole"] == made["chunks"]
    # The row numbers of the input are others, all else is the same.
    for every in made.values():
        del every["fixes"]
    assert made["whole"] == made["mixed"]
