"""Awkward tracks and lines that every method must bear."""

from collections.abc import Sequence

import numpy as np
import shapely

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.projection import DEGREES
from ecoduct_analysis.tracks import FloatArray, Tracks

HOUR_MS = 3_600_000
IN_2026_MS = 1_772_000_000_000  # screening passes over times before collars had receivers


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
YEAR_GAP = walk((0, 0), (3, 1), (4, 0), (40, 2), hours=[0, 1, 1 + 24 * 365, 2 + 24 * 365])
EACH_SECOND = walk(
    *[(n * 0.01, (n % 7) * 0.1) for n in range(900)], hours=[n / 3600 for n in range(900)]
)
ALONG = walk((5, -20), (5, -5), (5, 0), (5, 5), (5, 20))
THROUGH_A_VERTEX = walk((0, 0), (10, 0), (0, 0))
TRACKS = {
    "nobody": NOBODY, "silent": SILENT, "once": ONCE, "still": STILL, "gap": GAP,
    "far apart": FAR_APART, "gap of a year": YEAR_GAP, "1 Hz": EACH_SECOND, "along": ALONG,
    "through a vertex": THROUGH_A_VERTEX,
}  # fmt: skip

HOLE = shapely.Polygon(shapely.box(-50, -50, 50, 50).exterior, [shapely.box(2, -5, 8, 5).exterior])
BARRIERS = {
    "nothing": {},
    "line with a vertex": {"fence": line((5, -10), (5, 0), (5, 10))},
    "polygon with a hole": {"park": HOLE},
    "no length": {"post": line((5, 0), (5, 0))},
    "no geometry": {"ghost": shapely.LineString()},
    "drawn twice": {"fence": line((5, -9), (5, 9)), "again": line((5, 9), (5, -9))},
    "far away": {"fence": line((5e6, 0), (5e6, 9))},
}


def loose(
    *places: tuple[float, float], hours: Sequence[float] | None = None, crs: str | None = DEGREES
) -> Fixes:
    """Fixes of one animal as they came, in degrees unless told otherwise."""
    at = np.array(hours if hours is not None else range(len(places)), dtype=float)
    places_xy = np.array(places, dtype=float).reshape(-1, 2)
    return Fixes.from_arrays(
        ["a"],
        track=np.zeros(len(places), dtype=int),
        t_ms=IN_2026_MS + np.rint(at * HOUR_MS).astype(int),
        x=places_xy[:, 0],
        y=places_xy[:, 1],
        crs=crs,
    )


NAN = float("nan")
FIXES = {
    "nobody": Fixes.from_arrays([], track=[], t_ms=[], x=[], y=[]),
    "silent": Fixes.from_arrays(["a", "b"], track=[], t_ms=[], x=[], y=[]),
    "once": loose((18.4, -33.9)),
    "all equal": loose(*[(18.4, -33.9)] * 20),
    "nowhere": loose((NAN, NAN), (18.4, -33.9), (NAN, -33.9), (18.41, -33.9), (18.4, NAN)),
    "never anywhere": loose((NAN, NAN), (NAN, NAN)),
    "one time twice": loose((18.4, -33.9), (18.5, -33.9), (18.4, -33.8), hours=[1, 1, 2]),
    "unsorted": loose((18.4, -33.9), (18.5, -33.9), (18.4, -33.8), hours=[7, 2, 5]),
    "antimeridian": loose((179.9, -17.0), (-179.9, -17.1), (179.95, -17.0)),
    "pole": loose((10.0, 89.9), (100.0, 89.99), (-170.0, 90.0), (0.0, 89.9)),
    "gap of a year": loose((18.4, -33.9), (18.41, -33.9), (18.4, -33.8), hours=[0, 1, 8761]),
    "1 Hz": loose(*[(18.4 + n * 1e-6, -33.9) for n in range(300)],
                  hours=[n / 3600 for n in range(300)]),
    "no globe": loose((0, 0), (500, 20), (900, 0), crs=None),
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
