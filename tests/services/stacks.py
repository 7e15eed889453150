"""Real databases and brokers for tests: the embedded ones, and those that production uses.

`scripts/provision.py` brings the latter into the user's cache; `provisioned` finds them there.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NoReturn
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from ecoduct_server.embedded import EmbeddedBroker, EmbeddedPostgres

DatabaseKind = Literal["embedded", "timescaledb"]
BrokerKind = Literal["embedded", "mosquitto"]
DATABASES: Final[tuple[DatabaseKind, ...]] = ("embedded", "timescaledb")
BROKERS: Final[tuple[BrokerKind, ...]] = ("embedded", "mosquitto")

_TIMESCALEDB: Final = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "jit": "off",  # its compiler is not provisioned
}


class NotProvisionedError(Exception):
    """A service is not on this machine; the message says how to get it."""


def provisioned(name: Literal["postgres", "mosquitto", "browser"]) -> Path:
    """Path of a program that `scripts/provision.py` found or fetched."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ecoduct"
    try:
        path = Path(json.loads((cache / "services.json").read_text())[name])
    except (OSError, ValueError, KeyError):
        raise NotProvisionedError(f"{name} is not there: run scripts/provision.py") from None
    if not path.exists():
        raise NotProvisionedError(f"{path} is gone: run scripts/provision.py")
    return path


def skip_or_fail(missing: NotProvisionedError) -> NoReturn:
    """Skip the test; fail it where every service is required."""
    if os.environ.get("CI") or os.environ.get("ECODUCT_REQUIRE_SERVICES"):
        pytest.fail(str(missing))
    pytest.skip(str(missing))


def browser_path() -> Path:
    """Chromium, for `executable_path` of Playwright."""
    return provisioned("browser")


class Postgres:
    """A PostgreSQL server that a test may kill and start again on the same port."""

    def __init__(self, folder: Path, *, kind: DatabaseKind = "embedded") -> None:
        self.kind = kind
        if kind == "timescaledb":
            binaries = provisioned("postgres")
            self._server = EmbeddedPostgres(folder, binaries=binaries, options=_TIMESCALEDB)
        else:
            self._server = EmbeddedPostgres(folder)

    @property
    def address(self) -> str:
        """URL of the default database."""
        return self._server.address

    @property
    def pid(self) -> int | None:
        """Process of the postmaster."""
        return self._server.pid

    def start(self) -> None:
        """Start it, or do nothing if it runs."""
        self._server.start()

    def stop(self) -> None:
        """Stop it cleanly."""
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL the postmaster and wait until it is gone."""
        _kill(self._server)

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Address of an empty database, dropped afterwards."""
        name = f"t_{uuid4().hex[:12]}"
        # template0: nobody can be connected to it, not even TimescaleDB's own workers.
        self._execute(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            yield urlunsplit(urlsplit(self.address)._replace(path=f"/{name}"))
        finally:
            self.start()
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(statement.encode())


class Broker:
    """An MQTT 5 broker that a test may kill and start again on the same port."""

    def __init__(self, folder: Path, *, kind: BrokerKind = "embedded") -> None:
        self.folder = folder
        self.kind = kind
        mosquitto = provisioned("mosquitto") if kind == "mosquitto" else None
        self._server = EmbeddedBroker(folder, mosquitto=mosquitto)

    @property
    def address(self) -> str:
        """URL, mqtt://127.0.0.1:PORT."""
        return self._server.address

    @property
    def port(self) -> int:
        """TCP port."""
        return int(self.address.rsplit(":", 1)[1])

    @property
    def pid(self) -> int | None:
        """Process of the broker."""
        return self._server.pid

    def start(self) -> None:
        """Start it, or do nothing if it runs."""
        self._server.start()

    def stop(self) -> None:
        """Stop it cleanly."""
        self._server.stop()

    def kill(self) -> None:
        """SIGKILL it and wait until it is gone."""
        _kill(self._server)


@dataclass(frozen=True, slots=True)
class Stack:
    """A database and a broker for programs that a test starts.

    Use `Stack.running` outside of pytest too.
    """

    postgres: Postgres
    broker: Broker

    @classmethod
    @contextmanager
    def running(
        cls,
        folder: Path,
        *,
        database: DatabaseKind = "embedded",
        broker: BrokerKind = "embedded",
    ) -> "Iterator[Stack]":
        """Start both in a folder, and stop both afterwards."""
        stack = cls(
            Postgres(folder / "postgres", kind=database), Broker(folder / "broker", kind=broker)
        )
        try:
            stack.postgres.start()
            stack.broker.start()
            yield stack
        finally:
            stack.broker.stop()
            stack.postgres.stop()


def _kill(server: EmbeddedPostgres | EmbeddedBroker) -> None:
    pid = server.pid
    if pid is None:
        return
    os.kill(pid, signal.SIGKILL)
    while server.pid == pid:
        time.sleep(0.01)
