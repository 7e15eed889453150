"""The uplink against a real broker; the server's part is played by a second client."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import iotcore
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from ecoduct_edge.counters import Counters
from ecoduct_edge.settings import MqttSettings, Settings, UplinkSettings
from ecoduct_edge.spool import Spool
from ecoduct_edge.uplink import Uplink
from ecoduct_wire import topics
from ecoduct_wire.clock import SystemClock
from ecoduct_wire.envelope import CONTENT_TYPE, decode, decode_state, encode_receipt
from ecoduct_wire.messages import Batch, Fix, GatewayState, Gone, Receipt, Reception

pytestmark = pytest.mark.services

GATEWAY = "hut-1"
RULE = UplinkSettings(batch_messages=10, linger_ms=50, window_batches=3, resend_after_s=0.5)
CONFIGURATION = """
id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
"""


@dataclass
class Server:
    """What the server does on the wire, and what it saw."""

    port: int
    receipts: bool = True
    epoch: str | None = None  # to answer in another's name
    batches: list[Batch] = field(default_factory=list)
    properties: list[dict[str, str]] = field(default_factory=list)
    states: list[GatewayState] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)

    def on_message(self, client: Client, _data: object, message: MQTTMessage) -> None:
        if message.topic == topics.state(GATEWAY):
            self.states.append(decode_state(bytes(message.payload)))
            return
        batch = decode(bytes(message.payload))
        assert message.properties is not None
        found = message.properties.json()  # type: ignore[no-untyped-call]
        assert found["ContentType"] == CONTENT_TYPE
        self.batches.append(batch)
        self.properties.append(dict(found["UserProperty"]))
        self.numbers |= {one.number for one in batch.messages}
        if self.receipts:
            through = 0
            while through + 1 in self.numbers:
                through += 1
            payload = encode_receipt(Receipt(self.epoch or batch.epoch, through))
            client.publish(topics.receipt(GATEWAY), payload, qos=1, retain=True)

    @contextmanager
    def listening(self) -> Iterator[None]:
        client = Client(
            CallbackAPIVersion.VERSION2, client_id="server", protocol=MQTTProtocolVersion.MQTTv5
        )
        subscribed = threading.Semaphore(0)

        def subscribe(one: Client, *_: object) -> None:
            one.subscribe(topics.ALL_UP, qos=1)
            one.subscribe(topics.ALL_STATES, qos=1)

        client.on_connect = subscribe
        client.on_subscribe = lambda *_: subscribed.release()
        client.on_message = self.on_message
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        assert subscribed.acquire(timeout=10)
        assert subscribed.acquire(timeout=10)
        try:
            yield
        finally:
            client.disconnect()
            client.loop_stop()


@pytest.fixture
def port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


@pytest.fixture
def start_broker(port: int, tmp_path: Path) -> Callable[[], iotcore.Broker]:
    path = tmp_path / "broker.toml"
    path.write_text(CONFIGURATION.format(port=port))
    return lambda: iotcore.Broker(config_path=str(path))


@pytest.fixture
def broker(start_broker: Callable[[], iotcore.Broker]) -> Iterator[None]:
    with start_broker():
        yield


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with closing(Spool(tmp_path / "spool.sqlite")) as opened:
        yield opened


@contextmanager
def uplink(spool: Spool, port: int, counters: Counters | None = None) -> Iterator[None]:
    settings = Settings(
        gateway=GATEWAY, mqtt=MqttSettings(url=f"mqtt://127.0.0.1:{port}"), uplink=RULE
    )
    sender = Uplink(settings, spool=spool, counters=counters or Counters(), clock=SystemClock())
    stop = threading.Event()
    thread = threading.Thread(target=sender.run, args=(stop,), name="uplink")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def fill(spool: Spool, count: int) -> None:
    reception = Reception(received_at_ms=1, port="p", raw=b"raw")
    spool.append(
        [(Fix(device="d", fixed_at_ms=at, lon_e7=1, lat_e7=2), reception) for at in range(count)]
    )


def waits_for(claim: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if claim():
            return True
        time.sleep(0.02)  # another process answers; there is nothing to wait on
    return False


@pytest.mark.usefixtures("broker")
def test_everything_arrives_in_order_and_the_receipt_empties_the_spool(
    spool: Spool, port: int
) -> None:
    fill(spool, 95)
    server = Server(port)
    with server.listening(), uplink(spool, port):
        assert waits_for(lambda: spool.state().receipted == 95)
    assert spool.read_after(95, limit=100) == ()
    assert {message.body for message in spool.read_after(0, limit=100)} == {Gone("forgotten")}
    assert [batch.first for batch in server.batches] == list(range(1, 96, 10))
    assert server.properties[0] == {
        "gateway": GATEWAY,
        "epoch": spool.epoch,
        "first": "1",
        "last": "10",
    }


@pytest.mark.usefixtures("broker")
def test_server_that_lost_its_store_gets_the_rest_and_a_reason_for_the_gap(
    spool: Spool, port: int
) -> None:
    fill(spool, 95)
    with Server(port).listening(), uplink(spool, port):
        assert waits_for(lambda: spool.state().receipted == 95)
    fill(spool, 10)
    restored = Server(port)
    with restored.listening(), uplink(spool, port):
        assert waits_for(lambda: spool.state().receipted == 105)
    bodies = {one.number: one.body for batch in restored.batches for one in batch.messages}
    assert [bodies[number] for number in range(1, 96)] == [Gone("forgotten")] * 95
    assert all(isinstance(bodies[number], Fix) for number in range(96, 106))


@pytest.mark.usefixtures("broker")
def test_acknowledged_batch_without_receipt_is_kept_and_sent_again(spool: Spool, port: int) -> None:
    fill(spool, 95)
    counters = Counters()
    server = Server(port, receipts=False)
    with server.listening(), uplink(spool, port, counters):
        assert waits_for(lambda: counters.snapshot().get("uplink.batches.resent", 0) > 0)
        assert len(spool.read_after(0, limit=100)) == 95
        assert {batch.first for batch in server.batches} == {1, 11, 21}
        server.receipts = True
        assert waits_for(lambda: spool.state().receipted == 95)


@pytest.mark.usefixtures("broker")
def test_receipt_of_another_epoch_forgets_nothing(spool: Spool, port: int) -> None:
    fill(spool, 5)
    counters = Counters()
    server = Server(port, epoch="another")
    with server.listening(), uplink(spool, port, counters):
        assert waits_for(lambda: counters.snapshot().get("uplink.batches.resent", 0) > 0)
    assert spool.state().receipted == 0
    assert "uplink.receipts" not in counters.snapshot()


@pytest.mark.usefixtures("broker")
def test_gateway_says_when_it_comes_and_goes(spool: Spool, port: int) -> None:
    fill(spool, 5)
    server = Server(port)
    with server.listening():
        with uplink(spool, port):
            assert waits_for(lambda: spool.state().receipted == 5)
        assert waits_for(lambda: len(server.states) >= 2)
    assert [state.online for state in server.states] == [True, False]
    last = server.states[-1]
    assert (last.epoch, last.kept, last.receipted) == (spool.epoch, 5, 5)
    assert last.counters == {"uplink.batches.sent": 1, "uplink.receipts": 1}


@pytest.mark.usefixtures("broker")
def test_killed_gateway_is_reported_by_its_last_will(port: int, tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(
        f'gateway = "{GATEWAY}"\ndata_dir = "{tmp_path}"\nmqtt.url = "mqtt://127.0.0.1:{port}"\n'
    )
    server = Server(port)
    with server.listening():
        program = subprocess.Popen(
            [sys.executable, "-m", "ecoduct_edge.cli", "run", "--settings", str(path)],
            stderr=subprocess.DEVNULL,
        )
        assert waits_for(lambda: len(server.states) == 1)
        program.kill()
        program.wait()
        assert waits_for(lambda: len(server.states) == 2)
    assert [state.online for state in server.states] == [True, False]


def test_broker_that_stops_and_starts_again_loses_nothing(
    spool: Spool, port: int, start_broker: Callable[[], iotcore.Broker]
) -> None:
    server = Server(port)
    with start_broker(), server.listening(), uplink(spool, port):
        fill(spool, 25)
        assert waits_for(lambda: spool.state().receipted == 25)
    with uplink(spool, port):
        fill(spool, 25)
        with start_broker(), server.listening():
            assert waits_for(lambda: spool.state().receipted == 50)
        fill(spool, 25)
        with start_broker(), server.listening():
            assert waits_for(lambda: spool.state().receipted == 75)
    assert server.numbers == set(range(1, 76))
