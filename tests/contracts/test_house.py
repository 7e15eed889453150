"""Rules of the house that no linter knows."""

import ast
import subprocess
import sys
from pathlib import Path

import paho.mqtt.client
import pytest

from ecoduct_server.settings import ServerSettings, example
from ecoduct_wire import __version__

ROOT = Path(__file__).parents[2]
PACKAGES = [ROOT / place for place in ("wire", "edge", "analysis", "server", "firmware_sim")]
SOURCES = sorted(
    path
    for package in PACKAGES
    for path in package.rglob("*.py")
    if "node_modules" not in path.parts
)
LONGEST_FILE, LONGEST_FUNCTION = 350, 40


def test_there_are_sources() -> None:
    assert len(SOURCES) > 80


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node, clean=False)
            own = (node.end_lineno or 0) - node.lineno + 1 - len((docstring or "").splitlines())
            assert own <= LONGEST_FUNCTION, f"{node.name} has {own} lines"


def test_example_of_the_server_settings_is_what_the_program_prints() -> None:
    assert (ROOT / "deploy" / "server.example.env").read_text() == example()


def test_every_server_setting_is_documented() -> None:
    assert all(field.description for field in ServerSettings.model_fields.values())


def test_version_is_one() -> None:
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_gateway_needs_nothing_heavy(tmp_path: Path) -> None:
    """Every module of the edge is imported where nothing but paho-mqtt can be found."""
    (tmp_path / "paho").symlink_to(Path(paho.mqtt.client.__file__).parents[1])
    for name in ("wire/ecoduct_wire", "edge/ecoduct_edge"):
        (tmp_path / Path(name).name).symlink_to(ROOT / name)
    modules = [
        ".".join(path.relative_to(ROOT / "edge").with_suffix("").parts)
        for path in sorted((ROOT / "edge").rglob("*.py"))
    ]
    code = f"import sys; sys.path[:0] = [{str(tmp_path)!r}]\n" + "\n".join(
        f"import {module.removesuffix('.__init__')}" for module in modules
    )
    # -S leaves out site-packages, -I the environment: what is not linked above cannot be found.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr.decode()
