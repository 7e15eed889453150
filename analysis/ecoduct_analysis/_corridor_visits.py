"""From pieces of tracks inside corridors to visits: time and way, jitter, sides, progress."""

from typing import Final, NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._corridor_cuts import Pieces
from ecoduct_analysis.barriers import Barriers, find_nearest
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.tracks import Tracks

_MS_PER_H: Final = 3_600_000.0
_BESIDE: Final = 1e-6  # part of an axis on both sides of a place, for the direction there

_Geometries = NDArray[np.object_]


class Ledger(NamedTuple):
    """Since its track began, at each fix: time (ms) and way (m) of steps without a gap, and gaps.

    All (n,).
    """

    time_ms: FloatArray
    way_m: FloatArray
    gaps: IntArray


def keep_ledger(tracks: Tracks, max_gap_h: float) -> Ledger:
    """Add up time, way and gaps along each track."""
    count = len(tracks)
    ledger = Ledger(np.zeros(count), np.zeros(count), np.zeros(count, dtype=np.int64))
    _keep(tracks.offsets, tracks.t_ms, tracks.x, tracks.y, max_gap_h * _MS_PER_H, ledger)
    return ledger


@compiled
def _keep(
    offsets: IntArray, t_ms: IntArray, x: FloatArray, y: FloatArray, max_ms: float, ledger: Ledger
) -> None:
    for track in range(len(offsets) - 1):
        time_ms, way_m, gaps = 0.0, 0.0, 0
        for n in range(offsets[track] + 1, offsets[track + 1]):
            lapse = float(t_ms[n] - t_ms[n - 1])
            if lapse > max_ms:
                gaps += 1
            else:
                time_ms += lapse
                way_m += np.sqrt((x[n] - x[n - 1]) ** 2 + (y[n] - y[n - 1]) ** 2)
            ledger.time_ms[n], ledger.way_m[n], ledger.gaps[n] = time_ms, way_m, gaps


def between(column: FloatArray, pieces: Pieces) -> FloatArray:
    """How much a column of the ledger grows along each piece, (p,) array."""
    begin = value_at(column, pieces.begin_fix, pieces.begin_part)
    return value_at(column, pieces.end_fix, pieces.end_part) - begin


def value_at(column: FloatArray, fix: IntArray, part: FloatArray) -> FloatArray:
    """Value on the way from a fix to the next, where parts are 0 at the last."""
    after = fix + (part > 0)
    value: FloatArray = column[fix] + part * (column[after] - column[fix])
    return value


def has_gap(ledger: Ledger, pieces: Pieces) -> BoolArray:
    """Whether a gap belongs to each piece, (p,) array."""
    after = pieces.end_fix + (pieces.end_part > 0)
    found: BoolArray = ledger.gaps[after] > ledger.gaps[pieces.begin_fix]
    return found


def first_inside(pieces: Pieces) -> IntArray:
    """First fix inside each piece, (p,) array; behind its last where a step passes through."""
    first: IntArray = pieces.begin_fix + ~pieces.begins_open
    return first


def debounce(
    tracks: Tracks, pieces: Pieces, geometry: _Geometries, tolerance_m: FloatArray
) -> tuple[IntArray, BoolArray]:
    """Lay pieces together that only jitter parts, and say which of the visits are deep enough.

    Returns
    -------
    visit : (p,) array
        Number of the visit of each piece, from 0, rising.
    is_deep : (v,) array of bool
    """
    inside = np.ones(len(pieces.track), dtype=bool)
    parted = np.ones(len(pieces.track), dtype=bool)  # from the piece before
    for number in np.flatnonzero(tolerance_m > 0).tolist():
        at = np.flatnonzero(pieces.corridor == number)
        if not len(at):
            continue
        border = Barriers.from_geometries([""], [geometry[number]])
        mine = pieces.where(at)
        inside[at] = _is_deep(tracks, mine, border, float(tolerance_m[number]))
        pair = np.flatnonzero(mine.track[1:] == mine.track[:-1])
        away = _absences(mine, pair)
        parted[at[pair + 1]] = _is_deep(tracks, away, border, float(tolerance_m[number]))
    visit = np.cumsum(parted) - 1
    visits = int(visit[-1]) + 1 if len(visit) else 0
    return visit, np.bincount(visit, weights=inside, minlength=visits) > 0


