"""Figure of docs/methods/utilisation.md."""

import numpy as np
from matplotlib.figure import Figure

from ecoduct_analysis.occurrence import occurrence, occurrence_grid, step_variance
from ecoduct_analysis.synthetic import migrate
from ecoduct_analysis.utilisation import Utilisation
from ecoduct_analysis.utilisation_rules import UtilisationRule
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.ud_figures import draw_utilisation

_RULES = (
    ("Bridges, one motion variance", UtilisationRule(method="bbmm", cell_m=250.0)),
    ("Bridges, motion variance of each step", UtilisationRule(method="dbbmm", cell_m=250.0)),
    ("Kernels, reference bandwidth", UtilisationRule(method="kernel", cell_m=250.0)),
)
_WINTER = 400  # fixes, two hours apart, before the animal leaves


def figure_utilisation() -> Figure:
    """Utilisation of one migrating animal by three methods, with isopleths of 50 % and 95 %."""
    tracks = migrate(1, seed=4, distance_m=60_000.0).tracks
    figure, every = figures.new_figure(len(_RULES), title="", width_in=11.0, height_in=3.6)
    made: list[Utilisation] = []
    for _, rule in _RULES:
        found = step_variance(tracks, rule)
        made.append(occurrence(tracks, occurrence_grid(tracks, found, rule), found, rule))
    # The winter range, and the first stop-over on the way.
    x, y = float(np.median(tracks.x[:_WINTER])), float(np.median(tracks.y[:_WINTER]))
    bounds = (x - 8_000.0, y - 9_000.0, x + 14_000.0, y + 9_000.0)
    for axes, (title, _), ud in zip(every, _RULES, made, strict=True):
        draw_utilisation(axes, ud, title=title, bounds=bounds)
    return figure
