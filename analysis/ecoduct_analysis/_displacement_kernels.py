"""Least squares of displacement curves within bounds: Levenberg-Marquardt from many starts.

A curve has six parameters in the order theta, phi, delta, rho, phi2, zeta; those of a simpler model
are held by bounds that meet. Every animal-year is fitted by itself, so that its neighbours cannot
change its last digit.
"""

import math
from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray

THETA, PHI, DELTA, RHO, PHI2, ZETA = range(6)
WIDTH: Final = 6
_ROUNDS: Final = 150  # as the reference allows
_BOLD: Final = 40  # rounds, before steps are judged by what they promised
_TRIES: Final = 25  # of a shorter step before a place counts as the bottom
# Damping at first, and what a step that helped and one that did not make of it. So chosen that the
# usual start ends in the reference's valley for all models of its 23 elk-years.
_DAMPING, _EASE, _STIFFEN = 0.4, 0.2, 4.0
_SETTLED: Final = 1e-12  # part of the sum of squares that a last step still gains
_SMALL: Final = 1e-300
_FADES: Final = 0.8
_GOOD, _POOR, _SHORTEN = 0.75, 0.25, 2.0  # part of a step's promise that is kept


@compiled
def copy_to(place: FloatArray, values: FloatArray) -> None:
    """Copy a row; an assignment to a slice takes a second to compile."""
    for i in range(len(values)):
        place[i] = values[i]


@inlined
def _rise(u: float) -> float:
    return 1.0 / (1.0 + math.exp(-u))


@compiled
def cost_of(t: FloatArray, y: FloatArray, p: FloatArray) -> float:
    """Sum of squares of a curve."""
    theta, phi, delta, phi2 = p[THETA], p[PHI], p[DELTA], p[PHI2]
    back = theta + 2.0 * phi + 2.0 * phi2 + p[RHO]
    loss = delta * p[ZETA]
    total = 0.0
    if loss == 0.0:
        for n in range(len(t)):
            miss = delta * _rise((t[n] - theta) / phi) - y[n]
            total += miss * miss
        return total
    for n in range(len(t)):
        miss = delta * _rise((t[n] - theta) / phi) - loss * _rise((t[n] - back) / phi2) - y[n]
        total += miss * miss
    return total


@compiled
def _normal_equations(
    t: FloatArray, y: FloatArray, p: FloatArray, hessian: FloatArray, slope: FloatArray
) -> None:
    """Half of the Gauss-Newton Hessian and of the slope of the sum of squares."""
    theta, phi, delta, phi2, zeta = p[THETA], p[PHI], p[DELTA], p[PHI2], p[ZETA]
    back = theta + 2.0 * phi + 2.0 * phi2 + p[RHO]
    for i in range(WIDTH):
        slope[i] = 0.0
        for j in range(WIDTH):
            hessian[i, j] = 0.0
    row = np.zeros(WIDTH)
    for n in range(len(t)):
        u, v = (t[n] - theta) / phi, (t[n] - back) / phi2
        out, home = _rise(u), _rise(v)
        steep = delta * out * (1.0 - out) / phi
        fall = delta * zeta * home * (1.0 - home) / phi2
        row[THETA] = fall - steep
        row[PHI] = 2.0 * fall - steep * u
        row[DELTA] = out - zeta * home
        row[RHO] = fall
        row[PHI2] = fall * (2.0 + v)
        row[ZETA] = -delta * home
        miss = delta * row[DELTA] - y[n]
        for i in range(WIDTH):
            slope[i] += row[i] * miss
            for j in range(i + 1):
                hessian[i, j] += row[i] * row[j]


@compiled
def _solve(
    hessian: FloatArray, slope: FloatArray, is_free: BoolArray, hold: FloatArray,
    damping: float, lower: FloatArray, step: FloatArray,
) -> None:  # fmt: skip
    """Damped Gauss-Newton step of the free parameters, by Cholesky's factors in ``lower``."""
    for i in range(WIDTH):
        step[i] = 0.0
        if not is_free[i]:
            continue
        for j in range(i + 1):
            if not is_free[j]:
                continue
            total = hessian[i, j]
            if i == j:
                total += damping * hold[i]
            for k in range(j):
                if is_free[k]:
                    total -= lower[i, k] * lower[j, k]
            if i == j:
                lower[i, i] = math.sqrt(max(total, _SMALL))
            else:
                lower[i, j] = total / lower[j, j]
        step[i] = -slope[i]
        for k in range(i):
            if is_free[k]:
                step[i] -= lower[i, k] * step[k]
        step[i] /= lower[i, i]
    for i in range(WIDTH - 1, -1, -1):
        if is_free[i]:
            for k in range(i + 1, WIDTH):
                if is_free[k]:
                    step[i] -= lower[k, i] * step[k]
            step[i] /= lower[i, i]


