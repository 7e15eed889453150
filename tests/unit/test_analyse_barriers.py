"""The command on small files: what it writes, and what it says of files it cannot use."""

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ecoduct_analysis.rules import EncounterRule
from ecoduct_analysis.screening import ScreenRule
from ecoduct_server.cli import app
from ecoduct_server.errors import BadRequest

EXAMPLES = Path(__file__).parents[2] / "examples"


def analyse(
    out: Path, *options: str, tracks: Path | None = None, barriers: Path | None = None
) -> Result:
    given = {
        "--tracks": tracks or EXAMPLES / "tracks.csv",
        "--barriers": barriers or EXAMPLES / "landscape.geojson",
        "--out": out,
    }
    words = [str(word) for pair in given.items() for word in pair]
    return CliRunner().invoke(app, ["analyse", "barriers", *words, *options])


def fences(path: Path, *geometries: Mapping[str, object]) -> Path:
    features = [
        {"type": "Feature", "properties": {"FENCE_ID": 7.0 + n}, "geometry": geometry}
        for n, geometry in enumerate(geometries)
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


LINE = {"type": "LineString", "coordinates": [[107.0, 43.5], [107.0, 44.5]]}


def test_barriers_are_named_by_the_numbers_of_their_file(tmp_path: Path) -> None:
    done = analyse(tmp_path / "out", barriers=fences(tmp_path / "fences.geojson", LINE))
    assert done.exit_code == 0, done.output
    with (tmp_path / "out" / "crossings.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["barrier"] for row in rows} == {"7"}
    assert all(0 <= float(row["p_crossing"]) <= 1 for row in rows if row["p_crossing"])


def test_probabilities_can_be_left_out(tmp_path: Path) -> None:
    assert analyse(tmp_path / "out", "--no-probability").exit_code == 0
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert "crossings.csv" in made
    assert "probabilities.csv" not in made


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--rule", "bufer_m=3"], "buffer_m"),
        (["--rule", "buffer_m=-3"], "above 0"),
        (["--rule", "interval_h=0.01", "--mode", "parity"], "interval_h"),
    ],
)
def test_rules_that_cannot_be_are_refused(tmp_path: Path, options: list[str], told: str) -> None:
    done = analyse(tmp_path / "out", *options)
    assert isinstance(done.exception, BadRequest)
    assert told in f"{done.exception.what} {done.exception.remedy}"
    assert not (tmp_path / "out").exists()


def test_barriers_that_are_no_lines_are_refused(tmp_path: Path) -> None:
    well = fences(tmp_path / "wells.geojson", {"type": "Point", "coordinates": [107, 44]})
    done = analyse(tmp_path / "out", barriers=well)
    assert isinstance(done.exception, BadRequest)
    assert "'7' is a Point" in done.exception.what


def test_parity_refuses_polygons_and_leaves_nothing_behind(tmp_path: Path) -> None:
    ring = [[107.0, 43.9], [107.1, 43.9], [107.1, 44.0], [107.0, 43.9]]
    park = fences(tmp_path / "park.geojson", {"type": "Polygon", "coordinates": [ring]})
    done = analyse(tmp_path / "out", "--mode", "parity", barriers=park)
    assert isinstance(done.exception, BadRequest)
    assert "lines only" in done.exception.what
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("command", "rule"), [("barriers", EncounterRule), ("screen", ScreenRule)])
def test_help_names_every_rule(command: str, rule: type[object]) -> None:
    told = CliRunner().invoke(app, ["analyse", command, "--help"]).output
    assert {field.name for field in fields(rule)} <= set(re.findall(r"\w+", told))  # type: ignore[arg-type]


def test_table_without_rows_gives_tables_without_rows(tmp_path: Path) -> None:
    nobody = tmp_path / "nobody.csv"
    nobody.write_text("id,timestamp,lon,lat\n")
    done = analyse(tmp_path / "out", tracks=nobody)
    assert done.exit_code == 0, done.output
    assert len((tmp_path / "out" / "events.csv").read_text().splitlines()) == 1
