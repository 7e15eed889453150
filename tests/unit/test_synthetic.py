import numpy as np
import pytest

from ecoduct_analysis.columns import NO_TIME
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.synthetic import migrate

DAY_MS = 86_400_000


def test_the_same_seed_gives_the_same_herd() -> None:
    one, other = migrate(3, seed=7), migrate(3, seed=7)
    assert (one.tracks.x == other.tracks.x).all()
    assert (one.stay_begins_ms == other.stay_begins_ms).all()
    assert not np.array_equal(one.tracks.x, migrate(3, seed=8).tracks.x)


def test_at_a_planted_stop_over_the_animal_is_where_the_truth_says() -> None:
    herd = migrate(4, seed=2, error_m=10.0)
    for row, track in enumerate(herd.stay_track):
        run = slice(*herd.tracks.offsets[track : track + 2])
        inside = (herd.tracks.t_ms[run] >= herd.stay_begins_ms[row]) & (
            herd.tracks.t_ms[run] < herd.stay_ends_ms[row]
        )
        away = np.hypot(
            herd.tracks.x[run][inside] - herd.stay_x[row],
            herd.tracks.y[run][inside] - herd.stay_y[row],
        )
        assert inside.sum() >= 12
        assert np.median(away) < 150  # 60 m and 10 m along each axis: 72 m in the middle


def test_an_animal_is_far_from_winter_between_arrival_and_departure_only() -> None:
    herd = migrate(3, seed=4, residents=1)
    far = np.hypot(herd.tracks.x, herd.tracks.y) > 100_000
    for track in range(2):
        run = slice(*herd.tracks.offsets[track : track + 2])
        times = herd.tracks.t_ms[run][far[run]]
        assert times.min() > herd.leaves_ms[track, 0]
        assert times.max() < herd.arrives_ms[track, 1]
        assert (times < herd.leaves_ms[track, 1]).mean() > 0.95
    assert not far[herd.tracks.offsets[2] :].any()
    assert (herd.leaves_ms[2] == NO_TIME).all()


def test_missing_fixes_are_missing_and_the_rest_keeps_its_time() -> None:
    herd = migrate(2, seed=3, missing=0.2, interval_s=3600.0)
    assert 0.77 < len(herd.tracks) / (2 * 365 * 24) < 0.83
    assert (herd.tracks.t_ms % 3_600_000 <= 20_000).all()


def test_no_animal_gives_no_track() -> None:
    assert len(migrate(0)) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"residents": 3}, {"interval_s": 0.0}, {"missing": 1.0}, {"error_m": -1.0},
     {"distance_m": float("nan")}, {"stopovers": -1}, {"interval_s": float("nan")}],
)  # fmt: skip
def test_a_herd_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadRule):
        migrate(2, **wrong)  # type: ignore[arg-type]
