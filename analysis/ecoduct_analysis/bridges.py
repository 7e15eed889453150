"""Brownian bridges: how far an animal may have strayed from the straight step between two fixes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks

_GRID = 61  # variances tried first, 0.2 decades apart: the likelihood can have two peaks
_DECADES = 12.0
_HALVINGS = 45  # of a bracket of 0.2 decades: to the last digits of a float


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


def motion_variance_m2_s(
    tracks: Tracks,
    *,
    error_m: float | None = None,
    max_gap_s: float = 12 * 3600.0,
    middle_error: bool = True,
) -> FloatArray:
    """Brownian motion variance of each track, by leaving out fixes.

    Every other fix is left out and met by the bridge between its neighbours. Of a triplet with
    times ``t1 < t2 < t3`` and errors ``d1, d2, d3``, the middle fix lies about the straight line
    with a variance along each axis of ``(t3 - t1) w (1 - w) s2 + (1 - w)^2 d1^2 + w^2 d3^2 +
    d2^2``, where ``w = (t2 - t1) / (t3 - t1)``. The answer is the ``s2`` that makes the middle
    fixes most likely, the best of all peaks.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes of ``k`` animals.
    error_m : float, m, optional
        Standard deviation of a fix along each axis where the track does not know it; without it
        such fixes count as exact.
    max_gap_s : float, s
        A triplet with a longer step is passed over. Twelve hours, as in `BridgeRule`.
    middle_error : bool
        False leaves out ``d2^2``, as the method was published: the animal then seems to move by
        the scatter of its fixes.

    Returns
    -------
    (k,) array, m^2/s
        Per axis. nan without any triplet. 0 where the errors alone explain all that was seen, as
        for an animal that never moved.

    Raises
    ------
    BadRule
        ``error_m`` below 0 or ``max_gap_s`` not above 0.

    References
    ----------
    Horne et al. 2007, Ecology 88:2354-2363. Differs: the error of the middle fix counts. The R
    package BBMM 3.0 takes ``w`` from the later step, which is wrong where intervals differ.

    Examples
    --------
    The middle fix lies 60 m off, half-way in time: ``s2 = 60^2 / 2 / (200 s / 4)``.

    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0] * 3, t_ms=[0, 100_000, 200_000], x=[0, 50, 100], y=[0, 60, 0])
    >>> motion_variance_m2_s(walk)
    array([36.])
    >>> motion_variance_m2_s(walk.where([True, True, False]))
    array([nan])
    """
    if error_m is not None and not 0 <= error_m < np.inf:
        raise BadRule("error_m must be 0 or more.")
    if not max_gap_s > 0:
        raise BadRule("max_gap_s must be above 0.")
    errors = known_errors_m(tracks, error_m=error_m or 0.0)
    found: FloatArray = _variances(
        tracks.offsets, tracks.t_ms, tracks.x, tracks.y, errors, max_gap_s, float(middle_error)
    )
    return found


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


@compiled
def _variances(
    offsets: IntArray,
    t_ms: IntArray,
    x: FloatArray,
    y: FloatArray,
    error_m: FloatArray,
    max_gap_s: float,
    middle_share: float,
) -> FloatArray:
    found = np.full(len(offsets) - 1, np.nan)
    for track in range(len(offsets) - 1):
        room = max(0, offsets[track + 1] - offsets[track]) // 2
        scale, fixed, miss2 = np.empty(room), np.empty(room), np.empty(room)
        count = 0
        fix = offsets[track] + 1
        while fix < offsets[track + 1] - 1:
            before = (t_ms[fix] - t_ms[fix - 1]) / 1000.0
            after = (t_ms[fix + 1] - t_ms[fix]) / 1000.0
            if before > max_gap_s or after > max_gap_s:
                fix += 1
                continue
            part = before / (before + after)
            off_x = x[fix] - x[fix - 1] - part * (x[fix + 1] - x[fix - 1])
            off_y = y[fix] - y[fix - 1] - part * (y[fix + 1] - y[fix - 1])
            scale[count] = before * (1.0 - part)
            fixed[count] = ((1.0 - part) * error_m[fix - 1]) ** 2 + (part * error_m[fix + 1]) ** 2
            fixed[count] += middle_share * error_m[fix] ** 2
            miss2[count] = off_x**2 + off_y**2
            count += 1
            fix += 2
        if count > 0:
            found[track] = _likeliest(scale[:count], fixed[:count], miss2[:count])
    return found


@compiled
def _likeliest(scale: FloatArray, fixed: FloatArray, miss2: FloatArray) -> float:
    # Beyond the greatest variance that one fix alone would ask for, all fixes grow less likely.
    highest = np.max(miss2 / (2.0 * scale))
    if highest == 0.0:
        return 0.0
    log_high = np.log(highest)
    stride = _DECADES * np.log(10.0) / (_GRID - 1)
    best, least = 0, np.inf
    for place in range(_GRID):
        cost = _cost(np.exp(log_high - place * stride), scale, fixed, miss2)
        if cost < least:
            best, least = place, cost
    if best == _GRID - 1:
        return 0.0
    middle = log_high - best * stride
    # The lowest cost lies on the side to which the slope falls.
    low, high = middle, middle + stride
    if _slope(np.exp(middle), scale, fixed, miss2) > 0.0:
        low, high = middle - stride, middle
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if _slope(np.exp(middle), scale, fixed, miss2) > 0.0:
            high = middle
        else:
            low = middle
    found: float = np.exp(0.5 * (low + high))
    return found if _cost(found, scale, fixed, miss2) < _cost(0.0, scale, fixed, miss2) else 0.0


@compiled
def _cost(variance: float, scale: FloatArray, fixed: FloatArray, miss2: FloatArray) -> float:
    """Negative log-likelihood of all middle fixes in two dimensions, without its constant."""
    total = 0.0
    for n in range(len(scale)):
        spread = scale[n] * variance + fixed[n]
        # An exact fix exactly on the line of an unmoving animal tells nothing against it.
        if spread > 0.0:
            total += np.log(spread) + miss2[n] / (2.0 * spread)
        elif miss2[n] > 0.0:
            return np.inf
    return total


@compiled
def _slope(variance: float, scale: FloatArray, fixed: FloatArray, miss2: FloatArray) -> float:
    """Derivative of `_cost` by the variance."""
    total = 0.0
    for n in range(len(scale)):
        spread = scale[n] * variance + fixed[n]
        total += scale[n] / spread * (1.0 - miss2[n] / (2.0 * spread))
    return total
