"""`ecoduct demo`: every part as its own program, with a simulated herd or real tracks."""

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecoduct_server.commands.terminal import out
from ecoduct_server.embedded import EmbeddedBroker
from ecoduct_server.errors import BadRequest, ServerError
from ecoduct_server.settings import ServerSettings

log = logging.getLogger("ecoduct.demo")

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


@dataclass(slots=True)
class _Troupe:
    """The programs of a demonstration; leaving ends them in the reverse order of their start."""

    folder: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, program: str, *options: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as output:
            self.running[name] = subprocess.Popen(  # noqa: S603 - our own programs
                [_program(program), *options],
                stdout=output,
                stderr=output,
                env=self.environment,
                # Ctrl-C reaches only this program, which then ends the others in order.
                start_new_session=True,
            )
        log.debug("demo.started name=%s pid=%d", name, self.running[name].pid)

    def fallen(self) -> str | None:
        return next((n for n, p in self.running.items() if p.poll() is not None), None)

    def stop(self) -> None:
        for name, process in reversed(self.running.items()):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.debug("demo.stopped name=%s", name)
        self.running.clear()


def demo(settings: ServerSettings, plan: Plan) -> None:
    """Run until Ctrl-C.

    Raises
    ------
    BadRequest
        A file that was named is not there, or a port is taken.
    ServerError
        A program of the demonstration ended by itself.
    """
    for path in (plan.tracks, plan.landscape):
        if path is not None and not path.is_file():
            raise BadRequest(f"There is no file {path}.", where="demo", remedy="Check its name.")
    folder = settings.data.resolve()
    _clear(folder)
    port = settings.port if _is_free(settings.port) else _free_port()
    troupe = _Troupe(folder=folder)
    try:
        _raise_curtain(troupe, plan, port)
        _watch_over(troupe)
    except KeyboardInterrupt:
        out.print("\nstopping …")
    finally:
        troupe.stop()
        out.print("stopped")


def _raise_curtain(troupe: _Troupe, plan: Plan, port: int) -> None:
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
    broker = EmbeddedBroker(folder / "server" / "broker").address
    for gateway in sorted({port["gateway"] for port in ports}):
        own = [port for port in ports if port["gateway"] == gateway]
        path = folder / f"{gateway}.toml"
        path.write_text(_gateway_settings(gateway, own, broker, folder / gateway))
        troupe.start(gateway, "ecoduct-edge", "run", "--settings", str(path))
        out.print(f"gateway     {gateway} with {len(own)} receivers")
    out.print(f"\nlive map    http://127.0.0.1:{port}/")
    out.print(f"thin links  http://127.0.0.1:{port}/lite")
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
    command = [_program("ecoduct"), "import", kind, str(path), *store]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        raise ServerError(
            f"The {kind} cannot be imported:\n{done.stderr.strip()}",
            where=str(path),
            remedy="Correct the file; `ecoduct import --help` tells what it may hold.",
        )


def _wait_for_ports(troupe: _Troupe, path: Path) -> list[dict[str, Any]]:
    _wait(troupe, path.exists, "the simulator's ports")
    found: list[dict[str, Any]] = json.loads(path.read_text())["ports"]
    return found


def _wait_for_page(troupe: _Troupe, port: int) -> None:
    _wait(troupe, lambda: _answers(port), f"the server on port {port}")


def _wait(troupe: _Troupe, ready: Any, what: str) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not ready():
        _check(troupe)
        if time.monotonic() > end:
            raise ServerError(
                f"Waited {_PATIENCE_S:.0f} s for {what}.",
                where=str(troupe.folder),
                remedy="See the last lines of the *.log files there.",
            )
        time.sleep(0.05)


def _watch_over(troupe: _Troupe) -> None:
    while True:
        _check(troupe)
        time.sleep(0.5)


def _check(troupe: _Troupe) -> None:
    name = troupe.fallen()
    if name is None:
        return
    path = troupe.folder / f"{name}.log"
    last = "\n".join(path.read_text(errors="replace").splitlines()[-8:])
    raise ServerError(
        f"The program {name!r} ended by itself. Its last lines:\n{last}",
        where=str(path),
        remedy="Mend what they say and start the demonstration again.",
    )


def _program(name: str) -> str:
    """Path of one of our programs: beside this one, as the installation put them."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise ServerError(
            f"The program {name} is not installed.",
            where=str(beside.parent),
            remedy="Install everything: pip install 'ecoduct[edge,server,sim]'.",
        )
    return found


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
