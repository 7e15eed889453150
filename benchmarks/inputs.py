"""What the lines work on: how much of it, the reference data, and files for peers."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from benchmarks.measure import PeerMissing
from benchmarks.peer_process import ROOT
from ecoduct_analysis.columns import BoolArray
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.tables import read_csv
from ecoduct_analysis.tracks import Tracks

STORKS: Final = "corridor/data/whitestork15_moveVis.csv.gz"
PRONGHORN: Final = "barrier/data/pronghorn_fixes.csv"
FENCES: Final = "barrier/data/fences_epsg32612.geojson"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much each line works on.

    Attributes
    ----------
    animals, each : int
        Synthetic animals, and fixes of each.
    fences, rounds : int
    slow_fixes : int
        What a peer below 10,000 fixes a second gets, in whole animals.
    tree_fixes, peer_fixes : int
        What peers get that find the nearest, and other slow peers.
    calls, live_animals : int
        Single live calls, and animals that send at once.
    growth : tuple of int
        Animals of the growth line.
    memory_animals : int
    """

    animals: int = 1_000
    each: int = 1_000
    fences: int = 1_000
    rounds: int = 5
    slow_fixes: int = 12_000
    tree_fixes: int = 50_000
    peer_fixes: int = 200_000
    calls: int = 5_000
    live_animals: int = 10_000
    growth: tuple[int, ...] = (1_000, 3_000, 10_000)
    memory_animals: int = 5_000

    @property
    def name(self) -> str:
        """What a line calls the synthetic data."""
        return f"{self.animals * self.each:,}"


FULL: Final = Sizes()
QUICK: Final = Sizes(
    animals=20, each=500, fences=100, rounds=2, slow_fixes=500, tree_fixes=1_000,
    peer_fixes=4_000, calls=50, live_animals=200, growth=(5, 15), memory_animals=200,
)  # fmt: skip


def reference_file(name: str) -> Path:
    """Path of a file of the reference data.

    Raises
    ------
    PeerMissing
    """
    folder = Path(os.environ.get("ECODUCT_REFERENCE_DATA", ROOT.parent / "shared" / "reference"))
    if not (folder / name).is_file():
        raise PeerMissing(f"no {name} in {folder}; set ECODUCT_REFERENCE_DATA")
    return folder / name


def storks() -> Fixes:
    """155,000 fixes of 15 white storks, in degrees."""
    return read_csv(reference_file(STORKS))


def pronghorn() -> Tracks:
    """Two pronghorn of Wyoming, in EPSG:32612."""
    return read_csv(reference_file(PRONGHORN)).project()


def wyoming_fences() -> list[BaseGeometry]:
    """1,673 fences around the pronghorn, in EPSG:32612."""
    features = json.loads(reference_file(FENCES).read_text())["features"]
    return [shape(feature["geometry"]) for feature in features]


def timed_once(fixes: Fixes) -> BoolArray:
    """Mask of the first fix of every animal and time."""
    kept = np.ones(len(fixes), dtype=bool)
    kept[1:] = fixes.t_ms[1:] != fixes.t_ms[:-1]
    kept[fixes.offsets[:-1][np.diff(fixes.offsets) > 0]] = True
    return kept


def head(fixes: Fixes, at_most: int) -> Fixes:
    """First whole animals, together about ``at_most`` fixes, for a peer too slow for all."""
    animals = max(1, int(np.searchsorted(fixes.offsets, at_most, side="right")) - 1)
    end = fixes.offsets[animals]
    return Fixes(
        names=fixes.names[:animals], offsets=fixes.offsets[: animals + 1], t_ms=fixes.t_ms[:end],
        x=fixes.x[:end], y=fixes.y[:end], row=fixes.row[:end], crs=fixes.crs,
    )  # fmt: skip


def write_fixes(path: Path, fixes: Fixes) -> str:
    """Write columns for a peer of another environment, and give the path."""
    track = np.repeat(np.arange(len(fixes.names)), np.diff(fixes.offsets))
    np.savez(path, track=track, t_ms=fixes.t_ms, x=fixes.x, y=fixes.y)
    return str(path)


def step_lines(tracks: Tracks) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
    """Steps as geometries, as a peer needs them."""
    first = tracks.steps
    ends = np.stack([np.stack((tracks.x[at], tracks.y[at]), 1) for at in (first, first + 1)], 1)
    return np.asarray(shapely.linestrings(ends), dtype=object)
