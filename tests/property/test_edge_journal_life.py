import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ecoduct_edge.counters import Counters
from ecoduct_edge.decoders import RMC_SEEN, Heard, PortDecoder, Source
from ecoduct_edge.framing import Chunk, Deframer
from ecoduct_edge.gateway import Lane, take
from ecoduct_edge.journal import Journal
from ecoduct_edge.screen import ScreenRule
from ecoduct_edge.spool import Checkpoint
from edge_frames import COLLAR_EXAMPLE, collar, nav_pvt, nmea, rak, record, reyax, stamp

LIVES = st.lists(
    st.tuples(
        st.lists(st.binary(max_size=40) | st.integers(0, 400_000).map(bytes), max_size=4),
        st.floats(0, 1),
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(LIVES)
def test_every_life_is_given_exactly_what_is_not_dealt_with(
    lives: list[tuple[list[bytes], float]],
) -> None:
    sent, dealt_with = b"", 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (reads, part) in enumerate(lives):
            journal = Journal(Path(folder), resume_at=dealt_with if number else None)
            for read in reads:
                sent += read
                source = io.BytesIO(read)
                while journal.fill(source.readinto):
                    pass
            found = b"".join(data for _, data in journal.fresh())
            assert found == sent[dealt_with:]
            journal.close()  # a kill does no more: the files stay as they are
            dealt_with += int(len(found) * part)


# One port that hears everything: sentences of one epoch with other frames between them.
EPOCH = [
    nmea("GNRMC,115958.25,A,4244.3872,N,11011.2386,W,1.0,90.5,010524,,,A,V"),
    nmea("GNGGA,115958.25,4244.3872,N,11011.2386,W,1,09,1.20,1900.5,M,,M,,"),
    nmea("GNRMC,115959.25,A,4244.3872,N,11011.2386,W,1.0,90.5,010524,,,A,V"),
    nmea("GNGGA,115959.25,4244.3872,N,11011.2386,W,1,09,1.20,1900.5,M,,M,,"),
]
OTHERS = [
    rak(COLLAR_EXAMPLE),
    nav_pvt(),
    reyax(collar(1, bytes.fromhex("1A0E6608") + record())),
    b"+EVT:RXP2P, RSSI -97, SNR 6\r\n",
    b"+EVT:" + COLLAR_EXAMPLE.hex().upper().encode() + b"\r\n",
    b"+ERR=12\r\n",
    b"+EVT:RXP2P:-9",
    b"noise",
]
TRAFFIC = st.lists(st.sampled_from(EPOCH + OTHERS), max_size=10).map(b"".join)


CUTS = st.lists(
    st.tuples(st.integers(0, 10_000), st.sampled_from(["goes on", "commits", "is killed"])),
    max_size=12,
).map(sorted)


@settings(max_examples=400, deadline=None)
@given(TRAFFIC, CUTS)
def test_kill_at_any_moment_gives_every_message_once(
    data: bytes, cuts: list[tuple[int, str]]
) -> None:
    committed: list[Heard] = []
    waiting: list[Heard] = []
    done: Checkpoint = {}
    lane, at = _lane(waiting, done), 0
    for place, event in sorted((place % (len(data) + 1), event) for place, event in cuts):
        take(lane, Chunk(data[at:place], stamp(), at_byte=at))
        at = place
        if event == "commits":
            committed += waiting
            done = lane.dealt_with()
            waiting.clear()
        elif event == "is killed":
            waiting.clear()
            lane, at = _lane(waiting, done), min(done.values(), default=0)
    take(lane, Chunk(data[at:], stamp(), at_byte=at))
    take(lane, Chunk(b"", stamp(), is_last=True))
    whole: list[Heard] = []
    take(_lane(whole, {}), Chunk(data, stamp(), is_last=True))
    assert sorted(map(repr, committed + waiting)) == sorted(map(repr, whole))


def _lane(kept: list[Heard], done: Checkpoint) -> Lane:
    decoder = PortDecoder(Source("p", "d", sends_rmc=RMC_SEEN in done))
    return Lane("p", Deframer(), decoder, ScreenRule(earliest_ms=0), Counters(), kept.append, done)
