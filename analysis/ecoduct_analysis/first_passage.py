"""First passage times: how long an animal takes through a circle about each of its fixes."""

from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._stay_passages import boxes_of, passages
from ecoduct_analysis.bursts import split_bursts
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks

_S_PER_H: Final = 3600.0


def first_passage_s(
    tracks: Tracks,
    radii_m: ArrayLike,
    *,
    max_gap_h: float = np.inf,
    mode: Literal["clean", "adehabitat"] = "clean",
) -> FloatArray:
    """Time that each fix's animal took through circles about it.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes.
    radii_m : (r,) array, m
    max_gap_h : float, h
        No passage leads over a longer silence. By default all do, as in the reference.
    mode : {"clean", "adehabitat"}
        Where a step leaves the circle. ``clean`` takes the place where the straight step meets it;
        ``adehabitat`` the reference's, which lets the distance from the fix grow evenly on it.

    Returns
    -------
    (n, r) array, s
        nan where the animal was not heard outside the circle, both before and after.

    Raises
    ------
    BadRule

    References
    ----------
    Fauchald & Tveraa 2003, Ecology 84:282-288; R package adehabitatLT 0.3.29, ``fpt``.

    Examples
    --------
    >>> past = Tracks.from_arrays(
    ...     ["a"], track=[0] * 3, t_ms=[0, 1000, 2000], x=[-100, 0, 100], y=[0] * 3)
    >>> first_passage_s(past, [50, 200])
    array([[nan, nan],
           [ 1., nan],
           [nan, nan]])
    """
    radii = np.atleast_1d(np.asarray(radii_m, dtype=np.float64))
    if not ((radii > 0) & (radii < np.inf)).all() or radii.ndim != 1:
        raise BadRule("radii_m must be above 0 and finite.")
    if mode not in {"clean", "adehabitat"} or not max_gap_h > 0:
        raise BadRule("mode is clean or adehabitat, and max_gap_h must be above 0.")
    # A silence ends what is known, as the track's own ends do.
    offsets = split_bursts(tracks, max_gap_s=max_gap_h * _S_PER_H).offsets
    passage_s = np.full((len(radii), len(tracks)), np.nan)
    boxes = boxes_of(tracks.x, tracks.y)
    for row, radius_m in zip(passage_s, radii.tolist(), strict=True):
        passages(offsets, tracks.t_ms, tracks.x, tracks.y, boxes, radius_m, mode != "clean", row)
    return np.ascontiguousarray(passage_s.T)


def log_passage_variance(passage_s: FloatArray) -> FloatArray:
    """Variance of the logarithm of first passage times, whose peak tells the scale of search.

    Parameters
    ----------
    passage_s : (n, r) array, s
        From `first_passage_s`.

    Returns
    -------
    (r,) array
        nan where fewer than two are known.

    References
    ----------
    Fauchald & Tveraa 2003, Ecology 84:282-288.

    Examples
    --------
    >>> log_passage_variance(np.exp([[1.0, 1.0], [3.0, np.nan], [np.nan, np.nan]]))
    array([ 2., nan])
    """
    spread = np.full(passage_s.shape[1], np.nan)
    for column in range(passage_s.shape[1]):
        known = passage_s[np.isfinite(passage_s[:, column]), column]
        if len(known) > 1:
            spread[column] = np.var(np.log(known), ddof=1)
    return spread
