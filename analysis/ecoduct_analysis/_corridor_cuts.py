"""Where steps cross the borders of given corridors, and the pieces of tracks that lie inside."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._piece_grid import BLOCK, PieceGrid, Steps, hits_in_grid, steps_near
from ecoduct_analysis._piece_tree import PieceTree, hits_in_tree
from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.tracks import Tracks

_TRACK, _CORRIDOR, _FIX, _CHANGE = range(4)
_BEGIN_FIX, _END_FIX, _OPENS, _ENDS_OPEN = range(2, 6)
_FEW: Final = 16


class Pieces(NamedTuple):
    """One row for each part of a track inside a corridor, in order of track, corridor and time.

    It leads from ``begin_fix + begin_part`` to ``end_fix + end_part``: a fix, and a part of the
    step after it. ``begins_open`` and ``ends_open``: the track begins or ends there, inside.
    """

    track: IntArray
    corridor: IntArray
    begin_fix: IntArray
    begin_part: FloatArray
    end_fix: IntArray
    end_part: FloatArray
    begins_open: NDArray[np.bool_]
    ends_open: NDArray[np.bool_]

    def where(self, kept: Any) -> "Pieces":
        """Some of the pieces, by mask or number."""
        return Pieces(*(column[kept] for column in self))


def crossing_rows(
    tracks: Tracks, grid: PieceGrid, tree: PieceTree, feature: IntArray
) -> tuple[IntArray, FloatArray]:
    """Find each crossing of a border, in order of track, corridor and way along the track.

    Returns
    -------
    whole : (4, c) array
        Track, corridor, fix before, and 1 where the step enters, -1 where it leaves.
    part : (c,) array
        Of the step, before the crossing.
    """
    steps = Steps(tracks.x[:-1], tracks.y[:-1], tracks.x[1:], tracks.y[1:])
    whole, part, rows = _cut_steps(grid, tree, feature, tracks.offsets, steps)
    whole, part = whole[:, :rows], part[:rows]
    # Where two parts of a corridor touch, a step goes over from one to the other: it enters the
    # second before it leaves the first.
    order = np.lexsort((-whole[_CHANGE], part, whole[_FIX], whole[_CORRIDOR], whole[_TRACK]))
    return np.ascontiguousarray(whole[:, order]), part[order]


def inside_pieces(
    tracks: Tracks, whole: IntArray, part: FloatArray, never: tuple[IntArray, IntArray]
) -> Pieces:
    """Lay crossings together into the pieces between them that lie inside.

    Parameters
    ----------
    whole, part
        From `crossing_rows`.
    never : tuple of (q,) arrays
        Track and corridor of pairs where the track lies inside and never crosses the border.
    """
    most = whole.shape[1] + len(tracks.names)
    rows, parts = np.empty((6, 2 * most), np.int64), np.empty((2, 2 * most))
    count = _join(whole, part, tracks.offsets, rows, parts)
    track, corridor = never
    ones = np.ones(len(track), dtype=np.int64)
    last = tracks.offsets[1:][track] - 1
    more = np.stack((track, corridor, tracks.offsets[:-1][track], last, ones, ones))
    rows = np.concatenate((rows[:, :count], more), axis=1)
    parts = np.concatenate((parts[:, :count], np.zeros((2, len(track)))), axis=1)
    order = np.lexsort((parts[0], rows[_BEGIN_FIX], rows[_CORRIDOR], rows[_TRACK]))
    rows, parts = rows[:, order], parts[:, order]
    return Pieces(
        track=rows[_TRACK], corridor=rows[_CORRIDOR], begin_fix=rows[_BEGIN_FIX],
        begin_part=parts[0], end_fix=rows[_END_FIX], end_part=parts[1],
        begins_open=rows[_OPENS] > 0, ends_open=rows[_ENDS_OPEN] > 0,
    )  # fmt: skip


@compiled
def _cut_steps(
    grid: PieceGrid, tree: PieceTree, feature: IntArray, offsets: IntArray, steps: Steps
) -> tuple[IntArray, FloatArray, int]:
    pieces = len(tree.order)  # more than this no step can cross
    hit, sign, fraction = np.empty(pieces, np.int64), np.empty(pieces, np.int64), np.empty(pieces)
    whole, part = np.empty((4, _FEW), dtype=np.int64), np.empty(_FEW)
    near = np.empty(BLOCK, dtype=np.int64)
    rows = int(np.int64(0))
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
                if rows + found > len(part):
                    whole, part = _wider(whole, part, rows + found)
                for n in range(found):
                    whole[_TRACK, rows], whole[_CORRIDOR, rows] = track, feature[hit[n]]
                    # The inside lies left of a ring: from right to left a step enters.
                    whole[_FIX, rows], whole[_CHANGE, rows] = fix, -sign[n]
                    part[rows] = fraction[n]
                    rows += 1
    return whole, part, rows


@compiled
def _wider(whole: IntArray, part: FloatArray, needed: int) -> tuple[IntArray, FloatArray]:
    wide, long = np.empty((4, 2 * needed), dtype=np.int64), np.empty(2 * needed)
    for n in range(len(part)):
        for row in range(4):
            wide[row, n] = whole[row, n]
        long[n] = part[n]
    return wide, long


@compiled
def _join(
    whole: IntArray, part: FloatArray, offsets: IntArray, rows: IntArray, parts: FloatArray
) -> int:
    """Fill in the pieces of all pairs of track and corridor that have a crossing."""
    count = int(np.int64(0))
    depth = int(np.int64(0))
    for n in range(whole.shape[1]):
        track, corridor = whole[_TRACK, n], whole[_CORRIDOR, n]
        fix, change = whole[_FIX, n], whole[_CHANGE, n]
        is_first = n == 0 or whole[_TRACK, n - 1] != track or whole[_CORRIDOR, n - 1] != corridor
        # A track that leaves first was inside when it began.
        if is_first and change < 0:
            depth = 1
            _begin(rows, parts, count, track, corridor, offsets[track], 0.0)
            rows[_OPENS, count] = 1
        elif is_first:
            depth = 0
        depth += change
        if change > 0 and depth == 1:
            _begin(rows, parts, count, track, corridor, fix, part[n])
        elif change < 0 and depth == 0:
            rows[_END_FIX, count], parts[1, count] = fix, part[n]
            count += 1
        after = n + 1
        is_last = after == whole.shape[1] or whole[_TRACK, after] != track
        is_last = is_last or whole[_CORRIDOR, after] != corridor
        if is_last and depth > 0:
            rows[_END_FIX, count], parts[1, count] = offsets[track + 1] - 1, 0.0
            rows[_ENDS_OPEN, count] = 1
            count += 1
    return count


@compiled
def _begin(
    rows: IntArray, parts: FloatArray, count: int, track: int, corridor: int, fix: int, part: float
) -> None:
    rows[_TRACK, count], rows[_CORRIDOR, count], rows[_BEGIN_FIX, count] = track, corridor, fix
    rows[_OPENS, count] = rows[_ENDS_OPEN, count] = 0
    parts[0, count] = part
