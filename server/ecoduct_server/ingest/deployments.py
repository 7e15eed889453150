"""Which animal wears which device, and when."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg import errors as pg
from psycopg.types.range import TimestamptzRange

from ecoduct_server.errors import BadRequest
from ecoduct_server.store import due
from ecoduct_server.store.pool import Connection
from ecoduct_wire.clock import from_iso, to_datetime

_INSERT_NEW = """
    INSERT INTO deployment (device, animal, during) SELECT %(device)s, %(animal)s, %(during)s
    WHERE NOT EXISTS (SELECT FROM deployment
        WHERE device = %(device)s AND animal = %(animal)s AND during = %(during)s)
    RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One device on one animal; without a begin or an end it is open on that side.

    ``delay_s`` and ``coarsen_m`` are what the public sees less of a protected animal.
    """

    device: str
    animal: str
    species: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    delay_s: int = 0
    coarsen_m: int = 0


def read_csv(path: Path) -> list[Deployment]:
    """Read ``device,animal[,species,starts_at,ends_at,delay_s,coarsen_m]``; raises `BadRequest`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [
                _from_row(row, f"{path}, line {n}") for n, row in enumerate(csv.DictReader(file), 2)
            ]
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(
            f"The file cannot be read: {error}.",
            where=str(path),
            remedy="Give a CSV file in UTF-8.",
        ) from error


def add(connection: Connection, deployments: Iterable[Deployment]) -> int:
    """Store deployments; those known already change nothing, their animal's details are updated.

    Returns
    -------
    int
        How many were new.

    Raises
    ------
    BadRequest
        A device would be on two animals at once.
    """
    new: list[int] = []
    for one in deployments:
        connection.execute(
            "INSERT INTO animal AS kept VALUES (%s, %s, %s, %s) ON CONFLICT (animal) DO UPDATE SET "
            "species = coalesce(EXCLUDED.species, kept.species), "
            "delay_s = greatest(EXCLUDED.delay_s, kept.delay_s), "
            "coarsen_m = greatest(EXCLUDED.coarsen_m, kept.coarsen_m)",
            (one.animal, one.species, one.delay_s, one.coarsen_m),
        )
        during = TimestamptzRange(one.starts_at, one.ends_at)
        given = {"device": one.device, "animal": one.animal, "during": during}
        try:
            with connection.transaction():
                row = connection.execute(_INSERT_NEW, given).fetchone()
        except pg.ExclusionViolation as error:
            raise BadRequest(
                f"{one.device!r} would be on {one.animal!r} and on another animal at once.",
                where="deployments",
                remedy="End the earlier deployment before the later one begins.",
            ) from error
        if row:
            new.append(row["id"])
    if new:
        due.mark_whole(connection, new)
    return len(new)


def add_missing(connection: Connection, deployments: Iterable[Deployment]) -> int:
    """Store those whose device was never deployed before; how many."""
    missing = [
        one
        for one in {one.device: one for one in deployments}.values()
        if connection.execute("SELECT FROM deployment WHERE device = %s", (one.device,)).fetchone()
        is None
    ]
    return add(connection, missing)


def _from_row(row: dict[str | None, str | None], where: str) -> Deployment:
    device, animal = (row.get("device") or "").strip(), (row.get("animal") or "").strip()
    if not device or not animal:
        raise BadRequest(
            "A deployment needs a device and an animal.",
            where=where,
            remedy="Begin the file with: device,animal,species,starts_at,ends_at",
        )
    try:
        return Deployment(
            device=device,
            animal=animal,
            species=(row.get("species") or "").strip() or None,
            starts_at=_at(row.get("starts_at")),
            ends_at=_at(row.get("ends_at")),
            delay_s=int(row.get("delay_s") or 0),
            coarsen_m=int(row.get("coarsen_m") or 0),
        )
    except (ValueError, OverflowError) as error:
        raise BadRequest(
            f"A value cannot be read: {error}.",
            where=where,
            remedy="Write times as 2026-03-14T02:11:09Z, delay_s and coarsen_m as whole numbers.",
        ) from error


def _at(text: str | None) -> datetime | None:
    return to_datetime(from_iso(text.strip())) if text and text.strip() else None
