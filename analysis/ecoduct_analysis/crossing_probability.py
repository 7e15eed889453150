"""How likely an animal crossed a barrier between two fixes, when and where."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import erfcx, ndtr

from ecoduct_analysis._crossing_rows import draw_rows, lines
from ecoduct_analysis._drawn_bridges import REACH_SD
from ecoduct_analysis._near_steps import Layout, NearSteps, Steps, near_steps
from ecoduct_analysis._orthants import PLACES, meets
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.bridges import BridgeRule
from ecoduct_analysis.columns import NO_TIME
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.motion_variance import motion_variance_m2_s
from ecoduct_analysis.tracks import BoolArray, FloatArray, IntArray, Tracks

_BATCH = 4096  # steps looked at together: bounds the memory for pairs of step and piece


@dataclass(frozen=True, slots=True, eq=False)
class CrossingProbabilities:
    """One row for each step and feature within reach, in order of track, step and feature.

    Attributes
    ----------
    track, feature : (r,) array
        Which track and which feature.
    first : (r,) array
        Fix before; the one after is ``first + 1``.
    p_crossing : (r,) array
        Probability that the animal crossed the feature at least once.
    p_error : (r,) array
        Standard error of ``p_crossing`` by sampling; 0 where it was computed.
    p_net : (r,) array
        Probability that crossings from left to right and from right to left do not cancel.
    net : (r,) array
        Expected crossings from left to right of the feature as drawn, less those back.
    count : (r,) array
        Expected number of crossings that fixes ``look_s`` apart would show.
    is_straight : (r,) array of bool
        The feature is one straight line for this step: ``p_crossing``, ``p_net`` and ``net`` are
        computed, not sampled.
    t_ms : (r, 3) array, ms since 1970 UTC
        5, 50 and 95 % quantiles of the time of the first crossing, if there was one. ``NO_TIME``
        where no bridge that was drawn crosses.
    along_m : (r, 3) array, m
        The same quantiles of its place, measured along the feature from where its drawing begins;
        on a ring they may lie before 0 or beyond its length.
    x, y : (r,) array, m
        Its middle place, the second of ``along_m``.
    """

    track: IntArray
    feature: IntArray
    first: IntArray
    p_crossing: FloatArray
    p_error: FloatArray
    p_net: FloatArray
    net: FloatArray
    count: FloatArray
    is_straight: BoolArray
    t_ms: IntArray
    along_m: FloatArray
    x: FloatArray
    y: FloatArray

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.first)


def straight_crossing_probability(
    a_m: ArrayLike,
    b_m: ArrayLike,
    *,
    variance_m2_s: ArrayLike,
    duration_s: ArrayLike,
    error_a_m: ArrayLike = 0.0,
    error_b_m: ArrayLike = 0.0,
) -> FloatArray:
    """Probability that an animal crossed an endless straight barrier between two fixes.

    Fixes on opposite sides: 1. On one side: ``exp(-2 a b / (s2 T))``. Fixes with errors: the mean
    of that over where the animal may have been.

    Parameters
    ----------
    a_m, b_m : array, m
        Signed distances of the two fixes from the barrier, above 0 left of it. All arguments are
        broadcast to one shape.
    variance_m2_s : array, m^2/s
        Brownian motion variance per axis. 0: the animal goes straight and crosses if it changes
        side, where a fix on the line counts as left of it.
    duration_s : array, s
        Between the fixes.
    error_a_m, error_b_m : array, m
        Standard deviation of each fix across the barrier, independent of each other.

    Returns
    -------
    array
        nan where an argument is nan, or a variance, duration or error is below 0. One integral is
        exact, the other by a rule with an error below 1e-12.

    References
    ----------
    Reflection principle of the Brownian bridge; Borodin & Salminen 2002, Handbook of Brownian
    Motion. Bridges between uncertain fixes: Horne et al. 2007, Ecology 88:2354-2363.

    Examples
    --------
    >>> straight_crossing_probability(
    ...     [100, 100, -100], 100, variance_m2_s=10, duration_s=[2000, 0, 2000]).round(3)
    array([0.368, 0.   , 1.   ])
    >>> straight_crossing_probability(
    ...     0, 0, variance_m2_s=0, duration_s=60, error_a_m=5, error_b_m=5).item()
    0.5
    """
    spread2 = np.asarray(variance_m2_s, dtype=float) * np.asarray(duration_s, dtype=float)
    given = np.broadcast_arrays(a_m, b_m, error_a_m, error_b_m, spread2)
    flat = [np.ascontiguousarray(one, dtype=np.float64).ravel() for one in given]
    chance, _ = meets(*[*flat, *PLACES])
    bad = np.isnan(np.sum(flat, axis=0)) | (np.min(flat[2:], axis=0) < 0)
    shaped: FloatArray = np.where(bad, np.nan, chance).reshape(given[0].shape)
    return shaped


def first_passage_probability(
    distance_m: ArrayLike, drift_m_s: ArrayLike, variance_m2_s: ArrayLike, horizon_s: ArrayLike
) -> FloatArray:
    """Probability that an animal reaches a straight barrier within a time.

    ``Phi((v h - a) / sd) + exp(2 v a / s2) Phi((-a - v h) / sd)`` with ``sd = sqrt(s2 h)``.

    Parameters
    ----------
    distance_m : array, m
        To the barrier; 0 or below is at or beyond it. All arguments are broadcast to one shape.
    drift_m_s : array, m/s
        Mean speed towards the barrier, below 0 away from it.
    variance_m2_s : array, m^2/s
        Brownian motion variance per axis; 0 goes straight.
    horizon_s : array, s
        Time ahead.

    Returns
    -------
    array
        nan where an argument is nan, or variance or horizon below 0.

    References
    ----------
    Inverse Gaussian distribution: Folks & Chhikara 1978, J. R. Statist. Soc. B 40:263-289. The
    second term is computed without its exponential, which overflows for a fast animal far away.

    Examples
    --------
    >>> first_passage_probability([0, 100, 1e6], 0.5, 4, 200).round(4)
    array([1.    , 0.5554, 0.    ])
    """
    given = np.broadcast_arrays(distance_m, drift_m_s, variance_m2_s, horizon_s)
    a, v, s2, h = (np.asarray(one, dtype=np.float64) for one in given)
    # An end of chance or time: the barrier is reached if the mean gets there.
    with np.errstate(all="ignore"):
        sd = np.sqrt(s2 * h)
        ahead, behind = (a - v * h) / sd, (a + v * h) / sd
        # exp(2 v a / s2) turns the density at `behind` into the density at `ahead`.
        away = np.where(
            behind > 0,
            0.5 * np.exp(-0.5 * ahead**2) * erfcx(np.maximum(behind, 0) / np.sqrt(2)),
            np.exp(np.minimum(2 * v * a / s2, 0)) * ndtr(-behind),
        )
        chance = np.minimum(ndtr(-ahead) + away, 1.0)
    chance = np.where(sd > 0, chance, np.where(v * h >= a, 1.0, 0.0))
    chance = np.where(a <= 0, 1.0, chance)
    unknown = np.isnan(a + v + s2 + h) | (s2 < 0) | (h < 0)
    found: FloatArray = np.where(unknown, np.nan, chance)
    return found


def crossing_probabilities(
    tracks: Tracks,
    barriers: Barriers,
    *,
    variance_m2_s: ArrayLike | None = None,
    rule: BridgeRule | None = None,
    seed: int = 0,
) -> CrossingProbabilities:
    """Find how likely each step crossed each barrier near it.

    The animal is taken to move as a Brownian bridge between its fixes, unmoved by the barrier: for
    a real fence the probability is an upper bound.

    A feature is one straight line for a step if its pieces within five standard deviations of the
    bridge's middle lie within a hundredth of the bridge's spread ``sqrt(s2 T)`` of one line that
    leads beyond them on both sides: then the probability is `straight_crossing_probability`. Else
    ``rule.samples`` bridges are drawn, finer and finer where the feature is near and bends or
    ends; where it is straight, the closed form stands for what lies between drawn positions.

    Chance is drawn from a hash of the seed, the animal's name and the times of the step's fixes,
    so that other animals, their order and cuts into chunks change no row. All features see the
    same bridges.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes of ``k`` animals. Steps longer than ``rule.max_gap_s`` give no row.
    barriers : Barriers
        In the same projection.
    variance_m2_s : (k,) or (m,) array or float, m^2/s, optional
        Brownian motion variance per axis, of each track or of each of the ``m`` steps in the order
        of `Tracks.steps` (``dynamic_variance(...).bridge_variance_m2_s``); without it that of
        `motion_variance_m2_s`. As many values as tracks are taken for those of tracks. Where it is
        nan there is no row.
    rule : BridgeRule, optional
    seed : int
        Another seed draws other bridges.

    Returns
    -------
    CrossingProbabilities

    Raises
    ------
    BadRule
        A variance below 0, or not one for each track or step.
    NotProjected
        The tracks are in another projection than the barriers.

    References
    ----------
    Horne et al. 2007, Ecology 88:2354-2363. Differs: crossings in place of an occurrence raster.

    Examples
    --------
    Both fixes 100 m from a long fence: ``exp(-2 * 100^2 / (10 * 2000))``.

    >>> import shapely
    >>> fence = Barriers.from_geometries(["fence"], [shapely.LineString([(0, -9e4), (0, 9e4)])])
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0, 0], t_ms=[0, 2_000_000], x=[100, 100], y=[0, 40])
    >>> found = crossing_probabilities(
    ...     walk, fence, variance_m2_s=10, rule=BridgeRule(error_m=0))
    >>> found.p_crossing.round(3), found.p_net, found.is_straight
    (array([0.368]), array([0.]), array([ True]))
    """
    rule = rule or BridgeRule()
    barriers.check_projection(tracks)
    if variance_m2_s is None:
        variance_m2_s = motion_variance_m2_s(
            tracks, error_m=rule.error_m, max_gap_s=rule.max_gap_s)  # fmt: skip
    steps = Steps.of(tracks, _of_steps(tracks, variance_m2_s), rule, seed)
    layout = Layout.of(barriers)
    batches = [
        _rows(tracks, near_steps(steps.part(begin, begin + _BATCH), barriers, rule), layout, rule)
        for begin in range(0, max(1, len(steps.first)), _BATCH)
    ]
    return CrossingProbabilities(**{
        field.name: np.concatenate([getattr(batch, field.name) for batch in batches])
        for field in fields(CrossingProbabilities)
    })  # fmt: skip


def _of_steps(tracks: Tracks, variance_m2_s: ArrayLike) -> FloatArray:
    """Variance of each step, given for all, for each track or for each step."""
    given = np.asarray(variance_m2_s, dtype=np.float64)
    first = tracks.steps
    fits = given.shape in {(), (len(tracks.names),), first.shape}
    if not fits or (given < 0).any() or np.isinf(given).any():
        raise BadRule("Give one variance for each track or each step, 0 or more, or nan.")
    if given.shape == (len(tracks.names),):
        given = given[tracks.track[first]]
    return np.broadcast_to(given, first.shape)


def _rows(
    tracks: Tracks, near: NearSteps, layout: Layout, rule: BridgeRule
) -> CrossingProbabilities:
    steps, pieces = near.steps, (near.offsets, near.piece, layout.ends)
    summary, when, where, middle = draw_rows(
        steps.keys, steps.fixes, steps.spread2, steps.looks, *pieces,
        layout.starts, layout.rings, rule.samples,
    )  # fmt: skip
    straight, off = lines(steps.fixes, REACH_SD * steps.sd_m, steps.spread2, *pieces)
    errors = steps.fixes[:, 2], steps.fixes[:, 5]
    chance, left = meets(
        *[np.ascontiguousarray(one) for one in (*off.T, *errors, steps.spread2, *PLACES)]
    )
    over, back = left[:, 0] * (1.0 - left[:, 1]), (1.0 - left[:, 0]) * left[:, 1]
    begin_ms, end_ms = tracks.t_ms[steps.first], tracks.t_ms[steps.first + 1]
    never = np.isnan(when)
    passed = np.rint(np.where(never, 0.0, when) * (end_ms - begin_ms)[:, None]).astype(np.int64)
    return CrossingProbabilities(
        track=steps.track,
        feature=near.feature,
        first=steps.first,
        p_crossing=np.where(straight, chance, summary[:, 0]),
        p_error=np.where(straight, 0.0, summary[:, 1]),
        p_net=np.where(straight, over + back, summary[:, 2]),
        net=np.where(straight, over - back, summary[:, 3]),
        count=summary[:, 4],
        is_straight=straight,
        t_ms=np.where(never, NO_TIME, begin_ms[:, None] + passed),
        along_m=where,
        x=middle[:, 0],
        y=middle[:, 1],
    )
