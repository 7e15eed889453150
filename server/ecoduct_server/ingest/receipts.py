"""Telling gateways what has been committed."""

from collections.abc import Mapping
from typing import Protocol

from ecoduct_wire import envelope, topics
from ecoduct_wire.messages import Receipt


class Publisher(Protocol):
    """What can publish over MQTT."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send with quality of service 1."""
        ...


def publish(publisher: Publisher, receipts: Mapping[str, Receipt]) -> None:
    """Send receipts, by gateway; retained, so that a gateway that returns learns where it stands.

    Called after the commit and never before: a gateway forgets what it reads here.
    """
    for gateway, receipt in receipts.items():
        publisher.publish(topics.receipt(gateway), envelope.encode_receipt(receipt), retain=True)
