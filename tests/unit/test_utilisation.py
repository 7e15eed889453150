"""Bridges laid on cells: worked cases, cuts, gaps, and every awkward track."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from ecoduct_analysis.bridge_utilisation import Mode, bridge_utilisation, per_step
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.errors import BadRule, BadTracks
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.occurrence import occurrence, occurrence_grid, step_variance
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation import Utilisation, join_utilisations
from ecoduct_analysis.utilisation_rules import UtilisationRule
from gallery import FAR_APART, ONCE, TRACKS, YEAR_GAP, random_walks, walk

EXACT = UtilisationRule(location_error_m=0.0)
MODES: tuple[Mode, ...] = ("clean", "BBMM-3.0", "move", "kernelbb")
SMALL = Grid(west=-100.0, north=100.0, cell_m=10.0, rows=20, columns=20)


def overlap(one: FloatArray, other: FloatArray) -> float:
    return float(np.minimum(one, other).sum())


def empty(*names: str) -> Utilisation:
    offsets = np.zeros(len(names) + 1, dtype=np.int64)
    return Utilisation(SMALL, names, offsets, np.zeros(0, dtype=np.int64), np.zeros(0))


def finely(tracks: Tracks, grid: Grid, variance: float, error_m: float) -> FloatArray:
    """Utilisation of one step by 4000 moments, each integrated over every cell of the grid."""
    part = (np.arange(4000) + 0.5) / 4000
    duration_s = float(tracks.step_s[0])
    sd = np.sqrt(
        duration_s * part * (1 - part) * variance + ((1 - part) ** 2 + part**2) * error_m**2
    )
    x = tracks.x[0] + part * (tracks.x[1] - tracks.x[0])
    y = tracks.y[0] + part * (tracks.y[1] - tracks.y[0])
    east = grid.west + grid.cell_m * np.arange(grid.columns + 1)
    south = grid.north - grid.cell_m * np.arange(grid.rows + 1)
    across = np.diff(ndtr((east - x[:, None]) / sd[:, None]), axis=1)
    down = -np.diff(ndtr((south - y[:, None]) / sd[:, None]), axis=1)
    whole: FloatArray = down.T @ across / len(part)
    return np.asarray(whole / whole.sum(), dtype=np.float64)


@pytest.mark.parametrize(("variance", "error_m"), [(1.0, 5.0), (0.1, 10.0), (4.0, 2.0)])
@pytest.mark.parametrize("cell_m", [5.0, 20.0, 100.0])
def test_a_bridge_is_what_thousands_of_moments_say(
    variance: float, error_m: float, cell_m: float
) -> None:
    step = walk((-150, 40), (160, -50), hours=[0, 1])
    grid = Grid.around(step.x, step.y, cell_m=cell_m, margin_m=400.0)
    rule = UtilisationRule(location_error_m=error_m)
    found = bridge_utilisation(step, grid, variance_m2_s=variance, rule=rule).dense(0)
    assert overlap(found, finely(step, grid, variance, error_m)) > 0.997


def test_a_bridge_wider_than_cells_of_the_finest_level_is_as_smooth() -> None:
    # Standard deviation of 300 m on cells of 5 m: laid down on cells of 20 m and brought back.
    step = walk((0, 0), (100, 0), hours=[0, 10])
    grid = Grid.around(step.x, step.y, cell_m=5.0, margin_m=1500.0)
    rule = UtilisationRule(location_error_m=300.0)
    found = bridge_utilisation(step, grid, variance_m2_s=0.0, rule=rule).dense(0)
    wanted = finely(step, grid, 0.0, 300.0)
    assert overlap(found, wanted) > 0.9999
    assert np.abs(found - wanted).max() < 1e-3 * wanted.max()


def test_an_exact_still_animal_is_in_one_cell() -> None:
    still = walk((5, 5), (5, 5), (5, 5))
    ud = bridge_utilisation(still, SMALL, variance_m2_s=0.0, rule=EXACT)
    assert ud.cell.tolist() == SMALL.cell_at([5.0], [5.0]).tolist()
    assert ud.mass.tolist() == [1.0]


def test_bridges_count_by_their_time() -> None:
    moves = walk((-95, 95), (-95, 95), (95, -95), (95, -95), hours=[0, 3, 3 + 1e-6, 4 + 1e-6])
    ud = bridge_utilisation(moves, SMALL, variance_m2_s=0.0, rule=EXACT)
    np.testing.assert_allclose(ud.dense(0)[[0, -1], [0, -1]], [0.75, 0.25], atol=1e-5)


def test_a_step_that_is_too_long_has_no_bridge_and_is_told() -> None:
    rule = UtilisationRule(location_error_m=1.0, max_lag_min=60.0)
    ud = bridge_utilisation(YEAR_GAP, SMALL, variance_m2_s=0.01, rule=rule)
    assert ud.bridged_s is not None
    assert ud.unobserved_s is not None
    assert ud.bridged_s.tolist() == [2 * 3600]
    assert ud.unobserved_s.tolist() == [365 * 24 * 3600]
    usual = bridge_utilisation(YEAR_GAP, SMALL, variance_m2_s=0.01)
    assert usual.bridged_s is not None
    assert usual.bridged_s.tolist() == [2 * 3600]


def test_a_step_without_variance_has_no_bridge() -> None:
    three = walk((-50, 0), (0, 0), (50, 0))
    ud = bridge_utilisation(three, SMALL, variance_m2_s=[np.nan, 0.01], each="step", rule=EXACT)
    assert ud.dense(0)[:, :9].sum() == 0.0
    assert ud.unobserved_s is not None
    assert ud.unobserved_s.tolist() == [3600.0]


def test_the_part_beyond_the_grid_is_told_and_the_rest_is_one() -> None:
    edge = walk((-100, 0), (-100, 0))
    rule = UtilisationRule(location_error_m=20.0)
    ud = bridge_utilisation(edge, SMALL, variance_m2_s=0.0, rule=rule)
    assert ud.outside is not None
    np.testing.assert_allclose(ud.outside, [0.5], atol=1e-4)
    np.testing.assert_allclose(ud.mass.sum(), 1.0, atol=1e-12)


def test_an_animal_far_from_the_grid_has_no_cells_and_all_is_outside() -> None:
    away = walk((1e7, 1e7), (1e7, 1e7 + 5))
    ud = bridge_utilisation(away, SMALL, variance_m2_s=0.01)
    assert len(ud.cell) == 0
    assert ud.outside is not None
    assert ud.outside.tolist() == [1.0]


@pytest.mark.parametrize("variance", [1e3, 1e8, 1e30, 1e300])
def test_a_bridge_far_wider_than_the_grid_is_level_there(variance: float) -> None:
    two = walk((-50, 0), (50, 30), hours=[0, 6])
    ud = bridge_utilisation(two, SMALL, variance_m2_s=variance, rule=EXACT)
    assert ud.outside is not None
    if ud.outside[0] < 1.0:
        dense = ud.dense(0)
        assert dense.max() < 2.5 * dense.min()
        np.testing.assert_allclose(dense.sum(), 1.0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", TRACKS)
def test_every_awkward_track_has_mass_one_or_none(name: str, mode: Mode) -> None:
    tracks = TRACKS[name]
    ud = bridge_utilisation(tracks, SMALL, variance_m2_s=0.01, mode=mode,
                            rule=UtilisationRule(location_error_m=5.0, time_step_min=60.0,
                                                 max_lag_min=1e4))  # fmt: skip
    assert len(ud) == len(tracks.names)
    assert (ud.mass > 0).all()
    for track in range(len(ud)):
        total = ud.dense(track).sum()
        assert total == 0 or abs(total - 1) < 1e-9
    alone = [bridge_utilisation(tracks.select([n]), SMALL, variance_m2_s=0.01, mode=mode,
                                rule=UtilisationRule(location_error_m=5.0, time_step_min=60.0,
                                                     max_lag_min=1e4))
             for n in range(len(ud))]  # fmt: skip
    if alone:
        joined = join_utilisations(alone)
        assert joined.mass.tobytes() == ud.mass.tobytes()
        assert joined.cell.tobytes() == ud.cell.tobytes()


@pytest.mark.parametrize("method", ["bbmm", "dbbmm", "kernelbb", "kernel"])
@pytest.mark.parametrize("name", [name for name in TRACKS if len(TRACKS[name])])
def test_every_method_bears_every_awkward_track(name: str, method: str) -> None:
    tracks, rule = TRACKS[name], UtilisationRule(method=method, cell_m=25.0)
    found = step_variance(tracks, rule)
    grid = occurrence_grid(tracks, found, rule)
    ud = occurrence(tracks, grid, found, rule)
    assert len(found) == len(tracks.steps)
    assert ud.outside is None or not (ud.outside > 1e-12).any()
    assert all(np.isclose(ud.dense(n).sum(), 1.0) or not ud.dense(n).any() for n in range(len(ud)))


def test_the_compat_modes_want_an_error_and_a_known_name() -> None:
    two = walk((0, 0), (5, 5))
    with pytest.raises(BadRule, match="error above 0"):
        bridge_utilisation(two, SMALL, variance_m2_s=0.01, rule=EXACT, mode="move")
    with pytest.raises(BadRule, match="mode must be clean"):
        bridge_utilisation(two, SMALL, variance_m2_s=0.01, mode="BBMM")  # type: ignore[arg-type]
    with pytest.raises(BadRule, match="longer time_step_min"):
        bridge_utilisation(YEAR_GAP, SMALL, variance_m2_s=0.01, mode="move",
                           rule=UtilisationRule(time_step_min=1e-4))  # fmt: skip


@pytest.mark.parametrize("variance", [-1.0, np.inf, [1.0, 2.0, 3.0], [[1.0]]])
def test_variances_that_are_none_are_refused(variance: object) -> None:
    with pytest.raises(BadRule, match="variance_m2_s"):
        bridge_utilisation(ONCE, SMALL, variance_m2_s=variance)  # type: ignore[arg-type]


def test_as_many_variances_as_tracks_and_steps_are_of_tracks_unless_said_otherwise() -> None:
    assert per_step(FAR_APART, [1.0, 2.0, 3.0]).tolist() == [1.0, 3.0]
    three_and_one = Tracks.from_arrays(
        ["a", "b"], track=[0, 0, 0, 1], t_ms=[0, 1, 2, 0], x=[0] * 4, y=[0] * 4
    )
    assert per_step(three_and_one, [1.0, 2.0]).tolist() == [1.0, 1.0]
    assert per_step(three_and_one, [1.0, 2.0], each="step").tolist() == [1.0, 2.0]


def test_tracks_join_and_are_chosen_with_all_their_columns() -> None:
    herd = random_walks(3)
    grid = Grid.around(herd.x, herd.y, cell_m=200.0)
    ud = bridge_utilisation(herd, grid, variance_m2_s=1.0)
    again = join_utilisations([ud.select([0, 1]), ud.select([2, 3])])
    assert again.mass.tobytes() == ud.mass.tobytes()
    assert again.unobserved_s is not None
    assert ud.unobserved_s is not None
    assert again.unobserved_s.tolist() == ud.unobserved_s.tolist()
    np.testing.assert_allclose(ud.mean().sum(), 1.0)
    with pytest.raises(BadTracks, match="one grid"):
        join_utilisations([ud, empty()])


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(BadTracks, match="bridged_s"):
        replace(empty("a"), bridged_s=np.array([1.0, 2.0]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"method": "mcp"}, {"window": 30}, {"margin": 4}, {"window": 21, "margin": 11},
        {"margin": 1}, {"location_error_m": -1.0}, {"location_error_m": np.nan},
        {"cell_m": 0.0}, {"cell_m": np.nan}, {"max_lag_min": 0.0}, {"max_lag_min": np.nan},
        {"time_step_min": np.inf}, {"h_m": 0.0}, {"motion_variance_m2_min": np.nan},
    ],
)  # fmt: skip
def test_a_rule_that_no_method_can_use_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadRule):
        UtilisationRule(**wrong)  # type: ignore[arg-type]


def test_errors_of_the_rule_hold_whatever_the_track_says() -> None:
    plain = walk((0, 0), (0, 0))
    known = replace(plain, error_m=np.array([50.0, 50.0]))
    rule = UtilisationRule(location_error_m=5.0)
    found = [bridge_utilisation(one, SMALL, variance_m2_s=0.0, rule=rule) for one in (known, plain)]
    assert found[0].mass.tobytes() == found[1].mass.tobytes()
    wide = bridge_utilisation(known, SMALL, variance_m2_s=0.0)
    assert wide.mass.max() < 0.5 * found[0].mass.max()


def test_a_longest_time_step_adds_moments_and_changes_little() -> None:
    step = walk((-50, 0), (50, 30))
    plain, fine = (
        bridge_utilisation(step, SMALL, variance_m2_s=0.1,
                           rule=UtilisationRule(location_error_m=5.0, time_step_min=minutes))
        for minutes in (None, 0.2)
    )  # fmt: skip
    assert 0.999 < overlap(plain.dense(0), fine.dense(0)) < 1.0


def test_a_given_motion_variance_is_that_of_every_animal() -> None:
    rule = UtilisationRule(method="bbmm", motion_variance_m2_min=600.0)
    assert set(step_variance(random_walks(1), rule).bridge_m2_s.tolist()) == {10.0}


def test_the_first_and_last_steps_are_bridged_unless_the_package_is_followed() -> None:
    herd = random_walks(5, animals=1)
    rule = UtilisationRule(location_error_m=5.0)
    clean, compat = step_variance(herd, rule), step_variance(herd, rule, mode="compat")
    assert np.isfinite(clean.bridge_m2_s).all()
    assert np.isnan(compat.bridge_m2_s[:19]).all()
    assert np.isnan(clean.variance_m2_s[:10]).all()
