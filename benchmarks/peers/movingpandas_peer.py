"""movingpandas in its own environment: ``steps``, ``screen`` or ``stays`` on fixes of a file."""

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import geopandas
import movingpandas
import numpy as np
import pandas as pd

from benchmarks.peer_process import serve


def read(path: Path, *, epsg: int = 4326) -> Any:
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
    held = geopandas.GeoDataFrame(frame, geometry=places, crs=epsg)
    return movingpandas.TrajectoryCollection(held, "track", t="t")


def steps(tracks: Any) -> Any:
    """Speed and heading of every step."""
    tracks.add_speed(overwrite=True)
    tracks.add_direction(overwrite=True)
    return tracks


def screen(tracks: Any, *, gate_m_s: float) -> Any:
    """Cut away what is faster than a gate."""
    return movingpandas.OutlierCleaner(tracks).clean(v_max=gate_m_s, units=("m", "s"))


def stays(tracks: Any, *, diameter_m: float, least_h: float) -> Any:
    """When each animal keeps within a rectangle; without the tables made of that."""
    detector = movingpandas.TrajectoryStopDetector(tracks)
    return detector.get_stop_time_ranges(diameter_m, timedelta(hours=least_h))


def spans(found: Any) -> list[list[int]]:
    """Animal, begin and end of each stay, ms."""
    return [
        [int(one.traj_id), *(round(at.timestamp() * 1000) for at in (one.t_0, one.t_n))]
        for one in found
    ]


def kept_rows(tracks: Any) -> list[int]:
    """Rows of the input that are still there."""
    return [int(row) for one in tracks.trajectories for row in one.df["row"]]


def main() -> None:
    """Serve one operation."""
    operation, path = sys.argv[1], Path(sys.argv[2])
    tracks = read(path, epsg=int(sys.argv[5])) if operation == "stays" else read(path)
    if operation == "steps":
        serve(lambda: steps(tracks), lambda found: len(found.trajectories))
    elif operation == "stays":
        diameter_m, least_h = (float(text) for text in sys.argv[3:5])
        serve(lambda: stays(tracks, diameter_m=diameter_m, least_h=least_h), spans)
    else:
        gate_m_s = float(sys.argv[3])
        serve(lambda: screen(tracks, gate_m_s=gate_m_s), kept_rows)


if __name__ == "__main__":
    main()
