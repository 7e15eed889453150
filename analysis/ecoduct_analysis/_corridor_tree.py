"""A tree of boxes around the midpoints of steps, with the sum of directions in each box.

Boxes are halved at the median of a long side, so that rests of ten metres and flights of a
thousand kilometres are equally deep in the tree.
"""

from typing import Final, NamedTuple

import numpy as np

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray

LEAF: Final = 16  # midpoints in a box that is not halved any more; 8 was slower in trials
_MOST_LEVELS: Final = 48
_AXES: Final = 3
_SAMPLE: Final = 16  # midpoints that tell which side of a box is long


class MidTree(NamedTuple):
    """Midpoints in order of the leaves, and boxes of all levels, the root first.

    ``rows`` (n,) are rows of the steps; ``place`` (n, 3), ``doubled`` (n, 2) and ``reach`` (n, 2)
    their columns in that order. Box ``k`` of a level of ``2**level`` holds the midpoints
    ``n * k >> level`` up to ``n * (k + 1) >> level`` and has the row ``2**level - 1 + k`` in
    ``boxes`` (b, 6), low and high corner, in ``sums`` (b, 2) of the doubled directions, and in
    ``counts`` (b, 4): midpoints, those with a direction, those with the behaviour, and the animal
    where there is only one, else -1. ``keys`` (n,) is for sorting.
    """

    rows: IntArray
    place: FloatArray
    doubled: FloatArray
    reach: FloatArray
    boxes: FloatArray
    sums: FloatArray
    counts: IntArray
    keys: FloatArray


class Size(NamedTuple):
    """Midpoints of a tree, how often they were halved, and its first leaf."""

    midpoints: int
    levels: int
    leaf: int


@compiled
def new_tree(most: int) -> MidTree:
    """Room for a tree of at most so many midpoints."""
    boxes = 2 << _levels_of(most)
    return MidTree(
        np.empty(most, np.int64), np.empty((most, _AXES)), np.empty((most, 2)), np.empty((most, 2)),
        np.empty((boxes, 2 * _AXES)), np.empty((boxes, 2)), np.empty((boxes, 4), np.int64),
        np.empty(most),
    )  # fmt: skip


@inlined
def _levels_of(count: int) -> int:
    levels = 0
    while count > LEAF << levels and levels < _MOST_LEVELS:
        levels += 1
    return levels


@compiled
def plant(
    tree: MidTree, count: int, place: FloatArray, doubled: FloatArray, reach: FloatArray,
    animal: IntArray,
) -> Size:  # fmt: skip
    """Build the tree of the first ``count`` of its rows."""
    levels = _levels_of(count)
    size = Size(count, levels, (1 << levels) - 1)
    for level in range(levels):
        for k in range(1 << level):
            begin, end = (count * k) >> level, (count * (k + 1)) >> level
            _take_long_side(tree.rows, begin, end, place, tree.keys)
            select(tree.keys, tree.rows, begin, end, (count * (2 * k + 1)) >> (level + 1))
    for n in range(count):
        row = tree.rows[n]
        for axis in range(_AXES):
            tree.place[n, axis] = place[row, axis]
        for part in range(2):
            tree.doubled[n, part], tree.reach[n, part] = doubled[row, part], reach[row, part]
    for box in range(size.leaf, 2 * size.leaf + 1):
        _fill_leaf(tree, size, box, animal)
    for box in range(size.leaf - 1, -1, -1):
        _join(tree, box)
    return size


@compiled
def _take_long_side(
    rows: IntArray, begin: int, end: int, place: FloatArray, keys: FloatArray
) -> None:
    longest, side = 0, -1.0
    apart = 1 + (end - begin) // _SAMPLE  # any side will do, the longest makes better boxes
    for axis in range(_AXES):
        low, high = np.inf, -np.inf
        for n in range(begin, end, apart):
            low, high = min(low, place[rows[n], axis]), max(high, place[rows[n], axis])
        if high - low > side:
            longest, side = axis, high - low
    for n in range(begin, end):
        keys[n] = place[rows[n], longest]


