"""Utilisation of migration sequences, on a grid that all of them share."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray, frozen
from ecoduct_analysis.errors import BadRule, NotProjected
from ecoduct_analysis.footprints import clean_utilisation
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.occurrence import occurrence, step_variance
from ecoduct_analysis.population_rules import MODES, Mode, PopulationRule
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation import Utilisation
from ecoduct_analysis.utilisation_rules import UtilisationRule

# Of Migration Mapper 3.2: the error of a collar, and the longest step between fixes 2 to 3 h
# apart. It lays down a bridge every 5 min, which only its own mode needs.
BRIDGES: Final = UtilisationRule(method="bbmm", location_error_m=20.0, max_lag_min=480.0)
TIME_STEP_MIN: Final = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class SequenceBridges:
    """Utilisation of ``k`` sequences, clean.

    Attributes
    ----------
    utilisation : Utilisation
    variance_m2_s : (k,) array, m^2/s
        Motion variance, the mean over the steps where it changes; nan where there is none.
    crop_cells : (k,) array
        Cells that the reference looks at, those about each sequence; -1 but in its mode.
    """

    utilisation: Utilisation
    variance_m2_s: FloatArray
    crop_cells: IntArray

    def __post_init__(self) -> None:
        for column, dtype in (("variance_m2_s", float), ("crop_cells", np.int64)):
            object.__setattr__(self, column, frozen(getattr(self, column), dtype))

    def __len__(self) -> int:
        """Count the sequences."""
        return len(self.crop_cells)


def population_grid(
    tracks: Tracks, rule: PopulationRule | None = None, *, mode: Mode = "clean"
) -> Grid:
    """Grid that holds all sequences.

    Parameters
    ----------
    tracks : Tracks
        All sequences, in one projection. Without any fix the grid is a single cell.
    rule : PopulationRule, optional
        ``cell_m`` and ``margin`` count here.
    mode : str
        ``clean``: cells on whole multiples of their size, so that grids of different years fit
        together, and a margin by the longer side. ``compat``: from the south-west corner of the
        fixes' box, with a margin by each side, as the reference has it.

    Raises
    ------
    BadRule
        A grid that cannot be held, or another word as mode.
    NotProjected
        The tracks are in several projections.

    Examples
    --------
    >>> walk = Tracks.from_arrays(["a"], track=[0, 0], t_ms=[0, 1], x=[90, 4090], y=[70, 1070])
    >>> population_grid(walk).bounds
    (-1500.0, -1500.0, 5500.0, 2500.0)
    >>> population_grid(walk, mode="compat").bounds
    (-1110.0, -230.0, 5390.0, 1270.0)
    """
    rule = rule or PopulationRule()
    if mode not in MODES:
        raise BadRule(f"mode must be one of {', '.join(MODES)}, not {mode!r}.")
    if len(set(tracks.crs)) > 1:
        raise NotProjected("Sequences must be in one projection; give it to `project`.")
    crs = tracks.crs[0] if tracks.crs else None
    if not len(tracks):
        return Grid(west=0.0, north=rule.cell_m, cell_m=rule.cell_m, rows=1, columns=1, crs=crs)
    if mode == "clean":
        return Grid.around(tracks.x, tracks.y, cell_m=rule.cell_m, margin=rule.margin, crs=crs)
    west, south, east, north = _box(tracks.x, tracks.y, rule.margin)
    rows = max(round((north - south) / rule.cell_m), 1)
    columns = max(round((east - west) / rule.cell_m), 1)
    return Grid(
        west=west, north=south + rows * rule.cell_m, cell_m=rule.cell_m, rows=rows,
        columns=columns, crs=crs,
    )  # fmt: skip


def bridge_sequences(
    tracks: Tracks,
    grid: Grid,
    *,
    bridges: UtilisationRule | None = None,
    rule: PopulationRule | None = None,
    mode: Mode = "clean",
) -> SequenceBridges:
    """Clean utilisation of each sequence.

    Parameters
    ----------
    tracks : Tracks
        ``k`` sequences.
    grid : Grid
        From `population_grid`.
    bridges : UtilisationRule, optional
        Without it `BRIDGES`: one motion variance for each sequence, an error of 20 m for every
        fix, no bridge over more than 8 h. Other methods serve, too.
    rule : PopulationRule, optional
        ``keep`` counts here, and in the reference's mode ``margin``.
    mode : str
        ``compat`` follows Migration Mapper 3.2, which has its bridges from the R package BBMM
        3.0: see `docs/methods/utilisation.md` for what that gets wrong. It looks only at the
        cells about each sequence.

    Returns
    -------
    SequenceBridges
        A sequence of which no step could be bridged is without mass. The same for each sequence
        whatever others stand beside it.

    Raises
    ------
    BadRule
        Another word as mode.

    References
    ----------
    Horne et al. 2007, Ecology 88:2354-2363; Sawyer et al. 2009, Ecological Applications
    19:2016-2025.

    Examples
    --------
    >>> hour = 3_600_000
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0] * 5, t_ms=[n * hour for n in range(5)],
    ...     x=[0, 900, 2100, 2900, 4000], y=[0, 200, -100, 100, 0])
    >>> found = bridge_sequences(walk, population_grid(walk))
    >>> round(float(found.utilisation.mass.sum()), 9), float(found.variance_m2_s[0].round(3))
    (1.0, 17.944)
    """
    rule, bridges = rule or PopulationRule(), bridges or BRIDGES
    if mode == "compat" and bridges.time_step_min is None:
        bridges = replace(bridges, time_step_min=TIME_STEP_MIN)
    found = step_variance(tracks, bridges, mode=mode)
    made = occurrence(tracks, grid, found, bridges, mode=mode)
    crop_cells = np.full(len(tracks.names), -1)
    if mode == "compat":
        made, crop_cells = _cropped(made, tracks, rule.margin)
    variance = _of_each(tracks, found.bridge_m2_s)
    return SequenceBridges(clean_utilisation(made, keep=rule.keep), variance, crop_cells)


def _of_each(tracks: Tracks, variance: FloatArray) -> FloatArray:
    """Mean of the known variances of each track's steps."""
    steps = np.maximum(np.diff(tracks.offsets) - 1, 0)
    each = np.full(len(steps), np.nan)
    for track, (begin, end) in enumerate(pairwise(np.concatenate(([0], np.cumsum(steps))))):
        known = variance[begin:end][np.isfinite(variance[begin:end])]
        if len(known):
            # The mean of equal numbers may differ from them in the last digit.
            each[track] = known[0] if (known == known[0]).all() else known.mean()
    return each