@inlined
def _foretold(hessian: FloatArray, slope: FloatArray, p: FloatArray, ahead: FloatArray) -> float:
    """What a step takes off the sum of squares if the curve were straight."""
    total = 0.0
    for i in range(WIDTH):
        step = ahead[i] - p[i]
        total -= step * (2.0 * slope[i] + step * hessian[i, i])
        for j in range(i):
            total -= 2.0 * step * (ahead[j] - p[j]) * hessian[i, j]
    return max(total, _SMALL)


@compiled
def descend(
    t: FloatArray, y: FloatArray, p: FloatArray, low: FloatArray, high: FloatArray, rounds: int
) -> float:
    """Walk ``p`` downhill to the bottom of its valley; the sum of squares there."""
    hessian, lower = np.zeros((WIDTH, WIDTH)), np.zeros((WIDTH, WIDTH))
    slope, step, ahead, hold = np.zeros(WIDTH), np.zeros(WIDTH), np.zeros(WIDTH), np.zeros(WIDTH)
    is_free = np.zeros(WIDTH, dtype=np.bool_)
    damping, is_fresh = _DAMPING, False
    cost = cost_of(t, y, p)
    for turn in range(rounds):
        _normal_equations(t, y, p, hessian, slope)
        for i in range(WIDTH):
            outward = (p[i] <= low[i] and slope[i] > 0.0) or (p[i] >= high[i] and slope[i] < 0.0)
            # A return that has left the data pulls at nothing: it keeps some of the stiffness it
            # once had, or the step would throw it to a bound.
            hold[i] = max(_FADES * hold[i], hessian[i, i])
            is_free[i] = high[i] > low[i] and hold[i] > 0.0 and not outward
        gained = 0.0
        for _ in range(_TRIES):
            _solve(hessian, slope, is_free, hold, damping, lower, step)
            for i in range(WIDTH):
                ahead[i] = min(max(p[i] + step[i], low[i]), high[i])
            gained = cost - cost_of(t, y, ahead)
            if gained > 0.0:
                damping *= _easing(turn, gained, hessian, slope, p, ahead)
                copy_to(p, ahead)
                cost -= gained
                break
            damping *= _STIFFEN
        if gained <= _SETTLED * cost:
            if is_fresh:
                break
            # The stiffness of the way down may have made the last steps short: once more without.
            for i in range(WIDTH):
                hold[i] = 0.0
            damping, is_fresh = _DAMPING, True
    return cost_of(t, y, p)


@inlined
def _easing(
    turn: int, gained: float, hessian: FloatArray, slope: FloatArray, p: FloatArray,
    ahead: FloatArray,
) -> float:  # fmt: skip
    """What becomes of the damping after a step that helped."""
    kept = gained / _foretold(hessian, slope, p, ahead)
    # Bold at first, to get along; near a narrow valley's bottom bold steps would only cross it
    # again and again.
    if turn < _BOLD or kept > _GOOD:
        return _EASE
    return _SHORTEN if kept < _POOR else 1.0


@compiled
def fit_single(
    offsets: IntArray, t: FloatArray, y: FloatArray, starts: FloatArray, lows: FloatArray,
    highs: FloatArray, found: FloatArray, costs: FloatArray,
) -> None:  # fmt: skip
    """Descend from one start for each model and animal-year; rows without a start stay nan."""
    for year in range(len(offsets) - 1):
        here = slice(offsets[year], offsets[year + 1])
        for model in range(starts.shape[1]):
            if np.isfinite(starts[year, model, 0]):
                copy_to(found[year, model], starts[year, model])
                costs[year, model] = descend(
                    t[here], y[here], found[year, model], lows[year, model], highs[year, model],
                    _ROUNDS,
                )  # fmt: skip


@compiled
def fit_many(
    offsets: IntArray, t: FloatArray, y: FloatArray, tries: FloatArray, lows: FloatArray,
    highs: FloatArray, found: FloatArray, costs: FloatArray, keep: int, first_rounds: int,
) -> None:  # fmt: skip
    """Descend a little from every start, and to the bottom from the best few.

    ``tries`` is (years, models, starts, 6); a start of nan is passed over.
    """
    starts = tries.shape[2]
    reached = np.empty(starts)
    for year in range(len(offsets) - 1):
        here = slice(offsets[year], offsets[year + 1])
        for model in range(tries.shape[1]):
            low, high = lows[year, model], highs[year, model]
            for n in range(starts):
                place = tries[year, model, n]
                reached[n] = np.inf
                if np.isfinite(place[0]):
                    for i in range(WIDTH):
                        place[i] = min(max(place[i], low[i]), high[i])
                    # The usual start goes all the way: the answer is never worse than from it.
                    rounds = first_rounds if n else _ROUNDS
                    reached[n] = descend(t[here], y[here], place, low, high, rounds)
            for _ in range(keep):
                n = int(np.argmin(reached))
                if not np.isfinite(reached[n]):
                    break
                reached[n] = np.inf
                cost = descend(t[here], y[here], tries[year, model, n], low, high, _ROUNDS)
                # Two starts in one valley end a last digit apart: the first one found stays.
                if np.isnan(costs[year, model]) or cost < costs[year, model] * (1.0 - 1e-9):
                    costs[year, model] = cost
                    copy_to(found[year, model], tries[year, model, n])
