import numpy as np
import pytest
import shapely

from ecoduct_analysis.barrier_behaviour import Mode, classify_encounters, sweep_buffer
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.encounters import KINDS, REASONS, Behaviour
from ecoduct_analysis.errors import AnalysisError, BadFeatures, BadRule, BadTracks
from ecoduct_analysis.rules import EncounterRule
from ecoduct_analysis.tracks import Tracks
from gallery import BARRIERS, HOUR_MS, TRACKS, barriers, line, walk

WALL = barriers(wall=line((0, -1e5), (0, 1e5)))
RULE = EncounterRule(buffer_m=100.0, interval_h=2.0)


def deer(x: list[float], hours: list[float] | None = None, y: list[float] | None = None) -> Tracks:
    """One animal, two hours between fixes unless told otherwise; x is its distance to the wall."""
    at = hours or [2.0 * n for n in range(len(x))]
    return walk(*zip(x, y or [50.0 * n for n in range(len(x))], strict=True), hours=at)


def kinds(seen: Behaviour) -> list[str]:
    return [KINDS[kind] for kind in seen.encounters.kind]


def reasons(seen: Behaviour) -> list[str]:
    return [REASONS[reason] for reason in seen.encounters.reason]


def pacing(*, inside: int, before: int = 60, after: int = 60) -> Tracks:
    """A straight march, then to and fro along the wall, then the march goes on."""
    march = [(500.0, 300.0 * n) for n in range(before)]
    pace = [(50.0, 300.0 * before + (n % 2) * 200.0) for n in range(inside)]
    away = [(500.0, 300.0 * (before + n + 1)) for n in range(after)]
    places = march + pace + away
    return walk(*places, hours=[2.0 * n for n in range(len(places))])


@pytest.mark.parametrize("mode", ["robust", "parity"])
@pytest.mark.parametrize("features", BARRIERS.values(), ids=BARRIERS)
@pytest.mark.parametrize("tracks", TRACKS.values(), ids=TRACKS)
def test_awkward_tracks_and_barriers_end_in_reasoned_rows(
    tracks: Tracks, features: dict[str, shapely.geometry.base.BaseGeometry], mode: Mode
) -> None:
    try:
        seen = classify_encounters(
            tracks, barriers(**features), EncounterRule(buffer_m=10.0), mode=mode
        )
    except AnalysisError:
        if mode != "parity":
            raise
        return
    unknown = seen.encounters.kind == KINDS.index("unknown")
    assert ((seen.encounters.reason > 0) == unknown).all()


def test_animal_that_turns_at_the_wall_bounces() -> None:
    assert kinds(classify_encounters(deer([900, 50, 900]), WALL, RULE)) == ["Bounce"]


def test_animal_that_changes_sides_crosses() -> None:
    seen = classify_encounters(deer([900, 50, -900]), WALL, RULE)
    assert kinds(seen) == ["Quick_Cross"]
    assert seen.encounters.crossings.tolist() == [1]
    assert seen.encounter.tolist() == [0]


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_animal_that_touches_the_wall_and_turns_has_not_crossed(side: float) -> None:
    path = deer([900 * side, 0, 900 * side])
    assert kinds(classify_encounters(path, WALL, RULE)) == ["Bounce"]
    assert kinds(classify_encounters(path, WALL, RULE, mode="parity")) == ["Quick_Cross"]


def test_crossing_of_the_whole_buffer_is_kept_without_encounter() -> None:
    seen = classify_encounters(deer([900, -900, -950]), WALL, RULE)
    assert len(seen.encounters) == 0
    assert seen.without_encounter.tolist() == [True]


def test_fix_that_is_six_minutes_late_splits_nothing() -> None:
    late = deer([900, 50, 40, 50, 900], hours=[0, 2, 4.1, 6, 8])
    assert classify_encounters(late, WALL, RULE).encounters.fixes.tolist() == [3]
    split = classify_encounters(late, WALL, RULE, mode="parity").encounters
    assert len(split) == 2


