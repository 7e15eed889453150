"""The live map and its script-free sister."""

from importlib.resources import files
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, HTMLResponse

from ecoduct_server.lite import render_lite
from ecoduct_server.routes.alerts import shown
from ecoduct_server.routes.asked import Database, Looking, Running, Selected
from ecoduct_server.routes.fixes import track_features
from ecoduct_server.store import alerts, landscape, reading
from ecoduct_wire.clock import ScaledClock, to_iso

router = APIRouter(include_in_schema=False)

_TRAIL = 40  # positions a trail shows where every byte costs


@router.get("/")
def live_map() -> FileResponse:
    """The map."""
    return FileResponse(str(files("ecoduct_server").joinpath("web/index.html")))


@router.get("/lite")
def lite(
    running: Running,
    connection: Database,
    viewer: Looking,
    selected: Selected,
    status: Literal["open", "all"] = "open",
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> HTMLResponse:
    """The same without scripts, small enough for a thin link."""
    rows = alerts.listed(connection, viewer=viewer, status=status, limit=limit)
    trails = reading.tracks(connection, selected, viewer=viewer, points=_TRAIL)
    clock = running.clock
    page = render_lite(
        alerts=[shown(row) for row in rows],
        tracks=track_features(trails),
        landscape=landscape.as_geojson(connection),
        now=to_iso(clock.now_ms()),
        clock_rate=clock.rate if isinstance(clock, ScaledClock) else 1.0,
        showing=status,
    )
    return HTMLResponse(page)
