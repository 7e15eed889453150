"""Corridor steps against R's `move`, and against a plain implementation with a KD-tree of SciPy."""

import time
from collections.abc import Iterator
from typing import Final

import numpy as np
from pyproj import Geod
from scipy.spatial import KDTree

from benchmarks import inputs, synthetic
from benchmarks.inputs import Sizes
from benchmarks.measure import (
    Bar,
    PeerMissing,
    Row,
    Skipped,
    alternate,
    check,
    limit_bar,
    speed_bar,
    timed,
)
from ecoduct_analysis.columns import BoolArray, FloatArray
from ecoduct_analysis.corridors import CorridorRule, CorridorSteps, find_corridors
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.tables import read_csv

LINE: Final = "corridors"
RICKY: Final = "corridor/data/fisher_ricky.csv"
# Measured once, on a machine like the one the bar was set for; R is not run here.
R_RICKY_S: Final = 10.9
R_BAR: Final = 200.0
RICKY_CLEAN: Final = 162  # steps of corridors, from the note that comes with the data
SLOW_ROUNDS: Final = 3
RADIUS_M: Final = 6_371_000.0
WIDER: Final = 1.01  # the sphere's circles hold those of the ellipsoid
STEEPER: Final = 1.3  # growth of the cost of a fix that is still called linear


def rows(sizes: Sizes) -> Iterator[Row]:
    """Compare on a fisher and on synthetic animals, and tell how the cost grows."""
    try:
        ricky = read_csv(inputs.reference_file(RICKY))
    except PeerMissing as missing:
        yield Skipped(LINE, "ricky", str(missing))
    else:
        yield from on_ricky(ricky, sizes)
    some = synthetic.fixes(max(2, sizes.peer_fixes // sizes.each), sizes.each)
    yield against_tree(f"{len(some):,}", some, sizes)
    yield from growth(sizes)


def on_ricky(ricky: Fixes, sizes: Sizes) -> Iterator[Row]:
    """One fisher, against R's time and the tree."""
    found = find_corridors(ricky)
    check(int(found.is_corridor.sum()) == RICKY_CLEAN, "corridors: ricky has other flags")
    ours = timed(lambda: find_corridors(ricky))
    (mine,) = alternate([ours], [len(ricky)], rounds=sizes.rounds)
    remark = f"R's {R_RICKY_S} s are the reference's own figure, not of this run"
    yield limit_bar(
        LINE, "ricky", "R move::corridor", mine.best_s * 1e3, R_RICKY_S * 1e3, unit="ms",
        target=R_BAR, remark=remark,
    )  # fmt: skip
    yield against_tree("ricky", ricky, sizes)


def against_tree(data: str, fixes: Fixes, sizes: Sizes) -> Bar:
    """The same flags from NumPy, pyproj and a KD-tree."""
    found, flags = find_corridors(fixes), plain_corridors(fixes)
    differ = int((found.is_corridor != flags).sum())
    # Circles measured on the sphere's chord and on the ellipsoid part at their rims.
    check(
        differ <= max(2, len(flags) // 2_000), f"corridors: {differ} flags differ from the tree's"
    )
    works = [timed(lambda: find_corridors(fixes)), timed(lambda: plain_corridors(fixes))]
    mine, theirs = alternate(works, [len(fixes)] * 2, rounds=min(SLOW_ROUNDS, sizes.rounds))
    remark = f"{int(flags.sum())} steps in corridors, {differ} of {len(flags):,} flags differ"
    return speed_bar(LINE, data, "NumPy + SciPy KD-tree", mine, theirs, target=None, remark=remark)


def growth(sizes: Sizes) -> Iterator[Row]:
    """Cost of a fix as there are more animals."""
    find_corridors(synthetic.tracks(2, sizes.each))  # compiles for metres
    cost: list[float] = []
    for animals in sizes.growth:
        fixes = synthetic.tracks(animals, sizes.each)
        begun = time.process_time()
        kept: CorridorSteps | None = find_corridors(fixes, CorridorRule())
        cost.append((time.process_time() - begun) / len(fixes) * 1e9)
        check(
            kept is not None and len(kept) == len(fixes) - animals, "corridors: steps are missing"
        )
        del kept, fixes
    told = ", ".join(
        f"{each:,.0f} ns at {animals * sizes.each / 1e6:g} M"
        for each, animals in zip(cost, sizes.growth, strict=True)
    )
    yield limit_bar(
        LINE, "growth", f"{STEEPER:g}x the cost of a fix", cost[-1], STEEPER * cost[0],
        unit="ns/fix", remark=told,
    )  # fmt: skip


def plain_corridors(fixes: Fixes) -> BoolArray:
    """Flags of corridors, an animal at a time, as one writes it with NumPy and SciPy."""
    flags = [
        _plain_animal(fixes.t_ms[begin:end], fixes.x[begin:end], fixes.y[begin:end])
        for begin, end in zip(fixes.offsets[:-1], fixes.offsets[1:], strict=True)
    ]
    return np.concatenate(flags)


def _plain_animal(t_ms: "np.ndarray[tuple[int], np.dtype[np.int64]]", lon: FloatArray,
                  lat: FloatArray) -> BoolArray:  # fmt: skip
    geod = Geod(ellps="WGS84")
    azimuth, _, length_m = geod.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    mid_lon, mid_lat, _ = geod.fwd(lon[:-1], lat[:-1], azimuth, np.asarray(length_m) / 2)
    speed = np.asarray(length_m) / (np.diff(t_ms) / 1000.0)
    phi = np.radians(lat)
    turn = np.radians(np.diff(lon))
    heading = np.arctan2(
        np.sin(turn) * np.cos(phi[1:]),
        np.cos(phi[:-1]) * np.sin(phi[1:]) - np.sin(phi[:-1]) * np.cos(phi[1:]) * np.cos(turn),
    )
    pseudo = 2.0 * (np.pi + heading)
    a, b = np.radians(mid_lon), np.radians(mid_lat)
    place = RADIUS_M * np.stack((np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)), axis=1)
    radius = np.asarray(length_m) / 2
    members = KDTree(place).query_ball_point(place, radius * WIDER)
    row = np.repeat(np.arange(len(place)), [len(one) for one in members])
    other = np.concatenate([np.asarray(one, dtype=np.int64) for one in members])
    x, y = np.asarray(mid_lon), np.asarray(mid_lat)
    away = geod.inv(x[row], y[row], x[other], y[other])[2]
    near = np.asarray(away) <= radius[row]
    row, other = row[near], other[near]
    count = np.bincount(row, minlength=len(place))
    sine, cosine = (np.bincount(row, weights=wave(pseudo)[other], minlength=len(place))
                    for wave in (np.sin, np.cos))  # fmt: skip
    variance = 1.0 - np.hypot(sine, cosine) / count
    shared = count > 1
    limit = np.quantile(variance[shared], 0.25) if shared.any() else np.nan
    behaves = (speed >= np.quantile(speed, 0.75)) & shared & (variance <= limit)
    most = np.bincount(row, weights=behaves[other], minlength=len(place))
    flags: BoolArray = (count > 2) & (2 * most > count)
    return flags
