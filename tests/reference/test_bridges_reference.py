"""Motion variance of published tracks (`corridor/02_bbmm_kernelbb.md` of the data).

The values leave out the middle fix's error, as the method was published.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from ecoduct_analysis.motion_variance import (
    GapRule,
    VarianceMode,
    motion_log_likelihood,
    motion_variance_m2_s,
)
from ecoduct_analysis.tracks import Tracks
from reference_tables import Row, at_ms, rows_of

pytestmark = pytest.mark.reference

BBMM = {
    "muledeer25": ("muledeer25_BBMM.csv", None),
    "leroy": ("fisher_leroy.csv", "leroy"),
    "leroy_maxlag60": ("fisher_leroy.csv", "leroy"),
    "ibex_A153": ("ibex_adehabitat.csv", "A153"),
    "ibex_A160": ("ibex_adehabitat.csv", "A160"),
    "ibex_A286": ("ibex_adehabitat.csv", "A286"),
    "ibex_A289": ("ibex_adehabitat.csv", "A289"),
}


def animal(reference: Path, file: str, name: str | None, *, column: str = "id") -> Tracks:
    rows = rows_of(reference / "corridor" / "data" / file)
    rows = [row for row in rows if name is None or row[column] == name]
    x, y = next(pair for pair in (("x", "y"), ("x_aeqd", "y_aeqd"), ("x_5070", "y_5070"))
                if pair[0] in rows[0])  # fmt: skip
    return Tracks.from_arrays(
        [name or "one"],
        track=[0] * len(rows),
        t_ms=[time_ms(row) for row in rows],
        x=[float(row[x]) for row in rows],
        y=[float(row[y]) for row in rows],
    )


def time_ms(row: Row) -> int:
    return at_ms(row["timestamp"]) if "timestamp" in row else round(float(row["t_min"]) * 60_000)


def per_minute(
    tracks: Tracks,
    *,
    error_m: float,
    mode: VarianceMode = "published",
    max_gap_s: float | None = None,
    gap_rule: GapRule = "mean",
) -> float:
    found = motion_variance_m2_s(
        tracks, error_m=error_m, mode=mode, max_gap_s=max_gap_s, gap_rule=gap_rule
    )
    return float(found[0] * 60)


def test_mule_deer_has_the_variance_of_bbmm(reference: Path) -> None:
    deer = animal(reference, *BBMM["muledeer25"])
    assert per_minute(deer, error_m=20) == pytest.approx(3146.852, abs=1e-3)


def test_fisher_has_the_variance_of_the_right_time_fraction(reference: Path) -> None:
    # BBMM 3.0 itself says 3905.68 and 2552.44: it takes the fraction from the later step.
    fisher = animal(reference, *BBMM["leroy"])
    assert per_minute(fisher, error_m=12) == pytest.approx(1512.78, abs=5e-3)
    assert per_minute(fisher, error_m=12, max_gap_s=3600) == pytest.approx(1252.96, abs=5e-3)


def test_gap_beside_a_short_step_changes_the_variance_of_the_fisher(reference: Path) -> None:
    # BBMM cuts by the mean of both steps; cutting each step leaves out what spans a gap.
    fisher = animal(reference, *BBMM["leroy"])
    each = per_minute(fisher, error_m=12, max_gap_s=3600, gap_rule="each")
    assert each == pytest.approx(1195.54, abs=5e-3)


@pytest.mark.parametrize("name", sorted(BBMM))
def test_bbmm_mode_finds_what_bbmm_found(reference: Path, name: str) -> None:
    path = reference / "corridor" / "expected" / f"bbmm_{name}.json"
    told = json.loads(path.read_text())
    found = per_minute(
        animal(reference, *BBMM[name]), error_m=told["location_error"], mode="BBMM-3.0",
        max_gap_s=told["max_lag_min"] * 60,
    )  # fmt: skip
    assert found == pytest.approx(told["bm_var_m2_per_min"], rel=5e-7)


def test_pronghorn_have_the_variances_of_both_time_fractions(reference: Path) -> None:
    rows = rows_of(reference / "corridor" / "expected" / "pronghorn" / "variance_check.csv")
    assert len(rows) == 24
    for row in rows:
        tracks = animal(reference, "pronghorn_sublette_seqs.csv", row["seq"], column="seq")
        bbmm, published = (
            per_minute(tracks, error_m=20, mode=mode, max_gap_s=8 * 3600)
            for mode in ("BBMM-3.0", "published")
        )
        assert bbmm == pytest.approx(float(row["BBMM_R"]), rel=5e-7)
        assert published == pytest.approx(float(row["correct_alpha"]), rel=1e-6)


def test_liker_has_the_curve_and_peak_of_adehabitat(reference: Path) -> None:
    rows = rows_of(reference / "corridor" / "expected" / "liker_leroy.csv")
    sigma = np.array([float(row["sigma1"]) for row in rows])
    theirs = np.array([float(row["LogLikelihood"]) for row in rows])
    fisher = animal(reference, *BBMM["leroy"])
    ours = motion_log_likelihood(fisher, variances_m2_s=sigma**2, error_m=12, mode="liker")[0]
    # The first finite value is the logarithm of a number too small to have all its digits.
    finite = np.flatnonzero(np.isfinite(theirs))
    assert abs(ours - theirs)[finite[1:]].max() < 1e-6
    assert abs(ours - theirs)[finite[0]] < 0.05
    assert sigma[ours.argmax()] == sigma[theirs.argmax()] == 4.96
    assert np.isfinite(ours).all()


def test_overlapping_triplets_differ_little_from_every_other_fix(reference: Path) -> None:
    fisher = animal(reference, *BBMM["leroy"])
    roots = [np.sqrt(per_minute(fisher, error_m=12, mode=mode) / 60)
             for mode in ("liker", "published")]  # fmt: skip
    assert roots == pytest.approx([4.956, 5.021], abs=5e-4)
