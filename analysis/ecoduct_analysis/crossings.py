"""Steps that cross barriers: when, where, and in which direction."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._piece_grid import BLOCK, PieceGrid, Steps, hits_in_grid, steps_near
from ecoduct_analysis._piece_tree import PieceTree, hits_in_tree
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray, frozen
from ecoduct_analysis.tracks import Tracks


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """One row for each step and feature that meet, in order of track, step and feature.

    Attributes
    ----------
    track, feature : (r,) array
        Which track and which feature.
    first : (r,) array
        Fix before the crossing; the one after is ``first + 1``.
    count : (r,) array
        How often the step crosses the feature.
    net : (r,) array
        Crossings from left to right of the line as drawn, less those from right to left: 0 when
        the step came back to the side it left.
    sign : (r,) array
        1 where the first crossing goes from left to right, -1 from right to left.
    fraction : (r,) array
        Part of the step before the first crossing, 0 up to 1.
    t_ms, x, y : (r,) array, ms since 1970 UTC, m, m
        Time and place of the first crossing, as if the step was straight and even.
    is_area : (r,) array of bool
        Whether the feature is a polygon; its inside lies to the left of its ring.
    """

    track: IntArray
    feature: IntArray
    first: IntArray
    count: IntArray
    net: IntArray
    sign: IntArray
    fraction: FloatArray
    t_ms: IntArray
    x: FloatArray
    y: FloatArray
    is_area: BoolArray

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.first)

    @property
    def is_touch(self) -> BoolArray:
        """Whether the step ends exactly on the feature and the next one returns, (r,) array.

        Both rows of such a pair are marked: by the half-open rule their ``net`` adds up to 0, and
        the animal never was on the other side.
        """
        features = int(self.feature.max(initial=0)) + 1
        key = self.first * features + self.feature
        after = np.minimum(np.searchsorted(key, key + features), len(key) - 1)
        pair = np.flatnonzero(
            (key[after] == key + features)
            & (self.track[after] == self.track)
            & (self.net[after] == -self.net)
            & (self.fraction == 1.0)
            & (self.fraction[after] == 0.0)
        )
        touch: BoolArray = np.zeros(len(self), dtype=bool)
        touch[pair] = touch[after[pair]] = True
        return touch

    @property
    def inside_before(self) -> BoolArray:
        """Whether the step began inside the polygon, (r,) array; False for lines."""
        return self.is_area & (self.sign > 0)

    @property
    def inside_after(self) -> BoolArray:
        """Whether the step ended inside the polygon, (r,) array; False for lines."""
        odd: BoolArray = self.count % 2 == 1
        return self.is_area & (self.inside_before ^ odd)


def find_crossings(tracks: Tracks, barriers: Barriers) -> Crossings:
    """Find where straight steps cross barriers.

    A step or a piece that only touches the other's line counts as lying left of it. This
    half-open rule counts a step through a shared vertex once, never twice or not at all, and
    makes ``net`` add up to the change of side over any number of steps, also when a fix lies
    exactly on the barrier.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes; an animal with fewer than two has no step and gives no row.
    barriers : Barriers
        In the same projection.

    Returns
    -------
    Crossings
        Time and place lie on the straight line between two fixes; the animal was not seen there.

    References
    ----------
    Orientation tests with ties broken to one side: Edelsbrunner & Mücke 1990, ACM Transactions
    on Graphics 9:66-104. Differs: one fixed side in place of a symbolic perturbation.

    Examples
    --------
    >>> import shapely
    >>> fence = Barriers.from_geometries(["fence"], [shapely.LineString([(5, -9), (5, 9)])])
    >>> walk = Tracks.from_arrays(["a"], track=[0, 0], t_ms=[0, 1000], x=[0, 10], y=[0, 0])
    >>> found = find_crossings(walk, fence)
    >>> found.t_ms, found.x, found.net
    (array([500]), array([5.]), array([1]))
    """
    barriers.check_projection(tracks)
    whole, real, rows = _cross_steps(
        barriers.grid, barriers.tree, barriers.feature,
        tracks.offsets, tracks.t_ms,
        Steps(tracks.x[:-1], tracks.y[:-1], tracks.x[1:], tracks.y[1:]),
    )  # fmt: skip
    whole, real = whole[:, :rows], real[:, :rows]
    return Crossings(
        track=whole[0], feature=whole[1], first=whole[2], count=whole[3], net=whole[4],
        sign=whole[5], t_ms=whole[6], fraction=real[0], x=real[1], y=real[2],
        is_area=barriers.is_area[whole[1]],
    )  # fmt: skip


def count_crossings(begin: FloatArray, end: FloatArray, barriers: Barriers) -> IntArray:
    """How often each of many loose steps crosses barriers, by the rule of `find_crossings`.

    Parameters
    ----------
    begin, end : (m, 2) array, m
        Of each step, x before y.

    Returns
    -------
    (m,) array
        Crossings with pieces of all features.
    """
    columns = Steps(*(frozen(ends[:, n], float) for ends in (begin, end) for n in (0, 1)))
    return _count_steps(barriers.grid, barriers.tree, columns)


@compiled
def _cross_steps(
    grid: PieceGrid,
    tree: PieceTree,
    feature: IntArray,
    offsets: IntArray,
    t_ms: IntArray,
    steps: Steps,
) -> tuple[IntArray, FloatArray, int]:
    """Fill the columns of `Crossings`, whole numbers and others, and return how many rows."""
    pieces = len(tree.order)  # more than this no step can cross
    hit, sign, fraction = np.empty(pieces, np.int64), np.empty(pieces, np.int64), np.empty(pieces)
    whole, real = np.empty((7, 16), dtype=np.int64), np.empty((3, 16))
    near = np.empty(min(BLOCK, len(t_ms)), dtype=np.int64)
    rows = 0
    for track in range(len(offsets) - 1):
        last = offsets[track + 1] - 1
        for begin in range(offsets[track], last, BLOCK):
            for at in range(steps_near(grid, steps, (begin, min(begin + BLOCK, last)), near)):
                fix = near[at] if near[at] >= 0 else -1 - near[at]
                step = (steps.x0[fix], steps.y0[fix], steps.x1[fix], steps.y1[fix])
                if near[at] >= 0:
                    found = hits_in_grid(grid, tree, step, hit, sign, fraction)
                else:
                    found = hits_in_tree(tree, step, hit, sign, fraction)
                if found > 1:
                    _sort_hits(feature, hit, sign, fraction, found)
                if rows + found > whole.shape[1]:
                    whole, real = _grown(whole, rows + found), _grown(real, rows + found)
                for n in range(found):
                    if n > 0 and feature[hit[n]] == feature[hit[n - 1]]:
                        whole[3, rows - 1] += 1
                        whole[4, rows - 1] += sign[n]
                        continue
                    whole[0, rows], whole[1, rows], whole[2, rows] = track, feature[hit[n]], fix
                    whole[3, rows], whole[4, rows], whole[5, rows] = 1, sign[n], sign[n]
                    real[0, rows] = fraction[n]
                    rows += 1
    _interpolate(whole, real, rows, t_ms, steps)
    return whole, real, rows


@compiled
def _interpolate(
    whole: IntArray, real: FloatArray, rows: int, t_ms: IntArray, steps: Steps
) -> None:
    """Fill in time and place of crossings from the part of their steps."""
    for row in range(rows):
        fix, part = whole[2, row], real[0, row]
        whole[6, row] = t_ms[fix] + np.int64(np.rint(part * (t_ms[fix + 1] - t_ms[fix])))
        real[1, row] = steps.x0[fix] + part * (steps.x1[fix] - steps.x0[fix])
        real[2, row] = steps.y0[fix] + part * (steps.y1[fix] - steps.y0[fix])


@compiled
def _count_steps(grid: PieceGrid, tree: PieceTree, steps: Steps) -> IntArray:
    pieces = len(tree.order)  # more than this no step can cross
    hit, sign, fraction = np.empty(pieces, np.int64), np.empty(pieces, np.int64), np.empty(pieces)
    counts = np.zeros(len(steps.x0), dtype=np.int64)
    near = np.empty(min(BLOCK, len(counts)), dtype=np.int64)
    for begin in range(0, len(counts), BLOCK):
        end = min(begin + BLOCK, len(counts))
        for at in range(steps_near(grid, steps, (begin, end), near)):
            n = near[at] if near[at] >= 0 else -1 - near[at]
            step = (steps.x0[n], steps.y0[n], steps.x1[n], steps.y1[n])
            if near[at] >= 0:
                counts[n] = hits_in_grid(grid, tree, step, hit, sign, fraction)
            else:
                counts[n] = hits_in_tree(tree, step, hit, sign, fraction)
    return counts


@compiled
def _sort_hits(
    feature: IntArray, hit: IntArray, sign: IntArray, fraction: FloatArray, count: int
) -> None:
    """Put a step's few hits in order of feature and way, in place."""
    for n in range(1, count):
        a, b, c = hit[n], sign[n], fraction[n]
        at = n
        while at > 0 and (
            feature[hit[at - 1]] > feature[a]
            or (feature[hit[at - 1]] == feature[a] and fraction[at - 1] > c)
        ):
            hit[at], sign[at], fraction[at] = hit[at - 1], sign[at - 1], fraction[at - 1]
            at -= 1
        hit[at], sign[at], fraction[at] = a, b, c


@compiled
def _grown(columns: NDArray[Any], needed: int) -> NDArray[Any]:
    wider = np.empty((columns.shape[0], 2 * needed), dtype=columns.dtype)
    wider[:, : columns.shape[1]] = columns
    return wider
