"""What the methods with random draws share: each animal's own dice, steps, and fix intervals."""

import hashlib
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import ArrayLike

from ecoduct_analysis.bursts import thin, typical_interval_s
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.errors import AnalysisError, BadRule
from ecoduct_analysis.tracks import Tracks

_WORD = np.dtype("<u4")


@dataclass(frozen=True, slots=True, eq=False)
class TurningSteps:
    """Steps that moved, and follow a step that moved, both at the animal's own interval.

    Attributes
    ----------
    track, first : (m,) array
        Track and first fix of each step.
    begin, end : (m, 2) array, m
        x before y.
    length_m : (m,) array, m
        Above 0.
    heading_rad, turn_rad : (m,) array, radians
        Direction of the step before, and how far the step turned from it, -pi up to pi.
    """

    track: IntArray
    first: IntArray
    begin: FloatArray
    end: FloatArray
    length_m: FloatArray
    heading_rad: FloatArray
    turn_rad: FloatArray

    def __len__(self) -> int:
        """Count the steps."""
        return len(self.first)


def generator_of(seed: int, name: str) -> np.random.Generator:
    """Dice of one animal: they do not depend on which other animals share the call.

    Raises
    ------
    BadRule
        A seed below 0.
    """
    if seed < 0:
        raise BadRule(f"A seed is a whole number from 0 on, not {seed}.")
    # Python's own hash of a string differs from run to run.
    words = np.frombuffer(hashlib.sha256(name.encode()).digest(), dtype=_WORD)
    return np.random.default_rng(np.random.SeedSequence([seed, *words.tolist()]))


def ends_of_steps(tracks: Tracks, first: IntArray) -> tuple[FloatArray, FloatArray]:
    """Begin and end of the steps from some fixes, (m, 2) arrays, m."""
    places = np.stack((tracks.x, tracks.y), axis=1)
    return places[first], places[first + 1]


def turning_steps(tracks: Tracks, *, tolerance: float) -> TurningSteps:
    """Steps with a heading, whose length a null step of the same animal may stand for.

    Parameters
    ----------
    tracks : Tracks
    tolerance : float
        A step and the one before may last longer or shorter than the animal's median step by
        this part: the length of a step over a gap says nothing about the others.
    """
    first = tracks.steps
    begin, end = ends_of_steps(tracks, first)
    move = end - begin
    length = np.hypot(move[:, 0], move[:, 1])
    track = tracks.track[first]
    typical = typical_interval_s(tracks)[track]
    usable = (length > 0) & (np.abs(tracks.step_s - typical) <= tolerance * typical)
    after = np.zeros(len(first), dtype=bool)
    after[1:] = usable[1:] & usable[:-1] & (first[1:] == first[:-1] + 1)
    at = np.flatnonzero(after)
    heading = np.arctan2(move[:, 1], move[:, 0])
    turn = np.mod(heading[at] - heading[at - 1] + np.pi, 2 * np.pi) - np.pi
    return TurningSteps(
        track=track[at], first=first[at], begin=begin[at], end=end[at], length_m=length[at],
        heading_rad=heading[at - 1], turn_rad=turn,
    )  # fmt: skip


def next_places(
    begin: FloatArray, heading_rad: FloatArray, length_m: FloatArray, turn_rad: FloatArray
) -> FloatArray:
    """Ends of ``r`` steps drawn from each of ``m`` begins, (m, r, 2) array, m."""
    direction = heading_rad[:, None] + turn_rad
    return np.stack(
        (
            begin[:, :1] + length_m * np.cos(direction),
            begin[:, 1:] + length_m * np.sin(direction),
        ),
        axis=2,
    )


def distance_m(places: FloatArray, pieces: FloatArray, *, reach_m: float) -> FloatArray:
    """Distance of places to the nearest piece of a barrier, inf beyond reach, (n,) array, m."""
    distance = np.full(len(places), np.inf)
    if len(pieces) and len(places):
        tree = shapely.STRtree(np.asarray(shapely.linestrings(pieces), dtype=object))
        pairs, found = tree.query_nearest(
            shapely.points(places), max_distance=reach_m, return_distance=True, all_matches=False
        )
        distance[pairs[0]] = found
    return distance


def joined_steps(tracks: Tracks, *, max_gap: float) -> BoolArray:
    """Whether the step from each fix is one, not a gap of so many median steps, (n,) array."""
    joined = np.zeros(len(tracks), dtype=bool)
    longest_s = max_gap * typical_interval_s(tracks)
    joined[tracks.steps] = tracks.step_s <= longest_s[tracks.track[tracks.steps]]
    return joined


def at_one_interval(
    tracks: Tracks, *, thin_to_s: float | None, tolerance: float, cut_ms: int | None = None
) -> Tracks:
    """Tracks of one fix interval: thinned if asked for, refused if still unlike.

    With ``cut_ms`` an animal's fixes before and from then on are compared as well.

    Raises
    ------
    AnalysisError
    """
    if thin_to_s is not None:
        kept = thin(tracks, interval_s=thin_to_s, tolerance_s=tolerance * thin_to_s)
        tracks = tracks.where(kept)
    if cut_ms is None:
        check_intervals(typical_interval_s(tracks), tolerance=tolerance)
    else:
        parts = [tracks.where(tracks.t_ms < cut_ms), tracks.where(tracks.t_ms >= cut_ms)]
        both = np.concatenate([typical_interval_s(part) for part in parts])
        check_intervals(both, tolerance=tolerance)
    return tracks


def check_intervals(interval_s: ArrayLike, *, tolerance: float) -> None:
    """Refuse to compare tracks of different fix intervals.

    Raises
    ------
    AnalysisError
    """
    known = np.asarray(interval_s, dtype=np.float64)
    known = known[np.isfinite(known)]
    if known.size and known.max() > (1 + tolerance) * known.min():
        raise AnalysisError(
            f"Typical step intervals run from {known.min():g} s to {known.max():g} s. Coarser "
            "fixes see fewer crossings (the same pronghorn: 847 at 2 h, 349 at 24 h), so they "
            "cannot be compared. Thin all tracks to one interval first, at least the longest: "
            "`bursts.thin`, or thin_to_s where it is offered."
        )
