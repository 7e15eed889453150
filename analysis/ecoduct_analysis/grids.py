"""Grids of square cells that utilisation is laid on."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks

MOST_CELLS = 2**31  # a float64 for each would fill 16 GB
_CELLS_ACROSS = 500.0  # as track2KBA has it: a map shows no more
_MANY_CELLS = 10_000_000.0  # a raster of 40 MB for each animal
_LEAST_CELL_M = 10.0  # a fix scatters as far


@dataclass(frozen=True, slots=True)
class Grid:
    """Square cells in rows from north to south, each row from west to east.

    A cell's number counts row by row: cell ``row * columns + column``.

    Attributes
    ----------
    west, north : float, m
        Outer corner of the first cell.
    cell_m : float, m
        Side of a cell.
    rows, columns : int
    crs : str, optional
        Projection, as PROJ reads it; None for a plane that is not on the globe.

    Raises
    ------
    BadRule
        A grid without cells, with more than `MOST_CELLS`, or that is nowhere.

    Examples
    --------
    >>> grid = Grid(west=0.0, north=200.0, cell_m=100.0, rows=2, columns=3)
    >>> grid.x, grid.y
    (array([ 50., 150., 250.]), array([150.,  50.]))
    >>> grid.cell_at([10.0, 299.0, 300.0], [190.0, 10.0, 10.0])  # the last one is outside
    array([ 0,  5, -1])
    """

    west: float
    north: float
    cell_m: float
    rows: int
    columns: int
    crs: str | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite([self.west, self.north]).all() and 0 < self.cell_m < np.inf):
            raise BadRule("A grid needs a finite corner and cells of finite size above 0.")
        if not (self.rows >= 1 and self.columns >= 1 and self.rows * self.columns <= MOST_CELLS):
            raise BadRule(
                f"A grid of {self.rows} x {self.columns} cells cannot be held; choose another "
                f"cell_m than {self.cell_m:g}."
            )

    @classmethod
    def within(
        cls,
        bounds: tuple[float, float, float, float],
        *,
        cell_m: float,
        crs: str | None = None,
    ) -> Self:
        """Grid with given edges; east and south give way where the cells do not fit.

        Parameters
        ----------
        bounds : (west, south, east, north), m
        cell_m : float, m

        Raises
        ------
        BadRule
            Edges without area between them, or a grid that cannot be held.

        Examples
        --------
        >>> Grid.within((0.0, 0.0, 260.0, 200.0), cell_m=100.0).bounds
        (0.0, 0.0, 300.0, 200.0)
        """
        west, south, east, north = bounds
        if not (-np.inf < west < east < np.inf and -np.inf < south < north < np.inf):
            raise BadRule(
                "A grid lies between finite edges, west below east and south below north, not "
                f"{west:g}, {south:g}, {east:g}, {north:g}."
            )
        if not 0 < cell_m < np.inf:
            raise BadRule("cell_m must be above 0 and finite.")
        rows, columns = (max(1, round(side / cell_m)) for side in (north - south, east - west))
        return cls(west=west, north=north, cell_m=cell_m, rows=rows, columns=columns, crs=crs)

    @classmethod
    def around(
        cls,
        x: ArrayLike,
        y: ArrayLike,
        *,
        cell_m: float,
        margin: float = 0.3,
        margin_m: float = 0.0,
        crs: str | None = None,
    ) -> Self:
        """Grid about positions, on whole multiples of its cells so that two grids fit together.

        Parameters
        ----------
        x, y : (n,) array, m
        cell_m : float, m
        margin : float
            Part of the longer side of the positions' box that is added on each side; at least
            one cell is. Default 0.3 as Migration Mapper (Merkle et al. 2022) has it.
        margin_m : float, m
            Added on each side at least: as far as bridges or kernels reach.

        Raises
        ------
        BadRule
            No finite position, or a grid that cannot be held.

        Examples
        --------
        >>> Grid.around([0.0, 900.0], [50.0, 50.0], cell_m=100.0).bounds
        (-300.0, -300.0, 1200.0, 400.0)
        """
        across, along = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        if not (across.size and np.isfinite(across).all() and np.isfinite(along).all()):
            raise BadRule("A grid needs positions, all of them finite.")
        if not 0 < cell_m < np.inf:
            raise BadRule("cell_m must be above 0 and finite.")
        if not (0 <= margin < np.inf and 0 <= margin_m < np.inf):
            raise BadRule("margin and margin_m must be 0 or more, and finite.")
        edge = max(margin * max(np.ptp(across), np.ptp(along)), margin_m, cell_m)
        west = np.floor((across.min() - edge) / cell_m)
        north = np.ceil((along.max() + edge) / cell_m)
        east = np.ceil((across.max() + edge) / cell_m)
        south = np.floor((along.min() - edge) / cell_m)
        return cls(
            west=float(west * cell_m), north=float(north * cell_m), cell_m=float(cell_m),
            rows=int(north - south), columns=int(east - west), crs=crs,
        )  # fmt: skip

    def __len__(self) -> int:
        """Count the cells."""
        return self.rows * self.columns

    @property
    def x(self) -> FloatArray:
        """Centre of each column, (columns,) array, m."""
        return self.west + self.cell_m * (np.arange(self.columns, dtype=np.float64) + 0.5)

    @property
    def y(self) -> FloatArray:
        """Centre of each row, falling, (rows,) array, m."""
        return self.north - self.cell_m * (np.arange(self.rows, dtype=np.float64) + 0.5)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north edge, m."""
        return (
            self.west,
            self.north - self.rows * self.cell_m,
            self.west + self.columns * self.cell_m,
            self.north,
        )

    def cell_at(self, x: ArrayLike, y: ArrayLike) -> IntArray:
        """Cell of each position, -1 outside; west and north edges belong to a cell.

        Parameters
        ----------
        x, y : (n,) array, m

        Returns
        -------
        (n,) array
        """
        column = np.floor((np.asarray(x, dtype=float) - self.west) / self.cell_m)
        row = np.floor((self.north - np.asarray(y, dtype=float)) / self.cell_m)
        inside = (column >= 0) & (column < self.columns) & (row >= 0) & (row < self.rows)
        return np.where(inside, row * self.columns + column, -1).astype(np.int64)

    def dense(self, cell: IntArray, values: ArrayLike) -> FloatArray:
        """Values of some cells on the whole grid, 0 elsewhere, (rows, columns) array."""
        whole = np.zeros(len(self))
        whole[cell] = values
        return whole.reshape(self.rows, self.columns)