def test_first_and_last_fix_say_nothing_of_the_side_that_is_not_seen() -> None:
    seen = classify_encounters(deer([50, 900, 900, 50]), WALL, RULE)
    assert kinds(seen) == ["unknown", "unknown"]
    assert reasons(seen) == ["track_edge", "track_edge"]


def test_neighbour_from_days_before_decides_nothing() -> None:
    days = deer([-900, 50, 900], hours=[0, 120, 122])
    seen = classify_encounters(days, WALL, RULE)
    assert (kinds(seen), reasons(seen)) == (["unknown"], ["no_neighbour"])
    assert kinds(classify_encounters(days, WALL, RULE, mode="parity")) == ["Quick_Cross"]


def test_pacing_along_the_wall_is_back_and_forth() -> None:
    seen = classify_encounters(pacing(inside=12), WALL, RULE)
    assert kinds(seen) == ["Back_n_forth"]
    assert seen.encounters.windows.tolist() == [85]


def test_pacing_for_days_is_trapped() -> None:
    assert kinds(classify_encounters(pacing(inside=20), WALL, RULE)) == ["Trapped"]


def test_exactly_p_time_is_not_trapped_yet() -> None:
    assert kinds(classify_encounters(pacing(inside=19), WALL, RULE)) != ["Trapped"]


def test_too_few_windows_leave_a_long_encounter_unknown() -> None:
    seen = classify_encounters(pacing(inside=12, before=2, after=2), WALL, RULE)
    assert (kinds(seen), reasons(seen)) == (["unknown"], ["few_windows"])


def test_collar_that_lies_still_is_unknown_with_its_reason() -> None:
    still = deer([900.0] * 60 + [50.0] * 12 + [900.0] * 60, y=[0.0] * 132)
    seen = classify_encounters(still, WALL, RULE)
    assert (kinds(seen), reasons(seen)) == (["unknown"], ["stationary"])


def test_windows_without_a_way_are_passed_over() -> None:
    rest = [500.0] * 20
    x = [500.0] * 40 + rest + [50.0] * 12 + [500.0] * 60
    y = [300.0 * n for n in range(40)] + [12_000.0] * 20
    y += [12_000.0 + 200.0 * (n % 2) for n in range(12)] + [13_000.0 + 300.0 * n for n in range(60)]
    seen = classify_encounters(deer(x, y=y), WALL, RULE)
    assert kinds(seen) == ["Back_n_forth"]
    assert seen.encounters.windows[0] < 85


def test_crossing_back_and_forth_needs_leave_to_be_called_so() -> None:
    x = [500.0] * 60 + [50.0 * (-1) ** n for n in range(12)] + [-500.0] * 60
    y = [300.0 * n for n in range(60)] + [18_000.0 + 20.0 * (n % 2) for n in range(12)]
    y += [18_300.0 + 300.0 * n for n in range(60)]
    seen = classify_encounters(deer(x, y=y), WALL, RULE)
    assert (kinds(seen), reasons(seen)) == (["unknown"], ["too_many_crossings"])
    lenient = EncounterRule(buffer_m=100.0, interval_h=2.0, max_cross=20)
    assert kinds(classify_encounters(deer(x, y=y), WALL, lenient)) == ["Back_n_forth"]


def test_tolerance_bridges_a_fix_outside_and_a_missing_one() -> None:
    rule = EncounterRule(buffer_m=100.0, interval_h=2.0, tolerance_h=2.0)
    outside = classify_encounters(deer([900, 50, 200, 50, 900]), WALL, rule).encounters
    assert outside.inside.tolist() == [True, False, True]
    missing = deer([900, 50, 50, 900], hours=[0, 2, 6, 8])
    assert classify_encounters(missing, WALL, rule).encounters.fixes.tolist() == [2]
    assert classify_encounters(missing, WALL, RULE).encounters.fixes.tolist() == [1, 1]


