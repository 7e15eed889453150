from collections.abc import Callable

import numpy as np
import pytest
import shapely

from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.errors import AnalysisError, BadRule
from ecoduct_analysis.nulls import NullRule, observed_against_expected
from ecoduct_analysis.tracks import FloatArray, Tracks
from gallery import HOUR_MS, TRACKS, barriers, line, walk

FENCE = barriers(fence=line((50, -9000), (50, 9000)))
WIDE = (-9000.0, -9000.0, 9000.0, 9000.0)
CASES, STEPS = 1000, 24
# 1,000 cases at 0.05: 50 expected, standard deviation 6.9.
LEAST, MOST = 36, 64
BENDS = barriers(
    road=line((150, -9000), (150, 9000)), bend=line((-100, -9000), (-100, 200), (-9000, 300))
)


def herd(x: FloatArray, y: FloatArray, *, hours: FloatArray | None = None) -> Tracks:
    """One animal for each row."""
    animals, fixes = x.shape
    at = np.arange(fixes, dtype=float) if hours is None else hours
    return Tracks.from_arrays(
        [f"animal {n}" for n in range(animals)],
        track=np.repeat(np.arange(animals), fixes),
        t_ms=np.tile(np.rint(at * HOUR_MS).astype(int), animals),
        x=x.ravel(),
        y=y.ravel(),
    )


