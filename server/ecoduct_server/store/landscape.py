"""Barriers, corridors and places, and the projection in which they are judged."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from psycopg.types.json import Jsonb
from pyproj import Transformer
from pyproj.exceptions import ProjError
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from ecoduct_analysis.barriers import USABLE, Barriers
from ecoduct_analysis.projection import Projection, choose_crs
from ecoduct_server.errors import BadRequest
from ecoduct_server.store import due
from ecoduct_server.store.pool import Connection

KINDS = ("barrier", "corridor", "place")
_KIND_BY_SHAPE = {"Line": "barrier", "Poly": "corridor", "Poin": "place"}


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of the landscape, in degrees (WGS 84)."""

    id: str
    kind: str
    name: str
    properties: dict[str, Any]
    geometry: BaseGeometry


@dataclass(frozen=True, slots=True)
class Landscape:
    """What detectors look at: features in metres, in one projection."""

    version: int
    projection: Projection
    barriers: Barriers


def read_geojson(document: Any) -> list[Feature]:
    """Features of a GeoJSON FeatureCollection, in degrees.

    A named ``crs`` (the old GeoJSON member, which GIS programs still write) is obeyed. A feature
    without an id is named after its geometry, so that the same line given twice is one feature.

    Raises
    ------
    BadRequest
        Not a FeatureCollection, an unknown kind or projection, or a geometry that is not one.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("features"), list):
        raise _bad("The document is not a GeoJSON FeatureCollection.", "document")
    change = _transformer(document.get("crs"))
    found: dict[str, Feature] = {}
    for place, entry in enumerate(document["features"]):
        feature = _read_feature(entry, change, f"feature {place}")
        found.setdefault(feature.id, feature)
    return list(found.values())


def save(connection: Connection, features: Sequence[Feature]) -> int:
    """Add or replace features; every track becomes due, for any of them may cross one.

    Returns
    -------
    int
        How many were given.
    """
    for feature in features:
        west, south, east, north = feature.geometry.bounds
        connection.execute(
            "INSERT INTO feature VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (id) DO UPDATE SET (kind, name, properties, geometry, west, south, east, "
            "north) = ROW (EXCLUDED.kind, EXCLUDED.name, EXCLUDED.properties, EXCLUDED.geometry, "
            "EXCLUDED.west, EXCLUDED.south, EXCLUDED.east, EXCLUDED.north)",
            (feature.id, feature.kind, feature.name, Jsonb(feature.properties),
             Jsonb(mapping(feature.geometry)), west, south, east, north),
        )  # fmt: skip
    rows = connection.execute("SELECT west, south, east, north FROM feature").fetchall()
    if rows:
        lon = [row[side] for row in rows for side in ("west", "east")]
        lat = [row[side] for row in rows for side in ("south", "north")]
        _set_crs(connection, choose_crs(lon, lat))
    due.mark_whole(connection)
    return len(features)


def settle_crs(connection: Connection, lon_deg: Sequence[float], lat_deg: Sequence[float]) -> None:
    """Choose the projection from first fixes, where no landscape has chosen it yet."""
    row = connection.execute("SELECT crs FROM study_area FOR UPDATE").fetchone()
    if row and row["crs"] is None and lon_deg:
        _set_crs(connection, choose_crs(lon_deg, lat_deg))


def version(connection: Connection) -> int:
    """Number that rises whenever the landscape or its projection changes."""
    row = connection.execute("SELECT version FROM study_area").fetchone()
    return int(row["version"]) if row else 0


def load(connection: Connection) -> Landscape | None:
    """Landscape for the detectors; None as long as neither a feature nor a fix was stored."""
    row = connection.execute("SELECT crs, version FROM study_area").fetchone()
    if row is None or row["crs"] is None:
        return None
    projection = Projection(row["crs"])
    rows = connection.execute(
        "SELECT id, geometry FROM feature WHERE kind = 'barrier' ORDER BY id"
    ).fetchall()
    in_metres = [_moved(shape(row["geometry"]), projection.to_metres) for row in rows]
    barriers = Barriers.from_geometries([row["id"] for row in rows], in_metres)
    return Landscape(version=row["version"], projection=projection, barriers=barriers)


def as_geojson(
    connection: Connection,
    *,
    kind: str | None = None,
    bbox: tuple[float, float, float, float] | None = None,
) -> dict[str, Any]:
    """FeatureCollection of the landscape, as `read_geojson` reads it back."""
    west, south, east, north = bbox or (-180.0, -90.0, 180.0, 90.0)
    rows = connection.execute(
        "SELECT id, kind, name, properties, geometry FROM feature "
        "WHERE (%(kind)s::text IS NULL OR kind = %(kind)s) AND south <= %(north)s "
        "AND north >= %(south)s AND CASE WHEN %(west)s <= %(east)s "
        "THEN west <= %(east)s AND east >= %(west)s ELSE west <= %(east)s OR east >= %(west)s END "
        "ORDER BY kind, id",
        {"kind": kind, "west": west, "south": south, "east": east, "north": north},
    ).fetchall()
    features = [
        {
            "type": "Feature",
            "id": row["id"],
            "geometry": row["geometry"],
            "properties": {**row["properties"], "kind": row["kind"], "name": row["name"]},
        }
        for row in rows
    ]
    return {"type": "FeatureCollection", "features": features}


def _set_crs(connection: Connection, crs: str) -> None:
    connection.execute("UPDATE study_area SET crs = %s, version = version + 1", (crs,))


def _read_feature(entry: Any, change: Transformer | None, where: str) -> Feature:
    if not isinstance(entry, Mapping):
        raise _bad("A feature is a JSON object.", where)
    try:
        geometry = shape(entry["geometry"])
    except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as error:
        raise _bad(f"Its geometry cannot be read: {error}.", where) from error
    if change is not None:
        geometry = _moved(geometry, change.transform)
    geometry = shapely.force_2d(geometry)
    west, south, east, north = geometry.bounds if not geometry.is_empty else (999.0,) * 4
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):  # noqa: PLR2004 - degrees
        raise _bad("Its coordinates are not degrees of longitude and latitude.", where)
    given = entry.get("properties")
    properties = dict(given) if isinstance(given, Mapping) else {}
    name = properties.pop("name", None)
    kind = str(properties.pop("kind", None) or _kind_of(geometry, where))
    if kind not in KINDS:
        raise _bad(f"Its kind is {kind!r}: use {', '.join(KINDS)}.", where)
    if kind == "barrier" and geometry.geom_type not in USABLE:
        raise _bad("A barrier must be a line or a polygon.", where)
    given_ids = (entry.get("id"), properties.get("id"))
    identity = str(next((one for one in given_ids if one is not None), _digest(geometry)))
    spoken = str(name or f"{kind} {_number_of(properties) or identity}")
    return Feature(identity, kind, spoken, properties, geometry)


def _number_of(properties: Mapping[str, Any]) -> str | None:
    """What GIS programs number features by (`FID`, `OBJECTID`): short enough to say."""
    for key, value in properties.items():
        if "id" in key.lower() and isinstance(value, int | float) and float(value).is_integer():
            return str(int(value))
    return None


def _moved(geometry: BaseGeometry, change: Callable[..., Any]) -> BaseGeometry:
    vertices = shapely.get_coordinates(geometry)
    moved = np.column_stack(change(vertices[:, 0], vertices[:, 1]))
    return shapely.set_coordinates(shapely.force_2d(geometry), moved)


def _kind_of(geometry: BaseGeometry, where: str) -> str:
    kind = _KIND_BY_SHAPE.get(geometry.geom_type.removeprefix("Multi")[:4])
    if kind is None:
        raise _bad(f"A {geometry.geom_type} is neither barrier, corridor nor place.", where)
    return kind


def _digest(geometry: BaseGeometry) -> str:
    return hashlib.sha256(shapely.to_wkb(geometry, byte_order=1)).hexdigest()[:12]


def _transformer(crs: Any) -> Transformer | None:
    if crs is None:
        return None
    try:
        name = crs["properties"]["name"]
        change = Transformer.from_crs(name, "EPSG:4326", always_xy=True)
    except (KeyError, TypeError, ProjError) as error:
        raise _bad(f"Its projection is not known: {json.dumps(crs)[:200]}.", "crs") from error
    return None if "CRS84" in name or name.endswith(":4326") else change


def _bad(what: str, where: str) -> BadRequest:
    return BadRequest(
        what,
        where=f"landscape, {where}",
        remedy="Give a GeoJSON FeatureCollection; each feature with properties `kind` "
        f"({', '.join(KINDS)}) and `name`, and an `id` that stays.",
    )
