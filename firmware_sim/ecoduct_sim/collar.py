"""A collar: it takes fixes, notices death, and keeps fixes that it sends later."""

import math
import random
from dataclasses import dataclass, field
from typing import Final

# A degree of latitude on the sphere; GPS error and headings need no better.
METRES_PER_DEGREE: Final = 111_195.0
_BATTERY_FULL_MV: Final = 3_700.0
_BATTERY_PER_FIX_MV: Final = 0.02
_STILL_M: Final = 60.0
_STILL_BEFORE_MORTALITY_MS: Final = 4 * 3_600_000
_LOOKS_FOR_SATELLITES_IN_VAIN: Final = 0.01


@dataclass(frozen=True, slots=True)
class Fix:
    """What a collar recorded at one moment, in the units of its memory.

    Attributes
    ----------
    fixed_at_ms : int, ms since 1970 UTC
        By the collar's own clock, which may be wrong.
    lon_e7, lat_e7 : int, 1e-7 degrees
    h_acc_mm : int, mm
    heading_cdeg : int, 0.01 degrees clockwise from north
    temperature_cc : int, 0.01 °C
    found : bool
        False if no position was found; longitude and latitude then mean nothing.
    """

    animal: str
    fixed_at_ms: int
    lon_e7: int
    lat_e7: int
    h_acc_mm: int = 5_000
    satellites: int = 8
    speed_mm_s: int = 0
    heading_cdeg: int = 0
    height_mm: int | None = None
    battery_mv: int = 3_600
    temperature_cc: int = 1_500
    activity: int | None = None
    mortality: bool = False
    found: bool = True


@dataclass(slots=True)
class Collar:
    """The collar of one animal.

    Parameters
    ----------
    rng : Random
        Its own, so that one collar's luck does not change another's.
    gps_error_m : float, m
        Typical horizontal error, one standard deviation.
    """

    animal: str
    rng: random.Random
    gps_error_m: float = 5.0
    height_m: float = 1_150.0
    _battery_mv: float = _BATTERY_FULL_MV
    _before: tuple[int, float, float] | None = None
    _still: tuple[int, float, float] | None = None

    def take_fix(self, *, at_ms: int, lon: float, lat: float) -> Fix:
        """Measure the animal's true position, in degrees."""
        error_m = self.gps_error_m * self.rng.uniform(0.6, 1.8)
        north_m = self.rng.gauss(0, error_m / math.sqrt(2))
        east_m = self.rng.gauss(0, error_m / math.sqrt(2))
        found = self.rng.random() >= _LOOKS_FOR_SATELLITES_IN_VAIN
        speed_m_s, heading_deg = self._movement(at_ms, lon, lat)
        self._battery_mv = max(self._battery_mv - _BATTERY_PER_FIX_MV, 2_800.0)
        return Fix(
            animal=self.animal,
            fixed_at_ms=at_ms,
            lon_e7=round((lon + east_m / (METRES_PER_DEGREE * math.cos(math.radians(lat)))) * 1e7),
            lat_e7=round((lat + north_m / METRES_PER_DEGREE) * 1e7),
            h_acc_mm=round(error_m * 1000),
            satellites=max(4, min(12, round(self.rng.gauss(9, 1.5)))),
            speed_mm_s=round(speed_m_s * 1000),
            heading_cdeg=round(heading_deg * 100) % 36_000,
            height_mm=round((self.height_m + self.rng.gauss(0, 2 * error_m)) * 1000),
            battery_mv=round(self._battery_mv + self.rng.gauss(0, 4)),
            temperature_cc=self._temperature_cc(at_ms, lon),
            activity=min(254, round(speed_m_s * 150 + self.rng.uniform(0, 20))),
            mortality=self._lies_still(at_ms, lon, lat),
            found=found,
        )

    def _movement(self, at_ms: int, lon: float, lat: float) -> tuple[float, float]:
        before, self._before = self._before, (at_ms, lon, lat)
        return movement(before, (at_ms, lon, lat)) if before else (0.0, 0.0)

    def _temperature_cc(self, at_ms: int, lon: float) -> int:
        """Warmest at three in the afternoon by the sun, and a little noise."""
        hour = (at_ms / 3_600_000 + lon / 15) % 24
        return round(900 + 1_100 * math.cos((hour - 15) / 24 * math.tau) + self.rng.gauss(0, 40))

    def _lies_still(self, at_ms: int, lon: float, lat: float) -> bool:
        if self._still is None or distance_m(self._still[1:], (lon, lat)) > _STILL_M:
            self._still = (at_ms, lon, lat)
        return at_ms - self._still[0] >= _STILL_BEFORE_MORTALITY_MS


@dataclass(slots=True)
class Memory:
    """Fixes a collar keeps until it has ``batch`` of them to send in one frame."""

    batch: int = 1
    _kept: list[Fix] = field(default_factory=list)

    def keep(self, fix: Fix) -> list[Fix]:
        """Add a fix; give the fixes to send now, oldest first, or none."""
        self._kept.append(fix)
        return self.empty() if len(self._kept) >= self.batch else []

    def empty(self) -> list[Fix]:
        """Give whatever is kept, and forget it."""
        kept, self._kept = self._kept, []
        return kept


def distance_m(here: tuple[float, float], there: tuple[float, float]) -> float:
    """Metres between two (longitude, latitude) in degrees; good over tens of kilometres."""
    east_m, north_m = _offset_m(here, there)
    return math.hypot(east_m, north_m)


def movement(
    before: tuple[int, float, float], now: tuple[int, float, float]
) -> tuple[float, float]:
    """Speed in m/s and heading in degrees between two (ms, longitude, latitude).

    Both are 0 if no time passed or the animal did not move.
    """
    elapsed_s = (now[0] - before[0]) / 1000
    east_m, north_m = _offset_m(before[1:], now[1:])
    if elapsed_s <= 0 or (east_m, north_m) == (0.0, 0.0):
        return 0.0, 0.0
    return math.hypot(east_m, north_m) / elapsed_s, math.degrees(math.atan2(east_m, north_m)) % 360


def _offset_m(here: tuple[float, float], there: tuple[float, float]) -> tuple[float, float]:
    east_deg = (there[0] - here[0] + 180) % 360 - 180
    shrink = math.cos(math.radians((here[1] + there[1]) / 2))
    return east_deg * METRES_PER_DEGREE * shrink, (there[1] - here[1]) * METRES_PER_DEGREE
