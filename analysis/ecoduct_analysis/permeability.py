"""Permeability of barriers: how much rarer crossings are than steps that ignore the barrier."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._kappa import design, edge, maximise, share_that_stays
from ecoduct_analysis._null_steps import draw_null_crossings, weights_without_barrier
from ecoduct_analysis._sampling import (
    TurningSteps,
    check_intervals,
    distance_m,
    generator_of,
    turning_steps,
)
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.bursts import typical_interval_s
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.crossings import count_crossings
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks

_Z_95: Final = 1.959963984540054  # normal deviate of a two-sided 95 % interval
_ROUNDS: Final = 3  # in simulations kappa no longer moved after the second


@dataclass(frozen=True, slots=True)
class PermeabilityRule:
    """How null steps are drawn.

    Attributes
    ----------
    null_steps : int
        Drawn from the begin of each step. 60, as in the R package `permeability`.
    lengths : {"near", "crossing"}
        Where null lengths come from. ``near``: the animal's steps near the barrier, each weighed
        by how much likelier the fitted barrier made it; unbiased in simulations. ``crossing``:
        the rule of the R package, the lengths of crossing steps only. Long steps cross more
        often, so those nulls are too long and kappa comes out too low.
    min_crossings : int
        With fewer pooled lengths than this a Weibull distribution fitted to them replaces them.
        30, as in the R package.
    reach_m : float, m, optional
        Steps that begin nearer to the barrier than this are used. Without it the longest
        crossing step of the animal, or its longest step if none crosses.
    interval_tolerance : float
        Steps may last longer or shorter than the animal's median step by this part, and animals'
        medians may differ by it. A quarter holds the jitter of collars, not another schedule.

    Raises
    ------
    BadRule
    """

    null_steps: int = 60
    lengths: Literal["near", "crossing"] = "near"
    min_crossings: int = 30
    reach_m: float | None = None
    interval_tolerance: float = 0.25

    def __post_init__(self) -> None:
        if self.null_steps < 1 or self.min_crossings < 1:
            raise BadRule("null_steps and min_crossings must be 1 or more.")
        if self.lengths not in {"near", "crossing"}:
            raise BadRule(f"lengths are 'near' or 'crossing', not {self.lengths!r}.")
        if self.reach_m is not None and not 0 < self.reach_m < np.inf:
            raise BadRule("reach_m must be above 0 and finite.")
        if not 0 <= self.interval_tolerance < 1:
            raise BadRule("interval_tolerance must be 0 up to, not including, 1.")


@dataclass(frozen=True, slots=True, eq=False)
class KappaFit:
    """Permeability, fitted to steps that did or did not cross.

    Attributes
    ----------
    coefficient, standard_error : (1 + p,) array
        Of ``log kappa``: its value where all covariates are 0, then one for each covariate.
    factor, low, high : (1 + p,) array
        exp of the coefficients with their 95 % intervals: kappa itself, then by what each unit of
        a covariate multiplies it.
    log_likelihood : float
    n_steps, n_crossings : int
        Steps given, and those among them that crossed.
    n_informative : int
        Steps of which some but not all null steps crossed: only these can tell kappa.
    reason : str
        Why kappa is 0, inf or nan; empty where it was found.
    """

    coefficient: FloatArray
    standard_error: FloatArray
    factor: FloatArray
    low: FloatArray
    high: FloatArray
    log_likelihood: float
    n_steps: int
    n_crossings: int
    n_informative: int
    reason: str = ""

    def __len__(self) -> int:
        """Count the coefficients."""
        return len(self.coefficient)

    @property
    def kappa(self) -> float:
        """Permeability where all covariates are 0: 0 closed, 1 no effect, above 1 sought."""
        return float(self.factor[0])


def fit_kappa(
    crossed: ArrayLike,
    null_crossings: ArrayLike,
    null_steps: ArrayLike,
    *,
    covariates: ArrayLike | None = None,
) -> KappaFit:
    """Fit ``P(cross) = 1 - s0 ** kappa``, where ``s0`` is the share of null steps that stay.

    With ``a = -log s0`` this is a regression with complementary log-log link and offset
    ``log a``; its likelihood is concave, so there is one maximum and Newton finds it.

    Parameters
    ----------
    crossed : (n,) array of bool
        Whether each step crossed.
    null_crossings, null_steps : (n,) array or int
        How many null steps of each step crossed, of how many.
    covariates : (n, p) array, optional
        Attributes of each step or of the barrier there; ``log kappa`` is linear in them.

    Returns
    -------
    KappaFit
        If no step crossed, kappa is 0 and ``high`` is where seeing none has a chance of 2.5 %;
        the other way round if every informative step crossed. Coefficients that run to infinity
        are nan, with a reason.

    Raises
    ------
    AnalysisError
        Counts that contradict each other, covariates that are not finite or collinear.

    Notes
    -----
    A step that crossed although none of its null steps did would make every kappa impossible:
    such a step gets half a null crossing of one more null step. Those that did not cross stay as
    they are: for a small chance kappa is crossings over expected crossings, and the sum of those
    is right only if nothing is added to it. Where all null steps cross, half a null step stays.

    References
    ----------
    Barbour & Gurarie 2026, Methods in Ecology and Evolution, doi 10.1111/2041-210x.70339.
    Differs: exact maximum in place of a simplex search; the two guards above.

    Examples
    --------
    Half of the null steps cross, but only one step in four does:

    >>> fit = fit_kappa([True, False, False, False], 30, 60)
    >>> round(fit.kappa, 4), round(float(np.log(0.75) / np.log(0.5)), 4)
    (0.415, 0.415)
    >>> none = fit_kappa([False] * 10, 30, 60)
    >>> none.kappa, round(float(none.high[0]), 3), none.reason
    (0.0, 0.532, 'no step crossed')
    """
    did = np.asarray(crossed, dtype=bool)
    stays = share_that_stays(did, null_crossings, null_steps)
    columns = design(did, covariates)
    use = stays < 1
    exposure, crossing, width = -np.log(stays[use]), did[use], columns.shape[1]
    low, factor, high, coefficient, error = (np.full(width, np.nan) for _ in range(5))
    value = np.nan
    at_edge = edge(crossing, exposure)
    if at_edge is not None:
        low[0], factor[0], high[0], reason = at_edge
    else:
        coefficient, error, value, reason = maximise(crossing, exposure, columns[use])
        # An error may be huge where hardly anything is known; exp of it is then inf, rightly.
        with np.errstate(over="ignore"):
            low, factor, high = (np.exp(coefficient + z * error) for z in (-_Z_95, 0.0, _Z_95))
    return KappaFit(
        coefficient, error, factor, low, high, log_likelihood=value, reason=reason,
        n_steps=len(did), n_crossings=int(did.sum()), n_informative=int(use.sum()),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Permeability:
    """Permeability to all animals and to each.

    Attributes
    ----------
    together : KappaFit
        From the steps of all animals. Its interval takes steps for independent.
    names : tuple of str
    kappa, low, high : (k,) array
        Of each animal, without covariates; nan for one that tells nothing.
    n_steps, n_crossings : (k,) array
        Steps near the barrier, and those that crossed.
    first : (m,) array
        First fix of each step used, in order of track.
    crossed : (m,) array of bool
    null_crossings : (m,) array
        How many of its ``null_steps`` crossed.
    null_steps, seed : int
    """

    together: KappaFit
    names: tuple[str, ...]
    kappa: FloatArray
    low: FloatArray
    high: FloatArray
    n_steps: IntArray
    n_crossings: IntArray
    first: IntArray
    crossed: BoolArray
    null_crossings: IntArray
    null_steps: int
    seed: int

    def __len__(self) -> int:
        """Count the animals."""
        return len(self.names)


def estimate_permeability(
    tracks: Tracks,
    barriers: Barriers,
    rule: PermeabilityRule,
    *,
    seed: int,
    covariates: ArrayLike | None = None,
) -> Permeability:
    """Permeability of barriers, against null steps of each animal's own lengths and turns.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes of ``k`` animals, in the projection of the barriers, at one interval.
    barriers : Barriers
    rule : PermeabilityRule
    seed : int
        Each animal draws from dice of its own, made of the seed and its name.
    covariates : (n, p) array, optional
        One row for each fix; a step takes that of its first fix.

    Raises
    ------
    AnalysisError
        Typical step intervals differ between animals, or covariates do not fit.
    NotProjected

    References
    ----------
    Barbour & Gurarie 2026, Methods in Ecology and Evolution, doi 10.1111/2041-210x.70339.
    Differs: null lengths are weighed, see `PermeabilityRule`, and are of each animal, not of all.

    Examples
    --------
    >>> import shapely
    >>> dice = np.random.default_rng(1)
    >>> x, y = dice.normal(0, 300, (2, 400)).cumsum(axis=1)
    >>> free = Tracks.from_arrays(["a"], track=[0] * 400, t_ms=np.arange(400) * 1000, x=x, y=y)
    >>> roads = [shapely.LineString([(n, -1e5), (n, 1e5)]) for n in range(-20_000, 20_000, 1000)]
    >>> known = Barriers.from_geometries([str(n) for n in range(40)], roads)
    >>> found = estimate_permeability(free, known, PermeabilityRule(), seed=1)
    >>> bool(found.low[0] < 1 < found.high[0])
    True
    """
    barriers.check_projection(tracks)
    check_intervals(typical_interval_s(tracks), tolerance=rule.interval_tolerance)
    steps = turning_steps(tracks, tolerance=rule.interval_tolerance)
    crossed = count_crossings(steps.begin, steps.end, barriers) > 0
    begins = np.searchsorted(steps.track, np.arange(len(tracks.names) + 1))
    used, counts, fits = [], [], []
    for number, name in enumerate(tracks.names):
        own = np.arange(begins[number], begins[number + 1])
        near = _near(steps, own, crossed, barriers, rule)
        nulls, fit = _null_crossings(
            steps, near, crossed[near], barriers, rule, generator_of(seed, name)
        )
        used.append(near)
        counts.append(nulls)
        fits.append(fit)
    at = np.concatenate([np.zeros(0, dtype=np.int64), *used])
    null_crossings = np.concatenate([np.zeros(0, dtype=np.int64), *counts])
    rows = None if covariates is None else np.asarray(covariates, dtype=float)[steps.first[at]]
    return Permeability(
        together=fit_kappa(crossed[at], null_crossings, rule.null_steps, covariates=rows),
        names=tracks.names,
        kappa=np.array([fit.kappa for fit in fits], dtype=np.float64),
        low=np.array([fit.low[0] for fit in fits], dtype=np.float64),
        high=np.array([fit.high[0] for fit in fits], dtype=np.float64),
        n_steps=np.array([fit.n_steps for fit in fits], dtype=np.int64),
        n_crossings=np.array([fit.n_crossings for fit in fits], dtype=np.int64),
        first=steps.first[at],
        crossed=crossed[at],
        null_crossings=null_crossings,
        null_steps=rule.null_steps,
        seed=seed,
    )


def _near(
    steps: TurningSteps,
    own: IntArray,
    crossed: BoolArray,
    barriers: Barriers,
    rule: PermeabilityRule,
) -> IntArray:
    """Those of an animal's steps that begin within reach of the barrier."""
    if not len(own):
        return own
    reach = rule.reach_m
    if reach is None:
        over = own[crossed[own]]
        reach = float(steps.length_m[over if len(over) else own].max())
    return own[distance_m(steps.begin[own], barriers.ends, reach_m=reach) <= reach]


def _null_crossings(
    steps: TurningSteps,
    near: IntArray,
    crossed: BoolArray,
    barriers: Barriers,
    rule: PermeabilityRule,
    dice: np.random.Generator,
) -> tuple[IntArray, KappaFit]:
    """Crossing null steps of each step of one animal, and its kappa."""
    weights = np.ones(len(near)) if rule.lengths == "near" else None
    pool = near if weights is not None or crossed.sum() < rule.min_crossings else near[crossed]
    for _ in range(_ROUNDS):
        found = draw_null_crossings(
            steps, barriers, dice, of=near, draws=rule.null_steps,
            lengths_m=steps.length_m[pool], turns_rad=steps.turn_rad[near], weights=weights,
            fewest=rule.min_crossings,
        )  # fmt: skip
        fit = fit_kappa(crossed, found, rule.null_steps)
        if weights is None or not 0 < fit.kappa < np.inf:
            break
        weights = weights_without_barrier(crossed, found, rule.null_steps, fit.kappa)
    return found, fit
