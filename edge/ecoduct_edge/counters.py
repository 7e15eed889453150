"""Counts by name (docs/wire.md, State): what was seen, kept and refused, and why."""

import threading
from collections import Counter


class Counters:
    """Counts that several threads add to."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, name: str, count: int = 1) -> None:
        """Add to a count; a count of nothing is not created."""
        if count:
            with self._lock:
                self._counts[name] += count

    def snapshot(self) -> dict[str, int]:
        """All counts, by name."""
        with self._lock:
            return dict(sorted(self._counts.items()))
