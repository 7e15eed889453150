"""Track tables into the same pipeline that live fixes take, so that they get the same keys."""

import csv
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from pyproj.exceptions import ProjError

from ecoduct_analysis.projection import Projection
from ecoduct_analysis.tables import find_columns
from ecoduct_server.errors import BadRequest
from ecoduct_server.ingest import deployments, pipeline
from ecoduct_server.ingest.deployments import Deployment
from ecoduct_server.ingest.pipeline import Delivery
from ecoduct_server.store.pool import Connection
from ecoduct_wire import envelope, topics
from ecoduct_wire.clock import Clock, from_iso
from ecoduct_wire.errors import WireError
from ecoduct_wire.messages import Batch, Fix, Message, Reception

GATEWAY: Final = "import"
_ROWS: Final = 1000  # in one batch and one transaction


@dataclass(slots=True)
class Imported:
    """What became of the rows of a file."""

    rows: int = 0
    stored: int = 0
    known: int = 0
    refused: list[str] = field(default_factory=list)


def import_tracks(
    connection: Connection,
    path: Path,
    *,
    clock: Clock,
    epsg: int | None = None,
    on_rows: Callable[[int], None] = lambda _count: None,
) -> Imported:
    """Store the fixes of a CSV file, in any order of its rows, as often as one likes.

    Devices that are on no animal yet are put on the animal that the row names, for all time.

    Parameters
    ----------
    epsg : int, optional
        Projection of columns x and y where the file does not say.
    on_rows : callable
        Told after each commit how many rows were read since the last.

    Raises
    ------
    BadRequest
        The file cannot be read, or has no column for the animal, the time or the position.
    """
    done = Imported()
    read = _read(path, epsg=epsg)
    while lines := list(islice(read, _ROWS)):
        rows = [line for line in lines if isinstance(line, _Row)]
        done.refused.extend(line for line in lines if isinstance(line, str))
        done.rows += len(lines)
        if rows:
            stored = _store(connection, rows, clock=clock)
            done.stored += stored
            done.known += len(rows) - stored
        connection.commit()
        on_rows(len(lines))
    return done


@dataclass(frozen=True, slots=True)
class _Row:
    deployment: Deployment
    fix: Fix
    raw: bytes


def _store(connection: Connection, rows: list[_Row], *, clock: Clock) -> int:
    deployments.add_missing(connection, (row.deployment for row in rows))
    heard_at = clock.now_ms()
    messages = tuple(
        Message(number, row.fix, Reception(heard_at, "file", row.raw))
        for number, row in enumerate(rows, 1)
    )
    # The rows themselves name the batch: the same rows again are the same batch again.
    digest = hashlib.sha256(b"\n".join(row.raw for row in rows)).hexdigest()[:16]
    payload = envelope.encode(Batch(GATEWAY, f"rows-{digest}", messages))
    work = pipeline.ingest(connection, [Delivery(topics.up(GATEWAY), payload)], clock=clock)
    return work.kept.stored


def _read(path: Path, *, epsg: int | None) -> Iterator[_Row | str]:
    """Rows of a table, or for a row that is refused: its line and the reason."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = _columns(reader.fieldnames or [], path, epsg=epsg)
            projections: dict[str, Projection] = {}
            for row in reader:
                yield _row(row, columns, reader.line_num, epsg=epsg, projections=projections)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRequest(
            f"The file cannot be read: {error}.",
            where=str(path),
            remedy="Give a CSV file in UTF-8 with a line of column names.",
        ) from error


def _columns(names: Sequence[str], path: Path, *, epsg: int | None) -> dict[str, str]:
    found = find_columns(names)
    in_degrees, in_metres = {"lon", "lat"} <= found.keys(), {"x", "y"} <= found.keys()
    if not {"animal", "at"} <= found.keys() or not (in_degrees or in_metres):
        raise BadRequest(
            f"It lacks a column for animal, time or position: it has {', '.join(names)}.",
            where=f"{path}, line 1",
            remedy="Name them as Movebank does, or: id,timestamp,lon,lat or id,timestamp,x,y,epsg.",
        )
    if not in_degrees and "epsg" not in found and epsg is None:
        raise BadRequest(
            "Columns x and y need a projection.",
            where=f"{path}, line 1",
            remedy="Add a column `epsg`, or give --epsg 32612 (for UTM zone 12 north).",
        )
    return found


def _row(
    row: dict[str, str],
    columns: dict[str, str],
    line: int,
    *,
    epsg: int | None,
    projections: dict[str, Projection],
) -> _Row | str:
    cell = {ours: (row.get(name) or "").strip() for ours, name in columns.items()}
    try:
        if cell.get("visible", "").lower() == "false":
            return f"line {line}: marked as not visible"
        if not all(value.isprintable() for value in cell.values()):
            return f"line {line}: a value holds a character that cannot be printed"
        lon_e7, lat_e7 = _position(cell, epsg=epsg, projections=projections)
        fix = Fix(
            device=cell.get("device") or cell["animal"],
            fixed_at_ms=from_iso(cell["at"]),
            lon_e7=lon_e7,
            lat_e7=lat_e7,
            format="table.csv",
        )
    except (ValueError, OverflowError, ProjError) as error:
        return f"line {line}: {error}"
    except WireError as error:
        return f"line {line}: {error.what}"
    raw = "\x1f".join(row[name] or "" for name in columns.values()).encode()
    animal = Deployment(fix.device, cell["animal"], species=cell.get("species") or None)
    return _Row(animal, fix, raw)


def _position(
    cell: dict[str, str], *, epsg: int | None, projections: dict[str, Projection]
) -> tuple[int, int]:
    if cell.get("lon") and cell.get("lat"):
        return round(float(cell["lon"]) * 1e7), round(float(cell["lat"]) * 1e7)
    if not (cell.get("x") and cell.get("y")):
        raise ValueError("the row has no position")
    given = cell.get("epsg") or str(epsg)
    crs = given if ":" in given else f"EPSG:{given}"
    projection = projections.setdefault(crs, Projection(crs))
    lon, lat = projection.to_degrees(float(cell["x"]), float(cell["y"]))
    return round(float(lon) * 1e7), round(float(lat) * 1e7)
