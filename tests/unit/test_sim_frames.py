import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from ecoduct_sim import collar_frame, lora_modem, nmea, ubx
from ecoduct_sim.collar import Fix
from ecoduct_sim.frames import Heard, encode_cable, encode_lora

ROOT = Path(__file__).parents[2]
EXAMPLE = Fix(
    animal="p1",
    fixed_at_ms=1_393_632_000_000,
    lon_e7=-1_101_872_310,
    lat_e7=427_312_000,
    h_acc_mm=4_200,
    satellites=9,
    activity=12,
    battery_mv=3_610,
    temperature_cc=2_150,
)


def documented_bytes(page: str) -> bytes:
    """Last example of a page of docs/protocols that is written in hexadecimal."""
    text = (ROOT / "docs" / "protocols" / page).read_text("utf-8")
    blocks = re.findall(r"```\n([0-9A-F\s]+)```", text)
    return bytes.fromhex("".join(blocks[-1].split()))


def test_the_documented_collar_frame_is_what_the_encoder_writes() -> None:
    assert collar_frame.encode([EXAMPLE], device_id=17, counter=258) == documented_bytes(
        "collar-frame.md"
    )


def test_the_capture_is_the_documented_collar_frame() -> None:
    lines = (ROOT / "tests/captures/collar_single.hex").read_text("ascii").splitlines()
    (data,) = [line for line in lines if not line.startswith("#")]
    assert bytes.fromhex(data) == documented_bytes("collar-frame.md")


def test_the_check_is_crc_16_ccitt_false() -> None:
    assert collar_frame.crc16(b"123456789") == 0x29B1


def test_stored_fixes_stand_oldest_first_behind_the_newest_health() -> None:
    later = replace(EXAMPLE, fixed_at_ms=1_393_632_600_999, battery_mv=3_500, mortality=True)
    frame = collar_frame.encode([EXAMPLE, later], device_id=2**32 - 1, counter=65_537)
    assert len(frame) == 15 + 17 * 2
    assert frame[:2] == b"\xec\x12"
    assert struct.unpack_from("<IHHhB", frame, 2) == (2**32 - 1, 1, 3_500, 2_150, 2)
    assert struct.unpack_from("<I", frame, 13) == (1_393_632_000,)
    assert struct.unpack_from("<I", frame, 30) == (1_393_632_600,)
    assert frame[29] == 0
    assert frame[46] == 1


def test_a_fix_without_position_says_so_in_every_format() -> None:
    lost = replace(EXAMPLE, found=False)
    assert collar_frame.encode([lost], device_id=1, counter=0)[-3] == 2
    payload = ubx.nav_pvt(lost)[6:-2]
    assert (payload[20], payload[21] & 1, payload[78] & 1) == (0, 0, 1)
    rmc, gga, gsa = nmea.burst(lost).splitlines()
    assert b",V,,,,," in rmc
    assert gga.split(b",")[2:7] == [b"", b"", b"", b"", b"0"]
    assert gsa.startswith(b"$GPGSA,A,1,")


def test_more_fixes_than_a_frame_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 12"):
        collar_frame.encode([EXAMPLE] * 13, device_id=1, counter=0)


def test_the_documented_nav_pvt_is_what_the_encoder_writes() -> None:
    assert ubx.nav_pvt(EXAMPLE) == documented_bytes("ubx.md")


def test_nav_pvt_holds_the_fix_at_its_offsets() -> None:
    moving = replace(EXAMPLE, speed_mm_s=1_000, heading_cdeg=9_000, height_mm=1_150_000)
    frame = ubx.nav_pvt(moving)
    assert frame[:6] == b"\xb5\x62\x01\x07\x5c\x00"
    payload = frame[6:98]
    assert struct.unpack_from("<HBBBBB", payload, 4) == (2014, 3, 1, 0, 0, 0)
    assert payload[23] == 9
    assert struct.unpack_from("<iii", payload, 24) == (-1_101_872_310, 427_312_000, 1_150_000)
    assert struct.unpack_from("<I", payload, 40) == (4_200,)
    assert struct.unpack_from("<iiiii", payload, 48) == (0, 1_000, 0, 1_000, 9_000_000)
    a = b = 0
    for byte in frame[2:98]:
        a = (a + byte) % 256
        b = (b + a) % 256
    assert frame[98:] == bytes([a, b])


