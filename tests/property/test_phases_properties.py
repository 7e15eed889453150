"""Shift, rotation, order and chunking of animals change neither phases nor models."""

import numpy as np
import pytest

from ecoduct_analysis.change_points import find_changes
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.displacement_models import (
    Mode,
    daily_medians,
    fit_displacement,
    measure_displacement,
)
from ecoduct_analysis.phases import Phases, find_phases
from ecoduct_analysis.synthetic import migrate
from ecoduct_analysis.tracks import Tracks

ANGLE = 0.7


def herd(seed: int) -> Tracks:
    return migrate(5, seed=seed, interval_s=14_400.0, missing=0.1, residents=2).tracks


def moved(tracks: Tracks, x: FloatArray, y: FloatArray) -> Tracks:
    return Tracks(tracks.names, tracks.offsets, tracks.t_ms, x, y, tracks.error_m)


def rows(phases: Phases, names: tuple[str, ...]) -> list[tuple[object, ...]]:
    return sorted(
        (names[track], int(kind), int(begin), int(end), int(known), bool(sure))
        for track, kind, begin, end, known, sure in zip(
            phases.track, phases.kind, phases.begins_ms, phases.ends_ms, phases.known_ms,
            phases.is_confirmed, strict=True,
        )
    )  # fmt: skip


def turned(tracks: Tracks) -> Tracks:
    x = np.cos(ANGLE) * tracks.x - np.sin(ANGLE) * tracks.y
    y = np.sin(ANGLE) * tracks.x + np.cos(ANGLE) * tracks.y
    return moved(tracks, x, y)


@pytest.mark.parametrize("seed", range(3))
def test_a_shift_and_the_order_of_animals_change_no_phase(seed: int) -> None:
    tracks = herd(seed)
    want = rows(find_phases(tracks), tracks.names)
    shifted = moved(tracks, tracks.x + 2.0**19, tracks.y - 2.0**18)
    assert rows(find_phases(shifted), tracks.names) == want
    other = tracks.select([3, 0, 4, 2, 1])
    assert rows(find_phases(other), other.names) == want
    parts = [row for part in tracks.chunks(1) for row in rows(find_phases(part), part.names)]
    assert sorted(parts) == want


@pytest.mark.parametrize("seed", range(3))
def test_late_fixes_are_heeded_in_any_order_of_arrival(seed: int) -> None:
    tracks = herd(seed)
    order = np.random.default_rng(seed).permutation(len(tracks))
    mixed = Tracks.from_arrays(
        tracks.names, track=tracks.track[order], t_ms=tracks.t_ms[order], x=tracks.x[order],
        y=tracks.y[order],
    )  # fmt: skip
    assert rows(find_phases(mixed), mixed.names) == rows(find_phases(tracks), tracks.names)


@pytest.mark.parametrize("seed", range(3))
def test_a_rotation_moves_no_phase_by_more_than_a_day(seed: int) -> None:
    # The median of a day is taken along each axis, so that it turns a little with them.
    tracks = herd(seed)
    one, other = find_phases(tracks), find_phases(turned(tracks))
    ranges = [found.begins_ms[found.range_id > 0] for found in (one, other)]
    assert len(ranges[0]) == len(ranges[1])
    assert np.abs(ranges[0] - ranges[1]).max() <= 86_400_000


@pytest.mark.parametrize("seed", range(2))
def test_models_are_those_of_each_animal_alone_to_the_last_bit(seed: int) -> None:
    days = daily_medians(herd(seed))
    modes: tuple[Mode, ...] = ("clean", "compat")
    for mode in modes:
        whole = fit_displacement(measure_displacement(days), mode=mode)
        other = days.select([4, 1, 0, 2, 3])
        again = fit_displacement(measure_displacement(other), mode=mode)
        np.testing.assert_array_equal(again.values, whole.values[[4, 1, 0, 2, 3]])
        for n, part in enumerate(days.chunks(1)):
            alone = fit_displacement(measure_displacement(part), mode=mode)
            np.testing.assert_array_equal(alone.values[0], whole.values[n])


@pytest.mark.parametrize("seed", range(2))
def test_models_and_changes_do_not_turn_with_the_world(seed: int) -> None:
    days = daily_medians(herd(seed))
    one, other = (
        fit_displacement(measure_displacement(some)) for some in (days, turned(days))
    )  # fmt: skip
    np.testing.assert_array_equal(one.best, other.best)
    rows_of = np.arange(len(one))
    np.testing.assert_allclose(
        one.aic[rows_of, one.best], other.aic[rows_of, other.best], atol=1e-6
    )
    np.testing.assert_array_equal(
        find_changes(days).at_ms, find_changes(turned(days)).at_ms
    )  # fmt: skip


def test_clean_is_never_worse_than_compat_within_the_same_bounds() -> None:
    series = measure_displacement(daily_medians(herd(1)))
    clean, compat = fit_displacement(series), fit_displacement(series, mode="compat")
    inside = compat.values[:, :3, 0] <= clean.last_day[:, None]
    inside &= compat.values[:, :3, 0] >= clean.first_day[:, None]
    worse = clean.rss_km4[:, :3] > compat.rss_km4[:, :3] * (1 + 1e-9)
    assert not (worse & inside).any()
