"""Screening: each reason, and which fix of several is to blame."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ecoduct_analysis.columns import NO_TIME, FloatArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.screening import REASONS, Screening, ScreenRule, screen
from gallery import TRACKS

T0 = 1_700_000_000_000
HOUR_MS = 3_600_000
NAN = float("nan")
OFF = float("inf")


def herd(x: Sequence[float], y: Sequence[float] | None = None, **columns: Any) -> Fixes:
    """One animal in metres, an hour between fixes unless told otherwise."""
    columns.setdefault("t_ms", T0 + np.arange(len(x)) * HOUR_MS)
    columns.setdefault("crs", None)
    return Fixes.from_arrays(
        ["a"], track=np.zeros(len(x), int), x=x, y=np.zeros(len(x)) if y is None else y, **columns
    )


def grazing(fixes: int = 40) -> FloatArray:
    """Steps of 100 m to and fro about a slow drift."""
    n = np.arange(fixes, dtype=np.float64)
    return np.asarray(n * 20.0 + np.where(n % 2, 50.0, -50.0), dtype=np.float64)


def flagged(screening: Screening) -> list[int]:
    return np.flatnonzero(~screening.kept).tolist()


@pytest.mark.parametrize("name", TRACKS)
def test_nothing_speaks_against_the_gallery(name: str) -> None:
    tracks = TRACKS[name]
    fixes = Fixes(
        names=tracks.names, offsets=tracks.offsets, t_ms=tracks.t_ms + T0, x=tracks.x, y=tracks.y,
        row=np.arange(len(tracks)), crs=None,
    )  # fmt: skip
    screening = screen(fixes)
    assert len(screening) == len(tracks)
    # "far apart" holds fixes milliseconds apart, which position error allows for.
    assert screening.kept.all()


def test_each_reason_about_a_fix_alone_is_told() -> None:
    fixes = Fixes.from_arrays(
        ["a"], track=[0] * 8,
        t_ms=[NO_TIME, 0, T0, T0 + 1000, T0 + 2000, T0 + 3000, T0 + 4000, T0 + 9000],
        x=[18, 18, NAN, 18, 0, 18, 18, 18], y=[-33, -33, -33, 91, 0.00005, -33, -33, -33],
        error_m=[5, 5, 5, 5, 5, 99, NAN, 5],
    )  # fmt: skip
    screening = screen(fixes, ScreenRule(max_error_m=50), now_ms=T0 + 5000)
    assert [screening.reasons(fix) for fix in range(8)] == [
        ("no_time",), ("too_early",), ("no_position",), ("out_of_range",), ("zero_position",),
        ("poor",), (), ("too_late",),
    ]  # fmt: skip
    assert screening.counts()["poor"] == screening.count("poor") == 1
    assert set(screening.counts()) == set(REASONS)


def test_an_unknown_reason_is_refused() -> None:
    with pytest.raises(BadRule, match="no_time"):
        screen(herd([0])).count("rain")


def test_zero_is_a_place_in_metres() -> None:
    assert screen(herd([0, 0, 0])).kept.all()


def test_infinite_positions_are_none() -> None:
    assert screen(herd([0, OFF, 0])).reasons(1) == ("no_position",)


def test_high_dilution_is_poor_only_where_asked() -> None:
    fixes = herd([0, 0, 0], dop=[1, 30, NAN])
    assert screen(fixes).kept.all()
    assert screen(fixes, ScreenRule(max_dop=10)).kept.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("error_m", "dop", "best"),
    [([9, 3, 5], None, 1), ([NAN, NAN, 5], [1, 1, 9], 2), ([5, 5, 5], [3, NAN, 2], 2),
     (None, None, 1), ([5, 5, 3], [1, 1, 99], 2)],
)  # fmt: skip
def test_of_several_fixes_at_one_time_the_best_is_kept(
    error_m: list[float] | None, dop: list[float] | None, best: int
) -> None:
    fixes = herd([8, 7, 9], t_ms=[T0] * 3, error_m=error_m, dop=dop)
    screening = screen(fixes)
    assert np.flatnonzero(screening.kept).tolist() == [best]
    assert screening.count("duplicate_time") == 2


def test_a_fix_without_position_is_no_duplicate() -> None:
    assert screen(herd([NAN, 5], t_ms=[T0, T0])).reasons(1) == ()


def test_equal_rows_keep_one() -> None:
    assert np.count_nonzero(screen(herd([5] * 4, t_ms=[T0] * 4)).kept) == 1


@pytest.mark.parametrize("at", [0, 1, 20, 38, 39])
def test_a_fix_too_far_for_any_speed_is_flagged_and_no_other(at: int) -> None:
    x = grazing()
    x[at] += 1_000_000
    screening = screen(herd(x.tolist()))
    assert flagged(screening) == [at]
    assert screening.reasons(at) == ("too_fast",)


@pytest.mark.parametrize("at", [0, 1, 20, 38, 39])
def test_a_spike_is_flagged_and_no_other(at: int) -> None:
    x = grazing()
    x[at] += 5_000
    screening = screen(herd(x.tolist()))
    assert flagged(screening) == [at]
    assert screening.reasons(at) == ("spike",)


@pytest.mark.parametrize("away", [(8e3, 8e3), (8e3, -9e3), (4e3, 4e3, 4e3), (1e6, 1e6, -1e6)])
@pytest.mark.parametrize("at", [0, 1, 20, -1])
def test_a_run_of_outliers_is_flagged_whole(away: tuple[float, ...], at: int) -> None:
    x = grazing()
    begin = at if at >= 0 else len(x) - len(away)
    x[begin : begin + len(away)] += away
    assert flagged(screen(herd(x.tolist()))) == list(range(begin, begin + len(away)))


def test_an_outlier_every_other_fix_is_found_each_time() -> None:
    x = grazing(200)
    x[[20, 22, 24]] += [6e3, -7e3, 9e3]
    assert flagged(screen(herd(x.tolist()))) == [20, 22, 24]


def test_an_animal_that_goes_far_and_stays_is_kept() -> None:
    x = grazing()
    x[20:] += 60_000
    assert screen(herd(x.tolist())).kept.all()


def test_a_relocation_faster_than_any_speed_takes_no_track_with_it() -> None:
    x = grazing()
    x[20:] += 5_000_000
    assert screen(herd(x.tolist())).kept.all()


def test_ways_far_out_and_back_that_are_usual_are_kept() -> None:
    nest = np.where(np.arange(80) % 4 == 2, 9_000.0, 0.0)
    assert screen(herd(nest.tolist())).kept.all()


def test_few_fixes_are_judged_by_speed_alone() -> None:
    assert screen(herd([0, 9_000, 0])).kept.all()
    assert flagged(screen(herd([0, 900_000, 0]))) == [1]


def test_flagged_fixes_are_no_neighbours() -> None:
    x = grazing()
    x[19], x[20] = NAN, x[20] + 5_000
    screening = screen(herd(x.tolist()))
    assert screening.reasons(19) == ("no_position",)
    assert screening.reasons(20) == ("spike",)
    assert len(flagged(screening)) == 2


def test_fixes_a_second_apart_may_scatter() -> None:
    scatter = [0.0, 60.0, 0.0, 65.0] * 20
    assert screen(herd(scatter, t_ms=T0 + np.arange(80) * 1000)).kept.all()


def test_switches_turn_gate_and_spikes_off() -> None:
    x = grazing()
    x[9] += 5_000
    x[20] += 1_000_000
    still = np.zeros(40)
    still[9] = 5_000
    assert flagged(screen(herd(x.tolist()), ScreenRule(spike_factor=OFF))) == [20]
    assert screen(herd(still.tolist()), ScreenRule(spike_factor=OFF)).kept.all()
    assert screen(herd(x.tolist()), ScreenRule(max_speed_m_s=OFF)).reasons(20) == ("spike",)


@pytest.mark.parametrize("lon", [10.0, 179.999])
@pytest.mark.parametrize("lat", [0.0, -45.0, 70.0, 89.99, 90.0])
def test_spikes_are_found_on_the_globe_also_at_its_seams(lon: float, lat: float) -> None:
    east = grazing() / 111_320.0
    lons = (lon + east + 180) % 360 - 180
    lats = np.full(40, lat) - np.arange(40) % 3 * 1e-5
    lats[20] -= 0.1
    screening = screen(herd(lons.tolist(), lats.tolist(), crs="EPSG:4326"))
    assert flagged(screening) == [20]


def test_fixes_half_around_the_earth_are_told_apart() -> None:
    lon = [10.0] * 30
    lon[10], lon[20] = -170.0, -169.9
    screening = screen(herd(lon, crs="EPSG:4326"))
    assert flagged(screening) == [10, 20]


def test_a_gap_of_a_year_excuses_any_distance() -> None:
    times = T0 + np.array([0, 1, 2, 9_000, 9_001, 18_000, 18_001]) * HOUR_MS
    assert screen(herd([0, 10, 20, 3e6, 3e6, 0, 10], t_ms=times)).kept.all()


@pytest.mark.parametrize(
    "wrong",
    [{"max_speed_m_s": 0}, {"spike_factor": -1}, {"max_run": 0}, {"max_run": 101},
     {"max_dop": -1}, {"position_error_m": -1}, {"min_spike_m": NAN}],
)  # fmt: skip
def test_rules_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRule):
        ScreenRule(**wrong)
