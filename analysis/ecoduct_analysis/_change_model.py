"""From a table of crossings to the columns of a count model, and to its interaction."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ecoduct_analysis._count_model import excess_variance, fit_counts, independent
from ecoduct_analysis._crossing_table import CrossingTable
from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.errors import AnalysisError

_ROUNDS: Final = 10  # of mean and variance in turn; they settle in about 4


@dataclass(frozen=True, slots=True, eq=False)
class CountModel:
    """Rows that tell something, in order of name; the last column is the interaction.

    Attributes
    ----------
    names : tuple of str
        Of the animals with a crossing.
    animal, week, cell : (r,) array
        Cells are numbered as in `CrossingTable.cells`.
    columns : (r, p) array
    counts, log_exposure : (r,) array
    """

    names: tuple[str, ...]
    animal: IntArray
    week: IntArray
    cell: IntArray
    columns: FloatArray
    counts: FloatArray
    log_exposure: FloatArray

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.animal)

    @property
    def n_animals(self) -> int:
        """Count the animals."""
        return len(self.names)

    @property
    def given(self) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
        """What a fit is given, but for the weights."""
        return self.animal, self.columns, self.counts, self.log_exposure


def build_model(rows: CrossingTable) -> CountModel:
    """Columns of the model of `before_after.estimate_change`.

    Raises
    ------
    AnalysisError
        The interaction follows from the other columns.
    """
    told = _informative(rows)
    names = sorted({rows.names[number] for number in told.animal})
    rank = {name: number for number, name in enumerate(names)}
    number = np.array([rank.get(name, -1) for name in rows.names], dtype=np.int64)[told.animal]
    # Sums depend on their order, and answers must not depend on that of the animals.
    order = np.lexsort((told.is_impact, told.is_after, told.week, number))
    told, number = told.in_order(order), number[order]
    after, impact = told.is_after.astype(float), told.is_impact.astype(float)
    parts = [told.season == season for season in np.unique(told.season)[1:]]
    columns = np.stack((*parts, impact, after, impact * after), axis=1).astype(np.float64)
    if len(told):
        kept = independent(number, columns)
        if not kept[-1]:
            raise AnalysisError("Season, animal and group tell all; use fewer seasons.")
        columns = columns[:, kept]
    return CountModel(
        tuple(names), number, told.week, 2 * told.is_after + told.is_impact,
        np.ascontiguousarray(columns), told.count.copy(), np.log(told.exposure),
    )  # fmt: skip


def _informative(rows: CrossingTable) -> CrossingTable:
    """Leave out animals and seasons without a crossing: their effects run to minus infinity."""
    before = -1
    while len(rows) != before:
        before = len(rows)
        for label in (rows.animal, rows.season):
            _, group = np.unique(label, return_inverse=True)
            total = np.bincount(group, weights=rows.count)
            kept = total[group] > 0 if len(rows) else np.zeros(0, dtype=bool)
            if not kept.all():
                rows = rows.where(np.asarray(kept, dtype=bool))
                break
    return rows


def settle(model: CountModel, *, family: str) -> tuple[float, FloatArray]:
    """Excess variance and expected counts, each found with the other."""
    excess, ones = 0.0, np.ones(len(model))
    if not len(model):
        return excess, ones
    mu = fit_counts(*model.given, ones, excess)[1]
    for _ in range(_ROUNDS if family == "negbin" else 0):
        free = len(model) - model.n_animals - model.columns.shape[1]
        excess = excess_variance(model.counts, mu, free)
        mu = fit_counts(*model.given, ones, excess)[1]
    return excess, mu


def effect_of(model: CountModel, weight: FloatArray, excess: float) -> float:
    """Effect, exp of the interaction: 0 or inf where a cell is empty, nan where two are."""
    cells = np.bincount(model.cell, weights=weight * model.counts, minlength=4)
    over, under = cells[3] * cells[0] > 0, cells[1] * cells[2] > 0
    if not (over and under):
        return np.inf if over else 0.0 if under else np.nan
    return float(np.exp(fit_counts(*model.given, weight, excess)[0][-1]))
