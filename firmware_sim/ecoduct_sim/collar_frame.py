"""The Ecoduct collar frame: docs/protocols/collar-frame.md."""

import binascii
import struct
from collections.abc import Sequence
from typing import Final

from ecoduct_sim.collar import Fix

MAX_RECORDS: Final = 12
_MAGIC: Final = 0xEC
_SINGLE: Final = 0x11
_STORED: Final = 0x12
_MORTALITY: Final = 1
_NO_POSITION: Final = 2


def encode(fixes: Sequence[Fix], *, device_id: int, counter: int) -> bytes:
    """Single-fix frame of one fix, stored-fixes frame of several, oldest first.

    Raises
    ------
    ValueError
        There are no fixes, or more than 12.
    """
    if not 1 <= len(fixes) <= MAX_RECORDS:
        raise ValueError(f"A collar frame holds 1 to {MAX_RECORDS} fixes, not {len(fixes)}.")
    newest = fixes[-1]
    kind, count = (_SINGLE, b"") if len(fixes) == 1 else (_STORED, bytes([len(fixes)]))
    frame = (
        struct.pack("<BBIH", _MAGIC, kind, device_id, counter % 65_536)
        + struct.pack("<Hh", newest.battery_mv, newest.temperature_cc)
        + count
        + b"".join(map(_record, fixes))
    )
    return frame + struct.pack("<H", crc16(frame))


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE.

    >>> hex(crc16(b"123456789"))
    '0x29b1'
    """
    return binascii.crc_hqx(data, 0xFFFF)


def _record(fix: Fix) -> bytes:
    return struct.pack(
        "<IiiHBBB",
        fix.fixed_at_ms // 1000,
        fix.lon_e7 if fix.found else 0,
        fix.lat_e7 if fix.found else 0,
        min(round(fix.h_acc_mm / 100), 0xFFFE),
        fix.satellites,
        0xFF if fix.activity is None else fix.activity,
        _MORTALITY * fix.mortality | _NO_POSITION * (not fix.found),
    )