def suggest_cell_m(tracks: Tracks) -> float:
    """Side of a cell that shows the land of a usual animal well: 1, 2 or 5 times a power of ten.

    Parameters
    ----------
    tracks : Tracks

    Returns
    -------
    float, m
        About 500 cells lie along the longer side of the median animal's fixes, fewer where all
        animals together would need more than ten million; at least 10 m.

    Examples
    --------
    >>> far = Tracks.from_arrays(
    ...     ["a", "b"], track=[0, 0, 1, 1], t_ms=[0, 1, 0, 1], x=[0, 12_000, 0, 90_000], y=[0] * 4)
    >>> suggest_cell_m(far.select([0])), suggest_cell_m(far), suggest_cell_m(far.select([]))
    (50.0, 200.0, 10.0)
    """
    held = tracks.select(np.flatnonzero(np.diff(tracks.offsets) > 0))
    if not len(held):
        return _LEAST_CELL_M
    begins = held.offsets[:-1]
    sides = [
        np.maximum.reduceat(values, begins) - np.minimum.reduceat(values, begins)
        for values in (held.x, held.y)
    ]
    usual = float(np.median(np.maximum(*sides))) / _CELLS_ACROSS
    least = float(np.sqrt(np.ptp(held.x) * np.ptp(held.y) / _MANY_CELLS))
    wanted = max(usual, least, _LEAST_CELL_M)
    unit = 10.0 ** np.floor(np.log10(wanted))
    return float(next(step * unit for step in (1.0, 2.0, 5.0, 10.0) if step * unit >= wanted))
