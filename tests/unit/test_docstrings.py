"""Every example in a docstring of the analysis library is true."""

import doctest
import importlib
from pathlib import Path

import pytest

import ecoduct_analysis

MODULES = sorted(path.stem for path in Path(ecoduct_analysis.__file__).parent.glob("[!_]*.py"))


@pytest.mark.parametrize("name", MODULES)
def test_examples_print_what_they_say(name: str) -> None:
    module = importlib.import_module(f"ecoduct_analysis.{name}")
    assert doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0
