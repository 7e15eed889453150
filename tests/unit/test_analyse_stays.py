"""`ecoduct analyse stays` on files: tables of the references' shape, whoever computes them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest

from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.stopovers import STAY_PRESETS
from ecoduct_server.commands.analysing.stay_rules import parse_rules
from ecoduct_server.commands.analysing.stays import Plan, analyse_stays
from ecoduct_server.errors import BadRequest
from reference_tables import rows_of
from standing import Standing

EXAMPLES = Path(__file__).parents[2] / "examples"
TABLES = ("stays", "places", "revisits")


def run(folder: Path, **values: Any) -> Path:
    plan = Plan(**{"tracks": EXAMPLES / "tracks.csv", "out": folder} | values)
    analyse_stays(plan, clock=Standing())
    return folder


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("stays") / "out")


def test_stays_begin_with_the_columns_of_the_references(example: Path) -> None:
    rows = rows_of(example / "stays.csv")
    first = ["id", "start", "end", "lon", "lat", "duration_s", "x", "y", "place"]
    assert list(rows[0])[: len(first)] == first
    assert {row["id"] for row in rows} == {"A01", "A02", "A03", "A04"}
    assert all(float(row["duration_s"]) >= 6 * 3600 for row in rows)
    layer = pyogrio.read_arrow(example / "results.gpkg", layer="stays")[1]
    assert layer["id"].to_pylist() == [row["id"] for row in rows]
    assert layer["x"].to_pylist() == [float(row["x"]) for row in rows]


def test_places_hold_all_stays_and_animals_come_back(example: Path) -> None:
    stays, places, revisits = (rows_of(example / f"{name}.csv") for name in TABLES)
    assert sum(int(place["stays"]) for place in places) == len(stays)
    assert {row["place"] for row in stays} == {place["place"] for place in places}
    hours = [float(place["stayed_h"]) for place in places]
    assert hours == sorted(hours, reverse=True)
    assert sum(int(place["visits"]) for place in places) == len(revisits)
    # A stay at a place lies within a visit to it.
    for stay in stays:
        assert any(
            visit["id"] == stay["id"] and visit["place"] == stay["place"]
            and visit["start"] <= stay["start"] and visit["end"] >= stay["end"]
            for visit in revisits
        )  # fmt: skip


def test_record_names_rules_mode_and_counts(example: Path) -> None:
    record = json.loads((example / "record.json").read_text())
    assert (record["command"], record["mode"]) == ("analyse stays", "clean")
    assert record["rules"]["StayRule"]["radius_m"] == 300.0
    assert record["rules"]["PlaceRule"]["outing_h"] == 6.0
    assert record["counts"]["stays"] == len(rows_of(example / "stays.csv"))
    assert (example / "map.png").read_bytes()[:4] == b"\x89PNG"


def test_chunks_change_nothing(example: Path, tmp_path: Path) -> None:
    parts = run(tmp_path / "parts", chunk=100)
    for name in TABLES:
        assert (parts / f"{name}.csv").read_bytes() == (example / f"{name}.csv").read_bytes()


def still_for(hours: int, folder: Path, *, columns: str = "lon,lat") -> Path:
    """A row each hour at one place, then one far away; metres where columns are x,y."""
    near, far = ("106.9,43.9", "107.5,43.9") if columns == "lon,lat" else ("0,0", "50000,0")
    rows = [f"a,2026-03-{1 + n // 24:02d}T{n % 24:02d}:00:00Z,{near}" for n in range(hours)]
    path = folder / "tracks.csv"
    last = f"a,2026-03-{1 + hours // 24:02d}T{hours % 24:02d}:00:00Z,{far}"
    path.write_text("\n".join([f"id,timestamp,{columns}", *rows, last]) + "\n")
    return path


def test_trackintel_mode_ends_a_stay_with_the_fix_that_left_it(tmp_path: Path) -> None:
    rules = parse_rules(["max_gap_h=2"], mode="trackintel")
    out = run(tmp_path / "out", tracks=still_for(9, tmp_path), rules=rules, mode="trackintel")
    (stay,) = rows_of(out / "stays.csv")
    assert (stay["end"], float(stay["duration_s"])) == ("2026-03-01T09:00:00.000Z", 9 * 3600)
    np.testing.assert_allclose(float(stay["lon"]), 106.9, rtol=1e-12)
    assert "spread_m" not in stay


def test_movingpandas_mode_takes_a_diameter_or_half_of_it(tmp_path: Path) -> None:
    tracks = still_for(9, tmp_path, columns="x,y")
    for folder, given in (("one", "radius_m=50"), ("other", "max_diameter_m=100")):
        rules = parse_rules([given, "min_stay_h=2"], mode="movingpandas")
        run(tmp_path / folder, tracks=tracks, rules=rules, mode="movingpandas")
    one, other = (rows_of(tmp_path / folder / "stays.csv") for folder in ("one", "other"))
    assert one == other
    assert [(row["duration_s"], row["x"], row["lon"]) for row in one] == [("28800", "0", "")]


def test_trackintel_mode_needs_a_place_on_the_globe(tmp_path: Path) -> None:
    tracks = still_for(9, tmp_path, columns="x,y")
    with pytest.raises(BadRequest, match="on the globe"):
        run(tmp_path / "out", tracks=tracks, rules=parse_rules([], mode="trackintel"),
            mode="trackintel")  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_table_without_rows_gives_empty_results(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("id,timestamp,lon,lat\n")
    for mode in ("clean", "trackintel", "movingpandas"):
        out = run(tmp_path / mode, tracks=path, mode=mode, rules=parse_rules([], mode=mode))
        assert [rows_of(out / f"{name}.csv") for name in TABLES] == [[], [], []]


def test_awkward_rows_are_passed_over(tmp_path: Path) -> None:
    path = still_for(9, tmp_path)
    with path.open("a") as file:
        file.write("a,noon,106.9,43.9\na,2026-03-01T02:00:00Z,106.9,43.9\nb,2026-03-01,,\n")
    for mode in ("clean", "trackintel", "movingpandas"):
        rules = parse_rules(["max_gap_h=2", "min_stay_h=6"], mode=mode)
        out = run(tmp_path / mode, tracks=path, mode=mode, rules=rules)
        assert [row["id"] for row in rows_of(out / "stays.csv")] == ["a"]


def test_preset_is_changed_by_rules() -> None:
    rules = parse_rules(["min_stay_h=48", "link_m=900"], preset="ungulate")
    assert rules.stays == StayRule(radius_m=500.0, min_stay_h=48.0, max_gap_h=24.0)
    assert rules.places.link_m == 900.0
    assert STAY_PRESETS["ungulate"].min_stay_h == 24.0


@pytest.mark.parametrize(
    ("pairs", "options"),
    [(["radius=3"], {}), (["radius_m=nan"], {}), (["outing_h=-1"], {}), ([], {"preset": "fish"}),
     ([], {"preset": "ungulate", "mode": "trackintel"}), (["exits=2"], {"mode": "trackintel"}),
     (["radius_m=1", "radius_m=2"], {})],
)  # fmt: skip
def test_rules_that_cannot_be_are_told(pairs: list[str], options: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        parse_rules(pairs, **options)


def test_parity_rule_out_of_range_is_told(tmp_path: Path) -> None:
    rules = parse_rules(["radius_m=-5"], mode="trackintel")
    with pytest.raises(BadRequest, match="radius_m"):
        run(tmp_path / "out", rules=rules, mode="trackintel")
