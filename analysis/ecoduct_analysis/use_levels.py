"""Levels of use of a population: how many animals make a corridor."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ecoduct_analysis.cell_sets import CellSets
from ecoduct_analysis.population import Population
from ecoduct_analysis.population_rules import Mode, PopulationRule

_LAST_DIGITS: Final = 1e-9  # 0.1 * 30 is not 3 to a computer
_SLACK: Final = 1e-4  # that the reference takes from every share before it compares
_TWO: Final = 2  # animals that make a route a shared one


@dataclass(frozen=True, slots=True)
class UseLevel:
    """A level of use.

    Attributes
    ----------
    name : str
        ``1 animal``, ``2 animals``, ``15 %`` and so on, ``low``, ``medium`` or ``high``.
    share : float
        Least part of the animals; nan where animals are counted.
    animals : int
        What that means: least number of animals.
    """

    name: str
    share: float
    animals: int


def use_levels(
    animals: int, rule: PopulationRule | None = None, *, mode: Mode = "clean"
) -> tuple[UseLevel, ...]:
    """Levels of use of a population, the counted ones first.

    Parameters
    ----------
    animals : int
        Of the population.
    rule : PopulationRule, optional
    mode : str
        ``compat`` lets a share be missed by 0.0001, as the reference does; for shares in steps of
        5 % that makes a difference from 500 animals on.

    Returns
    -------
    tuple of UseLevel
        1 animal, 2 animals, each share that means more than 2, and low, medium and high use. A
        level that needs more animals than there are is left out.

    References
    ----------
    Migration Mapper 3.2 (Merkle et al. 2022); low, medium and high are conventions.

    Examples
    --------
    >>> [(level.name, level.animals) for level in use_levels(15)]
    [('1 animal', 1), ('2 animals', 2), ('15 %', 3), ('20 %', 3), ('30 %', 5), ('low', 1), ('medium', 2), ('high', 3)]
    """  # noqa: E501 - what Python prints
    rule = rule or PopulationRule()

    def least(share: float) -> int:
        if mode == "compat":
            return max(int((share - _SLACK) * animals) + 1, 1)
        return max(int(np.ceil(share * animals - _LAST_DIGITS)), 1)

    counted = [UseLevel("1 animal", np.nan, 1), UseLevel("2 animals", np.nan, _TWO)]
    shares = [share for share in rule.levels if share * animals > _TWO + _LAST_DIGITS]
    shared = [UseLevel(f"{100 * share:g} %", share, least(share)) for share in shares]
    words = [
        UseLevel("low", 0.0, 1),
        UseLevel("medium", rule.medium, least(rule.medium)),
        UseLevel("high", rule.high, least(rule.high)),
    ]
    return tuple(level for level in [*counted, *shared, *words] if level.animals <= animals)


def level_sets(population: Population, levels: Sequence[UseLevel]) -> CellSets:
    """Cells of each level of use; a higher level lies within a lower one.

    Examples
    --------
    >>> from ecoduct_analysis.grids import Grid
    >>> from ecoduct_analysis.population import find_population
    >>> from ecoduct_analysis.utilisation import Utilisation
    >>> ud = Utilisation(Grid(0, 1, 1, 1, 3), ("s", "t"), [0, 2, 4], [0, 1, 1, 2], [0.5] * 4)
    >>> found = find_population(ud, animals=["a", "b"])
    >>> level_sets(found, use_levels(2)[:2]).counts
    array([3, 1])
    """
    cells = [population.used_by(level.animals) for level in levels]
    return CellSets(
        grid=population.grid,
        names=tuple(level.name for level in levels),
        offsets=np.cumsum([0, *map(len, cells)]),
        cell=np.concatenate([np.zeros(0, dtype=np.int64), *cells]),
    )
