"""Conditional logit: which one of several was chosen, and the mean over many choosers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._logit import maximise
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.errors import AnalysisError


@dataclass(frozen=True, slots=True, eq=False)
class ConditionalLogit:
    """Coefficients of a choice of one row in each stratum.

    Attributes
    ----------
    coefficient, standard_error, z : (p,) array
        z is coefficient over error.
    covariance : (p, p) array
    log_likelihood : float
    n_strata, n_rows : int
    reason : str
        Why the coefficients are nan; empty where they were found.
    """

    coefficient: FloatArray
    standard_error: FloatArray
    z: FloatArray
    covariance: FloatArray
    log_likelihood: float
    n_strata: int
    n_rows: int
    reason: str = ""

    def __len__(self) -> int:
        """Count the coefficients."""
        return len(self.coefficient)


def fit_conditional_logit(
    offsets: ArrayLike, columns: ArrayLike, used: ArrayLike, *, terms: Sequence[str] | None = None
) -> ConditionalLogit:
    """Fit ``P(row) = exp(x b) / sum exp(x b)`` over the rows of each stratum.

    Parameters
    ----------
    offsets : (s + 1,) array
        Stratum ``i`` holds the rows ``offsets[i]`` up to but not including ``offsets[i + 1]``.
    columns : (m, p) array
    used : (m,) array of bool
        The row taken, one in each stratum.
    terms : sequence of str, optional
        Names of the columns, for the reason.

    Returns
    -------
    ConditionalLogit
        nan with a reason where a column never varies within a stratum, columns are collinear, or
        one of them tells used from unused without fault and its coefficient runs to infinity.

    Raises
    ------
    AnalysisError
        Values that are not finite, offsets that do not fit, a stratum without one used row.

    References
    ----------
    McFadden 1974, in Zarembka (ed.), Frontiers in Econometrics, 105-142.

    Examples
    --------
    One of two rows was taken, three times of four the one with 1: odds of 3.

    >>> fit = fit_conditional_logit(
    ...     [0, 2, 4, 6, 8], [[1], [0]] * 4, [1, 0, 1, 0, 1, 0, 0, 1])
    >>> np.exp(fit.coefficient).round(6), fit.standard_error.round(4)
    (array([3.]), array([1.1547]))
    >>> fit_conditional_logit([0, 2], [[1], [0]], [1, 0], terms=["crossing"]).reason
    'crossing tells used from unused without fault'
    """
    bounds = np.asarray(offsets, dtype=np.int64)
    values = np.asarray(columns, dtype=np.float64)
    taken = np.flatnonzero(np.asarray(used, dtype=bool))
    if values.ndim != 2 or not values.shape[1] or not np.isfinite(values).all():  # noqa: PLR2004 - rows and columns
        raise AnalysisError("Columns must be finite, one row for each step, one column or more.")
    fits = len(bounds) == len(taken) + 1 and bounds[0] == 0 and bounds[-1] == len(values)
    if not (fits and len(np.asarray(used)) == len(values)
            and (bounds[:-1] <= taken).all() and (taken < bounds[1:]).all()):  # fmt: skip
        raise AnalysisError("Each stratum needs one used row, no more and no fewer.")
    names = terms or [f"column {number}" for number in range(values.shape[1])]
    coefficient, covariance, value, reason = maximise(bounds, values, taken, names)
    error = np.sqrt(np.diag(covariance))
    return ConditionalLogit(
        coefficient, error, coefficient / error, covariance, value, len(taken), len(values), reason
    )


def pool_animals(
    coefficient: FloatArray, standard_error: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, int]:
    """Mean over animals, weighed by how well each is known and how much animals differ.

    Parameters
    ----------
    coefficient, standard_error : (k, p) array
        Animals with nan are left out.

    Returns
    -------
    mean, its standard error, standard deviation between animals : (p,) arrays
        nan without any animal.
    int
        Animals that were pooled.

    References
    ----------
    DerSimonian & Laird 1986, Controlled Clinical Trials 7:177-188.

    Examples
    --------
    Equal errors: the plain mean, and the variance between beyond what the errors make.

    >>> mean, error, between, count = pool_animals(
    ...     np.array([[0.0], [2.0], [4.0]]), np.array([[1.0], [1.0], [1.0]]))
    >>> mean, between**2, count
    (array([2.]), array([3.]), 3)
    """
    known = np.isfinite(coefficient).all(axis=1) & np.isfinite(standard_error).all(axis=1)
    values, variances = coefficient[known], standard_error[known] ** 2
    count, width = values.shape
    if count == 0:
        nan = np.full(width, np.nan)
        return nan, nan, nan, 0
    weights = 1 / variances
    mean = (weights * values).sum(axis=0) / weights.sum(axis=0)
    spread = (weights * (values - mean) ** 2).sum(axis=0) - (count - 1)
    scale = weights.sum(axis=0) - (weights**2).sum(axis=0) / weights.sum(axis=0)
    # One animal tells nothing of how animals differ.
    between = np.maximum(spread, 0.0) / np.where(scale > 0, scale, 1.0) if count > 1 else 0 * mean
    weights = 1 / (variances + between)
    mean = (weights * values).sum(axis=0) / weights.sum(axis=0)
    return mean, 1 / np.sqrt(weights.sum(axis=0)), np.sqrt(between), count
