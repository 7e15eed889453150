"""Utilisation distributions: where animals were likely to be, as mass in the cells of a grid.

What bridges and kernels between fixes give is the distribution of *occurrence*: where the animal
was while it was watched. It is not a home range, and says nothing of where it will be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis.columns import FloatArray, IntArray, check_offsets, frozen, runs
from ecoduct_analysis.errors import BadTracks
from ecoduct_analysis.grids import Grid

_OPTIONAL = ("bridged_s", "unobserved_s", "outside")


@dataclass(frozen=True, slots=True, eq=False)
class Utilisation:
    """Utilisation of ``k`` tracks on one grid; only cells with mass are held.

    Attributes
    ----------
    grid : Grid
    names : tuple of str
        One for each track.
    offsets : (k + 1,) array
        Track ``i`` has the cells ``offsets[i]`` up to but not including ``offsets[i + 1]``.
    cell : (c,) array
        Numbers of cells in the grid, rising within a track.
    mass : (c,) array
        Probability of each cell, above 0. A track's mass sums to 1, or it has no cell at all:
        then nothing was known of it.
    bridged_s : (k,) array, s, optional
        Time that the mass speaks of. Kernels know no time, and leave it out.
    unobserved_s : (k,) array, s, optional
        Time between the first fix and the last that no bridge spans: steps that are too long, or
        without a motion variance.
    outside : (k,) array, optional
        Part of the mass that fell outside the grid, before the rest was made 1; nan for a track
        of which nothing was known.

    Raises
    ------
    BadTracks
        Columns of different length, or offsets that do not fit.

    Examples
    --------
    >>> grid = Grid(west=0.0, north=20.0, cell_m=10.0, rows=2, columns=2)
    >>> ud = Utilisation(grid, ("a", "b"), offsets=[0, 2, 2], cell=[0, 3], mass=[0.25, 0.75])
    >>> ud.dense(0)
    array([[0.25, 0.  ],
           [0.  , 0.75]])
    >>> ud.mean(), ud.mean([1])  # nothing was known of the second
    (array([[0.25, 0.  ],
           [0.  , 0.75]]), array([[0., 0.],
           [0., 0.]]))
    """

    grid: Grid
    names: tuple[str, ...]
    offsets: IntArray
    cell: IntArray
    mass: FloatArray
    bridged_s: FloatArray | None = None
    unobserved_s: FloatArray | None = None
    outside: FloatArray | None = None

    def __post_init__(self) -> None:
        for column, dtype in (("offsets", np.int64), ("cell", np.int64), ("mass", float)):
            object.__setattr__(self, column, frozen(getattr(self, column), dtype))
        if len(self.cell) != len(self.mass):
            raise BadTracks("The columns cell and mass must have one length.")
        check_offsets(self.offsets, self.names, len(self.cell))
        for column in _OPTIONAL:
            values = getattr(self, column)
            if values is None:
                continue
            if len(values) != len(self.names):
                raise BadTracks(f"The column {column} must have one value for each track.")
            object.__setattr__(self, column, frozen(values, float))

    def __len__(self) -> int:
        """Count the tracks."""
        return len(self.names)

    @property
    def track(self) -> IntArray:
        """Track of each cell, (c,) array."""
        return np.repeat(np.arange(len(self.names), dtype=np.int64), np.diff(self.offsets))

    def dense(self, track: int) -> FloatArray:
        """Mass of one track on the whole grid, (rows, columns) array."""
        here = slice(int(self.offsets[track]), int(self.offsets[track + 1]))
        return self.grid.dense(self.cell[here], self.mass[here])

    def mean(self, tracks: ArrayLike | None = None) -> FloatArray:
        """Mean of some tracks, or of all, on the whole grid, (rows, columns) array.

        Every track counts alike however long it was watched; those of which nothing was known
        count nothing.
        """
        chosen = self if tracks is None else self.select(tracks)
        known = int(np.count_nonzero(np.diff(chosen.offsets)))
        whole = np.bincount(chosen.cell, weights=chosen.mass, minlength=len(self.grid))
        shape = (self.grid.rows, self.grid.columns)
        return np.asarray(whole / max(known, 1), dtype=np.float64).reshape(shape)

    def select(self, tracks: ArrayLike) -> Self:
        """Some of the tracks, by number, in the order given."""
        chosen = np.atleast_1d(np.asarray(tracks, dtype=np.int64))
        cells, offsets = runs(chosen, self.offsets)
        kept = {name: getattr(self, name) for name in _OPTIONAL}
        return type(self)(
            grid=self.grid,
            names=tuple(self.names[n] for n in chosen),
            offsets=offsets,
            cell=self.cell[cells],
            mass=self.mass[cells],
            **{name: None if column is None else column[chosen] for name, column in kept.items()},
        )


def join_utilisations(parts: Sequence[Utilisation]) -> Utilisation:
    """Utilisations of several chunks of tracks as one, in the order given.

    Parameters
    ----------
    parts : sequence of Utilisation
        At least one, all on one grid. A column that one of them lacks is left out.

    Raises
    ------
    BadTracks
        No part, or parts on different grids.
    """
    if not parts or any(part.grid != parts[0].grid for part in parts):
        raise BadTracks("Give at least one utilisation, all of them on one grid.")
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    columns = {name: [getattr(part, name) for part in parts] for name in _OPTIONAL}
    return Utilisation(
        grid=parts[0].grid,
        names=tuple(name for part in parts for name in part.names),
        offsets=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        cell=np.concatenate([part.cell for part in parts]),
        mass=np.concatenate([part.mass for part in parts]),
        **{
            name: None if any(one is None for one in held) else np.concatenate(held)
            for name, held in columns.items()
        },
    )
