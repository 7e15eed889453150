"""The Ecoduct collar frame, version 1 (docs/protocols/collar-frame.md)."""

from binascii import crc_hqx
from collections.abc import Iterator
from typing import Any, Final

from ecoduct_edge.decoders.fields import Field, Layout
from ecoduct_edge.errors import FrameError
from ecoduct_wire.messages import Fix, Flag, Status

_MAGIC: Final = 0xEC
_VERSION: Final = 1
_SINGLE: Final = 1
_STORED: Final = 2
_STATUS: Final = 3
_MOST_RECORDS: Final = 12
_COUNT_AT: Final = 12
_FLAG_MORTALITY: Final = 1
_FLAG_NO_POSITION: Final = 2

_HEADER = Layout(
    Field(1, "B", "kind"),
    Field(2, "I", "id"),
    Field(6, "H", "counter"),
)
_HEALTH = Layout(
    Field(0, "H", "battery_mv", 0xFFFF),
    Field(2, "h", "temperature_cc", -32768),
)
_HEALTH_AT: Final = _HEADER.size
_RECORD = Layout(
    Field(0, "I", "fixed_at_s"),
    Field(4, "i", "lon_e7"),
    Field(8, "i", "lat_e7"),
    Field(12, "H", "accuracy_dm", 0xFFFF),
    Field(14, "B", "satellites", 0xFF),
    Field(15, "B", "activity", 0xFF),
    Field(16, "B", "flags"),
)
_STATE = Layout(Field(0, "B", "activity", 0xFF), Field(1, "B", "flags"))
_BODY_AT: Final = _HEALTH_AT + _HEALTH.size
_CHECK: Final = 2


def read_messages(payload: bytes, *, received_at_ms: int, form: str) -> list[Fix | Status]:
    """Messages of one frame, oldest first.

    Parameters
    ----------
    received_at_ms : int, ms
        Stands in where the collar has no clock.
    form : str
        What to call the format.

    Raises
    ------
    FrameError
        ``bad_magic bad_length bad_checksum bad_version bad_type bad_field bad_position``
    """
    kind = _checked_kind(payload)
    header = _HEADER.read(payload)
    health: dict[str, Any] = {**_HEALTH.read(payload, at=_HEALTH_AT)}
    common: dict[str, Any] = {
        "device": f"collar:{header['id']}",
        "counter": header["counter"],
        "format": form,
    }
    if kind == _STATUS:
        state: dict[str, Any] = _STATE.read(payload, at=_BODY_AT)
        mortality = _mortality(state.pop("flags"), known=_FLAG_MORTALITY)
        return [Status(**common, **health, **state, mortality=mortality, said_at_ms=received_at_ms)]
    records = list(_records(payload, kind))
    # Battery and temperature belong to the moment of sending, so to the newest record.
    return [
        _message(record, received_at_ms, common | (health if record is records[-1] else {}))
        for record in records
    ]


def _checked_kind(payload: bytes) -> int:
    if payload[:1] and payload[0] != _MAGIC:
        raise FrameError("bad_magic", f"The first byte is 0x{payload[0]:02X}, not 0xEC.")
    expected = _expected_size(payload)
    if len(payload) < _HEADER.size + _CHECK or expected not in (None, len(payload)):
        raise FrameError("bad_length", f"{len(payload)} bytes; {expected} were expected.")
    check = crc_hqx(payload[:-_CHECK], 0xFFFF)
    if check != int.from_bytes(payload[-_CHECK:], "little"):
        raise FrameError("bad_checksum", f"Expected 0x{check:04X}.")
    version, kind = payload[1] >> 4, payload[1] & 0x0F
    if version != _VERSION:
        raise FrameError("bad_version", f"Version {version}; this program reads {_VERSION}.")
    if kind not in (_SINGLE, _STORED, _STATUS):
        raise FrameError("bad_type", f"Type {kind} is not known.")
    return kind


def _expected_size(payload: bytes) -> int | None:
    """Size by type and number of records; None where the type does not tell."""
    kind = payload[1] & 0x0F if len(payload) > 1 else None
    if kind == _STATUS:
        return _BODY_AT + _STATE.size + _CHECK
    if kind == _STORED:
        count = payload[_COUNT_AT] if len(payload) > _COUNT_AT else 0
        count = min(max(count, 1), _MOST_RECORDS)
        return _BODY_AT + 1 + count * _RECORD.size + _CHECK
    return _BODY_AT + _RECORD.size + _CHECK if kind == _SINGLE else None


def _records(payload: bytes, kind: int) -> Iterator[dict[str, int]]:
    start = _BODY_AT if kind == _SINGLE else _BODY_AT + 1
    for at in range(start, len(payload) - _CHECK, _RECORD.size):
        yield _RECORD.read(payload, at=at)


def _message(record: dict[str, int], received_at_ms: int, common: dict[str, Any]) -> Fix | Status:
    flags = record["flags"]
    mortality = _mortality(flags, known=_FLAG_MORTALITY | _FLAG_NO_POSITION)
    at_ms = record["fixed_at_s"] * 1000 or received_at_ms
    common = common | {"mortality": mortality, "activity": record.get("activity")}
    if flags & _FLAG_NO_POSITION:
        return Status(said_at_ms=at_ms, **common)
    lon_e7, lat_e7 = record["lon_e7"], record["lat_e7"]
    if abs(lon_e7) > 1_800_000_000 or abs(lat_e7) > 900_000_000:  # noqa: PLR2004 - the globe
        raise FrameError("bad_position", "The longitude or latitude is not on the globe.")
    accuracy_dm = record.get("accuracy_dm")
    return Fix(
        fixed_at_ms=at_ms,
        lon_e7=lon_e7,
        lat_e7=lat_e7,
        h_acc_mm=None if accuracy_dm is None else accuracy_dm * 100,
        satellites=record.get("satellites"),
        flags=() if record["fixed_at_s"] else (Flag.TIME_FROM_GATEWAY.value,),
        **common,
    )


def _mortality(flags: int, *, known: int) -> bool:
    if flags & ~known:
        raise FrameError("bad_field", f"Reserved flag bits are set: 0x{flags:02X}.")
    return bool(flags & _FLAG_MORTALITY)
