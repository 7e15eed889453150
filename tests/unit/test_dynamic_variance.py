"""Motion variance of each step: windows, breaks, ends and gaps."""

from typing import Any

import numpy as np
import pytest

from ecoduct_analysis.dynamic_variance import (
    SOURCES,
    DynamicRule,
    DynamicVariance,
    dynamic_variance,
)
from ecoduct_analysis.errors import AnalysisError, BadRule
from ecoduct_analysis.motion_variance import motion_variance_m2_s
from ecoduct_analysis.tracks import Tracks
from gallery import HOUR_MS, NOBODY, STILL, TRACKS, walk

EXACT = DynamicRule(window=15, margin=5, location_error_m=0.0)
PADDED = DynamicRule(window=15, margin=5, location_error_m=0.0, ends="pad")
FIXES = 60


def zigzag(*away_m: float, hours: list[float] | None = None) -> Tracks:
    """Each second fix lies off the line between its neighbours, by the distance given for it."""
    places = [(0.0, away * (n % 2)) for n, away in enumerate(away_m)]
    return walk(*places, hours=hours)


def brownian(*spans: tuple[int, float], error_m: float = 0.0, seed: int = 1) -> Tracks:
    """Fixes an hour apart: how many, and of which variance (m^2/s)."""
    dice = np.random.default_rng(seed)
    sd = np.repeat([np.sqrt(3600 * variance) for _, variance in spans], [n for n, _ in spans])
    places = np.cumsum(dice.normal(size=(len(sd), 2)) * sd[:, None], axis=0)
    places += dice.normal(size=places.shape) * error_m
    return Tracks.from_arrays(
        ["a"], track=np.zeros(len(sd), dtype=int), t_ms=np.arange(len(sd)) * HOUR_MS,
        x=places[:, 0], y=places[:, 1],
    )  # fmt: skip


def sources(found: DynamicVariance) -> list[str]:
    return [SOURCES[number] for number in found.source]


def test_steady_motion_has_one_variance_and_no_break() -> None:
    found = dynamic_variance(zigzag(*[30.0] * FIXES), EXACT)
    # 30 m off, half-way through 2 h: 900 / 2 / 1800 s.
    inner = found.variance_m2_s[found.windows > 0]
    assert inner == pytest.approx(np.full(len(inner), 0.25))
    assert len(found.break_fix) == 0


def test_each_step_is_seen_by_the_windows_that_hold_it_between_their_margins() -> None:
    found = dynamic_variance(zigzag(*[30.0] * 20), EXACT)
    # Windows begin at fixes 0 to 5 and speak for their steps 4 to 9.
    assert found.windows.tolist() == [0] * 4 + [1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1] + [0] * 4
    assert np.flatnonzero(found.of_interest).tolist() == [9]
    assert np.isnan(found.variance_m2_s[[0, 3, 15, 18]]).all()


def test_track_of_one_window_is_of_interest_between_its_margins() -> None:
    found = dynamic_variance(zigzag(*[30.0] * 15), EXACT)
    assert np.flatnonzero(found.of_interest).tolist() == [4, 5, 6, 7, 8, 9]


def test_change_of_motion_is_found_where_it_was_planted() -> None:
    found = dynamic_variance(zigzag(*[1.0] * 30, *[100.0] * 30), EXACT)
    middles = np.abs(found.break_fix - 29.5)
    assert len(found.break_fix) > 0
    assert middles.max() <= 2.5
    assert found.variance_m2_s[20] == pytest.approx(0.5 / 1800)
    assert found.variance_m2_s[40] == pytest.approx(5000 / 1800)


def test_planted_change_of_brownian_motion_is_found() -> None:
    hits = []
    for seed in range(30):
        tracks = brownian((100, 0.01), (100, 1.0), error_m=5.0, seed=seed)
        found = dynamic_variance(tracks, DynamicRule(location_error_m=5.0))
        hits.append(np.median(found.break_fix[np.abs(found.break_fix - 99) < 12]))
    # Half of the windows that see it break within two fixes of it, in most of the animals.
    assert np.mean(np.abs(np.array(hits) - 99) <= 2) > 0.8


