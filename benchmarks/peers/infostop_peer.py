"""infostop in its own environment: ``stays`` or ``events`` on fixes of an .npz file, in metres."""

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peer_process import serve

# By name: the checks of this repository run where it is not installed.
cpputils: Any = importlib.import_module("cpputils")
infostop: Any = importlib.import_module("infostop")

FEWEST = 2  # its default, and the least that it takes


def read(path: Path) -> list[Any]:
    """One array for each animal; not part of a round."""
    given = np.load(path)
    columns = np.stack((given["x"], given["y"], given["t_ms"] / 1000.0), axis=1)
    cuts = np.flatnonzero(np.diff(given["track"])) + 1
    return [np.ascontiguousarray(one) for one in np.split(columns, cuts)]


def stays(animals: list[Any], *, radius_m: float, least_s: float, gap_s: float) -> list[Any]:
    """Stays of all animals, and the places that they make."""
    model = infostop.Infostop(
        r1=radius_m, r2=radius_m, min_staying_time=int(least_s), max_time_between=gap_s,
        min_size=FEWEST, distance_metric="euclidean",
    )  # fmt: skip
    found: list[Any] = model.fit_predict(animals)
    return found


def events(animals: list[Any], *, radius_m: float, least_s: float, gap_s: float) -> list[Any]:
    """Its first stage alone: stays of each animal, without places."""
    return [
        cpputils.get_stationary_events(one, radius_m, FEWEST, int(least_s), gap_s, "euclidean")[1]
        for one in animals
    ]


def main() -> None:
    """Serve one operation."""
    operation, path = sys.argv[1], Path(sys.argv[2])
    animals = read(path)
    radius_m, least_s, gap_s = (float(text) for text in sys.argv[3:6])
    work = stays if operation == "stays" else events
    serve(
        lambda: work(animals, radius_m=radius_m, least_s=least_s, gap_s=gap_s),
        lambda found: int(sum((np.asarray(one) >= 0).sum() for one in found)),
    )


if __name__ == "__main__":
    main()
