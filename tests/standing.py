"""A clock for tests whose results must not depend on when they run."""


class Standing:
    """A clock that stands still."""

    def __init__(self, now_ms: int = 1_793_000_000_000) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def monotonic_ns(self) -> int:
        return 0
