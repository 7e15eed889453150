"""Log lines: an event, then ``key=value``. Positions and raw bytes stay below INFO."""

import logging
import sys


def show_on_stderr(level: str = "INFO") -> None:
    """Send log lines to standard error, where systemd adds the time."""
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s %(message)s")


def event(name: str, **fields: object) -> str:
    """One line for an event.

    >>> event("port.lost", port="lora", why="no such device")
    "port.lost port=lora why='no such device'"
    """
    return " ".join([name, *(f"{key}={_shown(value)}" for key, value in fields.items())])


def _shown(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and " " not in text else repr(text)
