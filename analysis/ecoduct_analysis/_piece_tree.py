"""A tree of boxes around pieces of barriers, for what is near rather than what is met.

Packed bottom-up along a Hilbert curve: no pointers, a few levels, and the cost of a look-up does
not depend on how far away the nearest barrier is.
"""

from typing import NamedTuple

import numpy as np

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis.columns import FloatArray, IntArray

BRANCHES = 4  # children of a box; 8 were as fast in trials
_STACK = 128  # open boxes: three a level, and 31 levels hold more pieces than numbers
_SPARE = 1e-9  # by which a box must be passed, as part of the step and the box
_WIDER = 1.0 + 1e-12  # a box is opened unless it is farther by more than rounding
_ORDER = 16  # bits of each coordinate on the Hilbert curve


class PieceTree(NamedTuple):
    """Boxes of all levels, leaves first; level ``i`` begins at ``levels[i]``.

    ``boxes`` is (b, 4): low x, low y, high x, high y. The pieces of the tree are ``order``, and
    ``ends`` (p, 4) are their coordinates in that order, so that neighbours share cache lines.
    """

    order: IntArray
    ends: FloatArray
    boxes: FloatArray
    levels: IntArray


def build_tree(ends: FloatArray) -> PieceTree:
    """Pack the pieces, (p, 2, 2) array."""
    low, high = ends.min(axis=1), ends.max(axis=1)
    order = np.argsort(_along_curve((low + high) / 2.0), kind="stable").astype(np.int64)
    boxes = [np.concatenate((low, high), axis=1)[order]]
    while len(boxes[-1]) > 1:
        heads = np.arange(0, len(boxes[-1]), BRANCHES)
        boxes.append(
            np.concatenate(
                (
                    np.minimum.reduceat(boxes[-1][:, :2], heads),
                    np.maximum.reduceat(boxes[-1][:, 2:], heads),
                ),
                axis=1,
            )
        )
    levels = np.concatenate(([0], np.cumsum([len(level) for level in boxes]))).astype(np.int64)
    return PieceTree(
        order, np.ascontiguousarray(ends[order].reshape(-1, 4)), np.concatenate(boxes), levels
    )


def _along_curve(middles: FloatArray) -> IntArray:
    """Place of each middle on a Hilbert curve over their bounds, (p,) array."""
    if not len(middles):
        return np.zeros(0, dtype=np.int64)
    low, span = middles.min(axis=0), max(float(np.ptp(middles, axis=0).max()), 1e-9)
    cells = ((middles - low) / span * ((1 << _ORDER) - 1)).astype(np.int64)
    x, y = cells[:, 0].copy(), cells[:, 1].copy()
    place = np.zeros(len(x), dtype=np.int64)
    side = 1 << (_ORDER - 1)
    while side:
        right, up = (x & side) > 0, (y & side) > 0
        place += side * side * ((3 * right) ^ up)
        flip = ~up & right
        x[flip], y[flip] = side - 1 - (x[flip] & (side - 1)), side - 1 - (y[flip] & (side - 1))
        x[~up], y[~up] = y[~up], x[~up].copy()
        side >>= 1
    return place


@compiled
def nearest_pieces(
    tree: PieceTree, x: FloatArray, y: FloatArray, max_m: float
) -> tuple[FloatArray, IntArray]:
    """Distance to and number of the nearest piece within ``max_m`` of each place.

    Fixes follow each other closely, so the piece that was nearest to the last one is tried first:
    most boxes are farther away and never opened. Of equally near pieces the first counts.
    """
    stack, away = np.empty((_STACK, 2), dtype=np.int64), np.empty(_STACK)
    distance, which = np.empty(len(x)), np.empty(len(x), dtype=np.int64)
    guess = -1
    for fix in range(len(x)):
        best, chosen = max_m * max_m, -1
        if not (np.isfinite(x[fix]) and np.isfinite(y[fix])):
            distance[fix], which[fix] = np.nan, -1
            continue
        if guess >= 0:
            tried = _squared_distance(tree.ends, guess, x[fix], y[fix])
            if tried <= best:
                best, chosen = tried, guess
        best, chosen = _search(tree, x[fix], y[fix], best, chosen, stack, away)
        distance[fix] = np.sqrt(best) if chosen >= 0 else np.inf
        which[fix] = tree.order[chosen] if chosen >= 0 else -1
        if chosen >= 0:
            guess = chosen
    return distance, which


