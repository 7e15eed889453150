"""Steps and the features that their bridges can reach."""

import hashlib
from dataclasses import dataclass, fields
from typing import Self

import numpy as np

from ecoduct_analysis._chance import UIntArray, step_keys
from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._crossing_rows import distances
from ecoduct_analysis._drawn_bridges import REACH_SD
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.bridges import BridgeRule, known_errors_m
from ecoduct_analysis.tracks import FloatArray, IntArray, Tracks

_RING = 3  # fewest pieces that make a ring


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Steps that can be bridged.

    Attributes
    ----------
    track, first : (m,) array
        Track, and fix before.
    fixes : (m, 6) array, m
        x, y and error of the fix before, x, y and error of the one after.
    spread2 : (m,) array, m^2
        Motion variance times duration.
    sd_m : (m,) array, m
        Standard deviation of the bridge's middle, and no less than that of its ends.
    looks : (m,) array
        Parts in which crossings are counted.
    keys : (m,) array
        Of chance.
    """

    track: IntArray
    first: IntArray
    fixes: FloatArray
    spread2: FloatArray
    sd_m: FloatArray
    looks: IntArray
    keys: UIntArray

    @classmethod
    def of(cls, tracks: Tracks, variance_m2_s: FloatArray, rule: BridgeRule, seed: int) -> Self:
        """Steps of all tracks whose variance, one for each step, is known, but none over a gap."""
        first, duration_s = tracks.steps, tracks.step_s
        bridged = np.isfinite(variance_m2_s) & (duration_s <= rule.max_gap_s)
        first, duration_s = first[bridged], duration_s[bridged]
        track, last = tracks.track[first], first + 1
        errors = known_errors_m(tracks, error_m=rule.error_m)
        spread2 = variance_m2_s[bridged] * duration_s
        names = np.array([_hash(name) for name in tracks.names], dtype=np.uint64)
        columns = (tracks.x, tracks.y, errors)
        return cls(
            track=track,
            first=first,
            fixes=np.stack([column[at] for at in (first, last) for column in columns], axis=1),
            spread2=spread2,
            sd_m=np.sqrt(spread2 / 4.0 + np.maximum(errors[first], errors[last]) ** 2),
            looks=np.maximum(1, np.rint(duration_s / rule.look_s)).astype(np.int64),
            keys=step_keys(
                np.uint64(seed % 2**64), names, track, tracks.t_ms[first], tracks.t_ms[last]
            ),
        )

    def part(self, begin: int, end: int) -> Self:
        """Steps ``begin`` up to but not including ``end``."""
        return self.at(np.arange(begin, min(end, len(self.first))))

    def at(self, places: IntArray) -> Self:
        """Steps at some places, in the order given."""
        return type(self)(*(getattr(self, field.name)[places] for field in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class NearSteps:
    """One row for each step and feature within reach of each other.

    Attributes
    ----------
    steps : Steps
        Of each row.
    feature : (r,) array
        Of each row.
    offsets : (r + 1,) array
        Row ``i`` has the pieces ``offsets[i]`` up to but not including ``offsets[i + 1]``.
    piece : (q,) array
        Pieces that a bridge may meet.
    """

    steps: Steps
    feature: IntArray
    offsets: IntArray
    piece: IntArray


def near_steps(steps: Steps, barriers: Barriers, rule: BridgeRule) -> NearSteps:
    """Pair steps with features that come within ``rule.reach_sd`` of them."""
    ends = barriers.ends.reshape(-1, 4)
    begin, end = steps.fixes[:, 0:2], steps.fixes[:, 3:5]
    step, piece = barriers.near(begin, end, reach_m=REACH_SD * steps.sd_m)
    # A feature without length can be near, but nothing crosses it.
    lasting = (barriers.ends[piece, 0] != barriers.ends[piece, 1]).any(axis=1)
    step, piece = step[lasting], piece[lasting]
    distance = distances(steps.fixes, piece, step, ends)
    seen = distance <= REACH_SD * steps.sd_m[step]
    step, piece, distance = step[seen], piece[seen], distance[seen]
    order = np.lexsort((piece, barriers.feature[piece], step))
    step, piece, distance = step[order], piece[order], distance[order]
    feature = barriers.feature[piece]
    new = np.ones(len(step), dtype=bool)
    new[1:] = (step[1:] != step[:-1]) | (feature[1:] != feature[:-1])
    heads = np.flatnonzero(new)
    nearest = np.minimum.reduceat(distance, heads) if len(heads) else distance
    kept = nearest <= rule.reach_sd * steps.sd_m[step[heads]]
    counts = np.diff(np.append(heads, len(step)))
    return NearSteps(
        steps=steps.at(step[heads[kept]]),
        feature=feature[heads[kept]],
        offsets=np.concatenate(([0], np.cumsum(counts[kept]))).astype(np.int64),
        piece=piece[np.repeat(kept, counts)],
    )


def _hash(name: str) -> int:
    # Python's own hash of a text is another in each process.
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where each piece lies along its feature.

    Attributes
    ----------
    ends : (p, 4) array, m
        Begin x and y, end x and y.
    starts : (p,) array, m
        Length of the feature's pieces before it.
    rings : (p, 2) array
        First piece and length of the ring that it is part of; length 0 on an open line.
    """

    ends: FloatArray
    starts: FloatArray
    rings: FloatArray

    @classmethod
    def of(cls, barriers: Barriers) -> Self:
        """Layout of all features."""
        ends, feature = np.ascontiguousarray(barriers.ends.reshape(-1, 4)), barriers.feature
        lengths, starts = _along_features(ends, feature)
        new = np.ones(len(ends), dtype=bool)
        new[1:] = feature[1:] != feature[:-1]
        new[1:] |= (ends[1:, :2] != ends[:-1, 2:]).any(axis=1)
        heads = np.flatnonzero(new)
        counts = np.diff(np.append(heads, len(ends)))
        closed = (ends[heads, :2] == ends[heads + counts - 1, 2:]).all(axis=1) & (counts >= _RING)
        around = np.add.reduceat(lengths, heads) if len(heads) else lengths
        rings = np.stack((heads.astype(np.float64), np.where(closed, around, 0.0)), axis=1)
        return cls(ends=ends, starts=starts, rings=np.repeat(rings, counts, axis=0))


@compiled
def _along_features(ends: FloatArray, feature: IntArray) -> tuple[FloatArray, FloatArray]:
    """Length of each piece, and of its feature's pieces before it."""
    lengths, starts = np.empty(len(ends)), np.zeros(len(ends))
    for piece in range(len(ends)):
        lengths[piece] = np.hypot(ends[piece, 2] - ends[piece, 0], ends[piece, 3] - ends[piece, 1])
        # Summed within each feature: a sum over all would round otherwise beside other features.
        if piece > 0 and feature[piece] == feature[piece - 1]:
            starts[piece] = starts[piece - 1] + lengths[piece - 1]
    return lengths, starts
