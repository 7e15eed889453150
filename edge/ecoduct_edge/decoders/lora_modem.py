"""LoRa modems on a serial line: Reyax RYLR and RAK3172, carrying collar frames."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ecoduct_edge.clocksync import Stamp
from ecoduct_edge.decoders.collar_frame import read_messages
from ecoduct_edge.decoders.outcomes import Heard, Outcome, Silent, Source
from ecoduct_edge.errors import FrameError
from ecoduct_edge.framing import STALLED_NS, Frame
from ecoduct_wire.messages import MAX_NAME, Status

_CDB: Final = 100  # modems say whole decibels

_RCV = re.compile(rb"\+RCV=\d+,(\d+),(.*),(-?\d+),(-?\d+)\r?\n", re.DOTALL)
_RXP2P = re.compile(r"\+EVT:RXP2P:(-?\d{1,4}):(-?\d{1,4}):([^:]*)")
_RXP2P_BEFORE_RUI3 = re.compile(r"\+EVT:RXP2P, ?RSSI (-?\d{1,4}), ?SNR (-?\d{1,4})")
_HEX_BEFORE_RUI3 = re.compile(r"\+EVT:([0-9A-Fa-f]+)")
_EVENT = re.compile(r"\+EVT:[A-Z0-9]+[ _][A-Z_ ]*")
_MODEM_ERROR = re.compile(r"\+ERR=.*|AT_[A-Z_]*ERROR")


class ReyaxDecoder:
    """``+RCV=address,length,payload,rssi,snr``; the length has been checked by the framing."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def held_at(self) -> int | None:
        """Nothing is held back."""
        return None

    def decode(self, frame: Frame) -> Iterable[Outcome]:
        """Messages of the collar frame inside; refuses as it does."""
        found = _RCV.fullmatch(frame.data)
        if not found or len(found[2]) != int(found[1]):
            raise FrameError("bad_length", "The payload has not the length that it states.")
        return _heard(
            self._source, frame, found[2], signal=(int(found[3]), int(found[4])), form="reyax"
        )

    def settle(self, stamp: Stamp, *, is_last: bool) -> Iterable[Outcome]:
        """Nothing."""
        del stamp, is_last
        return ()


class RakDecoder:
    """``+EVT:RXP2P:rssi:snr:HEX``, and the older form on two lines."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._first: Frame | None = None  # of the two-line form, until its payload
        self._signal: tuple[int, int] | None = None

    @property
    def held_at(self) -> int | None:
        """Where the first of two lines begins, while the second is awaited."""
        return self._first.at_byte if self._first else None

    def decode(self, frame: Frame) -> Iterable[Outcome]:
        """Messages of the collar frame inside; refuses ``bad_hex bad_field`` and as it does."""
        line = _line(frame)
        # Whatever comes next ends the wait for a second line: the two always follow each other.
        earlier, self._first, self._signal = self._signal, None, None
        if found := _RXP2P.fullmatch(line):
            signal = (int(found[1]), int(found[2]))
            return _heard(self._source, frame, _unhex(found[3]), signal=signal, form="rak")
        if found := _RXP2P_BEFORE_RUI3.fullmatch(line):
            self._first, self._signal = frame, (int(found[1]), int(found[2]))
            return (Silent("rak_signal"),)
        if found := _HEX_BEFORE_RUI3.fullmatch(line):
            return _heard(self._source, frame, _unhex(found[1]), signal=earlier, form="rak")
        if "ERROR" in line:
            return (_modem_status(self._source, frame, line),)
        if _EVENT.fullmatch(line):
            return (Silent("rak_event"),)
        raise FrameError("bad_field", "The event is not one that this program knows.")

    def settle(self, stamp: Stamp, *, is_last: bool) -> Iterable[Outcome]:
        """Nothing; the first of two lines is forgotten when the second cannot come any more."""
        if self._first and (is_last or stamp.mono_ns - self._first.stamp.mono_ns > STALLED_NS):
            self._first = self._signal = None
        return ()


class ModemDecoder:
    """A modem's other lines: errors become statuses, replies are silent."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def held_at(self) -> int | None:
        """Nothing is held back."""
        return None

    def decode(self, frame: Frame) -> Iterable[Outcome]:
        """Give a status for an error line, else `Silent`; refuses ``bad_field``."""
        line = _line(frame)
        if _MODEM_ERROR.fullmatch(line):
            return (_modem_status(self._source, frame, line),)
        if line.startswith("+RCV"):
            raise FrameError("bad_field", "A received packet without address or length.")
        return (Silent("modem"),)

    def settle(self, stamp: Stamp, *, is_last: bool) -> Iterable[Outcome]:
        """Nothing."""
        del stamp, is_last
        return ()


def _line(frame: Frame) -> str:
    return frame.data.decode("ascii").lstrip(";").rstrip()


def _unhex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise FrameError("bad_hex", "The payload is not pairs of hexadecimal digits.") from error


def _heard(
    source: Source, frame: Frame, payload: bytes, *, signal: tuple[int, int] | None, form: str
) -> Iterator[Outcome]:
    rssi_dbm, snr_db = signal or (None, None)
    reception = source.reception(
        frame.data,
        frame.stamp,
        rssi_dbm=rssi_dbm,
        snr_cdb=None if snr_db is None else snr_db * _CDB,
    )
    messages = read_messages(payload, received_at_ms=frame.stamp.at_ms, form=f"{form}.collar")
    for place, message in enumerate(messages):
        yield Heard(message, reception, frames=1 if place == 0 else 0)


def _modem_status(source: Source, frame: Frame, line: str) -> Heard:
    status = Status(
        device=source.device,
        said_at_ms=frame.stamp.at_ms,
        text=line[:MAX_NAME].strip(),
        format="modem.error",
    )
    return Heard(status, source.reception(frame.data, frame.stamp))
