"""Memory at the peak of each operation, over that of its input, in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import synthetic
from benchmarks.inputs import Sizes
from benchmarks.measure import Row, Skipped, limit_bar
from benchmarks.peer_process import ROOT

LINE: Final = "memory"
BYTES: Final = 150.0
OPERATIONS: Final = ("steps", "screening", "crossings", "nearest", "behaviour")


def rows(sizes: Sizes) -> Iterator[Row]:
    """One process for each operation."""
    with tempfile.TemporaryDirectory() as folder:
        count = write(Path(folder), sizes)
        for operation in OPERATIONS:
            yield measure(operation, Path(folder), count, sizes)


def write(folder: Path, sizes: Sizes) -> int:
    """Columns as files, so that a child reads them without a peak of its own."""
    animals, each = sizes.memory_animals, sizes.each
    in_degrees = synthetic.fixes(animals, each)
    np.save(folder / "lon.npy", in_degrees.x)
    np.save(folder / "lat.npy", in_degrees.y)
    in_metres = synthetic.tracks(animals, each)
    for column in ("offsets", "t_ms", "x", "y"):
        np.save(folder / f"{column}.npy", getattr(in_metres, column))
    return len(in_metres)


def measure(operation: str, folder: Path, count: int, sizes: Sizes) -> Row:
    """Bytes that one operation adds for each fix, its answer among them."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.memory_child", operation, folder, str(sizes.fences)],
        cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        return Skipped(LINE, operation, done.stderr.strip().splitlines()[-1])
    each = json.loads(done.stdout)["added_bytes"] / count
    # An operation may fit in what its warm-up left free; the ratio needs something to divide by.
    return limit_bar(LINE, operation, "limit", max(each, 1.0), BYTES, unit="bytes/fix",
                     remark=f"peak over the input, {count:,} fixes")  # fmt: skip
