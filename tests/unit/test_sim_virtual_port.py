import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecoduct_sim.virtual_port import VirtualPort, pump
from sim_reader import PortReader


@pytest.fixture
def port(tmp_path: Path) -> Iterator[VirtualPort]:
    made = VirtualPort(tmp_path / "lora-1")
    yield made
    made.close()


def pump_until_drained(port: VirtualPort, *, within_s: float = 20.0) -> None:
    end_s = time.monotonic() + within_s
    while not port.is_drained():
        assert time.monotonic() < end_s, "nobody read it all"
        pump([port], until=time.time() + 0.01)


def every_byte(count: int) -> bytes:
    return random.Random(7).randbytes(count)


def test_a_slow_reader_gets_every_byte_unchanged(port: VirtualPort) -> None:
    sent = every_byte(120_000)
    with PortReader(port.link, pause_s=0.004, chunk=1_000) as reader:
        port.write(sent)
        pump_until_drained(port)
        assert reader.wait_for(len(sent)) == sent


def test_nothing_is_written_until_somebody_reads(port: VirtualPort) -> None:
    port.write(b"first words")
    pump([port], until=time.time() + 0.1)
    assert port.waiting_bytes == 11
    assert not port.is_drained()
    with PortReader(port.link) as reader:
        pump_until_drained(port)
        assert reader.wait_for(11) == b"first words"


def test_what_a_reader_left_unread_goes_to_the_next_one(port: VirtualPort) -> None:
    sent = every_byte(50_000)
    port.write(sent)
    first = os.open(port.link, os.O_RDWR | os.O_NOCTTY)
    try:
        pump([port], until=time.time() + 0.5)
        begun = os.read(first, 1_000)
    finally:
        os.close(first)
    pump([port], until=time.time() + 0.2)
    assert not port.has_reader
    with PortReader(port.link) as reader:
        pump_until_drained(port)
        assert begun + reader.wait_for(len(sent) - len(begun)) == sent


def test_an_unplugged_port_comes_back_under_its_name(port: VirtualPort) -> None:
    with PortReader(port.link) as reader:
        port.write(b"before ")
        pump_until_drained(port)
        first_terminal = port.link.resolve()
        port.unplug()
        port.write(b"after")
        pump_until_drained(port)
        assert reader.wait_for(12) == b"before after"
        assert reader.opened == 2
    assert port.unplugged == 1
    assert port.link.is_symlink()
    assert first_terminal.parent == port.link.resolve().parent


def test_what_the_reader_says_does_not_stop_the_port(port: VirtualPort) -> None:
    talker = os.open(port.link, os.O_RDWR | os.O_NOCTTY)
    try:
        for _ in range(50):
            os.write(talker, b"AT+PRECV=65534\r\n" * 20)
            pump([port], until=time.time())
        port.write(b"+OK")
        pump([port], until=time.time() + 0.3)
        assert os.read(talker, 100) == b"+OK"
    finally:
        os.close(talker)


def test_a_closed_port_leaves_no_link(port: VirtualPort) -> None:
    port.close()
    assert not port.link.is_symlink()
