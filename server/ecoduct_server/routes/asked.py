"""What a request asks for, read once for all routes: connection, viewer, selection."""

import hmac
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Query, Request

from ecoduct_server.access.sensitivity import Viewer
from ecoduct_server.errors import BadRequest, Forbidden
from ecoduct_server.services import Services
from ecoduct_server.store.pool import Connection
from ecoduct_server.store.reading import Bounds, Selection
from ecoduct_wire.clock import to_iso, to_ms


def services(request: Request) -> Services:
    """Return the running parts of this server."""
    found: Services = request.app.state.services
    return found


Running = Annotated[Services, Depends(services)]


def connection(running: Running) -> Iterator[Connection]:
    """Lend a connection for the time of the request; commits at its end."""
    with running.pool.connection() as lent:
        yield lent


Database = Annotated[Connection, Depends(connection)]


def viewer(request: Request, running: Running) -> Viewer:
    """Say who looks: whoever has the key, or is on this machine where no key is set."""
    key = running.settings.key
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    exact = hmac.compare_digest(given.encode(), key.encode()) if key else running.settings.is_local
    return Viewer(exact=exact, now_ms=running.clock.now_ms())


Looking = Annotated[Viewer, Depends(viewer)]


def must_be_trusted(viewer: Viewer) -> None:
    """Let only those change anything who may see everything; raises `Forbidden`."""
    if not viewer.exact:
        raise Forbidden(
            "Only holders of the key may change anything.",
            where="header `Authorization`",
            remedy="Send `Authorization: Bearer <key>` with the server's key.",
        )


def bounds(
    bbox: Annotated[str | None, Query(description="west,south,east,north in degrees")] = None,
) -> Bounds | None:
    """Read a bounding box; raises `BadRequest`."""
    if bbox is None:
        return None
    try:
        west, south, east, north = (float(part) for part in bbox.split(","))
    except ValueError as error:
        raise _bad_box(bbox) from error
    in_range = abs(west) <= 180 and abs(east) <= 180 and -90 <= south <= north <= 90  # noqa: PLR2004
    if not all(map(math.isfinite, (west, south, east, north))) or not in_range:
        raise _bad_box(bbox)
    return west, south, east, north


Box = Annotated[Bounds | None, Depends(bounds)]


def utc(at: datetime | None) -> datetime | None:
    """Take a time without a zone as UTC."""
    if at is None:
        return None
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError as error:
        raise BadRequest(
            f"{at.isoformat()} is outside the years 1 to 9999 in UTC.",
            where="from, to",
            remedy="Give a time within them.",
        ) from error


def selection(
    box: Box,
    animal: Annotated[list[str] | None, Query(description="repeat for several")] = None,
    device: str | None = None,
    since: Annotated[datetime | None, Query(alias="from", description="included")] = None,
    before: Annotated[datetime | None, Query(alias="to", description="not included")] = None,
) -> Selection:
    """Which fixes or findings are asked for."""
    return Selection(
        animals=animal or (), device=device, bounds=box, since=utc(since), before=utc(before)
    )


Selected = Annotated[Selection, Depends(selection)]


def iso(at: datetime | None) -> str | None:
    """Time as it is shown, or nothing."""
    return None if at is None else to_iso(to_ms(at))


def _bad_box(text: str) -> BadRequest:
    return BadRequest(
        f"{text!r} is not a bounding box.",
        where="query `bbox`",
        remedy="Give west,south,east,north in degrees, as bbox=-111,42,-109,43.",
    )
