"""Kernels about fixes: worked cases, bandwidths, and every awkward track."""

import numpy as np
import pytest
from scipy.special import ndtr

from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.kernel_utilisation import kernel_utilisation, reference_bandwidth_m
from gallery import FAR_APART, ONCE, STILL, TRACKS, random_walks, walk

GRID = Grid(west=-500.0, north=500.0, cell_m=20.0, rows=50, columns=50)


def test_a_kernel_is_integrated_over_each_cell() -> None:
    ud = kernel_utilisation(walk((3, 7)), GRID, h_m=60.0).dense(0)
    edges = np.arange(-500.0, 501.0, 20.0)
    across = np.diff(ndtr((edges - 3.0) / 60.0))
    down = -np.diff(ndtr((edges[::-1] - 7.0) / 60.0))
    # Beyond 4.5 standard deviations nothing is laid down.
    np.testing.assert_allclose(ud, np.outer(down, across), atol=1e-6)


def test_every_fix_counts_alike() -> None:
    two = walk((-400, 0), (-400, 0), (-400, 0), (400, 0), hours=[0, 1, 2, 900])
    ud = kernel_utilisation(two, GRID, h_m=10.0).dense(0)
    np.testing.assert_allclose(ud[:, :25].sum(), 0.75)


def test_the_reference_bandwidth_is_that_of_the_formula() -> None:
    places = np.random.default_rng(1).normal(0, 100, (50, 2))
    found = reference_bandwidth_m(walk(*places))
    wanted = np.sqrt(places.var(axis=0, ddof=1).mean()) * 50 ** (-1 / 6)
    np.testing.assert_allclose(found, [wanted])


def test_one_fix_has_no_bandwidth_and_no_kernel() -> None:
    assert np.isnan(reference_bandwidth_m(ONCE)).all()
    ud = kernel_utilisation(ONCE, GRID)
    assert len(ud.cell) == 0
    assert ud.outside is not None
    assert np.isnan(ud.outside).all()


def test_a_still_animal_is_in_one_cell() -> None:
    assert reference_bandwidth_m(STILL).tolist() == [0.0]
    assert kernel_utilisation(STILL, GRID).mass.tolist() == [1.0]
    with pytest.raises(BadRule, match="above 0"):
        kernel_utilisation(STILL, GRID, mode="adehabitatHR")


def test_each_track_may_have_its_own_bandwidth_or_none() -> None:
    ud = kernel_utilisation(FAR_APART, GRID, h_m=[5.0, 5.0, np.nan])
    assert np.diff(ud.offsets)[1:].tolist() == [0, 0]
    assert np.diff(ud.offsets)[0] > 0


@pytest.mark.parametrize("h_m", [-1.0, np.inf, [1.0, 2.0]])
def test_bandwidths_that_are_none_are_refused(h_m: object) -> None:
    with pytest.raises(BadRule, match="h_m"):
        kernel_utilisation(ONCE, GRID, h_m=h_m)  # type: ignore[arg-type]


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(BadRule, match="adehabitatHR"):
        kernel_utilisation(ONCE, GRID, h_m=1.0, mode="ade")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", TRACKS)
def test_every_awkward_track_has_mass_one_or_none(name: str) -> None:
    for h_m in (None, 50.0):
        ud = kernel_utilisation(TRACKS[name], GRID, h_m=h_m)
        for track in range(len(ud)):
            total = ud.dense(track).sum()
            assert total == 0 or abs(total - 1) < 1e-9


def test_a_kernel_wider_than_the_finest_cells_is_as_smooth() -> None:
    fine = Grid(west=-2000.0, north=2000.0, cell_m=5.0, rows=800, columns=800)
    found = kernel_utilisation(walk((3, 7)), fine, h_m=350.0).dense(0)
    edges = np.arange(-2000.0, 2001.0, 5.0)
    wanted = np.outer(-np.diff(ndtr((edges[::-1] - 7) / 350)), np.diff(ndtr((edges - 3) / 350)))
    assert np.minimum(found, wanted).sum() > 0.9999


def test_centres_and_integrals_agree_where_cells_are_fine() -> None:
    herd = random_walks(2, animals=1)
    grid = Grid.around(herd.x, herd.y, cell_m=100.0, margin_m=3000.0)
    exact, sampled = (kernel_utilisation(herd, grid, h_m=500.0, mode=mode).dense(0)
                      for mode in ("clean", "adehabitatHR"))  # fmt: skip
    assert np.minimum(exact, sampled).sum() > 0.998
