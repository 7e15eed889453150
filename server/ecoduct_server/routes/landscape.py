"""Barriers, corridors and places, in and out as GeoJSON."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse, Response

from ecoduct_server.routes.asked import Box, Database, Looking, must_be_trusted
from ecoduct_server.store import landscape

router = APIRouter(prefix="/api", tags=["landscape"])


@router.get("/landscape")
def read(
    connection: Database,
    box: Box,
    kind: Literal["barrier", "corridor", "place"] | None = None,
) -> Response:
    """Give the landscape, whole or in part."""
    body = landscape.as_geojson(connection, kind=kind, bbox=box)
    return JSONResponse(body, media_type="application/geo+json")


@router.put("/landscape")
def write(
    connection: Database, viewer: Looking, document: Annotated[Any, Body()]
) -> dict[str, int]:
    """Add or replace features; every track is then examined again."""
    must_be_trusted(viewer)
    count = landscape.save(connection, landscape.read_geojson(document))
    connection.commit()  # before the answer, not after it
    return {"features": count}
