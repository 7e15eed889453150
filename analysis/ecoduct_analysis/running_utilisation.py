"""A utilisation distribution kept up to date: animals and bridges are added and taken away."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.utilisation import Utilisation

TILE: Final = 256  # cells on a side: half a megabyte, a few of which an animal's bridges touch
_MOST_UNITS: Final = 2**62  # of all cells together, so that no sum of whole numbers overflows


class RunningUtilisation:
    """Time in each cell, in whole units, so that sums are exact.

    Sums of floats depend on their order, and never return to what they were. Whole numbers do:
    what is added and then taken away leaves nothing behind, and the order of arrival changes not
    one bit. Memory follows the land that is used: tiles are made when they are touched, and given
    up when they are empty.

    Parameters
    ----------
    grid : Grid
    unit_s : float, s
        A cell's time is rounded to it, for each track that is added. Default 0.1 us: a bridge of
        a quarter of an hour over 500 cells keeps its mass to 1e-9, and the whole may hold 14,600
        years of animals' lives.

    Raises
    ------
    BadRule
        A unit that is not above 0.

    Examples
    --------
    >>> grid = Grid(west=0, north=10, cell_m=10, rows=1, columns=2)
    >>> night = Utilisation(grid, ("a",), [0, 2], cell=[0, 1], mass=[0.25, 0.75], bridged_s=[400])
    >>> day = Utilisation(grid, ("a",), [0, 1], cell=[0], mass=[1.0], bridged_s=[600])
    >>> running = RunningUtilisation(grid)
    >>> running.add(night)
    >>> running.add(day)
    >>> running.dense(), running.total_s
    (array([[0.7, 0.3]]), 1000.0)
    >>> running.remove(day)
    >>> running.dense()
    array([[0.25, 0.75]])
    """

    def __init__(self, grid: Grid, *, unit_s: float = 1e-7) -> None:
        if not 0 < unit_s < np.inf:
            raise BadRule("unit_s must be above 0 and finite.")
        self.grid = grid
        self.unit_s = unit_s
        self._tiles: dict[int, IntArray] = {}
        self._total = 0

    def __len__(self) -> int:
        """Count the tiles that are held."""
        return len(self._tiles)

    @property
    def total_s(self) -> float:
        """Time that the mass speaks of, s."""
        return self._total * self.unit_s

    def add(self, ud: Utilisation, *, weight_s: ArrayLike | None = None) -> None:
        """Add the mass of each track, times how long it was there.

        Parameters
        ----------
        ud : Utilisation
            Of ``k`` tracks: animals, seasons, or one bridge each.
        weight_s : (k,) array, s, optional
            Instead of the tracks' ``bridged_s``; equal ones make every animal count alike.

        Raises
        ------
        BadRule
            Another grid, no weight, or more time than fits. Nothing is changed then.
        """
        self._change(*self._units(ud, weight_s))

    def remove(self, ud: Utilisation, *, weight_s: ArrayLike | None = None) -> None:
        """Take away what was added, with the same weight.

        Raises
        ------
        BadRule
            As for `add`, or more is taken away than a cell holds. Nothing is changed then.
        """
        cell, units = self._units(ud, weight_s)
        self._change(cell, -units)

    def utilisation(self, name: str = "all") -> Utilisation:
        """All that was added, as one track whose mass is 1; without cells where there is none."""
        cell, units = self._held()
        return Utilisation(
            grid=self.grid, names=(name,), offsets=np.array([0, len(cell)]), cell=cell,
            mass=units / max(self._total, 1), bridged_s=np.array([self.total_s]),
        )  # fmt: skip

    def dense(self) -> FloatArray:
        """Mass on the whole grid, (rows, columns) array."""
        return self.utilisation().dense(0)

    def _units(self, ud: Utilisation, weight_s: ArrayLike | None) -> tuple[IntArray, IntArray]:
        """Cells of a utilisation, each once, and the whole units of each."""
        if ud.grid != self.grid:
            raise BadRule("The utilisation lies on another grid.")
        given = ud.bridged_s if weight_s is None else weight_s
        if given is None:
            raise BadRule("A utilisation that knows no time needs weight_s.")
        weights = np.asarray(given, dtype=np.float64)
        if weights.shape != (len(ud),) or not ((weights >= 0) & (weights < np.inf)).all():
            raise BadRule("weight_s needs one value for each track, 0 or more and finite.")
        per_cell = np.repeat(weights, np.diff(ud.offsets)) * ud.mass / self.unit_s
        if per_cell.sum() > _MOST_UNITS:
            raise BadRule(f"That is more time than fits in units of {self.unit_s:g} s.")
        cell, where = np.unique(ud.cell, return_inverse=True)
        units = np.zeros(len(cell), dtype=np.int64)
        # Rounded for each track by itself, so that tracks may leave one by one.
        np.add.at(units, where, np.rint(per_cell).astype(np.int64))
        return cell, units

    def _change(self, cell: IntArray, units: IntArray) -> None:
        total = self._total + int(units.sum())
        if total > _MOST_UNITS:
            raise BadRule(f"That is more time than fits in units of {self.unit_s:g} s.")
        tile, within = self._places(cell)
        order = np.argsort(tile, kind="stable")
        begins = np.flatnonzero(np.diff(tile[order], prepend=-1))
        parts = [(int(tile[part[0]]), part) for part in np.split(order, begins[1:]) if len(part)]
        changed = {
            number: self._changed(number, within[part], units[part]) for number, part in parts
        }
        if any((after < 0).any() for after in changed.values()):
            raise BadRule("More is taken away than was added.")
        self._tiles.update(changed)
        for number, after in changed.items():
            if not after.any():
                del self._tiles[number]
        self._total = total

    def _changed(self, number: int, within: IntArray, units: IntArray) -> IntArray:
        held = self._tiles.get(number)
        after: IntArray = np.zeros(TILE * TILE, dtype=np.int64) if held is None else held.copy()
        after[within] += units
        return after

    def _places(self, cell: IntArray) -> tuple[IntArray, IntArray]:
        """Tile of each cell, and its place there."""
        row, column = np.divmod(cell, self.grid.columns)
        across = -(-self.grid.columns // TILE)
        return row // TILE * across + column // TILE, row % TILE * TILE + column % TILE

    def _held(self) -> tuple[IntArray, IntArray]:
        """Cells that hold time, rising, and their units."""
        across = -(-self.grid.columns // TILE)
        cells, units = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for number, held in self._tiles.items():
            within = np.flatnonzero(held)
            row = number // across * TILE + within // TILE
            cells.append(row * self.grid.columns + number % across * TILE + within % TILE)
            units.append(held[within])
        cell, unit = np.concatenate(cells), np.concatenate(units)
        order = np.argsort(cell)
        return cell[order], unit[order]
