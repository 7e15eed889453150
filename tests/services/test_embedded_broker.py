"""The embedded broker comes back, and the supervisor brings it back."""

import os
import queue
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, cast

import paho.mqtt.client as mqtt
import psycopg
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ecoduct_server.embedded import EmbeddedBroker, EmbeddedPostgres, keep_running
from services.stacks import Broker

pytestmark = pytest.mark.services

_START_AND_DIE = """
import os, signal, sys
from pathlib import Path
from ecoduct_server.embedded import EmbeddedBroker
broker = EmbeddedBroker(Path(sys.argv[1]))
broker.start()
print(broker.pid, broker.address, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@contextmanager
def client(address: str) -> Iterator[tuple[mqtt.Client, "queue.Queue[tuple[str, bytes]]"]]:
    received: queue.Queue[tuple[str, bytes]] = queue.Queue()
    connected = Event()
    one = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    one.on_connect = lambda *_: connected.set()
    one.on_message = lambda _c, _u, message: received.put((message.topic, bytes(message.payload)))
    one.connect("127.0.0.1", int(address.rsplit(":", 1)[1]))
    one.loop_start()
    try:
        assert connected.wait(10)
        yield one, received
    finally:
        one.disconnect()
        one.loop_stop()


def is_gone(pid: int) -> bool:
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True


def test_broker_speaks_mqtt_5_with_user_properties(broker: Broker) -> None:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.UserProperty = [("epoch", "6f0c2a9e")]
    got: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
    with client(broker.address) as (listener, _), client(broker.address) as (speaker, _):
        subscribed = Event()
        listener.on_subscribe = lambda *_: subscribed.set()
        listener.on_message = lambda _c, _u, message: got.put(message)
        listener.subscribe("ecoduct/v1/up/+", qos=1)
        assert subscribed.wait(10)
        speaker.publish("ecoduct/v1/up/hut-1", b"\x00\xff", qos=1, properties=properties)
        message = got.get(timeout=10)
    assert message.payload == b"\x00\xff"
    assert cast("Any", message.properties).UserProperty == [("epoch", "6f0c2a9e")]


def test_retained_receipt_reaches_a_gateway_that_comes_later(broker: Broker) -> None:
    with client(broker.address) as (server, _):
        server.publish("ecoduct/v1/receipt/later", b"41", qos=1, retain=True).wait_for_publish(10)
    with client(broker.address) as (gateway, received):
        gateway.subscribe("ecoduct/v1/receipt/later", qos=1)
        assert received.get(timeout=10) == ("ecoduct/v1/receipt/later", b"41")


def test_broker_listens_on_this_machine_only(broker: Broker) -> None:
    listening = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    ours = [line.split()[1] for line in listening.splitlines() if f":{broker.port:04X} " in line]
    assert {place.split(":")[0] for place in ours} == {"0100007F"}


def test_broker_dies_with_its_killed_owner_and_the_next_takes_its_port(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _START_AND_DIE, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid, address = done.stdout.split()
    deadline = time.monotonic() + 10
    while not is_gone(int(pid)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    heir = EmbeddedBroker(tmp_path)
    heir.start()
    assert heir.address == address
    heir.stop()


def test_second_user_neither_starts_nor_ends_the_broker(broker: Broker) -> None:
    second = EmbeddedBroker(broker.folder)
    second.start()
    assert second.pid == broker.pid
    second.stop()
    socket.create_connection(("127.0.0.1", broker.port), timeout=5).close()


def test_what_dies_is_brought_back_and_stays_dead_after_the_end(tmp_path: Path) -> None:
    postgres, broker = EmbeddedPostgres(tmp_path / "pg"), EmbeddedBroker(tmp_path / "broker")
    for service in (postgres, broker):
        service.start()
    stop = Event()
    watching = keep_running([postgres, broker], stop, period_s=0.05)
    killed = {postgres.pid, broker.pid}
    for pid in killed:
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while {postgres.pid, broker.pid} & {*killed, None}:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stop.set()
    watching.join(30)
    assert not watching.is_alive()
    with psycopg.connect(postgres.address) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    broker.stop()
    postgres.stop()
    assert postgres.pid is None
    assert broker.pid is None
