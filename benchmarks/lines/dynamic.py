"""Dynamic motion variance, against the time R took and a plain loop of searches as R makes them."""

import csv
from collections.abc import Iterator
from datetime import datetime
from typing import Final

import numpy as np
from scipy.optimize import minimize_scalar

from benchmarks import inputs, synthetic
from benchmarks.inputs import Sizes
from benchmarks.measure import (
    PeerMissing,
    Row,
    Skipped,
    Timing,
    alternate,
    check,
    speed_bar,
    timed,
)
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.dynamic_variance import DynamicRule, dynamic_variance
from ecoduct_analysis.tracks import Tracks

LINE: Final = "dynamic"
FOLDER: Final = "corridor"
# The form that R computes; ours, with the middle fix's error, takes no longer.
RULE: Final = DynamicRule(window=31, margin=11, location_error_m=12.0, middle_error=False)
R_RICKY_S: Final = 175.0  # move 4.2.7, one run; told with the reference data
R_BAR: Final = 150.0
R_MOST_M2_MIN: Final = 1e15  # R searches from 0 to this
SAMPLE: Final = 1_000  # fixes that the plain loop gets: it searches 13 times for each
CLOSE: Final = 2e-4  # R stops this far from the minimum
# Where two minima lie far apart, a loop that keeps the first one it meets is wrong now and then.
AGREEING: Final = 0.97


def rows(sizes: Sizes) -> Iterator[Row]:
    """Compare on a fisher's fixes, 2 min apart, and on synthetic animals."""
    try:
        fisher, remark = fisher_of("ricky"), leroy_checked()
    except PeerMissing as missing:
        yield Skipped(LINE, "fisher ricky", str(missing))
    else:
        yield from against_plain("fisher ricky", fisher, sizes, remark=remark, also_r=True)
    herd = synthetic.fixes(sizes.animals, sizes.each).project()
    yield from against_plain(sizes.name, herd, sizes, remark="", also_r=False)


def against_plain(
    data: str, tracks: Tracks, sizes: Sizes, *, remark: str, also_r: bool
) -> Iterator[Row]:
    """CPU time of all windows of ours, and of the plain loop on a sample."""
    end = min(SAMPLE, sizes.slow_fixes, int(tracks.offsets[1]))
    first = tracks.select([0])
    some = first.where(np.arange(len(first)) < end)
    share = agreement(some)
    check(share >= AGREEING, f"dynamic: only {share:.1%} of the steps agree with a plain loop")
    works = [timed(lambda: dynamic_variance(tracks, RULE)), timed(lambda: plainly(some))]
    mine, theirs = alternate(works, [len(tracks), len(some)], rounds=min(3, sizes.rounds))
    told = f"{share:.1%} of the sample's steps agree"
    yield speed_bar(LINE, data, "scipy, one search a part", mine, theirs, target=None, remark=told)
    if also_r:
        r = Timing(len(tracks), R_RICKY_S, (R_RICKY_S,))
        yield speed_bar(
            LINE, data, "move 4.2.7 in R", mine, r, target=R_BAR,
            remark=f"R's {R_RICKY_S:g} s are the reference's constant, not run here; {remark}",
        )  # fmt: skip


def plainly(tracks: Tracks) -> FloatArray:
    """Variance of each step (m^2/min) by a search for each part of each window, as R does it."""
    minutes, places = tracks.t_ms / 60_000.0, np.stack((tracks.x, tracks.y), axis=1)
    last = len(tracks) - 1
    total, windows = np.zeros(last), np.zeros(last)
    for begin in range(len(tracks) - RULE.window + 1):
        end = begin + RULE.window - 1
        variance, cost = search(minutes, places, begin, end)
        best, early, late, at = 2 * cost + np.log(RULE.window), variance, variance, end
        for fix in range(begin + RULE.margin - 1, end - RULE.margin + 2, 2):
            (one, cost), (two, other) = (
                search(minutes, places, begin, fix),
                search(minutes, places, fix, end),
            )
            criterion = 2 * (cost + other) + 2 * np.log(RULE.window)
            if criterion < best:
                best, early, late, at = criterion, one, two, fix
        steps = np.arange(begin + RULE.margin - 1, begin + RULE.window - RULE.margin)
        total[steps] += np.where(steps < at, early, late)
        windows[steps] += 1
    seen: FloatArray = np.where(windows > 0, total / np.maximum(windows, 1), np.nan)
    return seen


def search(minutes: FloatArray, places: FloatArray, first: int, last: int) -> tuple[float, float]:
    """Variance that makes every other fix between two most likely, and its cost."""
    middle = np.arange(first + 1, last, 2)
    before, after = minutes[middle] - minutes[middle - 1], minutes[middle + 1] - minutes[middle]
    part = before / (before + after)
    line = places[middle - 1] + part[:, None] * (places[middle + 1] - places[middle - 1])
    miss2 = np.sum((places[middle] - line) ** 2, axis=1)
    scale = (before + after) * part * (1 - part)
    fixed = ((1 - part) ** 2 + part**2) * RULE.location_error_m**2

    def cost(variance: float) -> float:
        spread = scale * variance + fixed
        return float(np.sum(np.log(2 * np.pi * spread) + miss2 / (2 * spread)))

    found = minimize_scalar(cost, bounds=(0.0, R_MOST_M2_MIN), method="bounded")
    return float(found.x), float(found.fun)


def agreement(tracks: Tracks) -> float:
    """Part of the steps on which ours and the plain loop agree."""
    ours, theirs = dynamic_variance(tracks, RULE).variance_m2_s * 60.0, plainly(tracks)
    off = np.abs(ours - theirs) <= CLOSE * np.maximum(1.0, theirs)
    seen = np.isfinite(theirs)
    check(bool((np.isfinite(ours) == seen).all()), "dynamic: other steps have a variance")
    return float(off[seen].mean())


def leroy_checked() -> str:
    """Compare with what R found for another fisher."""
    path = inputs.reference_file(f"{FOLDER}/expected/dbbmm_leroy_w31_m11_variance.csv")
    with path.open() as file:
        told = [row["bm_var_m2_per_min"] for row in csv.DictReader(file)][:-1]
    theirs = np.array([np.nan if text in {"", "NA"} else float(text) for text in told])
    ours = dynamic_variance(fisher_of("leroy"), RULE).variance_m2_s * 60.0
    off = np.abs(ours - theirs) / np.maximum(1.0, theirs)
    check(bool((np.isnan(off) == np.isnan(theirs)).all()), "dynamic: other steps than R")
    check(float(np.nanmax(off)) <= CLOSE, f"dynamic: {np.nanmax(off):.1e} from R on leroy")
    return f"leroy within {np.nanmax(off):.1e} of R"


def fisher_of(name: str) -> Tracks:
    """Read one fisher of the reference data."""
    with inputs.reference_file(f"{FOLDER}/data/fisher_{name}.csv").open() as file:
        rows = list(csv.DictReader(file))
    times = [datetime.fromisoformat(row["timestamp"]).timestamp() for row in rows]
    return Tracks.from_arrays(
        [name],
        track=np.zeros(len(rows), dtype=int),
        t_ms=np.rint(np.array(times) * 1000).astype(int),
        x=[float(row["x_aeqd"]) for row in rows],
        y=[float(row["y_aeqd"]) for row in rows],
    )
