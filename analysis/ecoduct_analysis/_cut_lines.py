"""Lines of barriers cut into equal pieces, and places along them."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.ops import substring

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.columns import FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """Lines of barriers and the equal pieces they are cut into.

    For each straight piece: ``line``, ``begin_m`` along it, ``length_m``, and ``through_m``, the
    length of all pieces before it. For each line: its
    ``feature`` and ``number`` within it, ``pieces`` of ``size_m``, the ``first`` of them in a
    count over all lines, and ``head``, its first straight piece.
    """

    line: IntArray
    begin_m: FloatArray
    length_m: FloatArray
    through_m: FloatArray
    feature: IntArray
    number: IntArray
    pieces: IntArray
    size_m: FloatArray
    first: IntArray
    head: IntArray


def cut_lines(barriers: Barriers, piece_m: float) -> Cut:
    """Cut each line of the barriers into equal pieces of at most ``piece_m``."""
    ends, feature = barriers.ends, barriers.feature
    new = np.ones(len(ends), dtype=bool)
    new[1:] = (feature[1:] != feature[:-1]) | (ends[1:, 0] != ends[:-1, 1]).any(axis=1)
    head, line = np.flatnonzero(new), np.cumsum(new) - 1
    length_m = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
    sums = np.concatenate(([0.0], np.cumsum(length_m)))
    total = np.bincount(line, weights=length_m, minlength=len(head))
    pieces = np.maximum(np.ceil(total / piece_m - 1e-9), 1).astype(np.int64)
    of_line = feature[head]
    return Cut(
        line=line, begin_m=sums[:-1] - sums[head][line], length_m=length_m,
        through_m=sums[:-1], feature=of_line,
        number=np.arange(len(head)) - np.searchsorted(of_line, of_line, side="left"),
        pieces=pieces, size_m=np.maximum(total / pieces, 1e-9),
        first=np.concatenate(([0], np.cumsum(pieces)[:-1])).astype(np.int64), head=head,
    )  # fmt: skip


def places_along(barriers: Barriers, cut: Cut, line: IntArray, along_m: FloatArray) -> FloatArray:
    """Places inside lines, (2, r) array."""
    through_m = cut.through_m[cut.head[line]] + along_m
    piece = np.searchsorted(cut.through_m, through_m, side="right") - 1
    part = (through_m - cut.through_m[piece]) / np.maximum(cut.length_m[piece], 1e-9)
    begin, end = barriers.ends[piece, 0], barriers.ends[piece, 1]
    middle: FloatArray = (begin + np.clip(part, 0.0, 1.0)[:, None] * (end - begin)).T
    return middle


def parts_of(
    barriers: Barriers, feature: IntArray, line: IntArray, span_m: FloatArray
) -> NDArray[np.object_]:
    """Parts of lines, by feature, number within it, and begin and end, (2, r) array, m."""
    cut = cut_lines(barriers, np.inf)
    keys = zip(cut.feature.tolist(), cut.number.tolist(), strict=True)
    number = {key: n for n, key in enumerate(keys)}
    tails = np.append(cut.head[1:], len(cut.line))
    parts = np.empty(len(feature), dtype=object)
    for row, (begin_m, end_m) in enumerate(span_m.T):
        which = number[int(feature[row]), int(line[row])]
        ends = barriers.ends[cut.head[which] : tails[which]]
        whole = shapely.LineString(np.concatenate((ends[:1, 0], ends[:, 1])))
        parts[row] = substring(whole, begin_m, end_m)
    return parts
