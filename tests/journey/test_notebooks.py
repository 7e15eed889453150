"""Every notebook of the documentation runs from its first cell to its last."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

pytestmark = pytest.mark.journey

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(autouse=True)
def _nothing_is_left_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))


def read(path: Path) -> Any:
    return nbformat.reads(path.read_text(), as_version=4)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_runs_and_draws(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(FOLDER))
    outputs = [one for cell in notebook.cells for one in cell.get("outputs", [])]
    assert any("image/png" in one.get("data", {}) for one in outputs), "no figure"
    assert not [one for one in outputs if one.get("name") == "stderr"], "something is wrong in it"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_a_notebook_is_kept_without_what_it_printed(path: Path) -> None:
    cells = read(path).cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_there_is_a_notebook_for_each_question() -> None:
    assert {path.stem for path in NOTEBOOKS} == {
        "corridors", "migration", "populations", "stays", "utilisation",
    }  # fmt: skip