def _box(x: FloatArray, y: FloatArray, margin: float) -> tuple[float, float, float, float]:
    """West, south, east and north of positions, with a margin by each side."""
    beside, above = margin * np.ptp(x), margin * np.ptp(y)
    return (
        float(x.min() - beside), float(y.min() - above),
        float(x.max() + beside), float(y.max() + above),
    )  # fmt: skip


def _cropped(
    utilisation: Utilisation, tracks: Tracks, margin: float
) -> tuple[Utilisation, IntArray]:
    """Utilisation in the box about each track, rescaled, and the cells of that box."""
    inside = np.zeros(len(utilisation.cell), dtype=bool)
    cells = np.zeros(len(tracks.names), dtype=np.int64)
    mass = utilisation.mass.copy()
    for track, (begin, end) in enumerate(pairwise(utilisation.offsets.tolist())):
        fixes = slice(*tracks.offsets[track : track + 2].tolist())
        if fixes.start < fixes.stop:
            box = _box(tracks.x[fixes], tracks.y[fixes], margin)
            here, cells[track] = _within(utilisation.grid, box, utilisation.cell[begin:end])
            inside[begin:end] = here
            mass[begin:end] /= mass[begin:end][here].sum()
    before = np.concatenate(([0], np.cumsum(inside)))
    made = replace(
        utilisation, offsets=before[utilisation.offsets], cell=utilisation.cell[inside],
        mass=mass[inside],
    )  # fmt: skip
    return made, cells


def _within(
    grid: Grid, box: tuple[float, float, float, float], cell: IntArray
) -> tuple[BoolArray, int]:
    """Which cells lie in a box whose edges move to the nearest edges of cells, and how many can."""
    west, south, east, north = box
    beside = np.array([west - grid.west, east - grid.west, grid.north - north, grid.north - south])
    edges = np.rint(beside / grid.cell_m)
    left, right = np.clip(edges[:2], 0, grid.columns).astype(int)
    top, bottom = np.clip(edges[2:], 0, grid.rows).astype(int)
    row, column = np.divmod(cell, grid.columns)
    here = (column >= left) & (column < right) & (row >= top) & (row < bottom)
    return here, int((right - left) * (bottom - top))
