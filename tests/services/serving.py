"""The real server as its own program, for tests that speak HTTP to it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: its address, its process and its log."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str, **more: object) -> httpx.Response:
        return httpx.get(self.url + path, timeout=20.0, **more)  # type: ignore[arg-type]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def run(name: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of our programs to its end."""
    return subprocess.run(
        [program(name), *options], check=False, capture_output=True, text=True, timeout=240,
        env={**os.environ, **environment},
    )  # fmt: skip


@contextmanager
def serving(folder: Path, *options: str, **environment: str) -> Iterator[Served]:
    """Start `ecoduct serve` and wait until it answers; at the end Ctrl-C and a clean exit."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "serve.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [program("ecoduct"), "serve", "--port", str(port), *options],
            stdout=output, stderr=output, env={**os.environ, **environment},
        )  # fmt: skip
    served = Served(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait_until_it_answers(served)
        yield served
    finally:
        if process.poll() is None:
            process.send_signal(2)
        process.wait(timeout=40)


def _wait_until_it_answers(served: Served) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and served.process.poll() is None:
        try:
            served.get("/health")
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"the server does not answer:\n{served.log.read_text()}")
