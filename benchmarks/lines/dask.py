"""Two Dask workers against one: how much sooner an analysis of many animals ends."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import dask.config
import numpy as np
from distributed import LocalCluster

from benchmarks import synthetic
from benchmarks.inputs import Sizes
from benchmarks.measure import Bar, Row, Skipped, check
from ecoduct_analysis.bridge_utilisation import bridge_utilisation
from ecoduct_analysis.dynamic_variance import DynamicRule, dynamic_variance
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation import Utilisation
from ecoduct_server.commands.analysing.scheduler import each

LINE: Final = "dask"
BAR: Final = 1.7
CELL_M: Final = 500.0  # as populations have it; finer cells are more to send back than to compute
PARTS: Final = 40
ROUNDS: Final = 3


def occurrence(animals: Tracks) -> Utilisation:
    """Utilisation of some animals, each step with its own variance: one task."""
    grid = Grid.around(animals.x, animals.y, cell_m=CELL_M, margin=0.1)
    variance = dynamic_variance(animals, DynamicRule(ends="pad")).bridge_variance_m2_s
    return bridge_utilisation(animals, grid, variance_m2_s=variance, each="step")


def rows(sizes: Sizes) -> Iterator[Row]:
    """Time until all parts are done, by the clock, on one worker and on two."""
    cores = os.cpu_count() or 1
    if cores < 2:
        yield Skipped(LINE, sizes.name, "two workers need two cores")
        return
    herd = synthetic.tracks(sizes.animals, sizes.each)
    parts = list(herd.chunks(max(len(herd) // PARTS, 1)))
    with _on_all_cores(cores), tempfile.TemporaryDirectory() as folder:
        taken = {1: np.inf, 2: np.inf}
        answers = {}
        with _cluster(1, folder) as one, _cluster(2, folder) as two:
            for _ in range(1 + ROUNDS):  # the first round compiles
                for workers, address in ((1, one), (2, two)):
                    begun = time.perf_counter()
                    answers[workers] = list(each(occurrence, parts, scheduler=address))
                    taken[workers] = min(taken[workers], time.perf_counter() - begun)
    here = [occurrence(part) for part in parts[:2]]
    for mine, alone, both in zip(here, answers[1], answers[2], strict=False):
        check(
            np.array_equal(mine.mass, alone.mass) and np.array_equal(mine.mass, both.mass),
            "dask: a worker's answer differs from the one computed here",
        )
    yield Bar(
        LINE, sizes.name, "one worker", len(herd) / taken[2], len(herd) / taken[1], "fixes/s",
        taken[1] / taken[2], BAR,
        f"dynamic variance and utilisation, {len(parts)} parts, by the clock; {cores} cores",
    )  # fmt: skip


@contextmanager
def _on_all_cores(cores: int) -> Iterator[None]:
    """Undo for a while that this process and its children keep to one core."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(cores))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _cluster(workers: int, folder: str) -> Iterator[str]:
    with (
        dask.config.set(temporary_directory=folder),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as running,
    ):
        yield running.scheduler_address
