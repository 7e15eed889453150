"""`ecoduct demo`: every part as its own program, with a simulated herd or real tracks."""

import json
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecoduct_server.commands.terminal import out
from ecoduct_server.commands.troupe import Troupe, path_of
from ecoduct_server.embedded import EmbeddedBroker
from ecoduct_server.errors import BadRequest, ServerError
from ecoduct_server.settings import ServerSettings

_HERD_RATE = 1800.0  # half an hour a second: a herd's day in 48 seconds
_TRACK_RATE = 14_400.0  # four hours a second: two fixes of a usual collar
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to show: a simulated herd, or ``tracks`` and their ``landscape``."""

    tracks: Path | None = None
    landscape: Path | None = None
    speed: float | None = None
    format: str = "mixed"
    animals: int = 12
    seed: int = 1


def demo(settings: ServerSettings, plan: Plan) -> None:
    """Run until Ctrl-C.

    Raises
    ------
    BadRequest
        A file that was named is not there, or a port is taken.
    ServerError
        A program of the demonstration does not start, or falls again and again.
    """
    for path in (plan.tracks, plan.landscape):
        if path is not None and not path.is_file():
            raise BadRequest(f"There is no file {path}.", where="demo", remedy="Check its name.")
    folder = settings.data.resolve()
    _clear(folder)
    port = settings.port if _is_free(settings.port) else _free_port()
    troupe = Troupe(folder=folder)
    try:
        _raise_curtain(troupe, plan, settings, port)
        _watch_over(troupe)
    except KeyboardInterrupt:
        out.print("\nstopping …")
    finally:
        troupe.stop()
        out.print("stopped")


def _raise_curtain(troupe: Troupe, plan: Plan, settings: ServerSettings, port: int) -> None:
    folder = troupe.folder
    if plan.tracks is None:
        now = time.time()
        rate = plan.speed or _HERD_RATE
        troupe.environment["ECODUCT_CLOCK"] = f"{now},{now},{rate}"
    store = ["--data", str(folder / "server")]
    out.print("simulator   pseudo-terminals with collars and receivers")
    troupe.start("sim", "ecoduct-sim", *_simulation(plan, folder / "sim"))
    out.print("server      database, broker, ingest, watch, pages")
    troupe.start("server", "ecoduct", "serve", "--port", str(port), *store)
    ports = _wait_for_ports(troupe, folder / "sim" / "ports.json")
    _wait_for_page(troupe, port)
    scenery = plan.landscape or (folder / "sim" / "landscape.geojson" if not plan.tracks else None)
    if scenery:
        _import("landscape", scenery, store)
    _import("deployments", folder / "sim" / "deployments.csv", store)
    broker = settings.broker or EmbeddedBroker(folder / "server" / "broker").address
    for gateway in sorted({port["gateway"] for port in ports}):
        own = [port for port in ports if port["gateway"] == gateway]
        path = folder / f"{gateway}.toml"
        path.write_text(_gateway_settings(gateway, own, broker, folder / gateway))
        troupe.start(gateway, "ecoduct-edge", "run", "--settings", str(path))
        out.print(f"gateway     {gateway} with {len(own)} receivers")
    out.print(f"\nlive map    http://127.0.0.1:{port}/")
    out.print(f"thin links  http://127.0.0.1:{port}/lite")
    out.print(f"one alert   ecoduct trace alert:1 --data {store[1]}")
    out.print(f"logs        {folder}/*.log\nCtrl-C stops all of it.\n")


def _simulation(plan: Plan, folder: Path) -> list[str]:
    common = ["--out", str(folder), "--format", plan.format]
    if plan.tracks is None:
        return ["herd", "--animals", str(plan.animals), "--seed", str(plan.seed), *common]
    rate = _TRACK_RATE if plan.speed is None else plan.speed
    speed = "max" if rate == 0 else str(rate)
    return ["replay", str(plan.tracks), "--speed", speed, "--hold", *common]


def _gateway_settings(gateway: str, ports: list[dict[str, Any]], broker: str, folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    lines = [
        f"gateway = {json.dumps(gateway)}",
        f"data_dir = {json.dumps(str(folder))}",
        'earliest = "1990-01-01T00:00:00Z"  # old tracks may be replayed',
        "[mqtt]",
        f"url = {json.dumps(broker)}",
    ]
    for port in ports:
        lines += [
            "[[port]]",
            f"name = {json.dumps(port['name'])}",
            f"url = {json.dumps('serial://' + port['path'])}",
            f"format = {json.dumps(port['format'])}",
            f"device = {json.dumps(port.get('device') or '')}",
        ]
    return "\n".join(lines) + "\n"


def _import(kind: str, path: Path, store: list[str]) -> None:
    command = [path_of("ecoduct"), "import", kind, str(path), *store]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise ServerError(
            f"The {kind} cannot be imported:\n{done.stderr.strip()}",
            where=str(path),
            remedy="Correct the file; `ecoduct import --help` tells what it may hold.",
        )


def _wait_for_ports(troupe: Troupe, path: Path) -> list[dict[str, Any]]:
    _wait(troupe, path.exists, "the simulator's ports")
    found: list[dict[str, Any]] = json.loads(path.read_text())["ports"]
    return found


def _wait_for_page(troupe: Troupe, port: int) -> None:
    _wait(troupe, lambda: _answers(port), f"the server on port {port}")


def _wait(troupe: Troupe, ready: Any, what: str) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not ready():
        if name := troupe.fallen():
            raise troupe.failure(name)
        if time.monotonic() > end:
            raise ServerError(
                f"Waited {_PATIENCE_S:.0f} s for {what}.",
                where=str(troupe.folder),
                remedy="See the last lines of the *.log files there.",
            )
        time.sleep(0.05)


def _watch_over(troupe: Troupe) -> None:
    """Bring back whatever falls; only the simulator cannot be, the truth would begin anew."""
    while True:
        name = troupe.fallen()
        if name == "sim":
            raise troupe.failure(name)
        if name is not None:
            troupe.revive(name)
            out.print(f"{name} ended by itself and was started again")
        time.sleep(0.5)


def _clear(folder: Path) -> None:
    """Make room for a new showing; only what an earlier one left is taken away."""
    marker = folder / ".ecoduct-demo"
    if folder.exists() and any(folder.iterdir()) and not marker.exists():
        raise BadRequest(
            f"{folder} is not empty and was not made by a demonstration.",
            where="--data",
            remedy="Name another folder; a demonstration begins with an empty one.",
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    marker.touch()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
