"""Brings the schema up to this version: numbered SQL files, forward only."""

from importlib.resources import files

from ecoduct_server.errors import StoreError
from ecoduct_server.store.pool import Connection

_LOCK = 7_302_001  # any number, the same in every version: two servers must not migrate at once


def migrations() -> list[tuple[int, str, str]]:
    """Number, name and SQL of every migration, in order."""
    folder = files("ecoduct_server.store").joinpath("migrations")
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((int(entry.name[:4]), entry.name, entry.read_text()) for entry in found)


def migrate(connection: Connection) -> list[str]:
    """Apply what is missing, each in a transaction of its own.

    Returns
    -------
    list of str
        Names of the migrations applied; empty when there was nothing to do.

    Raises
    ------
    StoreError
        The database was written by a newer version.
    """
    applied: list[str] = []
    known = migrations()
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_version ("
            "number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz DEFAULT now())"
        )
        row = connection.execute(
            "SELECT coalesce(max(number), 0) AS at FROM schema_version"
        ).fetchone()
        at = row["at"] if row else 0
        if at > known[-1][0]:
            raise _too_new(at, known[-1][0])
        for number, name, sql in known:
            if number > at:
                connection.execute(sql.encode())
                connection.execute(
                    "INSERT INTO schema_version (number, name) VALUES (%s, %s)", (number, name)
                )
                applied.append(name)
    return applied


def _too_new(found: int, known: int) -> StoreError:
    return StoreError(
        f"The database has schema {found}; this version of Ecoduct knows {known}.",
        where="table schema_version",
        remedy="Install the newer Ecoduct that wrote it; a schema is never taken back.",
    )
