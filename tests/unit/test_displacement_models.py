"""Displacement models: planted curves are found, dates are told only where the data show them."""

import numpy as np
import pytest

from ecoduct_analysis.columns import NO_TIME, FloatArray
from ecoduct_analysis.displacement_models import (
    DISPERSER,
    MIGRANT,
    MIXED,
    MODELS,
    NOMAD,
    PARAMETERS,
    RESIDENT,
    DisplacementFits,
    DisplacementRule,
    Displacements,
    Mode,
    best_reference,
    daily_medians,
    displacement_curve,
    fit_displacement,
    measure_displacement,
    movement_dates,
    split_years,
)
from ecoduct_analysis.errors import BadRule, BadTracks
from ecoduct_analysis.tracks import Tracks
from gallery import STILL, TRACKS, walk

DAY_MS = 86_400_000
DAYS = np.arange(300.0)
ODDS = np.log(19.0)  # of 5 %


def year_of(nsd: FloatArray, days: FloatArray = DAYS) -> Displacements:
    return Displacements(("a",), np.array([0, len(days)]), np.array([0]), days, nsd)


def rise(theta: float, phi: float, days: FloatArray = DAYS) -> FloatArray:
    return 1.0 / (1.0 + np.exp((theta - days) / phi))


def fitted(nsd: FloatArray, mode: Mode = "clean") -> DisplacementFits:
    return fit_displacement(year_of(nsd), mode=mode)


def noise(seed: int = 1, spread: float = 10.0) -> FloatArray:
    return np.asarray(np.random.default_rng(seed).normal(0.0, spread, len(DAYS)))


@pytest.mark.parametrize("mode", ["clean", "compat"])
def test_a_planted_migration_is_found_with_its_parameters_and_dates(mode: Mode) -> None:
    # theta2 = 100 + 2 * 4 + 2 * 6 + 80 = 200
    nsd = 1600.0 * (rise(100, 4) - rise(200, 6))
    fits = fitted(nsd + noise(), mode)
    assert MODELS[fits.best[0]] == "migrant"
    values = fits.values[0, MIGRANT, :5]
    np.testing.assert_allclose(values, [100, 4, 1600, 80, 6], rtol=0.02)
    days = movement_dates(fits).at_ms[0] / DAY_MS
    truth = [100 - 4 * ODDS, 100 + 4 * ODDS, 200 - 6 * ODDS, 200 + 6 * ODDS]
    np.testing.assert_allclose(days, truth, atol=0.5)


@pytest.mark.parametrize("mode", ["clean", "compat"])
@pytest.mark.parametrize(
    ("name", "nsd"),
    [
        ("disperser", 900.0 * rise(150, 5)),
        ("mixmig", 900.0 * (rise(100, 3) - 0.6 * rise(200, 3))),
        ("resident", 40.0 * (1.0 - np.exp(-0.1 * DAYS))),
        ("nomad", 4.0 * DAYS),
    ],
)
def test_each_planted_curve_is_given_its_class(name: str, nsd: FloatArray, mode: Mode) -> None:
    assert MODELS[fitted(nsd + noise(), mode).best[0]] == name


def test_an_early_excursion_does_not_hide_the_migration() -> None:
    nsd = 1600.0 * (rise(180, 2) - rise(260, 2)) + 1200.0 * ((DAYS > 60) & (DAYS < 72))
    clean, compat = fitted(nsd + noise()), fitted(nsd + noise(), "compat")
    assert clean.values[0, MIGRANT, 0] == pytest.approx(180, abs=1)
    assert clean.rss_km4[0, MIGRANT] <= compat.rss_km4[0, MIGRANT]


def test_a_return_that_the_data_do_not_show_is_not_supported() -> None:
    fits = fitted(900.0 * rise(200, 4) + noise())
    assert fits.is_supported[0].tolist() == [True, False, False, True, True]


