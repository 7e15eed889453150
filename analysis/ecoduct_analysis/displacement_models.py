"""Models of net squared displacement: resident, nomad, disperser, migrant or mixed, and when."""

from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit
from scipy.stats import chi2

from ecoduct_analysis._animal_years import AnimalYears, daily_medians, split_years
from ecoduct_analysis._calendar import DAY_MS
from ecoduct_analysis._displacement_fits import fit_all
from ecoduct_analysis._displacement_types import (
    BETA,
    DELTA,
    DISPERSER,
    FEWEST,
    GAMMA,
    KAPPA,
    MIGRANT,
    MIXED,
    MODELS,
    NOMAD,
    PARAMETERS,
    PHI,
    PHI2,
    RESIDENT,
    RHO,
    THETA,
    ZETA,
    DisplacementFits,
    DisplacementRule,
    Displacements,
    Mode,
    MovementDates,
)
from ecoduct_analysis._model_choice import best_within, best_within_to_the_letter
from ecoduct_analysis.columns import NO_TIME, BoolArray, FloatArray, IntArray, frozen
from ecoduct_analysis.errors import BadTracks
from ecoduct_analysis.tracks import Tracks

__all__ = [
    "DISPERSER", "MIGRANT", "MIXED", "MODELS", "NOMAD", "PARAMETERS", "RESIDENT", "AnimalYears",
    "DisplacementFits", "DisplacementRule", "Displacements", "Mode", "MovementDates",
    "best_reference", "daily_medians", "displacement_curve", "fit_displacement",
    "measure_displacement", "movement_dates", "split_years",
]  # fmt: skip

_COUNTS: Final = np.array([3, 5, 6, 1, 2])  # parameters of each model
_M2_PER_KM2: Final = 1e6
_FIRST_FIXES: Final = 20  # whose mean Migration Mapper measures from
_CANDIDATES: Final = 15  # first fixes that migrateR's findrloc tries
_KNOWN_KM2: Final = 1e-6  # a square metre: no collar knows displacement better
_SURE: Final = 0.95


def measure_displacement(
    tracks: Tracks,
    *,
    reference: Literal["first", "mean"] | ArrayLike = "first",
    zero_ms: ArrayLike | None = None,
) -> Displacements:
    """Squared distance of every position from a reference position.

    Parameters
    ----------
    tracks : Tracks
        ``k`` animal-years, best as `daily_medians`: the models take every position as equally much
        worth, however close in time.
    reference : "first", "mean" or (k, 2) array, m
        The first position, the mean of the first 20 as in Migration Mapper, or one given for each,
        for example by `best_reference`.
    zero_ms : (k,) array, ms since 1970 UTC, optional
        Where days are counted from, for example by `split_years`; else the first position.

    Raises
    ------
    BadTracks
        ``reference`` or ``zero_ms`` of another length.

    References
    ----------
    Bunnefeld et al. 2011, Journal of Animal Ecology 80:466-476.

    Examples
    --------
    >>> deer = Tracks.from_arrays(
    ...     ["a"], track=[0] * 3, t_ms=[0, 86_400_000, 172_800_000], x=[0, 3000, 3000],
    ...     y=[0, 0, 4000])
    >>> measured = measure_displacement(deer)
    >>> measured.days, measured.nsd_km2
    (array([0., 1., 2.]), array([ 0.,  9., 25.]))
    """
    lengths = np.diff(tracks.offsets)
    has = lengths > 0
    if zero_ms is None:
        zero = np.zeros(len(lengths), dtype=np.int64)
        zero[has] = tracks.t_ms[tracks.offsets[:-1][has]]
    else:
        zero = np.asarray(zero_ms, dtype=np.int64)
    place = _reference(tracks, reference)
    if zero.shape != lengths.shape or place.shape != (len(lengths), 2):
        raise BadTracks("Give one reference position and one day zero for each animal-year.")
    east, north = (np.repeat(place[:, axis], lengths) for axis in (0, 1))
    nsd = ((tracks.x - east) ** 2 + (tracks.y - north) ** 2) / _M2_PER_KM2
    days = (tracks.t_ms - np.repeat(zero, lengths)) / DAY_MS
    return Displacements(
        tracks.names, tracks.offsets, frozen(zero, np.int64), frozen(days, float),
        frozen(nsd, float),
    )  # fmt: skip


