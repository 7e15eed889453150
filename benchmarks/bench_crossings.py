"""Crossings of 200,000 steps with 1,000 fences, against shapely's own STRtree in the same run."""

import time
from collections.abc import Callable

import numpy as np
import shapely

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.tracks import Tracks

ANIMALS, FIXES, FENCES, SEED = 100, 2_000, 1_000, 7
ROUNDS = 5


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of the fastest of some rounds, s."""
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return min(taken)


def main() -> None:
    """Print fixes per CPU second of both, and their ratio."""
    dice = np.random.default_rng(SEED)
    x, y = (np.cumsum(dice.normal(0, 400, ANIMALS * FIXES)) for _ in range(2))
    tracks = Tracks.from_arrays(
        [str(n) for n in range(ANIMALS)],
        track=np.repeat(np.arange(ANIMALS), FIXES),
        t_ms=np.arange(ANIMALS * FIXES),
        x=x,
        y=y,
    )
    begins = dice.uniform([x.min(), y.min()], [x.max(), y.max()], (FENCES, 2))
    fences = [
        shapely.LineString(begin + np.cumsum(dice.normal(0, 300, (33, 2)), axis=0))
        for begin in begins
    ]
    barriers = Barriers.from_geometries([str(n) for n in range(FENCES)], fences)
    first = tracks.steps
    ends = [np.stack((tracks.x[at], tracks.y[at]), axis=1) for at in (first, first + 1)]

    def peer() -> object:
        steps = shapely.linestrings(np.stack(ends, axis=1))
        return shapely.STRtree(fences).query(steps, predicate="intersects")

    ours, theirs = cpu_seconds(lambda: find_crossings(tracks, barriers)), cpu_seconds(peer)
    fixes = ANIMALS * FIXES
    print(
        f"crossings  {fixes / ours:12,.0f} fixes/s   {len(find_crossings(tracks, barriers))} found"
    )
    print(f"STRtree    {fixes / theirs:12,.0f} fixes/s   pairs only: no time, place or direction")
    print(f"ratio      {theirs / ours:12.2f} times the peer")


if __name__ == "__main__":
    main()