def _absences(pieces: Pieces, pair: IntArray) -> Pieces:
    never = np.zeros(len(pair), dtype=bool)
    return Pieces(
        pieces.track[pair], pieces.corridor[pair], pieces.end_fix[pair], pieces.end_part[pair],
        pieces.begin_fix[pair + 1], pieces.begin_part[pair + 1], never, never,
    )  # fmt: skip


def _is_deep(tracks: Tracks, pieces: Pieces, border: Barriers, tolerance_m: float) -> BoolArray:
    """Whether a piece gets farther than the tolerance from the border anywhere, (p,) array."""
    deep = np.zeros(len(pieces.track), dtype=bool)
    # Most are told by one place in the middle; only the others are looked at fix by fix.
    middle_fix = (first_inside(pieces) + pieces.end_fix) // 2
    has_fix = first_inside(pieces) <= pieces.end_fix
    x, y = (column[np.where(has_fix, middle_fix, 0)] for column in (tracks.x, tracks.y))
    middles = np.flatnonzero(has_fix)
    deep[middles] = _far(x[middles], y[middles], border, tolerance_m)
    left = np.flatnonzero(~deep)
    some = pieces.where(left)
    x, y, owner = _samples(tracks, some)
    found = owner[_far(x, y, border, tolerance_m)]
    deep[left[found]] = True
    return deep


def _far(x: FloatArray, y: FloatArray, border: Barriers, tolerance_m: float) -> BoolArray:
    far: BoolArray = ~np.isfinite(find_nearest(x, y, border, max_m=tolerance_m).distance_m)
    return far


def _samples(tracks: Tracks, pieces: Pieces) -> tuple[FloatArray, FloatArray, IntArray]:
    """All fixes of pieces and the middles of all ways between, with the piece of each."""
    fix, owner = fixes_of(first_inside(pieces), pieces.end_fix)
    number = np.arange(len(pieces.track))
    columns = []
    for column in (tracks.x, tracks.y):
        begin = value_at(column, pieces.begin_fix, pieces.begin_part)
        end = value_at(column, pieces.end_fix, pieces.end_part)
        places = np.concatenate((begin, column[fix], end))
        columns.append(places)
    owners = np.concatenate((number, owner, number))
    order = np.argsort(owners, kind="stable")
    x, y, of = columns[0][order], columns[1][order], owners[order]
    joined = np.flatnonzero(of[1:] == of[:-1])
    x = np.concatenate((x, (x[joined] + x[joined + 1]) / 2.0))
    y = np.concatenate((y, (y[joined] + y[joined + 1]) / 2.0))
    return x, y, np.concatenate((of, of[joined]))


def sum_by(row: IntArray, values: FloatArray, rows: int) -> FloatArray:
    """Sum of the values of each row, (rows,) array."""
    added: FloatArray = np.bincount(row, weights=values, minlength=rows).astype(np.float64)
    return added


def fixes_of(first: IntArray, last: IntArray) -> tuple[IntArray, IntArray]:
    """All fixes from each first to each last, and the row of each."""
    lengths = np.maximum(last - first + 1, 0)
    row = np.repeat(np.arange(len(first)), lengths)
    begins = np.cumsum(lengths) - lengths
    return first[row] + np.arange(len(row)) - begins[row], row


def progress(axes: _Geometries, corridor: IntArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """How far along its corridor's axis each place lies, 0 to 1."""
    part = np.zeros(len(x))
    for number in np.unique(corridor).tolist():
        at = np.flatnonzero(corridor == number)
        places = shapely.points(x[at], y[at])
        part[at] = shapely.line_locate_point(axes[number], places, normalized=True)
    return part


def is_left(
    axes: _Geometries, corridor: IntArray, part: FloatArray, x: FloatArray, y: FloatArray
) -> BoolArray:
    """Whether each place lies left of its corridor's axis, seen along it."""
    lines = axes[corridor]
    back, ahead = (
        shapely.get_coordinates(
            shapely.line_interpolate_point(lines, np.clip(part + shift, 0.0, 1.0), normalized=True)
        )
        for shift in (-_BESIDE, _BESIDE)
    )
    way = ahead - back
    left: BoolArray = way[:, 0] * (y - back[:, 1]) - way[:, 1] * (x - back[:, 0]) > 0
    return left
