"""Sequences: one animal's migration in one season, the unit of a population's corridors."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike

from ecoduct_analysis._calendar import (
    DAY_MS,
    biological_years,
    calendar_year,
    check_day,
    day_ms,
)
from ecoduct_analysis.columns import NO_TIME, IntArray, frozen
from ecoduct_analysis.errors import BadRule, BadTracks, NotProjected
from ecoduct_analysis.tracks import Tracks


@dataclass(frozen=True, slots=True)
class Season:
    """A season by the calendar.

    Attributes
    ----------
    name : str
    begins, ends : str
        First and last day as ``MM-DD``, in UTC. A season may go on into the next year.

    Raises
    ------
    BadRule
        A day that no year has, or no name.
    """

    name: str
    begins: str
    ends: str

    def __post_init__(self) -> None:
        for day in (self.begins, self.ends):
            check_day(day)
        if not self.name:
            raise BadRule("A season needs a name.")


@dataclass(frozen=True, slots=True, eq=False)
class Sequences:
    """Migrations of animals, one after the other: ``k`` sequences of ``a`` animals.

    Attributes
    ----------
    tracks : Tracks
        One for each sequence, under its name.
    animals : tuple of str
        Names of the animals.
    animal : (k,) array
        Animal of each sequence, a place in ``animals``.
    year : (k,) array
        Biological year in which each sequence begins.
    season : tuple of str
        Of each sequence; empty where it is not known.

    Raises
    ------
    BadTracks
        Columns of different length.
    """

    tracks: Tracks
    animals: tuple[str, ...]
    animal: IntArray
    year: IntArray
    season: tuple[str, ...]

    def __post_init__(self) -> None:
        for column in ("animal", "year"):
            object.__setattr__(self, column, frozen(getattr(self, column), np.int64))
        if {len(self.animal), len(self.year), len(self.season)} != {len(self.tracks.names)}:
            raise BadTracks("Give one animal, one year and one season for each sequence.")

    def __len__(self) -> int:
        """Count the sequences."""
        return len(self.animal)

    @property
    def owners(self) -> tuple[str, ...]:
        """Name of each sequence's animal."""
        return tuple(self.animals[n] for n in self.animal)

    def select(self, numbers: ArrayLike) -> Self:
        """Some of the sequences, by number, in the order given."""
        chosen = np.atleast_1d(np.asarray(numbers, dtype=np.int64))
        return type(self)(
            tracks=self.tracks.select(chosen),
            animals=self.animals,
            animal=self.animal[chosen],
            year=self.year[chosen],
            season=tuple(self.season[n] for n in chosen),
        )


def label_sequences(
    tracks: Tracks,
    labels: Sequence[str | None],
    *,
    animals: Sequence[str | None] | None = None,
    year_begins: str = "01-01",
) -> Sequences:
    """Sequences that a column of the table names.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes of ``a`` animals.
    labels : (n,) sequence of str
        Sequence of each fix; empty or None where it belongs to none.
    animals : (n,) sequence of str, optional
        Animal of each fix, where the tracks are not an animal each.
    year_begins : str, ``MM-DD``
        Day when a biological year begins: any at which no animal migrates.

    Returns
    -------
    Sequences
        In order of the animals' names, then of their own. A label that two animals bear becomes
        two sequences, with the animal's name before it.

    Raises
    ------
    BadTracks
        Not one label for each fix, or two fixes of a sequence at one time.
    NotProjected
        The tracks are in several projections.

    Examples
    --------
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0] * 4, t_ms=[0, 1, 2, 3], x=[0, 1, 2, 3], y=[0] * 4)
    >>> found = label_sequences(walk, ["a_spring", "a_spring", "", "a_autumn"])
    >>> found.tracks.names, found.tracks.x
    (('a_autumn', 'a_spring'), array([3., 0., 1.]))
    """
    owners = tracks.names if animals is None else animals
    if len(labels) != len(tracks) or (animals is not None and len(animals) != len(tracks)):
        raise BadTracks("Give one label and one animal for each fix.")
    bearers, bearer = _numbered(owners)
    bearer = bearer[tracks.track] if animals is None else bearer
    words, word = _numbered(labels)
    named = np.flatnonzero(np.array([w != "" for w in words], dtype=bool)[word])
    pairs, number = np.unique(
        np.stack((bearer[named], word[named]), axis=1), axis=0, return_inverse=True
    )
    # A sequence's fixes may come from several tracks.
    order = np.lexsort((tracks.t_ms[named], number.ravel()))
    alone = np.bincount(pairs[:, 1], minlength=len(words)) == 1
    names = [words[w] if alone[w] else f"{bearers[b]} {words[w]}" for b, w in pairs.tolist()]
    counts = np.bincount(number.ravel(), minlength=len(pairs))
    made = _tracks(tracks, named[order], counts, names)
    seasons = ("",) * len(pairs)
    return _sequences(made, bearers, pairs[:, 0], seasons, year_begins)


