"""Isopleths: the fewest cells that hold a share of a utilisation distribution.

Of bridges and kernels they bound the *occurrence* of an animal while it was watched. They are not
its home range.
"""

from typing import Final, Literal

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.utilisation import Utilisation

EdgeRule = Literal["inclusive", "exclusive"]
"""Whether the cell in which the share is reached belongs to an isopleth."""

SHARES: Final = (0.5, 0.95, 0.99)


def rank(ud: Utilisation) -> tuple[IntArray, FloatArray]:
    """Place of each cell among those of its track by falling mass, and the mass before it.

    Cells of the same mass stand in order of their numbers, so that a rank is always the same.

    Parameters
    ----------
    ud : Utilisation
        ``c`` cells.

    Returns
    -------
    place : (c,) array
        0 for the cell with most mass.
    before : (c,) array
        Mass of the track's cells with more.

    Examples
    --------
    >>> grid = Grid(west=0, north=20, cell_m=10, rows=2, columns=2)
    >>> ud = Utilisation(grid, ("a",), [0, 3], cell=[0, 1, 3], mass=[0.25, 0.5, 0.25])
    >>> rank(ud)
    (array([1, 0, 2]), array([0.5 , 0.  , 0.75]))
    """
    place, before = np.empty(len(ud.cell), dtype=np.int64), np.empty(len(ud.cell))
    _rank(ud.offsets, ud.mass, place, before)
    return place, before


def isopleth(ud: Utilisation, share: float, *, rule: EdgeRule = "inclusive") -> BoolArray:
    """Cells of the isopleth of each track.

    Parameters
    ----------
    ud : Utilisation
        ``c`` cells.
    share : float
        Of the mass, above 0 and at most 1.
    rule : str
        ``inclusive``: cells with less than the share before them, so that they hold at least the
        share, as the R package move has it. ``exclusive``: cells that hold at most the share
        together, as adehabitatHR does: one cell fewer, and none for a narrow distribution.

    Returns
    -------
    (c,) array of bool

    Raises
    ------
    BadRule

    References
    ----------
    ``getVolumeUD`` of the R package move 4.2.7; ``kernel.area`` of adehabitatHR.

    Examples
    --------
    >>> grid = Grid(west=0, north=20, cell_m=10, rows=2, columns=2)
    >>> ud = Utilisation(grid, ("a",), [0, 3], cell=[0, 1, 3], mass=[0.25, 0.5, 0.25])
    >>> isopleth(ud, 0.6), isopleth(ud, 0.6, rule="exclusive")
    (array([ True,  True, False]), array([False,  True, False]))
    """
    _check(share, rule)
    _, before = rank(ud)
    return _within(before, ud.mass, share, rule)


def isopleth_areas_m2(
    ud: Utilisation, shares: ArrayLike = SHARES, *, rule: EdgeRule = "inclusive"
) -> FloatArray:
    """Area of isopleths.

    Parameters
    ----------
    ud : Utilisation
        Of ``k`` tracks.
    shares : (s,) array
    rule : str
        As for `isopleth`.

    Returns
    -------
    (k, s) array, m^2
        nan for a track without cells: nothing was known of it.

    Raises
    ------
    BadRule

    Examples
    --------
    >>> grid = Grid(west=0, north=20, cell_m=10, rows=2, columns=2)
    >>> ud = Utilisation(grid, ("a", "b"), [0, 2, 2], cell=[0, 1], mass=[0.75, 0.25])
    >>> isopleth_areas_m2(ud, [0.5, 0.95])
    array([[100., 200.],
           [ nan,  nan]])
    """
    each = np.atleast_1d(np.asarray(shares, dtype=np.float64))
    _, before = rank(ud)
    areas = np.full((len(ud), len(each)), np.nan)
    known = np.diff(ud.offsets) > 0
    for at, share in enumerate(each.tolist()):
        _check(share, rule)
        held = np.concatenate(([0], np.cumsum(_within(before, ud.mass, share, rule))))
        areas[known, at] = np.diff(held[ud.offsets])[known] * ud.grid.cell_m**2
    return areas


