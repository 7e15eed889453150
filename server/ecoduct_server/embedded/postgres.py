"""PostgreSQL in a folder: started, adopted, restarted, stopped."""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock
from typing import Final

import psycopg

from ecoduct_server.embedded import processes
from ecoduct_server.embedded.binaries import as_user, find_binaries, user_for
from ecoduct_server.embedded.cluster import Cluster
from ecoduct_server.embedded.errors import EmbeddedError

log = logging.getLogger(__name__)

DATABASE: Final = "ecoduct"
_ATTEMPTS: Final = 3
_READY_S: Final = 300.0  # crash recovery of a large database is the slow case
_SAY_EVERY_S: Final = 5.0


class EmbeddedPostgres:
    """A PostgreSQL server of our own, with its data in a folder.

    It keeps running if this process is killed; the next one adopts it. Several processes may use
    the same folder: the last to `stop` stops the server.

    Parameters
    ----------
    data_dir : Path
        Holds the cluster, the log, the port and the password.
    binaries : Path, optional
        Folder with `postgres` and `initdb`, instead of those that come with Ecoduct.
    options : mapping, optional
        Further settings of the server.
    """

    name = "postgres"

    def __init__(
        self,
        data_dir: Path,
        *,
        binaries: Path | None = None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self._cluster = Cluster(self.data_dir)
        self._binaries = binaries
        self._options = dict(options or {})
        self._child: subprocess.Popen[bytes] | None = None
        self._use: int | None = None
        self._mutex = RLock()

    @property
    def address(self) -> str:
        """URL of the database, password included; known from the first start on."""
        return self._cluster.access.url(DATABASE)

    @property
    def pid(self) -> int | None:
        """Process of the postmaster; None while it is not running."""
        self._child_lives()  # reaps it, so that a dead child does not look alive
        pid = self._cluster.noted_pid()
        if pid is None or not processes.carries(pid, self._cluster.token):
            return None
        return pid

    def start(self) -> None:
        """Start the server, or adopt it where it is running already.

        Raises
        ------
        EmbeddedError
            It cannot run here; the message says why and what to do.
        """
        with self._mutex:
            processes.open_folder(self.data_dir)
            if self._use is None:
                self._use = processes.share_lock(self.data_dir / "users.lock")
            with processes.locked(self.data_dir / "lock"):
                if not self._adopt():
                    self._launch()

    def ensure_running(self) -> bool:
        """Start the server if it is dead; whether that was needed."""
        if self.pid is not None:
            return False
        self.start()
        return True

    def stop(self) -> None:
        """Stop the server cleanly, unless another process still uses it."""
        with self._mutex:
            if self._use is None:
                return
            with processes.locked(self.data_dir / "lock"):
                if processes.is_last_user(self._use):
                    self._shut_down()
                elif self._child is not None:
                    # It goes on for the others, so it is not ours to wait for any more.
                    self._child.returncode = 0
                    self._child = None
                os.close(self._use)
                self._use = None

    def _adopt(self) -> bool:
        pid = self.pid
        if pid is None or not self._wait_until_ready(lambda: self.pid == pid):
            return False
        log.info("postgres.adopted pid=%d port=%d", pid, self._cluster.access.port)
        return True

    def _launch(self) -> None:
        binaries = self._binaries or find_binaries(self._cluster.version)
        if self._cluster.version is None:
            self._cluster.make(binaries)
        for _ in range(_ATTEMPTS):
            self._clear_remains()
            self._cluster.settle_port()
            log.info("postgres.starting port=%d", self._cluster.access.port)
            log_begin = self._cluster.rotate_log()
            self._child = self._spawn(binaries)
            if self._wait_until_ready(self._child_lives):
                self._make_database()
                log.info("postgres.ready pid=%s port=%d", self.pid, self._cluster.access.port)
                return
        raise EmbeddedError(
            "PostgreSQL does not start. Its last lines:\n       "
            + processes.last_lines(self._cluster.log_file, since=log_begin),
            where=str(self._cluster.log_file),
            remedy="See these lines; a full disk (`df -h`) is usual.",
        )

    def _clear_remains(self) -> None:
        """End what a killed postmaster left: its backends hold the cluster for a moment."""
        self._reap()
        processes.wait_until(lambda: not self._running(), seconds=2)
        processes.end(self._running, signals=[(signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)])
        pid = self._cluster.noted_pid()
        if pid is not None and processes.is_alive(pid):
            # The pid has gone to a stranger, before whom PostgreSQL would refuse to start.
            self._cluster.pid_file.unlink()

    def _running(self) -> list[int]:
        return processes.running_with(self._cluster.token)

    def _spawn(self, binaries: Path) -> subprocess.Popen[bytes]:
        options = {
            "listen_addresses": processes.HOST,
            "port": str(self._cluster.access.port),
            "unix_socket_directories": "",  # its path limit of 107 bytes breaks deep folders
            "timezone": "UTC",
            "log_timezone": "UTC",
            "cluster_name": self._cluster.token,
            **self._options,
        }
        user = user_for(self._cluster.path)
        with self._cluster.log_file.open("ab") as stream:
            return subprocess.Popen(  # noqa: S603 - programs found by us
                [
                    *as_user(user, reach=[binaries, self._cluster.path]),
                    str(binaries / "postgres"),
                    f"-D{self._cluster.path}",
                    *(f"--{name}={value}" for name, value in options.items()),
                ],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,  # Ctrl-C in the terminal is for us, not for the database
            )

    def _child_lives(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def _reap(self) -> None:
        if self._child is not None and self.pid != self._child.pid:
            self._child.wait()
            self._child = None

    def _wait_until_ready(self, lives: Callable[[], bool]) -> bool:
        """Whether it answers; False if it ended instead."""
        begun = said = time.monotonic()
        url = self._cluster.access.url("postgres")
        while lives():
            try:
                psycopg.connect(url, connect_timeout=5).close()
            except psycopg.OperationalError as error:
                reason = str(error).strip().splitlines()[-1]
            else:
                return True
            now = time.monotonic()
            if now - begun > _READY_S:
                raise EmbeddedError(
                    f"PostgreSQL runs but does not answer: {reason}",
                    where=f"{processes.HOST}:{self._cluster.access.port}",
                    remedy=f"See {self._cluster.log_file}; recovery after a crash may take longer.",
                )
            if now - said > _SAY_EVERY_S:
                said = now
                log.info("postgres.waiting seconds=%.0f reason=%s", now - begun, reason)
            time.sleep(0.1)
        return False

    def _make_database(self) -> None:
        url = self._cluster.access.url("postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if known.fetchone() is None:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')

    def _shut_down(self) -> None:
        pid = self.pid
        if pid is None:
            return

        def postmaster() -> list[int]:
            return [pid] if self.pid == pid else []

        # Fast, then immediate (which recovers at the next start), then the last resort.
        signals = [(signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0)]
        processes.end(postmaster, signals=signals)
        self._reap()
        log.info("postgres.stopped pid=%d", pid)
