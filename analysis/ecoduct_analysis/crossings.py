"""Steps that cross barriers: when, where, and in which direction."""

from dataclasses import dataclass

import numpy as np

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.tracks import BoolArray, FloatArray, IntArray, Tracks


@dataclass(frozen=True, slots=True, eq=False)
class Crossings:
    """One row for each step and feature that meet, in order of track, step and feature.

    Attributes
    ----------
    track, feature : (r,) array
        Which track and which feature.
    first : (r,) array
        Fix before the crossing; the one after is ``first + 1``.
    count : (r,) array
        How often the step crosses the feature.
    net : (r,) array
        Crossings from left to right of the line as drawn, less those from right to left: 0 when
        the step came back to the side it left.
    fraction : (r,) array
        Part of the step before the first crossing, 0 up to 1.
    t_ms, x, y : (r,) array, ms since 1970 UTC, m, m
        Time and place of the first crossing, as if the step was straight and even.
    """

    track: IntArray
    feature: IntArray
    first: IntArray
    count: IntArray
    net: IntArray
    fraction: FloatArray
    t_ms: IntArray
    x: FloatArray
    y: FloatArray

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.first)


def find_crossings(tracks: Tracks, barriers: Barriers) -> Crossings:
    """Find where straight steps cross barriers.

    A step or a piece that only touches the other's line counts as lying left of it. This
    half-open rule counts a step through a shared vertex once, never twice or not at all, and
    makes ``net`` add up to the change of side over any number of steps, also when a fix lies
    exactly on the barrier.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes; an animal with fewer than two has no step and gives no row.
    barriers : Barriers
        In the same projection.

    Returns
    -------
    Crossings
        Time and place lie on the straight line between two fixes; the animal was not seen there.

    References
    ----------
    Orientation tests with ties broken to one side: Edelsbrunner & Mücke 1990, ACM Transactions
    on Graphics 9:66-104. Differs: one fixed side in place of a symbolic perturbation.

    Examples
    --------
    >>> import shapely
    >>> fence = Barriers.from_geometries(["fence"], [shapely.LineString([(5, -9), (5, 9)])])
    >>> walk = Tracks.from_arrays(["a"], track=[0, 0], t_ms=[0, 1000], x=[0, 10], y=[0, 0])
    >>> found = find_crossings(walk, fence)
    >>> found.t_ms, found.x, found.net
    (array([500]), array([5.]), array([1]))
    """
    first = tracks.steps
    begin = np.stack((tracks.x[first], tracks.y[first]), axis=1)
    end = np.stack((tracks.x[first + 1], tracks.y[first + 1]), axis=1)
    step, piece = barriers.near(begin, end)
    crosses, sign, fraction = _meet(begin[step], end[step], barriers.ends[piece])
    step, piece, sign, fraction = step[crosses], piece[crosses], sign[crosses], fraction[crosses]
    return _by_feature(tracks, first[step], barriers.feature[piece], sign, fraction)


def count_crossings(begin: FloatArray, end: FloatArray, barriers: Barriers) -> IntArray:
    """How often each of many loose steps crosses barriers, by the rule of `find_crossings`.

    Parameters
    ----------
    begin, end : (m, 2) array, m
        Of each step, x before y.

    Returns
    -------
    (m,) array
        Crossings with pieces of all features.
    """
    step, piece = barriers.near(begin, end)
    crosses, _, _ = _meet(begin[step], end[step], barriers.ends[piece])
    return np.bincount(step[crosses], minlength=len(begin)).astype(np.int64)


def _meet(
    begin: FloatArray, end: FloatArray, piece: FloatArray
) -> tuple[BoolArray, IntArray, FloatArray]:
    begin_off = _cross(piece[:, 1] - piece[:, 0], begin - piece[:, 0])
    end_off = _cross(piece[:, 1] - piece[:, 0], end - piece[:, 0])
    piece_begin_left = _cross(end - begin, piece[:, 0] - begin) >= 0
    piece_end_left = _cross(end - begin, piece[:, 1] - begin) >= 0
    crosses = ((begin_off >= 0) != (end_off >= 0)) & (piece_begin_left != piece_end_left)
    span = np.where(crosses, begin_off - end_off, 1.0)
    return crosses, np.where(begin_off >= 0, 1, -1), np.clip(begin_off / span, 0.0, 1.0)


def _cross(first: FloatArray, second: FloatArray) -> FloatArray:
    product: FloatArray = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    return product


def _by_feature(
    tracks: Tracks, first: IntArray, feature: IntArray, sign: IntArray, fraction: FloatArray
) -> Crossings:
    order = np.lexsort((fraction, feature, first))
    first, feature, sign, fraction = first[order], feature[order], sign[order], fraction[order]
    new = np.ones(len(first), dtype=bool)
    new[1:] = (first[1:] != first[:-1]) | (feature[1:] != feature[:-1])
    heads = np.flatnonzero(new)
    counts = np.diff(np.append(heads, len(first)))
    net = np.add.reduceat(sign, heads) if len(heads) else np.zeros(0, dtype=np.int64)
    at, part = first[heads], fraction[heads]
    return Crossings(
        track=tracks.track[at],
        feature=feature[heads],
        first=at,
        count=counts.astype(np.int64),
        net=net.astype(np.int64),
        fraction=part,
        t_ms=tracks.t_ms[at]
        + np.rint(part * (tracks.t_ms[at + 1] - tracks.t_ms[at])).astype(np.int64),
        x=tracks.x[at] + part * (tracks.x[at + 1] - tracks.x[at]),
        y=tracks.y[at] + part * (tracks.y[at + 1] - tracks.y[at]),
    )