def test_dates_outside_the_data_are_none_in_clean_and_told_in_compat() -> None:
    # Half of the rise is done when the data end: the end of the move is not in them.
    nsd = 900.0 * rise(290, 10) + noise()
    clean, compat = movement_dates(fitted(nsd)), movement_dates(fitted(nsd, "compat"))
    assert clean.is_outside[0].tolist() == [False, True, False, False]
    assert clean.at_ms[0, 1] == NO_TIME
    assert compat.at_ms[0, 1] > DAY_MS * DAYS[-1]


def test_moves_that_overlap_are_flagged_and_give_no_dates_between() -> None:
    # The rise ends on day 100 + 62, the fall begins on day 100 + 42 + 10 + 1 - 15. With scatter,
    # for delta may not be more than the range of the data.
    nsd = 2000.0 * (rise(100, 21) - 0.5 * rise(153, 5)) + noise(spread=200.0)
    modes: tuple[Mode, ...] = ("clean", "compat")
    for mode in modes:
        fits = fit_displacement(year_of(nsd), DisplacementRule(min_rho_days=0.0), mode=mode)
        dates = movement_dates(fits)
        assert dates.overlaps[0]
        told = dates.at_ms[0] != NO_TIME
        assert told.tolist() == [True, mode == "compat", mode == "compat", True]


def test_a_short_way_is_no_migration_and_a_short_nomad_is_a_resident() -> None:
    near = 100.0 * (rise(100, 2) - rise(200, 2)) + noise(spread=1.0)
    assert MODELS[fitted(near).best[0]] == "resident"
    assert MODELS[fitted(0.5 * DAYS + noise(spread=1.0)).best[0]] == "resident"
    loose = DisplacementRule(min_delta_km2=50.0)
    assert fit_displacement(year_of(near), loose).best[0] == MIGRANT


def test_limits_fall_on_the_wrong_model_in_compat_when_one_was_dropped() -> None:
    # A migrant's return is not shown, so the mixed one's delta of 200 escapes the limit of 225,
    # as for the reference's elk YL15.
    nsd = 200.0 * (rise(60, 2) - 0.4 * rise(120, 2)) + noise(spread=3.0)
    clean, compat = fitted(nsd), fitted(nsd, "compat")
    if not compat.is_supported[0, MIGRANT]:
        assert compat.best[0] == MIXED
    assert clean.best[0] == RESIDENT


def test_a_still_animal_is_a_resident_and_a_short_series_has_no_class() -> None:
    assert fitted(np.zeros(len(DAYS))).best[0] == RESIDENT
    short = fit_displacement(year_of(DAYS[:20], DAYS[:20]))
    assert short.best[0] == -1
    assert np.isnan(short.aic).all()
    assert (movement_dates(short).at_ms == NO_TIME).all()
    assert np.isnan(displacement_curve(short, 0, DAYS)).all()


def test_the_curve_is_that_of_the_parameters() -> None:
    fits = fitted(1600.0 * (rise(100, 4) - rise(200, 6)) + noise())
    for model in (DISPERSER, MIGRANT, MIXED, NOMAD, RESIDENT):
        curve = displacement_curve(fits, 0, DAYS, model=model)
        rss = ((curve - 1600.0 * (rise(100, 4) - rise(200, 6)) - noise()) ** 2).sum()
        assert rss == pytest.approx(fits.rss_km4[0, model], rel=1e-9)
        # Burnham & Anderson's AIC of least squares, the variance counted.
        count = np.isfinite(fits.values[0, model]).sum() + 1
        aic = 300 * (np.log(2 * np.pi * rss / 300) + 1) + 2 * count
        assert fits.aic[0, model] == pytest.approx(aic)


def test_every_awkward_track_is_borne() -> None:
    for name, tracks in TRACKS.items():
        years = split_years(tracks, begins="02-29")
        series = measure_displacement(daily_medians(years.tracks), zero_ms=years.zero_ms)
        modes: tuple[Mode, ...] = ("clean", "compat")
        for mode in modes:
            fits = fit_displacement(series, mode=mode)
            assert len(fits) == len(movement_dates(fits)) == len(years), name
    assert fit_displacement(measure_displacement(STILL), mode="compat").best[0] >= 0


