"""Bounds and starts of the displacement models, and the fit of all of them."""

from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._displacement_kernels import (
    DELTA,
    PHI,
    PHI2,
    RHO,
    THETA,
    WIDTH,
    ZETA,
    fit_many,
    fit_single,
)
from ecoduct_analysis._displacement_starts import STARTS, find_starts
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray

_MODELS, _PARAMETERS = 5, 9
_DISPERSER, _MIGRANT, _MIXED, _NOMAD, _RESIDENT = range(_MODELS)
_GAMMA, _KAPPA, _BETA = range(WIDTH, _PARAMETERS)
# Bounds and starts of migrateR: days after day zero, and parts.
_THETA_LOW, _THETA_START, _THETA_HIGH = 1.0, 90.0, 364.0
_RHO_LOW, _RHO_START, _RHO_HIGH = 1.0, 90.0, 364.0
_PHI_START: Final = 7.0
_ZETA_LOW, _ZETA_START, _ZETA_HIGH = 0.05, 0.5, 0.95
_KAPPA_LOW, _KAPPA_START, _KAPPA_HIGH = -1.0, -0.5, -0.01
_MESH: Final = 40  # of kappa, equal factors apart
_HALVINGS: Final = 60
_GOLDEN: Final = 0.6180339887498949
_FIRST_ROUNDS, _KEPT = 6, 3  # of the descent from every start, and how many go on from there


def fit_all(
    offsets: IntArray, days: FloatArray, nsd: FloatArray, enough: BoolArray, *, is_clean: bool,
    phi: tuple[float, float],
) -> tuple[FloatArray, FloatArray]:  # fmt: skip
    """Parameters, (k, 5, 9), and sums of squares, (k, 5), of every model; nan where not enough."""
    years = len(offsets) - 1
    values = np.full((years, _MODELS, _PARAMETERS), np.nan)
    rss = np.full((years, _MODELS), np.nan)
    starts, lows, highs = _bounds(offsets, days, nsd, enough, phi=phi, is_clean=is_clean)
    found, costs = np.full((years, 3, WIDTH), np.nan), np.full((years, 3), np.nan)
    if is_clean:
        tries = np.full((years, 3, STARTS, WIDTH), np.nan)
        find_starts(offsets, days, nsd, starts, _ZETA_LOW, _ZETA_HIGH, tries)
        fit_many(offsets, days, nsd, tries, lows, highs, found, costs, _KEPT, _FIRST_ROUNDS)
    else:
        fit_single(offsets, days, nsd, starts, lows, highs, found, costs)
    rss[:, : _MIXED + 1] = costs
    values[:, _DISPERSER, :RHO] = found[:, _DISPERSER, :RHO]
    values[:, _MIGRANT, :ZETA] = found[:, _MIGRANT, :ZETA]
    values[:, _MIXED, :WIDTH] = found[:, _MIXED]
    _fit_unmoved(offsets, days, nsd, enough, is_clean, values, rss)
    return values, rss


