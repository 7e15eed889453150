"""The whole chain, from a file to corridors: fixes for each second of CPU time."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet
from shapely import affinity

from benchmarks import synthetic
from benchmarks.inputs import Sizes
from benchmarks.measure import Row, Timing, alternate, check, limit_bar, timed
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.corridors import find_corridors
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.projection import DEGREES, change_crs
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.screening import screen
from ecoduct_analysis.steps import measure_steps
from ecoduct_analysis.stopovers import find_stays
from ecoduct_analysis.tables import from_arrow, read_csv, to_arrow, write_csv

LINE: Final = "chain"
LIMIT_FIXES_S: Final = 1e6
FLAT_TIMES: Final = 1.5
CRS: Final = "EPSG:32612"
CORNER_M: Final = (450_000.0, 4_650_000.0)  # of the square of fences, in Wyoming
STAYS: Final = StayRule(radius_m=300.0, min_stay_h=1.0)


@dataclass(frozen=True, slots=True)
class Found:
    """How many of each the chain found."""

    fixes: int
    kept: int
    steps: int
    stays: int
    crossings: int
    corridor_steps: int


def rows(sizes: Sizes) -> Iterator[Row]:
    """From Parquet and from CSV, and how the first grows with the number of fixes."""
    fences = Barriers.from_geometries(
        [str(number) for number in range(sizes.fences)],
        [affinity.translate(line, *CORNER_M) for line in synthetic.fences(sizes.fences)],
    )
    small: Timing | None = None
    for animals in sizes.growth:
        given = herd(animals, sizes.each)
        with tempfile.TemporaryDirectory() as folder:
            if small is None:
                yield from from_files(Path(folder), given, fences, rounds=sizes.rounds)
            path = Path(folder, "fixes.parquet")
            pyarrow.parquet.write_table(to_arrow(given), path)
            (taken,) = alternate(
                [timed(chain(partial(_parquet, path), fences))], [len(given)], rounds=2
            )
        small = small or taken
        yield limit_bar(
            LINE, f"{len(given):,}", "limit, time/fix beside the smallest",
            small.fixes_s / taken.fixes_s, FLAT_TIMES, unit="times",
            remark=f"{1e9 / taken.fixes_s:,.0f} ns/fix", target=None if taken is small else 1.0,
        )  # fmt: skip


def from_files(folder: Path, given: Fixes, fences: Barriers, *, rounds: int) -> Iterator[Row]:
    """Both kinds of file in turn."""
    table, text = folder / "fixes.parquet", folder / "fixes.csv"
    pyarrow.parquet.write_table(to_arrow(given), table)
    write_csv(given, text)
    works = [chain(partial(_parquet, table), fences), chain(partial(read_csv, text), fences)]
    found, again = works[0](), works[1]()
    check(found == again, "chain: the CSV file gives other findings than the Parquet file")
    check(found.fixes == len(given), "chain: fixes were lost in reading")
    check(found.stays > 0 and found.crossings > 0, "chain: nothing was found")
    takens = alternate([timed(work) for work in works], [len(given)] * 2, rounds=rounds)
    told = (
        f"{found.kept:,} fixes kept, {found.stays:,} stays, {found.crossings:,} crossings, "
        f"{found.corridor_steps:,} corridor steps"
    )
    for name, taken, target in zip(("Parquet", "CSV"), takens, (1.0, None), strict=True):
        yield limit_bar(
            LINE, f"{len(given):,}", f"limit, from {name}", 1e6 / taken.fixes_s,
            1e6 / LIMIT_FIXES_S, unit="µs/fix", remark=told, target=target,
        )  # fmt: skip


def chain(load: Callable[[], Fixes], fences: Barriers) -> Callable[[], Found]:
    """Load, sort, screen, project, measure, stays, crossings, corridors."""

    def run() -> Found:
        fixes = load()
        kept = screen(fixes).kept
        tracks = fixes.project(kept=kept, crs=CRS)
        steps = measure_steps(tracks)
        stays = find_stays(tracks, STAYS)
        crossings = find_crossings(tracks, fences)
        corridors = find_corridors(tracks)
        return Found(
            len(fixes), len(tracks), int(np.isfinite(steps.length_m).sum()), len(stays),
            len(crossings), int(corridors.is_corridor.sum()),
        )  # fmt: skip

    return run


def herd(animals: int, each: int) -> Fixes:
    """Animals in the square of the fences, in degrees."""
    tracks = synthetic.tracks(animals, each)
    x, y = change_crs(tracks.x + CORNER_M[0], tracks.y + CORNER_M[1], source=CRS, target=DEGREES)
    return Fixes(
        names=tracks.names, offsets=tracks.offsets, t_ms=tracks.t_ms, x=x, y=y,
        row=np.arange(len(tracks), dtype=np.int64), crs=DEGREES,
    )  # fmt: skip


def _parquet(path: Path) -> Fixes:
    return from_arrow(pyarrow.parquet.read_table(path, use_threads=False))
