"""Utilisation distributions of bridges, against elliptical time density and a loop in NumPy."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from scipy.special import ndtr

from benchmarks import inputs, synthetic
from benchmarks.inputs import Sizes
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
from benchmarks.peer_process import Peer
from ecoduct_analysis._bridge_rows import bridge_rows
from ecoduct_analysis._layers import moments_of
from ecoduct_analysis._spread import REACH_SD, WIDEST_CELLS, split_moments
from ecoduct_analysis.bridge_utilisation import bridge_utilisation
from ecoduct_analysis.bridges import known_errors_m
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.motion_variance import motion_variance_m2_s
from ecoduct_analysis.screening import screen
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation import Utilisation
from ecoduct_analysis.utilisation_rules import UtilisationRule, longest_bridge_s

LINE: Final = "utilisation"
CELL_M: Final = 1000.0
FINE_M: Final = 100.0
ERROR_M: Final = 10.0
RULE: Final = UtilisationRule(location_error_m=ERROR_M)
PEER_BAR: Final = 500.0
LOOP_BAR: Final = 20.0
LOOP_FIXES: Final = 10_000  # the loop does some ten thousand a second
MASS: Final = 1e-9
GROWTH: Final = 1.3  # of the time a fix: linear, and room for caches that grow full


@dataclass(frozen=True, slots=True, eq=False)
class Herd:
    """Animals in metres, each from the origin of a plane of its own, and a grid for them all."""

    tracks: Tracks
    grid: Grid

    def lay_down(self) -> Utilisation:
        """Motion variance of each animal, then its utilisation."""
        variance = motion_variance_m2_s(self.tracks, error_m=ERROR_M)
        return bridge_utilisation(self.tracks, self.grid, variance_m2_s=variance, rule=RULE)


def rows(sizes: Sizes) -> Iterator[Row]:
    """Check against the loop, then compare with it and with the peer, then grow."""
    fixes = clean(sizes.animals, sizes.each)
    whole = herd(fixes, CELL_M)
    remark = check_mass(whole.lay_down())
    yield from against_loop(sizes, fixes, whole)
    yield from against_peer(sizes, fixes, whole, remark)
    yield from growth(sizes)


def clean(animals: int, each: int) -> Fixes:
    """Synthetic animals without duplicates and wild fixes: none of the sides screens."""
    fixes = synthetic.fixes(animals, each)
    return fixes.where(screen(fixes).kept)


def herd(fixes: Fixes, cell_m: float) -> Herd:
    """Bring every animal to one origin, so that a grid of small cells holds them all."""
    tracks = fixes.project()
    begins, counts = tracks.offsets[:-1], np.diff(tracks.offsets)
    x, y = (values - np.repeat(values[begins], counts) for values in (tracks.x, tracks.y))
    moved = replace(tracks, x=x, y=y)
    return Herd(moved, Grid.around(x, y, cell_m=cell_m, margin=0.1))


def check_mass(ud: Utilisation) -> str:
    """Every animal's mass is 1, and none of it was lost."""
    sums = np.add.reduceat(ud.mass, ud.offsets[:-1][np.diff(ud.offsets) > 0])
    off = float(np.abs(sums - 1.0).max())
    check(off < MASS, f"utilisation: a mass is {off} off 1")
    check(ud.outside is not None and float(np.nanmax(ud.outside)) < MASS, "utilisation: mass lost")
    return f"motion variance included; {len(ud.cell) / len(ud):,.0f} cells an animal"


def against_loop(sizes: Sizes, fixes: Fixes, whole: Herd) -> Iterator[Row]:
    """One bridge after the other in NumPy, all moments of a bridge at once."""
    some = herd(inputs.head(fixes, min(LOOP_FIXES, sizes.peer_fixes)), CELL_M)
    some = Herd(some.tracks, whole.grid)
    found, wanted = some.lay_down(), loop(some)
    off = max(float(np.abs(found.dense(track) - mass).max()) for track, mass in enumerate(wanted))
    check(off < MASS, f"utilisation: a cell is {off} off the loop's")
    ours, theirs = timed(whole.lay_down), timed(lambda: loop(some))
    mine, other = alternate(
        [ours, theirs], [len(whole.tracks), len(some.tracks)], rounds=min(3, sizes.rounds)
    )
    yield speed_bar(LINE, sizes.name, "NumPy loop over bridges", mine, other, target=LOOP_BAR,
                    remark=f"same windows and moments; cells equal to {off:.0e}")  # fmt: skip