def test_nav_pvt_rounds_the_second_and_keeps_the_rest_in_nano() -> None:
    late = replace(EXAMPLE, fixed_at_ms=1_393_631_999_750)
    payload = ubx.nav_pvt(late)[6:98]
    assert struct.unpack_from("<HBBBBB", payload, 4) == (2014, 3, 1, 0, 0, 0)
    assert struct.unpack_from("<i", payload, 16) == (-250_000_000,)


def test_time_of_week_counts_leap_seconds() -> None:
    # 2014-03-01 is a Saturday; GPS was 16 s ahead of UTC.
    (tow_ms,) = struct.unpack_from("<I", ubx.nav_pvt(EXAMPLE), 6)
    assert tow_ms == (6 * 86_400 + 16) * 1000


def test_nmea_sentences_say_the_fix_and_carry_their_xor() -> None:
    moving = replace(EXAMPLE, speed_mm_s=5_144, heading_cdeg=9_050, height_mm=1_150_040)
    rmc, gga, gsa = nmea.burst(moving, decimals=5).split(b"\r\n")[:3]
    for line in (rmc, gga, gsa):
        total = 0
        for byte in line[1 : line.index(b"*")]:
            total ^= byte
        assert line[-2:] == b"%02X" % total
    place = b"4243.87200,N,11011.23386,W"
    assert rmc[:-3] == b"$GPRMC,000000.00,A," + place + b",9.999,90.50,010314,,,A"
    assert gga[:-3] == b"$GPGGA,000000.00," + place + b",1,09,0.84,1150.0,M,,M,,"
    assert gsa[:-3] == b"$GPGSA,A,3,01,02,03,04,05,06,07,08,09,,,,1.51,0.84,1.26"


def test_the_documented_sentence_is_what_the_encoder_writes() -> None:
    page = (ROOT / "docs/protocols/nmea.md").read_text("utf-8")
    assert nmea.burst(EXAMPLE, decimals=5).split(b"\r\n")[0].decode() in page


def test_minutes_just_below_sixty_carry_into_the_degree() -> None:
    edge = replace(EXAMPLE, lon_e7=-1_099_999_999, lat_e7=-1)
    assert b",0000.0000,S,11000.0000,W," in nmea.burst(edge, decimals=4)


def test_the_documented_modem_lines_are_what_the_encoders_write() -> None:
    page = (ROOT / "docs/protocols/lora-modems.md").read_text("utf-8")
    payload = documented_bytes("collar-frame.md")
    rak = lora_modem.rak(payload, rssi_dbm=-97, snr_db=6)
    assert rak.decode("ascii").replace("\r\n", "␍␊") in page
    reyax = lora_modem.reyax(payload, address=17, rssi_dbm=-97, snr_db=6)
    assert reyax == b"+RCV=17,31," + payload + b",-97,6\r\n"


@pytest.mark.parametrize("form", ["reyax", "rak"])
def test_the_part_open_to_damage_is_the_payload(form: str) -> None:
    frame = encode_lora(
        [EXAMPLE],
        form="reyax" if form == "reyax" else "rak",
        device_id=65_553,
        counter=258,
        heard=Heard(-97, 6),
    )
    part = frame.data[frame.first : frame.last]
    payload = part if form == "reyax" else bytes.fromhex(part.decode())
    assert payload[:6] == b"\xec\x11\x11\x00\x01\x00"
    assert len(payload) == 31
    assert form != "reyax" or frame.data.startswith(b"+RCV=17,")


def test_on_a_cable_the_part_open_to_damage_is_what_the_fix_needs() -> None:
    frame = encode_cable(EXAMPLE, form="nmea")
    assert frame.data[frame.first : frame.last].startswith(b"GPRMC")
    assert b"GGA" not in frame.data[frame.first : frame.last]
