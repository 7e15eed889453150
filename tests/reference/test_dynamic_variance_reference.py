"""Dynamic motion variance of published tracks (`corridor/03_dbbmm.md` of the data).

The values leave out the middle fix's error, as the method was published. The search that `move`
makes stops 4e-5 m^2/min or more from the minimum, above 0: hence the tolerances.
"""

from pathlib import Path

import numpy as np
import pytest

from ecoduct_analysis._reference_search import found_by_r
from ecoduct_analysis._triplets import Triplets
from ecoduct_analysis._variance_search import cost, likeliest
from ecoduct_analysis.dynamic_variance import DynamicRule, dynamic_variance
from ecoduct_analysis.motion_variance import every_triplet
from ecoduct_analysis.tracks import FloatArray, Tracks
from reference_tables import at_ms, rows_of

pytestmark = pytest.mark.reference

ERROR_M = 12.0
PUBLISHED = DynamicRule(location_error_m=ERROR_M, middle_error=False)
AS_MOVE = DynamicRule(location_error_m=ERROR_M, mode="move-4.2.7")
WINDOWS = [(19, 5), (31, 11), (61, 15)]
R_MOST_M2_MIN = 1e15


def fisher(reference: Path, name: str) -> Tracks:
    rows = rows_of(reference / "corridor" / "data" / f"fisher_{name}.csv")
    return Tracks.from_arrays(
        [name],
        track=[0] * len(rows),
        t_ms=[at_ms(row["timestamp"]) for row in rows],
        x=[float(row["x_aeqd"]) for row in rows],
        y=[float(row["y_aeqd"]) for row in rows],
    )


def number(text: str) -> float:
    return float(text) if text not in {"", "NA"} else np.nan


@pytest.mark.parametrize("mode", ["clean", "move-4.2.7"])
@pytest.mark.parametrize(("window", "margin"), WINDOWS)
def test_fisher_has_the_variance_of_move(
    reference: Path, window: int, margin: int, mode: str
) -> None:
    rule = DynamicRule(
        window, margin, ERROR_M, middle_error=False,
        mode="clean" if mode == "clean" else "move-4.2.7",
    )  # fmt: skip
    name = f"dbbmm_leroy_w{window}_m{margin}"
    folder = reference / "corridor" / "expected"
    rows = rows_of(folder / f"{name}_variance.csv")[:-1]
    found = dynamic_variance(fisher(reference, "leroy"), rule)
    theirs = np.array([number(row["bm_var_m2_per_min"]) for row in rows])
    ours = found.variance_m2_s * 60
    assert ours == pytest.approx(theirs, rel=2e-4, abs=2e-4, nan_ok=True)
    assert found.windows.tolist() == [int(row["in_windows"] or 0) for row in rows]
    assert found.of_interest.tolist() == [row["interest"] == "1" for row in rows]
    breaks = [int(row["break_at"]) for row in rows_of(folder / f"{name}_breaks.csv")]
    assert found.break_fix.tolist() == breaks


def test_880_of_918_steps_of_the_fisher_are_of_interest(reference: Path) -> None:
    found = dynamic_variance(fisher(reference, "leroy"), AS_MOVE)
    assert (int(found.of_interest.sum()), len(found)) == (880, 918)


def test_other_fisher_differs_from_move_where_move_missed_the_minimum(reference: Path) -> None:
    # The note counts 70 of 8,937 steps that differ by 0.1 %, and 5,546 breaks to 5,545 of move.
    tracks = fisher(reference, "ricky")
    ours, theirs = (dynamic_variance(tracks, rule) for rule in (PUBLISHED, AS_MOVE))
    here, there = ours.variance_m2_s * 60, theirs.variance_m2_s * 60
    differ = np.abs(here - there) > np.maximum(1e-3 * there, 1e-4)
    assert np.isfinite(here).sum() == 8937
    assert differ.sum() == 70
    assert (len(ours.break_fix), len(theirs.break_fix)) == (5546, 5545)
    assert len(set(ours.break_window) ^ set(theirs.break_window)) <= 11


@pytest.mark.parametrize("rule", [PUBLISHED, DynamicRule()], ids=["published", "clean"])
@pytest.mark.parametrize("count", [5, 7, 10, 15])
def test_no_search_of_a_window_stops_above_the_minimum(
    reference: Path, count: int, rule: DynamicRule
) -> None:
    triplets = every_other(fisher(reference, "ricky"), middle_error=rule.middle_error)
    begins = range(0, len(triplets[0]) - count, 16)
    ours = np.array([likeliest(triplets, begin, begin + count)[1] for begin in begins])
    theirs = np.array([
        found_by_r(triplets, begin, begin + count, 0.0, R_MOST_M2_MIN)[1] for begin in begins
    ])  # fmt: skip
    dense = np.array([best_of_a_grid(triplets, begin, begin + count) for begin in begins])
    assert (ours <= dense + 1e-9).all()
    assert (ours <= theirs + 1e-9).all()


def every_other(tracks: Tracks, *, middle_error: bool) -> Triplets:
    full = every_triplet(tracks, error_m=ERROR_M, max_gap_s=np.inf, middle_error=middle_error)
    scale, fixed, miss2 = (np.ascontiguousarray(column[1:-1:2]) for column in full)
    return scale, fixed, miss2


def best_of_a_grid(triplets: Triplets, begin: int, end: int) -> float:
    """Least cost over variances 0.02 decades apart, then over 401 about the best."""
    some = triplets[0][begin:end], triplets[1][begin:end], triplets[2][begin:end]
    grid = 10.0 ** np.arange(-7.0, 5.0, 0.02)
    costs = costs_of(grid, some)
    best = grid[np.argmin(costs)]
    close = costs_of(best * 10.0 ** np.linspace(-0.02, 0.02, 401), some)
    return min(float(costs.min()), float(close.min()), cost(0.0, *some))


def costs_of(variances: FloatArray, triplets: Triplets) -> FloatArray:
    scale, fixed, miss2 = triplets
    spread = scale * variances[:, None] + fixed
    found: FloatArray = np.sum(np.log(spread) + miss2 / (2 * spread), axis=1)
    return found
