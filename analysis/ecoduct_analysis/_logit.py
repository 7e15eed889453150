"""Conditional logit: its likelihood, and the climb to its maximum."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import FloatArray, IntArray

_LIMIT: Final = 15.0  # odds of 3 million for each standard deviation: it runs to infinity
_MOST_STEPS: Final = 100  # Newton on a concave function needs about 6
_HALVINGS: Final = 40
_CLOSE: Final = 1e-10
_SINGULAR: Final = 1e-9


def maximise(
    offsets: IntArray, columns: FloatArray, used: IntArray, terms: Sequence[str]
) -> tuple[FloatArray, FloatArray, float, str]:
    """Coefficients, covariance, log likelihood, and why they are nan if they are.

    Parameters
    ----------
    offsets : (s + 1,) array
        Stratum ``i`` holds the rows ``offsets[i]`` up to ``offsets[i + 1]``.
    columns : (m, p) array
    used : (s,) array
        Row of the one taken in each stratum.
    terms : sequence of str
        Names of the columns, for the reason.
    """
    width = columns.shape[1]
    nothing = np.full(width, np.nan), np.full((width, width), np.nan), np.nan
    if len(used) == 0:
        return *nothing, "no stratum"
    # What all rows of a stratum share cancels; the rest in one spread serves every unit.
    chosen = np.repeat(used, np.diff(offsets))
    contrast = columns - columns[chosen]
    spread = np.sqrt(np.mean(contrast**2, axis=0))
    if (spread == 0).any():
        return *nothing, f"{terms[int(np.argmin(spread))]} is alike within every stratum"
    scaled = np.ascontiguousarray(contrast / spread)
    beta = np.zeros(width)
    value, gradient, curvature = likelihood(offsets, scaled, beta)
    if _is_flat(curvature):
        return *nothing, "terms are collinear within strata"
    for _ in range(_MOST_STEPS):
        move = np.linalg.solve(curvature, gradient)
        gain = float(gradient @ move)
        if gain < _CLOSE:
            back = np.linalg.inv(curvature) / np.outer(spread, spread)
            return (beta + move) / spread, back, value, ""
        for halving in range(_HALVINGS):
            trial = likelihood(offsets, scaled, beta + move / 2**halving)
            if trial[0] >= value:
                break
        beta = beta + move / 2**halving
        value, gradient, curvature = trial
        # Chances that all become 0 or 1 flatten the likelihood as well.
        if np.abs(beta).max() > _LIMIT or _is_flat(curvature):
            break
    worst = terms[int(np.argmax(np.abs(beta)))]
    return *nothing, f"{worst} tells used from unused without fault"


def _is_flat(curvature: FloatArray) -> bool:
    low, high = np.linalg.eigvalsh(curvature)[[0, -1]]
    return not low > _SINGULAR * high


@compiled
def likelihood(
    offsets: IntArray, contrast: FloatArray, beta: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Log likelihood, gradient and minus the second derivative; rows are less the used row."""
    width = contrast.shape[1]
    value = 0.0
    gradient, curvature = np.zeros(width), np.zeros((width, width))
    mean, square = np.empty(width), np.empty((width, width))
    for stratum in range(len(offsets) - 1):
        begin, end = offsets[stratum], offsets[stratum + 1]
        top = -np.inf
        for row in range(begin, end):
            score = 0.0
            for column in range(width):
                score += contrast[row, column] * beta[column]
            top = max(top, score)
        total = 0.0
        mean[:] = 0.0
        square[:] = 0.0
        for row in range(begin, end):
            score = 0.0
            for column in range(width):
                score += contrast[row, column] * beta[column]
            # Less the largest: exp of a difference never overflows.
            weight = np.exp(score - top)
            total += weight
            for column in range(width):
                part = weight * contrast[row, column]
                mean[column] += part
                for other in range(column + 1):
                    square[column, other] += part * contrast[row, other]
        value -= top + np.log(total)
        for column in range(width):
            gradient[column] -= mean[column] / total
            for other in range(column + 1):
                bend = square[column, other] / total - mean[column] * mean[other] / total**2
                curvature[column, other] += bend
    for column in range(width):
        for other in range(column):
            curvature[other, column] = curvature[column, other]
    return value, gradient, curvature
