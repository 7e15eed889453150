"""The server's end of the broker: gathers publications into deliveries, sends receipts."""

import logging
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from ecoduct_server.errors import BadRequest
from ecoduct_server.ingest.pipeline import Delivery
from ecoduct_wire import envelope, topics
from ecoduct_wire.errors import WireError
from ecoduct_wire.messages import GatewayState

log = logging.getLogger("ecoduct.subscriber")

MAX_DELIVERIES: Final = 32  # 32 batches of a gateway's usual 200 messages
MAX_WAIT_S: Final = 0.1
_HELD: Final = 256  # deliveries held in memory while the database is slow; gateways keep the rest


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is: ``mqtt://[user:password@]host[:port]`` or ``mqtts://…``."""

    host: str
    port: int
    username: str | None
    password: str | None
    tls: bool

    @classmethod
    def parse(cls, text: str) -> "BrokerAddress":
        """Read an address; raises `BadRequest`."""
        parts = urlsplit(text)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise BadRequest(
                f"{text!r} is not the address of a broker.",
                where="setting `broker`",
                remedy="Write mqtt://host:1883, or mqtts://user:password@host:8883.",
            )
        tls = parts.scheme == "mqtts"
        port = parts.port or (8883 if tls else 1883)
        return cls(parts.hostname, port, parts.username, parts.password, tls)


class Subscriber:
    """A connection to the broker that comes back by itself.

    Nothing is owed to the broker: what it loses, or what is shed here because the database is
    slow, the gateway sends again, for it has no receipt.
    """

    def __init__(self, address: str, *, client_id: str) -> None:
        self._address = BrokerAddress.parse(address)
        self._held: queue.Queue[Delivery | GatewayState] = queue.Queue(_HELD)
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5
        )
        self.shed = 0
        self.refused_states = 0
        self.connected = threading.Event()

    def start(self) -> None:
        """Begin to connect, in a thread of its own."""
        client, address = self._client, self._address
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.username_pw_set(address.username, address.password)
        if address.tls:
            client.tls_set()
        client.reconnect_delay_set(min_delay=1, max_delay=5)
        client.connect_async(address.host, address.port, keepalive=15)
        client.loop_start()

    def stop(self) -> None:
        """Leave the broker."""
        self.connected.clear()  # so that leaving is not taken for a loss
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send with quality of service 1; while the broker is away it is dropped.

        A receipt that is lost is sent again when the gateway sends its batch again.
        """
        if self.connected.is_set():
            self._client.publish(topic, payload, qos=1, retain=retain)

    def batches(self, stop: threading.Event) -> Iterator[list[Delivery | GatewayState]]:
        """What has come, in groups as large as are ready within a tenth of a second."""
        while not stop.is_set():
            try:
                group = [self._held.get(timeout=0.5)]
            except queue.Empty:
                continue
            end = time.monotonic() + MAX_WAIT_S
            while len(group) < MAX_DELIVERIES and (left := end - time.monotonic()) > 0:
                try:
                    group.append(self._held.get(timeout=left))
                except queue.Empty:
                    break
            yield group

    def _on_connect(self, client: mqtt.Client, *_given: Any) -> None:
        client.subscribe([(topics.ALL_UP, 1), (topics.ALL_STATES, 1)])
        self.connected.set()
        log.info("broker.connected host=%s port=%s", self._address.host, self._address.port)

    def _on_disconnect(self, *_given: Any) -> None:
        if self.connected.is_set():
            log.warning("broker.lost host=%s port=%s", self._address.host, self._address.port)
        self.connected.clear()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            if mqtt.topic_matches_sub(topics.ALL_STATES, message.topic):
                self._held.put_nowait(_state_of(message))
            else:
                self._held.put_nowait(
                    Delivery(message.topic, bytes(message.payload), _numbers_of(message))
                )
        except WireError as error:
            self.refused_states += 1
            log.warning("state.refused topic=%s reason=%s", message.topic, error.reason)
        except queue.Full:
            self.shed += 1


def _state_of(message: mqtt.MQTTMessage) -> GatewayState:
    state = envelope.decode_state(bytes(message.payload))
    if topics.gateway_of(message.topic) != state.gateway:
        raise WireError(
            f"A state of {state.gateway!r} came on {message.topic!r}.",
            where="state",
            remedy="A gateway publishes on its own topic only.",
            reason="not_its_gateway",
        )
    return state


def _numbers_of(message: mqtt.MQTTMessage) -> tuple[str, str, int, int] | None:
    """Numbers in the user properties, if they are whole and belong to the topic's gateway."""
    pairs = dict(getattr(message.properties, "UserProperty", []))
    try:
        first, last = int(pairs["first"]), int(pairs["last"])
        gateway, epoch = pairs["gateway"], pairs["epoch"]
        own = gateway == topics.gateway_of(message.topic)
    except (KeyError, ValueError, WireError):
        return None
    # A batch never holds more: larger claims must not swallow numbers that were never sent.
    plausible = 1 <= first <= last < first + 100_000 and last < 2**62
    return (gateway, epoch, first, last) if own and plausible and epoch.isprintable() else None
