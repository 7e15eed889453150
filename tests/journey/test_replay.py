"""Real tracks as bytes through pseudo-terminals, gateways, broker and server: each fix once."""

import csv
import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ecoduct_analysis.projection import Projection
from ecoduct_server.store.pool import connect
from journey.caravan import Caravan, caravan, crossings
from services.serving import run
from services.stacks import BrokerKind, DatabaseKind, NotProvisionedError, Stack, skip_or_fail

pytestmark = [pytest.mark.journey, pytest.mark.reference, pytest.mark.timeout(600)]

FENCES = "barrier/data/fences_epsg32612.geojson"
HERDS = {"pronghorn": (8757, 733), "muleDeer": (8739, 337)}
Row = tuple[str, datetime]


@pytest.fixture
def path(request: pytest.FixtureRequest, tmp_path: Path, reference: Path) -> Iterator[Caravan]:
    """A caravan with the fences of Wyoming, its server running."""
    kinds: tuple[DatabaseKind, BrokerKind] = request.param
    try:
        with (
            Stack.running(tmp_path / "stack", database=kinds[0], broker=kinds[1]) as stack,
            caravan(tmp_path, stack) as made,
        ):
            imported = run(
                "ecoduct",
                "import",
                "landscape",
                str(reference / FENCES),
                "--database",
                made.database,
            )
            assert imported.returncode == 0, imported.stderr
            made.serve()
            yield made
    except NotProvisionedError as missing:
        skip_or_fail(missing)


PRODUCTION = ("timescaledb", "mosquitto")
EMBEDDED = ("embedded", "embedded")


def truth(table: Path) -> dict[Row, tuple[float, float]]:
    """Metres (UTM 12 north) of each fix of a table, by animal and time."""
    with table.open() as file:
        return {
            (row["id"], datetime.fromisoformat(row["timestamp_utc"])): (
                float(row["x"]),
                float(row["y"]),
            )
            for row in csv.DictReader(file)
        }


def stored(database: str) -> dict[Row, tuple[float, float]]:
    """The same from the store; fails on a fix that is there twice."""
    with connect(database) as store:
        rows = store.execute(
            "SELECT animal, fixed_at, lon_e7, lat_e7 FROM fix f JOIN deployment d "
            "ON d.device = f.device AND f.fixed_at <@ d.during"
        ).fetchall()
    lon, lat = (np.array([row[name] for row in rows]) / 1e7 for name in ("lon_e7", "lat_e7"))
    x, y = Projection("EPSG:32612").to_metres(lon, lat)
    found = {(row["animal"], row["fixed_at"]): (x[n], y[n]) for n, row in enumerate(rows)}
    assert len(found) == len(rows)
    return found


def furthest_off_m(database: str, table: Path) -> float:
    """Greatest distance between a fix as stored and as given, m; fails on other fixes."""
    true, found = truth(table), stored(database)
    assert found.keys() == true.keys()
    return max(float(np.hypot(found[k][0] - true[k][0], found[k][1] - true[k][1])) for k in true)


def crossing_steps(database: str) -> int:
    with connect(database) as store:
        return len({(animal, since) for animal, _, since, _ in crossings(store)})


@pytest.mark.parametrize(
    ("path", "herd", "form", "tolerance_m"),
    [
        (PRODUCTION, "pronghorn", "ubx", 0.01),
        (EMBEDDED, "pronghorn", "nmea", 0.02),
        (PRODUCTION, "pronghorn", "reyax", 0.01),
        (EMBEDDED, "pronghorn", "rak", 0.01),
        (PRODUCTION, "muleDeer", "mixed", 0.02),
    ],
    indirect=["path"],
)
def test_each_fix_is_stored_once_and_where_it_was(
    path: Caravan, reference: Path, herd: str, form: str, tolerance_m: float
) -> None:
    table = reference / f"barrier/data/{herd}_fixes.csv"
    fixes, steps = HERDS[herd]
    path.replay(table, "--format", form, "--speed", "max")
    path.wait(lambda: path.is_through(fixes), f"{fixes} fixes", s=240)
    assert furthest_off_m(path.database, table) <= tolerance_m
    assert abs(crossing_steps(path.database) - steps) <= 2
    refused = {
        name: count
        for gateway in path.health()["gateways"]
        for name, count in gateway["counters"].items()
        if ".refused." in name
    }
    assert refused == {}


def shuffled(table: Path, out: Path, seed: int) -> Path:
    head, *lines = table.read_text().splitlines(keepends=True)
    random.Random(seed).shuffle(lines)
    out.write_text(head + "".join(lines))
    return out


@pytest.mark.parametrize("path", [PRODUCTION], indirect=True)
def test_imported_in_any_order_and_again_the_findings_are_those_of_the_replay(
    path: Caravan, reference: Path, tmp_path: Path
) -> None:
    table = reference / "barrier/data/pronghorn_fixes.csv"
    path.replay(table, "--format", "ubx", "--speed", "max")
    path.wait(lambda: path.is_through(8757), "8757 fixes", s=240)
    with connect(path.database) as store:
        live = crossings(store)
    found: list[list[tuple[Any, ...]]] = []
    with path.stack.postgres.fresh_database() as database:
        fences = ["import", "landscape", str(reference / FENCES), "--database", database]
        assert run("ecoduct", *fences).returncode == 0
        for seed in (1, 2):
            rows = shuffled(table, tmp_path / f"{seed}.csv", seed)
            done = run("ecoduct", "import", "tracks", str(rows), "--database", database)
            assert done.returncode == 0, done.stderr
            with connect(database) as store:
                found.append(list(crossings(store)))
        assert crossing_steps(database) == 733
        assert furthest_off_m(database, table) < 0.01
    assert found[0] == found[1] == live
