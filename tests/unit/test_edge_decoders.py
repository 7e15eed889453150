from collections.abc import Iterator

import pytest

from ecoduct_edge.decoders import Heard, Outcome, PortDecoder, Refused, Source
from ecoduct_edge.decoders.collar_frame import read_messages
from ecoduct_edge.decoders.rounding import divide, read_number
from ecoduct_edge.errors import FrameError
from ecoduct_edge.framing import Deframer
from ecoduct_wire.clock import from_iso
from ecoduct_wire.messages import Fix, Status
from edge_frames import (
    COLLAR_EXAMPLE,
    RECEIVED_AT_MS,
    chunk,
    collar,
    nav_pvt,
    nmea,
    rak,
    record,
    reyax,
    stamp,
)

RMC = "GNRMC,115958.25,A,4244.3872,N,11011.2386,W,1.000,90.5,010524,,,A,V"
GGA = "GNGGA,115958.25,4244.3872,N,11011.2386,W,1,09,1.20,1900.5,M,,M,,"
HEALTH = b"\x1a\x0e\x66\x08"


def outcomes(data: bytes) -> Iterator[Outcome]:
    deframer, decoder = Deframer(), PortDecoder(Source("hut", "C-1"))
    for frame in deframer.feed(chunk(data, is_last=True)):
        yield from decoder.decode(frame)
    yield from decoder.settle(stamp(), is_last=True)


def fix_of(data: bytes) -> Fix:
    (heard,) = (one for one in outcomes(data) if isinstance(one, Heard))
    assert isinstance(heard.body, Fix)
    return heard.body


def reason_of(data: bytes) -> str:
    (refused,) = outcomes(data)
    assert isinstance(refused, Refused)
    return refused.reason


def test_collar_frame_of_the_document_is_read() -> None:
    (fix,) = read_messages(COLLAR_EXAMPLE, received_at_ms=1, form="reyax.collar")
    assert fix == Fix(
        device="collar:17",
        fixed_at_ms=from_iso("2014-03-01T00:00:00Z"),
        lon_e7=-1_101_872_310,
        lat_e7=427_312_000,
        h_acc_mm=4_200,
        satellites=9,
        battery_mv=3_610,
        temperature_cc=2_150,
        activity=12,
        mortality=False,
        counter=258,
        format="reyax.collar",
    )


def test_stored_batch_gives_battery_to_the_newest_record_only() -> None:
    frame = collar(2, HEALTH + b"\x02" + record(at_s=100) + record(at_s=200))
    older, newer = read_messages(frame, received_at_ms=1, form="x")
    assert (older.battery_mv, newer.battery_mv) == (None, 3_610)


def test_record_without_position_is_a_status_at_its_time() -> None:
    frame = collar(1, HEALTH + record(at_s=100, lon_e7=2**31 - 1, flags=3))
    (status,) = read_messages(frame, received_at_ms=1, form="x")
    assert isinstance(status, Status)
    assert (status.said_at_ms, status.mortality) == (100_000, True)


def test_collar_without_a_clock_gets_the_time_of_receipt_and_a_flag() -> None:
    (fix,) = read_messages(collar(1, HEALTH + record(at_s=0)), received_at_ms=77, form="x")
    assert isinstance(fix, Fix)
    assert (fix.fixed_at_ms, fix.flags) == (77, ("time_from_gateway",))


def test_status_frame_with_missing_values_leaves_them_out() -> None:
    frame = collar(3, b"\xff\xff\x00\x80\xff\x01")
    (status,) = read_messages(frame, received_at_ms=5, form="x")
    assert status == Status(
        device="collar:17", said_at_ms=5, mortality=True, counter=258, format="x"
    )


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"HELLO", "bad_magic"),
        (b"", "bad_length"),
        (COLLAR_EXAMPLE[:-1], "bad_length"),
        (COLLAR_EXAMPLE + b"\0", "bad_length"),
        (collar(2, HEALTH + b"\x00"), "bad_length"),
        (collar(2, HEALTH + b"\x0d" + record() * 13), "bad_length"),
        (COLLAR_EXAMPLE[:-1] + b"\0", "bad_checksum"),
        (collar(0x11, HEALTH + record()), "bad_checksum"),
        (collar(4, HEALTH), "bad_type"),
        (collar(1, HEALTH + record(flags=4)), "bad_field"),
        (collar(3, HEALTH + b"\x00\x02"), "bad_field"),
        (collar(1, HEALTH + record(lat_e7=900_000_001)), "bad_position"),
    ],
)
def test_damaged_collar_frame_is_refused_by_reason(frame: bytes, reason: str) -> None:
    if reason == "bad_checksum" and frame[1] == 0x11:
        frame = frame[:1] + b"\x21" + frame[2:]
    with pytest.raises(FrameError) as error:
        read_messages(frame, received_at_ms=1, form="x")
    assert error.value.reason == reason


