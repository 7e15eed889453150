"""Draws the figure of the page on corridors."""

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from ecoduct_analysis.corridors import CorridorRule, CorridorSteps, find_corridors
from ecoduct_analysis.synthetic import migrate
from ecoduct_analysis.tracks import FloatArray, Tracks
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.figures import PALETTE

RULE = CorridorRule(population=True, min_animals=3)


def figure_corridors() -> Figure:
    """One year of a simulated herd: corridors of each animal alone, and of the population."""
    figure, (alone, together) = figures.new_figure(2, title="", width_in=10.0, height_in=2.2)
    tracks = migrate(10, seed=3).tracks
    titles = ("Each animal alone", "The population, 3 animals at least")
    for axes, rule, title in zip((alone, together), (CorridorRule(), RULE), titles, strict=True):
        found = find_corridors(tracks, rule)
        figures.draw_map(axes, tracks=tracks, title=title)
        lines = corridor_lines(tracks, found)
        axes.add_collection(LineCollection(list(lines), colors=PALETTE[0], linewidths=1.4))
    return figure


def corridor_lines(tracks: Tracks, found: CorridorSteps) -> FloatArray:
    """Ends of the steps of corridors, (m, 2, 2) array."""
    first, last = found.first[found.is_corridor], found.last[found.is_corridor]
    ends = (tracks.x[first], tracks.y[first], tracks.x[last], tracks.y[last])
    lines: FloatArray = np.stack(ends, axis=1).reshape(-1, 2, 2)
    return lines
