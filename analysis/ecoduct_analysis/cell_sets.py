"""Sets of cells of a grid: footprints of sequences, stop-overs."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecoduct_analysis.columns import BoolArray, IntArray, check_offsets, frozen, runs
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.isopleths import outline


@dataclass(frozen=True, slots=True, eq=False)
class CellSets:
    """Cells of ``k`` sets on one grid.

    Attributes
    ----------
    grid : Grid
    names : tuple of str
        One for each set.
    offsets : (k + 1,) array
        Set ``i`` has the cells ``offsets[i]`` up to but not including ``offsets[i + 1]``.
    cell : (c,) array
        Numbers of cells in the grid, rising within a set.

    Raises
    ------
    BadTracks
        Offsets that do not fit.

    Examples
    --------
    >>> grid = Grid(west=0, north=20, cell_m=10, rows=2, columns=2)
    >>> CellSets(grid, ("a", "b"), [0, 1, 3], [3, 0, 2]).dense(1)
    array([[ True, False],
           [ True, False]])
    """

    grid: Grid
    names: tuple[str, ...]
    offsets: IntArray
    cell: IntArray

    def __post_init__(self) -> None:
        for column in ("offsets", "cell"):
            object.__setattr__(self, column, frozen(getattr(self, column), np.int64))
        check_offsets(self.offsets, self.names, len(self.cell))

    def __len__(self) -> int:
        """Count the sets."""
        return len(self.names)

    @property
    def counts(self) -> IntArray:
        """Cells of each set, (k,) array."""
        counts: IntArray = np.diff(self.offsets)
        return counts

    def of(self, number: int) -> IntArray:
        """Cells of one set, rising."""
        return self.cell[self.offsets[number] : self.offsets[number + 1]]

    def dense(self, number: int) -> BoolArray:
        """One set on the whole grid, (rows, columns) array."""
        whole = np.zeros(len(self.grid), dtype=bool)
        whole[self.of(number)] = True
        return whole.reshape(self.grid.rows, self.grid.columns)

    def select(self, numbers: ArrayLike) -> Self:
        """Some of the sets, by number, in the order given."""
        chosen = np.atleast_1d(np.asarray(numbers, dtype=np.int64))
        cells, offsets = runs(chosen, self.offsets)
        names = tuple(self.names[n] for n in chosen)
        return type(self)(self.grid, names, offsets, self.cell[cells])


def outlines(
    sets: CellSets, *, min_patch_m2: float = 0.0, min_hole_m2: float = 0.0
) -> NDArray[np.object_]:
    """Outline of each set along the edges of its cells.

    A set that holds another has an outline that holds the other's, whatever the sizes.

    Parameters
    ----------
    sets : CellSets
        ``k`` sets.
    min_patch_m2, min_hole_m2 : float, m^2
        Smaller patches are left out, and smaller holes filled.

    Returns
    -------
    (k,) array of shapely.MultiPolygon

    Raises
    ------
    BadRule
        A size below 0.

    Examples
    --------
    >>> grid = Grid(west=0, north=20, cell_m=10, rows=2, columns=2)
    >>> outlines(CellSets(grid, ("a", "b"), [0, 1, 1], [3]))[0].bounds
    (10.0, 0.0, 20.0, 10.0)
    """
    found = np.empty(len(sets), dtype=object)
    for number in range(len(sets)):
        found[number] = outline(
            sets.grid, sets.of(number), min_patch_m2=min_patch_m2, min_hole_m2=min_hole_m2
        )
    return found
