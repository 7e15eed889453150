"""Step selection: whether animals take steps that cross as often as they could."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._null_steps import fit_gamma, fit_von_mises
from ecoduct_analysis._sampling import (
    TurningSteps,
    check_intervals,
    generator_of,
    next_places,
    turning_steps,
)
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.bursts import typical_interval_s
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.conditional_logit import ConditionalLogit, fit_conditional_logit, pool_animals
from ecoduct_analysis.crossings import count_crossings
from ecoduct_analysis.errors import AnalysisError, BadRule
from ecoduct_analysis.tracks import Tracks

__all__ = [
    "TERMS",
    "Choices",
    "ConditionalLogit",
    "SelectionRule",
    "StepSelection",
    "draw_choices",
    "fit_conditional_logit",
    "fit_step_selection",
    "pool_animals",
]

TERMS: Final = ("crossing", "crossing x log length", "length", "log length", "cos turn")

_Z_95: Final = 1.959963984540054  # normal deviate of a two-sided 95 % interval
_MOST_RANDOM: Final = 1000
_SHORTEST_M: Final = 1e-3  # a length of 0 has no logarithm


@dataclass(frozen=True, slots=True)
class SelectionRule:
    """How random steps are drawn and what is asked of them.

    Attributes
    ----------
    random_steps : int
        For each used step. 20; 10 to 100 are usual, more steady the answer and cost time.
    count_each : bool
        Whether the crossing term is the count of crossings or, as here by default, 0 or 1: two
        crossings of one jagged fence are not twice the deed.
    reference_length_m : float, m, optional
        Length at which ``crossing`` is told: the interaction is with the log of length over it.
        Without it the geometric mean of each animal's used steps.
    interval_tolerance : float
        Steps may last longer or shorter than the animal's median step by this part, and animals'
        medians may differ by it. A quarter holds the jitter of collars, not another schedule.

    Raises
    ------
    BadRule
    """

    random_steps: int = 20
    count_each: bool = False
    reference_length_m: float | None = None
    interval_tolerance: float = 0.25

    def __post_init__(self) -> None:
        if not 1 <= self.random_steps <= _MOST_RANDOM:
            raise BadRule(f"random_steps must be 1 to {_MOST_RANDOM}.")
        if not 0 < (self.reference_length_m or 1.0) < np.inf:
            raise BadRule("reference_length_m must be above 0 and finite.")
        if not 0 <= self.interval_tolerance < 1:
            raise BadRule("interval_tolerance must be 0 up to, not including, 1.")


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """Used steps, each followed by the random steps it was chosen from.

    Attributes
    ----------
    offsets : (s + 1,) array
        Choice ``i`` holds the rows ``offsets[i]`` up to ``offsets[i + 1]``; its first is the used
        step.
    track, first : (s,) array
        Track and first fix of each used step.
    begin, end : (m, 2) array, m
        Of each row, x before y: what covariates are to be looked up at.
    length_m, turn_rad : (m,) array, m, radians
    """

    offsets: IntArray
    track: IntArray
    first: IntArray
    begin: FloatArray
    end: FloatArray
    length_m: FloatArray
    turn_rad: FloatArray

    def __len__(self) -> int:
        """Count the used steps."""
        return len(self.first)


def draw_choices(tracks: Tracks, rule: SelectionRule, *, seed: int) -> Choices:
    """Random steps beside each used step, from the animal's own lengths and turns.

    Lengths are drawn from a gamma distribution and turns from a von Mises distribution about 0
    (or about a half turn, if the animal tends to turn back), fitted to the used steps.

    Parameters
    ----------
    tracks : Tracks
    rule : SelectionRule
    seed : int
        Each animal draws from dice of its own, made of the seed and its name.

    Returns
    -------
    Choices
        Without steps that have no step before them, no length, or another duration than the
        animal's usual. The same for the same seed, also when other animals share the call.

    Examples
    --------
    >>> turns = Tracks.from_arrays(
    ...     ["a"], track=[0] * 4, t_ms=[0, 1, 2, 3], x=[0, 9, 9, 5], y=[0, 0, 7, 7])
    >>> choices = draw_choices(turns, SelectionRule(random_steps=10), seed=1)
    >>> len(choices), len(choices.end), choices.end[choices.offsets[:-1]]
    (2, 22, array([[9., 7.], [5., 7.]]))
    """
    steps = turning_steps(tracks, tolerance=rule.interval_tolerance)
    count, rows = len(steps), rule.random_steps + 1
    length = np.empty((count, rows))
    turn = np.empty((count, rows))
    begins = np.searchsorted(steps.track, np.arange(len(tracks.names) + 1))
    for number, name in enumerate(tracks.names):
        own = slice(begins[number], begins[number + 1])
        if begins[number] == begins[number + 1]:
            continue
        dice = generator_of(seed, name)
        shape = (own.stop - own.start, rule.random_steps)
        form, scale = fit_gamma(steps.length_m[own])
        length[own, 1:] = np.maximum(dice.gamma(form, scale, shape), _SHORTEST_M)
        turn[own, 1:] = dice.vonmises(*fit_von_mises(steps.turn_rad[own]), shape)
    return _choices(steps, length, turn)


@dataclass(frozen=True, slots=True, eq=False)
class StepSelection:
    """Selection of steps by all animals and by each.

    Attributes
    ----------
    terms : tuple of str
        Names of the ``p`` coefficients; the first is that of crossing.
    together : ConditionalLogit
        All steps in one, as if they were one animal's: its errors are too small if animals differ.
    coefficient, standard_error : (k, p) array
        Of each animal; nan with a reason.
    reasons : tuple of str
    reference_length_m : (k,) array, m
        Length of step at which the coefficient of crossing holds.
    mean, mean_error, between : (p,) array
        Two stages: mean over animals, its standard error, standard deviation between animals.
    n_pooled : int
        Animals that the mean rests on.
    names : tuple of str
    n_steps, n_crossings : (k,) array
        Used steps, and those of them that crossed.
    random_steps, seed : int
    """

    terms: tuple[str, ...]
    together: ConditionalLogit
    coefficient: FloatArray
    standard_error: FloatArray
    reasons: tuple[str, ...]
    reference_length_m: FloatArray
    mean: FloatArray
    mean_error: FloatArray
    between: FloatArray
    n_pooled: int
    names: tuple[str, ...]
    n_steps: IntArray
    n_crossings: IntArray
    random_steps: int
    seed: int

    def __len__(self) -> int:
        """Count the animals."""
        return len(self.names)

    @property
    def crossing_factor(self) -> tuple[float, float, float]:
        """How much likelier a step is taken if it crosses: low, mean over animals, high (95 %)."""
        low, middle, high = self.mean[0] + self.mean_error[0] * _Z_95 * np.array([-1.0, 0.0, 1.0])
        return float(np.exp(low)), float(np.exp(middle)), float(np.exp(high))


def fit_step_selection(
    tracks: Tracks,
    barriers: Barriers,
    rule: SelectionRule,
    *,
    seed: int,
    covariates: Mapping[str, ArrayLike] | None = None,
) -> StepSelection:
    """Whether animals choose or shun steps that cross.

    Used steps are compared with random ones by crossing ``C``, ``C (log L - log L0)``, ``L``,
    ``log L`` and ``cos(turn)``, where ``L`` is length and ``L0`` the reference length. The terms
    of length and turn mend the distributions that random steps came from, which the barrier has
    bent; the interaction lets long steps cross more readily, or less.

    Parameters
    ----------
    tracks : Tracks
        Of one fix interval, in the projection of the barriers.
    barriers : Barriers
    rule : SelectionRule
    seed : int
    covariates : mapping of str to (m,) array, optional
        Further terms: one value for each row of `draw_choices` with the same tracks, rule and
        seed.

    Returns
    -------
    StepSelection

    Raises
    ------
    AnalysisError
        Typical step intervals differ between animals, or a covariate does not fit.
    NotProjected
        Tracks are in another projection than the barriers.

    References
    ----------
    Avgar et al. 2016, Methods in Ecology and Evolution 7:619-630. Fieberg et al. 2021, Journal of
    Animal Ecology 90:1027-1043. Mean over animals: DerSimonian & Laird 1986, Controlled Clinical
    Trials 7:177-188.

    Examples
    --------
    >>> import shapely
    >>> dice = np.random.default_rng(1)
    >>> x, y = dice.normal(0, 300, (2, 500)).cumsum(axis=1)
    >>> free = Tracks.from_arrays(["a"], track=[0] * 500, t_ms=np.arange(500) * 1000, x=x, y=y)
    >>> roads = [shapely.LineString([(n, -1e5), (n, 1e5)]) for n in range(-20_000, 20_000, 1000)]
    >>> known = Barriers.from_geometries([str(n) for n in range(40)], roads)
    >>> low, middle, high = fit_step_selection(
    ...     free, known, SelectionRule(), seed=1).crossing_factor
    >>> low < 1 < high
    True
    """
    barriers.check_projection(tracks)
    check_intervals(typical_interval_s(tracks), tolerance=rule.interval_tolerance)
    choices = draw_choices(tracks, rule, seed=seed)
    more = {} if covariates is None else dict(covariates)
    terms = (*TERMS, *more)
    counts = count_crossings(choices.begin, choices.end, barriers)
    heads = choices.offsets[:-1]
    begins = np.searchsorted(choices.track, np.arange(len(tracks.names) + 1))
    logs = np.log(choices.length_m)
    typical = _reference(logs[heads], begins, rule)
    columns = _columns(choices, counts, logs, typical, rule, more)
    used = np.zeros(len(columns), dtype=bool)
    used[heads] = True
    fits = [
        _fit_rows(choices.offsets[begin : end + 1], columns, used, terms)
        for begin, end in pairwise(begins)
    ]
    coefficient = np.array([fit.coefficient for fit in fits]).reshape(-1, len(terms))
    error = np.array([fit.standard_error for fit in fits]).reshape(-1, len(terms))
    mean, mean_error, between, pooled = pool_animals(coefficient, error)
    return StepSelection(
        terms=terms,
        together=_fit_rows(choices.offsets, columns, used, terms),
        coefficient=coefficient, standard_error=error, reasons=tuple(fit.reason for fit in fits),
        reference_length_m=np.exp(typical), mean=mean, mean_error=mean_error, between=between,
        n_pooled=pooled, names=tracks.names, n_steps=np.diff(begins).astype(np.int64),
        n_crossings=np.bincount(
            choices.track, weights=counts[heads] > 0, minlength=len(tracks.names)
        ).astype(np.int64),
        random_steps=rule.random_steps, seed=seed,
    )  # fmt: skip


def _fit_rows(
    bounds: IntArray, columns: FloatArray, used: BoolArray, terms: tuple[str, ...]
) -> ConditionalLogit:
    rows = slice(bounds[0], bounds[-1])
    return fit_conditional_logit(bounds - bounds[0], columns[rows], used[rows], terms=terms)


def _choices(steps: TurningSteps, length: FloatArray, turn: FloatArray) -> Choices:
    length[:, 0], turn[:, 0] = steps.length_m, steps.turn_rad
    rows = length.shape[1]
    ends = next_places(steps.begin, steps.heading_rad, length, turn)
    # As it was, not as its length and turn give it again: rounding must not move a fix.
    ends[:, 0] = steps.end
    return Choices(
        offsets=np.arange(len(steps) + 1, dtype=np.int64) * rows,
        track=steps.track,
        first=steps.first,
        begin=np.repeat(steps.begin, rows, axis=0),
        end=ends.reshape(-1, 2),
        length_m=length.ravel(),
        turn_rad=turn.ravel(),
    )


def _reference(logs: FloatArray, begins: IntArray, rule: SelectionRule) -> FloatArray:
    """Log of each animal's reference length, nan for one without steps, (k,) array."""
    if rule.reference_length_m is not None:
        return np.full(len(begins) - 1, np.log(rule.reference_length_m))
    means = [logs[a:b].mean() if b > a else np.nan for a, b in pairwise(begins)]
    return np.array(means, dtype=np.float64)


def _columns(
    choices: Choices,
    counts: IntArray,
    logs: FloatArray,
    typical: FloatArray,
    rule: SelectionRule,
    more: Mapping[str, ArrayLike],
) -> FloatArray:
    crossing = (counts if rule.count_each else counts > 0).astype(np.float64)
    centre = np.repeat(typical[choices.track], np.diff(choices.offsets))
    own = (crossing, crossing * (logs - centre), choices.length_m, logs, np.cos(choices.turn_rad))
    given = [np.asarray(values, dtype=np.float64) for values in more.values()]
    if any(values.shape != crossing.shape for values in given):
        raise AnalysisError(f"Each covariate needs {len(crossing)} values, as `draw_choices` has.")
    return np.stack((*own, *given), axis=1)
