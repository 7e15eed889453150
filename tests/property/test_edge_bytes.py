from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ecoduct_edge.counters import Counters
from ecoduct_edge.decoders import Heard, PortDecoder, Refused, Source
from ecoduct_edge.framing import FORMATS, Chunk, Deframer, Frame
from ecoduct_edge.gateway import Lane, take
from ecoduct_edge.screen import ScreenRule
from ecoduct_wire.messages import Fix
from edge_frames import COLLAR_EXAMPLE, chunk, nav_pvt, nmea, rak, reyax, stamp

RMC = nmea("GNRMC,115958.25,A,4244.3872,N,11011.2386,W,1.0,90.5,010524,,,A,V")
GGA = nmea("GNGGA,115958.25,4244.3872,N,11011.2386,W,1,09,1.20,1900.5,M,,M,,")
FRAMES = [
    RMC,
    GGA,
    nmea("GPGSV,1,1,00"),
    nav_pvt(),
    nav_pvt(fix_type=0),
    reyax(COLLAR_EXAMPLE),
    reyax(b"\r\n,+RCV=7,3,"),
    rak(COLLAR_EXAMPLE),
    b"OK\r\n",
    b"+ERR=12\r\n",
    b";+EVT:TXP2P DONE\r\n",
]
OPENINGS = [
    b"$",
    b"$GPRMC,",
    b"\xb5",
    b"\xb5\x62",
    b"\xb5\x62\x01\x07\x5c\x00",
    b"+RCV=1,9,",
    b"+RCV=1",
    b"+EVT:RXP2P:-97:6:EC11",
    b";+EV",
    b"O",
    b"A",
    b";",
    b"+",
    b"\r",
]


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Good frames, torn frames, frames with a flipped bit, false openings and noise."""
    parts = []
    for _ in range(draw(st.integers(0, 8))):
        frame = draw(st.sampled_from(FRAMES))
        match draw(st.integers(0, 4)):
            case 0:
                frame = frame[: draw(st.integers(0, len(frame)))]
            case 1:
                place = draw(st.integers(0, len(frame) - 1))
                flipped = frame[place] ^ 1 << draw(st.integers(0, 7))
                frame = frame[:place] + bytes((flipped,)) + frame[place + 1 :]
            case 2:
                frame = draw(st.sampled_from(OPENINGS))
            case 3:
                frame = draw(st.binary(max_size=30))
        parts.append(frame)
    return b"".join(parts)


ANY_BYTES = st.binary(max_size=200) | streams()


def cut(data: bytes, places: list[int]) -> Iterator[Chunk]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    for start, end in pairwise(edges):
        yield chunk(data[start:end])
    yield chunk(is_last=True)


def deframed(chunks: Iterator[Chunk], form: str) -> tuple[list[Frame], Deframer]:
    deframer = Deframer(form)
    return [frame for one in chunks for frame in deframer.feed(one)], deframer


@given(ANY_BYTES, st.lists(st.integers(0, 10_000)), st.sampled_from(sorted(FORMATS)))
def test_any_cut_into_chunks_gives_the_same_frames(
    data: bytes, places: list[int], form: str
) -> None:
    whole, _ = deframed(cut(data, []), form)
    in_parts, _ = deframed(cut(data, places), form)
    assert in_parts == whole


@given(ANY_BYTES)
def test_one_byte_at_a_time_gives_the_same_frames(data: bytes) -> None:
    whole, _ = deframed(cut(data, []), "auto")
    in_parts, _ = deframed(cut(data, list(range(len(data)))), "auto")
    assert in_parts == whole


@given(ANY_BYTES, st.sampled_from(sorted(FORMATS)))
def test_every_byte_is_in_a_frame_or_counted_as_noise(data: bytes, form: str) -> None:
    found, deframer = deframed(cut(data, []), form)
    good = [frame for frame in found if not frame.fault]
    assert sum(len(frame.data) for frame in good) + deframer.noise == len(data)
    assert all(data[frame.at_byte :].startswith(frame.data) for frame in found)
    assert deframer.pending == 0


@given(st.lists(st.sampled_from(FRAMES)))
def test_good_frames_in_a_row_are_all_found_without_noise(frames: list[bytes]) -> None:
    found, deframer = deframed(cut(b"".join(frames), []), "auto")
    assert [frame.data for frame in found] == frames
    assert deframer.noise == 0


@given(ANY_BYTES, st.lists(st.integers(0, 10_000)))
def test_every_frame_is_kept_refused_or_silent(data: bytes, places: list[int]) -> None:
    counters = Counters()
    kept: list[Heard] = []
    decoder = PortDecoder(Source("p", "d"))
    lane = Lane("p", Deframer(), decoder, ScreenRule(earliest_ms=0), counters, kept.append)
    for one in cut(data, places):
        take(lane, one)
    counts = counters.snapshot()
    fates = sum(
        count
        for name, count in counts.items()
        if name.startswith(("p.frames.kept", "p.frames.refused", "p.frames.silent"))
    )
    assert fates == counts.get("p.frames.seen", 0)
    assert counts.get("p.bytes.read", 0) == len(data)
    assert bool(kept) == ("p.frames.kept" in counts)


@given(
    st.sampled_from(["nmea", "ubx", "reyax", "rak", "modem"]),
    st.binary(max_size=150)
    | st.text("$+RCVEVTP2XM:*,.0123456789ABCN -", max_size=80).map(str.encode),
)
def test_no_decoder_raises_on_the_text_it_may_be_given(kind: str, data: bytes) -> None:
    text = bytes(byte for byte in data if 0x20 <= byte <= 0x7E) or b"$"
    decoder = PortDecoder(Source("p", "d"))
    outcomes = [
        *decoder.decode(Frame(kind, data if kind == "ubx" else text, 0, stamp())),
        *decoder.settle(stamp(), is_last=True),
    ]
    assert not any(isinstance(one, Refused) and one.reason == "decoder_failed" for one in outcomes)


@given(
    st.integers(0, 89),
    st.integers(0, 59_999_999),
    st.booleans(),
)
def test_minutes_are_rounded_to_the_nearest_ten_millionth_degree(
    degrees: int,
    minutes_e6: int,
    north: bool,  # noqa: FBT001 - hypothesis gives it by place
) -> None:
    minutes = f"{minutes_e6 // 10**6:02d}.{minutes_e6 % 10**6:06d}"
    side = "N" if north else "S"
    body = f"GPRMC,115958,A,{degrees:02d}{minutes},{side},01000.0000,E,,,010524,,,A"
    decoder = PortDecoder(Source("p", "d"))
    list(decoder.decode(Frame("nmea", nmea(body), 0, stamp())))
    (heard,) = decoder.settle(stamp(), is_last=True)
    assert isinstance(heard, Heard)
    assert isinstance(heard.body, Fix)
    exact_e7_times_6 = degrees * 60_000_000 + minutes_e6
    got = heard.body.lat_e7 * (1 if north else -1)
    assert abs(got * 6 - exact_e7_times_6) <= 3
