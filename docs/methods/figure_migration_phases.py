"""Draws the figure of the page on migration phases."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecoduct_analysis.displacement_models import (
    MODELS,
    daily_medians,
    displacement_curve,
    fit_displacement,
    measure_displacement,
    movement_dates,
)
from ecoduct_analysis.phases import find_phases, phase_at
from ecoduct_analysis.synthetic import START_MS, migrate
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.figures import INK, PALETTE, QUIET
from ecoduct_server.commands.analysing.phase_figures import draw_days

DAY_MS = 86_400_000


def figure_migration_phases() -> Figure:
    """One simulated animal: displacement with its model, and its days by phase."""
    figure, (curve, places) = figures.new_figure(2, title="", width_in=10.0, height_in=3.6)
    days = daily_medians(migrate(1, seed=7).tracks)
    _draw_model(curve, days)
    phases = find_phases(days)
    draw_days(places, days.x, days.y, phases.kind[phase_at(phases, days)])
    figures.label(places, title="The daily rule")
    return figure


def _draw_model(axes: Axes, days: Tracks) -> None:
    series = measure_displacement(days, zero_ms=[START_MS])
    fits = fit_displacement(series)
    axes.plot(series.days, series.nsd_km2 / 1000.0, ".", color=QUIET, markersize=3)
    fine = np.linspace(0.0, 365.0, 1000)
    axes.plot(fine, displacement_curve(fits, 0, fine) / 1000.0, color=PALETTE[0], linewidth=1.5)
    for at_ms in movement_dates(fits).at_ms[0]:
        axes.axvline((at_ms - START_MS) / DAY_MS, color=INK, linewidth=0.8, linestyle=":")
    title = f"Net squared displacement: {MODELS[fits.best[0]]}"
    figures.label(axes, title=title, x="day of the year", y="1000 km²")