def loop(some: Herd) -> list[FloatArray]:
    """Mass of each animal on the grid, by a loop over its bridges."""
    tracks, grid = some.tracks, some.grid
    variance = motion_variance_m2_s(tracks, error_m=ERROR_M)[tracks.track[tracks.steps]]
    bridged = np.isfinite(variance) & (tracks.step_s <= longest_bridge_s(RULE, "clean"))
    bridges, counts, offsets = bridge_rows(
        tracks.offsets, tracks.t_ms, tracks.x, tracks.y, known_errors_m(tracks, error_m=ERROR_M),
        variance, bridged, (grid.west, grid.north, grid.cell_m, np.inf),
    )  # fmt: skip
    moments = moments_of(counts)
    made = []
    for track in range(len(tracks.names)):
        dense = np.zeros((grid.rows, grid.columns))
        for n in range(offsets[track], offsets[track + 1]):
            _add_bridge(dense, bridges[n], moments, int(counts[n]))
        made.append(dense / max(dense.sum(), 1e-300))
    return made


def _add_bridge(dense: FloatArray, bridge: FloatArray, moments: FloatArray, count: int) -> None:
    column, row, across, down, own, begin2, end2, weight = bridge
    pieces, each = split_moments(count)
    piece, weights = moments[each * (each - 1) // 2 : each * (each + 1) // 2].T
    part = ((np.arange(pieces)[:, None] + piece) / pieces).ravel()
    share = np.tile(weights, pieces) / pieces
    rest = 1.0 - part
    sd = np.sqrt(part * rest * own + rest * rest * begin2 + part * part * end2)
    check(float(sd.max()) <= WIDEST_CELLS, "utilisation: the loop knows no coarser levels")
    x, y = column + part * across, row + part * down
    left, right = int((x - REACH_SD * sd).min()), int((x + REACH_SD * sd).max())
    top, bottom = int((y - REACH_SD * sd).min()), int((y + REACH_SD * sd).max())
    wide = np.diff(_cut(np.arange(left, right + 2.0), x, sd), axis=1)
    high = np.diff(_cut(np.arange(top, bottom + 2.0), y, sd), axis=1)
    dense[top : bottom + 1, left : right + 1] += high.T @ (wide * (weight * share)[:, None])


def _cut(edges: FloatArray, middle: FloatArray, sd: FloatArray) -> FloatArray:
    """Mass below edges of normal distributions that are cut on both sides."""
    away = np.clip((edges - middle[:, None]) / sd[:, None], -REACH_SD, REACH_SD)
    below = (ndtr(away) - ndtr(-REACH_SD)) / (ndtr(REACH_SD) - ndtr(-REACH_SD))
    return np.asarray(below, dtype=np.float64)


def against_peer(sizes: Sizes, fixes: Fixes, whole: Herd, remark: str) -> Iterator[Row]:
    """The peer's density of as many animals as it can do."""
    name = "ecoscope elliptical time density"
    some = inputs.head(fixes, sizes.slow_fixes)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = inputs.write_fixes(Path(folder, "fixes.npz"), some)
            with Peer("peers-ecoscope", "ecoscope_peer", "ud", path, str(CELL_M)) as peer:
                mine, theirs = alternate(
                    [timed(whole.lay_down), peer.round], [len(whole.tracks), len(some)],
                    rounds=min(3, sizes.rounds),
                )  # fmt: skip
                sums = np.array(peer.answer())
    except PeerMissing as missing:
        yield Skipped(LINE, sizes.name, f"{name}: {missing}")
        return
    check(bool(np.allclose(sums, 1.0)), "utilisation: the peer's mass is not 1")
    yield speed_bar(LINE, sizes.name, name, mine, theirs, target=PEER_BAR, remark=remark)


def growth(sizes: Sizes) -> Iterator[Row]:
    """Time a fix of the largest herd, as a multiple of the smallest's; and finer cells, told."""
    small, large = sizes.growth[0], sizes.growth[-1]
    taken = {}
    for animals in (small, large):
        whole = herd(clean(animals, sizes.each), CELL_M)
        begun = time.process_time()
        whole.lay_down()
        taken[animals] = (time.process_time() - begun) / len(whole.tracks)
    times = f"{small * sizes.each:,} to {large * sizes.each:,}"
    yield limit_bar(LINE, times, "growth of the time a fix", taken[large] / taken[small], GROWTH,
                    unit="times", remark=f"{taken[large] * 1e6:.2f} us a fix")  # fmt: skip
    fine = herd(clean(min(small, sizes.animals), sizes.each), FINE_M)
    begun = time.process_time()
    fine.lay_down()
    each = (time.process_time() - begun) / len(fine.tracks)
    yield limit_bar(LINE, f"{FINE_M:g} m cells", "others' limit at 100 m", each * 1e6, 1 / 0.66,
                    unit="us a fix", target=None, remark="wider windows")  # fmt: skip
