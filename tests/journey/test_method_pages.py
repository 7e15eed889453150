"""The pages of methods: their figures are drawn by the code, their links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.journey

PAGES = Path(__file__).parents[2] / "docs" / "methods"


@pytest.mark.timeout(600)  # the kernels of every method may have to be compiled first
def test_every_figure_is_drawn_by_the_code(tmp_path: Path) -> None:
    script = [sys.executable, str(PAGES / "make_figures.py"), str(tmp_path)]
    done = subprocess.run(script, check=False, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    drawn = {path.name for path in tmp_path.iterdir()}
    shown = {
        name
        for page in PAGES.glob("*.md")
        for name in re.findall(r"\(figures/([\w-]+\.png)\)", page.read_text())
    }
    assert shown == drawn == {path.name for path in (PAGES / "figures").iterdir()}


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: str(page.stem))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