def test_sentences_of_one_epoch_become_one_fix() -> None:
    gsa = nmea("GNGSA,A,3,75,86,,,,,,,,,,,2.0,1.3,1.5")
    (heard,) = outcomes(nmea(RMC) + nmea(GGA) + gsa)
    assert isinstance(heard, Heard)
    assert heard.body == Fix(
        device="C-1",
        fixed_at_ms=from_iso("2024-05-01T11:59:58.250Z"),
        lon_e7=-1_101_873_100,
        lat_e7=427_397_867,  # 44.3872 / 60 = 0.7397866...
        height_mm=1_900_500,
        speed_mm_s=514,  # one knot is 514.4 mm/s
        heading_cdeg=9_050,
        satellites=9,
        hdop_c=120,
        format="nmea.rmc",
    )
    assert heard.frames == 3
    assert heard.reception.raw == nmea(RMC) + nmea(GGA) + gsa


def test_order_of_the_sentences_does_not_matter() -> None:
    assert fix_of(nmea(GGA) + nmea(RMC)) == fix_of(nmea(RMC) + nmea(GGA))


def test_new_time_of_day_begins_a_new_fix() -> None:
    later = nmea(RMC.replace("115958.25", "115959.25"))
    assert len(list(outcomes(nmea(RMC) + nmea(GGA) + later))) == 2


def test_same_time_of_day_on_another_date_is_another_fix() -> None:
    another = nmea(RMC.replace("010524", "300424"))
    days = [one.body for one in outcomes(nmea(RMC) + another) if isinstance(one, Heard)]
    assert len({fix.fixed_at_ms for fix in days if isinstance(fix, Fix)}) == 2


def test_epoch_is_given_after_an_idle_line_and_not_before() -> None:
    deframer, decoder = Deframer(), PortDecoder(Source("hut", "C-1"))
    for frame in deframer.feed(chunk(nmea(RMC), mono_ms=1_000)):
        assert list(decoder.decode(frame)) == []
    assert list(decoder.settle(stamp(mono_ms=1_299), is_last=False)) == []
    assert len(list(decoder.settle(stamp(mono_ms=1_300), is_last=False))) == 1


@pytest.mark.parametrize("year", ["99", "80", "96", "03", "40"])
def test_date_that_a_rolled_over_receiver_prints_is_not_believed(year: str) -> None:
    fix = fix_of(nmea(RMC.replace("010524", f"0105{year}")))
    assert fix.fixed_at_ms == RECEIVED_AT_MS
    assert fix.flags == ("time_from_gateway",)


def test_clock_that_is_not_synchronised_does_not_overrule_a_receiver() -> None:
    deframer, decoder = Deframer(), PortDecoder(Source("hut", "C-1"))
    data = nmea(RMC.replace("010524", "010626"))
    (frame,) = deframer.feed(chunk(data))
    unsynced = type(frame)(frame.kind, frame.data, 0, stamp(is_synced=False))
    assert list(decoder.decode(unsynced)) == []
    (heard,) = decoder.settle(stamp(), is_last=True)
    assert isinstance(heard, Heard)
    assert isinstance(heard.body, Fix)
    assert heard.body.fixed_at_ms == from_iso("2026-06-01T11:59:58.250Z")


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        (RMC.replace(",A,4244", ",V,4244"), "no_position"),
        (RMC.replace(",A,V", ",N,V"), "no_position"),
        (RMC.replace(",A,V", ",S,V"), "no_position"),
        (RMC.replace(",A,V", ",M,V"), "no_position"),
        (GGA.replace("W,1,09", "W,0,09"), "no_position"),
        (RMC.replace("4244.3872", "4261.3872"), "bad_position"),
        (RMC.replace("4244.3872", "9100.0000"), "bad_position"),
        (RMC.replace("4244.3872,N", "4244.3872,X"), "bad_position"),
        (RMC.replace("4244.3872", ""), "no_position"),
        ("GNRMC", "no_position"),
    ],
)
def test_unusable_sentence_is_refused_by_reason(sentence: str, reason: str) -> None:
    assert reason_of(nmea(sentence)) == reason


def test_sentence_without_checksum_is_refused() -> None:
    assert reason_of(b"$" + RMC.encode() + b"\r\n") == "no_checksum"
    assert reason_of(nmea(RMC).replace(b"4244", b"4245")) == "bad_checksum"


def test_void_navigation_status_of_a_good_fix_is_not_a_refusal() -> None:
    assert fix_of(nmea(RMC)).flags == ()


