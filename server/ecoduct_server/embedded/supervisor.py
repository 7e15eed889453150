"""Keep the embedded services running."""

import logging
from collections.abc import Sequence
from threading import Event, Thread
from typing import Final, Protocol

log = logging.getLogger(__name__)

_LONGEST_PAUSE_S: Final = 30.0


class Service(Protocol):
    """A database or a broker that Ecoduct runs itself."""

    name: str

    @property
    def address(self) -> str:
        """URL that clients connect to."""
        ...

    @property
    def pid(self) -> int | None:
        """Process of the server; None while it is not running."""
        ...

    def start(self) -> None:
        """Start it, or adopt it where it is running already."""
        ...

    def ensure_running(self) -> bool:
        """Start it if it is dead; whether that was needed."""
        ...

    def stop(self) -> None:
        """Stop it cleanly; nothing happens if it is not running."""
        ...


def keep_running(
    services: Sequence[Service], stop_event: Event, *, period_s: float = 0.5
) -> Thread:
    """Restart each service that dies, until the event is set.

    Set the event and join the thread before stopping the services.

    Parameters
    ----------
    period_s : float, s
        Time between looks; it doubles up to 30 s while a service cannot be started.
    """

    def watch() -> None:
        pause_s = period_s
        while not stop_event.wait(pause_s):
            started = [_revive(service) for service in services]
            pause_s = period_s if all(started) else min(pause_s * 2, _LONGEST_PAUSE_S)

    thread = Thread(target=watch, name="embedded-services", daemon=True)
    thread.start()
    return thread


def _revive(service: Service) -> bool:
    try:
        if service.ensure_running():
            log.warning("service.restarted name=%s pid=%s", service.name, service.pid)
    except Exception:
        # A supervisor must outlive whatever stops a service from starting: a full disk may clear.
        log.exception("service.dead name=%s", service.name)
        return False
    return True
