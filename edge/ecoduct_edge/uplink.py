"""Spool to server over MQTT 5.

A publication that the broker has acknowledged proves nothing; only the server's receipt lets the
spool forget. One thread does it all, each connection with a fresh client, so that no library
queue holds what only the spool should hold.
"""

import logging
import random
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ecoduct_edge.counters import Counters
from ecoduct_edge.errors import UplinkError
from ecoduct_edge.logs import event
from ecoduct_edge.settings import MqttSettings, Settings, UplinkSettings
from ecoduct_edge.spool import Spool
from ecoduct_wire import __version__, topics
from ecoduct_wire.clock import Clock
from ecoduct_wire.envelope import CONTENT_TYPE, decode_receipt, encode, encode_state
from ecoduct_wire.errors import WireError
from ecoduct_wire.messages import Batch, GatewayState

STATE_EVERY_S: Final = 60.0
_TURN_S: Final = 0.1  # longest wait in one turn of the loop; new messages are seen this soon
_CONNECT_S: Final = 5.0
_FAREWELL_S: Final = 2.0
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 60.0
_SECOND_NS: Final = 1_000_000_000

_log = logging.getLogger(__name__)


class Window:
    """Which batch to send next: bounded ahead of the last receipt, and back to it when stuck.

    Times are monotonic nanoseconds.
    """

    def __init__(self, rule: UplinkSettings) -> None:
        self._rule = rule
        self.restart(receipted=0, now_ns=0)

    def restart(self, *, receipted: int, now_ns: int) -> None:
        """Begin after the last receipt; nothing is on its way."""
        self._sent = self._receipted = receipted
        self._on_way: deque[int] = deque()  # last number of each batch without receipt
        self._progress_ns = now_ns
        self._fruitless = 0
        self._short_since_ns: int | None = None
        self._answered: int | None = None  # the last receipt heard since

    def next_after(self, *, kept: int, now_ns: int) -> int | None:
        """Number after which a batch is due, or None."""
        # While the server is silent, one batch at a time is probe enough for a thin link.
        if len(self._on_way) >= (1 if self._fruitless else self._rule.window_batches):
            return None
        waiting = kept - self._sent
        if waiting < self._rule.batch_messages:
            if waiting <= 0:
                self._short_since_ns = None
                return None
            if self._short_since_ns is None:
                self._short_since_ns = now_ns
            if now_ns - self._short_since_ns < self._rule.linger_ms * 1_000_000:
                return None
        self._short_since_ns = None
        return self._sent

    def note_sent(self, last: int, *, now_ns: int) -> None:
        """Take note of a batch that has been given to the broker."""
        if not self._on_way:
            self._progress_ns = now_ns
        self._on_way.append(last)
        self._sent = last

    def note_receipt(self, through: int, *, now_ns: int) -> None:
        """Take note of the server's receipt."""
        self._answered = through
        if through <= self._receipted:
            return
        self._receipted = through
        self._sent = max(self._sent, through)
        self._progress_ns = now_ns
        self._fruitless = 0
        while self._on_way and self._on_way[0] <= through:
            self._on_way.popleft()

    def go_back_if_stuck(self, *, now_ns: int) -> bool:
        """Without progress for a while, begin again after the receipt; longer each time.

        A server that answers again and again with an older receipt than we have was set back to
        an older state: then we begin where it stands, with tombstones for what we forgot.
        """
        wait_s = min(self._rule.resend_after_s * 2**self._fruitless, _LONGEST_WAIT_S)
        if not self._on_way or now_ns - self._progress_ns < wait_s * _SECOND_NS:
            return False
        fruitless = min(self._fruitless + 1, 10)
        # Not at the first time: what was heard then may be a retained receipt of long ago.
        answered = self._answered if self._fruitless and self._answered is not None else None
        begin = self._receipted if answered is None else min(self._receipted, answered)
        self.restart(receipted=begin, now_ns=now_ns)
        self._fruitless = fruitless
        return True


