"""From a collar's fixes to the bytes that a gateway's serial port sees: one table of formats.

``ubx`` and ``nmea`` are receivers on a cable, one collar to a port. ``reyax`` and ``rak`` are LoRa
modems: they wrap the collar frame of any collar they hear.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from ecoduct_sim import collar_frame, lora_modem, nmea, ubx
from ecoduct_sim.collar import Fix

Format = Literal["ubx", "nmea", "reyax", "rak"]
CABLE: Final[tuple[Format, ...]] = ("ubx", "nmea")
LORA: Final[tuple[Format, ...]] = ("reyax", "rak")


@dataclass(frozen=True, slots=True)
class Heard:
    """How well a LoRa modem heard a frame."""

    rssi_dbm: int
    snr_db: int


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes for one port, and the fixes in them.

    ``data[first:last]`` is where damage must make the frame unreadable: a check covers it. Damage
    elsewhere, say in a modem's signal strength, could pass unseen.
    """

    data: bytes
    first: int
    last: int
    fixes: tuple[Fix, ...]


def as_reported(fix: Fix, *, form: Format, nmea_decimals: int) -> Fix:
    """Round the fix to what the format can say, so that the truth can be compared exactly."""
    if form == "ubx":
        return fix
    if form == "nmea":
        return replace(
            fix,
            fixed_at_ms=fix.fixed_at_ms // 10 * 10,
            lon_e7=nmea.rounded_e7(fix.lon_e7, decimals=nmea_decimals),
            lat_e7=nmea.rounded_e7(fix.lat_e7, decimals=nmea_decimals),
        )
    return replace(fix, fixed_at_ms=fix.fixed_at_ms // 1000 * 1000)


def encode_cable(fix: Fix, *, form: Format, nmea_decimals: int = 7) -> Frame:
    """One fix as a receiver on a cable writes it."""
    if form == "ubx":
        data = ubx.nav_pvt(fix)
        return Frame(data, 2, len(data), (fix,))
    data = nmea.burst(fix, decimals=nmea_decimals)
    # Without RMC there is no date, hence no fix; the other sentences could be spared.
    return Frame(data, 1, data.index(b"*"), (fix,))


def encode_lora(
    fixes: Sequence[Fix], *, form: Format, device_id: int, counter: int, heard: Heard
) -> Frame:
    """Fixes of one collar in one collar frame, as a LoRa modem writes it."""
    payload = collar_frame.encode(fixes, device_id=device_id, counter=counter)
    if form == "reyax":
        data = lora_modem.reyax(
            payload, address=device_id % 65_536, rssi_dbm=heard.rssi_dbm, snr_db=heard.snr_db
        )
        first = data.index(payload)
        return Frame(data, first, first + len(payload), tuple(fixes))
    data = lora_modem.rak(payload, rssi_dbm=heard.rssi_dbm, snr_db=heard.snr_db)
    return Frame(data, len(data) - 2 - 2 * len(payload), len(data) - 2, tuple(fixes))