@compiled
def _search(
    tree: PieceTree,
    x: float,
    y: float,
    best: float,
    chosen: int,
    stack: IntArray,
    away: FloatArray,
) -> tuple[float, int]:
    """Nearest leaf, no farther than ``best``; ``chosen`` is the one found so far, or -1.

    The nearest child is opened first, so that a poor first guess costs one descent.
    """
    filled = 0
    if len(tree.order):
        stack[0, 0], stack[0, 1], away[0], filled = 0, len(tree.levels) - 2, 0.0, 1
    while filled:
        filled -= 1
        node, level = stack[filled, 0], stack[filled, 1]
        if away[filled] > best * _WIDER:
            continue
        if level == 0:
            found = _squared_distance(tree.ends, node, x, y)
            if found < best or (
                found == best and (chosen < 0 or tree.order[node] < tree.order[chosen])
            ):
                best, chosen = found, node
            continue
        below = tree.levels[level - 1]
        begin = node * BRANCHES
        bottom = filled
        for child in range(begin, min(begin + BRANCHES, tree.levels[level] - below)):
            off_x = max(tree.boxes[below + child, 0] - x, 0.0, x - tree.boxes[below + child, 2])
            off_y = max(tree.boxes[below + child, 1] - y, 0.0, y - tree.boxes[below + child, 3])
            off = off_x * off_x + off_y * off_y
            if off > best * _WIDER:
                continue
            at = filled
            while at > bottom and away[at - 1] < off:
                stack[at, 0], stack[at, 1], away[at] = stack[at - 1, 0], level - 1, away[at - 1]
                at -= 1
            stack[at, 0], stack[at, 1], away[at] = child, level - 1, off
            filled += 1
    return best, chosen


@inlined
def _squared_distance(ends: FloatArray, piece: int, x: float, y: float) -> float:
    dx, dy = ends[piece, 2] - ends[piece, 0], ends[piece, 3] - ends[piece, 1]
    px, py = x - ends[piece, 0], y - ends[piece, 1]
    length2 = dx * dx + dy * dy
    part = min(max((px * dx + py * dy) / length2, 0.0), 1.0) if length2 > 0.0 else 0.0
    off_x, off_y = px - part * dx, py - part * dy
    return float(off_x * off_x + off_y * off_y)


@inlined
def meet(
    ends: FloatArray, piece: int, step: tuple[float, float, float, float]
) -> tuple[int, float]:
    """Whether a step crosses a piece, 1 from left to right, -1 back, 0 not; and after what part.

    What lies exactly on a line counts as lying left of it, for steps and pieces alike.
    """
    x0, y0, x1, y1 = step
    ax, ay, bx, by = ends[piece, 0], ends[piece, 1], ends[piece, 2], ends[piece, 3]
    begin_off = (bx - ax) * (y0 - ay) - (by - ay) * (x0 - ax)
    end_off = (bx - ax) * (y1 - ay) - (by - ay) * (x1 - ax)
    if (begin_off >= 0) == (end_off >= 0):
        return 0, 0.0
    a_left = (x1 - x0) * (ay - y0) - (y1 - y0) * (ax - x0) >= 0
    b_left = (x1 - x0) * (by - y0) - (y1 - y0) * (bx - x0) >= 0
    if a_left == b_left:
        return 0, 0.0
    part = min(max(begin_off / (begin_off - end_off), 0.0), 1.0)
    return (1 if begin_off >= 0 else -1), part


