"""Who is told at once: browsers that wait for alerts and for new fixes."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator


class Hub:
    """Wakes waiting streams from any thread; streams then read the database themselves.

    Nothing is queued for a stream but the numbers of deployments with new fixes: a slow browser
    costs no memory, and finds in the database whatever it slept through.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[asyncio.Event, set[int]] = {}
        self._closed = False

    def open(self) -> None:
        """Bind to the running event loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """End every stream, so that the server need not wait for browsers; from any thread."""
        self._closed = True
        self.wake()

    def wake(self, deployments: set[int] | None = None) -> None:
        """Tell every stream that something changed; callable from any thread."""
        with self._lock:
            for numbers in self._waiting.values():
                numbers.update(deployments or ())
            loop, events = self._loop, list(self._waiting)
        if loop is not None:
            # The loop closes first when the server stops; then nobody listens any more.
            with contextlib.suppress(RuntimeError):
                for event in events:
                    loop.call_soon_threadsafe(event.set)

    async def changes(self, *, every_s: float) -> AsyncIterator[set[int]]:
        """Deployments with new fixes since the last turn, told at least every ``every_s``."""
        event = asyncio.Event()
        event.set()  # the first turn comes at once: there may be something to catch up with
        with self._lock:
            self._waiting[event] = set()
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(event.wait(), every_s)
                if self._closed:
                    return
                event.clear()
                with self._lock:
                    deployments, self._waiting[event] = self._waiting[event], set()
                yield deployments
        finally:
            with self._lock:
                del self._waiting[event]