def isopleth_polygons(
    ud: Utilisation,
    share: float,
    *,
    rule: EdgeRule = "inclusive",
    min_patch_m2: float = 0.0,
    min_hole_m2: float = 0.0,
) -> NDArray[np.object_]:
    """Outline of the isopleth of each track, along the edges of cells.

    Parameters
    ----------
    ud : Utilisation
        Of ``k`` tracks.
    share, rule
        As for `isopleth`.
    min_patch_m2, min_hole_m2 : float, m^2
        As for `outline`.

    Returns
    -------
    (k,) array of shapely.MultiPolygon
        Empty where there is no cell.

    Raises
    ------
    BadRule

    Examples
    --------
    >>> grid = Grid(west=0, north=20, cell_m=10, rows=2, columns=2)
    >>> ud = Utilisation(grid, ("a",), [0, 2], cell=[0, 2], mass=[0.75, 0.25])
    >>> isopleth_polygons(ud, 0.95)[0].bounds
    (0.0, 0.0, 10.0, 20.0)
    """
    inside = isopleth(ud, share, rule=rule)
    lines = np.empty(len(ud), dtype=object)
    for track in range(len(ud)):
        here = slice(int(ud.offsets[track]), int(ud.offsets[track + 1]))
        lines[track] = outline(
            ud.grid, ud.cell[here][inside[here]],
            min_patch_m2=min_patch_m2, min_hole_m2=min_hole_m2,
        )  # fmt: skip
    return lines


def outline(
    grid: Grid, cell: ArrayLike, *, min_patch_m2: float = 0.0, min_hole_m2: float = 0.0
) -> shapely.MultiPolygon:
    """Outline of some cells, along their edges, with holes.

    Cells that touch at a corner only are two patches.

    Parameters
    ----------
    grid : Grid
    cell : (c,) array
        Numbers of cells, in any order.
    min_patch_m2, min_hole_m2 : float, m^2
        Smaller patches are left out, then smaller holes of the others are filled. Migration
        Mapper (Merkle et al. 2022) takes 20,000 for both.

    Returns
    -------
    shapely.MultiPolygon

    Raises
    ------
    BadRule
        Cells that the grid does not have, or sizes below 0.

    Examples
    --------
    >>> grid = Grid(west=0, north=30, cell_m=10, rows=3, columns=3)
    >>> ring = outline(grid, [0, 1, 2, 3, 5, 6, 7, 8])
    >>> ring.area, len(ring.geoms[0].interiors), outline(grid, [0, 4], min_patch_m2=101).is_empty
    (800.0, 1, True)
    """
    numbers = np.unique(np.asarray(cell, dtype=np.int64))
    if len(numbers) and not (numbers[0] >= 0 and numbers[-1] < len(grid)):
        raise BadRule(f"Cells of this grid are numbered 0 to {len(grid) - 1}.")
    if not (min_patch_m2 >= 0 and min_hole_m2 >= 0):
        raise BadRule("min_patch_m2 and min_hole_m2 must be 0 or more.")
    # Runs of cells in a row are far fewer than cells, and their corners are the same numbers for
    # every row, so that no sliver can arise between two of them.
    row, column = np.divmod(numbers, grid.columns)
    begins = np.ones(len(numbers), dtype=bool)
    begins[1:] = (np.diff(numbers) > 1) | (np.diff(row) > 0)
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(numbers))[: len(first)] - 1
    west, east = (grid.west + grid.cell_m * at for at in (column[first], column[last] + 1))
    north, south = (grid.north - grid.cell_m * at for at in (row[first], row[first] + 1))
    merged = shapely.disjoint_subset_union_all(shapely.box(west, south, east, north))
    # Of no tolerance, this only leaves out corners on straight edges.
    return _without_crumbs(shapely.simplify(merged, 0.0), min_patch_m2, min_hole_m2)


def _check(share: float, rule: str) -> None:
    if not 0 < share <= 1:
        raise BadRule(f"The share of an isopleth must be above 0 and at most 1, not {share:g}.")
    if rule not in {"inclusive", "exclusive"}:
        raise BadRule(f"rule must be inclusive or exclusive, not {rule!r}.")


def _within(before: FloatArray, mass: FloatArray, share: float, rule: str) -> BoolArray:
    return before < share if rule == "inclusive" else before + mass <= share


def _without_crumbs(
    merged: shapely.Geometry, min_patch_m2: float, min_hole_m2: float
) -> shapely.MultiPolygon:
    patches = [patch for patch in shapely.get_parts(merged) if patch.area >= min_patch_m2]
    if min_hole_m2 > 0.0:
        patches = [_filled(patch, min_hole_m2) for patch in patches]
    return shapely.MultiPolygon(patches)


def _filled(patch: shapely.Polygon, min_hole_m2: float) -> shapely.Polygon:
    holes = [ring for ring in patch.interiors if shapely.Polygon(ring).area >= min_hole_m2]
    return shapely.Polygon(patch.exterior, holes)


@compiled
def _rank(offsets: IntArray, mass: FloatArray, place: IntArray, before: FloatArray) -> None:
    for track in range(len(offsets) - 1):
        begin, end = offsets[track], offsets[track + 1]
        # Stable: equal masses stay in order of their cells.
        order = np.argsort(-mass[begin:end], kind="mergesort")
        total = 0.0
        for n in range(len(order)):
            at = begin + order[n]
            place[at], before[at] = n, total
            total += mass[at]
