"""What of a utilisation distribution counts: its clean part, its footprint, its stop-overs."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Final

import numpy as np

from ecoduct_analysis._volumes import cleaned, cut_of
from ecoduct_analysis.cell_sets import CellSets
from ecoduct_analysis.columns import BoolArray, FloatArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.population_rules import (
    FOOTPRINT_EDGES,
    STOPOVER_KINDS,
    Mode,
    StopoverKind,
)
from ecoduct_analysis.utilisation import Utilisation

_NO_CELLS: Final = np.zeros(0, dtype=np.int64)
_NO_MASS: Final = np.zeros(0)
_LAST_DIGITS: Final = 1e-9  # 0.1 * 30 is not 3 to a computer


def clean_utilisation(utilisation: Utilisation, *, keep: float = 0.9999) -> Utilisation:
    """Empty the thinnest cells, far from where the animal was, and rescale the rest to 1.

    Parameters
    ----------
    utilisation : Utilisation
        ``k`` tracks.
    keep : float
        Volume to keep. The cell that reaches it stays, and so do all as dense: cells that are
        equal are never told apart.

    Returns
    -------
    Utilisation
        Cleaning what is clean takes another bite: do it once.

    Raises
    ------
    BadRule
        ``keep`` is not above 0 and at most 1.

    References
    ----------
    Migration Mapper 3.2 (Merkle et al. 2022), there 99.99 %.

    Examples
    --------
    >>> from ecoduct_analysis.grids import Grid
    >>> grid = Grid(west=0, north=1, cell_m=1, rows=1, columns=4)
    >>> ud = Utilisation(grid, ("a",), [0, 4], [0, 1, 2, 3], [0.1, 0.5, 0.3, 0.1])
    >>> clean_utilisation(ud, keep=0.75).dense(0)
    array([[0.   , 0.625, 0.375, 0.   ]])
    """
    _check_share("keep", keep)
    layers = [
        cleaned((utilisation.cell[begin:end], utilisation.mass[begin:end]), keep)
        for begin, end in pairwise(utilisation.offsets)
        if end > begin
    ]
    counts = np.zeros(len(utilisation), dtype=np.int64)
    counts[np.diff(utilisation.offsets) > 0] = [len(cell) for cell, _ in layers]
    return replace(
        utilisation,
        offsets=np.concatenate(([0], np.cumsum(counts))),
        cell=np.concatenate([_NO_CELLS, *(cell for cell, _ in layers)]),
        mass=np.concatenate([_NO_MASS, *(mass for _, mass in layers)]),
    )


def find_footprints(
    utilisation: Utilisation,
    *,
    contour: float = 0.99,
    edge: str = "exclusive",
    mode: Mode = "clean",
) -> CellSets:
    """Cells that hold nearly all of each track's mass: where it went.

    Parameters
    ----------
    utilisation : Utilisation
        ``k`` tracks, clean.
    contour : float
        Volume of the footprint.
    edge : str
        ``exclusive`` leaves out the cell that takes the volume past ``contour``, and all that are
        no denser; ``inclusive`` keeps it, and all as dense.
    mode : str
        ``compat``: an exclusive footprint may be empty, as in the reference, where a sequence
        keeps to a single cell. ``clean`` gives it its densest cell.

    Returns
    -------
    CellSets
        One set for each track; empty for a track without mass.

    Raises
    ------
    BadRule
        ``contour`` is not above 0 and at most 1, or ``edge`` is another word.

    References
    ----------
    Migration Mapper 3.2 (Merkle et al. 2022): exclusive with BBMM, inclusive with dBBMM.

    Examples
    --------
    >>> from ecoduct_analysis.grids import Grid
    >>> grid = Grid(west=0, north=1, cell_m=1, rows=1, columns=4)
    >>> ud = Utilisation(grid, ("a",), [0, 4], [0, 1, 2, 3], [0.1, 0.5, 0.3, 0.1])
    >>> find_footprints(ud, contour=0.75).of(0)
    array([1])
    >>> find_footprints(ud, contour=0.75, edge="inclusive").of(0)
    array([1, 2])
    """
    _check_share("contour", contour)
    if edge not in FOOTPRINT_EDGES:
        raise BadRule(f"edge must be {' or '.join(FOOTPRINT_EDGES)}, not {edge!r}.")

    def inside(mass: FloatArray) -> BoolArray:
        cut = cut_of(mass, contour)
        beyond: BoolArray = mass >= cut if edge == "inclusive" else mass > cut
        return mass >= mass.max() if mode == "clean" and not beyond.any() else beyond

    return _sets(utilisation, _of_each(utilisation, inside))


def find_stopovers(
    utilisation: Utilisation, *, share: float = 0.1, kind: StopoverKind = "area"
) -> CellSets:
    """Densest cells: where animals stopped.

    Parameters
    ----------
    utilisation : Utilisation
        ``k`` tracks, clean: ``area`` counts all cells with mass.
    share : float
        Part of the cells, or of the mass.
    kind : str
        ``area``: the densest ``share`` of the cells, at least one. ``volume``: the densest cells
        that hold ``share`` of the mass, with the cell that reaches it. Cells as dense as the last
        one are in.

    Returns
    -------
    CellSets
        One set for each track; empty for a track without mass.

    Raises
    ------
    BadRule
        ``share`` is not above 0 and at most 1, or ``kind`` is another word.

    References
    ----------
    Sawyer et al. 2009, Ecological Applications 19:2016-2025. Migration Mapper 3.2 has both.

    Examples
    --------
    >>> from ecoduct_analysis.grids import Grid
    >>> grid = Grid(west=0, north=1, cell_m=1, rows=1, columns=4)
    >>> ud = Utilisation(grid, ("a",), [0, 4], [0, 1, 2, 3], [0.1, 0.5, 0.3, 0.1])
    >>> find_stopovers(ud, share=0.5).of(0), find_stopovers(ud, share=0.5, kind="volume").of(0)
    (array([1, 2]), array([1]))
    """
    _check_share("share", share)
    if kind not in STOPOVER_KINDS:
        raise BadRule(f"kind must be {' or '.join(STOPOVER_KINDS)}, not {kind!r}.")

    def densest(mass: FloatArray) -> BoolArray:
        falling = np.sort(mass)[::-1]
        if kind == "area":
            # The quantile of R's type 7, by which the reference classifies its cells.
            last = int(share * (len(mass) - 1) + _LAST_DIGITS)
        else:
            last = int(np.searchsorted(np.cumsum(falling), share, side="left"))
        dense: BoolArray = mass >= falling[min(last, len(mass) - 1)]
        return dense

    return _sets(utilisation, _of_each(utilisation, densest))


def _check_share(name: str, share: float) -> None:
    if not 0 < share <= 1:
        raise BadRule(f"{name} must be above 0 and at most 1.")


def _of_each(utilisation: Utilisation, choose: Callable[[FloatArray], BoolArray]) -> BoolArray:
    """Cells that a choice within each track takes, (c,) array."""
    chosen = np.zeros(len(utilisation.cell), dtype=bool)
    for begin, end in pairwise(utilisation.offsets):
        if end > begin:
            chosen[begin:end] = choose(utilisation.mass[begin:end])
    return chosen


def _sets(utilisation: Utilisation, chosen: BoolArray) -> CellSets:
    before = np.concatenate(([0], np.cumsum(chosen)))
    return CellSets(
        grid=utilisation.grid, names=utilisation.names, offsets=before[utilisation.offsets],
        cell=utilisation.cell[chosen],
    )  # fmt: skip
