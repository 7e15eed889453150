"""Figure of the page on populations."""

import numpy as np
from matplotlib.figure import Figure

from ecoduct_analysis.footprints import find_stopovers
from ecoduct_analysis.population import find_population
from ecoduct_analysis.population_rules import PopulationRule
from ecoduct_analysis.sequence_bridges import bridge_sequences, population_grid
from ecoduct_analysis.sequences import cut_sequences
from ecoduct_analysis.synthetic import migrate
from ecoduct_analysis.use_levels import level_sets, use_levels
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.figures import Points
from ecoduct_server.commands.analysing.population_figures import Shared, draw_use


def figure_populations() -> Figure:
    """Corridors and stop-overs of a herd whose route and stops are known."""
    herd = migrate(12, seed=3, distance_m=60_000.0)
    sequences = cut_sequences(
        herd.tracks,
        track=np.repeat(np.arange(len(herd)), 2),
        begins_ms=herd.leaves_ms.ravel(),
        ends_ms=herd.arrives_ms.ravel(),
        season=["spring", "autumn"] * len(herd),
    )
    rule = PopulationRule(cell_m=250.0)
    grid = population_grid(sequences.tracks, rule)
    made = bridge_sequences(sequences.tracks, grid, rule=rule)
    found = find_population(made.utilisation, animals=sequences.owners, rule=rule)
    levels = level_sets(found, use_levels(len(found), rule))
    title = "Corridors and stop-overs of 12 synthetic animals; dots: planted stops"
    figure, (axes,) = figures.new_figure(1, title=title, width_in=8.0, height_in=2.2)
    shared = Shared(sequences.tracks, found, levels, find_stopovers(found.utilisation))
    draw_use(axes, shared)
    planted = Points(herd.stay_x, herd.stay_y, "planted stop", figures.INK, 3.0)
    axes.plot(planted.x, planted.y, linestyle="none", marker=".", markersize=planted.size,
              color=planted.colour)  # fmt: skip
    return figure