def _bounds(
    offsets: IntArray, days: FloatArray, nsd: FloatArray, enough: BoolArray, *,
    phi: tuple[float, float], is_clean: bool,
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """Start, lower and upper bound of the three models that move, (k, 3, 6) each."""
    at = np.flatnonzero(enough)
    begin, end = offsets[:-1][at], offsets[1:][at]
    spread = np.array([np.ptp(nsd[b:e]) for b, e in zip(begin, end, strict=True)])
    shape = (len(offsets) - 1, 3, WIDTH)
    starts, lows, highs = (np.full(shape, np.nan) for _ in range(3))
    first, last = days[begin], days[end - 1]
    theta, rho = (_THETA_LOW, _THETA_HIGH), (_RHO_LOW, _RHO_HIGH)
    for name, start, (low, high) in (
        (THETA, _THETA_START, (first, last) if is_clean else theta),
        (PHI, _PHI_START, phi),
        (DELTA, spread / 2.0, (0.0, spread)),
        (RHO, _RHO_START, (_RHO_LOW, np.maximum(last - first, _RHO_LOW)) if is_clean else rho),
        (PHI2, _PHI_START, phi),
        (ZETA, _ZETA_START, (_ZETA_LOW, _ZETA_HIGH)),
    ):
        lows[at, :, name] = np.broadcast_to(low, at.shape)[:, None]
        highs[at, :, name] = np.broadcast_to(high, at.shape)[:, None]
        starts[at, :, name] = np.broadcast_to(start, at.shape)[:, None]
    for model, held in (
        (_DISPERSER, ((RHO, 1.0), (PHI2, 1.0), (ZETA, 0.0))), (_MIGRANT, ((ZETA, 1.0),)),
    ):  # fmt: skip
        for name, value in held:
            for array in (starts, lows, highs):
                array[at, model, name] = value
    return np.clip(starts, lows, highs), lows, highs


@compiled
def _fit_unmoved(
    offsets: IntArray, days: FloatArray, nsd: FloatArray, enough: BoolArray,
    anywhere: bool, values: FloatArray, rss: FloatArray,  # noqa: FBT001
) -> None:  # fmt: skip
    """Nomad by its formula; resident by the best kappa, for which gamma follows."""
    costs = np.empty(_MESH)
    for year in range(len(offsets) - 1):
        if not enough[year]:
            continue
        here = slice(offsets[year], offsets[year + 1])
        t, y = days[here] - days[offsets[year]], nsd[here]
        values[year, _NOMAD, _BETA], rss[year, _NOMAD] = _line(t, y)
        ratio = _KAPPA_HIGH / _KAPPA_LOW
        for n in range(_MESH):
            costs[n] = _level(t, y, _KAPPA_LOW * ratio ** (n / (_MESH - 1.0)))[1]
        best = int(np.argmin(costs))
        if not anywhere:  # the reference walks down from its start
            best = int((_MESH - 1.0) * np.log(_KAPPA_START / _KAPPA_LOW) / np.log(ratio))
            while best > 0 and costs[best - 1] < costs[best]:
                best -= 1
            while best < _MESH - 1 and costs[best + 1] < costs[best]:
                best += 1
        low = _KAPPA_LOW * ratio ** (max(best - 1, 0) / (_MESH - 1.0))
        high = _KAPPA_LOW * ratio ** (min(best + 1, _MESH - 1) / (_MESH - 1.0))
        kappa = _narrow(t, y, low, high)
        for bound in (low, high):  # where the slope never turns
            if _level(t, y, bound)[1] <= _level(t, y, kappa)[1]:
                kappa = bound
        gamma, cost = _level(t, y, kappa)
        values[year, _RESIDENT, _GAMMA], values[year, _RESIDENT, _KAPPA] = gamma, kappa
        rss[year, _RESIDENT] = cost


@compiled
def _line(t: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Slope of a line through 0, and the sum of squares about it."""
    up = down = cost = 0.0
    for n in range(len(t)):
        up += t[n] * y[n]
        down += t[n] * t[n]
    slope = up / max(down, 1e-300)
    for n in range(len(t)):
        cost += (slope * t[n] - y[n]) ** 2
    return slope, cost


@compiled
def _level(t: FloatArray, y: FloatArray, kappa: float) -> tuple[float, float]:
    """Best gamma within its bounds for one kappa, and the sum of squares with it."""
    up = down = 0.0
    low, high = y[0], y[0]
    for n in range(len(t)):
        rise = 1.0 - np.exp(kappa * t[n])
        up += rise * y[n]
        down += rise * rise
        low, high = min(low, y[n]), max(high, y[n])
    gamma = min(max(up / max(down, 1e-300), low), high)
    cost = 0.0
    for n in range(len(t)):
        cost += (gamma * (1.0 - np.exp(kappa * t[n])) - y[n]) ** 2
    return gamma, cost


@compiled
def _narrow(t: FloatArray, y: FloatArray, low: float, high: float) -> float:
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = _level(t, y, left)[1], _level(t, y, right)[1]
    for _ in range(_HALVINGS):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = _level(t, y, left)[1]
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = _level(t, y, right)[1]
    return 0.5 * (low + high)
