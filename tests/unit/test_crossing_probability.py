"""Probability of crossing, against closed forms of Brownian motion and against simulation."""

import itertools
from typing import cast

import numpy as np
import pytest
import shapely
from scipy.special import erf
from scipy.stats import invgauss
from shapely.geometry.base import BaseGeometry

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.bridges import BridgeRule
from ecoduct_analysis.columns import NO_TIME
from ecoduct_analysis.crossing_probability import (
    CrossingProbabilities,
    crossing_probabilities,
    first_passage_probability,
    straight_crossing_probability,
)
from ecoduct_analysis.errors import AnalysisError, NotProjected
from ecoduct_analysis.tracks import Tracks
from gallery import BARRIERS, STILL, TRACKS, barriers, line, walk

FAR = 1e6
FENCE = barriers(fence=line((0, -FAR), (0, FAR)))
# An hour between fixes: a variance of 1 / 3600 is a spread of 1 m.
METRE = 1 / 3600
MANY = BridgeRule(error_m=0, samples=4000, reach_sd=5)


def chance(
    begin: tuple[float, float],
    end: tuple[float, float],
    fence: Barriers,
    rule: BridgeRule = MANY,
) -> CrossingProbabilities:
    return crossing_probabilities(walk(begin, end), fence, variance_m2_s=METRE, rule=rule)


def agrees(found: CrossingProbabilities, expected: float) -> None:
    # The finest cuts near corners are taken for lines, which costs up to half a percent.
    assert len(found) == 1
    assert abs(found.p_crossing[0] - expected) < 4 * found.p_error[0] + 0.005


SETTINGS = list(
    itertools.product([0.3, 2.0], [-0.5, 0.7], [0.0, 0.1, 1.5], [0.0, 0.6], [0.05, 1.0, 9.0])
)


@pytest.mark.parametrize(("a", "b", "da", "db", "spread2"), SETTINGS)
def test_closed_form_is_what_simulation_finds(
    a: float, b: float, da: float, db: float, spread2: float
) -> None:
    dice = np.random.default_rng(5)
    begin, end = a + da * dice.normal(size=200_000), b + db * dice.normal(size=200_000)
    met = np.where(begin * end <= 0, 1.0, np.exp(-2 * np.maximum(begin * end, 0) / spread2))
    expected = straight_crossing_probability(
        a, b, variance_m2_s=spread2, duration_s=1, error_a_m=da, error_b_m=db
    )
    assert abs(met.mean() - expected) <= 4 * met.std() / np.sqrt(len(met)) + 1e-12


def test_reflection_holds_for_bridges_drawn_in_small_steps() -> None:
    # Independent of the exponential: 4000 walks in 2000 sub-steps miss crossings of a size of
    # half a sub-step, 0.583 of its spread (Broadie et al. 1997), which shifts the line.
    dice = np.random.default_rng(6)
    parts = np.arange(1, 2001) / 2000
    noise = np.cumsum(dice.normal(size=(4000, 2000)) / np.sqrt(2000), axis=1)
    path = 0.5 + parts * 0.1 + noise - parts * noise[:, -1:]
    share = (path < 0.583 / np.sqrt(2000)).any(axis=1).mean()
    expected = straight_crossing_probability(0.5, 0.6, variance_m2_s=1, duration_s=1)
    assert share == pytest.approx(float(expected), abs=4 * np.sqrt(0.25 / 4000))


def test_limits_of_the_closed_form() -> None:
    def p(a: float, b: float, s2: float, seconds: float, error: float = 0.0) -> float:
        known = {"error_a_m": error, "error_b_m": error}
        return float(
            straight_crossing_probability(a, b, variance_m2_s=s2, duration_s=seconds, **known)
        )

    assert p(5, 5, 1, 0) == 0
    assert p(5, 5, 0, 60) == 0
    assert p(5, -5, 0, 60) == 1
    assert p(0, 5, 1, 60) == 1
    assert p(0, 5, 0, 60) == 0  # on the line counts as left of it
    assert p(0, -5, 0, 60) == 1
    assert p(5, 5, 1e300, 1e8) == 1
    assert p(1e8, 1e8, 1, 1) == 0
    assert p(5, 7, 1, 60, error=1e-9) == pytest.approx(p(5, 7, 1, 60))
    assert p(0, 0, 1e-12, 1, error=5) == pytest.approx(0.5)
    assert p(30, 30, 1e-9, 1, error=1) == pytest.approx(0, abs=1e-18)
    assert p(1e6, 1e6, 1e9, 2, error=1e-3) == pytest.approx(np.exp(-1e3))


