"""Corridors and stop-overs of a population: what many animals' migrations share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._cell_counts import CellCounts
from ecoduct_analysis._volumes import Layer, mean_of
from ecoduct_analysis.columns import FloatArray, IntArray, frozen
from ecoduct_analysis.errors import BadTracks
from ecoduct_analysis.footprints import find_footprints
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.population_rules import Mode, PopulationRule
from ecoduct_analysis.utilisation import Utilisation

POPULATION: Final = "population"


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Where ``N`` animals migrated: how many used each cell, and how they spent their time.

    Attributes
    ----------
    grid : Grid
    animals : tuple of str
        All ``N`` animals that a sequence is known of, in order of name.
    sequences : tuple of str
        Theirs, in order of name.
    cell : (c,) array
        Cells that at least one animal's footprint holds, rising.
    count : (c,) array
        Animals whose footprint holds the cell, whatever number of sequences they have.
    utilisation : Utilisation
        One distribution, called ``population``; without cells where no animal is known.
    """

    grid: Grid
    animals: tuple[str, ...]
    sequences: tuple[str, ...]
    cell: IntArray
    count: IntArray
    utilisation: Utilisation

    def __post_init__(self) -> None:
        for column in ("cell", "count"):
            object.__setattr__(self, column, frozen(getattr(self, column), np.int64))

    def __len__(self) -> int:
        """Count the animals."""
        return len(self.animals)

    @property
    def share(self) -> FloatArray:
        """Part of the animals that used each cell, (c,) array."""
        share: FloatArray = self.count / max(len(self.animals), 1)
        return share

    def used_by(self, animals: int) -> IntArray:
        """Cells that at least so many animals used, rising."""
        return self.cell[self.count >= animals]


def find_population(
    utilisation: Utilisation,
    *,
    animals: Sequence[str],
    years: ArrayLike | None = None,
    rule: PopulationRule | None = None,
    mode: Mode = "clean",
) -> Population:
    """Corridors and utilisation of a population, from its sequences' distributions.

    A cell is used by an animal if the footprint of any of its sequences holds it. The
    population's utilisation is a mean of means, see ``merge_key``.

    Parameters
    ----------
    utilisation : Utilisation
        ``k`` sequences, each clean (`ecoduct_analysis.footprints.clean_utilisation`). One without
        mass is passed over, and so is an animal that has no other.
    animals : sequence of str
        Animal of each sequence.
    years : (k,) array of int, optional
        Year of each sequence; needed to merge by year.
    rule : PopulationRule, optional
        ``contour``, ``footprint_edge``, ``keep`` and ``merge_key`` count here.
    mode : str
        As `ecoduct_analysis.footprints.find_footprints` has it.

    Returns
    -------
    Population
        The same to the last bit whatever the order of the sequences.

    Raises
    ------
    BadTracks
        Not one animal and one year for each sequence, or a sequence's name twice.

    References
    ----------
    Sawyer et al. 2009, Ecological Applications 19:2016-2025; Migration Mapper 3.2 (Merkle et al.
    2022).

    Examples
    --------
    Two sequences of one animal and one of another meet in the middle cell: 2 animals, not 3.

    >>> ud = Utilisation(
    ...     Grid(0, 1, 1, 1, 3), ("s", "t", "u"), [0, 2, 4, 5], [0, 1, 1, 2, 1],
    ...     [0.5, 0.5, 0.5, 0.5, 1])
    >>> found = find_population(ud, animals=["a", "a", "b"])
    >>> found.cell, found.count, found.share
    (array([0, 1, 2]), array([1, 2, 1]), array([0.5, 1. , 0.5]))
    >>> found.utilisation.mass
    array([0.125, 0.75 , 0.125])
    """
    if len(set(utilisation.names)) < len(utilisation):
        raise BadTracks("Two sequences have one name.")
    layers = PopulationLayers(utilisation.grid, rule, mode=mode)
    layers.replace(utilisation, animals=animals, years=years)
    return layers.population()


class _Sequence(NamedTuple):
    animal: str
    year: int
    layer: Layer
    footprint: IntArray


