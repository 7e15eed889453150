"""NMEA 0183 as a GPS receiver writes it, RMC, GGA and GSA for each fix: docs/protocols/nmea.md."""

from functools import reduce
from operator import xor
from typing import Final

from ecoduct_sim.clock import to_datetime
from ecoduct_sim.collar import Fix

_MM_S_PER_KNOT: Final = 1_852_000 / 3_600
# Error of one satellite range, by which receivers turn dilution of precision into metres.
_RANGE_ERROR_MM: Final = 5_000


def burst(fix: Fix, *, decimals: int = 7) -> bytes:
    """Sentences of one fix, with ``decimals`` digits of the minutes."""
    at = to_datetime(fix.fixed_at_ms)
    clock = f"{at:%H%M%S}.{at.microsecond // 10_000:02d}"
    place = _place(fix, decimals=decimals) if fix.found else ",,,"
    return b"".join(
        sentence(body)
        for body in (
            _rmc(fix, clock=clock, date=f"{at:%d%m%y}", place=place),
            _gga(fix, clock=clock, place=place),
            _gsa(fix),
        )
    )


def sentence(body: str) -> bytes:
    r"""Put ``$``, the checksum and the line end around a sentence.

    >>> sentence("GPGGA,,,,,,0,,,,M,,M,,")
    b'$GPGGA,,,,,,0,,,,M,,M,,*66\r\n'
    """
    data = body.encode("ascii")
    return b"$%b*%02X\r\n" % (data, reduce(xor, data, 0))


def rounded_e7(value_e7: int, *, decimals: int) -> int:
    """1e-7 degrees that a reader gets back from so many digits of the minutes."""
    back_e7 = round(_units(value_e7, decimals=decimals) * 1e7 / (60 * 10.0**decimals))
    return -back_e7 if value_e7 < 0 else back_e7


def _units(value_e7: int, *, decimals: int) -> int:
    """Arc in units of the last digit of the minutes; whole, so that 59.99999 carries right."""
    per_degree: int = 60 * 10**decimals
    return (abs(value_e7) * per_degree + 5_000_000) // 10_000_000


def _place(fix: Fix, *, decimals: int) -> str:
    lat = _arc(fix.lat_e7, width=2, decimals=decimals)
    lon = _arc(fix.lon_e7, width=3, decimals=decimals)
    return f"{lat},{'S' if fix.lat_e7 < 0 else 'N'},{lon},{'W' if fix.lon_e7 < 0 else 'E'}"


def _arc(value_e7: int, *, width: int, decimals: int) -> str:
    degrees, units = divmod(_units(value_e7, decimals=decimals), 60 * 10**decimals)
    minutes, fraction = divmod(units, 10**decimals)
    return f"{degrees:0{width}d}{minutes:02d}.{fraction:0{decimals}d}"


def _rmc(fix: Fix, *, clock: str, date: str, place: str) -> str:
    if not fix.found:
        return f"GPRMC,{clock},V,{place},,,{date},,,N"
    knots, course = fix.speed_mm_s / _MM_S_PER_KNOT, fix.heading_cdeg / 100
    return f"GPRMC,{clock},A,{place},{knots:.3f},{course:.2f},{date},,,A"


def _gga(fix: Fix, *, clock: str, place: str) -> str:
    if not fix.found:
        return f"GPGGA,{clock},{place},0,00,99.99,,M,,M,,"
    height = "" if fix.height_mm is None else f"{fix.height_mm / 1000:.1f}"
    return f"GPGGA,{clock},{place},1,{fix.satellites:02d},{_hdop(fix):.2f},{height},M,,M,,"


def _gsa(fix: Fix) -> str:
    if not fix.found:
        return "GPGSA,A,1" + "," * 12 + ",99.99,99.99,99.99"
    satellites = [f"{number:02d}" for number in range(1, min(fix.satellites, 12) + 1)]
    ids = ",".join(satellites + [""] * (12 - len(satellites)))
    hdop = _hdop(fix)
    return f"GPGSA,A,3,{ids},{hdop * 1.8:.2f},{hdop:.2f},{hdop * 1.5:.2f}"


def _hdop(fix: Fix) -> float:
    return fix.h_acc_mm / _RANGE_ERROR_MM
