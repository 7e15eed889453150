"""Every program killed in the middle of a replay, and started again: nothing lost, none twice."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from journey.caravan import Caravan
from journey.test_replay import EMBEDDED, HERDS, PRODUCTION, crossing_steps, furthest_off_m, path

__all__ = ["path"]  # the fixture

pytestmark = [pytest.mark.journey, pytest.mark.reference, pytest.mark.timeout(600)]

FIXES, STEPS = HERDS["pronghorn"]
# A year in 25 seconds: time enough to be killed four times.
SPEED = str(365 * 86_400 / 25)


def kill_gateway(path: Caravan) -> None:
    for name in [name for name in path.running if name.startswith("hut-")]:
        path.kill(name)
        path.start(name)


def kill_broker(path: Caravan) -> None:
    path.stack.broker.kill()
    path.stack.broker.start()


def kill_server(path: Caravan) -> None:
    path.kill("server")
    path.start("server")


def kill_postgres(path: Caravan) -> None:
    path.stack.postgres.kill()
    path.stack.postgres.start()


Kill = Callable[[Caravan], None]
ALL: tuple[Kill, ...] = (kill_gateway, kill_broker, kill_server, kill_postgres)


@pytest.mark.parametrize(
    ("path", "form", "kills"),
    [
        (PRODUCTION, "ubx", ALL),
        (EMBEDDED, "rak", ALL),
        (PRODUCTION, "nmea", (kill_gateway, kill_gateway, kill_gateway, kill_gateway)),
    ],
    indirect=["path"],
)
def test_killed_in_the_middle_of_a_replay_nothing_is_lost_and_none_is_twice(
    path: Caravan, reference: Path, form: str, kills: tuple[Kill, ...]
) -> None:
    table = reference / "barrier/data/pronghorn_fixes.csv"
    path.replay(table, "--format", form, "--speed", SPEED)
    for place, kill in enumerate(kills, 1):
        enough = FIXES * place // (len(kills) + 1)
        path.wait(lambda enough=enough: path.stored() >= enough, f"{enough} fixes")  # type: ignore[misc]
        kill(path)
    path.wait(lambda: path.answers() and path.is_through(FIXES), f"{FIXES} fixes", s=240)

    assert furthest_off_m(path.database, table) <= 0.02
    assert abs(crossing_steps(path.database) - STEPS) <= 2
    ledger = path.health()["ledger"]
    assert (ledger["stored"], ledger["gaps"], ledger["refused"]) == (FIXES, [], {})
    path.stop_gateways()
    gateways = [folder.stem for folder in path.folder.glob("hut-*.toml")]
    assert [path.unsettled(gateway) for gateway in gateways] == [0] * len(gateways)


@pytest.mark.parametrize("path", [EMBEDDED], indirect=True)
def test_server_brings_back_the_services_that_it_runs_itself(path: Caravan, tmp_path: Path) -> None:
    """The embedded database and broker of `ecoduct serve`, killed under it."""
    path.kill("server")
    data = tmp_path / "own"
    path.start("server", "ecoduct", "serve", "--data", str(data), "--port", str(path.port))
    path.wait(path.answers, "the server")
    path.wait(lambda: path.health()["status"] == "ok", "all services")
    for word in ("postgres -D", "rumqttd"):
        for pid in pids_of(word, str(data)):
            os.kill(pid, signal.SIGKILL)
    path.wait(lambda: path.health()["status"] == "ok", "all services again")


def pids_of(word: str, folder: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if folder in line and word.split(maxsplit=1)[0] in line:
                found.append(int(entry.name))
    return found
