"""A batch on the air: JSON with a schema number inside, deflated (docs/wire.md).

Decoding is safe on any bytes: bounded before it is inflated, and every refusal is a `WireError`
with a reason to count.
"""

import json
import zlib
from base64 import b64decode, b64encode
from typing import Any, Final, TypeVar

from ecoduct_wire.errors import WireError
from ecoduct_wire.messages import (
    Batch,
    Fix,
    GatewayState,
    Gone,
    Message,
    Receipt,
    Reception,
    Status,
    as_json,
)

T = TypeVar("T")

SCHEMA: Final = 1
CONTENT_TYPE: Final = "application/vnd.ecoduct.batch+json;deflate"
MAX_INFLATED: Final = 8 * 1024 * 1024  # a batch of 1,000 messages is below 1 MiB; a bomb is not

_BODIES: Final[dict[str, type[Fix | Status | Gone]]] = {"fix": Fix, "status": Status, "gone": Gone}
_TYPES: Final = {body: name for name, body in _BODIES.items()}


def encode(batch: Batch) -> bytes:
    """Bytes of a batch; the same batch always gives the same bytes."""
    return zlib.compress(
        _dump(
            {
                "schema": SCHEMA,
                "gateway": batch.gateway,
                "epoch": batch.epoch,
                "first": batch.first,
                "messages": [_message_to_json(message) for message in batch.messages],
            }
        ),
        6,
    )


def decode(payload: bytes) -> Batch:
    """Read a batch.

    Raises
    ------
    WireError
        With ``reason`` one of ``not_deflated too_large bad_json bad_schema bad_message`` or a
        reason of `ecoduct_wire.messages`.
    """
    return build_batch(_load(_inflate(payload)))


def encode_message(message: Message) -> bytes:
    """One message as JSON, the form in which a spool keeps it."""
    return _dump(_message_to_json(message))


def decode_message(data: bytes, *, number: int) -> Message:
    """Read what `encode_message` wrote; the number is the spool's."""
    return _message_from_json(_load(data), number)


def encode_receipt(receipt: Receipt) -> bytes:
    """Bytes of a receipt."""
    return _dump({"schema": SCHEMA, **as_json(receipt)})


def decode_receipt(payload: bytes) -> Receipt:
    """Read a receipt; raises `WireError`."""
    return _build(Receipt, _with_schema(_load(payload)))


def encode_state(state: GatewayState) -> bytes:
    """Bytes of a gateway's state."""
    return _dump({"schema": SCHEMA, **as_json(state)})


def decode_state(payload: bytes) -> GatewayState:
    """Read a gateway's state; raises `WireError`."""
    return _build(GatewayState, _with_schema(_load(payload)))


def build_batch(found: Any) -> Batch:
    """Batch of decoded JSON; raises `WireError`."""
    body = _with_schema(found)
    rows, first = body.get("messages"), body.get("first")
    if not isinstance(rows, list) or not isinstance(first, int) or isinstance(first, bool):
        raise _refuse("A batch needs `first`, a number, and `messages`, a list.", "bad_message")
    messages = tuple(_message_from_json(row, first + place) for place, row in enumerate(rows))
    return _build(
        Batch, {"gateway": body.get("gateway"), "epoch": body.get("epoch"), "messages": messages}
    )


def _message_to_json(message: Message) -> dict[str, Any]:
    row: dict[str, Any] = {"type": _TYPES[type(message.body)], **as_json(message.body)}
    if message.reception is not None:
        heard = as_json(message.reception)
        heard["raw"] = b64encode(message.reception.raw).decode()
        row["heard"] = heard
    return row


def _message_from_json(row: Any, number: int) -> Message:
    if not isinstance(row, dict):
        raise _refuse("A message is a JSON object.", "bad_message")
    given = dict(row)
    kind = given.pop("type", None)
    body_type = _BODIES.get(kind) if isinstance(kind, str) else None
    if body_type is None:
        raise _refuse(f"{kind!r} is not a type of message.", "bad_message")
    heard = given.pop("heard", None)
    if "flags" in given:
        flags = given["flags"]
        given["flags"] = tuple(flags) if isinstance(flags, list) else flags
    return _build(
        Message,
        {
            "number": number,
            "body": _build(body_type, given),
            "reception": None if heard is None else _reception_from_json(heard),
        },
    )


def _reception_from_json(heard: Any) -> Reception:
    if not isinstance(heard, dict) or not isinstance(heard.get("raw"), str):
        raise _refuse("`heard` needs the raw bytes in base64.", "bad_message")
    try:
        raw = b64decode(heard["raw"], validate=True)
    except ValueError as error:
        raise _refuse("`raw` is not base64.", "bad_message") from error
    return _build(Reception, {**heard, "raw": raw})


def _build(kind: type[T], given: dict[str, Any]) -> T:
    try:
        return kind(**given)
    except TypeError as error:
        raise _refuse(f"{kind.__name__}: {error}", "bad_message") from error


def _with_schema(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise _refuse("A JSON object was expected.", "bad_json")
    body = dict(found)
    schema = body.pop("schema", None)
    if schema != SCHEMA:
        raise _refuse(
            f"Schema {schema!r} is not known here; this program reads {SCHEMA}.", "bad_schema"
        )
    return body


def _dump(found: dict[str, Any]) -> bytes:
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()


def _load(data: bytes) -> Any:
    try:
        return json.loads(data)
    # A deeply nested text overflows the parser's stack, and a huge number its limit on digits.
    except (ValueError, RecursionError) as error:
        raise _refuse("The payload is not JSON.", "bad_json") from error


def _inflate(payload: bytes) -> bytes:
    engine = zlib.decompressobj()
    try:
        data = engine.decompress(payload, MAX_INFLATED)
    except zlib.error as error:
        raise _refuse("The payload is not deflated.", "not_deflated") from error
    if engine.unconsumed_tail:
        raise _refuse(f"The payload inflates to more than {MAX_INFLATED} bytes.", "too_large")
    if not engine.eof:
        raise _refuse("The payload ends early.", "not_deflated")
    return data


def _refuse(what: str, reason: str) -> WireError:
    return WireError(
        what,
        where="batch",
        remedy="See docs/wire.md; the payload is kept in `reject`.",
        reason=reason,
    )