def test_a_year_is_not_cut_and_days_count_from_its_beginning() -> None:
    # From January to November of 1970, with most of it after the 10th of February.
    one = walk(*[(0, 0)] * 300, hours=[24 * n for n in range(300)])
    years = split_years(one, begins="02-10")
    assert (years.tracks.names, len(years)) == (("a_1970",), 1)
    assert years.zero_ms[0] == 40 * DAY_MS
    # Most of it before the 1st of November: the year began in 1969.
    assert split_years(one, begins="11-01").zero_ms[0] == -61 * DAY_MS
    assert split_years(one).zero_ms[0] == 0


def test_a_longer_track_is_cut_where_the_year_begins() -> None:
    two = walk(*[(0, 0)] * 80, hours=[24 * 10 * n for n in range(80)])
    years = split_years(two, begins="06-01", always_named=False)
    assert years.tracks.names == ("a_1969", "a_1970", "a_1971")
    assert years.animal.tolist() == [0, 0, 0]
    begins = two.t_ms[years.tracks.offsets[1:-1]]
    assert np.datetime64(int(begins[0]), "ms") == np.datetime64("1970-06-10T00:00:00.000")
    with pytest.raises(BadRule, match="MM-DD"):
        split_years(two, begins="31-12")


def test_days_begin_at_local_midnight() -> None:
    late = walk((0, 0), (10, 0), (20, 0), hours=[20, 23, 26])
    assert daily_medians(late).x.tolist() == [5.0, 20.0]
    assert daily_medians(late, offset_h=-7.0).x.tolist() == [10.0]
    with pytest.raises(BadRule, match="offset"):
        daily_medians(late, offset_h=float("nan"))


def test_references_are_the_first_the_mean_of_twenty_or_given() -> None:
    tracks = walk(*[(1000.0 * n, 0.0) for n in range(30)], hours=[24.0 * n for n in range(30)])
    assert measure_displacement(tracks).nsd_km2[3] == 9.0
    # The mean of 0 to 19 km.
    assert measure_displacement(tracks, reference="mean").nsd_km2[0] == pytest.approx(9.5**2)
    assert measure_displacement(tracks, reference=[[0, 2000]]).nsd_km2[0] == 4.0
    with pytest.raises(BadTracks, match="one reference"):
        measure_displacement(tracks, reference=[[0, 0], [0, 0]])


def test_the_best_reference_is_the_one_of_fifteen_with_the_smallest_criterion() -> None:
    dice = np.random.default_rng(2)
    x = 40_000.0 * ((np.arange(200) > 80) & (np.arange(200) < 150)) + dice.normal(0, 300, 200)
    tracks = Tracks.from_arrays(
        ["a"], track=[0] * 200, t_ms=np.arange(200) * DAY_MS, x=x, y=dice.normal(0, 300, 200)
    )
    places = [[[tracks.x[n], tracks.y[n]]] for n in range(15)]
    fits = [fit_displacement(measure_displacement(tracks, reference=place)) for place in places]
    least = int(np.argmin([fit.aic[0, fit.best[0]] for fit in fits]))
    assert best_reference(tracks).tolist() == places[least]


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_days": 3}, {"min_delta_km2": float("nan")}, {"min_rho_days": -1.0},
        {"min_phi_days": 30.0}, {"max_phi_days": float("nan")}, {"date_share": 0.5},
        {"date_share": float("nan")},
    ],
)  # fmt: skip
def test_rules_that_cannot_be_used_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadRule):
        DisplacementRule(**wrong)  # type: ignore[arg-type]


def test_parameters_have_the_reference_s_names() -> None:
    assert set(PARAMETERS) >= {"theta", "phi", "delta", "rho", "phi2", "zeta", "gamma", "kappa"}
