"""Pronghorn and mule deer among the fences of Wyoming (`barrier/README.md` of the data)."""

import csv
import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import shape

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.tracks import Tracks

pytestmark = pytest.mark.reference


def fences(folder: Path) -> Barriers:
    features = json.loads((folder / "fences_epsg32612.geojson").read_text())["features"]
    lines = [shape(feature["geometry"]) for feature in features]
    return Barriers.from_geometries([str(n) for n in range(len(lines))], lines)


def at_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def herd(path: Path) -> Tracks:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["id"] for row in rows})
    return Tracks.from_arrays(
        names,
        track=[names.index(row["id"]) for row in rows],
        t_ms=[at_ms(row["timestamp_utc"]) for row in rows],
        x=[float(row["x"]) for row in rows],
        y=[float(row["y"]) for row in rows],
    )


@pytest.mark.parametrize(
    ("animal", "fixes", "steps", "pairs"),
    [("pronghorn", 8757, 733, 816), ("muleDeer", 8739, 337, 413)],
)
def test_crossings_are_those_of_the_reference(
    reference: Path, animal: str, fixes: int, steps: int, pairs: int
) -> None:
    folder = reference / "barrier" / "data"
    tracks = herd(folder / f"{animal}_fixes.csv")
    found = find_crossings(tracks, fences(folder))
    assert len(tracks) == fixes
    assert len(np.unique(found.first)) == steps
    assert len(found) == pairs
