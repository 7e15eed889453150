"""Counts with an effect of each animal: weighted least squares until it settles."""

from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray

_ALIASED: Final = 1e-8
_SETTLED: Final = 1e-9
_RIDGE: Final = 1e-9
_ROUNDS: Final = 100  # it settles in about 6
_EXTREME: Final = 30.0  # exp of more is no count, exp of less is none


@compiled
def _sweep(
    animal: IntArray, within: FloatArray, pull: FloatArray, animals: int
) -> tuple[FloatArray, FloatArray]:
    """Take each animal's weighted means out of its rows; gives its weight and the means."""
    rows, width = within.shape
    total, middle = np.zeros(animals), np.zeros((animals, width))
    for row in range(rows):
        total[animal[row]] += pull[row]
        for column in range(width):
            middle[animal[row], column] += pull[row] * within[row, column]
    for one in range(animals):
        if total[one] > 0:
            middle[one] /= total[one]
    for row in range(rows):
        for column in range(width):
            within[row, column] -= middle[animal[row], column]
    return total, middle


@compiled
def _solve(within: FloatArray, pull: FloatArray) -> FloatArray:
    """Weighted least squares of the last column on the others.

    By elimination: a positive definite system needs no pivots, and it compiles fast.
    """
    rows, width = within.shape[0], within.shape[1] - 1
    normal, right = np.zeros((width, width)), np.zeros(width)
    for row in range(rows):
        for column in range(width):
            part = pull[row] * within[row, column]
            right[column] += part * within[row, width]
            for other in range(width):
                normal[column, other] += part * within[row, other]
    for column in range(width):
        # A resample may lose a season altogether: its effect is then 0, not an error.
        normal[column, column] += _RIDGE * (1.0 + normal[column, column])
    for column in range(width):
        for row in range(column + 1, width):
            factor = normal[row, column] / normal[column, column]
            for other in range(column, width):
                normal[row, other] -= factor * normal[column, other]
            right[row] -= factor * right[column]
    for column in range(width - 1, -1, -1):
        for other in range(column + 1, width):
            right[column] -= normal[column, other] * right[other]
        right[column] /= normal[column, column]
    return right


@compiled
def fit_counts(
    animal: IntArray,
    columns: FloatArray,
    counts: FloatArray,
    log_exposure: FloatArray,
    weight: FloatArray,
    excess: float,
) -> tuple[FloatArray, FloatArray]:
    """Coefficients and expected counts of ``log mu = animal + columns b + log exposure``.

    Parameters
    ----------
    animal : (r,) array
        The effect of each animal is swept out, not kept as a column: many animals cost nothing.
    columns : (r, p) array
    counts, log_exposure, weight : (r,) array
        A row of weight 2 stands for two rows.
    excess : float
        Variance is ``mu + excess * mu ** 2``: 0 for Poisson.
    """
    rows, width = columns.shape
    animals = animal.max() + 1
    beta = np.zeros(width)
    exposure = np.exp(log_exposure)
    rate = (weight * counts).sum() / (weight * exposure).sum()
    # Halfway to each count: a start from the mean alone can overshoot.
    log_mu = np.log((counts + rate * exposure) / 2)
    within = np.empty((rows, width + 1))
    for _ in range(_ROUNDS):
        mu = np.exp(log_mu)
        pull = weight * mu / (1 + excess * mu)
        within[:, :width] = columns
        within[:, width] = log_mu - log_exposure + (counts - mu) / mu
        total, middle = _sweep(animal, within, pull, animals)
        beta = _solve(within, pull)
        change = 0.0
        for row in range(rows):
            own = animal[row]
            if total[own] == 0:
                # Not in this resample: nothing is asked of it.
                continue
            new = log_exposure[row] + middle[own, width]
            for column in range(width):
                new += (columns[row, column] - middle[own, column]) * beta[column]
            new = min(max(new, -_EXTREME), _EXTREME)
            change = max(change, abs(new - log_mu[row]))
            log_mu[row] = new
        if change < _SETTLED:
            break
    return beta, np.exp(log_mu)


def swept(animal: IntArray, columns: FloatArray, weight: FloatArray) -> FloatArray:
    """Columns less their weighted mean over the rows of each animal, (r, p) array."""
    total = np.bincount(animal, weights=weight)
    means = [np.bincount(animal, weights=weight * one) / total for one in columns.T]
    return columns - np.array(means).T[animal].reshape(columns.shape)


def independent(animal: IntArray, columns: FloatArray) -> BoolArray:
    """Which columns tell something that those before them, and the animals, do not, (p,) array."""
    left = swept(animal, columns, np.ones(len(animal)))
    size = np.linalg.norm(columns, axis=0)
    rest = np.abs(np.diag(np.linalg.qr(left, mode="r")))
    rest = np.append(rest, np.zeros(max(0, len(size) - len(rest))))
    return np.asarray(rest > _ALIASED * (1 + size), dtype=bool)


def excess_variance(counts: FloatArray, mu: FloatArray, free: int) -> float:
    """Excess at which Pearson's statistic is its degrees of freedom; 0 if it is never above."""

    def pearson(excess: float) -> float:
        return float(((counts - mu) ** 2 / (mu + excess * mu**2)).sum())

    low, high = 0.0, 1.0
    if free < 1 or pearson(low) <= free:
        return 0.0
    while pearson(high) > free and high < 1e6:  # noqa: PLR2004 - rows as unlike as can be
        low, high = high, 2 * high
    for _ in range(60):  # halves to the last bit
        middle = (low + high) / 2
        low, high = (middle, high) if pearson(middle) > free else (low, middle)
    return high


def flipped_scores(
    animal: IntArray,
    nuisance: FloatArray,
    tested: FloatArray,
    residual: FloatArray,
    weight: FloatArray,
    group: IntArray,
    signs: FloatArray,
) -> FloatArray:
    """Standardized score of the tested column under each flip, (f,) array.

    Parameters
    ----------
    animal, group : (r,) array
        Rows of one group keep their signs together.
    nuisance : (r, p) array
    tested, residual, weight : (r,) array
        Residuals and weights of the fit without the tested column; residuals in units of counts
        over their excess.
    signs : (g, f) array
    """
    root = np.sqrt(weight)
    others = root[:, None] * swept(animal, nuisance, weight)
    own = root * swept(animal, tested[:, None], weight)[:, 0]
    # Independent columns, from the model: their directions are never lost.
    basis, _ = np.linalg.qr(others)
    told = own - basis @ (basis.T @ own)
    groups = len(signs)
    by_group = np.bincount(group, weights=told * residual / root, minlength=groups)
    # A flip makes the score lean on what was accounted for; that part varies no longer, and
    # without its loss flipped scores are too small, and p too.
    lean = [np.bincount(group, weights=told * one, minlength=groups) for one in basis.T]
    size = np.sqrt(np.bincount(animal, weights=weight))
    pair, place = np.unique(animal * groups + group, return_inverse=True)
    own_lean = np.bincount(place.reshape(-1), weights=told * root) / size[pair // groups]
    across = np.zeros((len(size), groups))
    across[pair // groups, pair % groups] = own_lean
    lost = (np.concatenate((np.array(lean).reshape(-1, groups), across)) @ signs) ** 2
    left = np.maximum((told**2).sum() - lost.sum(axis=0), _ALIASED * (told**2).sum())
    scores: FloatArray = by_group @ signs / np.sqrt(left)
    return scores
