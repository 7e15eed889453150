import math
import random
from dataclasses import replace

import pytest

from ecoduct_sim.collar import Collar, Fix, Memory, distance_m, movement
from ecoduct_sim.radio import Radio, Receiver
from ecoduct_sim.stations import plan

HOUR_MS = 3_600_000


def test_an_animal_that_lies_still_for_four_hours_is_reported_dead() -> None:
    collar = Collar("A01", random.Random(1))
    said = [
        collar.take_fix(at_ms=hour * HOUR_MS, lon=107.0, lat=44.0).mortality for hour in range(6)
    ]
    assert said == [False, False, False, False, True, True]
    moved = collar.take_fix(at_ms=6 * HOUR_MS, lon=107.01, lat=44.0)
    assert not moved.mortality


def test_the_gps_error_is_as_large_as_the_collar_says() -> None:
    collar = Collar("A01", random.Random(1), gps_error_m=10.0)
    squares = []
    for number in range(2_000):
        fix = collar.take_fix(at_ms=number * HOUR_MS, lon=107.0, lat=44.0)
        off_m = distance_m((107.0, 44.0), (fix.lon_e7 / 1e7, fix.lat_e7 / 1e7))
        squares.append((off_m * 1000 / fix.h_acc_mm) ** 2)
    assert math.sqrt(sum(squares) / len(squares)) == pytest.approx(1.0, abs=0.05)


def test_the_battery_runs_down_and_the_afternoon_is_warm() -> None:
    collar = Collar("A01", random.Random(1))
    fixes = [
        collar.take_fix(at_ms=number * HOUR_MS, lon=0.0, lat=44.0) for number in range(24 * 400)
    ]
    assert fixes[-1].battery_mv < fixes[0].battery_mv - 100
    assert fixes[15].temperature_cc > fixes[3].temperature_cc + 1_500


def test_heading_is_clockwise_from_north_and_zero_at_rest() -> None:
    speed_m_s, heading_deg = movement((0, 0.0, 0.0), (1_000, 0.001, 0.0))
    assert heading_deg == pytest.approx(90.0)
    assert speed_m_s == pytest.approx(111.195)
    assert movement((0, 1.0, 1.0), (1_000, 1.0, 1.0)) == (0.0, 0.0)
    assert movement((5, 1.0, 1.0), (5, 2.0, 1.0)) == (0.0, 0.0)
    assert movement((0, 179.9999, 0.0), (1_000, -179.9999, 0.0))[1] == pytest.approx(90.0)


def test_a_collar_keeps_fixes_until_it_has_a_batch() -> None:
    one = Fix("a", 0, 0, 0)
    two, three = replace(one, fixed_at_ms=1_000), replace(one, fixed_at_ms=2_000)
    memory = Memory(2)
    assert [memory.keep(one), memory.keep(two), memory.keep(three)] == [[], [one, two], []]
    assert memory.empty() == [three]
    assert memory.empty() == []


def test_the_nearest_receiver_always_hears_and_a_near_second_too() -> None:
    near, far = Receiver("lora-1", 107.0, 44.0), Receiver("lora-2", 107.05, 44.0)
    lost = Receiver("lora-3", 120.0, 44.0)
    radio = Radio([lost, far, near], rng=random.Random(1))
    heard = [radio.transmit(lon=107.01, lat=44.0) for _ in range(200)]
    assert all(ports[0][0] == "lora-1" for ports in heard)
    assert sum(len(ports) == 2 for ports in heard) > 180
    alone = radio.transmit(lon=-100.0, lat=0.0)
    assert len(alone) == 1


def test_mixed_gives_half_the_animals_cables_and_every_hut_a_modem() -> None:
    found = plan(["a", "b", "c", "d"], form="mixed", receivers=2)
    assert [(port.name, port.gateway, port.form, port.device) for port in found.ports] == [
        ("collar-a", "hut-1", "ubx", "a"),
        ("collar-c", "hut-2", "nmea", "c"),
        ("lora-1", "hut-1", "reyax", None),
        ("lora-2", "hut-2", "rak", None),
    ]
    assert {animal: link.device for animal, link in found.links.items()} == {
        "a": "a",
        "b": "collar:2",
        "c": "c",
        "d": "collar:4",
    }


def test_names_that_clash_when_cleaned_stay_apart() -> None:
    found = plan(["x/1", "x 1", "…"], form="ubx", receivers=1)
    assert [port.device for port in found.ports] == ["x-1", "x-1-2", "collar"]
