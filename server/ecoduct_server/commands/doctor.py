"""`ecoduct doctor`: everything the server needs, and what to do where it is missing."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from ecoduct_server.commands.stores import with_services
from ecoduct_server.commands.terminal import out, table
from ecoduct_server.ingest.subscriber import Subscriber
from ecoduct_server.settings import ServerSettings
from ecoduct_server.store.migrate import migrate, migrations
from ecoduct_server.store.pool import connect
from ecoduct_server.store.receipts import ledger
from ecoduct_wire.errors import EcoductError

_LEAST_FREE_BYTES = 1 << 30  # a season of a large herd, and room for PostgreSQL to work
_PATIENCE_S = 5.0

Finding = tuple[bool, str, str, str]  # well, part, what was found, what to do


def doctor(settings: ServerSettings) -> bool:
    """Print one line for each part; say whether all is well."""
    shown = table("", "part", "found", "what to do")
    well = True
    for good, part, found, remedy in _look(settings):
        well &= good
        shown.add_row("[green]ok[/green]" if good else "[red]no[/red]", part, found, remedy)
    out.print(shown)
    return well


def _look(settings: ServerSettings) -> Iterator[Finding]:
    yield _disk(settings.data)
    yield _page()
    try:
        with with_services(settings) as ready:
            yield from _guarded("database", lambda: _database(ready))
            yield from _guarded("broker", lambda: [_broker(ready)])
    except EcoductError as error:
        yield False, "services", error.what, error.remedy


def _guarded(part: str, look: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return look()
    except EcoductError as error:
        return [(False, part, error.what, error.remedy)]


def _disk(data: Path) -> Finding:
    folder = data.resolve()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{free / (1 << 30):.1f} GiB free at {folder}"
    return free > _LEAST_FREE_BYTES, "disk", found, "" if free > _LEAST_FREE_BYTES else "Make room."


def _page() -> Finding:
    there = files("ecoduct_server").joinpath("web/vendor").is_dir()
    remedy = "" if there else "Run `make setup`; until then use /lite."
    return there, "page", "scripts in place" if there else "its scripts are missing", remedy


def _database(settings: ServerSettings) -> list[Finding]:
    with connect(settings.database) as connection:
        migrate(connection)
        row = connection.execute("SHOW server_version").fetchone()
        timescale = connection.execute(
            "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"
        ).fetchone()
        gaps, refused = (ledger(connection)[name] for name in ("gaps", "refused"))
    version = f"PostgreSQL {row['server_version'] if row else '?'}"
    kind = f"TimescaleDB {timescale['extversion']}" if timescale else "plain tables"
    holes = f"{len(gaps)} gaps, {sum(refused.values())} batches refused"
    return [
        (True, "database", f"{version}, {kind}, schema {migrations()[-1][0]}", ""),
        (not gaps, "ledger", holes, "Gateways send gaps again; see `/health`." if gaps else ""),
    ]


def _broker(settings: ServerSettings) -> Finding:
    subscriber = Subscriber(settings.broker, client_id="ecoduct-doctor")
    subscriber.start()
    begun, met = time.monotonic(), subscriber.connected.wait(_PATIENCE_S)
    took_ms = (time.monotonic() - begun) * 1000
    with suppress(RuntimeError):
        subscriber.stop()
    if met:
        return True, "broker", f"answered in {took_ms:.0f} ms", ""
    return False, "broker", "no answer", "See that it runs, and `--broker` and its password."
