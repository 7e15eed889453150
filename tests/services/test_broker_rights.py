"""The broker of production, with the files of deploy/: who may say and hear what."""

import hashlib
import os
import queue
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ecoduct_server.embedded.processes import answers, choose_port
from ecoduct_wire import topics
from services.stacks import NotProvisionedError, provisioned, skip_or_fail

pytestmark = pytest.mark.services

_DEPLOY = Path(__file__).parents[2] / "deploy"
_USERS = ("ecoduct-server", "hut-1", "hut-2")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    try:
        mosquitto = provisioned("mosquitto")
    except NotProvisionedError as missing:
        skip_or_fail(missing)
    folder, port = tmp_path_factory.mktemp("mosquitto"), choose_port(None)
    (folder / "config").mkdir()
    (folder / "config/mosquitto.acl").write_text((_DEPLOY / "mosquitto.acl").read_text())
    (folder / "passwords").write_text("".join(map(password_line, _USERS)))
    settings = (_DEPLOY / "mosquitto.conf").read_text().replace("/mosquitto/", f"{folder}/")
    settings = settings.replace("listener 1883", f"listener {port} 127.0.0.1")
    if os.geteuid() == 0:
        settings += "user root\n"  # pytest's folders are closed to whom it would become
    (folder / "config/mosquitto.conf").write_text(settings)
    with (folder / "log").open("w") as log:
        running = subprocess.Popen(
            [mosquitto, "-c", folder / "config/mosquitto.conf"], stdout=log, stderr=log
        )
    try:
        while not answers(port):
            assert running.poll() is None, (folder / "log").read_text()
            time.sleep(0.02)
        yield port
    finally:
        running.terminate()
        running.wait(10)


def password_line(user: str) -> str:
    salt = user.encode().ljust(12, b".")[:12]  # the length that mosquitto expects
    digest = hashlib.pbkdf2_hmac("sha512", f"{user}-secret".encode(), salt, 101)
    return f"{user}:$7$101${b64encode(salt).decode()}${b64encode(digest).decode()}\n"


class Person:
    """Somebody signed in at the broker."""

    def __init__(self, port: int, user: str, *, client_id: str = "") -> None:
        self.heard: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.left = Event()
        self._answers: queue.Queue[str] = queue.Queue()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5
        )
        if user:
            self.client.username_pw_set(user, f"{user}-secret")
        self.client.on_connect = lambda _c, _u, _f, code, _p: self._answers.put(str(code))
        self.client.on_disconnect = lambda *_: self.left.set()
        self.client.on_publish = lambda _c, _u, _m, code, _p: self._answers.put(str(code))
        self.client.on_subscribe = lambda *_: self._answers.put("subscribed")
        self.client.on_message = lambda _c, _u, said: self.heard.put(
            (said.topic, bytes(said.payload))
        )
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.welcome = self._answers.get(timeout=10)

    def says(self, topic: str, text: bytes = b"x") -> str:
        """Return the broker's answer to a publication."""
        self.client.publish(topic, text, qos=1)
        return self._answers.get(timeout=10)

    def listens(self, topic: str) -> None:
        self.client.subscribe(topic, qos=1)
        assert self._answers.get(timeout=10) == "subscribed"

    def goes(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def server(port: int) -> Iterator[Person]:
    person = Person(port, "ecoduct-server", client_id="ecoduct-server")
    yield person
    person.goes()


@pytest.fixture
def hut(port: int) -> Iterator[Person]:
    person = Person(port, "hut-1")
    yield person
    person.goes()


def test_batches_go_up_and_receipts_come_down(server: Person, hut: Person) -> None:
    server.listens(topics.ALL_UP)
    hut.listens(topics.receipt("hut-1"))
    assert hut.says(topics.up("hut-1"), b"batch") == "Success"
    assert server.heard.get(timeout=10) == (topics.up("hut-1"), b"batch")
    assert server.says(topics.receipt("hut-1"), b"41") == "Success"
    assert hut.heard.get(timeout=10) == (topics.receipt("hut-1"), b"41")


@pytest.mark.parametrize(
    "topic",
    [topics.receipt("hut-1"), topics.receipt("hut-2"), topics.up("hut-2"), topics.state("hut-2")],
)
def test_gateway_can_publish_no_receipt_and_nothing_in_anothers_name(
    server: Person, hut: Person, topic: str
) -> None:
    server.listens(topics.ALL_UP)
    server.listens(topics.ALL_STATES)
    assert hut.says(topic, b"forged") == "Not authorized"
    assert hut.says(topics.up("hut-1"), b"after") == "Success"
    assert server.heard.get(timeout=10) == (topics.up("hut-1"), b"after")


def test_gateway_hears_its_own_receipts_only(server: Person, hut: Person) -> None:
    for topic in ("#", "ecoduct/v1/receipt/+", topics.receipt("hut-2"), topics.ALL_UP):
        hut.listens(topic)
    assert server.says(topics.receipt("hut-2"), b"not yours") == "Success"
    assert server.says(topics.receipt("hut-1"), b"yours") == "Success"
    assert hut.heard.get(timeout=10) == (topics.receipt("hut-1"), b"yours")


def test_stranger_is_not_let_in(port: int) -> None:
    stranger = Person(port, "")
    assert stranger.welcome == "Not authorized"
    stranger.goes()


def test_gateway_with_the_servers_client_id_does_not_push_it_out(port: int, server: Person) -> None:
    impostor = Person(port, "hut-2", client_id="ecoduct-server")
    assert server.says(topics.receipt("hut-9")) in {"Success", "No matching subscribers"}
    assert not server.left.is_set()
    impostor.goes()
