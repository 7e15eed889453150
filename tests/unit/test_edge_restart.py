import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ecoduct_edge.checks import check
from ecoduct_edge.counters import Counters
from ecoduct_edge.decoders import Heard, PortDecoder, Source
from ecoduct_edge.framing import Deframer
from ecoduct_edge.gateway import MOST_HELD_BYTES, Lane, run, take
from ecoduct_edge.journal import Journal, folder_of
from ecoduct_edge.ports import read_chunks
from ecoduct_edge.screen import ScreenRule
from ecoduct_edge.settings import MqttSettings, PortSettings, Settings
from ecoduct_edge.spool import Spool
from ecoduct_wire.clock import SystemClock
from ecoduct_wire.messages import Message
from edge_frames import chunk, nav_pvt, nmea
from edge_lines import Line, ask, kept_count, wait_until

RMC = nmea("GPRMC,115958.00,A,4244.3872,N,11011.2386,W,1.0,90.5,010524,,,A")
GGA = nmea("GPGGA,115958.00,4244.3872,N,11011.2386,W,1,09,1.20,1900.5,M,,M,,")
MISSING = "serial:///dev/nothing"


@pytest.fixture
def line() -> Iterator[Line]:
    with closing(Line()) as opened:
        yield opened


def settings(folder: Path, url: str = MISSING) -> Settings:
    return Settings(
        gateway="hut-1",
        data_dir=str(folder),
        mqtt=MqttSettings(url="mqtt://127.0.0.1:1"),
        ports=(PortSettings("p", url),),
    )


@contextmanager
def running(chosen: Settings) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(
        target=run, args=(chosen,), kwargs={"clock": SystemClock(), "stop": stop}
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def kept(chosen: Settings) -> tuple[Message, ...]:
    with closing(Spool(chosen.spool_path)) as spool:
        return spool.read_after(0, limit=100)


def wait_until_kept(chosen: Settings, count: int) -> None:
    wait_until(lambda: kept_count(chosen.spool_path) >= count)


def left_from_a_kill(chosen: Settings, data: bytes, port: str = "p") -> None:
    out, into = os.pipe()
    os.write(into, data)
    with closing(Journal(folder_of(chosen.journal_path, port), resume_at=None)) as journal:
        journal.fill(lambda room: os.readv(out, [room]))
    os.close(out)
    os.close(into)


def test_frame_that_a_stop_cuts_in_two_is_whole_after_the_start(tmp_path: Path, line: Line) -> None:
    chosen = settings(tmp_path, line.url)
    with running(chosen):
        os.write(line.master, nav_pvt() + nav_pvt()[:40])
        wait_until_kept(chosen, 1)
    with running(chosen):
        os.write(line.master, nav_pvt()[40:])
        wait_until_kept(chosen, 2)
    assert [message.reception.raw for message in kept(chosen) if message.reception] == (
        [nav_pvt()] * 2
    )


def test_epoch_that_a_kill_cuts_in_two_becomes_one_fix(tmp_path: Path, line: Line) -> None:
    chosen = settings(tmp_path, line.url)
    left_from_a_kill(chosen, RMC + GGA[:30])
    os.write(line.master, GGA[30:])
    with running(chosen):
        wait_until_kept(chosen, 1)
    (message,) = kept(chosen)
    assert message.reception
    assert message.reception.raw == RMC + GGA


def test_what_was_read_is_decoded_though_its_port_is_gone(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    left_from_a_kill(chosen, RMC + GGA)
    with running(chosen):
        wait_until_kept(chosen, 1)
    with running(chosen):
        pass
    assert len(kept(chosen)) == 1


def test_damaged_spool_takes_the_journal_from_its_beginning(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    left_from_a_kill(chosen, nav_pvt())
    with running(chosen):
        wait_until_kept(chosen, 1)
    chosen.spool_path.write_bytes(b"damaged".ljust(8_192, b"x"))
    for suffix in ("-wal", "-shm"):
        chosen.spool_path.with_name(chosen.spool_path.name + suffix).unlink(missing_ok=True)
    with running(chosen):
        wait_until_kept(chosen, 1)
    assert len(kept(chosen)) == 1


def test_noise_moves_the_checkpoint_too(tmp_path: Path, line: Line) -> None:
    chosen = settings(tmp_path, line.url)
    with running(chosen):
        os.write(line.master, bytes(1_000))
        least = "SELECT min(at_byte) FROM checkpoint WHERE port = 'p'"
        assert wait_until(lambda: ask(chosen.spool_path, least) == 1_000)


def test_epoch_does_not_wait_for_a_silence_that_never_comes() -> None:
    found: list[Heard] = []
    decoder = PortDecoder(Source("p", "d"))
    lane = Lane("p", Deframer(), decoder, ScreenRule(earliest_ms=0), Counters(), found.append)
    take(lane, chunk(RMC))
    while not found and lane.deframer.held_at < 2 * MOST_HELD_BYTES:
        assert min(lane.dealt_with().values()) == 0
        take(lane, chunk(bytes(10_000)))
    assert [heard.reception.raw for heard in found] == [RMC]
    assert set(lane.dealt_with().values()) == {lane.deframer.held_at}


def test_port_waits_while_its_journal_has_no_room(tmp_path: Path, line: Line) -> None:
    folder, stop, counters = tmp_path / "p", threading.Event(), Counters()
    with closing(Journal(folder, resume_at=None)) as journal:
        folder.rmdir()
        os.write(line.master, b"bytes")
        threading.Timer(0.5, folder.mkdir).start()
        chunks = read_chunks(
            PortSettings("p", line.url),
            counters=counters,
            clock=SystemClock(),
            stop=stop,
            intake=journal,
        )
        assert next(chunks).data == b"bytes"
        stop.set()
        assert list(chunks) == []
    assert counters.snapshot() == {"p.journal.refusals": 1}


def test_check_names_a_journal_whose_port_is_gone(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    left_from_a_kill(chosen, b"12345", port="old/lora")
    found = {one.what: one for one in check(chosen, clock=SystemClock())}
    assert "journal p" not in found
    assert not found["journal old/lora"].is_good
    assert found["journal old/lora"].detail.startswith("5 bytes wait")
    assert str(folder_of(chosen.journal_path, "old/lora")) in found["journal old/lora"].remedy