def walks(dice: np.random.Generator, *, heading: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Correlated random walks from 0, 0: independent lengths and turns."""
    shape = (CASES, STEPS)
    turns = dice.vonmises(0.0, 1.5, shape)
    turns[:, 0] = heading
    lengths, way = 100.0 * dice.weibull(1.3, shape), np.cumsum(turns, axis=1)
    x, y = (np.cumsum(lengths * part(way), axis=1) for part in (np.cos, np.sin))
    return (np.hstack((np.zeros((CASES, 1)), part)) for part in (x, y))  # type: ignore[return-value]


def about_its_start(dice: np.random.Generator) -> tuple[Tracks, Barriers]:
    """An animal set free at one place heads anywhere; barriers may lie anyhow."""
    x, y = walks(dice, heading=dice.uniform(0, 2 * np.pi, CASES))
    return herd(x, y), BENDS


def about_its_centroid(dice: np.random.Generator) -> tuple[Tracks, Barriers]:
    """A home range lies where it lies, and the track in it is turned anyhow."""
    x, y = walks(dice, heading=dice.uniform(0, 2 * np.pi, CASES))
    return herd(x - x.mean(axis=1)[:, None], y - y.mean(axis=1)[:, None]), BENDS


def anywhere(dice: np.random.Generator) -> tuple[Tracks, Barriers]:
    """Where a track begins in the area is as likely as any other place; all tracks head east."""
    x, y = walks(dice, heading=np.zeros(CASES))
    start = dice.uniform(-9000, 9000, (2, CASES, 1))
    # Reflected at the edges of the area, as the animals' world is.
    x, y = (9000 - np.abs(np.mod(c + 9000, 36_000) - 18_000) for c in (x + start[0], y + start[1]))
    lines = [line((n, -9000), (n, 9000 - abs(n))) for n in range(-8800, 9000, 400)]
    return herd(x, y), Barriers.from_geometries([str(n) for n in range(len(lines))], lines)


def own_steps_in_any_order(dice: np.random.Generator) -> tuple[Tracks, Barriers]:
    """Lengths and turns are independent of place; start and first heading are the same for all."""
    x, y = walks(dice, heading=np.zeros(CASES))
    return herd(x, y), barriers(
        near=line((300, -9000), (300, 9000)), far=line((700, -9000), (700, 9000))
    )


def any_hour(dice: np.random.Generator) -> tuple[Tracks, Barriers]:
    """Which side an animal is on is tossed anew at each fix: no hour is like another."""
    side = dice.choice([0.0, 100.0], (CASES, STEPS + 1))
    return herd(side, np.zeros_like(side)), FENCE


WORLDS: dict[str, Callable[[np.random.Generator], tuple[Tracks, Barriers]]] = {
    "rotate about start": about_its_start,
    "rotate about centroid": about_its_centroid,
    "shift": anywhere,
    "shuffle": own_steps_in_any_order,
    "time": any_hour,
}
NULLS = list(WORLDS)
FROM_MS, UNTIL_MS = [6 * HOUR_MS], [14 * HOUR_MS]


def significant(null: str, ties: str, *, known: Barriers | None = None) -> tuple[int, int, int]:
    """How many of 1,000 cases without an effect have p up to 0.05: fewer, more, two-sided."""
    tracks, usual = WORLDS[null](np.random.default_rng(7))
    kind, _, pivot = null.partition(" about ")
    in_time = null == "time"
    found = observed_against_expected(
        tracks,
        known or usual,
        NullRule(null=kind, pivot=pivot or "start", draws=99, ties=ties),  # type: ignore[arg-type]
        seed=7,
        area=WIDE,
        active_from_ms=FROM_MS if in_time else None,
        active_until_ms=UNTIL_MS if in_time else None,
    ).animals
    assert found.observed.sum() > CASES
    return (
        int((found.p_fewer <= 0.05).sum()),
        int((found.p_more <= 0.05).sum()),
        int((found.p_two_sided <= 0.05).sum()),
    )


@pytest.mark.parametrize("null", NULLS)
def test_null_keeps_its_size_where_there_is_no_effect(null: str) -> None:
    assert all(LEAST <= count <= MOST for count in significant(null, "random"))


@pytest.mark.parametrize("null", NULLS)
def test_plain_p_never_says_too_much(null: str) -> None:
    assert max(significant(null, "plain")) <= MOST


def test_plain_p_reaches_its_size_where_crossings_are_many() -> None:
    at = np.sort(np.random.default_rng(8).uniform(-9000, 9000, 900))
    lines = [line((n, -9000), (n, 9000)) for n in at]
    many = Barriers.from_geometries([str(n) for n in at], lines)
    # Two-sided p is twice a whole number of hundredths: 0.05 itself cannot be reached.
    fewer, more, _ = significant("shuffle", "plain", known=many)
    assert LEAST <= fewer <= MOST
    assert LEAST <= more <= MOST


@pytest.mark.parametrize("null", ["rotate", "shift", "shuffle"])
@pytest.mark.parametrize("tracks", TRACKS.values(), ids=TRACKS)
def test_awkward_tracks_bear_it(tracks: Tracks, null: str) -> None:
    rule = NullRule(null=null, draws=19, interval_tolerance=0.9)  # type: ignore[arg-type]
    assert len(observed_against_expected(tracks, FENCE, rule, seed=1)) == len(tracks.names)


@pytest.mark.parametrize("tracks", TRACKS.values(), ids=TRACKS)
def test_awkward_tracks_bear_dated_barriers(tracks: Tracks) -> None:
    rule = NullRule(null="time", draws=19, interval_tolerance=0.9)
    observed_against_expected(
        tracks, FENCE, rule, seed=1, active_from_ms=FROM_MS, active_until_ms=UNTIL_MS
    )


def test_animal_that_shuns_a_fence_crosses_less_than_expected() -> None:
    dice = np.random.default_rng(2)
    x, y = np.cumsum(dice.normal(0, 100, (2, 1, 300)), axis=2)
    x, y = (300 - np.abs(np.mod(part + 300, 1200) - 600) for part in (x, y))
    pen = barriers(pen=shapely.box(-300.5, -300.5, 300.5, 300.5))
    found = observed_against_expected(herd(x, y), pen, NullRule(null="shuffle"), seed=1, area=WIDE)
    assert found.together.observed[0] == 0
    assert found.together.expected[0] > 1
    assert found.together.ratio[0] == 0
    assert found.together.p_fewer[0] < 0.05


def test_few_crossings_of_each_animal_add_up() -> None:
    dice = np.random.default_rng(3)
    x, y = np.cumsum(dice.normal(0, 100, (2, 12, 40)), axis=2)
    shy = herd(50.0 - np.abs(x - 50.0), y)
    found = observed_against_expected(shy, FENCE, NullRule(null="shuffle"), seed=1, area=WIDE)
    assert found.together.p_fewer[0] < found.animals.p_fewer.min()
    assert found.together.expected[0] == pytest.approx(found.animals.expected.sum())


def test_animal_that_crosses_only_while_the_barrier_is_gone_is_found() -> None:
    side = np.array([[0.0, 100.0] * 20 + [0.0] * 40])
    found = observed_against_expected(
        herd(side, np.zeros_like(side)),
        FENCE,
        NullRule(null="time"),
        seed=1,
        active_from_ms=[40 * HOUR_MS],
        active_until_ms=[70 * HOUR_MS],
    )
    assert found.animals.observed[0] == 0
    # 39 crossings, one in each hour, and a barrier that stands for 30 of 79 hours.
    assert found.animals.expected[0] == pytest.approx(39 * 30 / 79, rel=0.1)


def test_expectation_counts_long_steps_by_their_length() -> None:
    # Fences 100 m apart, all over the area: a shifted step of length L, headed across them,
    # meets L / 100 on average, but for the few that the edges fold.
    lines = [line((n, -9000), (n, 9000)) for n in range(-8950, 9000, 100)]
    fences = Barriers.from_geometries([str(n) for n in range(len(lines))], lines)
    long_and_short = walk((0, 0), (10, 0), (210, 0))
    rule = NullRule(null="shift", draws=1999)
    found = observed_against_expected(long_and_short, fences, rule, seed=1, area=WIDE)
    assert found.animals.expected[0] == pytest.approx(2.1, rel=0.02)


def test_gap_is_neither_counted_nor_joined() -> None:
    over_a_gap = walk((0, 0), (10, 0), (20, 0), (90, 0), (100, 0), hours=[0, 1, 2, 30, 31])
    found = observed_against_expected(over_a_gap, FENCE, NullRule(), seed=1)
    assert (found.animals.n_steps.tolist(), found.animals.observed.tolist()) == ([3], [0])


def test_ties_count_against_the_finding_unless_told_otherwise() -> None:
    far = barriers(fence=line((5000, -10), (5000, 10)))
    still = walk((0, 0), (1, 0), (2, 0))
    fewer = {
        ties: observed_against_expected(
            still,
            far,
            NullRule(ties=ties),
            seed=1,
            area=WIDE,
        ).animals.p_fewer[0]
        for ties in ("plain", "mid", "random")
    }
    assert (fewer["plain"], fewer["mid"]) == (1.0, 0.5)
    assert 0 < fewer["random"] < 1


def test_nothing_expected_gives_no_ratio() -> None:
    far = barriers(fence=line((5000, -10), (5000, 10)))
    found = observed_against_expected(walk((0, 0), (1, 0)), far, NullRule(), seed=1, area=WIDE)
    assert np.isnan(found.animals.ratio).all()


def mixed_intervals() -> Tracks:
    return Tracks.from_arrays(
        ["2 h", "4 h"], track=[0] * 9 + [1] * 5, x=np.arange(14), y=np.arange(14),
        t_ms=[*range(0, 18, 2), *range(0, 20, 4)],
    )  # fmt: skip


def test_animals_of_different_intervals_are_refused() -> None:
    with pytest.raises(AnalysisError, match="Coarser fixes see fewer crossings"):
        observed_against_expected(mixed_intervals(), FENCE, NullRule(), seed=1)


def test_animals_of_different_intervals_are_thinned_if_asked() -> None:
    rule = NullRule(thin_to_s=0.004)
    found = observed_against_expected(mixed_intervals(), FENCE, rule, seed=1)
    assert found.animals.n_steps.tolist() == [4, 4]


def test_fix_outside_the_area_is_refused() -> None:
    with pytest.raises(AnalysisError, match="outside the area"):
        observed_against_expected(
            walk((0, 0), (9, 9)), FENCE, NullRule(), seed=1, area=(0, 0, 5, 5)
        )


def test_dates_belong_to_the_null_of_time_alone() -> None:
    with pytest.raises(BadRule):
        observed_against_expected(walk((0, 0)), FENCE, NullRule(null="time"), seed=1)
    with pytest.raises(BadRule):
        observed_against_expected(
            walk((0, 0)),
            FENCE,
            NullRule(),
            seed=1,
            active_from_ms=FROM_MS,
            active_until_ms=UNTIL_MS,
        )


def test_null_track_stays_in_the_area() -> None:
    # No barrier is mapped beyond x = 0; a track at the edge must not be expected to be there.
    lines = [line((n, 0), (n, 4000)) for n in range(50, 4000, 100)]
    fences = Barriers.from_geometries([str(n) for n in range(len(lines))], lines)
    dice = np.random.default_rng(6)
    x, y = np.abs(np.cumsum(dice.normal(0, 60, (2, 8, 200)), axis=2))
    found = observed_against_expected(
        herd(x, y), fences, NullRule(), seed=1, area=(0, 0, 4000, 4000)
    )
    assert found.together.ratio[0] == pytest.approx(1.0, abs=0.1)


def test_rule_refuses_what_cannot_be() -> None:
    for wrong in ({"draws": 9}, {"null": "jump"}, {"ties": "up"}, {"shift_m": -1.0}):
        with pytest.raises(BadRule):
            NullRule(**wrong)


def test_polygon_counts_going_in_and_out() -> None:
    farm = barriers(farm=shapely.box(5, -5, 15, 5))
    found = observed_against_expected(walk((0, 0), (10, 0), (20, 0)), farm, NullRule(), seed=1)
    assert found.animals.observed.tolist() == [2]