def test_closed_form_says_nothing_about_what_is_missing() -> None:
    found = straight_crossing_probability(
        [np.nan, 1, 1, 1], 1, variance_m2_s=[1, -1, 1, 1], duration_s=1,
        error_a_m=[0, 0, -1, np.nan])  # fmt: skip
    assert np.isnan(found).all()


def test_closed_form_keeps_its_shape() -> None:
    grid = straight_crossing_probability(
        np.ones((3, 1)), np.ones(4), variance_m2_s=1, duration_s=1, error_b_m=1
    )
    assert grid.shape == (3, 4)
    assert straight_crossing_probability(1, 1, variance_m2_s=1, duration_s=1).shape == ()


@pytest.mark.parametrize(
    ("a", "v", "s2", "h", "expected"),
    [
        # Without drift: 2 Phi(-a / sd).
        (100, 0, 100, 100, 2 * 0.15865525393145707),
        # Certain in the end with drift towards it, exp(2 v a / s2) without.
        (100, 0.1, 100, 1e9, 1),
        (100, -0.1, 100, 1e9, np.exp(-0.2)),
        # exp(2 v a / s2) = exp(2000) overflows. At the mean the normal tail beyond z = 63 is
        # phi(z) / z: 0.5 + 1 / (z sqrt(2 pi)).
        (1000, 1, 1, 1000, 0.5 + 1 / np.sqrt(4000 * 2 * np.pi)),
        (100, 1, 0, 99, 0),
        (100, 1, 0, 101, 1),
        (0, -1, 4, 10, 1),
        (5, 1, 4, 0, 0),
        (5, np.nan, 4, 0, np.nan),
        (5, 1, -4, 1, np.nan),
    ],
)
def test_first_passage_is_that_of_the_inverse_gaussian(
    a: float, v: float, s2: float, h: float, expected: float
) -> None:
    found = first_passage_probability(a, v, s2, h)
    assert found == pytest.approx(expected, rel=3e-4, nan_ok=True)


def test_first_passage_agrees_with_a_statistics_library() -> None:
    a, v, s2, h = 50.0, 0.2, 3.0, np.array([50.0, 150.0, 250.0, 600.0])
    # mean a / v, shape a^2 / s2, in the library's scaling.
    theirs = invgauss.cdf(h, mu=(a / v) / (a**2 / s2), scale=a**2 / s2)
    assert first_passage_probability(a, v, s2, h) == pytest.approx(theirs, rel=1e-9)


def test_long_straight_fence_is_computed() -> None:
    found = chance((0.6, 0), (0.5, 1), FENCE)
    assert found.is_straight.all()
    assert found.p_crossing[0] == pytest.approx(np.exp(-0.6))
    assert found.p_error[0] == found.p_net[0] == found.net[0] == 0


@pytest.mark.parametrize("error_m", [0.0, 0.4])
def test_drawn_bridges_agree_with_the_closed_form(error_m: float) -> None:
    rule = BridgeRule(error_m=error_m, samples=4000, reach_sd=5)
    # A bend of 3 degrees, far from where it matters but in reach, forbids the closed form.
    bent = barriers(fence=line((0, -50), (0, 1.9), (-2.5, 50)))
    found = chance((0.6, 0), (0.5, -1), bent, rule)
    expected = straight_crossing_probability(
        0.6, 0.5, variance_m2_s=1, duration_s=1, error_a_m=error_m, error_b_m=error_m
    )
    assert not found.is_straight.any()
    agrees(found, float(expected))


def half_line(begin: complex, end: complex) -> float:
    """Meeting a half-line from 0 along x, in variance 1 (Sommerfeld's wedge of a full turn)."""
    r, s = abs(begin), abs(end)
    one, other = (np.angle(place) % (2 * np.pi) for place in (begin, end))
    image2 = r * r + s * s - 2 * r * s * np.cos(one + other)
    near = 1 + erf(np.sqrt(2 * r * s) * np.cos((one - other) / 2))
    far = 1 + erf(np.sqrt(2 * r * s) * np.cos((one + other) / 2))
    return float(1 - 0.5 * (near - np.exp(-(image2 - abs(begin - end) ** 2) / 2) * far))


