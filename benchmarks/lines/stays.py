"""Stays of 300 m and an hour, against the stop detectors of three peers."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import inputs, synthetic
from benchmarks.inputs import Sizes
from benchmarks.measure import (
    Bar,
    PeerMissing,
    Row,
    Skipped,
    alternate,
    check,
    speed_bar,
    timed,
)
from benchmarks.peer_process import Peer
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.stay_parity import movingpandas_stays
from ecoduct_analysis.stopovers import find_stays
from ecoduct_analysis.synthetic import migrate
from ecoduct_analysis.tracks import Tracks

LINE: Final = "stays"
RULE: Final = StayRule(radius_m=300.0, min_stay_h=1.0, max_gap_h=12.0)
PLANTED_RULE: Final = StayRule(radius_m=200.0, min_stay_h=18.0, max_gap_h=24.0)
LEAST_SHARE: Final = 0.98  # of the planted stays, both ways
DIAMETER_M: Final = 2.0 * RULE.radius_m  # two fixes of a stay are at most so far apart
DEGREES: Final = 4326
METRES: Final = 32648  # any plane in metres: synthetic animals are on none
_S_PER_H: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Detector:
    """A peer's detector: where it lives, what it is asked for, its sample, and the bar."""

    name: str
    environment: str
    module: str
    operation: str
    arguments: tuple[float, ...]
    sample: str
    bar: float | None
    in_degrees: bool = False


_STOPS: Final = (DIAMETER_M, RULE.min_stay_h)
_GROUPS: Final = (RULE.radius_m, RULE.min_stay_h * _S_PER_H, RULE.max_gap_h * _S_PER_H)
DETECTORS: Final = (
    # Tables of tracks are in degrees, and it takes them so; in metres it is a few times as fast.
    Detector("movingpandas stops, in degrees", "peers", "movingpandas_peer", "stays",
             (*_STOPS, DEGREES), "slow_fixes", 2_000.0, in_degrees=True),
    Detector("movingpandas stops, in metres", "peers", "movingpandas_peer", "stays",
             (*_STOPS, METRES), "slow_fixes", None),
    Detector("PyMEOS stops", "peers-meos", "meos_peer", "stays", _STOPS, "peer_fixes", 80.0),
    Detector("infostop", "peers-infostop", "infostop_peer", "stays", _GROUPS, "peer_fixes", 15.0),
    # Only groups of fixes along each track, as we find them; told so that nobody is misled.
    Detector("infostop, first stage alone", "peers-infostop", "infostop_peer", "events", _GROUPS,
             "peer_fixes", None),
)  # fmt: skip


def rows(sizes: Sizes) -> Iterator[Row]:
    """Compare on synthetic animals; then show how the time grows with their number."""
    remark = check_planted(sizes)
    tracks = synthetic.tracks(sizes.animals, sizes.each)
    for peer in DETECTORS:
        yield from against(peer, tracks, sizes, remark=remark)
    yield growth(sizes)


def against(peer: Detector, tracks: Tracks, sizes: Sizes, *, remark: str) -> Iterator[Row]:
    """CPU time of our detector with every column of its result, and of the peer's."""
    some = head(tracks, getattr(sizes, peer.sample))
    folk = synthetic.fixes(sizes.animals, sizes.each)  # the same walks, on the globe
    given = inputs.head(folk, getattr(sizes, peer.sample)) if peer.in_degrees else some
    ours = timed(lambda: find_stays(tracks, RULE))
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            Peer(peer.environment, peer.module, peer.operation,
                 write(Path(folder, "fixes.npz"), given),
                 *(str(one) for one in peer.arguments)) as it,
        ):  # fmt: skip
            mine, theirs = alternate(
                [ours, it.round], [len(tracks), len(some)], rounds=min(3, sizes.rounds)
            )
            if peer.module == "movingpandas_peer" and not peer.in_degrees:
                check_parity(some, it.answer())
                remark = f"{remark}; our mode of its rule gives its {len(it.answer())} stops"
    except PeerMissing as missing:
        yield Skipped(LINE, sizes.name, f"{peer.name}: {missing}")
        return
    yield speed_bar(LINE, sizes.name, peer.name, mine, theirs, target=peer.bar, remark=remark)


def growth(sizes: Sizes) -> Row:
    """Time for each fix of the most animals beside that of the fewest."""
    each_ns = []
    for animals in (min(sizes.growth), max(sizes.growth)):
        tracks = synthetic.tracks(animals, sizes.each)
        find = timed(lambda tracks=tracks: find_stays(tracks, RULE))  # type: ignore[misc]
        (taken,) = alternate([find], [len(tracks)], rounds=sizes.rounds)
        each_ns.append(1e9 / taken.fixes_s)
    few, many = each_ns
    fixes = max(sizes.growth) * sizes.each
    # A third more time for each fix would be the caches, not the method.
    return Bar(LINE, f"{fixes:,}", f"{min(sizes.growth) * sizes.each:,} fixes", many, few,
               "ns/fix", few / many, 0.75, "linear in the number of fixes")  # fmt: skip


def check_planted(sizes: Sizes) -> str:
    """Find the planted stays of a simulated migration, and nothing else."""
    herd = migrate(max(4, sizes.animals // 25), seed=3, interval_s=3600.0, missing=0.2)
    found = find_stays(herd.tracks, PLANTED_RULE)
    since, until = herd.tracks.t_ms[found.first], herd.tracks.t_ms[found.last]
    begins, ends = herd.stay_begins_ms[:, None], herd.stay_ends_ms[:, None]
    shared = np.minimum(ends, until) - np.maximum(begins, since)
    right = 2 * shared >= np.maximum(ends, until) - np.minimum(begins, since)
    right &= herd.stay_track[:, None] == found.track
    recall, precision = right.any(axis=1).mean(), right.any(axis=0).mean()
    check(min(recall, precision) >= LEAST_SHARE, f"stays: recall {recall}, precision {precision}")
    return f"planted stays: recall {recall:.3f}, precision {precision:.3f}"


def check_parity(tracks: Tracks, answer: list[list[int]]) -> None:
    """Compare the stops of movingpandas with those of our mode of its rule."""
    found = movingpandas_stays(tracks, max_diameter_m=DIAMETER_M, min_stay_h=RULE.min_stay_h)
    columns: tuple[Any, ...] = (found.track, found.begins_ms, found.ends_ms)
    ours = [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    check(sorted(ours) == sorted(answer), "stays: our mode differs from movingpandas")


def head(tracks: Tracks, at_most: int) -> Tracks:
    """First whole animals, together about ``at_most`` fixes."""
    animals = max(1, int(np.searchsorted(tracks.offsets, at_most, side="right")) - 1)
    return tracks.select(np.arange(animals))


def write(path: Path, given: Fixes | Tracks) -> str:
    """Write columns for a peer of another environment, and give the path."""
    if isinstance(given, Fixes):
        return inputs.write_fixes(path, given)
    np.savez(path, track=given.track, t_ms=given.t_ms, x=given.x, y=given.y)
    return str(path)
