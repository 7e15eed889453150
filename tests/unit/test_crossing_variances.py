"""Crossing probabilities with a motion variance for each step."""

import numpy as np
import pytest

from ecoduct_analysis.bridges import BridgeRule
from ecoduct_analysis.crossing_probability import crossing_probabilities
from ecoduct_analysis.errors import BadRule
from gallery import STILL, barriers, line, walk

FAR = 1e6
FENCE = barriers(fence=line((0, -FAR), (0, FAR)))
# An hour between fixes: a variance of 1 / 3600 is a spread of 1 m.
METRE = 1 / 3600


def test_each_step_may_have_its_own_variance() -> None:
    # Two steps 1 m beside the fence: exp(-2 / spread2) with spreads of 1 and of 2 m.
    track = walk((1, 0), (1, 5), (1, 10))
    found = crossing_probabilities(
        track, FENCE, variance_m2_s=[METRE, 4 * METRE], rule=BridgeRule(error_m=0)
    )
    assert found.p_crossing == pytest.approx(np.exp([-2, -0.5]))


def test_step_of_unknown_variance_gives_no_row() -> None:
    track = walk((1, 0), (1, 5), (1, 10))
    rule = BridgeRule(error_m=0)
    found = crossing_probabilities(track, FENCE, variance_m2_s=[np.nan, METRE], rule=rule)
    assert found.first.tolist() == [1]


def test_one_variance_for_all_steps_gives_the_rows_of_one_for_the_track() -> None:
    track = walk((1, 0), (1, 5), (-1, 10), (2, 3))
    found = [
        crossing_probabilities(track, FENCE, variance_m2_s=variance)
        for variance in (METRE, [METRE], [METRE] * 3)
    ]
    for other in found[1:]:
        assert other.p_crossing.tolist() == found[0].p_crossing.tolist()
        assert other.t_ms.tolist() == found[0].t_ms.tolist()


@pytest.mark.parametrize("variance", [-1.0, np.inf, [1.0, 1.0], [1.0] * 28 + [-1.0]])
def test_variances_that_cannot_be_are_refused(variance: float | list[float]) -> None:
    with pytest.raises(BadRule):
        crossing_probabilities(STILL, FENCE, variance_m2_s=variance)