@pytest.mark.parametrize(
    ("begin", "end"),
    [(0.3 + 0.4j, 0.3 + 0.6j), (-0.2 + 0.3j, 0.4 - 0.3j), (-0.7 + 0.1j, -0.6 - 0.2j),
     (0.5 + 0.3j, 0.5 - 0.3j)],
)  # fmt: skip
def test_end_of_a_fence_can_be_passed(begin: complex, end: complex) -> None:
    fence = barriers(fence=line((0, 0), (FAR, 0)))
    found = chance((begin.real, begin.imag), (end.real, end.imag), fence)
    agrees(found, half_line(begin, end))


def between_walls(a: float, b: float, width: float) -> float:
    """Not meeting either of two walls at 0 and ``width``, in variance 1."""
    images = np.arange(-20, 21) * 2 * width
    same, mirrored = (np.exp(-((images + one * b - a) ** 2) / 2) for one in (1, -1))
    return float((same - mirrored).sum() / np.exp(-((b - a) ** 2) / 2))


def test_u_shaped_fence_is_met_on_three_sides() -> None:
    fence = barriers(u=line((0, FAR), (0, 0), (1.5, 0), (1.5, FAR)))
    found = chance((0.6, 0.7), (0.8, 0.5), fence)
    open_side = 1 - np.exp(-2 * 0.7 * 0.5)
    agrees(found, 1 - between_walls(0.6, 0.8, 1.5) * open_side)
    assert found.p_net[0] < found.p_crossing[0]


def test_animal_in_a_closed_fence_may_leave_but_is_back() -> None:
    park = barriers(park=shapely.box(0, 0, 1.5, 2))
    found = chance((0.6, 0.7), (0.8, 1.2), park)
    agrees(found, 1 - between_walls(0.6, 0.8, 1.5) * between_walls(0.7, 1.2, 2))
    assert found.p_net[0] == found.net[0] == 0
    out = chance((0.6, 0.7), (3, 0.7), park)
    assert out.p_crossing[0] == out.p_net[0] == 1


def test_straight_step_over_a_u_shaped_fence_is_no_net_crossing() -> None:
    u = barriers(u=line((0, 9), (0, -9), (0.4, -9), (0.4, 9)))
    found = chance((-1, 0), (1.4, 0), u)
    assert found.p_crossing[0] == 1
    assert found.count[0] >= 2
    assert found.p_net[0] < 0.01


def test_uncertain_fixes_make_a_crossing_uncertain() -> None:
    rule = BridgeRule(error_m=10)
    found = crossing_probabilities(walk((5, 0), (-5, 0)), FENCE, variance_m2_s=0, rule=rule)
    # Both on their side, or both wrong: Phi(1/2)^2 + Phi(-1/2)^2.
    assert found.p_net[0] == pytest.approx(0.6914625**2 + 0.3085375**2)
    # From right to left where both are right: 0.69^2, the other way 0.31^2.
    assert found.net[0] == pytest.approx(-(0.6914625**2 - 0.3085375**2))


def test_direction_is_that_of_crossings() -> None:
    rule = BridgeRule(error_m=0)
    for way in (1, -1):
        tracks = walk((-way, 0), (way, 0))
        found = crossing_probabilities(tracks, FENCE, variance_m2_s=METRE, rule=rule)
        assert found.net[0] == way


def test_time_of_the_first_crossing_is_inverse_gaussian() -> None:
    rule = BridgeRule(error_m=0, samples=20_000)
    found = chance((0.5, 0), (0.8, 0), FENCE, rule)
    # u = w / (1 - w) has mean a / b and shape a^2 in variance 1.
    scaled = invgauss.ppf([0.05, 0.5, 0.95], mu=(0.5 / 0.8) / 0.25, scale=0.25)
    part = found.t_ms[0] / 3_600_000
    assert part == pytest.approx(scaled / (1 + scaled), abs=0.015)


def test_place_of_the_first_crossing_is_opposite_a_still_animal() -> None:
    rule = BridgeRule(error_m=0, samples=20_000)
    fence = barriers(fence=line((7, -100), (7, 100)))
    found = chance((8, 20), (8, 20), fence, rule)
    low, middle, high = found.along_m[0] - 120
    assert middle == pytest.approx(0, abs=0.03)
    assert low == pytest.approx(-high, abs=0.06)
    assert found.x[0] == pytest.approx(7)
    assert found.y[0] == pytest.approx(20 + middle)