class Uplink:
    """Sends what the spool keeps, for as long as it takes."""

    def __init__(
        self, settings: Settings, *, spool: Spool, counters: Counters, clock: Clock
    ) -> None:
        self._settings = settings
        self._spool = spool
        self._counters = counters
        self._clock = clock
        self._window = Window(settings.uplink)
        self._highest_sent = 0
        self._wait_s = _FIRST_WAIT_S

    def run(self, stop: threading.Event) -> None:
        """Connect, drain, connect again, until ``stop`` is set."""
        while not stop.is_set():
            try:
                self._serve_one_connection(stop)
            except UplinkError as error:
                _log.warning(event("uplink.lost", why=error.what, next_try_s=round(self._wait_s)))
            # A supervisor: capture must go on whatever happens on the way to the server.
            except Exception:  # noqa: BLE001 - see above
                _log.exception(event("uplink.failed"))
            # Gateways of one broker must not all return in the same second.
            stop.wait(self._wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - not a secret
            self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)

    def _serve_one_connection(self, stop: threading.Event) -> None:
        client = make_client(self._settings.mqtt, name=f"ecoduct-edge-{self._settings.gateway}")
        client.on_message = self._on_message
        client.will_set(
            topics.state(self._settings.gateway), self._state(online=False), qos=1, retain=True
        )
        connect(client, self._settings.mqtt, stop=stop)
        if stop.is_set():
            return
        _log.info(event("uplink.connected", broker=self._settings.mqtt.url))
        client.subscribe(topics.receipt(self._settings.gateway), qos=1)
        self._window.restart(
            receipted=self._spool.state().receipted, now_ns=self._clock.monotonic_ns()
        )
        state_due_at = 0.0
        while not stop.is_set():
            if time.monotonic() >= state_due_at:
                self._publish_state(client, online=True)
                state_due_at = time.monotonic() + STATE_EVERY_S
            self._drain(client)
            turn(client)
            self._wait_s = _FIRST_WAIT_S
        self._say_farewell(client)

    def _drain(self, client: Client) -> None:
        """Send every batch that is due."""
        now_ns = self._clock.monotonic_ns()
        if self._window.go_back_if_stuck(now_ns=now_ns):
            _log.info(event("uplink.resends", reason="no receipt"))
        kept = self._spool.state().kept
        while (after := self._window.next_after(kept=kept, now_ns=now_ns)) is not None:
            messages = self._spool.read_after(after, limit=self._settings.uplink.batch_messages)
            if not messages:
                return
            batch = Batch(self._settings.gateway, self._spool.epoch, messages)
            self._publish(client, topics.up(batch.gateway), encode(batch), _properties(batch))
            is_again = batch.first <= self._highest_sent
            self._counters.add("uplink.batches.resent" if is_again else "uplink.batches.sent")
            self._highest_sent = max(self._highest_sent, batch.last)
            self._window.note_sent(batch.last, now_ns=now_ns)

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        del client, userdata
        try:
            receipt = decode_receipt(bytes(message.payload))
        except WireError as error:
            _log.warning(event("uplink.receipt_unreadable", reason=error.reason))
            return
        if not self._spool.settle_through(receipt):
            _log.info(
                event("uplink.receipt_not_ours", epoch=receipt.epoch, through=receipt.through)
            )
            return
        self._counters.add("uplink.receipts")
        self._window.note_receipt(receipt.through, now_ns=self._clock.monotonic_ns())

    def _publish_state(self, client: Client, *, online: bool) -> None:
        topic = topics.state(self._settings.gateway)
        self._publish(client, topic, self._state(online=online), retain=True)

    def _publish(
        self,
        client: Client,
        topic: str,
        payload: bytes,
        properties: Properties | None = None,
        *,
        retain: bool = False,
    ) -> None:
        sent = client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise _unreachable(self._settings.mqtt, sent.rc.name)

    def _state(self, *, online: bool) -> bytes:
        spool = self._spool.state()
        return encode_state(
            GatewayState(
                gateway=self._settings.gateway,
                online=online,
                said_at_ms=self._clock.now_ms(),
                epoch=spool.epoch,
                kept=spool.kept,
                receipted=spool.receipted,
                counters=self._counters.snapshot(),
                version=__version__,
            )
        )

    def _say_farewell(self, client: Client) -> None:
        self._publish_state(client, online=False)
        until = time.monotonic() + _FAREWELL_S
        while time.monotonic() < until and client.want_write():
            turn(client)
        client.disconnect()


def make_client(mqtt: MqttSettings, *, name: str) -> Client:
    """Build a client with the entry rights of the settings, not yet connected."""
    client = Client(
        CallbackAPIVersion.VERSION2, client_id=name, protocol=MQTTProtocolVersion.MQTTv5
    )
    client.connect_timeout = _CONNECT_S
    client.on_publish = _on_publish
    try:
        if mqtt.username:
            password = Path(mqtt.password_file).read_text().strip() if mqtt.password_file else None
            client.username_pw_set(mqtt.username, password)
        if urlsplit(mqtt.url).scheme == "mqtts":
            client.tls_set(ca_certs=mqtt.ca_file or None)
    except (OSError, ValueError) as error:
        raise _unreachable(mqtt, str(error)) from error
    return client


def connect(client: Client, mqtt: MqttSettings, *, stop: threading.Event) -> None:
    """Connect and wait for the broker's word, unless ``stop`` is set before.

    Raises
    ------
    UplinkError
        The broker cannot be reached, or refuses.
    """
    answers: list[ReasonCode] = []

    def note(_client: Client, _data: Any, _flags: Any, code: ReasonCode, _more: Any) -> None:
        answers.append(code)

    client.on_connect = note
    parts = urlsplit(mqtt.url)
    port = parts.port or (8883 if parts.scheme == "mqtts" else 1883)
    try:
        client.connect(parts.hostname or "", port, keepalive=mqtt.keepalive_s)
    except (OSError, ValueError) as error:
        raise _unreachable(mqtt, str(error)) from error
    until = time.monotonic() + _CONNECT_S
    while not answers and not stop.is_set():
        if time.monotonic() > until:
            raise _unreachable(mqtt, "no answer to CONNECT")
        turn(client)
    if answers and answers[0].is_failure:
        raise _unreachable(mqtt, str(answers[0]))


def turn(client: Client) -> None:
    """Let the client read and write once; raises `UplinkError` when the connection is lost."""
    code = client.loop(_TURN_S)
    if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
        raise UplinkError(
            f"The connection to the broker ended: {code.name}",
            where="MQTT",
            remedy="It is made again by itself.",
        )


def _on_publish(_client: Client, _data: Any, _mid: int, code: ReasonCode, _more: Any) -> None:
    if code.is_failure:
        _log.warning(event("uplink.publish_refused", why=code))


def _properties(batch: Batch) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ContentType = CONTENT_TYPE
    properties.UserProperty = [
        ("gateway", batch.gateway),
        ("epoch", batch.epoch),
        ("first", str(batch.first)),
        ("last", str(batch.last)),
    ]
    return properties


def _unreachable(mqtt: MqttSettings, why: str) -> UplinkError:
    return UplinkError(
        f"The broker cannot be reached: {why}",
        where=mqtt.url,
        remedy="Check network, address, name and password. Capture goes on meanwhile.",
    )
