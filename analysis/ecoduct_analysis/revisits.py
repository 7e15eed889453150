"""Places that animals come back to: which they are, and each visit."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse, spatial

from ecoduct_analysis._stay_passages import find_visits
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.stopovers import Stays
from ecoduct_analysis.tracks import Tracks

_MS_PER_H: Final = 3_600_000.0
_MS_PER_S: Final = 1000.0
_AT_ONCE: Final = 100_000  # fixes whose neighbours are held at a time
_CORNERS: Final = 3  # of a triangle
_WIDER: Final = 1.0 + 1e-9  # a tree's distances are rounded otherwise than ours


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """One row for each place, the one with the most time of stays first.

    Attributes
    ----------
    x, y : (p,) array, m
        Mean of the centres of its stays, each counted by its time.
    stays, animals : (p,) array
        How many.
    stayed_s : (p,) array, s
        Time of all its stays.
    place : (r,) array
        Place of each stay.
    """

    x: FloatArray
    y: FloatArray
    stays: IntArray
    animals: IntArray
    stayed_s: FloatArray
    place: IntArray

    def __len__(self) -> int:
        """Count the places."""
        return len(self.x)


def find_places(tracks: Tracks, stays: Stays, *, link_m: float) -> Places:
    """Join stays of all animals to places.

    Two stays are of one place if their centres are at most ``link_m`` apart, or if a chain of
    such stays leads from one to the other; the order of animals and stays means nothing.

    Parameters
    ----------
    tracks : Tracks
        That the stays were found in, all in one projection.
    stays : Stays
    link_m : float, m
        The radius of the stays' rule is a good beginning.

    Raises
    ------
    BadRule

    References
    ----------
    Single linkage by the edges of the Delaunay triangulation, which contain the shortest tree:
    Toussaint 1980, Pattern Recognition 12:261-268.

    Examples
    --------
    >>> from ecoduct_analysis.rules import StayRule
    >>> from ecoduct_analysis.stopovers import find_stays
    >>> there = Tracks.from_arrays(
    ...     ["a"], track=[0] * 9, t_ms=np.arange(9) * 3_600_000,
    ...     x=[0, 0, 0, 5000, 5000, 5000, 10, 10, 10], y=[0] * 9)
    >>> stays = find_stays(there, StayRule(radius_m=100, min_stay_h=2))
    >>> places = find_places(there, stays, link_m=100)
    >>> places.stays, places.place, places.x
    (array([2, 1]), array([0, 1, 0]), array([   5., 5000.]))
    """
    stayed_s = (tracks.t_ms[stays.last] - tracks.t_ms[stays.first]) / _MS_PER_S
    return join_places(stays.x, stays.y, track=stays.track, stayed_s=stayed_s, link_m=link_m)


def join_places(
    x: ArrayLike, y: ArrayLike, *, track: ArrayLike, stayed_s: ArrayLike, link_m: float
) -> Places:
    """`find_places` for stays that were found apart, or by another rule.

    Parameters
    ----------
    x, y : (r,) array, m
        Centres of the stays, in one projection.
    track : (r,) array
        Whose stay it is.
    stayed_s : (r,) array, s
        How long each lasted, above 0.
    link_m : float, m

    Raises
    ------
    BadRule

    Examples
    --------
    >>> join_places([0, 50], [0, 0], track=[0, 1], stayed_s=[60, 60], link_m=60).animals
    array([2])
    """
    if not 0 < link_m < np.inf:
        raise BadRule("link_m must be above 0 and finite.")
    centres = np.stack((np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)), axis=1)
    time_s = np.asarray(stayed_s, dtype=np.float64)
    where, which = np.unique(centres, axis=0, return_inverse=True)
    linked = _links(where, link_m)
    graph = sparse.coo_array((np.ones(len(linked)), linked.T), shape=(len(where),) * 2)
    count, label = sparse.csgraph.connected_components(graph, directed=False)
    place = label[which.ravel()].astype(np.int64)
    whole_s = np.bincount(place, time_s, minlength=count).astype(np.float64)
    mean = [np.bincount(place, time_s * axis, minlength=count) / whole_s for axis in centres.T]
    met = np.unique(np.stack((place, np.asarray(track, dtype=np.int64))), axis=1)[0]
    order = np.lexsort((mean[1], mean[0], -whole_s))
    new = np.empty(count, dtype=np.int64)
    new[order] = np.arange(count)
    return Places(
        x=mean[0][order], y=mean[1][order], stays=np.bincount(place, minlength=count)[order],
        animals=np.bincount(met, minlength=count)[order], stayed_s=whole_s[order],
        place=new[place],
    )  # fmt: skip


def _links(where: FloatArray, link_m: float) -> IntArray:
    """Pairs of different positions that hold each place together, (q, 2) array."""
    try:
        corners = spatial.Delaunay(where - where[:1]).simplices
        sides = [corners[:, [n, (n + 1) % _CORNERS]] for n in range(_CORNERS)]
        pairs = np.concatenate(sides).astype(np.int64)
    except (spatial.QhullError, ValueError):
        # Too few, or all on one line: sorted, neighbours on it are next to each other.
        pairs = np.stack((np.arange(len(where) - 1), np.arange(1, len(where))), axis=1)
    apart = where[pairs[:, 1]] - where[pairs[:, 0]]
    near: IntArray = pairs[np.hypot(apart[:, 0], apart[:, 1]) <= link_m]
    return near


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """One row for each visit, in order of place, track and time.

    Attributes
    ----------
    place, track : (v,) array
    begins_ms, ends_ms : (v,) array, ms since 1970 UTC
        When the straight steps entered and left the circle.
    inside_s : (v,) array, s
        From begin to end, short outings included.
    since_s : (v,) array, s
        Since the animal's visit before; nan for its first.
    fixes : (v,) array
        Inside.
    begins_in_gap, ends_in_gap : (v,) array of bool
        The animal was inside when it was heard first, last, or before or after a silence.
    """

    place: IntArray
    track: IntArray
    begins_ms: IntArray
    ends_ms: IntArray
    inside_s: FloatArray
    since_s: FloatArray
    fixes: IntArray
    begins_in_gap: BoolArray
    ends_in_gap: BoolArray

    def __len__(self) -> int:
        """Count the visits."""
        return len(self.place)


def visits_to(
    tracks: Tracks,
    x: ArrayLike,
    y: ArrayLike,
    *,
    radius_m: float,
    outing_h: float = 0.0,
    max_gap_h: float = 12.0,
) -> Visits:
    """Visits of all animals to the circles about some positions.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes.
    x, y : (p,) array, m
        For example of `find_places`, or of the fixes themselves.
    radius_m : float, m
        A fix on the circle is inside.
    outing_h : float, h
        A shorter time outside does not end a visit, and counts as time inside.
    max_gap_h : float, h
        A longer silence ends a visit at the fix before it; inf as in the reference. Twelve hours
        as in `StayRule`.

    Returns
    -------
    Visits
        A step that only cuts through a circle is no visit: nobody saw the animal there.

    Raises
    ------
    BadRule

    References
    ----------
    R package recurse 1.4.0: Bracis, Bildstein & Mueller 2018, Ecography 41:1801-1811. Differs:
    only fixes near a place are looked at, not all pairs, and silences end visits.

    Examples
    --------
    >>> past = Tracks.from_arrays(
    ...     ["a"], track=[0] * 5, t_ms=np.arange(5) * 3_600_000,
    ...     x=[-100, 0, 100, 0, -100], y=[0] * 5)
    >>> visits = visits_to(past, [0.0], [0.0], radius_m=50)
    >>> visits.inside_s, visits.since_s
    (array([3600., 3600.]), array([  nan, 3600.]))
    """
    if not (0 < radius_m < np.inf and outing_h >= 0 and max_gap_h > 0):
        raise BadRule("radius_m and max_gap_h must be above 0, outing_h 0 or more.")
    where = (np.array(x, dtype=np.float64), np.array(y, dtype=np.float64))
    if where[0].shape != where[1].shape or where[0].ndim != 1 or not np.isfinite(where).all():
        raise BadRule("x and y must have one length and be finite.")
    place, fix = _near(tracks, where, radius_m)
    track = np.searchsorted(tracks.offsets, fix, side="right") - 1
    order = np.lexsort((fix, place))
    pairs = (place[order], track[order].astype(np.int64), fix[order])
    names = np.empty((len(fix), 3), dtype=np.int64)
    times, is_open = np.empty((len(fix), 4)), np.empty((len(fix), 2), dtype=bool)
    limits = (float(radius_m), outing_h * _MS_PER_H, max_gap_h * _MS_PER_H)
    count = find_visits(
        tracks.offsets, tracks.t_ms, tracks.x, tracks.y, pairs, where, limits,
        names, times, is_open,
    )  # fmt: skip
    at_ms = np.rint(times[:count, :2]).astype(np.int64)
    return Visits(
        place=names[:count, 0].copy(), track=names[:count, 1].copy(),
        begins_ms=at_ms[:, 0].copy(), ends_ms=at_ms[:, 1].copy(),
        inside_s=times[:count, 2].copy(), since_s=times[:count, 3].copy(),
        fixes=names[:count, 2].copy(),
        begins_in_gap=is_open[:count, 0].copy(), ends_in_gap=is_open[:count, 1].copy(),
    )  # fmt: skip


def _near(
    tracks: Tracks, where: tuple[FloatArray, FloatArray], radius_m: float
) -> tuple[IntArray, IntArray]:
    """Place and fix of every fix within the radius of a place."""
    none = np.zeros(0, dtype=np.int64)
    places, fixes = [none], [none]
    if len(where[0]):
        tree = spatial.cKDTree(np.stack(where, axis=1))
        for begin in range(0, len(tracks), _AT_ONCE):
            part = slice(begin, begin + _AT_ONCE)
            some = spatial.cKDTree(np.stack((tracks.x[part], tracks.y[part]), axis=1))
            found = some.sparse_distance_matrix(tree, radius_m * _WIDER, output_type="ndarray")
            places.append(found["j"].astype(np.int64))
            fixes.append(found["i"].astype(np.int64) + begin)
    place, fix = np.concatenate(places), np.concatenate(fixes)
    east, north = tracks.x[fix] - where[0][place], tracks.y[fix] - where[1][place]
    inside = np.sqrt(east * east + north * north) <= radius_m
    return place[inside], fix[inside]
