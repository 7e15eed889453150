import os
import pty
import socket
import termios
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ecoduct_edge.counters import Counters
from ecoduct_edge.errors import PortError
from ecoduct_edge.framing import Chunk
from ecoduct_edge.ports import open_port, read_chunks
from ecoduct_edge.settings import PortSettings
from ecoduct_wire.clock import SystemClock

EVERY_BYTE = bytes(range(256))


class Receiver:
    """A pseudo-terminal behind a link, as a simulator or a by-id name gives it."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.plug_in()

    def plug_in(self) -> None:
        self._master, slave = pty.openpty()
        attributes = termios.tcgetattr(slave)
        attributes[0] = attributes[1] = attributes[3] = 0
        termios.tcsetattr(slave, termios.TCSANOW, attributes)
        fresh = self.link.with_name("fresh")
        fresh.symlink_to(os.ttyname(slave))
        fresh.replace(self.link)
        self._slave = slave

    def send(self, data: bytes) -> None:
        assert os.write(self._master, data) == len(data)

    def unplug(self) -> None:
        os.close(self._slave)
        os.close(self._master)


@pytest.fixture
def receiver(tmp_path: Path) -> Receiver:
    return Receiver(tmp_path / "collar")


@pytest.fixture
def stop() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def chunks(url: str, stop: threading.Event, counters: Counters | None = None) -> Iterator[Chunk]:
    port = PortSettings("p", url)
    return read_chunks(port, counters=counters or Counters(), clock=SystemClock(), stop=stop)


def data_of(found: Iterator[Chunk], size: int) -> bytes:
    data = b""
    for chunk in found:
        data += chunk.data
        if len(data) >= size:
            break
    return data


def test_bytes_that_waited_before_the_port_was_opened_are_read(
    receiver: Receiver, stop: threading.Event
) -> None:
    receiver.send(EVERY_BYTE)
    found = chunks(f"serial://{receiver.link}?baud=9600", stop)
    assert data_of(found, 256) == EVERY_BYTE
    receiver.unplug()


def test_silence_is_told(receiver: Receiver, stop: threading.Event) -> None:
    assert next(chunks(f"serial://{receiver.link}", stop)).data == b""
    receiver.unplug()


def test_receiver_that_is_plugged_in_again_is_found_behind_its_link(
    receiver: Receiver, stop: threading.Event
) -> None:
    counters = Counters()
    found = chunks(f"serial://{receiver.link}", stop, counters)
    receiver.send(b"before")
    assert data_of(found, 6) == b"before"
    receiver.unplug()
    assert next(chunk for chunk in found if chunk.is_last).data == b""
    receiver.plug_in()
    receiver.send(b"after")
    assert data_of(found, 5) == b"after"
    assert counters.snapshot() == {"p.lost": 1}
    receiver.unplug()


def test_link_that_moves_while_the_old_line_stays_open_is_followed(
    receiver: Receiver, stop: threading.Event
) -> None:
    found = chunks(f"serial://{receiver.link}", stop)
    receiver.send(b"old")
    assert data_of(found, 3) == b"old"
    receiver.plug_in()
    receiver.send(b"new")
    assert data_of(found, 3) == b"new"
    receiver.unplug()


def test_stop_ends_a_silent_port_with_a_last_chunk(
    receiver: Receiver, stop: threading.Event
) -> None:
    found = chunks(f"serial://{receiver.link}", stop)
    next(found)
    stop.set()
    assert [chunk.is_last for chunk in found][-1]
    receiver.unplug()


def test_stop_ends_the_wait_for_a_port_that_is_not_there(
    tmp_path: Path, stop: threading.Event
) -> None:
    stop.set()
    assert list(chunks(f"serial://{tmp_path}/nothing", stop)) == []


def test_file_is_read_to_its_end(tmp_path: Path, stop: threading.Event) -> None:
    capture = tmp_path / "a capture.bin"
    capture.write_bytes(EVERY_BYTE * 1_000)
    found = list(chunks(capture.as_uri(), stop))
    assert b"".join(chunk.data for chunk in found) == EVERY_BYTE * 1_000
    assert [chunk.is_last for chunk in found] == [False] * (len(found) - 1) + [True]


def test_tcp_server_is_read_and_found_again(stop: threading.Event) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        found = chunks(f"tcp://127.0.0.1:{server.getsockname()[1]}", stop)
        for word in (b"first", b"again"):
            accepted: list[socket.socket] = []
            thread = threading.Thread(target=lambda: accepted.append(server.accept()[0]))  # noqa: B023
            thread.start()
            begun = [next(found)]
            thread.join()
            accepted[0].sendall(word)
            accepted[0].close()
            assert begun[0].data + data_of(found, 5) == word
            assert next(chunk for chunk in found if chunk.is_last)


@pytest.mark.parametrize(
    "url", ["serial:///dev/nothing", "serial:///dev/null", "file:///nothing", "tcp://127.0.0.1:1"]
)
def test_port_that_cannot_be_opened_says_what_to_try(url: str) -> None:
    with pytest.raises(PortError) as error:
        open_port(url)
    assert error.value.remedy


def test_speed_that_serial_lines_do_not_have_is_refused() -> None:
    with pytest.raises(PortError, match="12345 baud"):
        open_port("serial:///dev/tty?baud=12345")
