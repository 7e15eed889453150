"""Public reference data: read where it lies, never committed."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def reference() -> Path:
    """Return the folder of reference data, `../shared/reference` or ``ECODUCT_REFERENCE_DATA``."""
    beside = Path(__file__).parents[1].parent / "shared" / "reference"
    folder = Path(os.environ.get("ECODUCT_REFERENCE_DATA", beside))
    if not folder.is_dir():
        reason = f"no reference data at {folder}: set ECODUCT_REFERENCE_DATA"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
