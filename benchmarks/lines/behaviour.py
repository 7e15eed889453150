"""Behaviour at real fences against the time of the R reference, and how the time grows."""

from collections.abc import Iterator
from functools import partial
from typing import Final, get_args

from benchmarks import inputs, synthetic
from benchmarks.inputs import Sizes
from benchmarks.measure import PeerMissing, Row, Skipped, Timing, alternate, check, limit_bar, timed
from ecoduct_analysis.barrier_behaviour import Mode, classify_encounters
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.rules import EncounterRule

LINE: Final = "behaviour"
# BaBA 2.4 on these fixes and fences, CPU time, measured once on a like machine: R is not installed.
REFERENCE_S, BAR = 34.0, 500.0
PRONGHORN: Final = EncounterRule(buffer_m=110.0, max_cross=4)
EXPECTED: Final = {
    "Quick_Cross": 233, "Bounce": 203, "Average_Movement": 37, "Back_n_forth": 15, "Trace": 10,
}  # fmt: skip
FLAT_TIMES: Final = 1.5  # a quadratic part would show as 10


def rows(sizes: Sizes) -> Iterator[Row]:
    """Both modes on pronghorn, then the growth from the first size to the last."""
    for mode in get_args(Mode):
        try:
            yield pronghorn(mode, sizes)
        except PeerMissing as missing:
            yield Skipped(LINE, "pronghorn", str(missing))
    yield from growth(sizes)


def pronghorn(mode: Mode, sizes: Sizes) -> Row:
    """8,757 fixes and 1,673 fences: all of an analysis but reading the files."""
    tracks, fences = inputs.pronghorn(), inputs.wyoming_fences()
    barriers = Barriers.from_geometries([str(n) for n in range(len(fences))], fences, crs=None)
    found = classify_encounters(tracks, barriers, PRONGHORN, mode=mode).encounters
    counts = {kind: count for kind, count in found.counts().items() if count}
    check(
        mode != "parity" or counts == EXPECTED, f"behaviour: {counts} and not {EXPECTED} in parity"
    )
    work = timed(lambda: classify_encounters(tracks, barriers, PRONGHORN, mode=mode))
    (ours,) = alternate([work], [len(tracks)], rounds=4 * sizes.rounds)
    same = "events, as in the reference" if mode == "parity" else "events, by our own rules"
    return limit_bar(
        LINE, f"pronghorn {mode[:3]}", "R, 34 s measured once, not here", ours.best_s * 1e3,
        REFERENCE_S * 1e3, unit="ms", target=BAR, remark=f"{len(found)} {same}",
    )  # fmt: skip


def growth(sizes: Sizes) -> Iterator[Row]:
    """CPU time for each fix of the smallest size and of larger ones."""
    lines = synthetic.fences(sizes.fences)
    barriers = Barriers.from_geometries([str(n) for n in range(len(lines))], lines)
    small: Timing | None = None
    for animals in sizes.growth:
        tracks = synthetic.tracks(animals, sizes.each)
        work = timed(partial(classify_encounters, tracks, barriers, EncounterRule()))
        (taken,) = alternate([work], [len(tracks)], rounds=2)
        small = small or taken
        yield limit_bar(
            LINE, f"{len(tracks):,}", "limit, time/fix beside the smallest",
            small.fixes_s / taken.fixes_s, FLAT_TIMES, unit="times",
            remark=f"{1e9 / taken.fixes_s:,.0f} ns/fix", target=None if taken is small else 1.0,
        )  # fmt: skip
