"""Steps that cross fences, against shapely's STRtree and geopandas' spatial join."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import geopandas
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from benchmarks import inputs, synthetic
from benchmarks.inputs import Sizes
from benchmarks.measure import (
    PeerMissing,
    Row,
    Skipped,
    alternate,
    check,
    speed_bar,
    timed,
)
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.columns import IntArray
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.tracks import Tracks

LINE: Final = "crossings"
BAR: Final = 15.0
STORK_CRS: Final = "+proj=laea +lat_0=43 +lon_0=3 +datum=WGS84 +units=m"
CELL_M: Final = 5_000.0  # one fence in each: storks crowd at nests, fences do not
BESIDE_M: Final = 300.0  # so that a fence never begins exactly on a fix


def rows(sizes: Sizes) -> Iterator[Row]:
    """Compare on synthetic animals, on white storks, and on pronghorn among real fences."""
    tracks = synthetic.tracks(sizes.animals, sizes.each)
    yield from compare(sizes.name, tracks, synthetic.fences(sizes.fences), sizes.rounds)
    for data, read in (("white storks", stork_world), ("pronghorn", pronghorn_world)):
        try:
            yield from compare(data, *read(sizes), sizes.rounds)
        except PeerMissing as missing:
            yield Skipped(LINE, data, str(missing))


def stork_world(sizes: Sizes) -> tuple[Tracks, list[BaseGeometry]]:
    """Storks in metres, and synthetic fences along their way."""
    fixes = inputs.storks()
    tracks = fixes.project(kept=inputs.timed_once(fixes), crs=STORK_CRS)
    dice = np.random.default_rng(synthetic.SEED)
    places = np.stack((tracks.x, tracks.y), axis=1)
    _, in_cell = np.unique(places // CELL_M, axis=0, return_index=True)
    begins = places[dice.choice(in_cell, sizes.fences, replace=False)]
    begins += dice.normal(0, BESIDE_M, begins.shape)
    return tracks, list(synthetic.fences(sizes.fences, begins=begins))


def pronghorn_world(_: Sizes) -> tuple[Tracks, list[BaseGeometry]]:
    """Two pronghorn and the fences around them."""
    return inputs.pronghorn(), inputs.wyoming_fences()


def compare(
    data: str, tracks: Tracks, fences: Sequence[BaseGeometry], rounds: int
) -> Iterator[Row]:
    """One row for each peer, after the pairs of step and fence were compared."""
    barriers = Barriers.from_geometries([str(n) for n in range(len(fences))], fences)
    peers = peers_of(tracks, fences)
    remark = check_pairs(tracks, barriers, fences, peers["STRtree of fences"]())
    works = [timed(lambda: find_crossings(tracks, barriers)), *map(timed, peers.values())]
    ours, *theirs = alternate(works, [len(tracks)] * len(works), rounds=rounds)
    for name, timing in zip(peers, theirs, strict=True):
        yield speed_bar(LINE, data, name, ours, timing, target=BAR, remark=remark)


def peers_of(tracks: Tracks, fences: Sequence[BaseGeometry]) -> dict[str, Callable[[], IntArray]]:
    """What a user would write; trees are built before, geometries of steps each time.

    Each gives pairs of step and fence, as a (2, q) array.
    """
    whole = np.asarray(fences, dtype=object)
    pieces, owner = pieces_of(whole)
    of_fences, of_pieces = shapely.STRtree(whole), shapely.STRtree(pieces)
    frame = geopandas.GeoDataFrame(geometry=whole)

    def by_fence() -> IntArray:
        return np.asarray(of_fences.query(inputs.step_lines(tracks), predicate="intersects"))

    def by_piece() -> IntArray:
        step, piece = of_pieces.query(inputs.step_lines(tracks), predicate="intersects")
        return np.unique(np.stack((step, owner[piece])), axis=1)

    def join() -> IntArray:
        steps = geopandas.GeoDataFrame(geometry=inputs.step_lines(tracks))
        found = steps.sjoin(frame, predicate="intersects")
        return np.stack((found.index.to_numpy(), found["index_right"].to_numpy()))

    return {"STRtree of fences": by_fence, "STRtree of pieces": by_piece, "geopandas sjoin": join}


def check_pairs(
    tracks: Tracks, barriers: Barriers, fences: Sequence[BaseGeometry], theirs: IntArray
) -> str:
    """Compare pairs of step and fence; a mere touch is not a crossing, so those may differ."""
    found = find_crossings(tracks, barriers)
    # A fence that was drawn twice is one of ours and two of theirs.
    step, fence = theirs[0], barriers.drawn_as[theirs[1]]
    count = len(barriers.names)
    ours = np.searchsorted(tracks.steps, found.first) * count + found.feature
    different = np.setxor1d(ours, step * count + fence)
    lines = inputs.step_lines(tracks)[different // count]
    crossed = np.asarray(fences, dtype=object)[different % count]
    touching = shapely.touches(lines, crossed) | (shapely.length(lines) == 0)
    check(bool(touching.all()), f"{(~touching).sum()} pairs of step and fence differ from STRtree")
    check(len(np.unique(ours)) == len(found), "a pair of step and fence was given twice")
    return f"{len(found):,} same pairs" + (f", {len(different)} touches" if len(different) else "")


def pieces_of(
    fences: "np.ndarray[tuple[int], np.dtype[np.object_]]",
) -> tuple["np.ndarray[tuple[int], np.dtype[np.object_]]", IntArray]:
    """Straight pieces of fences, and the fence of each."""
    parts, of = shapely.get_parts(fences, return_index=True)
    vertices, part = shapely.get_coordinates(parts, return_index=True)
    begin = np.flatnonzero(part[1:] == part[:-1])
    ends = np.stack((vertices[begin], vertices[begin + 1]), axis=1)
    return np.asarray(shapely.linestrings(ends), dtype=object), of[part[begin]].astype(np.int64)
