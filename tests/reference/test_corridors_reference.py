"""Corridor steps of fishers as R's `move` finds them (`corridor/01_corridor_lapoint.md`)."""

from pathlib import Path

import numpy as np
import pytest

from ecoduct_analysis.corridors import CorridorRule, find_corridors
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.tables import read_csv
from reference_tables import Row, rows_of

pytestmark = pytest.mark.reference

CASES = {
    "leroy_default": (CorridorRule(), 23, 26),
    "leroy_default_min4": (CorridorRule(min_neighbours=4), 13, 14),
    "leroy_s50_c50_n2": (
        CorridorRule(speed_quantile=0.5, circular_variance_quantile=0.5), 75, 77,
    ),
}  # fmt: skip
# The columns are printed to 8 decimals of a degree, a tenth of a millimetre and 10 digits.
COLUMNS = {
    "mid_lon": ("mid_x", 6e-9), "mid_lat": ("mid_y", 6e-9), "seglen_m": ("length_m", 6e-5),
    "speed_ms": ("speed_m_s", 2e-6), "azimuth": ("azimuth_deg", 6e-8),
    "pseudo_azimuth": ("pseudo_azimuth_deg", 6e-8), "circ_var": ("circular_variance", 5e-16),
}  # fmt: skip


@pytest.fixture(scope="module")
def leroy(reference: Path) -> Fixes:
    return read_csv(reference / "corridor" / "data" / "fisher_leroy.csv")


@pytest.fixture(scope="module")
def ricky(reference: Path) -> Fixes:
    return read_csv(reference / "corridor" / "data" / "fisher_ricky.csv")


def expected(reference: Path, name: str) -> list[Row]:
    return rows_of(reference / "corridor" / "expected" / f"corridor_{name}.csv")


def column(rows: list[Row], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


@pytest.mark.parametrize("name", CASES)
def test_compat_flags_what_r_flags(reference: Path, leroy: Fixes, name: str) -> None:
    rule, compat, _ = CASES[name]
    flags = column(expected(reference, f"{name}_counts"), "corridor_move")
    found = find_corridors(leroy, rule, mode="compat")
    assert found.is_corridor.sum() == compat
    assert found.is_corridor.tolist() == [flag == 1 for flag in flags]


@pytest.mark.parametrize("name", CASES)
def test_flags_from_the_variances_of_r_are_those_of_r(
    reference: Path, leroy: Fixes, name: str
) -> None:
    # So they are wherever the sine of the last bit differs.
    rows = expected(reference, name)
    variances = column(rows, "circ_var")
    found = find_corridors(leroy, CASES[name][0], mode="compat", circular_variance=variances)
    assert found.is_corridor.tolist() == [flag == 1 for flag in column(rows, "corridor")]


@pytest.mark.parametrize("name", CASES)
def test_clean_flags_and_counts_are_those_of_the_note(
    reference: Path, leroy: Fixes, name: str
) -> None:
    rule, _, clean = CASES[name]
    rows = expected(reference, f"{name}_counts")
    found = find_corridors(leroy, rule)
    assert found.is_corridor.sum() == clean
    assert found.is_corridor.tolist() == [flag == 1 for flag in column(rows, "corridor_clean")]
    assert found.in_circle.tolist() == column(rows, "n_in_circle")
    assert found.with_behaviour.tolist() == column(rows, "n_corridor_behaviour")


@pytest.mark.parametrize("theirs", COLUMNS)
def test_compat_measures_what_r_measures(reference: Path, leroy: Fixes, theirs: str) -> None:
    ours, within = COLUMNS[theirs]
    found = getattr(find_corridors(leroy, mode="compat"), ours)
    np.testing.assert_allclose(
        found, column(expected(reference, "leroy_default"), theirs), rtol=0, atol=within
    )


def test_the_reference_takes_every_sixth_lonely_circle_for_perfectly_parallel(
    leroy: Fixes, ricky: Fixes
) -> None:
    for fixes, lonely, taken in ((leroy, 143, 25), (ricky, 1368, 224)):
        found = find_corridors(fixes, mode="compat")
        alone = found.in_circle == 1
        assert alone.sum() == lonely
        assert (found.circular_variance[alone] != 0).sum() == taken


def test_limits_of_leroy_are_those_of_the_note(leroy: Fixes) -> None:
    compat, clean = find_corridors(leroy, mode="compat"), find_corridors(leroy)
    limits = [compat.variance_limit[0], clean.variance_limit[0]]
    np.testing.assert_allclose(limits, [0.2560, 0.2933], atol=5e-5)


def test_ricky_has_the_corridors_of_the_note(ricky: Fixes) -> None:
    compat, clean = find_corridors(ricky, mode="compat"), find_corridors(ricky)
    assert (compat.is_corridor.sum(), clean.is_corridor.sum()) == (139, 162)
    assert clean.in_circle.sum() == 150_165
    # Some steps of a corridor do not show the behaviour themselves.
    assert (compat.is_corridor & ~compat.has_behaviour).sum() == 15