@compiled
def select(keys: FloatArray, rows: IntArray, begin: int, end: int, wanted: int) -> None:
    """Put the key that belongs at ``wanted`` there, lesser ones before it; rows move along."""
    low, high = begin, end - 1
    while low < high:
        # The median of three keeps sorted keys from being the worst case.
        a, b, c = keys[low], keys[(low + high) >> 1], keys[high]
        pivot = max(min(a, b), min(max(a, b), c))
        # Every key changes places, wanted or not: the processor cannot guess which are less.
        less = low
        for n in range(low, high + 1):
            key, row = keys[n], rows[n]
            keys[n], rows[n] = keys[less], rows[less]
            keys[less], rows[less] = key, row
            less += key < pivot
        if wanted < less:
            high = less - 1
        elif less > low:
            low = less
        else:
            low = _put_least_first(keys, rows, low, high, pivot)
            if wanted < low:
                return


@inlined
def _put_least_first(keys: FloatArray, rows: IntArray, low: int, high: int, least: float) -> int:
    """Put all keys that are the least one first, or many equal keys would take for ever."""
    more = low
    for n in range(low, high + 1):
        if keys[n] == least:
            keys[n], keys[more] = keys[more], keys[n]
            rows[n], rows[more] = rows[more], rows[n]
            more += 1
    return more


@inlined
def held(size: Size, box: int) -> tuple[int, int]:
    """First midpoint of a leaf, and the one behind its last."""
    k = box - size.leaf
    return (size.midpoints * k) >> size.levels, (size.midpoints * (k + 1)) >> size.levels


@inlined
def is_directed(doubled: FloatArray, n: int) -> int:
    """1 for a step that leads somewhere."""
    return int((doubled[n, 0] != 0.0) | (doubled[n, 1] != 0.0))


@compiled
def _fill_leaf(tree: MidTree, size: Size, box: int, animal: IntArray) -> None:
    begin, end = held(size, box)
    for axis in range(_AXES):
        low, high = np.inf, -np.inf
        for n in range(begin, end):
            low, high = min(low, tree.place[n, axis]), max(high, tree.place[n, axis])
        tree.boxes[box, axis], tree.boxes[box, _AXES + axis] = low, high
    sine, cosine, directed = 0.0, 0.0, 0
    owner = animal[tree.rows[begin]] if begin < end else -1
    for n in range(begin, end):
        sine += tree.doubled[n, 0]
        cosine += tree.doubled[n, 1]
        directed += is_directed(tree.doubled, n)
        owner = owner if animal[tree.rows[n]] == owner else -1
    tree.sums[box, 0], tree.sums[box, 1] = sine, cosine
    tree.counts[box, 0], tree.counts[box, 1] = end - begin, directed
    tree.counts[box, 2], tree.counts[box, 3] = 0, owner


@inlined
def _join(tree: MidTree, box: int) -> None:
    left, right = 2 * box + 1, 2 * box + 2
    for axis in range(_AXES):
        above = _AXES + axis
        tree.boxes[box, axis] = min(tree.boxes[left, axis], tree.boxes[right, axis])
        tree.boxes[box, above] = max(tree.boxes[left, above], tree.boxes[right, above])
    for n in range(2):
        tree.sums[box, n] = tree.sums[left, n] + tree.sums[right, n]
        tree.counts[box, n] = tree.counts[left, n] + tree.counts[right, n]
    same = tree.counts[left, 3] == tree.counts[right, 3]
    tree.counts[box, 2], tree.counts[box, 3] = 0, tree.counts[left, 3] if same else -1


@compiled
def set_behaviour(tree: MidTree, size: Size, behaves: BoolArray) -> None:
    """Count the behaviour in each box."""
    for box in range(size.leaf, 2 * size.leaf + 1):
        begin, end = held(size, box)
        count = 0
        for n in range(begin, end):
            count += behaves[tree.rows[n]]
        tree.counts[box, 2] = count
    for box in range(size.leaf - 1, -1, -1):
        tree.counts[box, 2] = tree.counts[2 * box + 1, 2] + tree.counts[2 * box + 2, 2]
