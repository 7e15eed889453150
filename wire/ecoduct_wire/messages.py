"""What a gateway can say: a fix, a status, or that a numbered message is gone.

All quantities are integers in the unit that the name ends with, so that the same bytes give the
same record on every machine and two records can be compared exactly. Missing is None, never 0.
"""

import re
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

from ecoduct_wire.errors import WireError

MAX_NAME: Final = 128
_BIGGEST_MS: Final = (
    253_402_300_799_999  # 9999-12-31, the last time that databases and ISO 8601 share
)


class Flag(StrEnum):
    """A doubt about a fix. Flags mark; they never drop."""

    BEFORE_EARLIEST = "before_earliest"
    AFTER_LATEST = "after_latest"
    TIME_FROM_GATEWAY = "time_from_gateway"
    ZERO_POSITION = "zero_position"
    POOR_ACCURACY = "poor_accuracy"
    FEW_SATELLITES = "few_satellites"
    DEAD_RECKONING = "dead_reckoning"
    SIMULATED = "simulated"


def _refuse(what: str, reason: str) -> WireError:
    return WireError(
        what,
        where="message",
        remedy="See docs/wire.md for what a message may hold.",
        reason=reason,
    )


def _check_name(name: str, value: object) -> None:
    printable = isinstance(value, str) and value.isprintable() and value == value.strip()
    if not printable or not 1 <= len(str(value)) <= MAX_NAME:
        raise _refuse(
            f"{name} is {value!r}: it must be 1 to {MAX_NAME} printable characters.", "bad_name"
        )


def _check_int(name: str, value: object, low: int, high: int, *, optional: bool = True) -> None:
    if value is None and optional:
        return
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise _refuse(
            f"{name} is {value!r}: it must be a whole number from {low} to {high}.", "bad_number"
        )


def _check_bool(name: str, value: object) -> None:
    if value is not None and not isinstance(value, bool):
        raise _refuse(f"{name} is {value!r}: it must be true, false or null.", "bad_flag")


def _is_word(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,63}", value) is not None


_INT4: Final = 2_147_483_647
_BOUNDS: Final[dict[str, tuple[int, int]]] = {
    "h_acc_mm": (0, _INT4),
    "height_mm": (-20_000_000, _INT4),
    "speed_mm_s": (0, _INT4),
    "heading_cdeg": (0, 35_999),
    "satellites": (0, 255),
    "hdop_c": (0, _INT4),
    "battery_mv": (0, _INT4),
    "temperature_cc": (-27_315, 1_000_000),
    "activity": (0, 65_535),
    "counter": (0, _INT4 * 2 + 1),
    "rssi_dbm": (-32_768, 32_767),
    "snr_cdb": (-32_768, 32_767),
}


def _check_bounds(message: Any) -> None:
    for name, low, high in _BOUNDED[type(message)]:
        value = getattr(message, name)
        if value is not None:
            _check_int(name, value, low, high)


@dataclass(frozen=True, slots=True)
class Fix:
    """Where a device was, at one time. Its key is (device, fixed_at_ms, kind).

    Attributes
    ----------
    device : str
        The collar or tag, as ``collar:17`` or a name given to a port.
    fixed_at_ms : int, ms since 1970 UTC
        When the position was taken. If the device did not say, the time of receipt, and the
        flag ``time_from_gateway``.
    lon_e7, lat_e7 : int, 1e-7 degrees, WGS 84
    kind : str
        How the position was found: ``gps`` unless a decoder says otherwise.
    h_acc_mm : int, mm
        Horizontal accuracy as the device states it, one standard deviation or its equivalent.
    height_mm : int, mm
        Above mean sea level.
    heading_cdeg : int, 0.01 degrees, clockwise from north
    hdop_c : int, 0.01
    temperature_cc : int, 0.01 °C
    activity : int
        The device's own count; comparable only within one make.
    counter : int
        The device's own message number.
    format : str
        The decoder, for example ``ubx.nav_pvt``.
    """

    device: str
    fixed_at_ms: int
    lon_e7: int
    lat_e7: int
    kind: str = "gps"
    h_acc_mm: int | None = None
    height_mm: int | None = None
    speed_mm_s: int | None = None
    heading_cdeg: int | None = None
    satellites: int | None = None
    hdop_c: int | None = None
    battery_mv: int | None = None
    temperature_cc: int | None = None
    activity: int | None = None
    mortality: bool | None = None
    counter: int | None = None
    flags: tuple[str, ...] = ()
    format: str = "unknown"

    def __post_init__(self) -> None:
        _check_name("device", self.device)
        _check_name("kind", self.kind)
        _check_name("format", self.format)
        _check_int("fixed_at_ms", self.fixed_at_ms, 0, _BIGGEST_MS, optional=False)
        _check_int("lon_e7", self.lon_e7, -1_800_000_000, 1_800_000_000, optional=False)
        _check_int("lat_e7", self.lat_e7, -900_000_000, 900_000_000, optional=False)
        _check_bool("mortality", self.mortality)
        if not isinstance(self.flags, tuple) or not all(map(_is_word, self.flags)):
            raise _refuse(f"flags are {self.flags!r}: words such as poor_accuracy are.", "bad_flag")
        _check_bounds(self)


