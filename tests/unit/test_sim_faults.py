import random
from collections import Counter
from typing import Any

import pytest

from ecoduct_sim.collar import Fix
from ecoduct_sim.errors import UsageError
from ecoduct_sim.faults import Faults, Rates, Unplug, parse
from ecoduct_sim.frames import Format, Frame, Heard, encode_cable, encode_lora


def fix(number: int) -> Fix:
    return Fix("a", 1_393_632_000_000 + number * 600_000, 1_070_000_000, 440_000_000)


def frame(number: int, form: Format) -> Frame:
    if form in ("ubx", "nmea"):
        return encode_cable(fix(number), form=form)
    return encode_lora([fix(number)], form=form, device_id=9, counter=number, heard=Heard(-99, 5))


def run(rates: Rates, *, frames: list[Frame], seed: int = 1) -> tuple[list[Any], list[Any]]:
    told: list[Any] = []
    faults = Faults(rates, rng=random.Random(seed), note=told.append)
    sent: list[Any] = [item for one in frames for item in faults.pass_on(one, port="p")]
    return sent + faults.release("p"), told


MANY = Rates(lost=0.1, doubled=0.1, reordered=0.1, torn=0.1, flipped=0.1, unplug=0.1)


@pytest.mark.parametrize("form", ["ubx", "nmea", "reyax", "rak"])
def test_the_truth_tells_every_difference_from_what_was_sent(form: Format) -> None:
    frames = [frame(number, form) for number in range(600)]
    sent, told = run(MANY, frames=frames)
    kinds = Counter(fault["kind"] for fault in told)
    assert set(kinds) == {"lost", "doubled", "reordered", "torn", "flipped", "unplug"}
    whole = Counter(item.data for item in sent if not isinstance(item, Unplug))
    untouched = sum(whole[one.data] for one in frames)
    spoilt = kinds["lost"] + kinds["torn"] + kinds["flipped"] + kinds["unplug"]
    assert untouched == 600 - spoilt + kinds["doubled"]
    assert sum(isinstance(item, Unplug) for item in sent) == kinds["unplug"]
    assert len(sent) == 600 - kinds["lost"] + kinds["doubled"]


def test_a_torn_and_a_flipped_frame_are_as_told() -> None:
    frames = [frame(number, "reyax") for number in range(100)]
    sent, told = run(Rates(torn=0.5, flipped=0.5), frames=frames)
    for whole, item, fault in zip(frames, sent, told, strict=True):
        at_byte = fault["at_byte"]
        assert whole.first <= at_byte < whole.last
        if fault["kind"] == "torn":
            assert item.data == whole.data[:at_byte]
        else:
            wrong = [
                n
                for n, pair in enumerate(zip(whole.data, item.data, strict=True))
                if pair[0] != pair[1]
            ]
            assert wrong == [at_byte]
            assert whole.data[at_byte] ^ item.data[at_byte] == 1 << fault["bit"]


def test_a_reordered_frame_comes_after_the_next() -> None:
    first, second = frame(1, "ubx"), frame(2, "ubx")
    told: list[Any] = []
    faults = Faults(Rates(reordered=1.0), rng=random.Random(1), note=told.append)
    assert faults.pass_on(first, port="p") == []
    assert faults.pass_on(second, port="p") == [second, first]
    assert [fault["fixed_at"] for fault in told] == [["2014-03-01T00:10:00.000Z"]]


def test_a_frame_held_back_at_the_end_is_sent_and_is_no_fault() -> None:
    last = frame(1, "ubx")
    sent, told = run(Rates(reordered=1.0), frames=[last])
    assert (sent, told) == ([last], [])


def test_a_clock_jump_changes_the_time_alone_and_is_told() -> None:
    told: list[Any] = []
    faults = Faults(Rates(clock=1.0), rng=random.Random(1), note=told.append)
    shown = faults.disturb_clock(fix(0))
    assert shown.fixed_at_ms != fix(0).fixed_at_ms
    assert shown.lon_e7 == fix(0).lon_e7
    assert told[0]["fixed_at"] == ["2014-03-01T00:00:00.000Z"]
    assert told[0]["shown_at"] in ("1994-07-16T00:00:00.000Z", "2015-03-02T00:00:00.000Z")


def test_without_rates_nothing_happens() -> None:
    frames = [frame(number, "nmea") for number in range(50)]
    assert run(Rates(), frames=frames) == (frames, [])


def test_rates_are_read_and_the_rest_is_zero() -> None:
    assert parse("lost=0.01, clock=0.5") == Rates(lost=0.01, clock=0.5)
    assert parse("") == Rates()


@pytest.mark.parametrize("text", ["gone=0.1", "lost", "lost=much", "lost=-1", "lost=0.6,torn=0.6"])
def test_rates_that_cannot_be_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)
