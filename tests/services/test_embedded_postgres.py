"""The embedded database survives what happens to it."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from ecoduct_server.embedded import EmbeddedError, EmbeddedPostgres

pytestmark = pytest.mark.services

_START_AND_DIE = """
import os, signal, sys
from pathlib import Path
from ecoduct_server.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "data")
    server.start()
    yield server
    server.stop()


def ask(server: EmbeddedPostgres, query: str) -> object:
    with psycopg.connect(server.address, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def kill(server: EmbeddedPostgres) -> int:
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while server.pid is not None:
        time.sleep(0.01)
    return pid


def test_settings_keep_data_safe_and_local(server: EmbeddedPostgres, tmp_path: Path) -> None:
    assert ask(server, "SHOW fsync") == "on"
    assert ask(server, "SHOW synchronous_commit") == "on"
    assert ask(server, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(server, "SHOW unix_socket_directories") == ""
    assert ask(server, "SHOW timezone") == "UTC"
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SELECT lower('ÄÖ') = 'äö'") is True
    assert (tmp_path / "data" / "access.json").stat().st_mode & 0o777 == 0o600


def test_password_is_asked_for(server: EmbeddedPostgres) -> None:
    user, _, place = server.address.rpartition("@")
    stranger = user.rsplit(":", 1)[0] + ":wrong@" + place
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(stranger)


def test_committed_rows_survive_a_killed_postmaster(server: EmbeddedPostgres) -> None:
    ask(server, "CREATE TABLE kept AS SELECT 7 AS n")
    address, killed = server.address, kill(server)
    assert server.ensure_running()
    assert server.pid != killed
    assert server.address == address
    assert ask(server, "SELECT n FROM kept") == 7
    assert not server.ensure_running()


def test_backend_that_computes_on_does_not_hold_up_the_restart(server: EmbeddedPostgres) -> None:
    def compute() -> None:
        with suppress(psycopg.OperationalError):
            ask(server, "SELECT count(*) FROM generate_series(1, 3000000000::bigint)")

    computing = Thread(target=compute)
    computing.start()
    busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT count(*) FROM generate%'"
    while ask(server, busy) != 1:
        time.sleep(0.05)
    kill(server)
    assert server.ensure_running()
    assert ask(server, "SELECT 1") == 1
    computing.join(10)
    assert not computing.is_alive()


def test_server_outlives_its_killed_owner_and_is_adopted(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _START_AND_DIE, tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    heir = EmbeddedPostgres(tmp_path)
    heir.start()
    try:
        assert heir.pid == int(done.stdout)
        assert ask(heir, "SELECT 1") == 1
    finally:
        heir.stop()
    assert heir.pid is None


def test_starting_twice_at_once_makes_one_server(tmp_path: Path) -> None:
    servers = [EmbeddedPostgres(tmp_path) for _ in range(2)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(EmbeddedPostgres.start, servers))
    assert servers[0].pid == servers[1].pid
    for server in servers:
        server.stop()


def test_last_user_stops_the_server(server: EmbeddedPostgres, tmp_path: Path) -> None:
    other = EmbeddedPostgres(tmp_path / "data")
    other.start()
    other.stop()
    assert ask(server, "SELECT 1") == 1
    server.stop()
    assert server.pid is None


def test_pid_that_went_to_a_stranger_is_not_taken_for_the_server(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    pid_file = tmp_path / "data" / "cluster" / "postmaster.pid"
    noted = pid_file.read_text().split("\n", 1)
    kill(server)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        pid_file.write_text(f"{stranger.pid}\n{noted[1]}")
        try:
            assert server.ensure_running()
            assert ask(server, "SELECT 1") == 1
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_taken_port_is_exchanged_for_another(server: EmbeddedPostgres, tmp_path: Path) -> None:
    server.stop()
    address = server.address
    port = int(address.rpartition(":")[2].split("/")[0])
    blocker = (
        f"import socket; s=socket.create_server(('127.0.0.1',{port})); print(flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", blocker], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        other.stdout.readline()
        server.start()
        other.kill()
    assert server.address != address
    assert ask(server, "SELECT 1") == 1
    assert EmbeddedPostgres(tmp_path / "data").address == server.address


def test_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "cluster.half"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    (tmp_path / "password.half").write_text("x")
    server = EmbeddedPostgres(tmp_path)
    server.start()
    assert ask(server, "SELECT 1") == 1
    assert not half.exists()
    assert not (tmp_path / "password.half").exists()
    server.stop()


def test_folder_of_another_version_is_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError) as refused:
        EmbeddedPostgres(tmp_path).start()
    assert "made by PostgreSQL 9" in refused.value.what
    assert "Install PostgreSQL 9" in refused.value.remedy


def test_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="cannot be written") as refused:
        EmbeddedPostgres(tmp_path / "file" / "data").start()
    assert str(tmp_path / "file" / "data") in refused.value.where


def test_server_that_cannot_start_shows_its_last_lines(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path, options={"shared_preload_libraries": "not_there"})
    with pytest.raises(EmbeddedError, match="could not access file"):
        server.start()
    server.stop()


def test_progress_is_logged_without_the_password(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        server = EmbeddedPostgres(tmp_path)
        server.start()
        server.stop()
    events = [message.split()[0] for message in caplog.messages]
    assert events == [
        "postgres.creating",
        "postgres.starting",
        "postgres.ready",
        "postgres.stopped",
    ]
    assert server.address.split(":")[2].split("@")[0] not in caplog.text
