"""Map and chart of `ecoduct analyse phases`."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.displacement_models import (
    DISPERSER,
    MIGRANT,
    MIXED,
    MODELS,
    displacement_curve,
)
from ecoduct_analysis.phases import KINDS, MIGRATING, SETTLED
from ecoduct_analysis.projection import DEGREES, change_crs, choose_crs
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.figures import PALETTE, Points
from ecoduct_server.commands.analysing.phase_tables import Found, degrees_of

COLOURS: Final = {
    "unknown": figures.QUIET, "settled": PALETTE[4], "migrating": PALETTE[0],
    "stopover": PALETTE[2], "arrived": PALETTE[5], "excursion": PALETTE[3],
}  # fmt: skip
_SHOWN_DAYS: Final = 50_000  # more make a map black
_SHOWN_YEARS: Final = 3
_MOVES: Final = (DISPERSER, MIGRANT, MIXED)


@dataclass(slots=True, eq=False)
class Sketch:
    """What the figures keep of all animals: places of days, and a few animal-years."""

    across: list[FloatArray] = field(default_factory=list)
    along: list[FloatArray] = field(default_factory=list)
    kind: list[IntArray] = field(default_factory=list)
    moved: list[tuple[Found, int]] = field(default_factory=list)
    unmoved: list[tuple[Found, int]] = field(default_factory=list)
    days: int = 0
    is_degrees: bool = False

    def add(self, found: Found) -> None:
        """Keep what the figures need of some animals."""
        self.is_degrees = found.is_degrees
        if self.days < _SHOWN_DAYS:
            x, y = degrees_of(found, found.days.track, found.days.x, found.days.y)
            self.across.append(x)
            self.along.append(y)
            self.kind.append(found.phases.kind[found.day_phase])
            self.days += len(x)
        for year, best in enumerate(found.fits.best.tolist()):
            some = self.moved if best in _MOVES else self.unmoved
            if best >= 0 and len(some) < _SHOWN_YEARS:
                some.append((found, year))


def draw_map(path: Path, name: str, sketch: Sketch) -> None:
    """Write a map of each day's place, coloured by phase."""
    figure, (axes,) = figures.new_figure(1, title=f"Phases of {name}", height_in=8.0)
    x, y = (np.concatenate([*parts, np.empty(0)]) for parts in (sketch.across, sketch.along))
    kind = np.concatenate([*sketch.kind, np.empty(0, dtype=np.int64)])
    if sketch.is_degrees and len(x):
        x, y = change_crs(x, y, source=DEGREES, target=choose_crs(x, y))
    draw_days(axes, x, y, kind)
    figures.save(figure, path)


def draw_days(axes: Axes, x: FloatArray, y: FloatArray, kind: IntArray) -> None:
    """Draw places of days, what is rare above what is common."""
    order = (SETTLED, *(n for n in range(len(KINDS)) if n not in {SETTLED, MIGRATING}), MIGRATING)
    points = [
        Points(x[kind == n], y[kind == n], KINDS[n], COLOURS[KINDS[n]], 3.0)
        for n in order
        if (kind == n).any()
    ]
    figures.draw_map(axes, points=points)


def draw_chart(path: Path, name: str, sketch: Sketch) -> None:
    """Write the displacement of a few animal-years with the curve of their model."""
    shown = [*sketch.moved, *sketch.unmoved][:_SHOWN_YEARS]
    title = f"Net squared displacement of {name}"
    figure, every = figures.new_figure(max(1, len(shown)), title=title)
    if not shown:
        figures.tell(every[0], "no animal-year has a model")
    for axes, (found, year) in zip(every, shown, strict=False):
        draw_year(axes, found, year)
    figures.save(figure, path)


def draw_year(axes: Axes, found: Found, year: int) -> None:
    """Draw one animal-year."""
    series, fits = found.series, found.fits
    here = slice(int(series.offsets[year]), int(series.offsets[year + 1]))
    days = series.days[here]
    axes.plot(days, series.nsd_km2[here], ".", color=figures.QUIET, markersize=3)
    fine = np.linspace(days[0], days[-1], 400)
    axes.plot(fine, displacement_curve(fits, year, fine), color=PALETTE[0], linewidth=1.5)
    at_days = (found.dates.at_ms[year] - fits.zero_ms[year]) / 86_400_000
    for day in at_days[(at_days >= days[0]) & (at_days <= days[-1])]:
        axes.axvline(day, color=figures.INK, linewidth=0.8, linestyle=":")
    title = f"{fits.names[year]}: {MODELS[fits.best[year]]}"
    figures.label(axes, title=title, x="days since day zero", y="km²")
