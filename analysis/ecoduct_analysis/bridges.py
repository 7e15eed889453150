"""Brownian bridges: how far an animal may have strayed from the straight step between two fixes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks


@dataclass(frozen=True, slots=True)
class BridgeRule:
    """How bridges are built and drawn.

    Attributes
    ----------
    error_m : float, m
        Standard deviation of a fix along each axis where the track does not know it. Default
        10 m: collars scatter by 5 to 30 m. 0 takes fixes as exact.
    max_gap_s : float, s
        No bridge over a longer step, and no variance from it. Default 12 h, six fixes of the 2 h
        schedule that most large mammals wear: beyond, animals rest and return, and the bridge
        only says that the animal may have been anywhere. Raise it for daily fixes.
    reach_sd : float
        A feature farther from a step than this many standard deviations of the bridge's middle
        gets no row. Default 3: an animal that kept to that distance had crossed with a
        probability of 0.011. At most 5.
    samples : int
        Bridges drawn for each step. Default 200: the standard error of a probability is at most
        0.035.
    look_s : float, s
        Crossings are counted as fixes this far apart would show them. Default 15 min. A Brownian
        path that meets a line crosses it without end, so a count means nothing without it.
    """

    error_m: float = 10.0
    max_gap_s: float = 12 * 3600.0
    reach_sd: float = 3.0
    samples: int = 200
    look_s: float = 900.0

    def __post_init__(self) -> None:
        if not 0 <= self.error_m < np.inf:
            raise BadRule("error_m must be 0 or more.")
        if not (self.max_gap_s > 0 and self.look_s > 0):
            raise BadRule("max_gap_s and look_s must be above 0.")
        # Pieces beyond 5 standard deviations are not looked at when bridges are drawn.
        if not 0 < self.reach_sd <= 5:  # noqa: PLR2004
            raise BadRule("reach_sd must be above 0 and at most 5.")
        if self.samples < 1:
            raise BadRule("samples must be at least 1.")


def known_errors_m(tracks: Tracks, *, error_m: float) -> FloatArray:
    """Error of each fix along each axis: the track's own, else ``error_m``; (n,) array, m."""
    own = tracks.errors_m
    return np.ascontiguousarray(np.where(np.isnan(own), error_m, own), dtype=np.float64)


def simulate_bridges(
    begin: ArrayLike,
    end: ArrayLike,
    *,
    duration_s: ArrayLike,
    variance_m2_s: ArrayLike,
    fractions: ArrayLike,
    samples: int,
    dice: np.random.Generator,
    error_begin_m: ArrayLike = 0.0,
    error_end_m: ArrayLike = 0.0,
) -> FloatArray:
    """Draw positions along bridges.

    Parameters
    ----------
    begin, end : (m, 2) array, m
        Fixes of each step, x before y.
    duration_s : (m,) array or float, s
        Of each step.
    variance_m2_s : (m,) array or float, m^2/s
        Motion variance along each axis.
    fractions : (f,) array
        Parts of the step's duration at which to draw, rising from 0 to 1.
    samples : int
        Bridges for each step.
    dice : numpy.random.Generator
        Source of chance; the same state gives the same bridges.
    error_begin_m, error_end_m : (m,) array or float, m
        Standard deviation of the fixes along each axis.

    Returns
    -------
    (m, samples, f, 2) array, m
        All of it at once: give steps in batches if memory is short.

    Raises
    ------
    BadRule
        ``fractions`` that fall, or leave 0 to 1.

    Examples
    --------
    >>> still = simulate_bridges(
    ...     [[0, 0]], [[8, 4]], duration_s=60, variance_m2_s=0, fractions=[0, 0.25, 1],
    ...     samples=1, dice=np.random.default_rng(1))
    >>> still[0, 0]
    array([[0., 0.], [2., 1.], [8., 4.]])
    """
    parts = np.asarray(fractions, dtype=np.float64)
    spans = np.diff(parts, prepend=0.0, append=1.0)
    if not (spans >= 0).all():
        raise BadRule("fractions must rise from 0 to 1.")
    first, last = (np.asarray(one, dtype=np.float64)[:, None, None, :] for one in (begin, end))
    steps = len(first)

    def each(values: ArrayLike) -> FloatArray:
        spread = np.broadcast_to(np.asarray(values, dtype=np.float64), (steps,))
        return spread[:, None, None, None]

    walk = np.cumsum(dice.normal(size=(steps, samples, len(spans), 2)) * np.sqrt(spans)[:, None], 2)
    bridge = walk[:, :, :-1] - parts[:, None] * walk[:, :, -1:]
    bridge *= np.sqrt(each(variance_m2_s) * each(duration_s))
    scatter = dice.normal(size=(2, steps, samples, 1, 2))
    first = first + scatter[0] * each(error_begin_m)
    last = last + scatter[1] * each(error_end_m)
    drawn: FloatArray = first + parts[:, None] * (last - first) + bridge
    return drawn
