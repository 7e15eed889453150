"""Likelihood of the permeability model: a complementary log-log regression with an offset."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from ecoduct_analysis.columns import BoolArray, FloatArray
from ecoduct_analysis.errors import AnalysisError

TAIL: Final = 0.025  # one tail of a 95 % interval

_LIMIT: Final = 10.0  # kappa times 22,000 for each standard deviation: it runs to infinity
_OVERFLOW: Final = 700.0  # exp of more is no number
_MOST_STEPS: Final = 100  # Newton on a concave function needs about 6
_HALVINGS: Final = 40
_CLOSE: Final = 1e-10
_SINGULAR: Final = 1e-9


def share_that_stays(
    crossed: BoolArray, null_crossings: ArrayLike, null_steps: ArrayLike
) -> FloatArray:
    """Share of null steps that do not cross, with the guards of `fit_kappa`, (n,) array."""
    drawn = np.broadcast_to(np.asarray(null_steps, dtype=np.float64), crossed.shape)
    over = np.broadcast_to(np.asarray(null_crossings, dtype=np.float64), crossed.shape)
    if not ((drawn >= 1) & (over >= 0) & (over <= drawn)).all():
        raise AnalysisError("Each step needs a null step or more, and of them 0 to all cross.")
    impossible = crossed & (over == 0)
    stays = np.where(impossible, (drawn + 0.5) / (drawn + 1), 1 - over / drawn)
    return np.where(over == drawn, 0.5 / (drawn + 1), stays)


def design(crossed: BoolArray, covariates: ArrayLike | None) -> FloatArray:
    """Columns of the regression, the first of ones, (n, 1 + p) array."""
    ones = np.ones((len(crossed), 1))
    if covariates is None:
        return ones
    given = np.asarray(covariates, dtype=np.float64)
    if given.ndim != 2 or len(given) != len(crossed) or not np.isfinite(given).all():  # noqa: PLR2004 - rows and columns
        raise AnalysisError("Covariates must be finite, one row for each step, one column each.")
    return np.hstack((ones, given))


def edge(crossed: BoolArray, exposure: FloatArray) -> tuple[float, float, float, str] | None:
    """Low, kappa, high and the reason, where the maximum is not inside; else None."""
    if not len(crossed):
        return np.nan, np.nan, np.nan, "no null step crossed"
    total = float(exposure.sum())
    if not crossed.any():
        return 0.0, 0.0, -np.log(TAIL) / total, "no step crossed"
    if crossed.all():
        # With all null steps but one at rest this is still a number.
        most = 1 + np.log(len(crossed) / TAIL) / float(exposure.min())
        low = brentq(
            lambda kappa: np.log(-np.expm1(-kappa * exposure)).sum() - np.log(TAIL), 1e-300, most
        )
        return float(low), np.inf, np.inf, "every step crossed"
    return None


def maximise(
    crossed: BoolArray, exposure: FloatArray, columns: FloatArray
) -> tuple[FloatArray, FloatArray, float, str]:
    """Coefficients, their standard errors, the log likelihood, and why they are nan if so."""
    # Of one spread, so that one limit and one tolerance serve every unit.
    spread = np.concatenate(([1.0], columns[:, 1:].std(axis=0)))
    centre = np.concatenate(([0.0], columns[:, 1:].mean(axis=0)))
    if (spread == 0).any():
        raise AnalysisError("A covariate has one value only: leave it out.")
    scaled = (columns - centre) / spread
    beta = np.zeros(columns.shape[1])
    beta[0] = np.log(crossed.sum() / exposure.sum())  # the maximum, were all chances small
    offset = np.log(exposure)
    value, gradient, curvature = _likelihood(beta, crossed, offset, scaled)
    if _is_flat(curvature):
        raise AnalysisError("Covariates are collinear, or hardly vary: leave one out.")
    found = False
    for _ in range(_MOST_STEPS):
        move = np.linalg.solve(curvature, gradient)
        found = float(gradient @ move) < _CLOSE
        if found:
            break
        for halving in range(_HALVINGS):
            trial = _likelihood(beta + move / 2**halving, crossed, offset, scaled)
            if trial[0] >= value:
                break
        beta = beta + move / 2**halving
        value, gradient, curvature = trial
        if np.abs(beta[1:]).max(initial=0.0) > _LIMIT or _is_flat(curvature):
            break
    if not found:
        nan = np.full(len(beta), np.nan)
        return nan, nan, np.nan, "a covariate tells crossings apart without fault"
    back = np.diag(1 / spread)
    back[0, 1:] = -centre[1:] / spread[1:]
    covariance = back @ np.linalg.inv(curvature) @ back.T
    return back @ (beta + move), np.sqrt(np.diag(covariance)), value, ""


def _likelihood(
    beta: FloatArray, crossed: BoolArray, offset: FloatArray, columns: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Log likelihood, its gradient, and minus its second derivative."""
    log_mean = np.minimum(columns @ beta + offset, np.log(_OVERFLOW))
    mean = np.exp(log_mean)
    slope = mean / np.expm1(mean)
    value = np.where(crossed, np.log(-np.expm1(-mean)), -mean).sum()
    first = np.where(crossed, slope, -mean)
    # Of a crossing: slope * (1 - mean - slope), never above 0 as slope >= 1 - mean.
    bend = np.where(crossed, slope * np.maximum(mean + slope - 1, 0.0), mean)
    return float(value), columns.T @ first, (columns * bend[:, None]).T @ columns


def _is_flat(curvature: FloatArray) -> bool:
    low, high = np.linalg.eigvalsh(curvature)[[0, -1]]
    return not low > _SINGULAR * high
