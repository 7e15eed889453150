"""Fixes, receptions and what else a batch holds: written once, in key order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

from ecoduct_server.store.pool import Connection
from ecoduct_wire.clock import to_datetime
from ecoduct_wire.messages import Batch, Fix, Gone, Message, Reception, Status

_FIX_TYPES = {
    "device": "text", "fixed_at_ms": "int8", "lon_e7": "int4", "lat_e7": "int4", "kind": "text",
    "h_acc_mm": "int4", "height_mm": "int4", "speed_mm_s": "int4", "heading_cdeg": "int4",
    "satellites": "int2", "hdop_c": "int4", "battery_mv": "int4", "temperature_cc": "int4",
    "activity": "int4", "mortality": "bool", "counter": "int8", "flags": "text", "format": "text",
}  # fmt: skip
_AT = "timestamptz 'epoch' + {0} * interval '1 millisecond'"
_COLUMNS = ", ".join(name.replace("fixed_at_ms", "fixed_at") for name in _FIX_TYPES)
_VALUES = ", ".join(
    {"fixed_at_ms": _AT.format("fixed_at_ms"), "flags": "string_to_array(flags, ',')"}.get(
        name, name
    )
    for name in _FIX_TYPES
)
# Key order, so that two writers that hear the same collars wait for each other and never deadlock.
_INSERT_FIXES = f"""
    INSERT INTO fix ({_COLUMNS}, stored_at)
    SELECT {_VALUES}, %s FROM unnest({", ".join(f"%s::{kind}[]" for kind in _FIX_TYPES.values())})
        AS given ({", ".join(_FIX_TYPES)})
    ORDER BY device, fixed_at_ms, kind
    ON CONFLICT DO NOTHING
    RETURNING device, fixed_at
"""  # noqa: S608 - made of the literals above
_INSERT_CONFLICTS = f"""
    INSERT INTO conflict (gateway, epoch, number, device, fixed_at, kind, lon_e7, lat_e7)
    SELECT g.gateway, g.epoch, g.number, g.device, kept.fixed_at, g.kind, g.lon_e7, g.lat_e7
    FROM unnest(%s::text[], %s::text[], %s::int8[], %s::text[], %s::int8[], %s::text[], %s::int4[],
        %s::int4[]) AS g (gateway, epoch, number, device, fixed_at_ms, kind, lon_e7, lat_e7)
    JOIN fix kept ON kept.device = g.device AND kept.kind = g.kind
        AND kept.fixed_at = {_AT.format("g.fixed_at_ms")}
    WHERE (kept.lon_e7, kept.lat_e7) <> (g.lon_e7, g.lat_e7)
    ON CONFLICT DO NOTHING
"""  # noqa: S608
_INSERT_RECEPTIONS = f"""
    INSERT INTO reception (gateway, epoch, number, device, fixed_at, kind, received_at, port, boot,
        mono_ns, rssi_dbm, snr_cdb, raw)
    SELECT gateway, epoch, number, device, {_AT.format("fixed_at_ms")}, kind,
        {_AT.format("received_at_ms")}, port, boot, mono_ns, rssi_dbm, snr_cdb, raw
    FROM unnest(%s::text[], %s::text[], %s::int8[], %s::text[], %s::int8[], %s::text[], %s::int8[],
        %s::text[], %s::text[], %s::int8[], %s::int2[], %s::int2[], %s::bytea[]) AS given (gateway,
        epoch, number, device, fixed_at_ms, kind, received_at_ms, port, boot, mono_ns, rssi_dbm,
        snr_cdb, raw)
    ORDER BY gateway, epoch, number
    ON CONFLICT DO NOTHING
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Kept:
    """What a write added: device and time (ms) range of the new fixes, and how many."""

    stored: int
    spans: dict[str, tuple[int, int]]


def insert_fixes(connection: Connection, given: Sequence[Fix], *, stored_at_ms: int) -> Kept:
    """Store fixes whose keys are new.

    The first stored under a key stays; the caller records what differs (`insert_conflicts`).
    """
    columns = [
        [",".join(fix.flags) if name == "flags" else getattr(fix, name) for fix in given]
        for name in _FIX_TYPES
    ]
    rows = connection.execute(_INSERT_FIXES, [to_datetime(stored_at_ms), *columns]).fetchall()
    spans: dict[str, tuple[int, int]] = {}
    for row in rows:
        at = round(row["fixed_at"].timestamp() * 1000)
        low, high = spans.get(row["device"], (at, at))
        spans[row["device"]] = (min(low, at), max(high, at))
    return Kept(stored=len(rows), spans=spans)


def insert_heard(connection: Connection, batches: Iterable[Batch]) -> None:
    """Store receptions of fixes, statuses and tombstones of batches; again is no harm."""
    heard: list[tuple[Batch, Message, Fix, Reception]] = []
    for batch in batches:
        for message in batch.messages:
            body, reception = message.body, message.reception
            if isinstance(body, Fix) and reception is not None:
                heard.append((batch, message, body, reception))
            elif isinstance(body, Status) and reception is not None:
                _insert_status(connection, batch, message.number, body, reception)
            elif isinstance(body, Gone):
                connection.execute(
                    "INSERT INTO gone VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    (batch.gateway, batch.epoch, message.number, body.reason),
                )
    keys = [
        [b.gateway for b, _, _, _ in heard],
        [b.epoch for b, _, _, _ in heard],
        [m.number for _, m, _, _ in heard],
        [f.device for _, _, f, _ in heard],
        [f.fixed_at_ms for _, _, f, _ in heard],
        [f.kind for _, _, f, _ in heard],
    ]
    names = ("received_at_ms", "port", "boot", "mono_ns", "rssi_dbm", "snr_cdb", "raw")
    receptions = [[getattr(r, name) for _, _, _, r in heard] for name in names]
    connection.execute(_INSERT_RECEPTIONS, [*keys, *receptions])
    places = [[f.lon_e7 for _, _, f, _ in heard], [f.lat_e7 for _, _, f, _ in heard]]
    connection.execute(_INSERT_CONFLICTS, [*keys, *places])


def _insert_status(
    connection: Connection, batch: Batch, number: int, status: Status, heard: Reception
) -> None:
    names = [item.name for item in fields(Status) if item.name != "said_at_ms"]
    values = [getattr(status, name) for name in names]
    connection.execute(
        f"INSERT INTO status (gateway, epoch, number, said_at, raw, {', '.join(names)}) "  # noqa: S608
        f"VALUES (%s, %s, %s, %s, %s{', %s' * len(names)}) ON CONFLICT DO NOTHING",
        [batch.gateway, batch.epoch, number, to_datetime(status.said_at_ms), heard.raw, *values],
    )
