"""Before and after a change at some barriers, against barriers that did not change."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._change_model import CountModel, build_model, effect_of, settle
from ecoduct_analysis._count_model import fit_counts, flipped_scores
from ecoduct_analysis._crossing_table import CrossingTable, tabulate
from ecoduct_analysis._sampling import at_one_interval, generator_of
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.errors import AnalysisError, BadRule
from ecoduct_analysis.tracks import Tracks

__all__ = [
    "ChangeEffect",
    "ChangeRule",
    "CrossingTable",
    "estimate_change",
    "placebo_change",
    "tabulate_crossings",
]

_LEAST_ANIMALS: Final = 3  # with two the bootstrap has three outcomes, and flips have p 0.5
_LEAST_DRAWS: Final = 19  # p cannot reach 0.05 with fewer
_TAILS: Final = (2.5, 97.5)
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """How crossings are counted, compared and tested.

    Attributes
    ----------
    reach_m : float, m
        A step that begins nearer than this to a barrier is exposed to it. 1,000 m: about what
        large mammals walk in two hours; give the length of long steps of your animals.
    family : {"poisson", "negbin"}
        Variance of counts: ``poisson`` in proportion to the mean, ``negbin`` also to its square,
        so that rows with large counts weigh less. The interval comes from resampled animals, and
        holds for both.
    seasons : int
        Parts of the year, counted from the day of change, each with an effect of its own. 4; 1
        leaves season out.
    resamples, flips : int
        Of animals for the interval, of signs for p. 999.
    unit : {"animals", "weeks"}
        What is flipped as a whole: fixes of one animal, or of one week, go together.
    thin_to_s : float, s, optional
        Thin all tracks to this interval first.
    interval_tolerance : float
        Medians of steps, of every animal before and after, may differ by this part. A quarter
        holds the jitter of collars, not another schedule.
    max_gap : float
        A step longer than so many of the animal's median steps is not counted. 2: one missed fix.

    Raises
    ------
    BadRule
    """

    reach_m: float = 1000.0
    family: Literal["poisson", "negbin"] = "poisson"
    seasons: int = 4
    resamples: int = 999
    flips: int = 999
    unit: Literal["animals", "weeks"] = "animals"
    thin_to_s: float | None = None
    interval_tolerance: float = 0.25
    max_gap: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.reach_m < np.inf or not (self.thin_to_s or 1.0) > 0:
            raise BadRule("reach_m and thin_to_s must be above 0, reach_m finite.")
        if self.family not in {"poisson", "negbin"} or self.unit not in {"animals", "weeks"}:
            raise BadRule("family is 'poisson' or 'negbin'; unit is 'animals' or 'weeks'.")
        if self.seasons < 1 or min(self.resamples, self.flips) < _LEAST_DRAWS:
            raise BadRule(f"seasons must be 1 or more, resamples and flips {_LEAST_DRAWS}.")
        if not (self.max_gap >= 1 and 0 <= self.interval_tolerance < 1):
            raise BadRule("max_gap must be 1 or more, interval_tolerance 0 up to 1.")


@dataclass(frozen=True, slots=True, eq=False)
class ChangeEffect:
    """By what the change multiplied crossings, and what the answer rests on.

    Attributes
    ----------
    effect, low, high : float
        Crossings per exposure after over before, where barriers changed, over the same where they
        did not; with a 95 % interval from resampled animals. 1 is no effect; 0 or inf where a
        cell has no crossing.
    p_value : float
        Two-sided, from flipped signs of whole animals or weeks.
    excess : float
        Variance beyond Poisson, times the squared mean; 0 for the family ``poisson``.
    dispersion : float
        Pearson's statistic over its degrees of freedom; above 1, counts are more unlike than
        chance makes them.
    cells : (2, 2) array
        Crossings before and after (rows) at control and impact barriers (columns).
    cell_exposure : (2, 2) array
        The same of exposure.
    season_overlap : float
        Part of the exposure in seasons that were seen both before and after.
    n_animals, n_complete : int
        Animals with a crossing, and animals exposed in all four cells.
    n_lost : int
        Resamples without an effect, because cells were empty; the interval leaves them out.
    resamples, flips, seed : int
    """

    effect: float
    low: float
    high: float
    p_value: float
    excess: float
    dispersion: float
    cells: FloatArray
    cell_exposure: FloatArray
    season_overlap: float
    n_animals: int
    n_complete: int
    n_lost: int
    resamples: int
    flips: int
    seed: int


def tabulate_crossings(
    tracks: Tracks,
    barriers: Barriers,
    rule: ChangeRule,
    *,
    is_impact: ArrayLike,
    changed_at_ms: int,
) -> CrossingTable:
    """Count exposed steps and crossings of each animal, week and group of barriers.

    Parameters
    ----------
    tracks : Tracks
        In the projection of the barriers, all of one fix interval before and after.
    barriers : Barriers
    rule : ChangeRule
    is_impact : (f,) array of bool
        Which features changed; the others are control.
    changed_at_ms : int, ms since 1970 UTC

    Returns
    -------
    CrossingTable
        Its ``exposure`` counts steps that begin within reach. Put expected crossings in their
        place (`dataclasses.replace`) and the effect is a change of permeability.

    Raises
    ------
    AnalysisError
        Typical step intervals differ between animals, or before and after.

    Examples
    --------
    >>> import shapely
    >>> fences = Barriers.from_geometries(
    ...     ["new", "old"], [shapely.LineString([(x, -9), (x, 9)]) for x in (5, 5000)])
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0] * 4, t_ms=[0, 1000, 2000, 3000], x=[0, 10, 0, 10], y=[0] * 4)
    >>> table = tabulate_crossings(
    ...     walk, fences, ChangeRule(), is_impact=[True, False], changed_at_ms=1500)
    >>> table.is_after, table.count, table.exposure
    (array([False,  True]), array([2., 1.]), array([2., 1.]))
    """
    impact = np.asarray(is_impact, dtype=bool)
    barriers.check_projection(tracks)
    if impact.shape != (len(barriers.names),):
        raise BadRule(f"is_impact needs {len(barriers.names)} values, one for each feature.")
    if (impact[barriers.drawn_as] != impact).any():
        raise BadRule("A feature that was drawn twice is in both groups: leave one out.")
    even = at_one_interval(
        tracks, thin_to_s=rule.thin_to_s, tolerance=rule.interval_tolerance, cut_ms=changed_at_ms
    )
    return tabulate(
        even, barriers, impact, changed_at_ms, reach_m=rule.reach_m, seasons=rule.seasons,
        max_gap=rule.max_gap,
    )  # fmt: skip


def estimate_change(table: CrossingTable, rule: ChangeRule, *, seed: int) -> ChangeEffect:
    """By what a change at some barriers multiplied crossings.

    ``log mu = animal + season + b1 After + b2 Impact + b3 After x Impact + log(exposure)``; the
    effect is ``exp(b3)``.

    Parameters
    ----------
    table : CrossingTable
    rule : ChangeRule
    seed : int
        Of the resamples and flips. The order of animals does not matter.

    Returns
    -------
    ChangeEffect

    Raises
    ------
    AnalysisError
        Fewer than three animals were exposed before and after, at both groups of barriers.

    References
    ----------
    Flipped scores: Hemerik, Goeman & Finos 2020, Journal of the Royal Statistical Society B
    82:841-864; standardized as in the R package `flipscores`, which keeps p from being too small
    with few groups.

    Examples
    --------
    Six animals, ten exposed steps in each cell. At the changed barriers crossings fell from 4 to
    1, elsewhere they stayed at 2:

    >>> cells = np.tile([[0, 0, 2], [0, 1, 4], [1, 0, 2], [1, 1, 1]], (6, 1))
    >>> table = CrossingTable(
    ...     tuple("abcdef"), animal=np.repeat(range(6), 4), week=cells[:, 0], season=[0] * 24,
    ...     is_after=cells[:, 0], is_impact=cells[:, 1], count=cells[:, 2], exposure=[10] * 24)
    >>> found = estimate_change(table, ChangeRule(), seed=1)
    >>> round(found.effect, 6), found.n_complete, found.p_value < 0.05
    (0.25, 6, True)
    """
    rows = table.where(table.exposure > 0)
    complete = _count_complete(rows)
    if complete < _LEAST_ANIMALS:
        raise AnalysisError(
            f"{complete} animals were exposed in all four cells: before and after, at changed "
            f"barriers and at others. {_LEAST_ANIMALS} are needed. Track more animals, or widen "
            "reach_m."
        )
    model = build_model(rows)
    excess, mu = settle(model, family=rule.family)
    draws = _resample(model, excess, rule, seed)
    known = draws[~np.isnan(draws)]
    # Of an order, not between two: a resample may have an effect of inf.
    low, high = np.percentile(known, _TAILS, method="nearest") if len(known) else (np.nan,) * 2
    free = len(model) - model.n_animals - model.columns.shape[1]
    pearson = ((model.counts - mu) ** 2 / (mu + excess * mu**2)).sum() if len(model) else 0.0
    return ChangeEffect(
        effect=effect_of(model, np.ones(len(model)), excess), low=float(low), high=float(high),
        p_value=_flip(model, excess, rule, seed),
        excess=excess, dispersion=float(pearson / free) if free > 0 else np.nan,
        cells=rows.cells(rows.count), cell_exposure=rows.cells(rows.exposure),
        season_overlap=_season_overlap(rows), n_animals=model.n_animals, n_complete=complete,
        n_lost=rule.resamples - len(known), resamples=rule.resamples, flips=rule.flips, seed=seed,
    )  # fmt: skip


def placebo_change(
    table: CrossingTable, rule: ChangeRule, *, seed: int, at_week: int | None = None
) -> ChangeEffect:
    """Ask for the effect of a change that never was, at a date before the real one.

    An effect far from 1 says that the two groups of barriers drifted apart anyway.

    Parameters
    ----------
    table : CrossingTable
        Only its rows before the change are used.
    rule : ChangeRule
    seed : int
    at_week : int, optional
        First week taken for after, below 0. Without it the one that halves the exposure.

    Returns
    -------
    ChangeEffect

    Raises
    ------
    AnalysisError
        As of `estimate_change`: too few animals, here within the time before.

    Examples
    --------
    >>> none = CrossingTable(("a",), *[np.zeros(0)] * 7)
    >>> placebo_change(none, ChangeRule(), seed=1)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ecoduct_analysis.errors.AnalysisError: 0 animals were exposed in all four cells: ...
    """
    before = table.where(~table.is_after)
    if at_week is None:
        order = np.argsort(before.week, kind="stable")
        so_far = np.cumsum(before.exposure[order])
        half = np.searchsorted(so_far, so_far[-1] / 2) if len(before) else 0
        at_week = int(before.week[order[half]]) + 1 if len(before) else 0
    return estimate_change(replace(before, is_after=before.week >= at_week), rule, seed=seed)


def _resample(model: CountModel, excess: float, rule: ChangeRule, seed: int) -> FloatArray:
    if not model.n_animals:
        return np.zeros(0)
    dice = np.random.default_rng(seed)
    even = np.full(model.n_animals, 1 / model.n_animals)
    times = dice.multinomial(model.n_animals, even, rule.resamples)[:, model.animal].astype(float)
    return np.array([effect_of(model, weight, excess) for weight in times])


def _flip(model: CountModel, excess: float, rule: ChangeRule, seed: int) -> float:
    if not len(model):
        return np.nan
    others = np.ascontiguousarray(model.columns[:, :-1])
    mu = fit_counts(model.animal, others, *model.given[2:], np.ones(len(model)), excess)[1]
    if rule.unit == "animals":
        names, group = list(model.names), model.animal
    else:
        weeks, group = np.unique(model.week, return_inverse=True)
        names = [f"week {week}" for week in weeks]
    # First the signs as they are, then flips of each group's own.
    signs = np.ones((len(names), 1 + rule.flips))
    for number, name in enumerate(names):
        signs[number, 1:] = generator_of(seed, name).choice((-1.0, 1.0), rule.flips)
    spread = 1 + excess * mu
    found = np.abs(
        flipped_scores(
            model.animal, others, model.columns[:, -1], (model.counts - mu) / spread, mu / spread,
            group.astype(np.int64), signs,
        )
    )  # fmt: skip
    # A flip of all signs, or none, is the same score but for rounding.
    return float((found >= found[0] * (1 - _ROUNDING)).mean())


def _count_complete(rows: CrossingTable) -> int:
    cells = np.zeros((len(rows.names), 4), dtype=bool)
    cells[rows.animal, 2 * rows.is_after + rows.is_impact] = True
    return int(cells.all(axis=1).sum())


def _season_overlap(rows: CrossingTable) -> float:
    before, after = rows.season[~rows.is_after], rows.season[rows.is_after]
    both = np.isin(rows.season, before) & np.isin(rows.season, after)
    return float(rows.exposure[both].sum() / rows.exposure.sum())
