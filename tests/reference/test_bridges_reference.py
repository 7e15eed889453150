"""Motion variance of published tracks (`corridor/02_bbmm_kernelbb.md` of the data).

The values leave out the middle fix's error, as the method was published.
"""

from pathlib import Path

import pytest

from ecoduct_analysis.bridges import motion_variance_m2_s
from ecoduct_analysis.tracks import Tracks
from reference_tables import at_ms, rows_of

pytestmark = pytest.mark.reference

NO_GAP_S = 1e9


def per_minute(tracks: Tracks, *, error_m: float) -> float:
    found = motion_variance_m2_s(tracks, error_m=error_m, max_gap_s=NO_GAP_S, middle_error=False)
    return float(found[0] * 60)


def test_mule_deer_has_the_variance_of_bbmm(reference: Path) -> None:
    rows = rows_of(reference / "corridor" / "data" / "muledeer25_BBMM.csv")
    deer = Tracks.from_arrays(
        ["deer"],
        track=[0] * len(rows),
        t_ms=[round(float(row["t_min"]) * 60_000) for row in rows],
        x=[float(row["x"]) for row in rows],
        y=[float(row["y"]) for row in rows],
    )
    assert per_minute(deer, error_m=20) == pytest.approx(3146.852, abs=1e-3)


def test_fisher_has_the_variance_of_the_right_time_fraction(reference: Path) -> None:
    # BBMM 3.0 itself says 3905.68: it takes the fraction from the later step.
    rows = rows_of(reference / "corridor" / "data" / "fisher_leroy.csv")
    fisher = Tracks.from_arrays(
        ["leroy"],
        track=[0] * len(rows),
        t_ms=[at_ms(row["timestamp"]) for row in rows],
        x=[float(row["x_aeqd"]) for row in rows],
        y=[float(row["y_aeqd"]) for row in rows],
    )
    assert per_minute(fisher, error_m=12) == pytest.approx(1512.78, abs=5e-3)
