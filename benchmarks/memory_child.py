"""One operation on columns of files: prints by how many bytes its peak exceeds the input."""

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import synthetic
from ecoduct_analysis.barrier_behaviour import classify_encounters
from ecoduct_analysis.barriers import Barriers, find_nearest
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.rules import EncounterRule
from ecoduct_analysis.screening import screen
from ecoduct_analysis.steps import measure_steps
from ecoduct_analysis.tracks import Tracks

KIB: Final = 1024
STATUS: Final = Path("/proc/self/status")
IN_DEGREES: Final = ("steps", "screening")


def read_fixes(folder: Path) -> Fixes:
    """Columns in degrees."""
    offsets = np.load(folder / "offsets.npy")
    return Fixes(
        names=tuple(str(n) for n in range(len(offsets) - 1)), offsets=offsets,
        t_ms=np.load(folder / "t_ms.npy"), x=np.load(folder / "lon.npy"),
        y=np.load(folder / "lat.npy"), row=np.arange(offsets[-1]),
    )  # fmt: skip


def read_tracks(folder: Path) -> Tracks:
    """Columns in metres."""
    offsets = np.load(folder / "offsets.npy")
    return Tracks(
        names=tuple(str(n) for n in range(len(offsets) - 1)), offsets=offsets,
        t_ms=np.load(folder / "t_ms.npy"), x=np.load(folder / "x.npy"),
        y=np.load(folder / "y.npy"),
    )  # fmt: skip


def memory_bytes(which: str) -> int:
    """What this process holds now (VmRSS) or held at most (VmHWM).

    Not `getrusage`: its mark begins at what the parent held when it started this process.
    """
    line = next(one for one in STATUS.read_text().splitlines() if one.startswith(which))
    return int(line.split()[1]) * KIB


def forget_peak() -> None:
    """Let the highest mark of memory begin anew; compilation of the warm-up made it high."""
    # Where that is refused the peak may be that of the warm-up: too high, never too low.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def operations(barriers: Barriers) -> dict[str, Callable[[Any], object]]:
    """Operations by name; those of the first two take fixes in degrees."""
    return {
        "steps": measure_steps,
        "screening": screen,
        "crossings": lambda tracks: find_crossings(tracks, barriers),
        "nearest": lambda tracks: find_nearest(tracks.x, tracks.y, barriers),
        "behaviour": lambda tracks: classify_encounters(tracks, barriers, EncounterRule()),
    }


def main() -> None:
    """Warm up on a little, read the input, and measure."""
    operation, folder, fences = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    lines = synthetic.fences(fences)
    work = operations(Barriers.from_geometries([str(n) for n in range(fences)], lines))[operation]
    in_degrees = operation in IN_DEGREES
    # Compilation takes memory that a long-running program has long given back.
    work(synthetic.fixes(4, 50) if in_degrees else synthetic.tracks(4, 50))
    given = read_fixes(folder) if in_degrees else read_tracks(folder)
    before = memory_bytes("VmRSS")
    forget_peak()
    kept = work(given)
    peak = memory_bytes("VmHWM")
    del kept
    print(json.dumps({"added_bytes": peak - before}))


if __name__ == "__main__":
    main()
