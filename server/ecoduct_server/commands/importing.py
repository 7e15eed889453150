"""`ecoduct import …`: files into the store."""

import json
from pathlib import Path

from ecoduct_server.commands.stores import with_database
from ecoduct_server.commands.terminal import err, out, progress
from ecoduct_server.errors import BadRequest
from ecoduct_server.ingest import deployments, importers
from ecoduct_server.settings import ServerSettings
from ecoduct_server.store import due, landscape
from ecoduct_server.store.pool import Connection
from ecoduct_server.watch.worker import Watch
from ecoduct_wire.clock import Clock

_SHOWN_REFUSALS = 10


def import_tracks(settings: ServerSettings, path: Path, *, clock: Clock, epsg: int | None) -> None:
    """Import a track table, then examine what it changed."""
    with with_database(settings) as connection:
        with progress() as bars:
            task = bars.add_task("rows", total=_count_lines(path) - 1)
            done = importers.import_tracks(
                connection, path, clock=clock, epsg=epsg, on_rows=lambda n: bars.advance(task, n)
            )
            bars.update(task, total=done.rows)
        examine(settings, connection, clock=clock)
        _tell(connection, done)


def import_landscape(settings: ServerSettings, path: Path, *, clock: Clock) -> None:
    """Import a GeoJSON file of barriers, corridors and places."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadRequest(
            f"The file cannot be read: {error}.", where=str(path), remedy="Give a GeoJSON file."
        ) from error
    features = landscape.read_geojson(document)
    with with_database(settings) as connection:
        count = landscape.save(connection, features)
        connection.commit()
        given = len(document["features"])
        out.print(f"{count} features stored, {given - count} drawn twice")
        examine(settings, connection, clock=clock)


def import_deployments(settings: ServerSettings, path: Path, *, clock: Clock) -> None:
    """Import a table of which animal wears which device."""
    with with_database(settings) as connection:
        given = deployments.read_csv(path)
        new = deployments.add(connection, given)
        connection.commit()
        out.print(f"{new} deployments stored, {len(given) - new} known before")
        examine(settings, connection, clock=clock)


def examine(settings: ServerSettings, connection: Connection, *, clock: Clock) -> None:
    """Examine everything that is due; a running server shares the work."""
    watch = Watch(clock=clock, late_after_s=settings.late_after_s)
    with progress() as bars:
        task = bars.add_task("tracks examined", total=due.waiting(connection))
        while examined := watch.cycle(connection):
            connection.commit()
            bars.advance(task, examined)
    for kind, count in watch.failures.items():
        err.print(f"[red]the detector of kind {kind} failed {count} times[/red]: see the log")


def _tell(connection: Connection, done: importers.Imported) -> None:
    found = connection.execute(
        "SELECT kind, count(*) AS n FROM finding WHERE withdrawn_at IS NULL "
        "GROUP BY kind ORDER BY kind"
    ).fetchall()
    out.print(f"{done.rows} rows: {done.stored} fixes stored, {done.known} known before, "
              f"{len(done.refused)} refused")  # fmt: skip
    for line in done.refused[:_SHOWN_REFUSALS]:
        err.print(f"refused  {line}")
    if len(done.refused) > _SHOWN_REFUSALS:
        err.print(f"refused  … and {len(done.refused) - _SHOWN_REFUSALS} more")
    out.print(
        "findings in the store: " + (", ".join(f"{r['n']} {r['kind']}" for r in found) or "none")
    )


def _count_lines(path: Path) -> int:
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    except OSError as error:
        raise BadRequest(
            f"The file cannot be read: {error.strerror}.", where=str(path), remedy="Check its name."
        ) from error
