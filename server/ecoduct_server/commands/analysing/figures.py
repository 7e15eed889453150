"""The look of all figures: type, colours, and maps with a scale bar; no state of matplotlib."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from shapely.geometry.base import BaseGeometry

from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.tracks import Tracks

INK: Final = "#333333"
QUIET: Final = "#9a9a9a"
BAR: Final = "#3b6ea5"
BARRIER: Final = "#000000"
# Okabe & Ito 2008: told apart by people who do not see all colours.
PALETTE: Final = (
    "#d55e00", "#0072b2", "#e69f00", "#cc79a7", "#009e73", "#56b4e9", "#b2a400", "#7a4b9d",
)  # fmt: skip
ENCOUNTERS: Final = {
    "Quick_Cross": "#009e73", "Average_Movement": "#56b4e9", "Bounce": "#d55e00",
    "Back_n_forth": "#e69f00", "Trace": "#0072b2", "Trapped": "#cc79a7", "unknown": QUIET,
}  # fmt: skip

_TITLE_PT, _TEXT_PT, _SMALL_PT = 11, 9, 8
_DOTS_PER_INCH = 150
_MARGIN = 0.05  # of the map's longer side
_BAR_PART = 0.25  # of the map's width that a scale bar fills at most
_METRES_PER_KM = 1000
_FEWEST_BARS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Places of one kind on a map.

    Attributes
    ----------
    x, y : (n,) array, m
    label : str
        In the legend; empty for none.
    colour : str
    size : float, points
    """

    x: FloatArray
    y: FloatArray
    label: str = ""
    colour: str = QUIET
    size: float = 3.0


def new_figure(
    columns: int, *, title: str, width_in: float = 11.0, height_in: float = 4.6
) -> tuple[Figure, list[Axes]]:
    """Figure with axes side by side, in the house's look.

    Parameters
    ----------
    columns : int
        How many axes.
    """
    figure = Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.01, ha="left", fontsize=_TITLE_PT, color=INK, fontweight="bold")
    every = [figure.add_subplot(1, columns, at + 1) for at in range(columns)]
    for axes in every:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(QUIET)
        axes.tick_params(labelsize=_SMALL_PT, colors=INK, color=QUIET)
    return figure, every


def label(axes: Axes, *, title: str = "", x: str = "", y: str = "") -> None:
    """Write on axes."""
    axes.set_title(title, loc="left", fontsize=_TEXT_PT, color=INK)
    axes.set_xlabel(x, fontsize=_TEXT_PT, color=INK)
    axes.set_ylabel(y, fontsize=_TEXT_PT, color=INK)


def draw_histogram(axes: Axes, edges: FloatArray, counts: IntArray, *, title: str, x: str) -> None:
    """Counts between edges that rise by equal factors, cut to where something is."""
    found = np.flatnonzero(counts)
    first, last = (int(found[0]), int(found[-1]) + 1) if len(found) else (0, len(counts))
    widths = np.diff(edges[first : last + 1])
    axes.bar(edges[first:last], counts[first:last], widths, align="edge", color=BAR, linewidth=0)
    axes.set_xscale("log")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    label(axes, title=title, x=x, y="steps")
    if not len(found):
        tell(axes, "no steps")


def draw_bars(axes: Axes, counts: dict[str, int], *, title: str, x: str) -> None:
    """One bar for each name, with its count, the first on top."""
    names = list(counts)
    axes.barh(names, list(counts.values()), color=BAR, height=0.7)
    axes.set_ylim(max(len(names), _FEWEST_BARS) - 0.4, -0.6)  # few bars are not fat ones
    for at, count in enumerate(counts.values()):
        axes.annotate(f"{count:,}", (count, at), xytext=(3, 0), textcoords="offset points",
                      va="center", fontsize=_SMALL_PT, color=INK)  # fmt: skip
    axes.margins(x=0.15)
    label(axes, title=title, x=x)