def test_drawn_and_computed_fences_agree_on_time_and_place() -> None:
    rule = BridgeRule(error_m=0.2, samples=10_000)
    bent = barriers(fence=line((0, -100), (0, 2), (-6, 100)))
    straight = barriers(fence=line((0, -100), (0, 100)))
    one, other = (chance((0.6, 0), (0.5, -1), fence, rule) for fence in (bent, straight))
    assert one.is_straight[0] != other.is_straight[0]
    assert one.t_ms[0] / 3.6e6 == pytest.approx(other.t_ms[0] / 3.6e6, abs=0.02)
    assert one.along_m[0] == pytest.approx(other.along_m[0], abs=0.06)


def test_places_on_a_ring_are_not_split_where_its_drawing_began() -> None:
    park = barriers(park=shapely.Polygon([(0, 0), (9, 0), (9, 9), (-9, 9), (-9, 0)]))
    found = chance((0, 0.5), (0, 0.5), park)
    low, middle, high = found.along_m[0]
    assert abs(middle) < 0.1
    assert low < 0 < high
    assert (found.x[0], found.y[0]) == pytest.approx((middle, 0))


def test_more_looks_show_more_crossings_of_the_same_probability() -> None:
    rare, dense = (
        chance((0.1, 0), (0.1, 0), FENCE, BridgeRule(error_m=0, look_s=look)) for look in (3600, 60)
    )
    assert rare.p_crossing == dense.p_crossing
    assert rare.count[0] == 0
    assert dense.count[0] > 2


def test_animal_on_the_line_that_does_not_stray_has_crossed_nothing() -> None:
    tracks = walk((-5, 0), (0, 0), (-5, 3))
    found = crossing_probabilities(tracks, FENCE, variance_m2_s=0, rule=BridgeRule(error_m=0))
    assert found.p_crossing.tolist() == [0.0, 0.0]
    assert (found.t_ms == NO_TIME).all()
    assert np.isnan(found.along_m).all()


def test_rows_end_where_the_rule_says() -> None:
    near, far = ((reach, 0.0) for reach in (1.4, 1.6))  # 3 sd of a middle spread of 0.5
    rule = BridgeRule(error_m=0)
    assert len(chance(near, near, FENCE, rule)) == 1
    assert len(chance(far, far, FENCE, rule)) == 0


def test_no_bridge_over_a_gap_or_without_a_variance() -> None:
    tracks = walk((-1, 0), (1, 0), hours=[0, 13])
    assert len(crossing_probabilities(tracks, FENCE, variance_m2_s=1)) == 0
    tracks = walk((-1, 0), (1, 0))
    assert len(crossing_probabilities(tracks, FENCE)) == 0


def test_variance_is_estimated_if_it_is_not_given() -> None:
    tracks = walk((-9, 0), (3, 40), (-6, 0), (4, 9))
    found = crossing_probabilities(tracks, FENCE)
    assert found.first.tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", sorted(TRACKS))
@pytest.mark.parametrize("fence", sorted(BARRIERS))
def test_awkward_tracks_beside_awkward_barriers_are_borne(name: str, fence: str) -> None:
    rule = BridgeRule(samples=20, error_m=3)
    features = barriers(**cast("dict[str, BaseGeometry]", BARRIERS[fence]))
    try:
        found = crossing_probabilities(TRACKS[name], features, rule=rule)
    except AnalysisError:
        return
    assert ((found.p_crossing >= 0) & (found.p_crossing <= 1)).all()
    assert (np.abs(found.net) <= found.p_net + found.count + 1e-12).all()


def test_feature_without_length_is_never_crossed() -> None:
    post = barriers(post=line((5, 5), (5, 5)))
    assert len(crossing_probabilities(STILL, post, variance_m2_s=1)) == 0


def test_barriers_of_another_projection_are_refused() -> None:
    fence = Barriers.from_geometries(["f"], [line((0, 0), (1, 1))], crs="EPSG:32612")
    track = Tracks.from_arrays(["a"], track=[0], t_ms=[0], x=[0], y=[0], crs="EPSG:5070")
    with pytest.raises(NotProjected):
        crossing_probabilities(track, fence)
