"""Map of `ecoduct analyse population`."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.patches import Patch
from matplotlib.path import Path as Outline

from ecoduct_analysis.cell_sets import CellSets, outlines
from ecoduct_analysis.population import Population
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing import figures

USE: Final = {"low": "#c6dbef", "medium": "#6baed6", "high": "#08519c"}
STOPOVER: Final = figures.PALETTE[0]
_MAP_FIXES = 200_000  # more are a black map; whole tracks are passed over from there on


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What a map shows: sequences, their population, its levels of use and its stop-overs."""

    tracks: Tracks
    population: Population
    levels: CellSets
    stopovers: CellSets


def draw_map(path: Path, name: str, shared: Shared) -> None:
    """Write a map of the corridors, the stop-overs and the tracks."""
    title = f"Corridors of {len(shared.population)} animals: {name}"
    figure, (axes,) = figures.new_figure(1, title=title, height_in=8.0)
    draw_use(axes, shared)
    figures.save(figure, path)


def draw_use(axes: Axes, shared: Shared) -> None:
    """Draw low, medium and high use, and the stop-overs' outlines, over thin tracks."""
    tracks, levels, stopovers = shared.tracks, shared.levels, shared.stopovers
    shown = tracks if len(tracks) <= _MAP_FIXES else next(tracks.chunks(_MAP_FIXES))
    shapes = outlines(levels)
    by_name = dict(zip(levels.names, shapes, strict=True))
    low = by_name.get("low")
    bounds = None if low is None or low.is_empty else tuple(low.bounds)
    figures.draw_map(axes, tracks=shown, bounds=bounds)
    keys = []
    for word, colour in USE.items():
        if word in by_name and not by_name[word].is_empty:
            _fill(axes, by_name[word].geoms, facecolor=colour, linewidth=0)
            count = int(levels.counts[levels.names.index(word)])
            keys.append(Patch(facecolor=colour, label=f"{word} use, {count:,} cells"))
    (places,) = outlines(stopovers) if len(stopovers) else (shapely.MultiPolygon(),)
    if not places.is_empty:
        _fill(axes, places.geoms, facecolor="none", edgecolor=STOPOVER, linewidth=0.8)
        label = f"stop-overs, {int(stopovers.counts[0]):,} cells"
        keys.append(Patch(facecolor="none", edgecolor=STOPOVER, label=label))
    if keys:
        axes.legend(
            handles=keys, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8,
            title=f"{len(shared.population)} animals", title_fontsize=8,
        )  # fmt: skip


def _fill(axes: Axes, parts: Iterable[shapely.Polygon], **look: Any) -> None:
    axes.add_collection(PathCollection([_outline(part) for part in parts], zorder=1.5, **look))


def _outline(part: shapely.Polygon) -> Outline:
    rings = [np.asarray(ring.coords) for ring in (part.exterior, *part.interiors)]
    codes = [[Outline.MOVETO, *[Outline.LINETO] * (len(ring) - 2), Outline.CLOSEPOLY]
             for ring in rings]  # fmt: skip
    return Outline(np.concatenate(rings), np.concatenate(codes))
