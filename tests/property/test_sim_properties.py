import math
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as some

from ecoduct_sim import collar_frame, nmea, ubx
from ecoduct_sim.clock import from_iso, to_iso
from ecoduct_sim.collar import Fix
from ecoduct_sim.plane import crossing_of
from ecoduct_sim.projection import from_lon_lat, to_lon_lat

LON_E7 = some.integers(-1_800_000_000, 1_800_000_000)
LAT_E7 = some.integers(-900_000_000, 900_000_000)
AT_MS = some.integers(1_000, (2**32 - 1) * 1000)
FIX = some.builds(
    Fix,
    animal=some.just("a"),
    fixed_at_ms=AT_MS,
    lon_e7=LON_E7,
    lat_e7=LAT_E7,
    satellites=some.integers(0, 20),
    h_acc_mm=some.integers(0, 100_000),
    activity=some.none() | some.integers(0, 254),
    height_mm=some.none() | some.integers(-400_000, 8_000_000),
    heading_cdeg=some.integers(0, 35_999),
    speed_mm_s=some.integers(0, 100_000),
    mortality=some.booleans(),
    found=some.booleans(),
)


@given(zone=some.integers(1, 60), off_deg=some.floats(-4, 4), lat=some.floats(-84, 84))
def test_utm_there_and_back_is_the_same_place(zone: int, off_deg: float, lat: float) -> None:
    lon = zone * 6 - 183 + off_deg
    epsg = (32600 if lat >= 0 else 32700) + zone
    back_lon, back_lat = to_lon_lat(*from_lon_lat(lon, lat, epsg=epsg), epsg=epsg)
    assert abs((back_lon - lon + 180) % 360 - 180) * 111_320 * math.cos(math.radians(lat)) < 1e-3
    assert abs(back_lat - lat) * 111_320 < 1e-3


@given(lon_e7=LON_E7, lat_e7=LAT_E7, decimals=some.integers(2, 5))
def test_nmea_reads_back_as_the_truth_says(lon_e7: int, lat_e7: int, decimals: int) -> None:
    fix = Fix("a", 1_000, lon_e7, lat_e7)
    rmc = nmea.burst(fix, decimals=decimals).split(b"\r\n")[0].decode()
    found = re.search(r",(\d\d)(\d\d\.\d+),([NS]),(\d{3})(\d\d\.\d+),([EW]),", rmc)
    assert found
    lat = (int(found[1]) + float(found[2]) / 60) * (-1 if found[3] == "S" else 1)
    lon = (int(found[4]) + float(found[5]) / 60) * (-1 if found[6] == "W" else 1)
    assert float(found[2]) < 60
    assert float(found[5]) < 60
    assert round(lon * 1e7) == nmea.rounded_e7(lon_e7, decimals=decimals)
    assert round(lat * 1e7) == nmea.rounded_e7(lat_e7, decimals=decimals)
    assert abs(nmea.rounded_e7(lon_e7, decimals=decimals) - lon_e7) <= 10 ** (7 - decimals) / 100


@given(FIX)
def test_any_fix_makes_frames_of_the_documented_lengths(fix: Fix) -> None:
    assert len(ubx.nav_pvt(fix)) == 100
    assert len(collar_frame.encode([fix], device_id=1, counter=1)) == 31
    lines = nmea.burst(fix).decode("ascii").splitlines()
    assert [line[:6] for line in lines] == ["$GPRMC", "$GPGGA", "$GPGSA"]
    assert all(len(line) <= 80 for line in lines)


@given(FIX, some.integers(0, 30), some.integers(0, 7))
def test_one_wrong_bit_never_passes_the_check_of_a_collar_frame(
    fix: Fix, at_byte: int, bit: int
) -> None:
    frame = bytearray(collar_frame.encode([fix], device_id=1, counter=1))
    frame[at_byte] ^= 1 << bit
    assert collar_frame.crc16(bytes(frame[:-2])).to_bytes(2, "little") != frame[-2:]


@given(some.lists(FIX, min_size=2, max_size=12))
def test_a_record_is_the_same_alone_and_in_a_batch(fixes: list[Fix]) -> None:
    batch = collar_frame.encode(fixes, device_id=1, counter=1)
    for number, fix in enumerate(fixes):
        alone = collar_frame.encode([replace(fix)], device_id=1, counter=1)
        assert batch[13 + 17 * number :][:17] == alone[12:29]


@given(AT_MS)
def test_times_are_written_so_that_they_read_back(at_ms: int) -> None:
    assert from_iso(to_iso(at_ms)) == at_ms


COORDINATE = some.integers(-50, 50).map(float)
POINT = some.tuples(COORDINATE, COORDINATE)


@given(POINT, POINT, some.lists(POINT, min_size=2, max_size=6).map(tuple))
def test_a_walk_moved_as_a_whole_meets_the_line_at_the_same_share(
    here: tuple[float, float],
    there: tuple[float, float],
    line: tuple[tuple[float, float], ...],
) -> None:
    def moved(point: tuple[float, float]) -> tuple[float, float]:
        return point[0] + 1_024.0, point[1] - 512.0

    assert crossing_of(here, there, line) == crossing_of(
        moved(here), moved(there), tuple(map(moved, line))
    )
