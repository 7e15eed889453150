"""Simulated time: milliseconds since 1970 UTC, and how fast they pass in real time."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ecoduct_sim.errors import UsageError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GPS_EPOCH_S = 315_964_800  # 1980-01-06
GPS_WEEK_MS = 604_800_000

# GPS time does not have leap seconds; UTC has had these since 1980 (IERS Bulletin C).
_LEAPS = (
    ("2017-01-01", 18),
    ("2015-07-01", 17),
    ("2012-07-01", 16),
    ("2009-01-01", 15),
    ("2006-01-01", 14),
    ("1999-01-01", 13),
)


@dataclass(frozen=True, slots=True)
class Timeline:
    """At the real time ``wall_s`` the simulation is at ``shown_ms``; from there ``rate`` to one.

    ``rate`` is infinite when everything goes as fast as it can.
    """

    wall_s: float
    shown_ms: float
    rate: float

    def wall_of(self, at_ms: int) -> float:
        """Real time, seconds since 1970, at which the simulated moment comes."""
        return self.wall_s + (at_ms - self.shown_ms) / 1000 / self.rate

    def now_ms(self) -> int:
        """Simulated time now; the beginning of the timeline if the rate is infinite."""
        if math.isinf(self.rate):
            return round(self.shown_ms)
        return round(self.shown_ms + (time.time() - self.wall_s) * 1000 * self.rate)


def timeline_from(environment: Mapping[str, str]) -> Timeline | None:
    """Timeline that ``ECODUCT_CLOCK`` names (``wall_s,shown_s,rate``), or None without it.

    Raises
    ------
    UsageError
        The variable is not three numbers, or the rate is not above zero.
    """
    text = environment.get("ECODUCT_CLOCK", "")
    if not text:
        return None
    try:
        wall_s, shown_s, rate = (float(part) for part in text.split(","))
    except ValueError:
        wall_s = shown_s = rate = math.nan
    if not (rate > 0 and math.isfinite(wall_s + shown_s + rate)):
        raise UsageError(
            f"ECODUCT_CLOCK is {text!r}.",
            where="environment",
            remedy="Give wall_s,shown_s,rate, for example 1772323200,1772323200,600.",
        )
    return Timeline(wall_s=wall_s, shown_ms=shown_s * 1000, rate=rate)


def to_datetime(at_ms: int) -> datetime:
    """Aware UTC time of milliseconds since 1970, exact."""
    return EPOCH + at_ms * timedelta(milliseconds=1)


def to_iso(at_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds.

    >>> to_iso(1_393_632_000_250)
    '2014-03-01T00:00:00.250Z'
    """
    return to_datetime(at_ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def from_iso(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time; without a zone it is UTC.

    Raises
    ------
    ValueError
        It is not such a time.
    """
    at = datetime.fromisoformat(text)
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(milliseconds=1)


def gps_time_of_week_ms(at_ms: int) -> int:
    """Milliseconds into the GPS week, as receivers count them."""
    leap_s = next((leap for day, leap in _LEAPS if at_ms >= from_iso(day)), 0)
    return (at_ms + (leap_s - GPS_EPOCH_S) * 1000) % GPS_WEEK_MS