@compiled
def hits_in_tree(
    tree: PieceTree,
    step: tuple[float, float, float, float],
    hit: IntArray,
    sign: IntArray,
    fraction: FloatArray,
) -> int:
    """Put the pieces that a step crosses into scratch columns; return their number."""
    stack = np.empty((_STACK, 2), dtype=np.int64)
    stack[0, 0], stack[0, 1], filled = 0, len(tree.levels) - 2, 1
    found = 0
    while filled:
        filled -= 1
        node, level = stack[filled, 0], stack[filled, 1]
        if level == 0:
            met, part = meet(tree.ends, node, step)
            if met != 0:
                hit[found], sign[found], fraction[found] = tree.order[node], met, part
                found += 1
            continue
        below = tree.levels[level - 1]
        begin = node * BRANCHES
        for child in range(begin, min(begin + BRANCHES, tree.levels[level] - below)):
            if not _passes_by(tree.boxes, below + child, step):
                stack[filled, 0], stack[filled, 1] = child, level - 1
                filled += 1
    return found


@inlined
def _passes_by(boxes: FloatArray, box: int, step: tuple[float, float, float, float]) -> bool:
    """Whether a step passes by a box: beside it, or with all its corners on one side."""
    x0, y0, x1, y1 = step
    low_x, low_y, high_x, high_y = boxes[box, 0], boxes[box, 1], boxes[box, 2], boxes[box, 3]
    beside = (
        low_x > max(x0, x1) or high_x < min(x0, x1)
        or low_y > max(y0, y1) or high_y < min(y0, y1)
    )  # fmt: skip
    if beside:
        return True
    dx, dy = x1 - x0, y1 - y0
    off = dx * ((low_y + high_y) * 0.5 - y0) - dy * ((low_x + high_x) * 0.5 - x0)
    reach = abs(dx) * (high_y - low_y) * 0.5 + abs(dy) * (high_x - low_x) * 0.5
    # Rounding is relative to the coordinates' spread around the step, far below this.
    spare = _SPARE * (abs(dx) + abs(dy)) * (abs(dx) + abs(dy) + high_x - low_x + high_y - low_y)
    return bool(abs(off) > reach + spare)


@compiled
def pairs_in_reach(
    tree: PieceTree, low: FloatArray, high: FloatArray
) -> tuple[IntArray, IntArray, int]:
    """Boxes, by corners (m, 2), and the pieces whose bounds they touch; columns hold ``count``."""
    stack = np.empty((_STACK, 2), dtype=np.int64)
    top = len(tree.levels) - 2
    step, piece = np.empty(64, dtype=np.int64), np.empty(64, dtype=np.int64)
    count = 0
    for this in range(len(low)):
        filled = 0
        if len(tree.order):
            stack[0, 0], stack[0, 1], filled = 0, top, 1
        while filled:
            filled -= 1
            node, level = stack[filled, 0], stack[filled, 1]
            box = tree.boxes[tree.levels[level] + node]
            apart = (
                box[0] > high[this, 0] or box[2] < low[this, 0]
                or box[1] > high[this, 1] or box[3] < low[this, 1]
            )  # fmt: skip
            if apart:
                continue
            if level > 0:
                begin = node * BRANCHES
                end = min(begin + BRANCHES, tree.levels[level] - tree.levels[level - 1])
                for child in range(begin, end):
                    stack[filled, 0], stack[filled, 1] = child, level - 1
                    filled += 1
                continue
            if count == len(step):
                step, piece = _grown(step), _grown(piece)
            step[count], piece[count] = this, tree.order[node]
            count += 1
    return step, piece, count


@compiled
def _grown(column: IntArray) -> IntArray:
    longer = np.empty(2 * len(column), dtype=np.int64)
    longer[: len(column)] = column
    return longer
