"""Utilisation distributions of kernels: a normal distribution about each fix."""

from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._layers import Cells, lay_down
from ecoduct_analysis._spread import BRIDGE_COLUMNS, at_centres
from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation import Utilisation

KernelMode = Literal["clean", "adehabitatHR"]

_REACH_SD: Final = 4.0  # of adehabitatHR, along each axis


def kernel_utilisation(
    tracks: Tracks, grid: Grid, *, h_m: ArrayLike | None = None, mode: KernelMode = "clean"
) -> Utilisation:
    """Where animals were seen, spread by a normal kernel about each fix.

    Every fix counts alike, whenever it was: animals heard more often by day are shown where they
    are by day. Bridges weigh by time.

    Parameters
    ----------
    tracks : Tracks
        ``k`` tracks.
    grid : Grid
        Of the tracks' projection.
    h_m : float or (k,) array, m, optional
        Bandwidth: standard deviation of the kernel along each axis. It decides the answer more
        than the fixes do, so tell it with every map. Without it `reference_bandwidth_m`. nan for
        no kernel.
    mode : str
        ``clean`` integrates the kernel over each cell. ``adehabitatHR`` takes its density at the
        cell's centre, up to 4 bandwidths along each axis, as that package and track2KBA do.

    Returns
    -------
    Utilisation
        ``outside`` is the mass beyond the grid; without the columns of time.

    Raises
    ------
    BadRule
        A bandwidth below 0 or of another length, or 0 at the centres of cells.

    References
    ----------
    Worton 1989, Ecology 70:164-168; adehabitatHR: Calenge 2006, Ecological Modelling 197:516-519.

    Examples
    --------
    >>> once = Tracks.from_arrays(["a"], track=[0], t_ms=[0], x=[100], y=[50])
    >>> grid = Grid(west=0, north=100, cell_m=100, rows=1, columns=2)
    >>> ud = kernel_utilisation(once, grid, h_m=20)
    >>> ud.dense(0), ud.outside.round(3)  # the edges of the row are 2.5 bandwidths away
    (array([[0.5, 0.5]]), array([0.012]))
    """
    widths = np.array(reference_bandwidth_m(tracks) if h_m is None else h_m, dtype=np.float64)
    if widths.shape not in {(), (len(tracks.names),)}:
        raise BadRule(f"h_m needs one value or {len(tracks.names)}, not {widths.shape}.")
    if not (np.isnan(widths) | ((widths >= 0) & (widths < np.inf))).all():
        raise BadRule("h_m must be 0 or more and finite, or nan for no kernel.")
    widths = np.ascontiguousarray(np.broadcast_to(widths, (len(tracks.names),)))
    if mode == "adehabitatHR":
        return _sampled(tracks, grid, widths).gather(tracks.names)
    if mode != "clean":
        raise BadRule(f"mode must be clean or adehabitatHR, not {mode!r}.")
    kernels, offsets = _kernels(
        tracks.offsets, tracks.x, tracks.y, widths, (grid.west, grid.north, grid.cell_m)
    )
    counts = np.ones(len(kernels), dtype=np.int64)
    return lay_down(kernels, counts, offsets, grid).gather(tracks.names)


def reference_bandwidth_m(tracks: Tracks) -> FloatArray:
    """Bandwidth that is best for fixes normally distributed about one place.

    ``sqrt((var x + var y) / 2) n^(-1/6)``. It smooths too much where an animal has several
    places, a migrating one above all.

    Parameters
    ----------
    tracks : Tracks
        ``k`` tracks.

    Returns
    -------
    (k,) array, m
        nan for a track with fewer than two fixes.

    References
    ----------
    ``href`` of the R package adehabitatHR; Silverman 1986, Density Estimation, section 4.3.2.

    Examples
    --------
    >>> two = Tracks.from_arrays(["a"], track=[0, 0], t_ms=[0, 1], x=[0, 200], y=[0, 0])
    >>> reference_bandwidth_m(two).round(2)  # 100 m times the sixth root of 1/2
    array([89.09])
    """
    found = np.full(len(tracks.names), np.nan)
    _bandwidths(tracks.offsets, tracks.x, tracks.y, found)
    return found


def _sampled(tracks: Tracks, grid: Grid, widths: FloatArray) -> Cells:
    if (widths == 0).any():
        raise BadRule("At the centres of cells a kernel needs a bandwidth above 0.")
    found = Cells(grid)
    for track, width in enumerate(widths):
        here = slice(int(tracks.offsets[track]), int(tracks.offsets[track + 1]))
        normals = np.ones((here.stop - here.start, 4))
        normals[:, 0] = (tracks.x[here] - grid.west) / grid.cell_m
        normals[:, 1] = (grid.north - tracks.y[here]) / grid.cell_m
        normals[:, 2] = width / grid.cell_m
        dense = np.zeros((grid.rows, grid.columns))
        if not np.isnan(width):
            at_centres(normals, _REACH_SD, 0, dense)
        cell = np.flatnonzero(dense)
        found.add(cell.astype(np.int64), dense.ravel()[cell], weight=np.nan)
    return found


@compiled
def _kernels(
    offsets: IntArray, x: FloatArray, y: FloatArray, h_m: FloatArray,
    plane: tuple[float, float, float],
) -> tuple[FloatArray, IntArray]:  # fmt: skip
    """Kernels as bridges that lead nowhere, and where each track begins."""
    west, north, cell_m = plane
    kernels = np.zeros((len(x), BRIDGE_COLUMNS))
    begins = np.zeros(len(offsets), dtype=np.int64)
    found = 0
    for track in range(len(offsets) - 1):
        if not np.isnan(h_m[track]):
            for fix in range(offsets[track], offsets[track + 1]):
                row = kernels[found]
                row[0], row[1] = (x[fix] - west) / cell_m, (north - y[fix]) / cell_m
                # In the middle of a bridge, the mean of both errors has half their variance.
                row[5] = row[6] = 2.0 * (h_m[track] / cell_m) ** 2
                row[7] = 1.0
                found += 1
        begins[track + 1] = found
    return kernels[:found], begins


@compiled
def _bandwidths(offsets: IntArray, x: FloatArray, y: FloatArray, found: FloatArray) -> None:
    for track in range(len(offsets) - 1):
        begin, end = offsets[track], offsets[track + 1]
        count = end - begin
        if count > 1:
            middle_x, middle_y = np.mean(x[begin:end]), np.mean(y[begin:end])
            square = 0.0
            for fix in range(begin, end):
                square += (x[fix] - middle_x) ** 2 + (y[fix] - middle_y) ** 2
            found[track] = np.sqrt(0.5 * square / (count - 1)) * count ** (-1.0 / 6.0)
