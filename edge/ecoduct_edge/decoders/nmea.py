"""NMEA 0183: the sentences of one epoch become one fix.

RMC gives time, date and position; GGA adds satellites, precision and height; GSA stands in for
GGA. Sentences belong together when they carry the same time of day.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from typing import Any, Final

from ecoduct_edge.clocksync import Stamp
from ecoduct_edge.decoders.outcomes import Heard, Outcome, Refused, Silent, Source
from ecoduct_edge.decoders.rounding import divide, read_number
from ecoduct_edge.errors import FrameError
from ecoduct_edge.framing import Frame
from ecoduct_wire.clock import to_ms
from ecoduct_wire.errors import WireError
from ecoduct_wire.messages import Fix, Flag

IDLE_NS: Final = 300_000_000  # receivers send an epoch in one go; a longer silence ends it
_MOST_GSA: Final = 8  # one for each constellation; bounds an epoch
_SILENT: Final = frozenset({"GSV", "VTG", "GLL", "TXT", "ZDA", "GST", "GNS", "DTM", "GBS"})
_GARMIN_CONFIGURATION: Final = "PGRMC"  # ends as RMC does, but is none
_UNUSABLE_MODES: Final = ("N", "S", "M")
_UNUSABLE_QUALITIES: Final = ("", "0", "7", "8")
_CENTURY_TURNS_AT: Final = 80  # no receiver of ours is older; 80, 96, 99 are rolled-over weeks
_GSA_IDS: Final = slice(3, 15)

_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d)([0-5]\d|60)(?:\.(\d{1,9}))?")
_DATE = re.compile(r"(\d\d)(\d\d)(\d\d)")
_ANGLE = re.compile(r"(\d{0,3}?)(\d\d)(?:\.(\d{0,12}))?")


@dataclass(slots=True)
class _Epoch:
    time: str
    first: Frame
    last_ns: int
    rmc: list[str] | None = None
    gga: list[str] | None = None
    gsa: list[list[str]] = field(default_factory=list)
    sentences: list[bytes] = field(default_factory=list)


class NmeaDecoder:
    """Fuses the sentences of one receiver."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._epoch: _Epoch | None = None
        self._sends_rmc = source.sends_rmc

    @property
    def held_at(self) -> int | None:
        """Where the first sentence of the epoch begins that is not over yet."""
        return self._epoch.first.at_byte if self._epoch else None

    def decode(self, frame: Frame) -> Iterable[Outcome]:
        """Give the epoch that this sentence ends, if it does; refuses ``bad_checksum``."""
        fields = _checked_fields(frame.data)
        kind = fields[0][-3:] if fields[0] != _GARMIN_CONFIGURATION else ""
        if kind in ("RMC", "GGA"):
            return self._join(frame, kind, fields)
        if kind == "GSA" and self._epoch and len(self._epoch.gsa) < _MOST_GSA:
            self._epoch.gsa.append(fields)
            self._keep(self._epoch, frame)
            return ()
        return (Silent(kind.lower() if kind in _SILENT or kind == "GSA" else "nmea_other"),)

    def settle(self, stamp: Stamp, *, is_last: bool) -> Iterator[Outcome]:
        """Give the epoch held back, once the line has been idle."""
        epoch = self._epoch
        if epoch and (is_last or stamp.mono_ns - epoch.last_ns >= IDLE_NS):
            self._epoch = None
            yield self._outcome(epoch)

    def _join(self, frame: Frame, kind: str, fields: list[str]) -> Iterator[Outcome]:
        time = fields[1] if len(fields) > 1 else ""
        epoch = self._epoch
        # A second RMC at the same time of day is another day: some collars fix once a day.
        if epoch and (epoch.time != time or (epoch.rmc if kind == "RMC" else epoch.gga)):
            yield self._outcome(epoch)
            epoch = None
        epoch = epoch or _Epoch(time, frame, frame.stamp.mono_ns)
        if kind == "RMC":
            epoch.rmc = fields
            self._sends_rmc = True
        else:
            epoch.gga = fields
        self._keep(epoch, frame)
        self._epoch = epoch

    def _keep(self, epoch: _Epoch, frame: Frame) -> None:
        epoch.sentences.append(frame.data)
        epoch.last_ns = frame.stamp.mono_ns

    def _outcome(self, epoch: _Epoch) -> Outcome:
        raw, count = b"".join(epoch.sentences), len(epoch.sentences)
        try:
            fix = self._fix(epoch)
        except (FrameError, WireError) as error:
            return Refused(error.reason, "nmea", epoch.first.at_byte, raw, error.what, count)
        return Heard(fix, self._source.reception(raw, epoch.first.stamp), count)

    def _fix(self, epoch: _Epoch) -> Fix:
        if epoch.rmc is not None:
            lon_e7, lat_e7, flags, found = _from_rmc(epoch.rmc)
            at_ms = _time_ms(epoch.rmc, self._source, epoch.first.stamp)
        elif epoch.gga is not None and not self._sends_rmc:
            lon_e7, lat_e7, flags, found = *_from_gga(epoch.gga), {}
            at_ms = None
        else:
            # Its RMC was damaged. Dating the position by receipt would move the animal in time.
            raise FrameError("no_time", "GGA has no date, and its RMC did not come.")
        flags |= _doubts(epoch.gga)
        if at_ms is None:
            flags.add(Flag.TIME_FROM_GATEWAY)
        return Fix(
            device=self._source.device,
            fixed_at_ms=epoch.first.stamp.at_ms if at_ms is None else at_ms,
            lon_e7=lon_e7,
            lat_e7=lat_e7,
            flags=tuple(sorted(flag.value for flag in flags)),
            format="nmea.gga" if epoch.rmc is None else "nmea.rmc",
            **found,
            **_quality(epoch),
        )


