"""Bytes as receivers send them, built from their documents and not with the gateway's code."""

import struct
from functools import reduce
from operator import xor

from ecoduct_edge.clocksync import Stamp
from ecoduct_edge.framing import Chunk
from ecoduct_wire.clock import from_iso

RECEIVED_AT_MS = from_iso("2024-05-01T12:00:00Z")
COLLAR_EXAMPLE = bytes.fromhex(
    "EC11110000000201 1A0E6608 00231153 4AC352BE 80437819 2A00 09 0C 00 A3A2".replace(" ", "")
)


def stamp(*, mono_ms: int = 0, is_synced: bool = True) -> Stamp:
    return Stamp(RECEIVED_AT_MS, mono_ms * 1_000_000, is_synced)


def chunk(data: bytes = b"", *, mono_ms: int = 0, is_last: bool = False) -> Chunk:
    return Chunk(data, stamp(mono_ms=mono_ms), is_last)


def nmea(body: str) -> bytes:
    return f"${body}*{reduce(xor, body.encode(), 0):02X}\r\n".encode()


def ubx(kind: bytes, payload: bytes) -> bytes:
    body = kind + struct.pack("<H", len(payload)) + payload
    first = second = 0
    for byte in body:
        first = (first + byte) & 255
        second = (second + first) & 255
    return b"\xb5\x62" + body + bytes((first, second))


def nav_pvt(
    *,
    when: tuple[int, int, int, int, int, int] = (2024, 5, 1, 11, 59, 58),
    valid: int = 7,
    nano: int = 0,
    fix_type: int = 3,
    flags: int = 1,
    lon_e7: int = -1_101_872_310,
    lat_e7: int = 427_312_000,
    h_acc_mm: int = 4_200,
    flags3: int = 0,
    size: int = 92,
) -> bytes:
    payload = struct.pack("<IHBBBBBBIiBBBB", 0, *when, valid, 25, nano, fix_type, flags, 0, 9)
    payload += struct.pack("<iiiiII", lon_e7, lat_e7, 0, 1_900_000, h_acc_mm, 0)
    payload += struct.pack("<iiiiiIIHB", 0, 0, 0, 1_250, 9_012_345, 0, 0, 120, flags3)
    return ubx(b"\x01\x07", payload.ljust(size, b"\0"))


def collar(kind: int, body: bytes, *, device: int = 17, counter: int = 258) -> bytes:
    frame = struct.pack("<BBIH", 0xEC, 0x10 | kind, device, counter) + body
    return frame + struct.pack("<H", crc(frame))


def record(
    *, at_s: int = 1_714_564_000, lon_e7: int = 10, lat_e7: int = 20, flags: int = 0
) -> bytes:
    return struct.pack("<IiiHBBB", at_s, lon_e7, lat_e7, 42, 9, 12, flags)


def crc(data: bytes) -> int:
    found = 0xFFFF
    for byte in data:
        found ^= byte << 8
        for _ in range(8):
            found = (found << 1 ^ 0x1021 if found & 0x8000 else found << 1) & 0xFFFF
    return found


def reyax(payload: bytes, *, rssi: int = -97, snr: int = 6) -> bytes:
    return b"+RCV=7,%d,%s,%d,%d\r\n" % (len(payload), payload, rssi, snr)


def rak(payload: bytes, *, rssi: int = -60, snr: int = 11) -> bytes:
    return f"+EVT:RXP2P:{rssi}:{snr}:{payload.hex().upper()}\r\n".encode()
