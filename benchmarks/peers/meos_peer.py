"""PyMEOS in its own environment: ``stays`` on fixes of an .npz file, in metres."""

import importlib
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from shapely import Point

from benchmarks.peer_process import serve

# By name: the checks of this repository run where it is not installed.
meos: Any = importlib.import_module("pymeos")


def read(path: Path) -> list[Any]:
    """One sequence for each animal; not part of a round."""
    given = np.load(path)
    cuts = np.flatnonzero(np.diff(given["track"])) + 1
    columns = [np.split(given[name], cuts) for name in ("t_ms", "x", "y")]
    return [
        meos.TGeomPointSeq(
            instant_list=[
                meos.TGeomPointInst(
                    point=Point(x, y), timestamp=datetime.fromtimestamp(t_ms / 1000.0, UTC)
                )
                for t_ms, x, y in zip(*(column.tolist() for column in one), strict=True)
            ],
            upper_inc=True,
        )
        for one in zip(*columns, strict=True)
    ]


def stays(animals: list[Any], *, diameter_m: float, least_h: float) -> list[Any]:
    """Parts of each sequence that keep within a rectangle for long enough."""
    least = timedelta(hours=least_h)
    return [one.stops(max_distance=diameter_m, min_duration=least) for one in animals]


def main() -> None:
    """Serve one operation."""
    meos.pymeos_initialize()
    _, path, diameter_m, least_h = sys.argv[1:5]
    animals = read(Path(path))
    serve(
        lambda: stays(animals, diameter_m=float(diameter_m), least_h=float(least_h)),
        lambda found: sum(one.num_sequences() for one in found if one is not None),
    )


if __name__ == "__main__":
    main()