def _checked_fields(line: bytes) -> list[str]:
    body, star, check = line.rstrip(b"\r\n")[1:].decode("ascii").rpartition("*")
    if not star:
        raise FrameError("no_checksum", "The sentence has no checksum.")
    expected = f"{reduce(xor, body.encode(), 0):02X}"
    if check.upper() != expected:
        raise FrameError("bad_checksum", f"Expected {expected}, got {check}.")
    return body.split(",")


def _from_rmc(fields: list[str]) -> tuple[int, int, set[Flag], dict[str, Any]]:
    fields = fields + [""] * (13 - len(fields))
    status, mode = fields[2], fields[12]
    if status != "A" or mode in _UNUSABLE_MODES:
        raise FrameError("no_position", f"RMC status {status or '-'}, mode {mode or '-'}.")
    found: dict[str, Any] = {}
    # 1 knot is 1852 m an hour, so 4630/9 mm/s.
    speed_mm_s = read_number(fields[7], times=4630, over=9)
    if speed_mm_s is not None and 0 <= speed_mm_s < 2**31:
        found["speed_mm_s"] = speed_mm_s
    heading_cdeg = read_number(fields[8], times=100)
    if heading_cdeg is not None:
        found["heading_cdeg"] = heading_cdeg % 36_000
    return *_position(fields[3:7]), {Flag.DEAD_RECKONING} if mode == "E" else set(), found


def _from_gga(fields: list[str]) -> tuple[int, int, set[Flag]]:
    fields = fields + [""] * (7 - len(fields))
    if fields[6] in _UNUSABLE_QUALITIES:
        raise FrameError("no_position", f"GGA quality {fields[6] or '-'}.")
    return *_position(fields[2:6]), set()


def _doubts(gga: list[str] | None) -> set[Flag]:
    quality = gga[6] if gga and len(gga) > 6 else ""  # noqa: PLR2004 - its place
    return {"6": {Flag.DEAD_RECKONING}, "8": {Flag.SIMULATED}}.get(quality, set())


def _position(fields: list[str]) -> tuple[int, int]:
    lat, north, lon, east = fields
    if not lat or not lon:
        raise FrameError("no_position", "The position is empty.")
    return (
        _angle_e7(lon, east, positive="E", negative="W", most=180),
        _angle_e7(lat, north, positive="N", negative="S", most=90),
    )


def _angle_e7(text: str, side: str, *, positive: str, negative: str, most: int) -> int:
    """``dddmm.mmmm`` to 1e-7 degrees, exactly; 89 degrees 60 minutes is met and means 90."""
    found = _ANGLE.fullmatch(text)
    if not found or side not in (positive, negative) or int(found[2]) > 60:  # noqa: PLR2004 - minutes
        raise FrameError("bad_position", f"{text!r} {side!r} is not an angle.")
    part = found[3] or ""
    minutes = (int(found[1] or 0) * 60 + int(found[2])) * 10 ** len(part) + int(part or 0)
    angle_e7 = divide(minutes * 10_000_000, 60 * 10 ** len(part))
    if angle_e7 > most * 10_000_000:
        raise FrameError("bad_position", f"{text!r} is beyond {most} degrees.")
    return angle_e7 if side == positive else -angle_e7


def _time_ms(rmc: list[str], source: Source, stamp: Stamp) -> int | None:
    """Device time, or None if it cannot be believed: two digits of a year are easily wrong."""
    date = _DATE.fullmatch(rmc[9]) if len(rmc) > 9 else None  # noqa: PLR2004 - its place
    time = _TIME.fullmatch(rmc[1])
    if not date or not time:
        return None
    year = int(date[3]) + (2000 if int(date[3]) < _CENTURY_TURNS_AT else 1900)
    try:
        day = datetime(year, int(date[2]), int(date[1]), int(time[1]), int(time[2]), tzinfo=UTC)
    except ValueError:
        return None
    part = time[4] or ""
    at_ms = to_ms(day) + divide(int(time[3] + part) * 1000, 10 ** len(part))
    is_late = stamp.is_synced and at_ms > stamp.at_ms + source.latest_ahead_s * 1000
    return None if at_ms < source.earliest_ms or is_late else at_ms


def _quality(epoch: _Epoch) -> dict[str, Any]:
    """Satellites, precision and height; a wild value must not cost a good position."""
    gga = (epoch.gga or []) + [""] * 10
    ids = [one for fields in epoch.gsa for one in fields[_GSA_IDS] if one]
    hdops = [fields[16] for fields in epoch.gsa if len(fields) > 16]  # noqa: PLR2004 - its place
    satellites = read_number(gga[7])
    hdop_c = read_number(gga[8] or (hdops or [""])[0], times=100)
    found = {
        "satellites": len(ids) or None if satellites is None else satellites,
        "hdop_c": hdop_c,
        "height_mm": read_number(gga[9], times=1000),
    }
    least = {"height_mm": -20_000_000}
    most = {"satellites": 255}
    return {
        name: value
        for name, value in found.items()
        if value is not None and least.get(name, 0) <= value <= most.get(name, 2**31 - 1)
    }
