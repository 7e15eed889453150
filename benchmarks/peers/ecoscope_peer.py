"""ecoscope in its own environment: ``steps`` or ``screen`` on fixes of an .npz file."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import geopandas
import numpy as np
import pandas as pd

from benchmarks.peer_process import serve

KM_H_PER_M_S = 3.6


def load() -> Any:
    """Module ``ecoscope.base`` as published.

    The package's own ``__init__`` would import its readers and maps, and with them a hundred
    packages that the filter does not use; a bare package of the same name and place stands in.
    """
    found = importlib.util.find_spec("ecoscope")
    if found is None or found.submodule_search_locations is None:
        raise ModuleNotFoundError("ecoscope")
    package = ModuleType("ecoscope")
    package.__path__ = list(found.submodule_search_locations)
    sys.modules["ecoscope"] = package
    return importlib.import_module("ecoscope.base")


def read(base: Any, path: Path) -> Any:
    """Fixes as ecoscope holds them; not part of a round."""
    given = np.load(path)
    frame = pd.DataFrame(
        {
            "track": given["track"],
            "row": np.arange(len(given["x"])),
            "fixtime": pd.to_datetime(given["t_ms"], unit="ms", utc=True),
        }
    )
    places = geopandas.points_from_xy(given["x"], given["y"])
    held = geopandas.GeoDataFrame(frame, geometry=places, crs=4326)
    return base.Relocations.from_gdf(held, groupby_col="track")


def steps(base: Any, fixes: Any) -> Any:
    """Length, speed and heading of every step."""
    return base.Trajectory.from_relocations(fixes)


def screen(base: Any, fixes: Any, *, gate_m_s: float) -> Any:
    """Mark what is faster than a gate, and take it out."""
    gate = base.RelocsSpeedFilter(max_speed_kmhr=gate_m_s * KM_H_PER_M_S)
    return fixes.apply_reloc_filter(gate).remove_filtered()


def main() -> None:
    """Serve one operation."""
    base = load()
    operation, path = sys.argv[1], Path(sys.argv[2])
    fixes = read(base, path)
    if operation == "steps":
        serve(lambda: steps(base, fixes), len)
    else:
        gate_m_s = float(sys.argv[3])
        serve(
            lambda: screen(base, fixes, gate_m_s=gate_m_s),
            lambda kept: [int(row) for row in kept["extra__row"]],
        )


if __name__ == "__main__":
    main()