def test_dead_reckoning_is_kept_and_marked() -> None:
    assert fix_of(nmea(RMC.replace(",A,V", ",E,V"))).flags == ("dead_reckoning",)


def test_receiver_that_never_sends_a_date_gets_the_time_of_receipt() -> None:
    fix = fix_of(nmea(GGA))
    assert (fix.fixed_at_ms, fix.flags) == (RECEIVED_AT_MS, ("time_from_gateway",))


def test_position_whose_date_was_damaged_is_refused_rather_than_moved_in_time() -> None:
    later = GGA.replace("115958.25", "120958.25")
    *_, last = outcomes(nmea(RMC) + nmea(GGA) + nmea(later))
    assert isinstance(last, Refused)
    assert last.reason == "no_time"


def test_garmin_configuration_is_not_taken_for_a_position() -> None:
    (outcome,) = outcomes(nmea("PGRMC,A,218.8,100"))
    assert not isinstance(outcome, (Heard, Refused))


def test_nav_pvt_gives_a_fix_to_the_millisecond() -> None:
    fix = fix_of(nav_pvt(nano=-250_499_999))
    assert fix == Fix(
        device="C-1",
        fixed_at_ms=from_iso("2024-05-01T11:59:57.750Z"),
        lon_e7=-1_101_872_310,
        lat_e7=427_312_000,
        h_acc_mm=4_200,
        height_mm=1_900_000,
        speed_mm_s=1_250,
        heading_cdeg=9_012,
        satellites=9,
        format="ubx.nav_pvt",
    )


def test_leap_second_is_a_time() -> None:
    assert fix_of(nav_pvt(when=(2016, 12, 31, 23, 59, 60))).fixed_at_ms == from_iso("2017-01-01")


@pytest.mark.parametrize(
    "frame",
    [
        nav_pvt(flags=0),
        nav_pvt(fix_type=0),
        nav_pvt(fix_type=1),
        nav_pvt(fix_type=5),
        nav_pvt(flags3=1),
    ],
)
def test_failed_nav_pvt_is_refused_whatever_its_coordinates(frame: bytes) -> None:
    assert reason_of(frame) == "no_position"


@pytest.mark.parametrize(
    "frame", [nav_pvt(valid=1), nav_pvt(valid=2), nav_pvt(when=(2024, 2, 30, 0, 0, 0))]
)
def test_good_position_with_a_bad_time_is_kept_and_flagged(frame: bytes) -> None:
    fix = fix_of(frame)
    assert (fix.fixed_at_ms, fix.flags) == (RECEIVED_AT_MS, ("time_from_gateway",))


def test_nav_pvt_beyond_the_globe_is_refused() -> None:
    assert reason_of(nav_pvt(lat_e7=900_000_001)) == "bad_number"


def test_older_receiver_with_a_shorter_nav_pvt_is_read() -> None:
    assert fix_of(nav_pvt(size=84)).lat_e7 == 427_312_000


@pytest.mark.parametrize(
    ("line", "form"), [(reyax(COLLAR_EXAMPLE), "reyax"), (rak(COLLAR_EXAMPLE), "rak")]
)
def test_modem_tells_signal_and_carries_a_collar_frame(line: bytes, form: str) -> None:
    (heard,) = outcomes(line)
    assert isinstance(heard, Heard)
    assert heard.body.format == f"{form}.collar"
    assert heard.reception.rssi_dbm == (-97 if form == "reyax" else -60)
    assert heard.reception.snr_cdb == (600 if form == "reyax" else 1_100)


def test_two_line_event_of_an_old_firmware_is_read() -> None:
    lines = b"+EVT:RXP2P, RSSI -60, SNR 11\r\n+EVT:" + COLLAR_EXAMPLE.hex().encode() + b"\r\n"
    (heard,) = (one for one in outcomes(lines) if isinstance(one, Heard))
    assert heard.reception.rssi_dbm == -60


def test_modem_error_is_a_status_of_the_port() -> None:
    (heard,) = outcomes(b"+ERR=12\r\n")
    assert isinstance(heard, Heard)
    assert isinstance(heard.body, Status)
    assert (heard.body.device, heard.body.text) == ("C-1", "+ERR=12")


def test_odd_hexadecimal_is_refused() -> None:
    assert reason_of(b"+EVT:RXP2P:-60:11:ABC\r\n") == "bad_hex"


def test_rounding_takes_a_half_to_the_even_number() -> None:
    assert [divide(number, 10) for number in (-25, -15, 5, 15, 25, 26)] == [-2, -2, 0, 2, 2, 3]
    assert read_number("-12.345", times=100) == -1_234
    assert read_number("1e5") is None