def test_planted_variance_is_found_despite_gps_error() -> None:
    tracks = [brownian((400, 0.2), error_m=20.0, seed=seed) for seed in range(20)]
    means = [
        np.nanmean(dynamic_variance(one, DynamicRule(location_error_m=20.0)).variance_m2_s)
        for one in tracks
    ]
    assert np.mean(means) == pytest.approx(0.2, rel=0.06)


def test_leaving_out_the_middle_error_takes_scatter_for_motion() -> None:
    still = brownian((400, 0.0), error_m=20.0)
    published = DynamicRule(location_error_m=20.0, middle_error=False)
    found = [
        dynamic_variance(still, rule) for rule in (DynamicRule(location_error_m=20), published)
    ]
    clean, as_published = (np.nanmean(one.variance_m2_s) for one in found)
    assert clean < 0.3 * as_published


def test_break_must_earn_its_second_variance() -> None:
    # Distances that alternate regularly fit one variance: two would win nothing.
    found = dynamic_variance(zigzag(*[10.0, 10.0, 12.0, 12.0] * 15), EXACT)
    assert len(found.break_fix) == 0


def test_errors_that_the_track_knows_come_before_the_rule() -> None:
    track = brownian((60, 0.1))
    known = Tracks(track.names, track.offsets, track.t_ms, track.x, track.y, np.full(60, 8.0))
    told = dynamic_variance(track, DynamicRule(location_error_m=8.0))
    found = dynamic_variance(known, DynamicRule(location_error_m=1e6))
    assert np.array_equal(found.variance_m2_s, told.variance_m2_s, equal_nan=True)


def test_dropped_ends_have_no_bridge() -> None:
    found = dynamic_variance(brownian((60, 0.1)), EXACT)
    assert (found.is_bridged == found.of_interest).all()
    assert np.isnan(found.bridge_variance_m2_s).sum() == 2 * 9
    assert sources(found)[0] == "none"
    assert sources(found)[30] == "windows"


def test_padded_ends_have_the_variance_of_the_nearest_step() -> None:
    dropped, padded = (dynamic_variance(brownian((60, 0.1)), rule) for rule in (EXACT, PADDED))
    seen = dropped.windows > 0
    assert (padded.variance_m2_s[seen] == dropped.variance_m2_s[seen]).all()
    assert (padded.variance_m2_s[:4] == dropped.variance_m2_s[4]).all()
    assert (padded.variance_m2_s[-4:] == dropped.variance_m2_s[-5]).all()
    assert padded.is_bridged.all()
    assert sources(padded) == ["nearest"] * 4 + ["windows"] * 51 + ["nearest"] * 4


def test_short_track_has_its_own_variance_only_if_padded() -> None:
    track = zigzag(*[30.0] * 14)
    dropped, padded = (dynamic_variance(track, rule) for rule in (EXACT, PADDED))
    assert np.isnan(dropped.variance_m2_s).all()
    assert not dropped.is_bridged.any()
    assert (padded.variance_m2_s == motion_variance_m2_s(track)).all()
    assert sources(padded) == ["track"] * 13


def test_forty_fixes_about_a_step_settle_its_variance() -> None:
    # Twenty from its begin back, twenty after: a live watch needs no more.
    track = brownian((100, 0.5))
    whole = dynamic_variance(track, DynamicRule())
    about = np.arange(len(track))
    excerpt = dynamic_variance(track.where((about >= 30) & (about < 70)), DynamicRule())
    assert np.flatnonzero(excerpt.of_interest).tolist() == [19]
    assert excerpt.variance_m2_s[19] == pytest.approx(whole.variance_m2_s[49], rel=1e-14)


def test_triplet_over_a_gap_is_passed_over() -> None:
    hours = [float(n) if n < 30 else n + 100.0 for n in range(FIXES)]
    # Off the line by far more beside the gap: with the gap's long time it means little motion.
    track = zigzag(*[30.0] * 29, 3000.0, *[30.0] * 30, hours=hours)
    rule = DynamicRule(window=15, margin=5, location_error_m=0.0, max_gap_h=12.0)
    found = dynamic_variance(track, rule).variance_m2_s
    assert np.nanmax(abs(found[35:] - 0.25)) < 1e-9
    assert np.nanmax(dynamic_variance(track, EXACT).variance_m2_s) > 1.0