def best_reference(
    tracks: Tracks, rule: DisplacementRule | None = None, *, zero_ms: ArrayLike | None = None,
    mode: Mode = "clean",
) -> FloatArray:  # fmt: skip
    """Of the first 15 positions the one from which a model fits best, (k, 2) array, m.

    The rule of migrateR's ``findrloc``: the chosen model's AIC decides. It takes 15 fits, and it
    compares criteria of different series, which says little: from a place between two ranges NSD
    is flat, and looks well fitted. Use it to follow the reference.
    """
    free = replace(rule or DisplacementRule(), min_delta_km2=0.0, min_rho_days=0.0)
    lengths = np.diff(tracks.offsets)
    least = np.full(len(lengths), np.inf)
    found = _reference(tracks, "first")
    for number in range(_CANDIDATES):
        has = lengths > number
        place = found.copy()
        at = tracks.offsets[:-1][has] + number
        place[has] = np.stack((tracks.x[at], tracks.y[at]), axis=1)
        fits = fit_displacement(
            measure_displacement(tracks, reference=place, zero_ms=zero_ms), free, mode=mode
        )
        known = has & (fits.best >= 0)
        aic = np.where(known, fits.aic[np.arange(len(fits)), fits.best], np.inf)
        found[aic < least] = place[aic < least]
        least = np.minimum(aic, least)
    return found


def fit_displacement(
    series: Displacements, rule: DisplacementRule | None = None, *, mode: Mode = "clean"
) -> DisplacementFits:
    """Fit five models of displacement to each animal-year by least squares, and choose one.

    With ``rise(u) = 1 / (1 + exp(-u))`` and ``theta2 = theta + 2 phi + 2 phi2 + rho``, NSD is
    ``delta (rise((t - theta) / phi) - zeta rise((t - theta2) / phi2))`` of a mixed migrant; a
    migrant has ``zeta = 1``, a disperser ``zeta = 0``; a resident's is ``gamma (1 - exp(kappa
    t))`` and a nomad's ``beta t`` since the first position.

    Chosen is the model with the fewest parameters among those whose AIC is within 2 of the
    smallest, of those that the rule allows.

    Parameters
    ----------
    series : Displacements
        ``k`` animal-years.
    rule : DisplacementRule, optional
    mode : "clean" or "compat"
        ``clean`` looks for the best of all valleys of the sum of squares, within the time that the
        data span. ``compat`` begins where migrateR does, keeps its bounds (theta 1 to 364 days
        after day zero), and its choice, with the fault that limits fall on other models when one
        was dropped.

    References
    ----------
    Bunnefeld et al. 2011, Journal of Animal Ecology 80:466-476; Spitz et al. 2017, Ecography
    40:788-797 (migrateR).

    Examples
    --------
    A migrant that leaves after day 100 for a range 40 km away and is back by day 200.

    >>> t = np.arange(300)
    >>> away = 1600.0 * ((t > 100) & (t < 200)) + 4 * np.sin(t) ** 2
    >>> year = Displacements(("a",), np.array([0, 300]), np.array([0]), t * 1.0, away)
    >>> fits = fit_displacement(year)
    >>> MODELS[fits.best[0]], fits.values[0, fits.best[0], 0].round()
    ('migrant', np.float64(101.0))
    >>> (movement_dates(fits).at_ms // 86_400_000).tolist()  # steeper than phi lets it be
    [[97, 103, 196, 202]]
    """
    rule = rule or DisplacementRule()
    count = np.diff(series.offsets)
    enough = count >= (rule.min_days if mode == "clean" else FEWEST)
    values, rss = fit_all(
        series.offsets, series.days, series.nsd_km2, enough, is_clean=mode == "clean",
        phi=(rule.min_phi_days, rule.max_phi_days),
    )  # fmt: skip
    aic = _aic(rss, count)
    is_supported = _is_supported(aic)
    has = count > 0
    first, last = np.full(len(count), np.nan), np.full(len(count), np.nan)
    first[has] = series.days[series.offsets[:-1][has]]
    last[has] = series.days[series.offsets[1:][has] - 1]
    fits = DisplacementFits(
        names=series.names, mode=mode, rule=rule, zero_ms=series.zero_ms, positions=count,
        first_day=first, last_day=last, values=values, rss_km4=rss, aic=aic,
        is_supported=is_supported, best=np.full(len(count), -1),
    )  # fmt: skip
    return replace(fits, best=_choose(fits))


