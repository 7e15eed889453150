"""The README is true: every command in it is typed, in its order, as a stranger would."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from services.serving import free_port

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for line in block.splitlines()
]
# It runs this test; inside itself it would never end.
OURSELVES = "make test"
ENDLESS = ("make demo", "ecoduct demo", "ecoduct serve")
PATIENCE_S = 120


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the commands name, so that what they write is thrown away."""
    folder = tmp_path_factory.mktemp("readme")
    for name in (".venv", "examples", "tests"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def test_readme_shows_commands() -> None:
    assert OURSELVES in COMMANDS
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if not c.startswith((OURSELVES, *ENDLESS))]
)
def test_command_of_the_readme_works(desk: Path, command: str) -> None:
    typed = f". .venv/bin/activate; {command}"
    done = subprocess.run(
        ["sh", "-c", typed],
        cwd=desk,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout or "activate" in command


def test_notebook_lines_of_the_readme_work(desk: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    done = subprocess.run(
        [ROOT / ".venv/bin/python", "-c", code],
        cwd=desk, check=False, capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Quick_Cross" in done.stdout
    assert "p_crossing" in done.stdout


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(ENDLESS)])
def test_command_of_the_readme_serves_pages_until_ctrl_c(desk: Path, command: str) -> None:
    port, log = free_port(), desk / "endless.log"
    place = ROOT if command.startswith("make") else desk
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", f". {ROOT}/.venv/bin/activate; exec {command}"],
            cwd=place, stdout=output, stderr=output, start_new_session=True,
            env={**os.environ, "ECODUCT_PORT": str(port)},
        )  # fmt: skip
    try:
        page = wait_for_page(process, port, log)
        assert "Ecoduct" in page
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(timeout=60)
    assert not left_behind(str(place / "demo-data")), log.read_text()


def wait_for_page(process: subprocess.Popen[bytes], port: int, log: Path) -> str:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/", timeout=5.0).text
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"no page on port {port}:\n{log.read_text()}")


def left_behind(folder: str) -> list[str]:
    """Processes that still speak of a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and entry.name != str(os.getpid()):
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if folder in line:
                found.append(line)
    return found
