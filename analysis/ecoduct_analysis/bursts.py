"""Bursts: parts of tracks without long gaps, and fixes thinned to one interval."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks

_MS_PER_S: Final = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class Bursts:
    """One row for each burst, in order of track and time; every fix is in one.

    Attributes
    ----------
    offsets : (b + 1,) array
        Burst ``i`` holds the fixes ``offsets[i]`` up to but not including ``offsets[i + 1]``.
    track : (b,) array
        Track of each burst.
    """

    offsets: IntArray
    track: IntArray

    def __len__(self) -> int:
        """Count the bursts."""
        return len(self.track)

    @property
    def first(self) -> IntArray:
        """First fix of each burst, (b,) array."""
        return self.offsets[:-1]

    @property
    def last(self) -> IntArray:
        """Last fix of each burst, (b,) array; the first where a burst has one fix."""
        last: IntArray = self.offsets[1:] - 1
        return last

    @property
    def burst(self) -> IntArray:
        """Burst of each fix, (n,) array."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.offsets))


def split_bursts(tracks: Tracks, *, max_gap_s: float) -> Bursts:
    """Split tracks where nothing was heard for longer than a gap.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes.
    max_gap_s : float, s
        A step of exactly this long does not split. inf splits nowhere.

    Returns
    -------
    Bursts
        A lone fix is a burst; a track without fixes has none.

    Raises
    ------
    BadRule
        A gap that is not above 0.

    References
    ----------
    Bursts as in adehabitatLT: Calenge, Dray & Royer-Carenzi 2009, Ecological Informatics 4:34-41.

    Examples
    --------
    >>> tracks = Tracks.from_arrays(
    ...     ["a", "b"], track=[0, 0, 0, 1], t_ms=[0, 1000, 9000, 0], x=[0] * 4, y=[0] * 4)
    >>> bursts = split_bursts(tracks, max_gap_s=2)
    >>> bursts.first, bursts.last, bursts.track
    (array([0, 2, 3]), array([1, 2, 3]), array([0, 0, 1]))
    """
    if not max_gap_s > 0:
        raise BadRule(f"max_gap_s must be above 0, not {max_gap_s}.")
    begins = np.zeros(len(tracks), dtype=bool)
    begins[tracks.offsets[:-1][np.diff(tracks.offsets) > 0]] = True
    begins[tracks.steps[tracks.step_s > max_gap_s] + 1] = True
    first = np.flatnonzero(begins)
    track = np.searchsorted(tracks.offsets, first, side="right") - 1
    return Bursts(offsets=np.append(first, len(tracks)), track=track.astype(np.int64))


def typical_interval_s(tracks: Tracks) -> FloatArray:
    """Median time between fixes of each track.

    Parameters
    ----------
    tracks : Tracks
        ``k`` tracks.

    Returns
    -------
    (k,) array, s
        nan for a track with fewer than two fixes.

    Examples
    --------
    >>> tracks = Tracks.from_arrays(
    ...     ["a", "b"], track=[0, 0, 0, 1], t_ms=[0, 1000, 9000, 0], x=[0] * 4, y=[0] * 4)
    >>> typical_interval_s(tracks)
    array([4.5, nan])
    """
    typical = np.full(len(tracks.names), np.nan)
    _medians(tracks.offsets, tracks.t_ms, typical)
    return typical


def thin(tracks: Tracks, *, interval_s: float, tolerance_s: float) -> BoolArray:
    """Fixes to keep so that those left are one interval apart.

    Crossings, path lengths and speeds of animals heard at different intervals must not be
    compared: an animal heard more often is seen to cross more. Thin all to the longest interval.

    The first fix of a track is kept, then each time the fix closest to ``interval_s`` after the
    last one kept, the earlier of two equally close. Where none lies within ``tolerance_s`` of
    that time, the next one after it begins anew: split bursts there.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes.
    interval_s : float, s
        Interval to thin to.
    tolerance_s : float, s
        How much too early or late a fix may be: 0 up to but not ``interval_s``. Fixes come late
        while a receiver searches for satellites, so that 0 leaves little.

    Returns
    -------
    (n,) array of bool
        For `Tracks.where`. No step left is shorter than ``interval_s - tolerance_s``.

    Raises
    ------
    BadRule
        An interval that is not above 0, or a tolerance that is negative or not below it.

    References
    ----------
    Rule of `track_resample` in amt: Signer, Fieberg & Avgar 2019, Ecology and Evolution 9:880-890.
    Differs: of several fixes within the tolerance the closest is kept, not the first.

    Examples
    --------
    >>> tracks = Tracks.from_arrays(
    ...     ["a"], track=[0] * 5, t_ms=[0, 55_000, 61_000, 118_000, 400_000],
    ...     x=[0] * 5, y=[0] * 5)
    >>> thin(tracks, interval_s=60, tolerance_s=6)
    array([ True, False,  True,  True,  True])
    """
    if not (0 < interval_s < math.inf and 0 <= tolerance_s < interval_s):
        raise BadRule("interval_s must be above 0, and tolerance_s from 0 to below interval_s.")
    kept = np.zeros(len(tracks), dtype=bool)
    ms = (round(interval_s * _MS_PER_S), round(tolerance_s * _MS_PER_S))
    _thin(tracks.offsets, tracks.t_ms, ms, kept)
    return kept


@compiled
def _medians(offsets: IntArray, t_ms: IntArray, typical: FloatArray) -> None:
    for track in range(len(offsets) - 1):
        begin, end = offsets[track], offsets[track + 1]
        if end - begin > 1:
            typical[track] = np.median(np.diff(t_ms[begin:end])) / _MS_PER_S


@compiled
def _thin(offsets: IntArray, t_ms: IntArray, ms: tuple[int, int], kept: BoolArray) -> None:
    interval_ms, tolerance_ms = ms
    for track in range(len(offsets) - 1):
        fix, end = offsets[track], offsets[track + 1]
        while fix < end:
            kept[fix] = True
            due = t_ms[fix] + interval_ms
            fix += 1
            while fix < end and t_ms[fix] < due - tolerance_ms:
                fix += 1
            # The one at hand is the first late enough; a later one may be closer.
            while fix + 1 < end and abs(t_ms[fix + 1] - due) < abs(t_ms[fix] - due):
                fix += 1
