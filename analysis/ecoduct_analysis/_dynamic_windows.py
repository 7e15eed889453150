"""Windows that slide over tracks, each with one motion variance or, across a break, two."""

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._reference_search import found_by_r
from ecoduct_analysis._triplets import Triplets, pick
from ecoduct_analysis._variance_search import likeliest
from ecoduct_analysis.columns import FloatArray, IntArray

NO_VARIANCE, WINDOWS, NEAREST, TRACK = range(4)  # where the variance of a step is from

_R_MOST_M2_MIN = 1e15  # R searches from 0 to this

Columns = tuple[FloatArray, IntArray, IntArray, IntArray]
"""Of each fix: variance and windows of the step that it begins; where the variance is from; fix
of the break in the window that it begins, or -1."""

Parts = tuple[FloatArray, FloatArray]
"""Variance and cost of the triplets from some place on, by place (in a ring) and number."""


@compiled
def slide(
    offsets: IntArray,
    every: Triplets,
    window: int,
    margin: int,
    follows_r: bool,  # noqa: FBT001 - Numba knows no keyword-only parameters
    pads: bool,  # noqa: FBT001
) -> Columns:
    """Mean variance of each step over the windows that see it."""
    count = len(every[0])
    columns = (
        np.zeros(count), np.zeros(count, np.int64), np.zeros(count, np.int64),
        np.full(count, -1, np.int64),
    )  # fmt: skip
    longest = 0
    for track in range(len(offsets) - 1):
        longest = max(longest, offsets[track + 1] - offsets[track])
    picked = np.empty(longest), np.empty(longest), np.empty(longest)
    rank = np.empty(longest + 1, np.int64)
    # Parts hold from `least` triplets up to `most`, and the whole window comes last.
    least, most = (margin - 1) // 2, (window - margin) // 2
    parts = np.empty((most + 1, most - least + 2)), np.empty((most + 1, most - least + 2))
    for track in range(len(offsets) - 1):
        begin, end = offsets[track], offsets[track + 1]
        # Windows that begin an even number of fixes apart share their triplets.
        for first in range(begin, min(begin + 2, end - window + 1)):
            _rank(every, first + 1, end - 1, picked, rank)
            _slide_one(first, end, picked, rank, (window, margin, follows_r), parts, columns)
        _finish(begin, end, every, picked, pads, columns)
    return columns


@compiled
def _rank(every: Triplets, begin: int, end: int, picked: Triplets, rank: IntArray) -> None:
    """Put triplets of every other fix together, and count those before each place."""
    count = 0
    for place in range((end - begin + 1) // 2):
        rank[place] = count
        fix = begin + 2 * place
        if every[0][fix] > 0.0:
            for column in range(3):
                picked[column][count] = every[column][fix]
            count += 1
        rank[place + 1] = count


@compiled
def _slide_one(
    first: int, end: int, picked: Triplets, rank: IntArray, setting: tuple[int, int, bool],
    parts: Parts, columns: Columns,
) -> None:  # fmt: skip
    """Windows that begin at ``first`` and every other fix after it."""
    window, margin, follows_r = setting
    places, whole = (end - first - 1) // 2, (window - 1) // 2
    least, ring = (margin - 1) // 2, len(parts[0])
    ready = 0
    for place in range(places - whole + 1):
        while ready < min(place + ring, places):
            _search(ready, places, picked, rank, least, whole, follows_r, parts)
            ready += 1
        number = parts[0].shape[1] - 1
        one = parts[1][place % ring, number]
        if np.isnan(one):
            continue
        broken, cost = 0, np.inf
        for early in range(least, whole - least + 1):
            two = parts[1][place % ring, early - least]
            two += parts[1][(place + early) % ring, whole - early - least]
            if two < cost:
                broken, cost = early, two
        # Costs are halves of what the criterion sums; a second variance costs ln(window).
        if not 2.0 * cost + np.log(window) < 2.0 * one:
            broken = 0
        _add(first + 2 * place, place, broken, (window, margin), parts, columns)


@compiled
def _search(
    place: int, places: int, picked: Triplets, rank: IntArray, least: int, whole: int,
    follows_r: bool, parts: Parts,  # noqa: FBT001
) -> None:  # fmt: skip
    """Search the parts that begin at a place: early ones of a window, late ones of others."""
    row, numbers = place % len(parts[0]), parts[0].shape[1]
    for number in range(numbers):
        length = whole if number == numbers - 1 else least + number
        variance, cost = np.nan, np.nan
        if place + length <= places and rank[place + length] > rank[place]:
            low, high = rank[place], rank[place + length]
            if follows_r:
                variance, cost = found_by_r(picked, low, high, 0.0, _R_MOST_M2_MIN)
            else:
                variance, cost = likeliest(picked, low, high)
        parts[0][row, number], parts[1][row, number] = variance, cost


@compiled
def _add(
    begin: int, place: int, broken: int, setting: tuple[int, int], parts: Parts, columns: Columns
) -> None:
    """Add a window's variances to its inner steps; ``broken`` triplets lie before its break."""
    window, margin = setting
    ring, number = len(parts[0]), parts[0].shape[1] - 1
    early = late = parts[0][place % ring, number]
    if broken > 0:
        least = (margin - 1) // 2
        early = parts[0][place % ring, broken - least]
        late = parts[0][(place + broken) % ring, (window - 1) // 2 - broken - least]
        columns[3][begin] = begin + 2 * broken
    for step in range(margin - 1, window - margin):
        columns[0][begin + step] += early if step < 2 * broken else late
        columns[1][begin + step] += 1


@compiled
def _finish(
    begin: int, end: int, every: Triplets, picked: Triplets, pads: bool,  # noqa: FBT001
    columns: Columns,
) -> None:  # fmt: skip
    """Make means of sums, and fill the steps that no window saw."""
    variance, windows, source, _ = columns
    last = -1
    for step in range(begin, end):
        if windows[step] == 0:
            variance[step] = np.nan
            continue
        variance[step] /= windows[step]
        source[step] = WINDOWS
        if pads:
            # Halves of the way between two steps that windows saw go to the nearer one.
            middle = begin if last < 0 else (last + step) // 2 + 1
            _fill(last + 1 if last >= 0 else begin, middle, variance[max(last, begin)], columns)
            _fill(middle, step, variance[step], columns)
        last = step
    if pads and last >= 0:
        _fill(last + 1, end - 1, variance[last], columns)
    elif pads:
        count = pick(every, begin, end, 2, picked)
        if count > 0:
            _fill(begin, end - 1, likeliest(picked, 0, count)[0], columns)
            source[begin : end - 1] = TRACK


@compiled
def _fill(begin: int, end: int, value: float, columns: Columns) -> None:
    for step in range(begin, end):
        columns[0][step] = value
        columns[2][step] = NEAREST
