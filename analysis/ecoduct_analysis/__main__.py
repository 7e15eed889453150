"""Compiles what a server needs at once: ``python -m ecoduct_analysis``.

Otherwise the first fixes of a new installation would wait for it for some seconds.
"""

import numpy as np
import shapely

from ecoduct_analysis.barriers import Barriers, find_nearest
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.stopovers import find_stays
from ecoduct_analysis.tracks import Tracks


def main() -> None:
    """Run the live kernels once, on three fixes and a fence."""
    fence = Barriers.from_geometries(["fence"], [shapely.LineString([(5, -9), (5, 9)])])
    tracks = Tracks.from_arrays(
        ["a"], track=[0, 0, 0], t_ms=[0, 1, 2], x=[0, 9, 0], y=[0, 0, 1], error_m=[np.nan] * 3
    )
    find_crossings(tracks, fence)
    find_nearest(tracks.x, tracks.y, fence)
    find_stays(tracks, StayRule())


if __name__ == "__main__":
    main()
