"""The database and broker that a command works on: named, or embedded in the data folder."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ecoduct_server.commands.terminal import err
from ecoduct_server.embedded import EmbeddedBroker, EmbeddedPostgres, Service, keep_running
from ecoduct_server.settings import ServerSettings
from ecoduct_server.store.migrate import migrate
from ecoduct_server.store.pool import Connection, connect


@contextmanager
def with_services(settings: ServerSettings) -> Iterator[ServerSettings]:
    """Settings with both addresses; what is not named is embedded, and restarted if it dies."""
    services: list[Service] = []
    given = dict(settings)
    if not settings.database:
        services.append(EmbeddedPostgres(settings.data / "postgres"))
    if not settings.broker:
        services.append(EmbeddedBroker(settings.data / "broker"))
    stop = threading.Event()
    try:
        for service in services:
            service.start()
            kind = "database" if isinstance(service, EmbeddedPostgres) else "broker"
            given[kind] = service.address
        keeper = keep_running(services, stop)
        yield ServerSettings(**given)
        stop.set()
        keeper.join()
    finally:
        stop.set()
        for service in reversed(services):
            service.stop()


@contextmanager
def with_database(settings: ServerSettings) -> Iterator[Connection]:
    """Connect to the database, embedded if none is named, with the schema of this version."""
    if settings.database:
        with connect(settings.database) as connection:
            bring_up(connection)
            yield connection
        return
    postgres = EmbeddedPostgres(settings.data / "postgres")
    postgres.start()
    try:
        with connect(postgres.address) as connection:
            bring_up(connection)
            yield connection
    finally:
        postgres.stop()


def bring_up(connection: Connection) -> None:
    """Bring the schema up to this version, and say so if that was needed."""
    for name in migrate(connection):
        err.print(f"schema   {name}")
    connection.commit()
