"""Every command that takes a scheduler gives on a cluster the files that it gives alone."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dask.config
import pytest
from distributed import LocalCluster

from ecoduct_analysis.synthetic import migrate
from ecoduct_analysis.tables import write_csv

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ECODUCT = Path(sys.executable).with_name("ecoduct")
COMMANDS = {
    "corridors": ["--rule", "population=false"],
    "ud": ["--rule", "cell_m=1000"],
    "population": ["--season", "spring=02-15/05-15", "--season", "autumn=09-15/11-30"],
    "stays": ["--preset", "ungulate"],
    "phases": [],
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        dask.config.set(temporary_directory=str(tmp_path_factory.mktemp("workers"))),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as running,
    ):
        yield running.scheduler_address


@pytest.fixture(scope="module")
def herd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("herd") / "herd.csv"
    write_csv(migrate(4, seed=6, interval_s=14_400.0, residents=1, crs="EPSG:32612").tracks, path)
    return path


def analyse(command: str, tracks: Path, out: Path, *more: str) -> dict[str, bytes]:
    typed = [str(ECODUCT), "analyse", command, "--tracks", str(tracks), "--out", str(out), *more]
    done = subprocess.run(typed, check=False, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return {
        path.name: path.read_bytes()
        for path in out.iterdir()
        if path.suffix in {".csv", ".tif", ".png"}
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_a_cluster_writes_the_same_bytes(
    command: str, herd: Path, cluster: str, tmp_path: Path
) -> None:
    alone = analyse(command, herd, tmp_path / "alone", *COMMANDS[command])
    shared = analyse(command, herd, tmp_path / "shared", *COMMANDS[command], "--scheduler", cluster)
    assert len(alone) >= 2
    assert alone == shared
