"""Names of the MQTT topics: built and read in this one place."""

import re

from ecoduct_wire.errors import WireError

ROOT = "ecoduct/v1"

_GATEWAY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def checked_gateway(gateway: str) -> str:
    """Return the name if it can stand in a topic, a file name and a URL.

    Raises
    ------
    WireError
        ``bad_gateway``: empty, over 64 characters, or other than letters, digits and ``_ . -``.
    """
    if not _GATEWAY.fullmatch(gateway):
        raise WireError(
            f"{gateway!r} cannot be the name of a gateway.",
            where="setting `gateway`",
            remedy="Use up to 64 letters, digits, '-', '_' and '.'; begin with a letter or digit.",
            reason="bad_gateway",
        )
    return gateway


def up(gateway: str) -> str:
    """Where a gateway publishes its batches."""
    return f"{ROOT}/up/{checked_gateway(gateway)}"


def receipt(gateway: str) -> str:
    """Where the server says what it has committed; retained. Only the server may publish here."""
    return f"{ROOT}/receipt/{checked_gateway(gateway)}"


def state(gateway: str) -> str:
    """Where a gateway says how it is; retained, and the topic of its last will."""
    return f"{ROOT}/state/{checked_gateway(gateway)}"


ALL_UP = f"{ROOT}/up/+"
ALL_STATES = f"{ROOT}/state/+"


def gateway_of(topic: str) -> str:
    """Name of the gateway in a topic of `up`, `receipt` or `state`.

    Raises
    ------
    WireError
        ``bad_topic`` or ``bad_gateway``.
    """
    parts = topic.split("/")
    if len(parts) != 4 or "/".join(parts[:2]) != ROOT:  # noqa: PLR2004 - ecoduct/v1/<what>/<gateway>
        raise WireError(
            f"{topic!r} is not a topic of a gateway.",
            where="MQTT",
            remedy=f"Publish below {ROOT}/up/, /receipt/ or /state/ with one gateway name.",
            reason="bad_topic",
        )
    return checked_gateway(parts[3])
