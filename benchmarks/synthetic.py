"""Seeded animals, fences and faults: the same on every machine, made without a loop over fixes."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.tracks import Tracks

SEED: Final = 20_261_124
START_MS: Final = 1_700_000_000_000
METRES_PER_DEGREE: Final = 111_200.0  # of latitude; good enough to lay a walk on the globe

INTERVALS_S: Final = (300, 900, 1_800, 3_600, 7_200, 14_400)  # schedules that collars wear
JITTER_S: Final = 10.0  # a receiver needs this long to find its satellites
GAP_SHARE, LONGEST_GAP = 0.01, 50  # some fixes fail in a row
MEDIAN_SPEED_M_S, SPREAD, FASTEST_M_S = 0.15, 0.8, 5.0  # log-normal; a running ungulate at most
STRAIGHT_S: Final = 3_600.0  # beyond an hour an animal winds, and its net way grows as the root
TURN_RAD, RESTING = 0.8, 0.3
SCATTER_M: Final = 5.0  # of a collar's position along each axis

SIDE_M: Final = 150_000.0  # with 1,000 fences as dense as those of Sublette County, Wyoming
PIECES, PIECE_M, BEND_RAD = 33, 170.0, 0.25  # the real fences: 167 m between vertices


@dataclass(frozen=True, slots=True)
class Walk:
    """Fixes of animals with equally many each, in metres from where each began.

    Attributes
    ----------
    t_ms, x, y : (animals, each) array
    """

    t_ms: IntArray
    x: FloatArray
    y: FloatArray


def walk(animals: int, each: int, *, seed: int = SEED) -> Walk:
    """Correlated random walks at mixed intervals, with rests, gaps and scatter."""
    dice = np.random.default_rng(seed)
    shape = (animals, each)
    interval_s = dice.choice(INTERVALS_S, (animals, 1)) + dice.uniform(-JITTER_S, JITTER_S, shape)
    gap = np.where(dice.random(shape) < GAP_SHARE, dice.integers(2, LONGEST_GAP, shape), 1)
    lapse_s = interval_s * gap
    speed_m_s = np.minimum(MEDIAN_SPEED_M_S * np.exp(dice.normal(0, SPREAD, shape)), FASTEST_M_S)
    moved_m = speed_m_s * np.minimum(lapse_s, np.sqrt(lapse_s * STRAIGHT_S))
    moved_m *= dice.random(shape) > RESTING
    heading = np.cumsum(dice.normal(0, TURN_RAD, shape), axis=1)
    heading += dice.uniform(0, 2 * np.pi, (animals, 1))
    place = [
        np.cumsum(moved_m * turned, axis=1) + dice.normal(0, SCATTER_M, shape)
        for turned in (np.sin(heading), np.cos(heading))
    ]
    t_ms = START_MS + np.cumsum(np.rint(lapse_s * 1000.0), axis=1).astype(np.int64)
    return Walk(t_ms, place[0], place[1])


def fixes(animals: int, each: int, *, seed: int = SEED) -> Fixes:
    """Animals spread over the mid latitudes of both halves of the globe, in degrees."""
    made = walk(animals, each, seed=seed)
    dice = np.random.default_rng(seed + 1)
    start_lat = dice.uniform(25.0, 55.0, (animals, 1)) * dice.choice((-1.0, 1.0), (animals, 1))
    start_lon = dice.uniform(-180.0, 180.0, (animals, 1))
    lat = start_lat + made.y / METRES_PER_DEGREE
    lon = start_lon + made.x / (METRES_PER_DEGREE * np.cos(np.radians(start_lat)))
    return Fixes(
        names=tuple(f"animal {n}" for n in range(animals)),
        offsets=np.arange(animals + 1, dtype=np.int64) * each,
        t_ms=made.t_ms.ravel(),
        x=(np.mod(lon + 180.0, 360.0) - 180.0).ravel(),
        y=lat.ravel(),
        row=np.arange(animals * each, dtype=np.int64),
    )


def tracks(animals: int, each: int, *, seed: int = SEED) -> Tracks:
    """Animals that begin anywhere in a square of `SIDE_M`, in metres."""
    made = walk(animals, each, seed=seed)
    begin = np.random.default_rng(seed + 2).uniform(0, SIDE_M, (2, animals, 1))
    return Tracks(
        names=tuple(f"animal {n}" for n in range(animals)),
        offsets=np.arange(animals + 1, dtype=np.int64) * each,
        t_ms=made.t_ms.ravel(),
        x=(begin[0] + made.x).ravel(),
        y=(begin[1] + made.y).ravel(),
    )


def fences(
    count: int, *, seed: int = SEED, begins: FloatArray | None = None
) -> list[shapely.LineString]:
    """Winding lines of 33 pieces, which begin anywhere in the square or where they are told."""
    dice = np.random.default_rng(seed + 3)
    begin = dice.uniform(0, SIDE_M, (count, 2)) if begins is None else begins
    heading = np.cumsum(dice.normal(0, BEND_RAD, (count, PIECES)), axis=1)
    heading += dice.uniform(0, 2 * np.pi, (count, 1))
    moved = PIECE_M * np.stack((np.sin(heading), np.cos(heading)), axis=2)
    moved *= dice.uniform(0.5, 1.5, (count, PIECES, 1))
    vertices = begin[:, None, :] + np.concatenate(
        (np.zeros((count, 1, 2)), np.cumsum(moved, axis=1)), axis=1
    )
    return list(np.asarray(shapely.linestrings(vertices), dtype=object))


@dataclass(frozen=True, slots=True)
class Planted:
    """Fixes with faults whose truth is known.

    Attributes
    ----------
    fixes : Fixes
    outlier : (n,) array
        Fixes that were moved away.
    doubled : (n,) array
        Fixes that share their animal and time with another; one of each pair must go.
    """

    fixes: Fixes
    outlier: BoolArray
    doubled: BoolArray


# A fault is told from a fast step by its length beside the animal's own long steps.
LONG_STEP, LEAST_TIMES, MOST_TIMES = 0.99, 3.0, 300.0
OUTLIER_SHARE, IN_PAIRS, DOUBLED_SHARE = 0.01, 0.1, 0.005
DOUBLED_OFF_M: Final = 20.0


def plant(animals: int, each: int, *, seed: int = SEED) -> Planted:
    """Move some fixes far away, alone or in pairs, and send others twice.

    An outlier lies 3 to 300 times the animal's own long step (its 99 % quantile) from where the
    animal was, in any direction. First and last fixes can be outliers, too.
    """
    clean = fixes(animals, each, seed=seed)
    dice = np.random.default_rng(seed + 4)
    outlier = dice.random(len(clean)) < OUTLIER_SHARE
    partner = np.flatnonzero(outlier & (dice.random(len(clean)) < IN_PAIRS)) + 1
    partner = partner[(partner % each != 0) & (partner < len(clean))]
    off = _offsets(clean, dice, each)
    off[:, partner] = off[:, partner - 1]
    outlier[partner] = True
    shift = np.where(outlier, off, 0.0)
    twice = np.flatnonzero(~outlier & (dice.random(len(clean)) < DOUBLED_SHARE))
    order = np.sort(np.concatenate((np.arange(len(clean)), twice)))
    doubled = np.isin(order, twice)
    again = np.concatenate(([False], order[1:] == order[:-1]))
    scatter = np.where(again, dice.normal(0, DOUBLED_OFF_M, (2, len(order))), 0.0)
    x, y = _moved(clean, shift)
    return Planted(
        fixes=Fixes(
            names=clean.names,
            offsets=np.searchsorted(order, clean.offsets),
            t_ms=clean.t_ms[order],
            x=x[order] + scatter[0] / METRES_PER_DEGREE,
            y=y[order] + scatter[1] / METRES_PER_DEGREE,
            row=np.arange(len(order), dtype=np.int64),
        ),
        outlier=outlier[order],
        doubled=doubled,
    )


def _offsets(clean: Fixes, dice: np.random.Generator, each: int) -> FloatArray:
    lat = clean.y.reshape(-1, each)
    east = np.diff(clean.x.reshape(-1, each), axis=1)
    east = (np.mod(east + 180.0, 360.0) - 180.0) * np.cos(np.radians(lat[:, 1:]))
    step_m = np.hypot(east, np.diff(lat, axis=1)) * METRES_PER_DEGREE
    long_m = np.repeat(np.quantile(step_m, LONG_STEP, axis=1), each)
    far_m = long_m * np.exp(dice.uniform(np.log(LEAST_TIMES), np.log(MOST_TIMES), len(clean)))
    bearing = dice.uniform(0, 2 * np.pi, len(clean))
    return np.stack((far_m * np.sin(bearing), far_m * np.cos(bearing)))


def _moved(clean: Fixes, shift_m: FloatArray) -> tuple[FloatArray, FloatArray]:
    lat = np.clip(clean.y + shift_m[1] / METRES_PER_DEGREE, -89.0, 89.0)
    lon = clean.x + shift_m[0] / (METRES_PER_DEGREE * np.cos(np.radians(clean.y)))
    return np.mod(lon + 180.0, 360.0) - 180.0, lat