@dataclass(frozen=True, slots=True)
class Status:
    """What a device says of itself without a position.

    ``said_at_ms`` is the device's time, or the time of receipt if it gave none. ``text`` is a
    short word of the device's own, for example a modem's error line.
    """

    device: str
    said_at_ms: int
    battery_mv: int | None = None
    temperature_cc: int | None = None
    activity: int | None = None
    mortality: bool | None = None
    counter: int | None = None
    text: str | None = None
    format: str = "unknown"

    def __post_init__(self) -> None:
        _check_name("device", self.device)
        _check_name("format", self.format)
        _check_int("said_at_ms", self.said_at_ms, 0, _BIGGEST_MS, optional=False)
        _check_bool("mortality", self.mortality)
        if self.text is not None:
            _check_name("text", self.text)
        _check_bounds(self)


@dataclass(frozen=True, slots=True)
class Reception:
    """One gateway hearing one message: when, on which port, how well, and the bytes themselves.

    ``mono_ns`` and ``boot`` let a wrong gateway clock be put right later.
    """

    received_at_ms: int
    port: str
    raw: bytes
    mono_ns: int = 0
    boot: str = ""
    rssi_dbm: int | None = None
    snr_cdb: int | None = None

    def __post_init__(self) -> None:
        _check_name("port", self.port)
        _check_int("received_at_ms", self.received_at_ms, 0, _BIGGEST_MS, optional=False)
        _check_int("mono_ns", self.mono_ns, 0, 2**63 - 1, optional=False)
        _check_bounds(self)


@dataclass(frozen=True, slots=True)
class Gone:
    """A number whose message the gateway no longer has, and why: so that no gap is unexplained."""

    reason: str

    def __post_init__(self) -> None:
        _check_name("reason", self.reason)


@dataclass(frozen=True, slots=True)
class Message:
    """One numbered entry of a gateway's spool. ``reception`` is None only for `Gone`."""

    number: int
    body: Fix | Status | Gone
    reception: Reception | None = None

    def __post_init__(self) -> None:
        _check_int("number", self.number, 1, 2**62, optional=False)
        if (self.reception is None) != isinstance(self.body, Gone):
            raise _refuse("Every message but a tombstone has a reception.", "bad_message")


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive messages of one gateway, from one life (``epoch``) of its spool."""

    gateway: str
    epoch: str
    messages: tuple[Message, ...]

    def __post_init__(self) -> None:
        _check_name("gateway", self.gateway)
        _check_name("epoch", self.epoch)
        if not self.messages:
            raise _refuse("A batch holds at least one message.", "empty_batch")
        numbers = [message.number for message in self.messages]
        if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            raise _refuse(
                "The numbers of a batch must follow each other without a gap.", "bad_order"
            )

    @property
    def first(self) -> int:
        """Number of the first message."""
        return self.messages[0].number

    @property
    def last(self) -> int:
        """Number of the last message."""
        return self.messages[-1].number


@dataclass(frozen=True, slots=True)
class Receipt:
    """The server has committed every message of ``epoch`` up to and including ``through``."""

    epoch: str
    through: int

    def __post_init__(self) -> None:
        _check_name("epoch", self.epoch)
        _check_int("through", self.through, 0, 2**62, optional=False)


@dataclass(frozen=True, slots=True)
class GatewayState:
    """A gateway's last word: whether it is connected, and what it has counted since it started.

    ``counters`` maps a dotted name (``hut.frames.refused.bad_checksum``) to a count.
    """

    gateway: str
    online: bool
    said_at_ms: int
    epoch: str
    kept: int = 0
    receipted: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    version: str = ""

    def __post_init__(self) -> None:
        _check_name("gateway", self.gateway)
        _check_name("epoch", self.epoch)
        if not isinstance(self.online, bool) or not isinstance(self.counters, dict):
            raise _refuse(
                "A state needs `online`, a boolean, and `counters`, an object.", "bad_message"
            )
        _check_int("said_at_ms", self.said_at_ms, 0, _BIGGEST_MS, optional=False)
        _check_int("kept", self.kept, 0, 2**62, optional=False)
        _check_int("receipted", self.receipted, 0, 2**62, optional=False)
        for name, count in self.counters.items():
            _check_name("counter", name)
            _check_int(name, count, 0, 2**62, optional=False)


def as_json(message: Any) -> dict[str, Any]:
    """Fields of a message that are not missing, by their own names, ready for JSON."""
    found: dict[str, Any] = {}
    for name in message.__dataclass_fields__:
        value = getattr(message, name)
        if value is not None and value != () and not isinstance(value, bytes):
            found[name] = list(value) if isinstance(value, tuple) else value
    return found


# Every message of every batch passes here; looking up its fields anew would be half the work.
_BOUNDED: Final = {
    kind: tuple((item.name, *_BOUNDS[item.name]) for item in fields(kind) if item.name in _BOUNDS)
    for kind in (Fix, Status, Reception)
}
