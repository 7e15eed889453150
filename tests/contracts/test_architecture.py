"""docs/architecture.md tells the walk as the code has it."""

import importlib
import re
from pathlib import Path

import pytest

from ecoduct_edge.gateway import STEPS
from ecoduct_server.ingest.pipeline import STAGES
from ecoduct_server.watch.detectors import DETECTORS

PAGE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
NAMES = sorted(set(re.findall(r"`(ecoduct_\w+(?:\.\w+)+)`", PAGE)))


def listed(name: str) -> list[str]:
    """Words of the row of a list in the page's table of three lists."""
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |"))
    return re.findall(r"`(\w+)`", row.split("|")[3])


def test_steps_are_those_of_the_gateway() -> None:
    assert listed("STEPS") == [step.__name__ for step in STEPS]


def test_stages_are_those_of_ingest() -> None:
    assert listed("STAGES") == [stage.__name__ for stage in STAGES]


def test_detectors_are_those_of_the_watch() -> None:
    assert listed("DETECTORS") == [detector.find.__name__ for detector in DETECTORS]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_in_the_walk_exists(name: str) -> None:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return
    raise AssertionError(name)


def test_the_walk_names_its_functions() -> None:
    assert len(NAMES) > 15
