"""Crossings and exposure by animal, week and group of barriers."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from ecoduct_analysis._sampling import distance_m, ends_of_steps, joined_steps
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray, frozen
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.errors import BadTracks
from ecoduct_analysis.tracks import Tracks

_WEEK_MS: Final = 7 * 86_400_000
_YEAR_MS: Final = 31_556_952_000  # mean year of the calendar: seasons do not drift over decades


@dataclass(frozen=True, slots=True, eq=False)
class CrossingTable:
    """Crossings and exposure, one row for each animal, week and group of barriers.

    Attributes
    ----------
    names : tuple of str
        Of the animals.
    animal, week, season : (r,) array
        Number of the animal, of the week since the change, and of the part of the year.
    is_after, is_impact : (r,) array of bool
        Whether the row is after the change, and at barriers that changed.
    count, exposure : (r,) array
        Crossings, and what they are in proportion to without an effect: exposed steps,
        encounters or expected crossings. Finite, 0 or more.

    Raises
    ------
    BadTracks
        Columns of different length, or values that cannot be.
    """

    names: tuple[str, ...]
    animal: IntArray
    week: IntArray
    season: IntArray
    is_after: BoolArray
    is_impact: BoolArray
    count: FloatArray
    exposure: FloatArray

    def __post_init__(self) -> None:
        for column, dtype in (("animal", np.int64), ("week", np.int64), ("season", np.int64),
                              ("is_after", bool), ("is_impact", bool), ("count", float),
                              ("exposure", float)):  # fmt: skip
            object.__setattr__(self, column, frozen(getattr(self, column), dtype))
            if getattr(self, column).shape != self.animal.shape:
                raise BadTracks("All columns must have one length.")
        numbers = np.stack((self.count, self.exposure))
        if not (np.isfinite(numbers) & (numbers >= 0)).all():
            raise BadTracks("Counts and exposures must be finite, 0 or more.")
        if (self.animal < 0).any() or (self.animal >= len(self.names)).any():
            raise BadTracks("Animals are numbered from 0, one number for each name.")

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.animal)

    def where(self, kept: BoolArray) -> Self:
        """Only the rows that a mask keeps."""
        return self.in_order(np.flatnonzero(kept))

    def in_order(self, rows: IntArray) -> Self:
        """Some of the rows, in the order given."""
        return type(self)(
            self.names, self.animal[rows], self.week[rows], self.season[rows],
            self.is_after[rows], self.is_impact[rows], self.count[rows], self.exposure[rows],
        )  # fmt: skip

    def cells(self, of: FloatArray) -> FloatArray:
        """Sums of a column before and after (rows) at control and impact (columns), (2, 2)."""
        cell = 2 * self.is_after + self.is_impact
        return np.bincount(cell, weights=of, minlength=4).astype(np.float64).reshape(2, 2)


def tabulate(
    tracks: Tracks,
    barriers: Barriers,
    is_impact: BoolArray,
    changed_at_ms: int,
    *,
    reach_m: float,
    seasons: int,
    max_gap: float,
) -> CrossingTable:
    """Count exposed steps and their crossings; see `before_after.tabulate_crossings`."""
    first = np.flatnonzero(joined_steps(tracks, max_gap=max_gap))
    begin, _ = ends_of_steps(tracks, first)
    found = find_crossings(tracks, barriers)
    since = tracks.t_ms[first] - changed_at_ms
    rows = []  # track, week, is after, is impact, count
    for impact in (False, True):
        pieces = barriers.ends[is_impact[barriers.feature] == impact]
        exposed = distance_m(begin, pieces, reach_m=reach_m) <= reach_m
        own = is_impact[found.feature] == impact
        crossed = np.bincount(found.first[own], weights=found.count[own], minlength=len(tracks))
        at, ago = first[exposed], since[exposed]
        group = np.full(len(at), impact)
        rows.append((tracks.track[at], ago // _WEEK_MS, ago >= 0, group, crossed[at]))
    track, week, after, group, counts = map(np.concatenate, zip(*rows, strict=True))
    keys, row = np.unique(np.stack((track, week, after, group)), axis=1, return_inverse=True)
    row = row.reshape(-1)
    return CrossingTable(
        names=tracks.names,
        animal=keys[0],
        week=keys[1],
        season=np.mod(keys[1] * _WEEK_MS, _YEAR_MS) * seasons // _YEAR_MS,
        is_after=keys[2],
        is_impact=keys[3],
        count=np.bincount(row, weights=counts, minlength=keys.shape[1]).astype(np.float64),
        exposure=np.bincount(row, minlength=keys.shape[1]).astype(np.float64),
    )
