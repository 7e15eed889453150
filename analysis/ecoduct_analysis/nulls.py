"""Crossings observed against those expected of tracks that ignore the barriers."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._null_tracks import (
    Box,
    box_of,
    count_tracks,
    folded,
    lengths_and_turns,
    p_values,
    shifted,
    shuffled,
    turned,
    walked,
)
from ecoduct_analysis._sampling import at_one_interval, generator_of, joined_steps
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.crossings import Crossings, find_crossings
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks

Null = Literal["rotate", "shift", "shuffle", "time"]

_BATCH: Final = 500_000  # null steps at a time: below 100 MB
_FEWEST_DRAWS: Final = 19  # p cannot reach 0.05 with fewer
_TOGETHER: Final = "all animals"


@dataclass(frozen=True, slots=True)
class NullRule:
    """Which null tracks are drawn, and how they are compared.

    Attributes
    ----------
    null : {"rotate", "shift", "shuffle", "time"}
        ``rotate``: the whole track turned about its pivot by a random angle. ``shift``: the whole
        track moved by a random vector. ``shuffle``: a correlated random walk from the first fix
        and heading of each burst, with the animal's own lengths and turns in random order.
        ``time``: the track's times moved in a circle against barriers that come and go.
    draws : int
        Null tracks of each animal. 999: p is then good to about 0.007 at 0.05.
    pivot : {"centroid", "start"}
        Of ``rotate``. The mean of all fixes keeps the animal where it lives.
    shift_m : float, m, optional
        Longest shift, drawn evenly from a disc. Without it the track goes anywhere in the area,
        which is what the test is exact for: a short shift meets the same barriers again.
    ties : {"plain", "mid", "random"}
        Counts are whole numbers and often equal. ``plain`` counts every tie against the finding
        and never says too much; it says too little where crossings are few. ``random`` breaks
        ties with the animal's own dice: exact size. ``mid`` counts half of them: in between, and
        without chance.
    max_gap : float
        A step longer than so many of the animal's median steps is a gap: it is not counted, and
        not joined. 2: one missed fix.
    thin_to_s : float, s, optional
        Thin all tracks to this interval first.
    interval_tolerance : float
        Medians of the animals' steps may differ by this part. A quarter holds the jitter of
        collars, not another schedule.

    Raises
    ------
    BadRule
    """

    null: Null = "rotate"
    draws: int = 999
    pivot: Literal["centroid", "start"] = "centroid"
    shift_m: float | None = None
    ties: Literal["plain", "mid", "random"] = "plain"
    max_gap: float = 2.0
    thin_to_s: float | None = None
    interval_tolerance: float = 0.25

    def __post_init__(self) -> None:
        if self.null not in {"rotate", "shift", "shuffle", "time"}:
            raise BadRule(f"There is no null {self.null!r}.")
        if self.draws < _FEWEST_DRAWS:
            raise BadRule(f"With fewer than {_FEWEST_DRAWS} draws p cannot reach 0.05.")
        if self.pivot not in {"centroid", "start"} or self.ties not in {"plain", "mid", "random"}:
            raise BadRule("pivot is 'centroid' or 'start'; ties are 'plain', 'mid' or 'random'.")
        if not (self.max_gap >= 1 and 0 <= self.interval_tolerance < 1):
            raise BadRule("max_gap must be 1 or more, interval_tolerance 0 up to 1.")
        if not ((self.shift_m or 1.0) > 0 and (self.thin_to_s or 1.0) > 0):
            raise BadRule("shift_m and thin_to_s must be above 0.")


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """One row for each animal, or one for all together.

    Attributes
    ----------
    names : tuple of str
    n_steps, observed : (k,) array
        Steps that can be counted, and how often they crossed.
    expected : (k,) array
        Mean count of the null tracks.
    ratio : (k,) array
        Observed over expected; nan where nothing is expected.
    p_fewer, p_more, p_two_sided : (k,) array
        Chance of as few, of as many, of as extreme a count without an effect.
    """

    names: tuple[str, ...]
    n_steps: IntArray
    observed: IntArray
    expected: FloatArray
    ratio: FloatArray
    p_fewer: FloatArray
    p_more: FloatArray
    p_two_sided: FloatArray

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class ObservedExpected:
    """Observed against expected crossings, and what the answer rests on.

    Attributes
    ----------
    animals : Comparison
        One row for each.
    together : Comparison
        One row: the sum over animals against the sums of their null tracks.
    null : str
    draws, seed : int
    """

    animals: Comparison
    together: Comparison
    null: Null
    draws: int
    seed: int

    def __len__(self) -> int:
        """Count the animals."""
        return len(self.animals)


def observed_against_expected(
    tracks: Tracks,
    barriers: Barriers,
    rule: NullRule,
    *,
    seed: int,
    area: Box | None = None,
    active_from_ms: ArrayLike | None = None,
    active_until_ms: ArrayLike | None = None,
) -> ObservedExpected:
    """Compare crossings with those of null tracks.

    Null tracks keep every step's length, so that the expectation is weighed by length: long steps
    cross more, and a comparison by mean length is wrong. What else each null takes for granted,
    and so what its p means, is in ``docs/methods/permeability.md``.

    Parameters
    ----------
    tracks : Tracks
        Of one fix interval, in the projection of the barriers.
    barriers : Barriers
    rule : NullRule
    seed : int
        Each animal draws from dice of its own, made of the seed and its name.
    area : (min x, min y, max x, max y), m, optional
        Null tracks are reflected at its edges: outside, no barriers are mapped. Without it the
        box that holds the barriers and the animal's own fixes.
    active_from_ms, active_until_ms : (f,) array, ms, optional
        When each feature stood, from the first up to but not including the second. Needed by the
        null ``time``, and by no other.

    Returns
    -------
    ObservedExpected

    Raises
    ------
    AnalysisError
        Typical step intervals differ between animals, or a fix lies outside the area.
    NotProjected
        Tracks are in another projection than the barriers.
    BadRule
        The null ``time`` without the times of the barriers, or the other way round.

    References
    ----------
    p = (1 + b) / (1 + N): Phipson & Smyth 2010, Statistical Applications in Genetics and
    Molecular Biology 9:39. Length: Eftestol et al. 2014, European Journal of Wildlife Research
    60:271.

    Examples
    --------
    A track along a fence never crosses it; turned, it would:

    >>> import shapely
    >>> fence = Barriers.from_geometries(["f"], [shapely.LineString([(10, -900), (10, 900)])])
    >>> along = Tracks.from_arrays(
    ...     ["a"], track=[0] * 50, t_ms=range(50), x=[0, 5] * 25, y=range(0, 500, 10))
    >>> found = observed_against_expected(
    ...     along, fence, NullRule(), seed=1, area=(-900, -900, 900, 900))
    >>> int(found.animals.observed[0]), bool(found.animals.p_fewer[0] < 0.1)
    (0, True)
    """
    dated = active_from_ms is not None and active_until_ms is not None
    if dated != (rule.null == "time"):
        raise BadRule("The null 'time' needs the times of all barriers, and no other takes them.")
    barriers.check_projection(tracks)
    even = at_one_interval(tracks, thin_to_s=rule.thin_to_s, tolerance=rule.interval_tolerance)
    joined = joined_steps(even, max_gap=rule.max_gap)
    if rule.null == "time":
        active = _active(barriers, active_from_ms, active_until_ms)
        rows = find_crossings(even, barriers)
        pairs = [_in_time(even, n, rows, joined, active, rule, seed) for n in _all(even)]
    else:
        pairs = [_in_space(even, n, joined, barriers, rule, area, seed) for n in _all(even)]
    observed = np.array([one for one, _ in pairs], dtype=np.int64)
    drawn = np.array([nulls for _, nulls in pairs], dtype=np.int64).reshape(-1, rule.draws)
    steps = np.array(
        [joined[slice(*_span(even, n))][:-1].sum() for n in _all(even)], dtype=np.int64
    )
    luck = np.array([_luck(seed, name) for name in even.names], dtype=np.float64)
    return ObservedExpected(
        animals=_compare(even.names, steps, observed, drawn, luck, rule),
        together=_compare(
            (_TOGETHER,), steps.sum(keepdims=True), observed.sum(keepdims=True),
            drawn.sum(axis=0, keepdims=True), np.array([_luck(seed, _TOGETHER)]), rule,
        ),
        null=rule.null, draws=rule.draws, seed=seed,
    )  # fmt: skip


def _all(tracks: Tracks) -> range:
    return range(len(tracks.names))


def _span(tracks: Tracks, number: int) -> tuple[int, int]:
    return int(tracks.offsets[number]), int(tracks.offsets[number + 1])


def _luck(seed: int, name: str) -> float:
    # Of another name than the draws, which it must not depend on.
    return float(generator_of(seed, f"ties of {name}").random())


def _in_space(
    tracks: Tracks,
    number: int,
    joined: BoolArray,
    barriers: Barriers,
    rule: NullRule,
    area: Box | None,
    seed: int,
) -> tuple[int, IntArray]:
    """Crossings of one animal, and of its null tracks."""
    begin, end = _span(tracks, number)
    if end - begin <= 1:
        return 0, np.zeros(rule.draws, dtype=np.int64)
    places = np.stack((tracks.x[begin:end], tracks.y[begin:end]), axis=1)
    box = box_of(places, barriers, area, tracks.names[number])
    steps = joined[begin : end - 1]
    dice = generator_of(seed, tracks.names[number])
    at_once = max(1, _BATCH // len(places))
    counts = [count_tracks(places[None, :, 0], places[None, :, 1], steps, barriers)]
    for done in range(0, rule.draws, at_once):
        x, y = _null_places(places, steps, rule, box, min(at_once, rule.draws - done), dice)
        inside = folded(x, box[0], box[2]), folded(y, box[1], box[3])
        counts.append(count_tracks(*inside, steps, barriers))
    return int(counts[0][0]), np.concatenate(counts[1:])


def _null_places(
    places: FloatArray,
    steps: BoolArray,
    rule: NullRule,
    box: Box,
    draws: int,
    dice: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    if rule.null == "rotate":
        pivot = places.mean(axis=0) if rule.pivot == "centroid" else places[0]
        return turned(places, pivot, dice.uniform(0, 2 * np.pi, draws))
    if rule.null == "shift":
        return shifted(places, box, rule.shift_m, draws, dice)
    x, y = np.ascontiguousarray(places.T)
    length, turn, heading = lengths_and_turns(x, y, steps)
    return walked(x, y, heading, shuffled(length, draws, dice), shuffled(turn, draws, dice))


def _in_time(
    tracks: Tracks,
    number: int,
    rows: Crossings,
    joined: BoolArray,
    active: tuple[IntArray, IntArray],
    rule: NullRule,
    seed: int,
) -> tuple[int, IntArray]:
    """Crossings of barriers that stood, of one animal and of its times moved in a circle."""
    begin, end = _span(tracks, number)
    own = (rows.first >= begin) & (rows.first < end) & joined[rows.first]
    if not own.any():
        return 0, np.zeros(rule.draws, dtype=np.int64)
    feature, origin = rows.feature[own], tracks.t_ms[begin]
    circle = tracks.t_ms[end - 1] - origin
    delays = generator_of(seed, tracks.names[number]).integers(0, circle, rule.draws)
    moved = np.mod(rows.t_ms[own] - origin + np.append(0, delays)[:, None], circle) + origin
    stood = (active[0][feature] <= moved) & (moved < active[1][feature])
    counts = (stood * rows.count[own]).sum(axis=1)
    return int(counts[0]), counts[1:]


def _active(
    barriers: Barriers, from_ms: ArrayLike | None, until_ms: ArrayLike | None
) -> tuple[IntArray, IntArray]:
    begins, ends = (np.asarray(times, dtype=np.int64) for times in (from_ms, until_ms))
    if not len(begins) == len(ends) == len(barriers.names):
        raise BadRule("active_from_ms and active_until_ms need one time for each feature.")
    return begins, ends


def _compare(
    names: tuple[str, ...],
    n_steps: IntArray,
    observed: IntArray,
    drawn: IntArray,
    luck: FloatArray,
    rule: NullRule,
) -> Comparison:
    expected = drawn.mean(axis=1)
    fewer, more, two_sided = p_values(observed, drawn, ties=rule.ties, luck=luck)
    ratio = np.full(len(names), np.nan)
    np.divide(observed, expected, out=ratio, where=expected > 0)
    return Comparison(names, n_steps, observed, expected, ratio, fewer, more, two_sided)
