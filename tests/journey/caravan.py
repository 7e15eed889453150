"""Every program of the whole path, on real ports, broker and database, for a test to disturb."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from ecoduct_edge.spool import Spool
from ecoduct_server.store.pool import Connection, connect
from services.serving import free_port, program, run
from services.stacks import Stack


@dataclass(slots=True)
class Caravan:
    """Simulator, gateways and server as processes; each can be killed and started again."""

    folder: Path
    stack: Stack
    database: str
    port: int = field(default_factory=free_port)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> None:
        """Start a program; without a command, the one it had before."""
        if command:
            self.commands[name] = [program(command[0]), *command[1:]]
        with (self.folder / f"{name}.log").open("ab") as output:
            self.running[name] = subprocess.Popen(
                self.commands[name], stdout=output, stderr=output, env=os.environ.copy()
            )

    def kill(self, name: str) -> None:
        """SIGKILL: no handler, no flush, no good-bye."""
        self.running[name].kill()
        self.running.pop(name).wait()

    def serve(self) -> None:
        """Start the server and wait until it answers."""
        store = ["--database", self.database, "--broker", self.stack.broker.address]
        data = ["--data", str(self.folder / "data"), "--port", str(self.port)]
        self.start("server", "ecoduct", "serve", *store, *data)
        self.wait(self.answers, "the server")

    def replay(self, tracks: Path, *options: str) -> None:
        """Put tracks on pseudo-terminals, with a gateway for each hut that hears them."""
        out = self.folder / "sim"
        self.start(
            "sim", "ecoduct-sim", "replay", str(tracks), "--out", str(out), "--hold", *options
        )
        self.wait((out / "ports.json").exists, "the simulator's ports")
        imported = run(
            "ecoduct",
            "import",
            "deployments",
            str(out / "deployments.csv"),
            "--database",
            self.database,
        )
        assert imported.returncode == 0, imported.stderr
        ports = json.loads((out / "ports.json").read_text())["ports"]
        for gateway in sorted({port["gateway"] for port in ports}):
            path = self.folder / f"{gateway}.toml"
            own = [port for port in ports if port["gateway"] == gateway]
            path.write_text(self.gateway_settings(gateway, own))
            self.start(gateway, "ecoduct-edge", "run", "--settings", str(path))

    def gateway_settings(self, gateway: str, ports: list[dict[str, Any]]) -> str:
        """Settings that believe old tracks and lose no time over a lost receipt."""
        folder = self.folder / gateway
        folder.mkdir(exist_ok=True)
        lines = [
            f'gateway = "{gateway}"', f'data_dir = "{folder}"', 'earliest = "2000-01-01T00:00:00Z"',
            "[mqtt]", f'url = "{self.stack.broker.address}"', "[uplink]", "resend_after_s = 2.0",
        ]  # fmt: skip
        for port in ports:
            lines += [
                "[[port]]", f'name = "{port["name"]}"', f'url = "serial://{port["path"]}"',
                f'format = "{port["format"]}"', f'device = "{port.get("device") or ""}"',
            ]  # fmt: skip
        return "\n".join(lines)

    def answers(self) -> bool:
        """Whether the server answers at all."""
        try:
            httpx.get(f"http://127.0.0.1:{self.port}/health", timeout=5.0)
        except httpx.TransportError:
            return False
        return True

    def health(self) -> dict[str, Any]:
        """What `/health` says."""
        answer = httpx.get(f"http://127.0.0.1:{self.port}/health", timeout=20.0)
        found: dict[str, Any] = answer.json()
        return found

    def wait(self, ready: Callable[[], bool], what: str, *, s: float = 90.0) -> None:
        """Wait until something is so; show the logs if it never is."""
        end = time.monotonic() + s
        while not ready():
            if time.monotonic() > end:
                logs = "\n".join(
                    f"== {log.name}\n{log.read_text(errors='replace')[-1500:]}"
                    for log in sorted(self.folder.glob("*.log"))
                )
                raise AssertionError(f"waited {s} s for {what}\n{logs}")
            time.sleep(0.1)

    def stored(self) -> int:
        """Fixes in the database, 0 while it is away."""
        try:
            with connect(self.database) as store:
                row = store.execute("SELECT count(*) AS n FROM fix").fetchone()
                return int(row["n"]) if row else 0
        except Exception:  # noqa: BLE001 - it is killed on purpose
            return 0

    def is_through(self, fixes: int) -> bool:
        """Whether so many fixes are stored, all is examined, and no number is missing."""
        if self.stored() != fixes:
            return False
        health = self.health()
        return bool(health["watch"]["due"] == 0 and health["ledger"]["gaps"] == [])

    def stop_gateways(self) -> None:
        """Ctrl-C to the gateways, and wait for them."""
        for name in [name for name in self.running if name.startswith("hut-")]:
            self.running[name].send_signal(signal.SIGINT)
            self.running.pop(name).wait(timeout=40)

    def unsettled(self, gateway: str) -> int:
        """Messages that a stopped gateway still keeps, for want of a receipt."""
        with closing(Spool(self.folder / gateway / "spool.sqlite", max_bytes=2**30)) as spool:
            state = spool.state()
            return state.kept - state.receipted

    def stop(self) -> None:
        """Ctrl-C to each, last started first."""
        for process in reversed(self.running.values()):
            process.send_signal(signal.SIGINT)
            process.wait(timeout=40)
        self.running.clear()


@contextmanager
def caravan(folder: Path, stack: Stack) -> Iterator[Caravan]:
    """A caravan over an empty database of its own."""
    with stack.postgres.fresh_database() as database:
        made = Caravan(folder=folder, stack=stack, database=database)
        try:
            yield made
        finally:
            stack.postgres.start()
            stack.broker.start()
            made.stop()


def crossings(store: Connection) -> list[tuple[str, str, Any, Any]]:
    """Crossings that stand: animal, place and the fixes before and after."""
    rows = store.execute(
        "SELECT d.animal, f.place, f.starts_at, f.ends_at FROM finding f "
        "JOIN deployment d ON d.id = f.deployment WHERE f.kind = 'crossing' "
        "AND f.withdrawn_at IS NULL ORDER BY 1, 3, 2"
    ).fetchall()
    return [tuple(row.values()) for row in rows]
