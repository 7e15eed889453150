"""`ecoduct trace ID`: the walk of docs/architecture.md for one real fix."""

from collections.abc import Iterator
from typing import Any

from ecoduct_server.commands.stores import with_database
from ecoduct_server.commands.terminal import out, table
from ecoduct_server.settings import ServerSettings
from ecoduct_server.store import due, traces
from ecoduct_server.store.traces import Trace
from ecoduct_wire.clock import to_iso, to_ms

Line = tuple[str, str]

_SHOWN_BYTES = 120
_LONG_H = 72


def trace(settings: ServerSettings, identity: str) -> None:
    """Print the way of one fix from its bytes to its alerts."""
    with with_database(settings) as connection:
        found = traces.find(connection, identity)
        waiting = due.waiting(connection)
    shown = table("step", "what", title=f"{found.fix['device']} at {_iso(found.fix['fixed_at'])}\n")
    for step, what in (*_edge(found), *_server(found), *_watch(found, waiting)):
        shown.add_row(step, what)
    out.print(shown, markup=False)


def _edge(found: Trace) -> Iterator[Line]:
    if not found.receptions:
        yield "edge: heard", "no reception is kept of it"
    for heard in found.receptions:
        raw = heard["raw"]
        more = f" … {len(raw)} bytes" if len(raw) > _SHOWN_BYTES else f" ({len(raw)} bytes)"
        signal = "" if heard["rssi_dbm"] is None else f", {heard['rssi_dbm']} dBm"
        at = _iso(heard["received_at"])
        yield "edge: port", f"{heard['gateway']} read it on {heard['port']!r} at {at}{signal}"
        yield "edge: bytes", raw[:_SHOWN_BYTES].hex() + more
        yield "edge: spool", f"message {heard['gateway']}/{heard['epoch']}/{heard['number']}"
    fix = found.fix
    yield "edge: decode", f"{fix['format']}: " + _quantities(fix)
    yield "edge: flag", ", ".join(fix["flags"]) or "no doubt"


def _server(found: Trace) -> Iterator[Line]:
    fix = found.fix
    place = f"{fix['lon_e7'] / 1e7:.7f}, {fix['lat_e7'] / 1e7:.7f}"
    yield (
        "server: keep",
        f"fix ({fix['device']}, {_iso(fix['fixed_at'])}, {fix['kind']}) at {place}",
    )
    yield (
        "server: keep",
        f"stored {_iso(fix['stored_at'])}; {len(found.receptions)} receptions of it",
    )
    for conflict in found.conflicts:
        other = f"{conflict['lon_e7'] / 1e7:.7f}, {conflict['lat_e7'] / 1e7:.7f}"
        name = f"{conflict['gateway']}/{conflict['epoch']}/{conflict['number']}"
        yield "server: conflict", f"{name} says {other}; kept beside it"
    for spool in found.spools:
        name = f"{spool['gateway']}/{spool['epoch']}"
        yield "server: receipt", f"{name} committed through {spool['through']}"
    if found.deployment is None:
        yield "server: attribute", "on no animal at that time: see `ecoduct import deployments`"
    else:
        yield (
            "server: attribute",
            f"{found.deployment['animal']} wore it ({_span(found.deployment)})",
        )


def _watch(found: Trace, waiting: int) -> Iterator[Line]:
    if waiting:
        yield "watch: due", f"{waiting} tracks wait to be examined; what follows may change"
    if not found.findings:
        yield "watch: findings", "none rests on it"
    for finding in found.findings:
        state = (
            f"withdrawn {_iso(finding['withdrawn_at'])}" if finding["withdrawn_at"] else "stands"
        )
        place = f" of {finding['place']}" if finding["place"] else ""
        what = f"{finding['kind']}{place} at {_iso(finding['happened_at'])}"
        yield f"watch: finding:{finding['id']}", f"{what}, revision {finding['revision']}, {state}"
    for alert in found.alerts:
        late = f", late by {_age(alert['age_s'])}" if alert["late"] else ""
        seen = f", seen by {alert['acknowledged_by']}" if alert["acknowledged_by"] else ""
        taken_back = ", withdrawn" if alert["withdrawn_at"] else ""
        what = f"raised {_iso(alert['raised_at'])} for finding:{alert['finding']}"
        yield f"alert:{alert['id']}", what + late + seen + taken_back


def _quantities(fix: dict[str, Any]) -> str:
    names = ("h_acc_mm", "height_mm", "speed_mm_s", "heading_cdeg", "satellites", "hdop_c",
             "battery_mv", "temperature_cc", "activity", "mortality", "counter")  # fmt: skip
    known = [f"{name} {fix[name]}" for name in names if fix[name] is not None]
    return ", ".join(known) or "position and time only"


def _span(deployment: dict[str, Any]) -> str:
    since, until = deployment["since"], deployment["until"]
    return f"{_iso(since) if since else 'always'} to {_iso(until) if until else 'now'}"


def _age(age_s: float) -> str:
    hours = age_s / 3600
    return f"{hours:.1f} h" if hours < _LONG_H else f"{hours / 24:.0f} days"


def _iso(at: Any) -> str:
    return to_iso(to_ms(at))
