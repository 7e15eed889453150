"""u-blox UBX-NAV-PVT, 92 bytes: docs/protocols/ubx.md."""

import math
import struct
from typing import Final

from ecoduct_sim.clock import gps_time_of_week_ms, to_datetime
from ecoduct_sim.collar import Fix

_SYNC: Final = b"\xb5\x62"
_NAV_PVT: Final = (0x01, 0x07)
_DATE_TIME_RESOLVED: Final = 0x07
_NO_FIX, _FIX_3D = 0, 3
_GNSS_FIX_OK: Final = 0x01
_INVALID_LLH: Final = 0x01
_PAYLOAD: Final = struct.Struct("<I H5B B I i 4B 4i 2I 5i 2I 2H 4s i h H")


def nav_pvt(fix: Fix) -> bytes:
    """One fix as a u-blox 8 or later writes it."""
    # u-blox rounds to the nearest second and lets the rest be negative.
    second_ms = (fix.fixed_at_ms + 500) // 1000 * 1000
    at = to_datetime(second_ms)
    course = math.radians(fix.heading_cdeg / 100)
    payload = _PAYLOAD.pack(
        gps_time_of_week_ms(fix.fixed_at_ms),
        *(at.year, at.month, at.day, at.hour, at.minute, at.second),
        _DATE_TIME_RESOLVED,
        25,  # tAcc, ns: typical of a receiver with a fix
        (fix.fixed_at_ms - second_ms) * 1_000_000,
        *_quality(fix),
        *(fix.lon_e7, fix.lat_e7, fix.height_mm or 0, fix.height_mm or 0),
        *(fix.h_acc_mm, fix.h_acc_mm * 3 // 2),
        round(fix.speed_mm_s * math.cos(course)),
        round(fix.speed_mm_s * math.sin(course)),
        0,
        *(fix.speed_mm_s, fix.heading_cdeg * 1_000),
        *(200, 500_000),  # sAcc mm/s, headAcc 1e-5 degrees
        round(fix.h_acc_mm / 5_000 * 180),
        0 if fix.found else _INVALID_LLH,
        *(bytes(4), 0, 0, 0),
    )
    return _frame(*_NAV_PVT, payload)


def _quality(fix: Fix) -> tuple[int, int, int, int]:
    """Give fixType, flags, flags2 and numSV."""
    if not fix.found:
        return _NO_FIX, 0, 0, 0
    return _FIX_3D, _GNSS_FIX_OK, 0, fix.satellites


def _frame(kind: int, number: int, payload: bytes) -> bytes:
    body = struct.pack("<BBH", kind, number, len(payload)) + payload
    return _SYNC + body + bytes(_fletcher(body))


def _fletcher(body: bytes) -> tuple[int, int]:
    total = running = 0
    for byte in body:
        total = (total + byte) & 0xFF
        running = (running + total) & 0xFF
    return total, running