def movement_dates(fits: DisplacementFits) -> MovementDates:
    """When the chosen model departs and returns.

    A move's curve has done the rule's share ``p`` at ``theta - phi log((1 - p) / p)`` and has it
    left at ``theta + phi log((1 - p) / p)``; the return's about ``theta2`` with ``phi2``.

    Examples
    --------
    See `fit_displacement`.
    """
    days = np.full((len(fits), 4), np.nan)
    rows = np.arange(len(fits))
    of = fits.values[rows, fits.best]
    odds = np.log((1.0 - fits.rule.date_share) / fits.rule.date_share)
    moves = (fits.best == DISPERSER) | (fits.best == MIGRANT) | (fits.best == MIXED)
    returns = (fits.best == MIGRANT) | (fits.best == MIXED)
    for column, sign in ((0, -1.0), (1, 1.0)):
        days[:, column] = np.where(moves, of[:, THETA] + sign * odds * of[:, PHI], np.nan)
        back = _return_day(of) + sign * odds * of[:, PHI2]
        days[:, column + 2] = np.where(returns, back, np.nan)
    known = np.isfinite(days)
    at_ms = np.full(days.shape, NO_TIME, dtype=np.int64)
    zero = np.broadcast_to(fits.zero_ms[:, None], days.shape)
    at_ms[known] = zero[known] + np.rint(days[known] * DAY_MS).astype(np.int64)
    outside = (days < fits.first_day[:, None]) | (days > fits.last_day[:, None])
    overlaps = days[:, 1] > days[:, 2]
    if fits.mode == "clean":
        at_ms[outside] = NO_TIME
        at_ms[overlaps, 1:3] = NO_TIME
    return MovementDates(at_ms, outside, overlaps)


def displacement_curve(
    fits: DisplacementFits, year: int, days: ArrayLike, *, model: int | None = None
) -> FloatArray:
    """Curve of an animal-year's model, the chosen one unless told, at days since its zero.

    Returns
    -------
    Array of the shape of ``days``, km²
        nan where there is no model.
    """
    which = int(fits.best[year]) if model is None else model
    t = np.asarray(days, dtype=np.float64)
    of = fits.values[year, which]
    since = t - fits.first_day[year]
    if which == NOMAD:
        curve = of[BETA] * since
    elif which == RESIDENT:
        curve = of[GAMMA] * (1.0 - np.exp(of[KAPPA] * since))
    elif which < 0:
        curve = np.full(t.shape, np.nan)
    else:
        curve = of[DELTA] * expit((t - of[THETA]) / of[PHI])
        if which != DISPERSER:
            lost = of[DELTA] * (1.0 if which == MIGRANT else of[ZETA])
            curve = curve - lost * expit((t - _return_day(of)) / of[PHI2])
    return np.asarray(curve, dtype=np.float64)


def _reference(tracks: Tracks, reference: Any) -> FloatArray:
    if not isinstance(reference, str):
        return np.asarray(reference, dtype=np.float64)
    if reference not in {"first", "mean"}:
        raise BadTracks(f"The reference is 'first', 'mean' or positions, not {reference!r}.")
    place = np.full((len(tracks.names), 2), np.nan)
    for year, (begin, end) in enumerate(pairwise(tracks.offsets.tolist())):
        until = min(begin + (1 if reference == "first" else _FIRST_FIXES), end)
        if until > begin:
            place[year] = tracks.x[begin:until].mean(), tracks.y[begin:until].mean()
    return place


def _aic(rss: FloatArray, count: IntArray) -> FloatArray:
    n = count[:, None].astype(np.float64)
    # A still animal's sum of squares is 0, and no criterion is below any other's.
    known = np.maximum(rss, n * _KNOWN_KM2**2)
    aic: FloatArray = n * (np.log(2.0 * np.pi * known / np.maximum(n, 1.0)) + 1.0)
    return aic + 2.0 * (_COUNTS + 1.0)


def _is_supported(aic: FloatArray) -> BoolArray:
    """Whether a return fits better than none beyond chance, by the ratio of likelihoods.

    Beyond the data a return pulls at nothing. The reference's optimiser then ends in a singular
    matrix and the model is dropped; this test drops the same six of the 46 returns of its elk.
    """
    is_supported = np.isfinite(aic)
    for model in (MIGRANT, MIXED):
        more = _COUNTS[model] - _COUNTS[DISPERSER]
        gain = aic[:, DISPERSER] - aic[:, model] + 2.0 * more
        is_supported[:, model] &= gain > chi2.ppf(_SURE, more)
    return is_supported


def _choose(fits: DisplacementFits) -> IntArray:
    delta, rho = fits.values[:, :, DELTA].copy(), fits.values[:, :, RHO]
    if fits.mode == "compat":
        return best_within_to_the_letter(
            fits.aic, fits.is_supported, delta, rho,
            least=(fits.rule.min_delta_km2, fits.rule.min_rho_days),
        )  # fmt: skip
    span = fits.last_day - fits.first_day
    delta[:, NOMAD] = fits.values[:, NOMAD, BETA] * span
    far = ~(delta < fits.rule.min_delta_km2)
    long = ~(rho < fits.rule.min_rho_days)
    return best_within(np.where(fits.is_supported & far & long, fits.aic, np.nan), _COUNTS)


def _return_day(of: FloatArray) -> FloatArray:
    back: FloatArray = of[..., THETA] + 2.0 * (of[..., PHI] + of[..., PHI2]) + of[..., RHO]
    return back
