"""Fixtures with real services; each test that takes one runs once for each kind.

`postgres_address` is an empty database of its own; `postgres` is the server, for tests that kill
it; `broker` likewise. TimescaleDB and mosquitto are skipped where they are not provisioned, and
required where ``CI`` or ``ECODUCT_REQUIRE_SERVICES`` is set.
"""

from collections.abc import Iterator

import pytest

from ecoduct_server.store.migrate import migrate
from ecoduct_server.store.pool import Connection, connect
from services.stacks import BROKERS, DATABASES, Broker, NotProvisionedError, Postgres, skip_or_fail


@pytest.fixture(scope="session", params=DATABASES)
def postgres_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Postgres]:
    try:
        server = Postgres(tmp_path_factory.mktemp("postgres"), kind=request.param)
    except NotProvisionedError as missing:
        skip_or_fail(missing)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def postgres(postgres_server: Postgres) -> Postgres:
    """Return the server, running even if the test before left it dead."""
    postgres_server.start()
    return postgres_server


@pytest.fixture
def postgres_address(postgres: Postgres) -> Iterator[str]:
    with postgres.fresh_database() as address:
        yield address


@pytest.fixture
def store(postgres_address: str) -> Iterator[Connection]:
    """Lend a connection to an empty store with the schema of this version."""
    with connect(postgres_address) as connection:
        migrate(connection)
        connection.commit()
        yield connection


@pytest.fixture(scope="session", params=BROKERS)
def broker_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    try:
        server = Broker(tmp_path_factory.mktemp("broker"), kind=request.param)
    except NotProvisionedError as missing:
        skip_or_fail(missing)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def broker(broker_server: Broker) -> Broker:
    """Return the broker, running; topics and sessions of earlier tests are still in it."""
    broker_server.start()
    return broker_server
