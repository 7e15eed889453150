"""Bytes to frames: bounded, and the same frames for any cut into chunks.

A matcher looks at the bytes from one opening byte on and says: a frame of this length, not a
frame, or wait for more. What it says depends on those bytes alone, never on where chunks end.
After a false opening the search goes on one byte later, so that a good frame behind it is found.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from ecoduct_edge.clocksync import Stamp

MAX_LINE: Final = 640  # the longest line: a RAK event with 255 bytes in hexadecimal
MAX_UBX: Final = 2048  # no message that we may meet is longer; a false length would hold us up
MAX_LORA: Final = 255  # what one LoRa packet can carry
STALLED_NS: Final = 10_000_000_000  # no receiver pauses this long inside a frame
_UBX_HEADER: Final = 6
_UBX_LEAST: Final = 8  # header and check, without a body


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes as one read gave them. No bytes: a moment of silence. ``is_last``: the port closed.

    ``at_byte`` is their place among all bytes of the port, None where they follow the last.
    """

    data: bytes
    stamp: Stamp
    is_last: bool = False
    at_byte: int | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a format.

    Attributes
    ----------
    kind : str
        ``nmea``, ``ubx``, ``reyax``, ``rak`` or ``modem`` (a modem's other lines).
    at_byte : int
        Where it begins, counted from the first byte of the port.
    fault : str
        The reason if it is damaged. Its bytes are then evidence only: each is counted again as
        noise or as part of another frame.
    """

    kind: str
    data: bytes
    at_byte: int
    stamp: Stamp
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """What stands at an opening: a frame, or with ``fault`` evidence of a damaged one."""

    kind: str
    size: int
    fault: str = ""


_NOISE: Final = _Found("", 0, "noise")


@dataclass(frozen=True, slots=True)
class _Opening:
    """A place in the buffer where a frame may begin."""

    buffer: bytearray
    at: int
    is_last: bool  # nothing will follow what is in the buffer

    @property
    def there(self) -> int:
        return len(self.buffer) - self.at


class Deframer:
    """Finds the frames in the bytes of one port.

    Parameters
    ----------
    form : str
        One of `FORMATS`: ``auto``, ``nmea``, ``ubx``, ``reyax`` or ``rak``.
    """

    def __init__(self, form: str = "auto") -> None:
        self._matchers = FORMATS[form]
        self._openings = re.compile(b"[" + re.escape(bytes(self._matchers)) + b"]")
        self._buffer = bytearray()
        self._start = 0  # place of the buffer's first byte in the stream
        self._fed_ns = 0
        self.noise = 0  # bytes outside any frame, so far

    @property
    def held_at(self) -> int:
        """Place of the first byte that waits for the rest of its frame, or of the next to come."""
        return self._start

    @property
    def pending(self) -> int:
        """Bytes that wait for the rest of their frame."""
        return len(self._buffer)

    def feed(self, chunk: Chunk) -> Iterator[Frame]:
        """Frames that these bytes complete; all that remain after the last chunk or a long silence.

        The iterator must be used up before the next chunk is fed.
        """
        if chunk.at_byte is not None and not self._buffer:
            self._start = chunk.at_byte
        self._buffer += chunk.data
        self._fed_ns = chunk.stamp.mono_ns if chunk.data else self._fed_ns
        is_last = chunk.is_last or chunk.stamp.mono_ns - self._fed_ns > STALLED_NS
        at = 0
        while opening := self._openings.search(self._buffer, at):
            self.noise += opening.start() - at
            at = opening.start()
            match = self._matchers[self._buffer[at]]
            found = match(_Opening(self._buffer, at, is_last))
            if found is None:
                break
            if found is not _NOISE:
                data = bytes(self._buffer[at : at + found.size])
                yield Frame(found.kind, data, self._start + at, chunk.stamp, found.fault)
            self.noise += bool(found.fault)
            at += 1 if found.fault else found.size
        else:
            self.noise += len(self._buffer) - at
            at = len(self._buffer)
        del self._buffer[:at]
        self._start += at


# Matchers: a frame, not a frame, or None for `wait`.

_SENTENCE = re.compile(rb"\$[\x20-\x23\x25-\x7e]*")  # a second `$` begins the next sentence
_SENTENCE_HEAD = re.compile(rb"\$[A-Z]{5},|\$[A-Z]{1,5}\$")
_MODEM_HEAD = re.compile(rb"\+(?:EVT:|RCV=)")
_MODEM_LINE = re.compile(rb";?\+[A-Z](?:(?!\+EVT:|\+RCV=)[\x20-\x7e])*")  # these begin the next
_MODEM_LINE_BEGUN = re.compile(rb";?\+?")
_REPLY = re.compile(rb"(?:OK|AT_)[A-Z_]*")
_REPLY_BEGUN = re.compile(rb"OK?|AT?_?")
_LINE_END = re.compile(rb"\r?\n")
_RCV = re.compile(rb"\+RCV=(\d{1,5}),(\d{1,3}),")
_RCV_BEGUN = re.compile(rb"\+(?:R(?:C(?:V(?:=(?:\d{1,5}(?:,\d{0,3})?)?)?)?)?)?")
_RCV_TAIL = re.compile(rb",-?\d{1,4},-?\d{1,4}\r?\n")
_RCV_TAIL_BEGUN = re.compile(rb"(?:,(?:-?\d{0,4}(?:(?<=\d),(?:-?\d{0,4}(?:(?<=\d)\r)?)?)?)?)?")
# Second byte and the makers' list of classes; any other byte means that the first was chance.
_UBX_BEGUN = re.compile(
    rb"\xb5(?:\x62[\x01\x02\x04\x05\x06\x09\x0a\x0b\x0d\x10\x13\x21\x27\x28\x29]?)?"
)


def _match_sentence(here: _Opening) -> _Found | None:
    body = _SENTENCE.match(here.buffer, here.at, here.at + MAX_LINE)
    found = _match_line(here, body, kind="nmea")
    if found is _NOISE and body and _SENTENCE_HEAD.match(here.buffer, here.at):
        return _Found("nmea", body.end() - here.at, "torn")
    return found


def _match_ubx(here: _Opening) -> _Found | None:
    buffer, at = here.buffer, here.at
    if not _UBX_BEGUN.fullmatch(buffer, at, at + 3):
        return _NOISE
    size = int.from_bytes(buffer[at + 4 : at + _UBX_HEADER], "little") + _UBX_LEAST
    if here.there < _UBX_HEADER:
        return _NOISE if here.is_last else None
    if size > MAX_UBX + _UBX_LEAST:
        return _Found("ubx", _UBX_HEADER, "too_long")
    if here.there < size:
        return _Found("ubx", here.there, "truncated") if here.is_last else None
    sums = list(accumulate(buffer[at + 2 : at + size - 2]))
    check = bytes((sums[-1] & 0xFF, sum(sums) & 0xFF))
    is_good = buffer[at + size - 2 : at + size] == check
    return _Found("ubx", size, "" if is_good else "bad_checksum")


def _match_plus(here: _Opening) -> _Found | None:
    if head := _RCV.match(here.buffer, here.at):
        return _match_packet(here, head)
    if _RCV_BEGUN.fullmatch(here.buffer, here.at) and not here.is_last:
        return None
    return _match_modem_line(here)


def _match_packet(here: _Opening, head: re.Match[bytes]) -> _Found | None:
    """By length, since the payload may hold commas, CR and LF; then the tail must follow."""
    tail_at = head.end() + int(head[2])
    if int(head[2]) > MAX_LORA:
        return _Found("reyax", head.end() - here.at, "bad_length")
    if tail := _RCV_TAIL.match(here.buffer, tail_at):
        return _Found("reyax", tail.end() - here.at)
    if tail_at > len(here.buffer) or _RCV_TAIL_BEGUN.fullmatch(here.buffer, tail_at):
        return _Found("reyax", here.there, "truncated") if here.is_last else None
    return _Found("reyax", tail_at - here.at, "bad_length")


def _match_modem_line(here: _Opening) -> _Found | None:
    if _MODEM_LINE_BEGUN.fullmatch(here.buffer, here.at) and not here.is_last:
        return None
    body = _MODEM_LINE.match(here.buffer, here.at, here.at + MAX_LINE)
    kind = "rak" if body and b"+EVT:" in body[0][:6] else "modem"
    found = _match_line(here, body, kind=kind)
    if found is not _NOISE or not body or body[0][:1] == b";":
        return found  # a torn line with `;` is counted at its `+`
    size = body.end() - here.at
    # At the limit the bytes behind the line may not be there yet, so they must not count.
    places = (here.at, body.end()) if size < MAX_LINE else (here.at,)
    is_torn = any(_MODEM_HEAD.match(here.buffer, place) for place in places)
    return _Found(kind, size, "torn") if is_torn else _NOISE


def _match_reply(here: _Opening) -> _Found | None:
    if _REPLY_BEGUN.fullmatch(here.buffer, here.at) and not here.is_last:
        return None
    return _match_line(here, _REPLY.match(here.buffer, here.at, here.at + MAX_LINE), kind="modem")


def _match_line(here: _Opening, body: re.Match[bytes] | None, *, kind: str) -> _Found | None:
    if body is None or body.end() - here.at >= MAX_LINE:
        return _NOISE
    if end := _LINE_END.match(here.buffer, body.end()):
        return _Found(kind, end.end() - here.at)
    if bytes(here.buffer[body.end() : body.end() + 2]) not in (b"", b"\r"):
        return _NOISE
    return _Found(kind, here.there) if here.is_last else None


_OPENINGS: Final[dict[str, dict[int, Callable[[_Opening], _Found | None]]]] = {
    "nmea": {ord("$"): _match_sentence},
    "ubx": {0xB5: _match_ubx},
    "reyax": {ord("+"): _match_plus},
    "rak": {
        ord("+"): _match_plus,
        ord(";"): _match_modem_line,
        ord("O"): _match_reply,
        ord("A"): _match_reply,
    },
}
FORMATS: Final = {
    "auto": {byte: match for found in _OPENINGS.values() for byte, match in found.items()},
    **_OPENINGS,
}