def test_animals_may_have_different_intervals() -> None:
    tracks = Tracks.from_arrays(
        ["slow", "fast"],
        track=[0] * 6 + [1] * 6,
        t_ms=[*np.arange(6) * 2 * HOUR_MS, *np.arange(6) * HOUR_MS // 4],
        x=[900, 50, 50, 900, 900, 900] * 2,
        y=list(np.arange(6) * 60.0) * 2,
    )
    seen = classify_encounters(tracks, WALL, EncounterRule(buffer_m=100.0))
    assert seen.interval_s.tolist() == [7200.0, 900.0]
    assert seen.encounters.fixes.tolist() == [2, 2]
    with pytest.raises(BadRule, match="interval_h"):
        classify_encounters(tracks, WALL, EncounterRule(buffer_m=100.0), mode="parity")


def test_fixes_closer_than_the_interval_asked_for_are_told() -> None:
    quarter = deer([900, 50, 50, 900], hours=[0, 0.25, 0.5, 0.75])
    assert classify_encounters(quarter, WALL, RULE).finer.tolist() == [True]
    assert classify_encounters(deer([900, 50, 900]), WALL, RULE).finer.tolist() == [False]


def test_curved_fence_cut_twice_by_one_step_is_not_crossed() -> None:
    horseshoe = barriers(fence=line((-200, -40), (-200, 40), (0, 40), (0, -40)))
    path = walk((-500, -60), (-260, 0), (60, 0), (300, 0), hours=[0, 2, 4, 6])
    seen = classify_encounters(path, horseshoe, RULE)
    assert seen.encounters.crossings.tolist() == [0]


def test_parity_counts_the_same_fence_twice_and_robust_once() -> None:
    twice = Barriers.from_geometries(["wall", "again"], [line((0, -1e5), (0, 1e5))] * 2)
    path = deer([900, 50, -900])
    assert classify_encounters(path, twice, RULE).encounters.crossings.tolist() == [1]
    parity = classify_encounters(path, twice, RULE, mode="parity")
    assert parity.encounters.crossings.tolist() == [2]


def test_parity_takes_repeated_times_as_the_reference_does_and_robust_does_not() -> None:
    twice = Tracks(
        ("a",), np.array([0, 5]), np.array([0, 2, 2, 4, 6]) * HOUR_MS,
        np.array([900.0, 50.0, 51.0, 50.0, 900.0]), np.arange(5, dtype=float) * 50, repeats=True,
    )  # fmt: skip
    assert len(classify_encounters(twice, WALL, RULE, mode="parity").encounters) == 2
    with pytest.raises(BadTracks, match="stands twice"):
        classify_encounters(twice, WALL, RULE)


def test_parity_where_the_reference_stops_is_unknown_with_a_reason() -> None:
    rule = EncounterRule(buffer_m=100.0, interval_h=2.0, tolerance_h=2.0)
    missing = deer([900, 50, 50, 900], hours=[0, 2, 6, 8])
    seen = classify_encounters(missing, WALL, rule, mode="parity")
    assert (kinds(seen), reasons(seen)) == (["unknown"], ["reference_stops"])


def test_parity_refuses_polygons_as_the_reference_does() -> None:
    with pytest.raises(BadFeatures, match="lines only"):
        classify_encounters(
            deer([900, 50]), barriers(park=shapely.box(0, 0, 9, 9)), RULE, mode="parity"
        )


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(BadRule, match="robust or parity"):
        classify_encounters(deer([900, 50]), WALL, RULE, mode="loose")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong", [{"buffer_m": 0.0}, {"p_time_h": 1.0}, {"tolerance_h": -1.0}, {"interval_h": 0.0},
              {"window_h": float("nan")}]
)  # fmt: skip
def test_rule_outside_its_bounds_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadRule):
        EncounterRule(**wrong)  # type: ignore[arg-type]


def test_sweep_without_any_quick_cross_names_no_best() -> None:
    swept = sweep_buffer(deer([900, 50, 900]), WALL, RULE, buffers_m=[10.0, 100.0])
    assert np.isnan(swept.best_m)
    assert swept.counts.sum(axis=1).tolist() == [0, 1]
