"""Brownian bridges: rules and draws, against what is known by hand."""

import numpy as np
import pytest

from ecoduct_analysis.bridges import BridgeRule, simulate_bridges
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.motion_variance import USUAL_GAP_S
from gallery import HOUR_MS


@pytest.mark.parametrize(
    "settings",
    [{"error_m": -1}, {"max_gap_s": 0}, {"reach_sd": 6}, {"reach_sd": 0}, {"samples": 0},
     {"look_s": 0}],
)  # fmt: skip
def test_rule_refuses_what_it_cannot_use(settings: dict[str, int]) -> None:
    with pytest.raises(BadRule):
        BridgeRule(**settings)


def test_bridges_spread_as_their_formula_says() -> None:
    parts = np.array([0.0, 0.25, 0.5, 1.0])
    drawn = simulate_bridges(
        [[0, 0], [100, 50]], [[40, 80], [0, 0]], duration_s=[100, 400], variance_m2_s=[2, 1],
        fractions=parts, samples=20_000, dice=np.random.default_rng(3),
        error_begin_m=5, error_end_m=[0, 3],
    )  # fmt: skip
    assert drawn.shape == (2, 20_000, 4, 2)
    spread2 = np.array([[200.0], [400.0]]) * parts * (1 - parts)
    spread2 += ((1 - parts) * 5) ** 2 + (parts * np.array([[0.0], [3.0]])) ** 2
    for axis in (0, 1):
        assert drawn[..., axis].var(axis=1) == pytest.approx(spread2, rel=0.05, abs=1e-9)
    means = drawn.mean(axis=1)
    assert means[0, :, 1] == pytest.approx(80 * parts, abs=0.5)
    assert means[1, :, 0] == pytest.approx(100 * (1 - parts), abs=0.5)


def test_draws_at_two_times_belong_to_one_bridge() -> None:
    drawn = simulate_bridges(
        [[0, 0]], [[0, 0]], duration_s=1, variance_m2_s=1, fractions=[0.25, 0.75],
        samples=50_000, dice=np.random.default_rng(4),
    )  # fmt: skip
    # Covariance of a bridge: s (1 - t).
    assert np.cov(drawn[0, :, 0, 0], drawn[0, :, 1, 0])[0, 1] == pytest.approx(1 / 16, abs=4e-3)


def test_same_dice_draw_the_same_bridges() -> None:
    first, second = (
        simulate_bridges(
            [[0, 0]], [[1, 1]], duration_s=9, variance_m2_s=1, fractions=[0.5], samples=3,
            dice=np.random.default_rng(9),
        )
        for _ in range(2)
    )  # fmt: skip
    assert (first == second).all()


@pytest.mark.parametrize("fractions", [[0.5, 0.4], [-0.1], [1.1]])
def test_fractions_must_rise_within_the_step(fractions: list[float]) -> None:
    with pytest.raises(BadRule):
        simulate_bridges(
            [[0, 0]], [[1, 1]], duration_s=9, variance_m2_s=1, fractions=fractions, samples=1,
            dice=np.random.default_rng(9),
        )  # fmt: skip


def test_gap_of_the_rule_is_that_of_stays() -> None:
    assert BridgeRule().max_gap_s == USUAL_GAP_S == 12 * HOUR_MS / 1000
