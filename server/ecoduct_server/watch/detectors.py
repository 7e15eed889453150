"""What is looked for in the tracks: one list, one contract.

A detector takes the tracks of all due deployments and the landscape, and gives findings. It reads
no clock and no database, so the same tracks give the same findings, live or from the archive.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np

from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.stopovers import find_stays
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.store.findings import Finding
from ecoduct_server.store.landscape import Landscape

log = logging.getLogger("ecoduct.watch")

STAY_RULE = StayRule()
_MS_PER_H = 3_600_000
DIRECTIONS = {1: "left_to_right", -1: "right_to_left", 0: "there_and_back"}


@dataclass(frozen=True, slots=True)
class Detector:
    """A kind of finding, what finds it, and how far away in time a fix can matter to it (ms)."""

    kind: str
    find: Callable[[Tracks, Landscape], Iterable[Finding]]
    reach_ms: int


def crossings(tracks: Tracks, landscape: Landscape) -> list[Finding]:
    """Steps that cross a barrier."""
    found = find_crossings(tracks, landscape.barriers)
    lon, lat = _degrees_e7(landscape, found.x, found.y)
    return [
        Finding(
            deployment=int(tracks.names[found.track[row]]),
            kind="crossing",
            place=landscape.barriers.names[found.feature[row]],
            starts_ms=int(tracks.t_ms[found.first[row]]),
            ends_ms=int(tracks.t_ms[found.first[row] + 1]),
            happened_ms=int(found.t_ms[row]),
            lon_e7=lon[row],
            lat_e7=lat[row],
            facts={
                "count": int(found.count[row]),
                "direction": DIRECTIONS[int(np.sign(found.net[row]))],
            },
        )
        for row in range(len(found))
    ]


def stays(tracks: Tracks, landscape: Landscape) -> list[Finding]:
    """Times during which an animal kept to one place."""
    found = find_stays(tracks, STAY_RULE)
    lon, lat = _degrees_e7(landscape, found.x, found.y)
    return [
        Finding(
            deployment=int(tracks.names[found.track[row]]),
            kind="stay",
            place=None,
            starts_ms=int(tracks.t_ms[found.first[row]]),
            ends_ms=int(tracks.t_ms[found.last[row]]),
            happened_ms=int(tracks.t_ms[found.first[row]]),
            lon_e7=lon[row],
            lat_e7=lat[row],
            facts={
                "fixes": int(found.last[row] - found.first[row] + 1),
                "radius_m": round(float(found.radius_m[row])),
            },
            rule=asdict(STAY_RULE),
        )
        for row in range(len(found))
    ]


DETECTORS = (
    Detector("crossing", crossings, reach_ms=0),
    Detector("stay", stays, reach_ms=round(STAY_RULE.reach_h * _MS_PER_H)),
)


@dataclass(frozen=True, slots=True)
class Examined:
    """Findings of the detectors that ran, and their kinds; the others' stored findings stay."""

    findings: list[Finding]
    kinds: list[str]


def examine(
    tracks: Tracks, landscape: Landscape, *, runs: Counter[str], failures: Counter[str]
) -> Examined:
    """Run every detector over all tracks at once; count runs and failures by kind."""
    done = Examined(findings=[], kinds=[])
    for detector in DETECTORS:
        runs[detector.kind] += 1
        try:
            findings = list(detector.find(tracks, landscape))
        # A supervisor: one detector that fails must not silence the others.
        except Exception:
            failures[detector.kind] += 1
            log.exception("detector.failed kind=%s tracks=%d", detector.kind, len(tracks.names))
        else:
            done.findings.extend(findings)
            done.kinds.append(detector.kind)
    return done


def _degrees_e7(
    landscape: Landscape,
    x_m: np.ndarray[tuple[int], np.dtype[np.float64]],
    y_m: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[list[int], list[int]]:
    lon, lat = landscape.projection.to_degrees(x_m, y_m)
    return np.rint(lon * 1e7).astype(int).tolist(), np.rint(lat * 1e7).astype(int).tolist()
