"""Pronghorn and mule deer among the fences of Wyoming (`barrier/README.md` of the data)."""

from pathlib import Path

import numpy as np
import pytest

from ecoduct_analysis.crossings import find_crossings
from reference_tables import fences, rows_of, tracks_of

pytestmark = pytest.mark.reference


@pytest.mark.parametrize(
    ("animal", "fixes", "steps", "pairs", "merged"),
    [("pronghorn", 8757, 733, 816, 816), ("muleDeer", 8739, 337, 413, 409)],
)
def test_crossings_are_those_of_the_reference(
    reference: Path, animal: str, fixes: int, steps: int, pairs: int, merged: int
) -> None:
    folder = reference / "barrier" / "data"
    tracks = tracks_of(rows_of(folder / f"{animal}_fixes.csv"))
    found = find_crossings(tracks, fences(folder))
    assert len(tracks) == fixes
    assert len(np.unique(found.first)) == steps
    # The reference counts a fence that the file holds twice as two; here it is one.
    drawn = np.bincount(fences(folder).drawn_as)
    assert drawn[found.feature].sum() == pairs
    assert len(found) == merged
