"""Map of `ecoduct analyse ud`."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.isopleths import isopleth_polygons, rank
from ecoduct_analysis.utilisation import Utilisation
from ecoduct_server.commands.analysing import figures

_SHOWN_SHARE: Final = 0.99  # of the mass: thinner cells would only veil the map
_OUTLINED: Final = (0.95, 0.5)
_SHADES: Final = LinearSegmentedColormap.from_list(
    "use", ["#e8eef5", "#9dbddb", figures.BAR, "#173a5e"]
)
_MOST_PIXELS: Final = 4_000_000  # a wider grid is thinned before it is drawn


def draw_map(path: Path, name: str, grid: Grid | None, mean: FloatArray | None) -> None:
    """Write a map of the mean utilisation of all animals, with isopleths of 50 % and 95 %."""
    figure, (axes,) = figures.new_figure(1, title=f"Occurrence of {name}", height_in=8.0)
    if grid is None or mean is None or not mean.any():
        figures.tell(axes, "nothing to show")
    else:
        draw_utilisation(axes, of_dense(grid, mean), title="Mean of all animals")
    figures.save(figure, path)


def of_dense(grid: Grid, mass: FloatArray) -> Utilisation:
    """Utilisation of one track from its mass on the whole grid."""
    cell = np.flatnonzero(mass > 0).astype(np.int64)
    return Utilisation(grid, ("all",), np.array([0, len(cell)]), cell, mass.reshape(-1)[cell])


def draw_utilisation(
    axes: Axes, ud: Utilisation, *, title: str = "",
    bounds: tuple[float, float, float, float] | None = None,
) -> None:  # fmt: skip
    """Draw the first track of a utilisation: shades by rank, and isopleths of 50 % and 95 %.

    Shades follow the share of the mass in denser cells, since the mass itself spans many powers
    of ten.

    Parameters
    ----------
    bounds : (west, south, east, north), m, optional
        Otherwise all cells that are shown.
    """
    grid = ud.grid
    first = ud.select([0])
    _, before = rank(first)
    kept = before < _SHOWN_SHARE
    shade = np.full(len(grid), np.nan)
    shade[first.cell[kept]] = 1.0 - before[kept]
    west, south, east, north = grid.bounds
    thin = int(np.ceil(np.sqrt(len(grid) / _MOST_PIXELS)))
    axes.imshow(
        shade.reshape(grid.rows, grid.columns)[::thin, ::thin], extent=(west, east, south, north),
        cmap=_SHADES, vmin=0.0, vmax=1.0, interpolation="nearest", zorder=0,
    )  # fmt: skip
    lines = [isopleth_polygons(first, share)[0] for share in _OUTLINED]
    row, column = np.divmod(first.cell[kept], grid.columns)
    bounds = bounds or (
        west + grid.cell_m * column.min(), north - grid.cell_m * (row.max() + 1),
        west + grid.cell_m * (column.max() + 1), north - grid.cell_m * row.min(),
    )  # fmt: skip
    figures.draw_map(axes, lines=lines, bounds=bounds, title=title)
