"""The services that tests stand on are what they say."""

import os

import psycopg
import pytest

from services.stacks import Broker, Postgres

pytestmark = pytest.mark.services


def test_each_test_has_an_empty_database(postgres_address: str) -> None:
    with psycopg.connect(postgres_address) as connection:
        tables = connection.execute("SELECT * FROM pg_tables WHERE schemaname = 'public'")
        assert tables.fetchall() == []
        connection.execute("CREATE TABLE left_behind (n int)")


def test_timescaledb_makes_hypertables_where_it_is(
    postgres: Postgres, postgres_address: str
) -> None:
    with psycopg.connect(postgres_address) as connection:
        offered = connection.execute(
            "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"
        ).fetchone()
        assert bool(offered) is (postgres.kind == "timescaledb")
        if not offered:
            return
        connection.execute("CREATE EXTENSION timescaledb")
        connection.execute("CREATE TABLE fix (device text, fixed_at timestamptz NOT NULL)")
        connection.execute("SELECT create_hypertable('fix', by_range('fixed_at'))")
        connection.execute("INSERT INTO fix VALUES ('c1', '2014-03-01'), ('c1', '2024-03-01')")
        chunks = connection.execute("SELECT count(*) FROM timescaledb_information.chunks")
        assert chunks.fetchone() == (2,)


def test_a_killed_database_keeps_what_was_committed(
    postgres: Postgres, postgres_address: str
) -> None:
    with psycopg.connect(postgres_address) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    postgres.kill()
    assert postgres.pid is None
    postgres.start()
    with psycopg.connect(postgres_address) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)


def test_a_killed_broker_comes_back_on_its_port(broker: Broker) -> None:
    address, pid = broker.address, broker.pid
    broker.kill()
    assert broker.pid is None
    broker.start()
    assert broker.address == address
    assert broker.pid not in {None, pid, os.getpid()}
