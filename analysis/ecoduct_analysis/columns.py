"""Columns that belong together: their types, and the checks that tracks and fixes share."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.errors import BadTracks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

NO_TIME: Final = int(np.iinfo(np.int64).min)  # what NumPy's NaT is in milliseconds


def frozen(values: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """Contiguous, read-only view of values, which are copied only if they must be."""
    if isinstance(values, np.ndarray) and values.dtype == dtype:
        flags = values.flags
        if flags.c_contiguous and not flags.writeable:
            return values
    view = np.ascontiguousarray(values, dtype=dtype).view()
    view.flags.writeable = False
    return view


def check_offsets(offsets: IntArray, names: Sequence[str], count: int) -> None:
    """Refuse offsets that do not cut ``count`` fixes into one run for each name.

    Raises
    ------
    BadTracks
    """
    if len(offsets) != len(names) + 1 or not _rises(offsets, count):
        raise BadTracks("The offsets must rise from 0 to the number of fixes, one per track.")


def offsets_of(track: IntArray, tracks: int) -> IntArray:
    """Offsets of fixes that are in order of track.

    Raises
    ------
    BadTracks
        A number of a track that has no name.
    """
    if track.size and not (track.min() >= 0 and track.max() < tracks):
        raise BadTracks(f"Tracks are numbered 0 to {tracks - 1}, one number for each name.")
    counts = np.bincount(track, minlength=tracks) if track.size else np.zeros(tracks, dtype=int)
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


def runs(indices: IntArray, offsets: IntArray) -> tuple[IntArray, IntArray]:
    """Positions of all fixes of some tracks, one track after the other, and their new offsets."""
    lengths = (offsets[1:] - offsets[:-1])[indices]
    new = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    shift = np.repeat(offsets[:-1][indices] - new[:-1], lengths)
    return np.arange(new[-1], dtype=np.int64) + shift, new


def order_of(track: IntArray, t_ms: IntArray, offsets: IntArray) -> IntArray:
    """Positions of fixes by track and time; of equals, the one that came first stays first."""
    # Most tables hold one animal after the other, each in order: then no time is compared twice.
    order, in_order = _by_track(track, t_ms, offsets)
    return order if in_order else np.lexsort((t_ms, track)).astype(np.int64)


@compiled
def _by_track(track: IntArray, t_ms: IntArray, offsets: IntArray) -> tuple[IntArray, bool]:
    """Positions by track alone, and whether that puts each track's times in order, too."""
    place = offsets.copy()
    order = np.empty(len(track), np.int64)
    latest = np.full(len(offsets), NO_TIME, np.int64)
    in_order = True
    for fix in range(len(track)):
        which = track[fix]
        order[place[which]] = fix
        place[which] += 1
        in_order &= t_ms[fix] >= latest[which]
        latest[which] = t_ms[fix]
    return order, in_order


@compiled
def _rises(offsets: IntArray, count: int) -> bool:
    for track in range(len(offsets) - 1):
        if offsets[track + 1] < offsets[track]:
            return False
    return bool(offsets[0] == 0 and offsets[-1] == count)
