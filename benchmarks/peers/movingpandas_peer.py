"""movingpandas in its own environment: ``steps`` or ``screen`` on fixes of an .npz file."""

import sys
from pathlib import Path
from typing import Any

import geopandas
import movingpandas
import numpy as np
import pandas as pd

from benchmarks.peer_process import serve


def read(path: Path) -> Any:
    """Fixes as movingpandas holds them; not part of a round."""
    given = np.load(path)
    frame = pd.DataFrame(
        {
            "track": given["track"],
            "row": np.arange(len(given["x"])),
            "t": pd.to_datetime(given["t_ms"], unit="ms"),
        }
    )
    places = geopandas.points_from_xy(given["x"], given["y"])
    held = geopandas.GeoDataFrame(frame, geometry=places, crs=4326)
    return movingpandas.TrajectoryCollection(held, "track", t="t")


def steps(tracks: Any) -> Any:
    """Speed and heading of every step."""
    tracks.add_speed(overwrite=True)
    tracks.add_direction(overwrite=True)
    return tracks


def screen(tracks: Any, *, gate_m_s: float) -> Any:
    """Cut away what is faster than a gate."""
    return movingpandas.OutlierCleaner(tracks).clean(v_max=gate_m_s, units=("m", "s"))


def kept_rows(tracks: Any) -> list[int]:
    """Rows of the input that are still there."""
    return [int(row) for one in tracks.trajectories for row in one.df["row"]]


def main() -> None:
    """Serve one operation."""
    operation, path = sys.argv[1], Path(sys.argv[2])
    tracks = read(path)
    if operation == "steps":
        serve(lambda: steps(tracks), lambda found: len(found.trajectories))
    else:
        gate_m_s = float(sys.argv[3])
        serve(lambda: screen(tracks, gate_m_s=gate_m_s), kept_rows)


if __name__ == "__main__":
    main()
