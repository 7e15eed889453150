"""The folder of a PostgreSQL: what is in it, and making it."""

import json
import logging
import os
import secrets
import shutil
import subprocess
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from ecoduct_server.embedded import processes
from ecoduct_server.embedded.binaries import BUILTIN_LOCALE, as_user, major_version, user_for
from ecoduct_server.embedded.errors import EmbeddedError

log = logging.getLogger(__name__)

USER: Final = "ecoduct"
_BIGGEST_LOG: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the server; kept in the folder, readable by its owner only."""

    port: int
    password: str

    def url(self, database: str) -> str:
        """Address of one database."""
        return f"postgresql://{USER}:{self.password}@{processes.HOST}:{self.port}/{database}"


class Cluster:
    """A data folder: the cluster itself, the log, the port and the password.

    Parameters
    ----------
    data_dir : Path
        Made when needed.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.path = data_dir / "cluster"
        self.log_file = data_dir / "postgres.log"
        self._access_file = data_dir / "access.json"

    @property
    def access(self) -> Access:
        """Port and password.

        Raises
        ------
        EmbeddedError
            The file is gone or not readable.
        """
        try:
            return Access(**json.loads(self._access_file.read_text()))
        except (OSError, ValueError, TypeError) as error:
            raise EmbeddedError(
                f"Port and password of the database cannot be read: {error}",
                where=str(self._access_file),
                remedy="Start the server once; or restore this file together with the folder.",
            ) from error

    @property
    def token(self) -> str:
        """Name that every process of this server shows in its command line.

        The same folder under another path keeps it, a copy of the folder has its own.
        """
        status = self.path.stat()
        return f"ecoduct-{status.st_dev:x}-{status.st_ino:x}"

    @property
    def version(self) -> int | None:
        """Major version of PostgreSQL that made it; None before that."""
        with suppress(FileNotFoundError):
            return int((self.path / "PG_VERSION").read_text().split(".")[0])
        return None

    @property
    def pid_file(self) -> Path:
        """Where the postmaster writes its pid, and leaves it when it is killed."""
        return self.path / "postmaster.pid"

    def noted_pid(self) -> int | None:
        """Pid that the postmaster noted, dead or alive."""
        try:
            return int(self.pid_file.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def settle_port(self) -> None:
        """Take another port if the kept one is in use."""
        port = processes.choose_port(self.access.port)
        if port != self.access.port:
            self._keep(replace(self.access, port=port))

    def rotate_log(self) -> int:
        """Size of the log, begun anew if it was large; bytes."""
        with suppress(FileNotFoundError):
            size = self.log_file.stat().st_size
            if size <= _BIGGEST_LOG:
                return size
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        return 0

    def make(self, binaries: Path) -> None:
        """Create the cluster; a kill in between leaves no half one."""
        log.info("postgres.creating folder=%s", self.path)
        access = Access(port=processes.choose_port(None), password=secrets.token_urlsafe(24))
        self._keep(access)
        half = self.data_dir / "cluster.half"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        secret = self.data_dir / "password.half"
        _write_private(secret, access.password)
        user = user_for(half)
        if user is not None:
            _give([half, secret], user)
        try:
            _run_initdb(binaries, half, secret, user)
        finally:
            secret.unlink()
        half.rename(self.path)

    def _keep(self, access: Access) -> None:
        half = self._access_file.with_suffix(".half")
        _write_private(half, json.dumps(asdict(access)))
        if os.geteuid() == 0:
            # A user whose folder root has served once must still be able to read it.
            _give([half], self.data_dir.stat().st_uid)
        half.replace(self._access_file)


def _run_initdb(binaries: Path, folder: Path, secret: Path, user: int | None) -> None:
    locale = ["--encoding=UTF8", "--locale=C"]
    if major_version(binaries) >= BUILTIN_LOCALE:
        locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = subprocess.run(  # noqa: S603 - programs found by us
        [
            *as_user(user, reach=[binaries, folder]),
            str(binaries / "initdb"),
            f"--pgdata={folder}",
            f"--username={USER}",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            *locale,
        ],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EmbeddedError(
            f"The database could not be created: {done.stderr.strip()}",
            where=str(folder),
            remedy="See the message above; a full disk or a read-only folder is usual.",
        )


def _give(paths: list[Path], user: int) -> None:
    for path in paths:
        os.chown(path, user, user)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
