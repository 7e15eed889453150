"""Map of `ecoduct analyse stays`."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from ecoduct_analysis.revisits import Places
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.figures import PALETTE, Points
from ecoduct_server.commands.analysing.stay_tables import Found

_NAMED: Final = 8  # places that the map gives their number
_LEAST_PT, _MOST_PT = 3.0, 16.0


def draw_map(path: Path, name: str, tracks: Tracks, stays: Found, places: Places) -> None:
    """Write a map of tracks and stays, and of places by the time that animals stayed there."""
    figure, (axes,) = figures.new_figure(1, title=f"Stays of {name}", height_in=8.0)
    draw_places(axes, tracks, stays, places)
    figures.save(figure, path)


def draw_places(axes: Axes, tracks: Tracks, stays: Found, places: Places) -> None:
    """Draw on axes; the area of a place's mark is the time of its stays."""
    longest = max(float(places.stayed_s.max(initial=0.0)), 1.0)
    size = _LEAST_PT + (_MOST_PT - _LEAST_PT) * np.sqrt(places.stayed_s / longest)
    points = [
        Points(places.x[n : n + 1], places.y[n : n + 1], "", PALETTE[5], float(size[n]))
        for n in range(len(places))[:1_000]
    ]
    if points:
        points[0] = Points(
            places.x[:1], places.y[:1], "place, by time of stays", PALETTE[5], float(size[0])
        )
        points.append(Points(stays.x, stays.y, "stay", PALETTE[0], _LEAST_PT))
    figures.draw_map(axes, tracks=tracks if len(tracks) else None, points=points)
    for n in range(min(_NAMED, len(places))):
        axes.annotate(str(n + 1), (places.x[n], places.y[n]), xytext=(6, 6),
                      textcoords="offset points", fontsize=8, color=figures.INK)  # fmt: skip
