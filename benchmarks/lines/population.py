"""Corridors of a population: from the fixes of 24 sequences to levels of use and stop-overs.

The reference took 286 s, R with the package BBMM on one core of a machine like this one; that is
a constant, for R is not run here. What is run beside ours are its rules in NumPy: every moment of
every bridge laid down on the whole box of its sequence.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from benchmarks.inputs import QUICK, Sizes, reference_file
from benchmarks.measure import (
    PeerMissing,
    Row,
    Skipped,
    alternate,
    check,
    limit_bar,
    speed_bar,
    timed,
)
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.footprints import find_stopovers
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.population import Population, find_population
from ecoduct_analysis.population_rules import STOPOVER_KINDS, Mode
from ecoduct_analysis.refusals import judge_sequences
from ecoduct_analysis.sequence_bridges import bridge_sequences, population_grid
from ecoduct_analysis.sequences import Sequences, label_sequences
from ecoduct_analysis.tables import from_arrow, load_csv

LINE: Final = "population"
DATA: Final = "pronghorn"
TABLE: Final = "corridor/data/pronghorn_sublette_seqs.csv"
R_S: Final = 286.0
R_TIMES: Final = 80.0
CELLS: Final = ([7831, 1185, 389, 13], [1078, 40])
ERROR_M, MAX_LAG_MIN, STEP_MIN, MARGIN = 20.0, 480.0, 5.0, 0.3
SHORT: Final = 90  # fixes of the sequences that a quick run lays down in NumPy
MODES: Final[tuple[Mode, ...]] = ("compat", "clean")


def rows(sizes: Sizes) -> Iterator[Row]:
    """Both modes against R's time, and the reference's rules against NumPy's."""
    try:
        sequences = read_sequences()
    except PeerMissing as missing:
        yield Skipped(LINE, DATA, str(missing))
        return
    counted = counts(chain(sequences, "compat"))
    check(counted == CELLS, f"population: {counted} cells, the reference has {CELLS}")
    fixes = len(sequences.tracks)
    for mode in MODES:
        # A loop variable in a closure would be the last mode in both.
        work = timed(lambda mode=mode: chain(sequences, mode))  # type: ignore[misc]
        (ours,) = alternate([work], [fixes], rounds=sizes.rounds)
        remark = f"{mode}, fixes to stop-overs; R's time is a constant"
        if mode == "compat":
            remark += ", all cells equal"
        yield limit_bar(LINE, DATA, f"R's {R_S:g} s / {R_TIMES:g}", ours.best_s, R_S / R_TIMES,
                        unit="s CPU", remark=remark)  # fmt: skip
    yield against_numpy(sequences, sizes)


def against_numpy(sequences: Sequences, sizes: Sizes) -> Row:
    """Bridges alone, in the reference's own way, on its own cells."""
    lengths = np.diff(sequences.tracks.offsets)
    most = SHORT if sizes == QUICK else np.inf
    some = sequences.select(np.flatnonzero(lengths <= most)).tracks
    grid = population_grid(sequences.tracks, mode="compat")
    made = bridge_sequences(some, grid, mode="compat")
    table = np.stack((some.t_ms / 60_000.0, some.x, some.y), axis=1)
    each = np.split(table, some.offsets[1:-1])
    boxes = [box_of(grid, fixes) for fixes in each]

    def dense() -> list[FloatArray]:
        return [
            lay_down(fixes, variance, box)
            for fixes, variance, box in zip(each, made.variance_m2_s * 60.0, boxes, strict=True)
        ]

    for number, layer in enumerate(dense()):
        ours = made.utilisation.dense(number).max()
        # Cleaning rescales by at most one part in ten thousand.
        check(abs(layer.max() / ours - 1) < 2e-4, f"population: peak {ours}, NumPy {layer.max()}")
    mine, theirs = alternate(
        [timed(lambda: bridge_sequences(some, grid, mode="compat")), timed(dense)],
        [len(some)] * 2,
        rounds=min(sizes.rounds, 2),
    )
    remark = (
        f"bridges of {len(boxes)} sequences, same moments and boxes; NumPy is given the variance"
    )
    return speed_bar(LINE, DATA, "NumPy, dense", mine, theirs, target=None, remark=remark)


def read_sequences() -> Sequences:
    """24 sequences of 15 pronghorn, in EPSG:5070."""
    table = load_csv(reference_file(TABLE), also=["seq"])
    fixes = from_arrow(table)
    labels = table["seq"].take(fixes.row).to_pylist()
    return label_sequences(fixes.project(crs="EPSG:5070"), labels)


def chain(sequences: Sequences, mode: Mode) -> Population:
    """All that a population takes, from fixes in memory."""
    kept = sequences.select(np.flatnonzero(judge_sequences(sequences.tracks, mode=mode).kept))
    grid = population_grid(sequences.tracks, mode=mode)
    made = bridge_sequences(kept.tracks, grid, mode=mode)
    found = find_population(made.utilisation, animals=kept.owners, mode=mode)
    for kind in STOPOVER_KINDS:
        find_stopovers(found.utilisation, kind=kind)
    return found


def counts(found: Population) -> tuple[list[int], list[int]]:
    """Cells of 1, 2, 3 and 5 of 15 animals, and of the stop-overs."""
    stopovers = [find_stopovers(found.utilisation, kind=kind).counts for kind in STOPOVER_KINDS]
    return [len(found.used_by(n)) for n in (1, 2, 3, 5)], [int(each[0]) for each in stopovers]


def box_of(grid: Grid, fixes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Centres of the columns and rows about a sequence."""
    reach = MARGIN * np.ptp(fixes[:, 1:], axis=0) + grid.cell_m / 2
    (west, south), (east, north) = (
        fixes[:, 1:].min(axis=0) - reach,
        fixes[:, 1:].max(axis=0) + reach,
    )
    columns = grid.x[(grid.x > west) & (grid.x < east)]
    rows_ = grid.y[(grid.y > south) & (grid.y < north)]
    return columns, rows_


def lay_down(
    fixes: FloatArray, variance_m2_min: float, box: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """The reference's bridges: every 5 min the density at the centre of every cell of the box."""
    columns, rows_ = box
    whole: FloatArray = np.zeros((len(rows_), len(columns)))
    for (t_min, x, y), (next_min, next_x, next_y) in pairwise(fixes):
        lag = next_min - t_min
        if lag > MAX_LAG_MIN:
            continue
        for part in np.arange(0.0, lag + 1e-9, STEP_MIN) / lag:
            spread = lag * part * (1 - part) * variance_m2_min
            spread += ((1 - part) ** 2 + part**2) * ERROR_M**2
            along = np.exp(-((columns - x - part * (next_x - x)) ** 2) / (2 * spread))
            up = np.exp(-((rows_ - y - part * (next_y - y)) ** 2) / (2 * spread))
            whole += np.outer(up / (2 * np.pi * spread), along)
    shares: FloatArray = whole / whole.sum()
    return shares