def cut_sequences(
    tracks: Tracks,
    *,
    track: ArrayLike,
    begins_ms: ArrayLike,
    ends_ms: ArrayLike,
    season: Sequence[str] | str = "migration",
    year_begins: str = "01-01",
) -> Sequences:
    """Sequences from their begin and end, as migration phases give them.

    Parameters
    ----------
    tracks : Tracks
        ``a`` animals.
    track : (k,) array
        Animal of each sequence, by number.
    begins_ms, ends_ms : (k,) array, ms since 1970 UTC
        First and last moment of each. A sequence where one of them is ``NO_TIME``, or that holds
        no fix, is left out.
    season : str, or one for each sequence
    year_begins : str, ``MM-DD``
        As in `label_sequences`.

    Returns
    -------
    Sequences
        In the order given, named ``animal_year_season``; where that is not one sequence's alone,
        with ``_2`` and so on after it.

    Raises
    ------
    BadTracks
        Columns of different length, or a track that there is not.
    NotProjected
        The tracks are in several projections.

    Examples
    --------
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0] * 4, t_ms=[0, 10, 20, 30], x=[0, 1, 2, 3], y=[0] * 4)
    >>> found = cut_sequences(walk, track=[0], begins_ms=[10], ends_ms=[20], season="spring")
    >>> found.tracks.names, found.tracks.x
    (('a_1970_spring',), array([1., 2.]))
    """
    of, begin, end = (np.atleast_1d(np.asarray(c, np.int64)) for c in (track, begins_ms, ends_ms))
    seasons = [season] * len(of) if isinstance(season, str) else list(season)
    if {len(begin), len(end), len(seasons)} != {len(of)}:
        raise BadTracks("Give one begin, one end and one season for each sequence.")
    if len(of) and not (of.min() >= 0 and of.max() < len(tracks.names)):
        raise BadTracks(f"Tracks are numbered 0 to {len(tracks.names) - 1}.")
    first, counts = _held(tracks, of, begin, end)
    kept = np.flatnonzero(counts)
    of, first, counts = of[kept], first[kept], counts[kept]
    fixes = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    seasons = [seasons[n] for n in kept]
    years = biological_years(tracks.t_ms[first], year_begins)
    names = [f"{tracks.names[n]}_{y}_{s}" for n, y, s in zip(of, years, seasons, strict=True)]
    made = _tracks(tracks, fixes, counts, _told_apart(names))
    return _sequences(made, tracks.names, of, seasons, year_begins)


