"""Brownian motion variance: how far an animal strays from the straight line, per time."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._reference_search import found_by_r
from ecoduct_analysis._triplets import Triplets, pick, triplets_of
from ecoduct_analysis._variance_search import cost, likeliest
from ecoduct_analysis.bridges import known_errors_m
from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks

VarianceMode = Literal["clean", "published", "BBMM-3.0", "liker"]
GapRule = Literal["each", "mean"]

USUAL_GAP_S: Final = 12 * 3600.0
_BBMM_M2_MIN: Final = (1.0, 1e6)  # between which BBMM 3.0 searches
_LN_2PI: Final = float(np.log(2.0 * np.pi))


@dataclass(frozen=True, slots=True)
class _Form:
    """What a mode does: triplets, search, and the settings it stands for."""

    stride: int = 2
    is_mirrored: bool = False
    searches_as_r: bool = False
    middle_error: bool | None = None
    gap_rule: GapRule | None = None
    max_gap_s: float = np.inf


_FORMS: Final[dict[VarianceMode, _Form]] = {
    "clean": _Form(max_gap_s=USUAL_GAP_S),
    "published": _Form(middle_error=False),
    "BBMM-3.0": _Form(
        is_mirrored=True, searches_as_r=True, middle_error=False, gap_rule="mean"
    ),
    "liker": _Form(stride=1, middle_error=False),
}  # fmt: skip


def motion_variance_m2_s(
    tracks: Tracks,
    *,
    error_m: float | None = None,
    max_gap_s: float | None = None,
    middle_error: bool = True,
    gap_rule: GapRule = "each",
    mode: VarianceMode = "clean",
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
    max_gap_s : float, s, optional
        A triplet with a longer step is passed over. Without it 12 h, as in `BridgeRule`; no limit
        in the other modes, whose references have none.
    middle_error : bool
        False leaves out ``d2^2``, as the method was published: the animal then seems to move by
        the scatter of its fixes. All modes but ``clean`` leave it out.
    gap_rule : {"each", "mean"}
        ``mean`` passes over a triplet whose steps last ``max_gap_s`` or more in the mean, as BBMM
        does: a gap beside a short step is bridged.
    mode : {"clean", "published", "BBMM-3.0", "liker"}
        ``published`` is the method of the paper. ``BBMM-3.0`` follows that R package: ``w`` from
        the later step, its rule of gaps, and its search from 1 to 1e6 m^2/min. ``liker`` takes
        every fix as a middle one, as adehabitatHR does, so that triplets overlap; its ``sig1`` is
        the root of the answer, which it searches on a grid (`motion_log_likelihood`).

    Returns
    -------
    (k,) array, m^2/s
        Per axis. nan without any triplet. 0 where the errors alone explain all that was seen, as
        for an animal that never moved.

    Raises
    ------
    BadRule
        ``error_m`` below 0, ``max_gap_s`` not above 0, or a mode or gap rule that is not known.

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
    form = _form(mode)
    triplets = _triplets(tracks, form, error_m, max_gap_s, middle_error, gap_rule)
    bounds = np.array(_BBMM_M2_MIN if form.searches_as_r else (), dtype=np.float64)
    found: FloatArray = _variances(tracks.offsets, triplets, form.stride, bounds)
    return found


def motion_log_likelihood(
    tracks: Tracks,
    *,
    variances_m2_s: ArrayLike,
    error_m: float | None = None,
    max_gap_s: float | None = None,
    middle_error: bool = True,
    gap_rule: GapRule = "each",
    mode: VarianceMode = "clean",
) -> FloatArray:
    """Log-likelihood of given motion variances: the curve whose peak `motion_variance_m2_s` finds.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes of ``k`` animals.
    variances_m2_s : (s,) array, m^2/s
        0 or more. adehabitatHR's ``sig1`` is the root of a variance.
    error_m, max_gap_s, middle_error, gap_rule, mode
        As in `motion_variance_m2_s`.

    Returns
    -------
    (k, s) array
        nan without any triplet, -inf where a variance is impossible.

    Raises
    ------
    BadRule
        As `motion_variance_m2_s`, or a variance below 0.

    References
    ----------
    Calenge 2006, Ecological Modelling 197:516-519, ``liker``. Differs: the density is not
    computed before its logarithm, so that it does not vanish far from the peak.

    Examples
    --------
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0] * 3, t_ms=[0, 100_000, 200_000], x=[0, 50, 100], y=[0, 60, 0])
    >>> motion_log_likelihood(walk, variances_m2_s=[18, 36, 72]).round(3)
    array([[-10.64 , -10.333, -10.527]])
    """
    asked = np.array(variances_m2_s, dtype=np.float64, ndmin=1)
    if not (asked >= 0).all():
        raise BadRule("variances_m2_s must be 0 or more.")
    form = _form(mode)
    triplets = _triplets(tracks, form, error_m, max_gap_s, middle_error, gap_rule)
    found: FloatArray = _likelihoods(tracks.offsets, triplets, form.stride, asked)
    return found


def _form(mode: VarianceMode) -> _Form:
    if mode not in _FORMS:
        raise BadRule(f"mode must be one of {', '.join(_FORMS)}.")
    return _FORMS[mode]


def _triplets(
    tracks: Tracks,
    form: _Form,
    error_m: float | None,
    max_gap_s: float | None,
    middle_error: bool,  # noqa: FBT001 - passed on from a keyword
    gap_rule: GapRule,
) -> Triplets:
    """Triplets of the settings as a mode takes them."""
    if error_m is not None and not 0 <= error_m < np.inf:
        raise BadRule("error_m must be 0 or more.")
    limit_s = form.max_gap_s if max_gap_s is None else max_gap_s
    if not limit_s > 0:
        raise BadRule("max_gap_s must be above 0.")
    if gap_rule not in {"each", "mean"}:
        raise BadRule("gap_rule must be each or mean.")
    counts = middle_error if form.middle_error is None else form.middle_error
    by_mean = (form.gap_rule or gap_rule) == "mean"
    return every_triplet(
        tracks, error_m=error_m or 0.0, max_gap_s=limit_s, middle_error=counts, by_mean=by_mean,
        is_mirrored=form.is_mirrored,
    )  # fmt: skip


def every_triplet(
    tracks: Tracks,
    *,
    error_m: float,
    max_gap_s: float,
    middle_error: bool,
    by_mean: bool = False,
    is_mirrored: bool = False,
) -> Triplets:
    """Triplet about each fix of all tracks: three (n,) arrays, `_triplets.Triplets`."""
    places = tracks.x, tracks.y, known_errors_m(tracks, error_m=error_m)
    found: Triplets = triplets_of(
        tracks.offsets, tracks.t_ms, places, max_gap_s, float(middle_error), by_mean, is_mirrored
    )
    return found


@compiled
def _variances(
    offsets: IntArray, every: Triplets, stride: int, bounds: FloatArray
) -> FloatArray:  # fmt: skip
    """Variance of each track; bounds (m^2/min) are given where R's search is followed."""
    found = np.full(len(offsets) - 1, np.nan)
    room = len(every[0])
    picked = np.empty(room), np.empty(room), np.empty(room)
    for track in range(len(offsets) - 1):
        count = pick(every, offsets[track], offsets[track + 1], stride, picked)
        if count > 0 and len(bounds) > 0:
            found[track] = found_by_r(picked, 0, count, bounds[0], bounds[1])[0]
        elif count > 0:
            found[track] = likeliest(picked, 0, count)[0]
    return found


@compiled
def _likelihoods(
    offsets: IntArray, every: Triplets, stride: int, variances: FloatArray
) -> FloatArray:
    found = np.full((len(offsets) - 1, len(variances)), np.nan)
    room = len(every[0])
    picked = np.empty(room), np.empty(room), np.empty(room)
    for track in range(len(offsets) - 1):
        count = pick(every, offsets[track], offsets[track + 1], stride, picked)
        if count > 0:
            some = picked[0][:count], picked[1][:count], picked[2][:count]
            for n in range(len(variances)):
                found[track, n] = -cost(variances[n], *some) - count * _LN_2PI
    return found
