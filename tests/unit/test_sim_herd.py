from itertools import islice, pairwise
from pathlib import Path

import pytest

from ecoduct_sim.errors import ScenarioError
from ecoduct_sim.herd import DAY_MS, Crossing, Event, Herd, Position, Stay
from ecoduct_sim.landscape import load
from ecoduct_sim.plane import crossing_of
from ecoduct_sim.projection import from_lon_lat

HOUR_MS = 3_600_000


def walk(*, days: float, seed: int = 1, animals: int = 12) -> list[Event]:
    herd = Herd(load("steppe"), animals=animals, seed=seed, start_ms=0, interval_ms=600_000)
    return list(herd.events(until_ms=days * DAY_MS))


def test_the_same_seed_walks_the_same_paths() -> None:
    assert walk(days=0.25, seed=3) == walk(days=0.25, seed=3)
    assert walk(days=0.25, seed=3) != walk(days=0.25, seed=4)


def test_one_more_animal_does_not_change_the_others() -> None:
    eleven = [event for event in walk(days=0.1, animals=12) if event.animal != "A12"]
    assert [event for event in walk(days=0.1, animals=11) if isinstance(event, Crossing)] == [
        event for event in eleven if isinstance(event, Crossing)
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_barrier_is_crossed_within_two_hours_and_a_few_times_a_day_after(seed: int) -> None:
    crossings = [event for event in walk(days=3, seed=seed) if isinstance(event, Crossing)]
    assert crossings[0].at_ms < 2 * HOUR_MS
    assert 3 <= len(crossings) <= 18


def test_every_animal_takes_a_fix_in_every_interval() -> None:
    times: dict[str, list[int]] = {}
    for event in walk(days=0.2):
        if isinstance(event, Position):
            times.setdefault(event.animal, []).append(event.at_ms)
    assert len(times) == 12
    for animal, at in times.items():
        assert {b - a for a, b in pairwise(at)} == {600_000}, animal


def test_the_positions_show_the_crossings_that_the_truth_tells() -> None:
    land = load("steppe")
    events = walk(days=2, seed=2)
    rail = next(barrier for barrier in land.barriers if barrier.id == "rail-1")
    told = [event for event in events if isinstance(event, Crossing) and event.barrier == "rail-1"]
    seen = []
    last: dict[str, Position] = {}
    for event in events:
        if isinstance(event, Position):
            before = last.get(event.animal)
            last[event.animal] = event
            if before:
                a, b = (from_lon_lat(one.lon, one.lat, epsg=land.epsg) for one in (before, event))
                if crossing_of(a, b, rail.line):
                    seen.append((event.animal, before.at_ms, event.at_ms))
    assert told
    assert [animal for animal, _, _ in seen] == [event.animal for event in told]
    for event, (_, after_ms, until_ms) in zip(told, seen, strict=True):
        assert after_ms <= event.at_ms <= until_ms


def test_animals_stay_for_hours() -> None:
    stays = [event for event in walk(days=3) if isinstance(event, Stay)]
    long_ones = [stay for stay in stays if stay.ends_at_ms - stay.starts_at_ms > 10 * HOUR_MS]
    assert len(long_ones) > 3


def test_two_hundred_animals_walk() -> None:
    herd = Herd(load("steppe"), animals=200, seed=1, start_ms=0, interval_ms=600_000)
    positions = [event for event in islice(herd.events(), 2_000) if isinstance(event, Position)]
    assert {event.animal for event in positions} == set(herd.animals)
    assert herd.animals[-1] == "A200"


def test_the_landscape_is_closed_polygons_and_lines_near_the_railway() -> None:
    features = load("steppe").geojson()["features"]
    kinds = [feature["properties"]["kind"] for feature in features]
    assert (kinds.count("barrier"), kinds.count("corridor"), kinds.count("place")) == (3, 1, 5)
    for feature in features:
        positions = feature["geometry"]["coordinates"]
        if feature["geometry"]["type"] == "Polygon":
            (positions,) = positions
            assert positions[0] == positions[-1]
        assert all(106 < lon < 108 and 43 < lat < 45 for lon, lat in positions)
    assert len({feature["id"] for feature in features}) == len(features)


@pytest.mark.parametrize(
    ("wrong", "right", "complaint"),
    [
        ('barrier = "wall-9"', 'barrier = "rail-1"', "wall-9"),
        ('first_to = "nowhere"', 'first_to = "east-valley"', "nowhere"),
        ("corridor_habits", "corridor_habit", "corridor_habit"),
        ("[[place", "[[place]]", "not a scenario"),
    ],
)
def test_a_scenario_that_does_not_fit_together_is_refused(
    tmp_path: Path, wrong: str, right: str, complaint: str
) -> None:
    source = Path(load.__code__.co_filename).parent / "scenarios" / "steppe.toml"
    path = tmp_path / "mine.toml"
    path.write_text(source.read_text("utf-8").replace(right, wrong), "utf-8")
    with pytest.raises(ScenarioError, match=complaint):
        load(str(path))


def test_a_scenario_that_is_not_there_is_refused() -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        load("tundra")