def test_steps_among_gaps_alone_are_padded_from_the_nearer_side() -> None:
    slow, fast = zigzag(*[10.0] * 20), zigzag(*[50.0] * 20)
    hours = [*range(20), *(20 + 100 * n for n in range(1, 31)), *(4000 + n for n in range(20))]
    y = np.concatenate((slow.y, np.zeros(30), fast.y))
    track = walk(*[(0.0, float(away)) for away in y], hours=[float(hour) for hour in hours])
    rule = DynamicRule(
        window=15, margin=5, location_error_m=0.0, max_gap_h=12.0, ends="pad"
    )  # fmt: skip
    found = dynamic_variance(track, rule)
    empty = np.flatnonzero(found.windows == 0)
    inner = empty[(empty > 10) & (empty < 60)]
    half = len(inner) // 2
    assert len(inner) > 4
    assert found.variance_m2_s[inner[: half - 1]] == pytest.approx(50 / 1800)
    assert found.variance_m2_s[inner[half + 1 :]] == pytest.approx(1250 / 1800)


def test_track_of_gaps_alone_has_no_variance() -> None:
    track = zigzag(*[30.0] * 20, hours=[100.0 * n for n in range(20)])
    rule = DynamicRule(window=15, margin=5, max_gap_h=12.0, ends="pad")
    found = dynamic_variance(track, rule)
    assert np.isnan(found.variance_m2_s).all()
    assert not found.is_bridged.any()


def test_breaks_are_told_in_the_order_of_windows() -> None:
    found = dynamic_variance(zigzag(*[1.0] * 30, *[100.0] * 30), EXACT)
    assert (np.diff(found.break_window) > 0).all()
    inside = found.break_fix - found.break_window
    # A break leaves at least a margin of fixes on either side, itself included in both.
    assert inside.min() >= 4
    assert inside.max() <= 10
    assert (inside % 2 == 0).all()


def test_animal_that_never_moved_has_no_variance() -> None:
    for rule in (EXACT, DynamicRule(window=15, margin=5)):
        found = dynamic_variance(STILL, rule)
        assert (found.variance_m2_s[found.of_interest] == 0.0).all()
        assert found.of_interest.any()


def test_mode_of_move_finds_the_same_where_there_is_one_minimum() -> None:
    track = brownian((100, 0.5), error_m=5.0)
    clean = DynamicRule(location_error_m=5.0, middle_error=False)
    found = [
        dynamic_variance(track, rule).variance_m2_s
        for rule in (clean, DynamicRule(location_error_m=5.0, mode="move-4.2.7"))
    ]
    assert found[0] == pytest.approx(found[1], rel=2e-4, nan_ok=True)


def test_mode_of_move_never_finds_zero() -> None:
    # It stops a little above its lower bound, by its tolerance.
    still = brownian((40, 0.0), error_m=1.0)
    found = dynamic_variance(still, DynamicRule(location_error_m=10.0, mode="move-4.2.7"))
    inner = found.variance_m2_s[found.of_interest]
    assert (inner > 0).all()
    assert (inner < 1e-6).all()


@pytest.mark.parametrize("rule", [EXACT, PADDED, DynamicRule(), DynamicRule(mode="move-4.2.7")])
@pytest.mark.parametrize("name", sorted(TRACKS))
def test_variance_bears_awkward_tracks(name: str, rule: DynamicRule) -> None:
    tracks = TRACKS[name]
    try:
        found = dynamic_variance(tracks, rule)
    except AnalysisError:
        return
    assert len(found) == len(tracks.steps)
    assert not (found.variance_m2_s < 0).any()
    assert np.isfinite(found.variance_m2_s[found.is_bridged]).all()


def test_nobody_has_no_steps() -> None:
    assert len(dynamic_variance(NOBODY)) == 0


@pytest.mark.parametrize(
    "settings",
    [{"window": 30}, {"margin": 10}, {"margin": 1}, {"window": 21}, {"location_error_m": -1},
     {"location_error_m": np.nan}, {"max_gap_h": 0}, {"max_gap_h": np.nan}, {"ends": "keep"},
     {"mode": "move"}, {"mode": "move-4.2.7", "location_error_m": 0},
     {"mode": "move-4.2.7", "max_gap_h": 8}],
)  # fmt: skip
def test_rule_refuses_what_it_cannot_use(settings: dict[str, Any]) -> None:
    with pytest.raises(BadRule):
        DynamicRule(**settings)
