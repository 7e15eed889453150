"""Distance to the nearest fence, against shapely's STRtree over fences and over their pieces."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from benchmarks import synthetic
from benchmarks.inputs import Sizes
from benchmarks.lines.crossings import pieces_of, pronghorn_world, stork_world
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
from ecoduct_analysis.barriers import Barriers, find_nearest
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.tracks import Tracks

LINE: Final = "nearest"
BAR: Final = 10.0
FAR_M, FAR_TIMES = 5_000_000.0, 3.0  # barriers of another continent must not stall a search
RELATIVE: Final = 1e-9


def rows(sizes: Sizes) -> Iterator[Row]:
    """Compare on synthetic animals, on white storks, and on pronghorn among real fences."""
    tracks, fences = synthetic.tracks(sizes.animals, sizes.each), synthetic.fences(sizes.fences)
    yield from compare(sizes.name, tracks, fences, sizes)
    yield from compare("in no order", shuffled(tracks), fences, sizes)
    yield far(tracks, fences, sizes)
    for data, read in (("white storks", stork_world), ("pronghorn", pronghorn_world)):
        try:
            yield from compare(data, *read(sizes), sizes)
        except PeerMissing as missing:
            yield Skipped(LINE, data, str(missing))


def shuffled(tracks: Tracks) -> Tracks:
    """Places in no order, as newest fixes of many animals come: the last one helps no search."""
    order = np.random.default_rng(synthetic.SEED).permutation(len(tracks))
    return Tracks(
        names=("all",), offsets=np.array([0, len(tracks)]), t_ms=np.arange(len(tracks)),
        x=tracks.x[order], y=tracks.y[order],
    )  # fmt: skip


def compare(
    data: str, tracks: Tracks, fences: Sequence[BaseGeometry], sizes: Sizes
) -> Iterator[Row]:
    """One row for each peer, after the distances were compared."""
    barriers = _barriers(fences)
    every = max(1, len(tracks) // sizes.tree_fixes)  # all animals, some of their fixes
    x, y = tracks.x[::every], tracks.y[::every]
    peers = peers_of(x, y, fences)
    found = find_nearest(x, y, barriers).distance_m
    for name, peer in peers.items():
        theirs = peer()
        same = np.abs(found - theirs) <= RELATIVE * np.maximum(theirs, 1.0)
        check(bool(same.all()), f"{(~same).sum()} distances differ from those of {name}")
    works = [timed(lambda: find_nearest(tracks.x, tracks.y, barriers)), *map(timed, peers.values())]
    ours, *theirs_all = alternate(works, [len(tracks)] + [len(x)] * len(peers), rounds=sizes.rounds)
    for name, timing in zip(peers, theirs_all, strict=True):
        remark = f"{len(x):,} distances within 1e-9"
        yield speed_bar(LINE, data, name, ours, timing, target=BAR, remark=remark)


def peers_of(
    x: FloatArray, y: FloatArray, fences: Sequence[BaseGeometry]
) -> dict[str, Callable[[], FloatArray]]:
    """Distances of places; trees are built before, geometries of places each time."""
    whole = np.asarray(fences, dtype=object)
    trees = {
        "STRtree of fences": shapely.STRtree(whole),
        "STRtree of pieces": shapely.STRtree(pieces_of(whole)[0]),
    }

    def nearest(tree: shapely.STRtree) -> FloatArray:
        places = shapely.points(x, y)
        _, distance = tree.query_nearest(places, return_distance=True, all_matches=False)
        return np.asarray(distance, dtype=np.float64)

    return {name: partial(nearest, tree) for name, tree in trees.items()}


def far(tracks: Tracks, fences: Sequence[BaseGeometry], sizes: Sizes) -> Row:
    """The same places near the fences and an ocean away from them."""
    barriers = _barriers(fences)
    away = tracks.x + FAR_M
    works = [
        timed(lambda: find_nearest(away, tracks.y, barriers)),
        timed(lambda: find_nearest(tracks.x, tracks.y, barriers)),
    ]
    ours, near = alternate(works, [len(tracks)] * 2, rounds=sizes.rounds)
    return limit_bar(
        LINE, sizes.name, "limit, of the time near the fences", near.fixes_s / ours.fixes_s,
        FAR_TIMES, unit="times", remark=f"all fences {FAR_M / 1e3:,.0f} km away",
    )  # fmt: skip


def _barriers(fences: Sequence[BaseGeometry]) -> Barriers:
    return Barriers.from_geometries([str(n) for n in range(len(fences))], fences)
