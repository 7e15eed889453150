"""Tables of the reference data, read for tests."""

import csv
import json
from datetime import datetime
from pathlib import Path

from shapely.geometry import shape

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.tracks import Tracks

Row = dict[str, str]


def rows_of(path: Path) -> list[Row]:
    with path.open() as file:
        return list(csv.DictReader(file))


def at_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def tracks_of(rows: list[Row]) -> Tracks:
    names = sorted({row["id"] for row in rows})
    return Tracks.from_arrays(
        names,
        track=[names.index(row["id"]) for row in rows],
        t_ms=[at_ms(row["timestamp_utc"]) for row in rows],
        x=[float(row["x"]) for row in rows],
        y=[float(row["y"]) for row in rows],
    )


def fences(folder: Path) -> Barriers:
    features = json.loads((folder / "fences_epsg32612.geojson").read_text())["features"]
    lines = [shape(feature["geometry"]) for feature in features]
    numbers = [str(round(feature["properties"]["FID_Fence0"])) for feature in features]
    return Barriers.from_geometries(numbers, lines)
