"""One new fix against all fences while it arrives, through the public functions."""

import time
from collections.abc import Iterator
from typing import Final

import numpy as np

from benchmarks import synthetic
from benchmarks.inputs import Sizes
from benchmarks.measure import Row, check, limit_bar, timed
from ecoduct_analysis.barriers import Barriers, find_nearest
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.tracks import Tracks

LINE: Final = "live"
P99_US, EACH_US = 200.0, 5.0
NS_PER_US: Final = 1e3


def rows(sizes: Sizes) -> Iterator[Row]:
    """One animal at a time, then many animals in one call."""
    lines = synthetic.fences(sizes.fences)
    barriers = Barriers.from_geometries([str(n) for n in range(len(lines))], lines)
    walks = synthetic.tracks(sizes.animals, sizes.each)
    yield from one_at_a_time(walks, barriers, sizes)
    yield together(barriers, sizes)


def one_at_a_time(walks: Tracks, barriers: Barriers, sizes: Sizes) -> Iterator[Row]:
    """Time of single calls: the last fix and the new one, their crossings and the distance."""
    firsts = np.random.default_rng(synthetic.SEED).choice(walks.steps, sizes.calls + 1)
    pairs = [(walks.t_ms[at : at + 2], walks.x[at : at + 2], walks.y[at : at + 2]) for at in firsts]
    offsets, crossed = np.array([0, 2]), 0
    taken_us = np.empty((2, len(pairs)))
    for call, (t_ms, x, y) in enumerate(pairs):
        begun = time.perf_counter_ns(), time.process_time_ns()
        pair = Tracks(names=("a",), offsets=offsets, t_ms=t_ms, x=x, y=y)
        found = find_crossings(pair, barriers)
        find_nearest(pair.x[1:], pair.y[1:], barriers)
        ended = time.perf_counter_ns(), time.process_time_ns()
        taken_us[:, call] = np.subtract(ended, begun) / NS_PER_US
        crossed += len(found)
    whole = find_crossings(walks, barriers)
    expected = np.bincount(whole.first, minlength=len(walks))[firsts].sum()
    check(crossed == expected, f"live: {crossed} crossings, {expected} in one call of all tracks")
    remark = (
        f"{sizes.calls:,} calls, {len(barriers.names):,} fences, {crossed} crossings as in bulk"
    )
    for clock, taken in zip(("clock", "CPU"), taken_us, strict=True):
        # The first call compiles. On the clock other programs of the machine count, too.
        for part, name in ((0.5, "p50"), (0.99, "p99")):
            target = 1.0 if (clock, name) == ("CPU", "p99") else None
            yield limit_bar(LINE, f"{name} {clock}", "limit", float(np.quantile(taken[1:], part)),
                            P99_US, unit="us", target=target, remark=remark)  # fmt: skip


def together(barriers: Barriers, sizes: Sizes) -> Row:
    """Many animals with one new fix each, in one call; CPU time."""
    walks = synthetic.tracks(sizes.live_animals, 2)

    def work() -> FloatArray:
        pairs = Tracks(
            names=walks.names, offsets=walks.offsets, t_ms=walks.t_ms, x=walks.x, y=walks.y
        )
        find_crossings(pairs, barriers)
        return find_nearest(pairs.x[1::2], pairs.y[1::2], barriers).distance_m

    one_round = timed(work)
    one_round()
    best_s = min(one_round() for _ in range(4 * sizes.rounds))
    each_us = best_s / sizes.live_animals * 1e6
    return limit_bar(LINE, f"{sizes.live_animals:,} fixes", "limit, for each fix of one call",
                     each_us, EACH_US, unit="us/fix", remark="CPU time")  # fmt: skip
