"""Days of the year, and the biological year that times belong to."""

from datetime import date
from typing import Final

import numpy as np

from ecoduct_analysis.columns import IntArray
from ecoduct_analysis.errors import BadRule

DAY_MS: Final = 86_400_000
_NAMELESS_YEAR: Final = 2000  # of a month and a day: a leap year, for the 29th of February


def check_day(day: str) -> None:
    """Refuse a day that no year has.

    Raises
    ------
    BadRule
    """
    day_ms(_NAMELESS_YEAR, day)


def day_ms(year: int, day: str) -> int:
    """First moment of a day of a year; the 29th of February is the 1st of March in most."""
    try:
        month, number = (int(part) for part in day.split("-"))
        date(_NAMELESS_YEAR, month, number)
    except ValueError as error:
        raise BadRule(f"A day of the year is told as MM-DD, not {day!r}.") from error
    begin = np.datetime64(f"{year:04d}-{month:02d}", "M").astype("datetime64[ms]").astype(int)
    return int(begin) + (number - 1) * DAY_MS


def calendar_year(t_ms: int) -> int:
    """Year of a time, in UTC."""
    return int(np.datetime64(int(t_ms), "ms").astype("datetime64[Y]").astype(int)) + 1970


def biological_years(t_ms: IntArray, year_begins: str) -> list[int]:
    """Biological year of each time: that of the calendar in which it begins."""
    years = [calendar_year(time) for time in t_ms.tolist()]
    begun = [time >= day_ms(year, year_begins) for time, year in zip(t_ms, years, strict=True)]
    return [year if has else year - 1 for year, has in zip(years, begun, strict=True)]
