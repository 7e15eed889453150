"""Fixes, tracks and animals."""

import base64
import csv
import io
import json
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from ecoduct_server.errors import BadRequest
from ecoduct_server.routes.asked import Database, Looking, Selected, iso
from ecoduct_server.store import reading

router = APIRouter(prefix="/api", tags=["fixes"])

CSV = "text/csv; charset=utf-8"
Vertex = TypeVar("Vertex")

# Column names of Movebank's vocabulary, so that its tools and R's read the file as it is.
MOVEBANK = {
    "individual-local-identifier": "animal",
    "individual-taxon-canonical-name": "species",
    "tag-local-identifier": "device",
    "timestamp": "fixed_at",
    "location-long": "lon",
    "location-lat": "lat",
    "height-above-msl": "height_m",
    "ground-speed": "speed_m_s",
    "heading": "heading_deg",
    "gps:satellite-count": "satellites",
    "gps:hdop": "hdop",
    "eobs:horizontal-accuracy-estimate": "h_acc_m",
    "tag-voltage": "battery_mv",
    "external-temperature": "temperature_c",
}
_SCALED = {
    "height_m": ("height_mm", 1000),
    "speed_m_s": ("speed_mm_s", 1000),
    "heading_deg": ("heading_cdeg", 100),
    "hdop": ("hdop_c", 100),
    "h_acc_m": ("h_acc_mm", 1000),
    "temperature_c": ("temperature_cc", 100),
}


@router.get("/fixes")
def fixes(
    request: Request,
    connection: Database,
    viewer: Looking,
    selected: Selected,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    cursor: str | None = None,
    format: Literal["geojson", "csv"] = "geojson",  # noqa: A002 - the word of the query
) -> Response:
    """Fixes in order of time, a page at a time."""
    rows = reading.fixes(
        connection, selected, viewer=viewer, limit=limit + 1, after=_read_cursor(cursor)
    )
    page, more = rows[:limit], len(rows) > limit
    following = _write_cursor(page[-1]) if more else None
    headers = _next_page(request, following)
    if format == "csv":
        return Response(_csv(page), media_type=CSV, headers=headers)
    features = [_feature(row) for row in page]
    body = {"type": "FeatureCollection", "features": features, "next": following}
    return JSONResponse(body, headers=headers, media_type="application/geo+json")


@router.get("/tracks")
def tracks(
    request: Request,
    connection: Database,
    viewer: Looking,
    selected: Selected,
    points: Annotated[int, Query(ge=1, le=5000)] = 500,
    limit: Annotated[int, Query(ge=1, le=10_000, description="animals")] = 1000,
    cursor: Annotated[str | None, Query(description="the last animal known")] = None,
    format: Literal["geojson", "csv"] = "geojson",  # noqa: A002 - the word of the query
) -> Response:
    """One line for each animal, through its newest positions; a page of animals at a time."""
    rows = reading.tracks(
        connection, selected, viewer=viewer, points=points, limit=limit + 1, after=cursor
    )
    page = rows[:limit]
    following = page[-1]["animal"] if len(rows) > limit else None
    headers = _next_page(request, following)
    if format == "csv":
        return Response(_track_csv(page), media_type=CSV, headers=headers)
    body = {**track_features(page), "next": following}
    return JSONResponse(body, headers=headers, media_type="application/geo+json")


@router.get("/animals")
def animals(connection: Database, viewer: Looking) -> dict[str, Any]:
    """Every animal and where it was last."""
    rows = reading.animals(connection, viewer=viewer)
    return {"animals": [{**row, "last_fixed_at": iso(row["last_fixed_at"])} for row in rows]}


def track_features(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Lines of `reading.tracks` as a FeatureCollection."""
    features = [
        {
            "type": "Feature",
            "id": row["animal"],
            "geometry": {"type": "LineString", "coordinates": _line(row["lon"], row["lat"])},
            "properties": {
                "animal": row["animal"],
                "species": row["species"],
                "last_fixed_at": iso(row["last_fixed_at"]),
                "times": _at_least_two([iso(at) for at in row["times"]]),
            },
        }
        for row in rows
    ]
    return {"type": "FeatureCollection", "features": features}


def _line(lon: list[float], lat: list[float]) -> list[tuple[float, float]]:
    return _at_least_two(list(zip(lon, lat, strict=True)))


def _at_least_two(vertices: list[Vertex]) -> list[Vertex]:
    # A line needs two points; an animal heard once is a line of no length.
    return vertices * 2 if len(vertices) == 1 else vertices


def _next_page(request: Request, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    return {"Link": f'<{request.url.include_query_params(cursor=cursor)}>; rel="next"'}


def _feature(row: dict[str, Any]) -> dict[str, Any]:
    shown = {**row, "fixed_at": iso(row["fixed_at"])}
    lon, lat = shown.pop("lon"), shown.pop("lat")
    return {
        "type": "Feature",
        "id": "/".join((row["device"], shown["fixed_at"] or "", row["kind"])),
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "properties": shown,
    }


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*MOVEBANK, "flags"])
    for row in rows:
        writer.writerow([*(_cell(row, ours) for ours in MOVEBANK.values()), ",".join(row["flags"])])
    return text.getvalue()


def _track_csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    names = ("animal", "species", "fixed_at", "lon", "lat")
    writer.writerow([theirs for theirs, ours in MOVEBANK.items() if ours in names])
    for row in rows:
        for at, lon, lat in zip(row["times"], row["lon"], row["lat"], strict=True):
            writer.writerow([row["animal"], row["species"], _movebank_time(at), lon, lat])
    return text.getvalue()


def _movebank_time(at: datetime) -> str:
    """UTC with a blank and without a zone, as Movebank writes times."""
    return (iso(at) or "").replace("T", " ").removesuffix("Z")


def _cell(row: dict[str, Any], name: str) -> Any:
    if name in _SCALED:
        column, per_unit = _SCALED[name]
        return None if row[column] is None else row[column] / per_unit
    if name == "fixed_at":
        return _movebank_time(row[name])
    return row[name]


def _write_cursor(row: dict[str, Any]) -> str:
    key = json.dumps([row["fixed_at"].isoformat(), row["device"], row["kind"]])
    return base64.urlsafe_b64encode(key.encode()).decode()


def _read_cursor(cursor: str | None) -> tuple[datetime, str, str] | None:
    if cursor is None:
        return None
    try:
        at, device, kind = json.loads(base64.urlsafe_b64decode(cursor))
        fixed_at = datetime.fromisoformat(at)
        known = fixed_at.tzinfo is not None and isinstance(device, str) and isinstance(kind, str)
    except (ValueError, TypeError) as error:
        raise _bad_cursor() from error
    if not known:
        raise _bad_cursor()
    return fixed_at, device, kind


def _bad_cursor() -> BadRequest:
    return BadRequest(
        "The cursor is not one that this server gave.",
        where="query `cursor`",
        remedy="Take `next` of the page before, or leave it out to begin anew.",
    )
