"""Barriers, corridors and places, in and out as GeoJSON."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse, Response

from ecoduct_server.errors import BadRequest
from ecoduct_server.routes.asked import Box, Database, Looking, Running
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
    running: Running, connection: Database, viewer: Looking, document: Annotated[Any, Body()]
) -> dict[str, int]:
    """Add or replace features; every track is then examined again."""
    if not viewer.exact:
        raise BadRequest(
            "Only holders of the key may change the landscape.",
            where="header `Authorization`",
            remedy="Send `Authorization: Bearer <key>` with the server's key.",
        )
    count = landscape.save(connection, landscape.read_geojson(document))
    connection.commit()
    running.due.set()
    return {"features": count}