def cut_seasons(
    tracks: Tracks, seasons: Sequence[Season], *, year_begins: str = "01-01"
) -> Sequences:
    """Sequences of every animal, year and season, by the calendar.

    Parameters
    ----------
    tracks : Tracks
    seasons : sequence of Season
    year_begins : str, ``MM-DD``
        As in `label_sequences`.

    Returns
    -------
    Sequences
        In order of the tracks, then of time; named as by `cut_sequences`.

    Examples
    --------
    >>> day = 86_400_000
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0, 0], t_ms=[100 * day, 465 * day], x=[0, 1], y=[0, 0])
    >>> cut_seasons(walk, [Season("spring", "03-15", "06-15")]).tracks.names
    ('a_1970_spring', 'a_1971_spring')
    """
    rows: list[tuple[int, int, int, str]] = []
    for number in range(len(tracks.names)):
        times = tracks.t_ms[tracks.offsets[number] : tracks.offsets[number + 1]]
        if len(times):
            # A season that began in the year before the first fix may go on.
            years = range(calendar_year(times[0]) - 1, calendar_year(times[-1]) + 1)
            spans = ((*_span(season, year), season.name) for year in years for season in seasons)
            rows += [(number, *span) for span in spans]
    rows.sort(key=lambda row: row[:2])
    return cut_sequences(
        tracks,
        track=[row[0] for row in rows],
        begins_ms=[row[1] for row in rows],
        ends_ms=[row[2] for row in rows],
        season=[row[3] for row in rows],
        year_begins=year_begins,
    )


def _numbered(words: Sequence[str | None]) -> tuple[tuple[str, ...], IntArray]:
    """Different words in order, and the number of each; None is the empty word."""
    coded = pc.fill_null(pa.array(words, pa.string()), "").dictionary_encode()
    different = coded.dictionary.to_pylist()
    place = np.argsort(np.argsort(different)) if different else np.zeros(0, dtype=np.int64)
    return tuple(sorted(different)), place[coded.indices.to_numpy()].astype(np.int64)


def _tracks(tracks: Tracks, fixes: IntArray, counts: IntArray, names: Sequence[str]) -> Tracks:
    """So many fixes each, in order."""
    if len(set(tracks.crs)) > 1:
        raise NotProjected("Sequences must be in one projection; give it to `project`.")
    return Tracks(
        names=tuple(names), offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        t_ms=tracks.t_ms[fixes], x=tracks.x[fixes], y=tracks.y[fixes],
        error_m=None if tracks.error_m is None else tracks.error_m[fixes],
        crs=tracks.crs[:1] * len(names), repeats=tracks.repeats,
    )  # fmt: skip


def _sequences(
    made: Tracks, animals: Sequence[str], of: IntArray, season: Sequence[str], year_begins: str
) -> Sequences:
    years = biological_years(made.t_ms[made.offsets[:-1]], year_begins)
    return Sequences(
        tracks=made, animals=tuple(animals), animal=of,
        year=np.array(years, dtype=np.int64), season=tuple(season),
    )  # fmt: skip


def _held(
    tracks: Tracks, of: IntArray, begins_ms: IntArray, ends_ms: IntArray
) -> tuple[IntArray, IntArray]:
    """First fix of each sequence, and how many it holds."""
    first, counts = np.zeros(len(of), dtype=np.int64), np.zeros(len(of), dtype=np.int64)
    known = (begins_ms != NO_TIME) & (ends_ms != NO_TIME)
    for row in np.flatnonzero(known).tolist():
        begin, end = tracks.offsets[of[row]], tracks.offsets[of[row] + 1]
        times = tracks.t_ms[begin:end]
        first[row] = begin + np.searchsorted(times, begins_ms[row], side="left")
        counts[row] = begin + np.searchsorted(times, ends_ms[row], side="right") - first[row]
    return first, np.maximum(counts, 0)


def _told_apart(names: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    told = []
    for name in names:
        seen[name] += 1
        told.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return told


def _span(season: Season, year: int) -> tuple[int, int]:
    """First and last moment of a season that begins in a year."""
    begins_ms = day_ms(year, season.begins)
    ends_ms = day_ms(year, season.ends)
    if ends_ms < begins_ms:
        ends_ms = day_ms(year + 1, season.ends)
    return begins_ms, ends_ms + DAY_MS - 1
