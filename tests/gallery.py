"""Awkward tracks and lines that every method must bear."""

from collections.abc import Sequence

import numpy as np
import shapely

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.tracks import FloatArray, Tracks

HOUR_MS = 3_600_000


def line(*places: tuple[float, float]) -> shapely.LineString:
    return shapely.LineString(places)


def barriers(**geometries: shapely.geometry.base.BaseGeometry) -> Barriers:
    return Barriers.from_geometries(list(geometries), list(geometries.values()))


def walk(*places: tuple[float, float], hours: Sequence[float] | None = None) -> Tracks:
    """One animal, an hour between fixes unless told otherwise."""
    at = np.array(hours if hours is not None else range(len(places)), dtype=float)
    places_xy = np.array(places, dtype=float).reshape(-1, 2)
    return Tracks.from_arrays(
        ["a"],
        track=np.zeros(len(places), dtype=int),
        t_ms=np.rint(at * HOUR_MS).astype(int),
        x=places_xy[:, 0],
        y=places_xy[:, 1],
    )


NOBODY = Tracks.from_arrays([], track=[], t_ms=[], x=[], y=[])
SILENT = Tracks.from_arrays(["a", "b"], track=[], t_ms=[], x=[], y=[])
ONCE = walk((0, 0))
STILL = walk(*[(5.0, 5.0)] * 30)
GAP = walk((0, 0), (1, 0), (2, 0), hours=[0, 1, 24 * 30])
FAR_APART = Tracks.from_arrays(
    ["a", "empty", "b"], track=[2, 0, 0, 2], t_ms=[5, 9, 3, 1], x=[9, 0, 5, -9], y=[0, 1, 1, 0]
)
TRACKS = {
    "nobody": NOBODY, "silent": SILENT, "once": ONCE, "still": STILL, "gap": GAP,
    "far apart": FAR_APART,
}  # fmt: skip


def random_walks(seed: int, *, animals: int = 4, fixes: int = 80, scale: float = 400.0) -> Tracks:
    dice = np.random.default_rng(seed)
    track = np.repeat(np.arange(animals), fixes)
    gaps = dice.choice([0.5, 1.0, 1.0, 2.0, 15.0], size=animals * fixes)
    moves: FloatArray = dice.normal(0, scale, (animals * fixes, 2))
    moves *= (dice.random(animals * fixes) < 0.5)[:, None]
    # Whole centimetres: their sums and differences are exact, so that a shift changes nothing.
    x, y = (np.round(np.cumsum(moves[:, axis]), 2) for axis in (0, 1))
    return Tracks.from_arrays(
        [str(n) for n in range(animals)],
        track=track,
        t_ms=np.rint(np.cumsum(gaps) * HOUR_MS).astype(int),
        x=x,
        y=y,
    )
