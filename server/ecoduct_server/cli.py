"""The command `ecoduct`."""

import signal
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import psycopg
import typer

from ecoduct_server import logs
from ecoduct_server.commands import demo as demo_command
from ecoduct_server.commands import doctor as doctor_command
from ecoduct_server.commands import importing, serving, stores, tracing
from ecoduct_server.commands.analysing.cli import app as analysing
from ecoduct_server.commands.terminal import err, out
from ecoduct_server.errors import BadRequest
from ecoduct_server.settings import ServerSettings, example
from ecoduct_server.store.migrate import migrations
from ecoduct_server.store.pool import unreachable
from ecoduct_wire.clock import clock_from_environment
from ecoduct_wire.errors import EcoductError

TERMINATED = 128 + signal.SIGTERM

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Wildlife tracks from gateways to findings and alerts.\n\n"
    "Without addresses everything runs embedded in the folder --data. Begin with: ecoduct demo",
)
imports = typer.Typer(no_args_is_help=True, help="Put files into the store; again is no harm.")
app.add_typer(imports, name="import")
app.add_typer(analysing, name="analyse")

Data = Annotated[Path | None, typer.Option(help="Folder of the embedded database and broker.")]
Database = Annotated[str | None, typer.Option(help="PostgreSQL, as postgresql://user@host/name.")]
Broker = Annotated[str | None, typer.Option(help="MQTT 5 broker, as mqtt://host:1883.")]
Existing = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]


def main() -> None:
    """Run the command; an error is three lines and exit status 1, Ctrl-C is 130."""
    # SIGTERM, as systemd sends it, unwinds like an exit: embedded services are stopped in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        app()
    except EcoductError as error:
        _fail(error)
    except psycopg.OperationalError as error:
        _fail(unreachable(error))
    except psycopg.DataError as error:
        what = f"The database refuses a value: {str(error).partition(chr(10))[0]}"
        _fail(BadRequest(what, where="the file or an option", remedy="Correct the value."))
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(error: EcoductError) -> NoReturn:
    err.print(str(error), style="red", markup=False)
    sys.exit(1)


@app.command()
def serve(
    *,
    data: Data = None,
    database: Database = None,
    broker: Broker = None,
    host: Annotated[str | None, typer.Option(help="Address to serve pages on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the pages; 0 for any.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="More log lines.")] = False,
) -> None:
    """Run the server: takes batches in, watches, and serves the map."""
    logs.start(verbose=verbose)
    serving.serve(_settings(data=data, database=database, broker=broker, host=host, port=port))


@app.command()
def demo(
    *,
    tracks: Annotated[Path | None, typer.Option(help="Track table to replay (CSV).")] = None,
    landscape: Annotated[Path | None, typer.Option(help="Its landscape (GeoJSON).")] = None,
    speed: Annotated[
        float | None, typer.Option(help="Seconds of track in one second; 0: as fast as it goes.")
    ] = None,
    format: Annotated[  # noqa: A002 - the word on the command line
        str, typer.Option(help="What the receivers write: mixed, ubx, nmea, reyax or rak.")
    ] = "mixed",
    animals: Annotated[int, typer.Option(help="Size of the simulated herd.")] = 12,
    seed: Annotated[int, typer.Option(help="Another seed, another herd.")] = 1,
    data: Data = None,
    port: Annotated[int | None, typer.Option(help="Port of the pages.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="More log lines.")] = False,
) -> None:
    """Show everything at work: simulated collars, gateways, broker, server, live map.

    With --tracks (and --landscape) real tracks are replayed in their place. Ctrl-C stops all.
    """
    logs.start(verbose=verbose)
    plan = demo_command.Plan(
        tracks=tracks, landscape=landscape, speed=speed, format=format, animals=animals, seed=seed
    )
    demo_command.demo(_settings(data=data or Path("demo-data"), port=port), plan)


@app.command()
def migrate(*, data: Data = None, database: Database = None) -> None:
    """Bring the schema up to this version."""
    settings = _settings(data=data, database=database)
    with stores.with_database(settings):
        out.print(f"schema {migrations()[-1][0]}, that of this version")


@app.command()
def trace(
    identity: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="alert:12, finding:7, DEVICE@TIME, or GATEWAY/EPOCH/NUMBER of a message.",
        ),
    ],
    *,
    data: Data = None,
    database: Database = None,
) -> None:
    """Show one fix from its bytes to its alert."""
    tracing.trace(_settings(data=data, database=database), identity)


@app.command()
def doctor(*, data: Data = None, database: Database = None, broker: Broker = None) -> None:
    """Look at everything that the server needs and say what to do."""
    if not doctor_command.doctor(_settings(data=data, database=database, broker=broker)):
        sys.exit(1)


@app.command()
def settings() -> None:
    """Print every setting with its default, as a file of environment variables."""
    out.print(example(), end="", markup=False)


@imports.command("tracks")
def import_tracks(
    file: Existing,
    *,
    epsg: Annotated[int | None, typer.Option(help="Projection of columns x and y.")] = None,
    data: Data = None,
    database: Database = None,
) -> None:
    """Import a track table (CSV; Movebank's column names, or id,timestamp,lon,lat / x,y,epsg)."""
    chosen = _settings(data=data, database=database)
    importing.import_tracks(chosen, file, clock=clock_from_environment(), epsg=epsg)


@imports.command("landscape")
def import_landscape(file: Existing, *, data: Data = None, database: Database = None) -> None:
    """Import barriers, corridors and places (GeoJSON)."""
    chosen = _settings(data=data, database=database)
    importing.import_landscape(chosen, file, clock=clock_from_environment())


@imports.command("deployments")
def import_deployments(file: Existing, *, data: Data = None, database: Database = None) -> None:
    """Import which animal wears which device (CSV: device,animal,species,starts_at,ends_at)."""
    chosen = _settings(data=data, database=database)
    importing.import_deployments(chosen, file, clock=clock_from_environment())


def _settings(**given: Any) -> ServerSettings:
    return ServerSettings(**{name: value for name, value in given.items() if value is not None})


if __name__ == "__main__":
    main()
