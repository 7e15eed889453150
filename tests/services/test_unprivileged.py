"""Root and an ordinary user get the same services."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"),
]

_NOBODY = 65_534
_LIFE = """
import json, os, signal, sys, time
from pathlib import Path
import psycopg
from ecoduct_server.embedded import EmbeddedBroker, EmbeddedPostgres

folder = Path(sys.argv[1])
services = [EmbeddedPostgres(folder / "pg"), EmbeddedBroker(folder / "broker")]
for service in services:
    service.start()
    killed = service.pid
    os.kill(killed, signal.SIGKILL)
    while service.pid == killed:
        time.sleep(0.01)
    assert service.ensure_running()
with psycopg.connect(services[0].address) as connection:
    version = connection.info.server_version
owner = (folder / "pg/cluster").stat().st_uid
for service in services:
    service.stop()
print(json.dumps({"euid": os.geteuid(), "owner": owner, "version": version}))
"""


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """Folder that only root can enter, as below /root."""
    folder = Path(tempfile.mkdtemp(prefix="ecoduct-closed-"))
    yield folder / "deep"
    shutil.rmtree(folder)


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ecoduct-home-"))
    os.chown(folder, _NOBODY, _NOBODY)
    yield folder
    shutil.rmtree(folder)


def test_root_runs_both_in_a_folder_closed_to_others(closed_folder: Path) -> None:
    lived = live(Path(sys.executable), closed_folder, user=None)
    assert lived["euid"] == 0
    assert lived["owner"] == _NOBODY


def test_ordinary_user_runs_both(home: Path) -> None:
    lived = live(open_python(), home / "data", user=_NOBODY)
    assert lived["euid"] == _NOBODY
    assert lived["owner"] == _NOBODY


def test_root_takes_over_a_users_folder_and_leaves_it_to_the_user(home: Path) -> None:
    data = home / "data"
    live(open_python(), data, user=_NOBODY)
    lived = live(Path(sys.executable), data, user=None)
    assert lived["owner"] == _NOBODY
    live(open_python(), data, user=_NOBODY)


def live(python: Path, folder: Path, *, user: int | None) -> dict[str, int]:
    """Start, kill, restart and stop both services as that user."""
    done = subprocess.run(
        [python, "-c", _LIFE, folder],
        capture_output=True,
        text=True,
        check=False,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        cwd="/",
        env={
            "HOME": str(folder.parent),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": ":".join(path for path in sys.path if path),
        },
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def open_python() -> Path:
    """Return a Python of our version that every user can run with our packages."""
    packages = Path(sysconfig.get_path("purelib"))
    system = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    for python in (Path(sys.executable), system):
        if python.exists() and can_run(python, packages):
            return python
    pytest.skip("Python or the checkout lies in a folder closed to other users")


def can_run(python: Path, packages: Path) -> bool:
    try:
        return not subprocess.run(
            [python, "-c", "import os, sys; os.listdir(sys.argv[1])", packages],
            user=_NOBODY,
            group=_NOBODY,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        ).returncode
    except PermissionError:
        return False
