"""Time: UTC, milliseconds since 1970, and a clock to pass in.

Nothing in the project reads the computer's clock directly; it is given a `Clock`. Tests move it,
and the demonstration runs it faster.
"""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Clock(Protocol):
    """What tells the time."""

    def now_ms(self) -> int:
        """UTC, milliseconds since 1970."""
        ...

    def monotonic_ns(self) -> int:
        """Nanoseconds that never run backwards; only differences mean anything."""
        ...


class SystemClock:
    """The computer's own clock."""

    def now_ms(self) -> int:
        """UTC, milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def monotonic_ns(self) -> int:
        """Nanoseconds that never run backwards."""
        return time.monotonic_ns()


@dataclass(frozen=True, slots=True)
class ScaledClock:
    """A clock that runs ``rate`` times faster from a given moment on.

    The demonstration uses it so that weeks of movement pass in minutes and an alert is still
    judged by the time at which its fix arrived.

    Parameters
    ----------
    wall_s, shown_s : float, s
        At the real time ``wall_s`` this clock shows ``shown_s`` (both since 1970).
    rate : float
        Seconds shown for each real second; 1 is real time.
    """

    wall_s: float
    shown_s: float
    rate: float

    def now_ms(self) -> int:
        """UTC as shown, milliseconds since 1970."""
        return round((self.shown_s + (time.time() - self.wall_s) * self.rate) * 1000)

    def monotonic_ns(self) -> int:
        """Real nanoseconds: time-outs are not scaled, since radios and disks are not."""
        return time.monotonic_ns()


def clock_from_environment() -> Clock:
    """Return the clock that ``ECODUCT_CLOCK`` names, else the computer's.

    The variable holds ``wall_s,shown_s,rate`` of a `ScaledClock`.
    """
    text = os.environ.get("ECODUCT_CLOCK", "")
    if not text:
        return SystemClock()
    wall_s, shown_s, rate = (float(part) for part in text.split(","))
    return ScaledClock(wall_s, shown_s, rate)


def to_datetime(at_ms: int) -> datetime:
    """Aware UTC time of a count of milliseconds since 1970, exact to the millisecond.

    >>> to_datetime(1_393_632_000_250).isoformat()
    '2014-03-01T00:00:00.250000+00:00'
    """
    return EPOCH + at_ms * _MILLISECOND


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970 of an aware time; parts of a millisecond are cut off.

    >>> to_ms(datetime(2014, 3, 1, 1, 0, tzinfo=UTC))
    1393635600000
    """
    return (at - EPOCH) // _MILLISECOND


def to_iso(at_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds, the only way times are shown to people and programs.

    >>> to_iso(1_393_632_000_250)
    '2014-03-01T00:00:00.250Z'
    """
    return to_datetime(at_ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at_ms % 1000:03d}Z"


def from_iso(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 time; without a zone it is taken as UTC.

    >>> from_iso("2014-03-01T02:00:00.250+02:00") == from_iso("2014-03-01 00:00:00.250")
    True
    """
    at = datetime.fromisoformat(text)
    return to_ms(at if at.tzinfo else at.replace(tzinfo=UTC))
