"""What the detectors found."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from ecoduct_server.routes.asked import Database, Looking, Selected, iso
from ecoduct_server.store import reading

router = APIRouter(prefix="/api", tags=["findings"])

_TIMES = ("starts_at", "ends_at", "happened_at", "found_at", "withdrawn_at")


@router.get("/findings")
def findings(
    connection: Database,
    viewer: Looking,
    selected: Selected,
    kind: str | None = None,
    place: str | None = None,
    state: Literal["active", "withdrawn", "all"] = "active",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    cursor: Annotated[int, Query(ge=0, le=2**62)] = 0,
) -> dict[str, Any]:
    """Findings in the order in which they were first made."""
    rows = reading.findings(
        connection, selected, viewer=viewer, kind=kind, place=place, state=state,
        limit=limit + 1, after=cursor,
    )  # fmt: skip
    page = [{**row, **{name: iso(row[name]) for name in _TIMES}} for row in rows[:limit]]
    return {"findings": page, "next": page[-1]["id"] if len(rows) > limit else None}
