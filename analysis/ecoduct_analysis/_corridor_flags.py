"""Circles of steps, their thresholds and their flags: one animal, or one population, at a time."""

import math
from typing import Final, NamedTuple

import numpy as np

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis._corridor_circles import (
    Rim,
    Sums,
    fill_animals,
    fill_behaviour,
    fill_circles,
    new_circles,
)
from ecoduct_analysis._corridor_steps import StepColumns
from ecoduct_analysis._corridor_tree import new_tree, plant, select, set_behaviour
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray

# Variances are kept to a multiple of this: equal circles must not differ, and one direction must
# be no variance at all, whichever way the sums were added up. 2**-40, about 1e-12.
_GRAIN: Final = 2.0**40


class Flags(NamedTuple):
    """One row for each step; see `CorridorSteps` for what each column means."""

    circular_variance: FloatArray
    in_circle: IntArray
    directed: IntArray
    with_behaviour: IntArray
    animals: IntArray
    is_used: BoolArray
    is_fast: BoolArray
    is_parallel: BoolArray
    has_behaviour: BoolArray
    is_corridor: BoolArray


class Limits(NamedTuple):
    """Parameters as the kernels need them; ``letter`` follows R to the letter."""

    speed_quantile: float
    variance_quantile: float
    min_neighbours: int
    min_animals: int
    letter: bool


def new_flags(count: int) -> Flags:
    """Room for so many steps."""
    in_circle, directed, with_behaviour, animals = np.zeros((4, count), np.int64)
    used, fast, parallel, behaviour, corridor = np.zeros((5, count), np.bool_)
    return Flags(
        np.full(count, np.nan), in_circle, directed, with_behaviour, animals,
        used, fast, parallel, behaviour, corridor,
    )  # fmt: skip


@compiled
def find_fast(
    offsets: IntArray, speed_m_s: FloatArray, limits: Limits, flags: Flags, limit: FloatArray
) -> None:
    """Fill in ``is_fast`` and the limit of each animal."""
    kept, rows = np.empty(len(speed_m_s)), np.empty(len(speed_m_s), np.int64)
    for animal in range(len(offsets) - 1):
        count = int(np.int64(0))
        for n in range(offsets[animal], offsets[animal + 1]):
            kept[count] = speed_m_s[n]
            count += flags.is_used[n]
        limit[animal] = _quantile(kept, rows, count, limits.speed_quantile)
        for n in range(offsets[animal], offsets[animal + 1]):
            flags.is_fast[n] = flags.is_used[n] and speed_m_s[n] >= limit[animal]


@compiled
def find_flags(
    groups: IntArray, animal: IntArray, animals: int, steps: StepColumns, rim: Rim,
    limits: Limits, given: FloatArray, flags: Flags, limit: FloatArray,
) -> None:  # fmt: skip
    """Fill in all other flags; a group of steps shares its neighbours and its limit.

    ``given`` circular variances stand in for those of the circles unless it is empty;
    ``animals`` above 0 asks how many different ones are in each circle.
    """
    most = int(np.int64(0))
    for group in range(len(groups) - 1):
        most = max(most, groups[group + 1] - groups[group])
    tree, (members, sums) = new_tree(most), new_circles(most)
    kept, rows = np.empty(most), np.empty(most, np.int64)
    seen = np.empty(animals, np.int64)
    for group in range(len(groups) - 1):
        begin, end = groups[group], groups[group + 1]
        count = int(np.int64(0))
        for n in range(begin, end):
            tree.rows[count] = n
            count += flags.is_used[n]
        size = plant(tree, count, steps.place, steps.doubled, steps.reach, animal)
        fill_circles(tree, size, rim, members, sums)
        _vary(tree.rows, count, sums, limits, flags)
        for n in range(begin, min(end, len(given))):
            flags.circular_variance[n] = given[n]
        limit[group] = _variance_limit(tree.rows, count, limits, flags, kept, rows)
        _behave(begin, end, limits, limit[group], flags)
        set_behaviour(tree, size, flags.has_behaviour)
        fill_behaviour(tree, size, rim, members, flags.has_behaviour, flags.with_behaviour)
        if animals:
            for one in range(animals):
                seen[one] = -1
            fill_animals(tree, size, rim, members, animal, seen, flags.animals)
        _decide(begin, end, animals, limits, flags)


@compiled
def _vary(members: IntArray, count: int, sums: Sums, limits: Limits, flags: Flags) -> None:
    """Say how much the directions in each circle vary."""
    for at in range(count):
        n, found, directed = members[at], sums.found[at], sums.directed[at]
        flags.in_circle[n], flags.directed[n] = found, directed
        length = math.sqrt(sums.sine[at] ** 2 + sums.cosine[at] ** 2)
        if limits.letter:
            flags.circular_variance[n] = 1.0 - length / found if directed == found else np.nan
        elif directed:
            grains = np.rint((1.0 - length / directed) * _GRAIN)
            flags.circular_variance[n] = abs(grains / _GRAIN)


@compiled
def _behave(begin: int, end: int, limits: Limits, limit: float, flags: Flags) -> None:
    for n in range(begin, end):
        parallel = flags.is_used[n] and flags.circular_variance[n] <= limit
        flags.is_parallel[n] = parallel and _counts(n, limits, flags)
        flags.has_behaviour[n] = flags.is_fast[n] and flags.is_parallel[n]


@inlined
def _counts(n: int, limits: Limits, flags: Flags) -> bool:
    """Whether the variance of a step's circle says something."""
    if limits.letter:
        return bool(flags.circular_variance[n] != 0.0)
    # One direction alone varies from nothing; R means to leave it out, and rounding lets it in.
    return bool(flags.directed[n] > 1)


@compiled
def _variance_limit(
    members: IntArray, count: int, limits: Limits, flags: Flags, kept: FloatArray, rows: IntArray
) -> float:
    differ, used = False, int(np.int64(0))
    for at in range(count):
        n = members[at]
        variance, before = flags.circular_variance[n], flags.circular_variance[members[0]]
        differ |= variance != before and not (np.isnan(variance) and np.isnan(before))
        kept[used] = variance
        used += _counts(n, limits, flags) and not np.isnan(variance)
    # Nothing is more parallel than anything else; R stops with an error.
    return _quantile(kept, rows, used, limits.variance_quantile) if differ else np.nan


@compiled
def _quantile(kept: FloatArray, rows: IntArray, count: int, part: float) -> float:
    """Quantile between order statistics (R's type 7); keys change places."""
    if count == 0:
        return np.nan
    place = (count - 1) * part
    low = int(place)
    select(kept, rows, 0, count, low)
    least = kept[low]
    more = place - low
    if more == 0.0:
        return float(least)
    above = np.inf
    for n in range(low + 1, count):
        above = min(above, kept[n])
    return float((1.0 - more) * least + more * above) if above != least else float(least)


@compiled
def _decide(begin: int, end: int, animals: int, limits: Limits, flags: Flags) -> None:
    for n in range(begin, end):
        many = flags.in_circle[n] > limits.min_neighbours
        most = 2 * flags.with_behaviour[n] > flags.in_circle[n]
        shared = animals == 0 or flags.animals[n] >= limits.min_animals
        flags.is_corridor[n] = many and most and shared