def draw_map(
    axes: Axes,
    *,
    tracks: Tracks | None = None,
    lines: Sequence[BaseGeometry] = (),
    points: Sequence[Points] = (),
    bounds: tuple[float, float, float, float] | None = None,
    title: str = "",
) -> None:
    """Draw a map in metres, with a scale bar and as wide as it is on the ground.

    Parameters
    ----------
    tracks : Tracks, optional
        Thin lines below all else.
    lines : sequence of geometries, optional
        Barriers.
    points : sequence of Points, optional
        Drawn in this order.
    bounds : (west, south, east, north), m, optional
        Otherwise all that is drawn.
    """
    _draw_lines(axes, tracks, lines)
    for kind in points:
        axes.plot(kind.x, kind.y, linestyle="none", marker="o", markersize=kind.size,
                  markeredgewidth=0, color=kind.colour, label=kind.label or None)  # fmt: skip
    label(axes, title=title)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    extent = bounds or _extent(tracks, lines, points)
    if extent is None:
        tell(axes, "nothing to show")
        return
    west, south, east, north = extent
    margin = max(_MARGIN * max(east - west, north - south), 1.0)
    axes.set_xlim(west - margin, east + margin)
    axes.set_ylim(south - margin, north + margin)
    axes.set_aspect("equal", adjustable="box")
    _draw_scale(axes)
    if any(kind.label for kind in points):
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False,
                    fontsize=_SMALL_PT, markerscale=1.5)  # fmt: skip


def tell(axes: Axes, text: str) -> None:
    """Write in the middle of axes that have nothing to show."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center",
              fontsize=_TEXT_PT, color=QUIET)  # fmt: skip


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG; the same figure gives the same bytes."""
    figure.savefig(path, dpi=_DOTS_PER_INCH, format="png", metadata={"Software": None})


def _draw_lines(axes: Axes, tracks: Tracks | None, lines: Sequence[BaseGeometry]) -> None:
    if tracks is not None:
        places = np.stack((tracks.x, tracks.y), axis=1)
        paths = np.split(places, tracks.offsets[1:-1])
        axes.add_collection(LineCollection(paths, colors=QUIET, linewidths=0.4, alpha=0.7))
    if len(lines):
        parts, _ = _rings(lines)
        axes.add_collection(LineCollection(parts, colors=BARRIER, linewidths=0.9))


def _rings(lines: Sequence[BaseGeometry]) -> tuple[list[Any], FloatArray]:
    parts = shapely.get_parts(np.asarray(lines, dtype=object))
    area = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    pieces = [*parts[~area], *shapely.get_rings(parts[area])]
    return [shapely.get_coordinates(piece) for piece in pieces], shapely.total_bounds(parts)


def _extent(
    tracks: Tracks | None, lines: Sequence[BaseGeometry], points: Sequence[Points]
) -> tuple[float, float, float, float] | None:
    x = [kind.x for kind in points] + ([tracks.x] if tracks is not None else [])
    y = [kind.y for kind in points] + ([tracks.y] if tracks is not None else [])
    if len(lines):
        west, south, east, north = shapely.total_bounds(np.asarray(lines, dtype=object))
        x, y = [*x, np.array([west, east])], [*y, np.array([south, north])]
    every_x = np.concatenate(x) if x else np.empty(0)
    if not len(every_x):
        return None
    every_y = np.concatenate(y)
    return (
        float(every_x.min()), float(every_y.min()), float(every_x.max()), float(every_y.max())
    )  # fmt: skip


def _draw_scale(axes: Axes) -> None:
    west, east = axes.get_xlim()
    most = (east - west) * _BAR_PART
    unit = 10.0 ** math.floor(math.log10(most))
    length = next(unit * step for step in (5, 2, 1) if unit * step <= most)
    shown = f"{length / _METRES_PER_KM:g} km" if length >= _METRES_PER_KM else f"{length:g} m"
    part = length / (east - west)
    axes.plot([0.02, 0.02 + part], [-0.03, -0.03], transform=axes.transAxes, color=INK,
              linewidth=2, solid_capstyle="butt", clip_on=False)  # fmt: skip
    axes.text(0.02 + part / 2, -0.045, shown, transform=axes.transAxes, ha="center", va="top",
              fontsize=_SMALL_PT, color=INK)  # fmt: skip
