"""Grids of square cells that utilisation is laid on."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.errors import BadRule

MOST_CELLS = 2**31  # a float64 for each would fill 16 GB


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
    def around(
        cls,
        x: ArrayLike,
        y: ArrayLike,
        *,
        cell_m: float,
        margin: float = 0.3,
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

        Raises
        ------
        BadRule
            No finite position, or a grid that cannot be held.
        """
        across, along = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        if not (across.size and np.isfinite(across).all() and np.isfinite(along).all()):
            raise BadRule("A grid needs positions, all of them finite.")
        if not 0 < cell_m < np.inf:
            raise BadRule("cell_m must be above 0 and finite.")
        edge = max(margin * max(np.ptp(across), np.ptp(along)), cell_m)
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
