"""Draws the figure of the page on motion variance."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecoduct_analysis.dynamic_variance import DynamicRule, dynamic_variance
from ecoduct_analysis.motion_variance import VarianceMode, motion_variance_m2_s
from ecoduct_analysis.tracks import FloatArray, Tracks
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.figures import BAR, INK, PALETTE, QUIET

HOUR_MS = 3_600_000
ERROR_M = 10.0
RED = PALETTE[0]
FORMS: tuple[tuple[VarianceMode, str, str], ...] = (
    ("clean", "ours", BAR),
    ("published", "as published", INK),
    ("BBMM-3.0", "BBMM 3.0", RED),
)


def figure_motion_variance() -> Figure:
    """Found and planted variances: along one track that changes, and of many by GPS error."""
    figure, (change, bias) = figures.new_figure(2, title="", width_in=9.0, height_in=3.6)
    _draw_change(change)
    _draw_bias(bias)
    return figure


def _draw_change(axes: Axes) -> None:
    dice = np.random.default_rng(11)
    planted = np.repeat([0.1, 5.0, 0.3], [120, 60, 120])
    tracks = _brownian(planted[None], np.ones((1, len(planted))), ERROR_M, dice)
    rule = DynamicRule(location_error_m=ERROR_M, ends="pad")
    found = dynamic_variance(tracks, rule)
    whole = motion_variance_m2_s(tracks, error_m=ERROR_M)[0]
    hours = np.arange(len(found))
    axes.step(hours, planted[1:], where="post", color=QUIET, linewidth=1.0, label="planted")
    axes.axhline(whole, color=QUIET, linestyle=":", linewidth=1.0, label="one for the track")
    axes.plot(hours, found.variance_m2_s, color=BAR, linewidth=1.2, label="of each step")
    axes.set_yscale("log")
    axes.set_ylim(0.01, 30.0)
    figures.label(axes, x="hours", y="motion variance, m²/s")
    axes.legend(frameon=False, fontsize=8)


def _draw_bias(axes: Axes) -> None:
    errors_m = np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])
    animals, fixes = 40, 301
    for mode, label, colour in FORMS:
        dice = np.random.default_rng(12)
        hours = dice.choice([0.5, 1.0, 2.0], (animals, fixes))
        means = [
            motion_variance_m2_s(
                _brownian(np.ones((animals, fixes)), hours, error_m, dice),
                error_m=error_m, mode=mode,
            ).mean()
            for error_m in errors_m
        ]  # fmt: skip
        axes.plot(errors_m, means, color=colour, marker="o", markersize=3, label=label)
    axes.axhline(1.0, color=QUIET, linewidth=0.8, linestyle=":")
    axes.set_ylim(0.0, None)
    figures.label(axes, x="GPS error, m", y="found, where 1 m²/s was planted")
    axes.legend(frameon=False, fontsize=8)


def _brownian(
    variance_m2_s: FloatArray, hours: FloatArray, error_m: float, dice: np.random.Generator
) -> Tracks:
    """Animals of some variance at each step, with error; rows are animals."""
    seconds = hours * 3600.0
    moves = dice.normal(size=(*seconds.shape, 2)) * np.sqrt(seconds * variance_m2_s)[..., None]
    places = np.cumsum(moves, axis=1) + error_m * dice.normal(size=moves.shape)
    return Tracks.from_arrays(
        [str(n) for n in range(len(seconds))],
        track=np.repeat(np.arange(len(seconds)), seconds.shape[1]),
        t_ms=np.rint(np.cumsum(hours, axis=1) * HOUR_MS).astype(int).ravel(),
        x=places[..., 0].ravel(),
        y=places[..., 1].ravel(),
    )
