"""Frames to messages. A new receiver is a module here and a line in `DECODERS`."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from ecoduct_edge.clocksync import Stamp
from ecoduct_edge.decoders.lora_modem import ModemDecoder, RakDecoder, ReyaxDecoder
from ecoduct_edge.decoders.nmea import NmeaDecoder
from ecoduct_edge.decoders.outcomes import Decoder, Heard, Outcome, Refused, Silent, Source
from ecoduct_edge.decoders.ubx import UbxDecoder
from ecoduct_edge.errors import FrameError
from ecoduct_edge.framing import Frame
from ecoduct_edge.logs import event
from ecoduct_wire.errors import WireError

__all__ = [
    "DECODERS",
    "RMC_SEEN",
    "Heard",
    "Outcome",
    "PortDecoder",
    "Refused",
    "Silent",
    "Source",
]

RMC_SEEN: Final = "nmea.rmc"  # stands among the kinds of a checkpoint once a port sent dates

DECODERS: Final[dict[str, Callable[[Source], Decoder]]] = {
    "nmea": NmeaDecoder,
    "ubx": UbxDecoder,
    "reyax": ReyaxDecoder,
    "rak": RakDecoder,
    "modem": ModemDecoder,
}

_log = logging.getLogger(__name__)


class PortDecoder:
    """Decodes every kind of frame that comes from one port; never raises."""

    def __init__(self, source: Source) -> None:
        self._decoders = {kind: make(source) for kind, make in DECODERS.items()}
        self._sends_rmc = source.sends_rmc

    def dealt_with(self, through: int) -> dict[str, int]:
        """For each kind of frame, up to where all became outcomes, if none waits at ``through``."""
        found = {
            kind: through if decoder.held_at is None else decoder.held_at
            for kind, decoder in self._decoders.items()
        }
        return found | {RMC_SEEN: through} if self._sends_rmc else found

    def decode(self, frame: Frame) -> Iterator[Outcome]:
        """Outcomes of a frame, and of frames before it that it completes."""
        if frame.fault:
            yield _refused(frame, frame.fault, "Damaged before its end.")
            return
        try:
            yield from self._noting(self._decoders[frame.kind].decode(frame))
        except (FrameError, WireError) as error:
            yield _refused(frame, error.reason, error.what)
        # A supervisor: a mistake in one decoder must not stop the capture of all ports.
        except Exception as error:  # noqa: BLE001 - see above
            _log.exception(event("decoder.failed", kind=frame.kind, at_byte=frame.at_byte))
            yield _refused(frame, "decoder_failed", repr(error))

    def settle(self, stamp: Stamp, *, is_last: bool) -> Iterator[Outcome]:
        """Outcomes of what was held back, now that the port is silent or closed."""
        for decoder in self._decoders.values():
            yield from self._noting(decoder.settle(stamp, is_last=is_last))

    def _noting(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        for outcome in outcomes:
            if isinstance(outcome, Heard) and outcome.body.format == RMC_SEEN:
                self._sends_rmc = True
            yield outcome


def _refused(frame: Frame, reason: str, detail: str) -> Refused:
    return Refused(reason, frame.kind, frame.at_byte, frame.data, detail)
