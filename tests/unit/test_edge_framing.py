import pytest

from ecoduct_edge.framing import STALLED_NS, Deframer, Frame
from edge_frames import COLLAR_EXAMPLE, chunk, nav_pvt, nmea, rak, reyax, ubx


def frames(data: bytes, form: str = "auto") -> tuple[list[Frame], Deframer]:
    deframer = Deframer(form)
    return list(deframer.feed(chunk(data, is_last=True))), deframer


def test_sentence_and_ubx_frame_share_a_port() -> None:
    sentence, pvt = nmea("GPGGA,1"), nav_pvt()
    found, deframer = frames(sentence + pvt + sentence)
    assert [(frame.kind, frame.data) for frame in found] == [
        ("nmea", sentence),
        ("ubx", pvt),
        ("nmea", sentence),
    ]
    assert [frame.at_byte for frame in found] == [0, len(sentence), len(sentence) + len(pvt)]
    assert deframer.noise == 0


def test_frame_behind_a_false_opening_is_found() -> None:
    found, deframer = frames(b"\x00\xb5\x62" + nav_pvt())
    assert [frame.fault for frame in found] == [""]
    assert deframer.noise == 3


def test_frame_inside_a_damaged_one_is_found() -> None:
    torn = nav_pvt()[:50]
    found, deframer = frames(torn + nav_pvt() + b"\x00" * 50)
    assert [(frame.fault, frame.data == nav_pvt()) for frame in found] == [
        ("bad_checksum", False),
        ("", True),
    ]
    assert deframer.noise == 100


def test_absurd_length_does_not_hold_up_the_line() -> None:
    deframer = Deframer("ubx")
    found = list(deframer.feed(chunk(b"\xb5\x62\x01\x07\xff\xff" + nav_pvt())))
    assert [frame.fault for frame in found] == ["too_long", ""]


def test_spliced_sentence_is_torn_and_the_next_one_whole() -> None:
    found, deframer = frames(b"$GPRMC,0834" + nmea("GPGGA,2"))
    assert [(frame.kind, frame.fault) for frame in found] == [("nmea", "torn"), ("nmea", "")]
    assert deframer.noise == 11


@pytest.mark.parametrize(
    ("torn", "whole"),
    [
        (b"+EVT:RXP2P:-97:6:EC11", rak(COLLAR_EXAMPLE)),
        (b";+EVT:RXP2P:-97:6:EC11", b";" + rak(COLLAR_EXAMPLE)),
        (b"+EVT:", rak(COLLAR_EXAMPLE)),
        (b"+EV", rak(COLLAR_EXAMPLE)),
        (b"+EVT:RXP2P:-97", reyax(COLLAR_EXAMPLE)),
        (b"+EVT:RXP2P:-97:6:EC1", nav_pvt()),
        (b"+RCV=17,3", reyax(COLLAR_EXAMPLE)),
        (b"+RCV=", reyax(COLLAR_EXAMPLE)),
        (b"+RCV=17,31,\xec\x11\x02", reyax(COLLAR_EXAMPLE)),
        (b"+RCV=17,31,\xec\x11\x02", rak(COLLAR_EXAMPLE) * 2),
        (b"+ERR=1", rak(COLLAR_EXAMPLE)),
        (b"$GP", nmea("GPRMC,2")),
        (b"$GPRMC,0834", nmea("GPRMC,2")),
    ],
)
def test_torn_line_is_refused_once_and_the_next_found(torn: bytes, whole: bytes) -> None:
    found, deframer = frames(torn + whole)
    assert [bool(frame.fault) for frame in found] == [True] + [False] * (len(found) - 1)
    assert b"".join(frame.data for frame in found[1:]) == whole
    assert deframer.noise == len(torn)


def test_payload_with_line_ends_commas_and_dollars_is_read_by_length() -> None:
    line = reyax(b"\r\n,$,-1,2\r\n+RCV=")
    found, deframer = frames(line * 2)
    assert [frame.data for frame in found] == [line, line]
    assert deframer.noise == 0


def test_packet_with_a_wrong_length_is_refused_and_the_next_found() -> None:
    found, _ = frames(b"+RCV=7,3,HELLO,-1,2\r\n" + reyax(b"x"))
    assert [frame.fault for frame in found] == ["bad_length", ""]


def test_packet_cut_by_an_unplug_is_truncated() -> None:
    found, _ = frames(b"+RCV=50,24,partial")
    assert [(frame.kind, frame.fault) for frame in found] == [("reyax", "truncated")]


def test_modem_reply_and_event_in_one_read_are_two_frames() -> None:
    found, deframer = frames(b"OK\r\n;" + rak(b"\xaa"))
    assert [frame.kind for frame in found] == ["modem", "rak"]
    assert deframer.noise == 0


def test_port_of_one_format_takes_the_others_for_noise() -> None:
    found, deframer = frames(nmea("GPGGA,1") + nav_pvt(), "ubx")
    assert [frame.kind for frame in found] == ["ubx"]
    assert deframer.noise == len(nmea("GPGGA,1"))


def test_bytes_that_wait_are_bounded() -> None:
    deframer = Deframer()
    for _ in range(50):
        list(deframer.feed(chunk(b"$" + b"A" * 999 + b"\xb5\x62\x01\x07\x00\x08")))
        assert deframer.pending < 4096


def test_long_silence_ends_the_wait_for_the_rest_of_a_frame() -> None:
    deframer = Deframer()
    header = ubx(b"\x01\x07", b"\0" * 92)[:60]
    assert list(deframer.feed(chunk(header, mono_ms=1))) == []
    assert list(deframer.feed(chunk(mono_ms=STALLED_NS // 1_000_000))) == []
    found = list(deframer.feed(chunk(mono_ms=STALLED_NS // 1_000_000 + 2)))
    assert [frame.fault for frame in found] == ["truncated"]
    assert (deframer.pending, deframer.noise) == (0, 60)
