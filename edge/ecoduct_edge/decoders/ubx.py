"""u-blox UBX: NAV-PVT gives fixes, every other message is silent."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from ecoduct_edge.clocksync import Stamp
from ecoduct_edge.decoders.fields import Field, Layout
from ecoduct_edge.decoders.outcomes import Heard, Outcome, Silent, Source
from ecoduct_edge.decoders.rounding import divide
from ecoduct_edge.errors import FrameError
from ecoduct_edge.framing import Frame
from ecoduct_wire.clock import to_ms
from ecoduct_wire.messages import Fix, Flag

_NAV_PVT: Final = b"\x01\x07"
_HEADER: Final = 6
_SHORTEST: Final = 84  # u-blox 7; later ones are 92 bytes and may grow
_VALID_DATE_AND_TIME: Final = 0b11
_FIX_OK: Final = 1
_WITH_POSITION: Final = (2, 3, 4)  # 2D, 3D, GNSS with dead reckoning
_INVALID_LLH: Final = 1
_LAST_SECOND: Final = 60  # a leap second

_PVT = Layout(
    Field(4, "H", "year"),
    Field(6, "B", "month"),
    Field(7, "B", "day"),
    Field(8, "B", "hour"),
    Field(9, "B", "minute"),
    Field(10, "B", "second"),
    Field(11, "B", "valid"),
    Field(16, "i", "nano"),
    Field(20, "B", "fix_type"),
    Field(21, "B", "flags"),
    Field(23, "B", "satellites"),
    Field(24, "i", "lon_e7"),
    Field(28, "i", "lat_e7"),
    Field(36, "i", "height_mm"),
    Field(40, "I", "h_acc_mm"),
    Field(60, "i", "speed_mm_s"),
    Field(64, "i", "heading_e5"),
    Field(78, "B", "flags3"),
)


class UbxDecoder:
    """Reads NAV-PVT. Nothing is held back."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def held_at(self) -> int | None:
        """Nothing is held back."""
        return None

    def decode(self, frame: Frame) -> Iterable[Outcome]:
        """Give a fix for a usable NAV-PVT, else `Silent`; refuses ``bad_length no_position``."""
        if frame.data[2:4] != _NAV_PVT:
            return (Silent("ubx_other"),)
        body = frame.data[_HEADER:-2]
        if len(body) < _SHORTEST:
            raise FrameError("bad_length", f"NAV-PVT of {len(body)} bytes; at least 84 expected.")
        fix = _fix(_PVT.read(body), device=self._source.device, received_at_ms=frame.stamp.at_ms)
        return (Heard(fix, self._source.reception(frame.data, frame.stamp)),)

    def settle(self, stamp: Stamp, *, is_last: bool) -> Iterable[Outcome]:
        """Nothing."""
        del stamp, is_last
        return ()


def _fix(pvt: dict[str, int], *, device: str, received_at_ms: int) -> Fix:
    # A failed fix repeats the last coordinates, so the receiver's own word is all there is.
    is_usable = pvt["flags"] & _FIX_OK and not pvt["flags3"] & _INVALID_LLH
    if not is_usable or pvt["fix_type"] not in _WITH_POSITION:
        raise FrameError(
            "no_position", f"fixType {pvt['fix_type']}, flags 0x{pvt['flags']:02X}: no position."
        )
    fixed_at_ms = _time_ms(pvt)
    return Fix(
        device=device,
        fixed_at_ms=received_at_ms if fixed_at_ms is None else fixed_at_ms,
        lon_e7=pvt["lon_e7"],
        lat_e7=pvt["lat_e7"],
        flags=(Flag.TIME_FROM_GATEWAY.value,) if fixed_at_ms is None else (),
        satellites=pvt["satellites"],
        format="ubx.nav_pvt",
        **_extras(pvt),
    )


def _extras(pvt: dict[str, int]) -> dict[str, Any]:
    """What helps if it is sane; a wild value here must not cost a good position."""
    found: dict[str, Any] = {"heading_cdeg": divide(pvt["heading_e5"], 1000) % 36_000}
    for name in ("h_acc_mm", "speed_mm_s"):
        if 0 <= pvt[name] < 2**31:
            found[name] = pvt[name]
    if pvt["height_mm"] >= -20_000_000:  # noqa: PLR2004 - the least that a message may hold
        found["height_mm"] = pvt["height_mm"]
    return found


def _time_ms(pvt: dict[str, int]) -> int | None:
    """Device time to the nearest millisecond; ``nano`` is often negative. None if not valid."""
    is_valid = pvt["valid"] & _VALID_DATE_AND_TIME == _VALID_DATE_AND_TIME
    if not is_valid or pvt["second"] > _LAST_SECOND or abs(pvt["nano"]) > 1_000_000_000:  # noqa: PLR2004 - 1 s
        return None
    try:
        minute = datetime(
            pvt["year"], pvt["month"], pvt["day"], pvt["hour"], pvt["minute"], tzinfo=UTC
        )
    except ValueError:
        return None
    at_ms = to_ms(minute) + divide(pvt["second"] * 1_000_000_000 + pvt["nano"], 1_000_000)
    return at_ms if at_ms >= 0 else None
