"""Alerts: the list, acknowledging, and the live stream."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from ecoduct_server.access.sensitivity import Viewer
from ecoduct_server.errors import BadRequest
from ecoduct_server.routes.asked import Database, Looking, Running, iso, must_be_trusted
from ecoduct_server.services import Services
from ecoduct_server.store import alerts, reading

router = APIRouter(prefix="/api/alerts", tags=["alerts"])

Status = Literal["open", "acknowledged", "withdrawn", "all"]
Number = Annotated[int, Path(ge=1, le=2**62)]

_TIMES = ("happened_at", "raised_at", "acknowledged_at", "withdrawn_at")
_QUIET_S = 15.0  # proxies close a silent line after 30 to 60 s
_LONGEST_NOTE = 2000


@router.get("")
def listed(
    connection: Database,
    viewer: Looking,
    status: Status = "open",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> dict[str, Any]:
    """Alerts, newest first."""
    # Read first: an event that comes in between is told twice rather than never.
    last_event = alerts.last_event(connection)
    rows = alerts.listed(connection, viewer=viewer, status=status, limit=limit, before=before)
    return {
        "alerts": [shown(row) for row in rows],
        "last_event_id": last_event,
        "open": alerts.count_open(connection, viewer=viewer),
    }


@router.post("/{number}/acknowledge")
async def acknowledge(
    request: Request, running: Running, viewer: Looking, number: Number
) -> Response:
    """Mark an alert as seen; from a form, go back to the script-free page."""
    must_be_trusted(viewer)
    given, from_form = await _given(request)
    by = str(given.get("by") or "ranger")[:_LONGEST_NOTE]
    note = str(given["note"])[:_LONGEST_NOTE] if given.get("note") else None

    def work() -> dict[str, Any]:
        with running.pool.connection() as connection:
            return alerts.acknowledge(connection, number, viewer=viewer, by=by, note=note)

    row = await run_in_threadpool(work)
    if from_form:
        return RedirectResponse("/lite", status_code=303)
    return JSONResponse(shown(row))


@router.post("/{number}/reopen")
def reopen(connection: Database, viewer: Looking, number: Number) -> dict[str, Any]:
    """Undo an acknowledgement."""
    must_be_trusted(viewer)
    row = alerts.reopen(connection, number, viewer=viewer)
    connection.commit()  # before the answer, not after it
    return shown(row)


@router.get("/stream")
async def stream(
    running: Running,
    viewer: Looking,
    last_event_id: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    header: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> StreamingResponse:
    """Server-sent events: every alert that changes, and which animals have new fixes."""
    # A browser that reconnects sends the header; it is newer than the address it began with.
    since = int(header) if header and header.isascii() and header.isdigit() else last_event_id
    if since is not None and since >= 2**62:
        since = None
    return StreamingResponse(
        _events(running, viewer.exact, since),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """An alert as JSON."""
    return {**row, **{name: iso(row[name]) for name in _TIMES}}


async def _events(running: Services, exact: bool, since: int | None) -> AsyncIterator[str]:  # noqa: FBT001
    at = since if since is not None else await run_in_threadpool(_last_event, running)
    yield ": here\n\n"
    async for deployments in running.hub.changes(every_s=_QUIET_S):
        viewer = Viewer(exact=exact, now_ms=running.clock.now_ms())
        rows, animals = await run_in_threadpool(_news, running, viewer, at, deployments)
        for row in rows:
            at = row.pop("event_id")
            yield f"event: alert\nid: {at}\ndata: {json.dumps(shown(row))}\n\n"
        if animals:
            yield f"event: fixes\ndata: {json.dumps({'animals': animals})}\n\n"
        if not rows and not animals:
            yield ": quiet\n\n"


def _news(
    running: Services, viewer: Viewer, since: int, deployments: set[int]
) -> tuple[list[dict[str, Any]], list[str]]:
    with running.pool.connection() as connection:
        rows = alerts.events_since(connection, since, viewer=viewer)
        return rows, reading.animals_of(connection, deployments)


def _last_event(running: Services) -> int:
    with running.pool.connection() as connection:
        return alerts.last_event(connection)


async def _given(request: Request) -> tuple[dict[str, Any], bool]:
    kind = request.headers.get("Content-Type", "")
    if kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        return dict(await request.form()), True
    body = await request.body()
    try:
        given = json.loads(body) if body else {}
    except (ValueError, RecursionError) as error:
        raise _bad_body() from error
    if not isinstance(given, dict):
        raise _bad_body()
    return given, False


def _bad_body() -> BadRequest:
    return BadRequest(
        "The body is not a JSON object.",
        where="body",
        remedy='Send {"by": "…", "note": "…"}, or nothing.',
    )
