"""Connections to PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from ecoduct_server.errors import StoreError

Row = dict[str, Any]
Connection = psycopg.Connection[Row]
Pool = ConnectionPool[Connection]

_WAIT_S = 10.0  # longer than a restart of the database takes; then the caller is told


def open_pool(address: str) -> Pool:
    """Pool of connections that give rows as dictionaries, in UTC; opened at first use."""
    return ConnectionPool(
        address,
        connection_class=psycopg.Connection[Row],
        kwargs={"row_factory": dict_row, "options": "-c timezone=UTC", "connect_timeout": 5},
        min_size=1,
        max_size=8,
        timeout=_WAIT_S,
        # A connection that died with the database is noticed before it is handed out.
        check=ConnectionPool.check_connection,
        open=True,
        name="store",
    )


@contextmanager
def connect(address: str) -> Iterator[Connection]:
    """One connection of one's own, for a command or a listener; commits at the end.

    Raises
    ------
    StoreError
        The database cannot be reached.
    """
    try:
        connection = psycopg.Connection[Row].connect(
            address, row_factory=dict_row, options="-c timezone=UTC", connect_timeout=10
        )
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
    with connection:
        yield connection


def unreachable(error: Exception) -> StoreError:
    """Say that the database cannot be reached, without the password of its address."""
    return StoreError(
        f"The database cannot be reached: {str(error).strip().splitlines()[0]}",
        where="PostgreSQL",
        remedy="See that it runs and that `--database` names it, or leave the option out for "
        "the embedded one; `ecoduct doctor` looks at both.",
    )
