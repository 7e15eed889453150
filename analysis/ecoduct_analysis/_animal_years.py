"""Animal-years: tracks cut where a biological year begins, and one position a day."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from ecoduct_analysis._calendar import DAY_MS, calendar_year, check_day, day_ms
from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._medians import median
from ecoduct_analysis.columns import FloatArray, IntArray, frozen
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks

_HOUR_MS: Final = 3_600_000
_LONGEST_OFFSET_H: Final = 14.0  # Kiribati's
_YEAR_MS: Final = 366 * DAY_MS  # a track of a leap year is one year


@dataclass(frozen=True, slots=True, eq=False)
class AnimalYears:
    """Tracks of one animal and at most one year each; an animal without fixes has none.

    Attributes
    ----------
    tracks : Tracks
        ``k`` animal-years, named ``animal_year``.
    zero_ms : (k,) array, ms since 1970 UTC
        Where days are counted from.
    animal : (k,) array
        Which track each came from.
    """

    tracks: Tracks
    zero_ms: IntArray
    animal: IntArray

    def __len__(self) -> int:
        """Count the animal-years."""
        return len(self.zero_ms)


def split_years(
    tracks: Tracks, *, begins: str | None = None, always_named: bool = True
) -> AnimalYears:
    """Cut tracks longer than a year where a biological year begins.

    A track of at most 366 days stays whole wherever it begins: two halves of a year would show two
    dispersals where there was one migration. Its days count from the beginning of the year in
    which its first fix lies, or of the year before if more than half of its fixes lie before that
    date, as in migrateR. So they can be below 0.

    Parameters
    ----------
    tracks : Tracks
    begins : str, optional
        Month and day, as ``02-10``: midnight UTC of that day. Without it each animal's year begins
        with its first fix.
    always_named : bool
        False adds the year only to the names of tracks that are cut.

    Raises
    ------
    BadRule
        No such day.

    Examples
    --------
    >>> day = 86_400_000
    >>> deer = Tracks.from_arrays(
    ...     ["a"], track=[0] * 3, t_ms=[0, 30 * day, 400 * day], x=[0, 1, 2], y=[0, 0, 0])
    >>> years = split_years(deer, begins="02-01")
    >>> years.tracks.names, years.tracks.offsets
    (('a_1969', 'a_1970', 'a_1971'), array([0, 2, 2, 3]))
    """
    if begins is not None:
        check_day(begins)
    cuts: list[int] = []
    names: list[str] = []
    zeros: list[int] = []
    animal: list[int] = []
    for track, (first, last) in enumerate(pairwise(tracks.offsets.tolist())):
        if first == last:
            continue
        pieces = _pieces(tracks.t_ms[first:last], begins)
        for at, zero in pieces:
            cuts.append(first + at)
            zeros.append(zero)
            animal.append(track)
            year = f"_{calendar_year(zero)}" if always_named or len(pieces) > 1 else ""
            names.append(tracks.names[track] + year)
    parts = Tracks(
        names=tuple(names), offsets=np.array([*cuts, len(tracks)], dtype=np.int64),
        t_ms=tracks.t_ms, x=tracks.x, y=tracks.y, error_m=tracks.error_m,
        crs=tuple(tracks.crs[n] for n in animal) if tracks.crs else (), repeats=tracks.repeats,
    )  # fmt: skip
    return AnimalYears(
        parts, frozen(np.array(zeros, dtype=np.int64), np.int64),
        frozen(np.array(animal, dtype=np.int64), np.int64),
    )  # fmt: skip


def daily_medians(tracks: Tracks, *, offset_h: float = 0.0) -> Tracks:
    """Median position of each day with a fix; days without one stay missing.

    A day's answer depends on that day's fixes alone, in whatever order they came.

    Parameters
    ----------
    tracks : Tracks
    offset_h : float, h
        Local time less UTC; days begin at local midnight. One number: no clock is put forward.

    Returns
    -------
    Tracks
        At noon of each day. Errors are not kept: a median's is not a fix's.

    Raises
    ------
    BadRule
        An offset that no place on Earth has.

    Examples
    --------
    >>> hour = 3_600_000
    >>> deer = Tracks.from_arrays(
    ...     ["a"], track=[0] * 4, t_ms=[0, 9 * hour, 23 * hour, 50 * hour], x=[0, 9, 1, 5],
    ...     y=[0, 0, 0, 0])
    >>> days = daily_medians(deer)
    >>> days.t_ms // hour, days.x
    (array([12, 60]), array([1., 5.]))
    """
    if not abs(offset_h) <= _LONGEST_OFFSET_H:
        raise BadRule(f"offset_h must be within {_LONGEST_OFFSET_H:g} h.")
    offset_ms = round(offset_h * _HOUR_MS)
    day, x, y = np.empty(len(tracks), np.int64), np.empty(len(tracks)), np.empty(len(tracks))
    offsets = np.zeros(len(tracks.names) + 1, dtype=np.int64)
    count = _medians(tracks.offsets, tracks.t_ms, tracks.x, tracks.y, offset_ms, offsets, day, x, y)
    return Tracks(
        names=tracks.names, offsets=offsets, x=x[:count].copy(), y=y[:count].copy(),
        t_ms=day[:count] * DAY_MS + (DAY_MS // 2 - offset_ms), crs=tracks.crs,
    )  # fmt: skip


def _pieces(t_ms: IntArray, begins: str | None) -> list[tuple[int, int]]:
    """First fix of each piece of a track, and its day zero in ms."""
    first, last = int(t_ms[0]), int(t_ms[-1])
    if last - first <= _YEAR_MS:
        return [(0, first if begins is None else _zero(t_ms, begins))]
    begins = begins or str(np.datetime64(first, "ms"))[5:10]
    years = range(calendar_year(first) - 1, calendar_year(last) + 1)
    starts = np.array([day_ms(year, begins) for year in years], dtype=np.int64)
    which = np.searchsorted(starts, t_ms, side="right") - 1
    at = np.flatnonzero(np.diff(which, prepend=-1))
    return [(int(fix), int(starts[which[fix]])) for fix in at]


def _zero(t_ms: IntArray, begins: str) -> int:
    year = calendar_year(int(t_ms[0]))
    zero = day_ms(year, begins)
    return day_ms(year - 1, begins) if 2 * int((t_ms < zero).sum()) > len(t_ms) else zero


@compiled
def _medians(
    offsets: IntArray, t_ms: IntArray, x: FloatArray, y: FloatArray, offset_ms: int,
    new: IntArray, day: IntArray, out_x: FloatArray, out_y: FloatArray,
) -> int:  # fmt: skip
    count = 0
    for track in range(len(offsets) - 1):
        fix, end = offsets[track], offsets[track + 1]
        while fix < end:
            today = (t_ms[fix] + offset_ms) // DAY_MS
            until = fix + 1
            while until < end and (t_ms[until] + offset_ms) // DAY_MS == today:
                until += 1
            day[count] = today
            out_x[count] = median(x[fix:until])
            out_y[count] = median(y[fix:until])
            count += 1
            fix = until
        new[track + 1] = count
    return count
