"""When bytes came, told so that a wrong gateway clock can be put right later."""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecoduct_wire.clock import Clock, SystemClock

_TIME_ERROR: Final = 5  # adjtimex(2): the clock is not synchronised
_TIMEX_BYTES: Final = 512  # struct timex is 208 bytes; room for other architectures


@dataclass(frozen=True, slots=True)
class Stamp:
    """A moment by the gateway's clock.

    Attributes
    ----------
    mono_ns : int, ns
        Since boot; differences stay true when the clock is set.
    is_synced : bool
        Whether the clock was synchronised, so that its date may overrule a receiver's.
    """

    at_ms: int
    mono_ns: int = 0
    is_synced: bool = True


def stamp(clock: Clock) -> Stamp:
    """Tell what the clock says now."""
    return Stamp(clock.now_ms(), clock.monotonic_ns(), is_synced(clock))


def is_synced(clock: Clock) -> bool:
    """Whether the clock can be believed: the kernel's word, or a clock that was given."""
    if not isinstance(clock, SystemClock):
        return True
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None:
        return True
    return bool(adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)) != _TIME_ERROR)


def boot_id() -> str:
    """Identity of this boot of the computer; empty where the kernel does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
