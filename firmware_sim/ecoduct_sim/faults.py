"""What goes wrong between a collar and its gateway, on purpose, seeded, and every time noted."""

import random
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from ecoduct_sim.clock import to_iso
from ecoduct_sim.collar import Fix
from ecoduct_sim.errors import UsageError
from ecoduct_sim.frames import Frame

Note = Callable[[dict[str, Any]], None]

# 1024 weeks back is the roll-over of old receivers; a year ahead is a collar set by hand.
_JUMPS_MS: Final = (-1024 * 604_800_000, 366 * 86_400_000)


@dataclass(frozen=True, slots=True)
class Rates:
    """Share of frames for each fault, but ``clock``: share of fixes. One frame has one fault.

    Attributes
    ----------
    lost, doubled, reordered : float
        Not sent; sent twice; sent after the next frame on its port.
    torn, flipped : float
        Cut short; one bit wrong. Both so that the frame's check must fail.
    unplug : float
        The port goes away with the frame, and comes back.
    clock : float
        The collar's clock is far off for one fix.
    """

    lost: float = 0.0
    doubled: float = 0.0
    reordered: float = 0.0
    torn: float = 0.0
    flipped: float = 0.0
    unplug: float = 0.0
    clock: float = 0.0


KINDS: Final = tuple(field.name for field in fields(Rates))


def parse(text: str) -> Rates:
    """Read ``lost=0.01,torn=0.005``; a fault that is not named does not happen.

    Raises
    ------
    UsageError
        A fault is not known, or the shares are not between 0 and 1 together.
    """
    given: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        name, _, share = part.partition("=")
        try:
            given[name.strip()] = float(share)
        except ValueError:
            raise _refuse(f"{part!r} is not a fault and its share.") from None
    unknown = [name for name in given if name not in KINDS]
    if unknown:
        raise _refuse(f"Fault {unknown[0]!r} is not known.")
    if not (all(share >= 0 for share in given.values()) and sum(given.values()) <= 1):
        raise _refuse("Shares of faults are between 0 and 1, together too.")
    return Rates(**given)


def _refuse(what: str) -> UsageError:
    return UsageError(
        what, where="--faults", remedy=f"Write lost=0.01,torn=0.005; there are {', '.join(KINDS)}."
    )


@dataclass(frozen=True, slots=True)
class Unplug:
    """The port goes away for a moment."""


class Faults:
    """Damages frames and clocks at the given rates; a function is told of each fault."""

    def __init__(self, rates: Rates, *, rng: random.Random, note: Note) -> None:
        self._rates = rates
        self._rng = rng
        self._note = note
        self._held: dict[str, Frame] = {}

    def disturb_clock(self, fix: Fix) -> Fix:
        """Give the fix as a collar with a jumping clock records it."""
        if self._rng.random() >= self._rates.clock:
            return fix
        shown_ms = fix.fixed_at_ms + self._rng.choice(_JUMPS_MS)
        # Collar frames count seconds from 1970 in 32 bits, and 0 there means no clock.
        shown_ms = max(1_000, min(shown_ms, (2**32 - 1) * 1000))
        self._note(
            {
                "event": "fault",
                "kind": "clock",
                "animal": fix.animal,
                "fixed_at": [to_iso(fix.fixed_at_ms)],
                "shown_at": to_iso(shown_ms),
            }
        )
        return replace(fix, fixed_at_ms=shown_ms)

    def pass_on(self, frame: Frame, *, port: str) -> list[Frame | Unplug]:
        """What the port gets in place of this frame."""
        kind = self._pick()
        if kind == "reordered" and port not in self._held:
            self._held[port] = frame
            return []
        sent = self._damaged(frame, kind=kind, port=port)
        held = self._held.pop(port, None)
        if held:
            sent.append(held)
            self._tell("reordered", held, port=port)
        return sent

    def release(self, port: str) -> list[Frame]:
        """Give the frame held back on this port, if any, at the end; it was not overtaken."""
        held = self._held.pop(port, None)
        return [held] if held else []

    def _pick(self) -> str:
        drawn = self._rng.random()
        for kind in KINDS:
            if kind != "clock":
                drawn -= getattr(self._rates, kind)
                if drawn < 0:
                    return kind
        return ""

    def _damaged(self, frame: Frame, *, kind: str, port: str) -> list[Frame | Unplug]:
        if kind in ("", "reordered"):
            return [frame]
        if kind == "lost":
            self._tell(kind, frame, port=port)
            return []
        if kind == "unplug":
            self._tell(kind, frame, port=port)
            return [Unplug()]
        if kind == "doubled":
            self._tell(kind, frame, port=port)
            return [frame, frame]
        at_byte = self._rng.randrange(frame.first, frame.last)
        if kind == "torn":
            self._tell(kind, frame, port=port, at_byte=at_byte)
            return [replace(frame, data=frame.data[:at_byte])]
        # The low bits of a hexadecimal digit: a higher one may only change its case.
        bit = self._rng.randrange(3)
        self._tell(kind, frame, port=port, at_byte=at_byte, bit=bit)
        data = bytearray(frame.data)
        data[at_byte] ^= 1 << bit
        return [replace(frame, data=bytes(data))]

    def _tell(self, kind: str, frame: Frame, *, port: str, **more: int) -> None:
        self._note(
            {
                "event": "fault",
                "kind": kind,
                "port": port,
                "animal": frame.fixes[0].animal,
                "fixed_at": [to_iso(fix.fixed_at_ms) for fix in frame.fixes],
                **more,
            }
        )