class PopulationLayers:
    """Layers of a population's sequences, which can be added, replaced and removed.

    After any number of changes the population is the same to the last bit as made anew. A change
    costs as much as the cells of one animal; a look at the population as the cells of all.

    Parameters
    ----------
    grid : Grid
    rule : PopulationRule, optional
    mode : str
        As `find_population` has it.

    Examples
    --------
    >>> grid = Grid(0, 1, 1, 1, 3)
    >>> layers = PopulationLayers(grid)
    >>> day = Utilisation(grid, ("s",), [0, 2], [0, 1], [0.5, 0.5])
    >>> layers.replace(day, animals=["a"])
    >>> next_day = Utilisation(grid, ("s",), [0, 2], [1, 2], [0.5, 0.5])
    >>> layers.replace(next_day, animals=["a"])
    >>> layers.population().cell
    array([1, 2])
    >>> layers.remove(["s"])
    >>> len(layers.population())
    0
    """

    def __init__(
        self, grid: Grid, rule: PopulationRule | None = None, *, mode: Mode = "clean"
    ) -> None:
        self.grid = grid
        self.rule = rule or PopulationRule()
        self.mode = mode
        self._sequences: dict[str, _Sequence] = {}
        self._names: dict[str, set[str]] = {}  # of the sequences of each animal
        self._used: dict[str, IntArray] = {}  # cells of each animal
        self._counts = CellCounts()
        self._means: dict[tuple[int, str], Layer] = {}  # of each animal and year

    def replace(
        self, utilisation: Utilisation, *, animals: Sequence[str], years: ArrayLike | None = None
    ) -> None:
        """Add sequences, or put them in place of those of the same name.

        Parameters
        ----------
        utilisation : Utilisation
            ``k`` sequences, each clean. One without mass takes the earlier one away.
        animals, years
            As in `find_population`.

        Raises
        ------
        BadTracks
            Another grid, or not one animal and one year for each sequence.
        """
        of_year = np.zeros(len(utilisation), dtype=np.int64) if years is None else np.asarray(years)
        if not len(animals) == len(of_year) == len(utilisation):
            raise BadTracks("Give one animal and one year for each sequence.")
        if utilisation.grid != self.grid:
            raise BadTracks("The sequences are on another grid than the population.")
        edge, contour = self.rule.footprint_edge, self.rule.contour
        found = find_footprints(utilisation, contour=contour, edge=edge, mode=self.mode)
        changed = self._take_out(utilisation.names) | set(animals)
        for number, name in enumerate(utilisation.names):
            here = slice(*utilisation.offsets[number : number + 2].tolist())
            if here.start < here.stop:
                layer = utilisation.cell[here], utilisation.mass[here]
                year = int(of_year[number])
                made = _Sequence(animals[number], year, layer, found.of(number))
                self._sequences[name] = made
                self._names.setdefault(made.animal, set()).add(name)
                self._means.pop(self._key(made), None)
        self._count_again(changed)

    def remove(self, names: Iterable[str]) -> None:
        """Take sequences away; those that are not known are passed over."""
        self._count_again(self._take_out(names))

    def population(self) -> Population:
        """Corridors and utilisation as they are now."""
        cell, count = self._counts.nonzero()
        mass = self._merged()
        return Population(
            grid=self.grid, animals=tuple(sorted(self._names)),
            sequences=tuple(sorted(self._sequences)), cell=cell, count=count,
            utilisation=Utilisation(
                grid=self.grid, names=(POPULATION,), offsets=np.array([0, len(mass[0])]),
                cell=mass[0], mass=mass[1],
            ),
        )  # fmt: skip

    def _key(self, sequence: _Sequence) -> tuple[int, str]:
        return (sequence.year if self.rule.merge_key == "year,id" else 0, sequence.animal)

    def _take_out(self, names: Iterable[str]) -> set[str]:
        """Forget sequences; gives the animals whose cells must be counted again."""
        animals: set[str] = set()
        for name in set(names) & self._sequences.keys():
            gone = self._sequences.pop(name)
            self._names[gone.animal].discard(name)
            self._means.pop(self._key(gone), None)
            animals.add(gone.animal)
        return animals

    def _count_again(self, animals: set[str]) -> None:
        nothing = np.zeros(0, dtype=np.int64)
        for animal in animals:
            names = self._names.get(animal, set())
            before = self._used.pop(animal, nothing)
            parts = [self._sequences[name].footprint for name in names]
            now = np.unique(np.concatenate([nothing, *parts]))
            self._counts.add(np.setdiff1d(now, before, assume_unique=True), 1)
            self._counts.add(np.setdiff1d(before, now, assume_unique=True), -1)
            if names:
                self._used[animal] = now
            else:
                self._names.pop(animal, None)

    def _merged(self) -> Layer:
        by_key: dict[tuple[int, str], list[str]] = {}
        for name in sorted(self._sequences):
            by_key.setdefault(self._key(self._sequences[name]), []).append(name)
        for key, names in by_key.items():
            if key not in self._means:
                layers = [self._sequences[name].layer for name in names]
                self._means[key] = mean_of(layers, self.rule.keep)
        of_years = [
            mean_of([self._means[key] for key in keys], self.rule.keep)
            for _, keys in groupby(sorted(by_key), key=lambda key: key[0])
        ]
        if not of_years:
            return np.zeros(0, dtype=np.int64), np.zeros(0)
        return mean_of(of_years, self.rule.keep)
