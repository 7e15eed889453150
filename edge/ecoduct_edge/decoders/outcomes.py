"""What becomes of frames: something heard, a counted refusal, or a counted silence."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from ecoduct_edge.clocksync import Stamp
from ecoduct_edge.framing import Frame
from ecoduct_wire.clock import from_iso
from ecoduct_wire.messages import Fix, Reception, Status

DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Source:
    """What a decoder knows about the port that it serves.

    Attributes
    ----------
    device : str
        Who it is on the port, for receivers that do not say.
    earliest_ms : int, ms since 1970 UTC
        No device date before this is believed where the year has only two digits.
    latest_ahead_s : int, s
        Nor one later than the gateway's clock by more than this.
    sends_rmc : bool
        An earlier life heard dates (RMC) on this port: a position without one is damaged then.
    """

    port: str
    device: str
    boot: str = ""
    earliest_ms: int = from_iso("2015-01-01T00:00:00Z")
    latest_ahead_s: int = DAY_S
    sends_rmc: bool = False

    def reception(
        self, raw: bytes, stamp: Stamp, *, rssi_dbm: int | None = None, snr_cdb: int | None = None
    ) -> Reception:
        """Describe how this port heard these bytes."""
        return Reception(
            received_at_ms=stamp.at_ms,
            port=self.port,
            raw=raw,
            mono_ns=stamp.mono_ns,
            boot=self.boot,
            rssi_dbm=rssi_dbm,
            snr_cdb=snr_cdb,
        )


@dataclass(frozen=True, slots=True)
class Heard:
    """A message for the spool. ``frames``: how many frames it used up, 0 if another counts it."""

    body: Fix | Status
    reception: Reception
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Refused:
    """Frames that gave no message, and why: ``reason`` is a word of docs/protocols/refusals.md."""

    reason: str
    format: str
    at_byte: int
    raw: bytes
    detail: str
    frames: int = 1


@dataclass(frozen=True, slots=True)
class Silent:
    """A good frame that carries nothing for us."""

    type: str
    frames: int = 1


Outcome = Heard | Refused | Silent


class Decoder(Protocol):
    """Turns frames of one kind into outcomes; refuses with `FrameError`."""

    @property
    def held_at(self) -> int | None:
        """Where the oldest frame that is held back begins; None if none is."""
        ...

    def decode(self, frame: Frame) -> Iterable[Outcome]:
        """Outcomes of a frame, or of frames before it that it completes."""
        ...

    def settle(self, stamp: Stamp, *, is_last: bool) -> Iterable[Outcome]:
        """Outcomes of frames held back, now that the port is silent or closed."""
        ...
