"""A real server with real data, and where to find a real browser."""

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest

ECODUCT = (sys.executable, "-m", "ecoduct_server.cli")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
START_S = 90.0
FENCE = {
    "type": "Feature",
    "id": "rail-1",
    "properties": {"kind": "barrier", "name": "Railway fence"},
    "geometry": {"type": "LineString", "coordinates": [[107.6, 43.5], [107.6, 44.5]]},
}


@dataclass(frozen=True)
class Station:
    """A running server and the folder it keeps its store in."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put_up_fence(self) -> None:
        """Give it a landscape of one fence."""
        body = {"type": "FeatureCollection", "features": [FENCE]}
        httpx.put(f"{self.url}/api/landscape", json=body).raise_for_status()

    def walk_through_fence(self, animal: str) -> str:
        """Give it an animal that walks east for six hours, through the fence; the alert's text."""
        walk = [(15 * k, 107.505 + k * 0.01, 44 + k % 3 * 0.002) for k in range(24)]
        self.walk(animal, walk)
        return f"{animal} crossed Railway fence"

    def walk(self, animal: str, fixes: list[tuple[int, float, float]]) -> None:
        """Give it fixes of an animal: minutes of the last six hours, longitude, latitude."""
        start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=6)
        table = self.folder / "walk.csv"
        with table.open("w", newline="") as file:
            write = csv.writer(file).writerow
            write(["individual-local-identifier", "timestamp", "location-long", "location-lat"])
            for minute, lon, lat in fixes:
                at = start + timedelta(minutes=minute)
                write([animal, f"{at:%Y-%m-%d %H:%M:%S}.000", f"{lon:.4f}", f"{lat:.4f}"])
        ecoduct("import", "tracks", str(table), "--data", str(self.folder))

    def wait_for_alert(self, text: str) -> dict[str, Any]:
        """Wait for the newest alert with this text, from the server itself."""
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            listed = httpx.get(f"{self.url}/api/alerts", params={"status": "all"}).json()
            for alert in listed["alerts"]:
                if alert["text"] == text:
                    return dict(alert)
            time.sleep(0.2)
        raise AssertionError(f"no alert says {text!r}")


def browser_program() -> str | None:
    """Where Chromium is: as told, as installed, or as provisioned for tests."""
    if told := os.environ.get("ECODUCT_CHROMIUM"):
        return told
    if installed := next(filter(None, map(shutil.which, BROWSERS)), None):
        return installed
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    services = cache / "ecoduct" / "services.json"
    return json.loads(services.read_text()).get("browser") if services.exists() else None


def skip_or_fail(reason: str) -> NoReturn:
    if os.environ.get("CI") or os.environ.get("ECODUCT_REQUIRE_SERVICES"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def served(folder: Path, *, port: int | None = None) -> Iterator[Station]:
    """A server on ``folder`` for as long as the block lasts."""
    station = Station(port or free_port(), folder)
    command = [*ECODUCT, "serve", "--data", str(folder), "--port", str(station.port)]
    with (folder / "server.log").open("w+") as log:
        program = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            wait_for_health(station, program)
            yield station
        finally:
            program.terminate()
            program.wait(30)


def wait_for_health(station: Station, program: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and program.poll() is None:
        try:
            httpx.get(f"{station.url}/health").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError((station.folder / "server.log").read_text())


def ecoduct(*arguments: str) -> None:
    done = subprocess.run([*ECODUCT, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
