import io
import json
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from benchmarks import inputs, memory_child, synthetic
from benchmarks.lines import crossings
from benchmarks.measure import (
    Bar,
    Skipped,
    Timing,
    WrongAnswer,
    alternate,
    limit_bar,
    speed_bar,
    timed,
    write_json,
)
from benchmarks.peer_process import serve
from ecoduct_analysis.barriers import Barriers

OURS = Timing(fixes=1_000, first_s=9.0, rounds_s=(2.0, 1.0, 4.0))
SLOW_PEER = Timing(fixes=10, first_s=0.5, rounds_s=(1.0, 1.0, 0.5))


def test_the_fastest_round_gives_the_rate_and_the_first_call_does_not() -> None:
    assert OURS.fixes_s == 1_000.0
    assert OURS.median_fixes_s == 500.0


def test_sides_take_turns_and_first_calls_are_kept_apart() -> None:
    turns: list[str] = []
    seconds = iter([8.0, 9.0, 1.0, 2.0, 3.0, 4.0])

    def side(name: str) -> float:
        turns.append(name)
        return next(seconds)

    ours, theirs = alternate([lambda: side("a"), lambda: side("b")], [10, 20], rounds=2)
    assert turns == ["a", "b"] * 3
    assert ours == Timing(10, 8.0, (1.0, 3.0))
    assert theirs == Timing(20, 9.0, (2.0, 4.0))


def test_a_round_takes_cpu_time_and_leaves_the_collector_on() -> None:
    assert 0.0 < timed(lambda: sum(range(100_000)))() < 5.0
    with pytest.raises(ZeroDivisionError):
        timed(lambda: 1 // 0)()
    assert __import__("gc").isenabled()


def test_a_peer_on_fewer_fixes_is_scaled_for_each_fix_and_the_line_says_so() -> None:
    bar = speed_bar("steps", "1,000", "peer", OURS, SLOW_PEER, target=51.0, remark="same")
    assert bar.ratio == 50.0
    assert bar.median_ratio == 50.0
    assert bar.verdict == "missed"
    assert bar.remark == "same; peer on 10 fixes, scaled"
    assert "50.00x  bar 51x    missed" in str(bar)


@pytest.mark.parametrize(
    ("ours", "target", "verdict"),
    [(100.0, 1.0, "met"), (200.0, 1.0, "met"), (201.0, 1.0, "missed"), (900.0, None, "told")],
)
def test_a_cost_is_met_up_to_its_limit(ours: float, target: float | None, verdict: str) -> None:
    bar = limit_bar("live", "p99", "limit", ours, 200.0, unit="us", target=target, remark="")
    assert bar.verdict == verdict
    assert bar.ratio == 200.0 / ours


def test_rows_are_kept_with_their_verdict_and_skipped_ones_with_their_reason(
    tmp_path: Path,
) -> None:
    bar = limit_bar("memory", "steps", "limit", 75.0, 150.0, unit="bytes/fix", remark="")
    write_json(tmp_path / "rows.json", [bar, Skipped("steps", "white storks", "no data")])
    kept = json.loads((tmp_path / "rows.json").read_text())
    assert (kept[0]["ratio"], kept[0]["verdict"]) == (2.0, "met")
    assert kept[1] == {"line": "steps", "data": "white storks", "why": "no data"}


def test_a_peer_in_a_process_answers_each_question_with_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdin", io.StringIO("round\nanswer\n"))
    monkeypatch.setattr(sys, "stdout", out)

    def work() -> list[int]:
        print("chatter of a library")  # noqa: T201 - must not enter the pipe
        return [3, 4]

    serve(work, sum)
    taken, answer = (json.loads(line) for line in out.getvalue().splitlines())
    assert 0.0 <= taken < 1.0
    assert answer == 7


def test_a_line_runs_small_and_finds_the_same_pairs_as_its_peers() -> None:
    rows = list(islice(crossings.rows(inputs.QUICK), 3))
    bars = [row for row in rows if isinstance(row, Bar)]
    assert [bar.peer for bar in bars] == [
        "STRtree of fences",
        "STRtree of pieces",
        "geopandas sjoin",
    ]
    assert all(bar.ratio > 0 and "same pairs" in bar.remark for bar in bars)


def test_a_missing_pair_stops_the_line() -> None:
    tracks, fences = synthetic.tracks(20, 500), synthetic.fences(100)
    theirs = crossings.peers_of(tracks, fences)["STRtree of fences"]()
    barriers = Barriers.from_geometries([str(n) for n in range(100)], fences)
    with pytest.raises(WrongAnswer, match="1 pairs of step and fence differ"):
        crossings.check_pairs(tracks, barriers, fences, theirs[:, 1:])


def test_synthetic_animals_are_the_same_every_time_and_keep_to_the_mid_latitudes() -> None:
    one, again = synthetic.fixes(10, 200), synthetic.fixes(10, 200)
    assert np.array_equal(one.x, again.x)
    assert np.array_equal(one.t_ms, again.t_ms)
    assert (np.abs(one.x) <= 180.0).all()
    assert ((np.abs(one.y) > 20.0) & (np.abs(one.y) < 60.0)).all()


def test_planted_faults_are_known_and_doubled_fixes_share_animal_and_time() -> None:
    planted = synthetic.plant(20, 500)
    clean = synthetic.fixes(20, 500)
    fixes = planted.fixes
    assert 0.005 < planted.outlier.mean() < 0.02
    twice = np.flatnonzero(planted.doubled)
    assert len(twice) == 2 * (len(fixes) - len(clean))
    assert np.array_equal(fixes.t_ms[twice[::2]], fixes.t_ms[twice[1::2]])
    assert np.array_equal(twice[::2] + 1, twice[1::2])
    untouched = ~(planted.outlier | planted.doubled)
    assert np.isin(fixes.x[untouched], clean.x).all()
    assert not np.isin(fixes.x[planted.outlier], clean.x).any()


def test_a_sample_for_a_slow_peer_holds_whole_animals() -> None:
    fixes = synthetic.fixes(5, 100)
    assert len(inputs.head(fixes, 250)) == 200
    assert len(inputs.head(fixes, 50)) == 100
    assert len(inputs.head(fixes, 10_000)) == 500


def test_only_the_first_of_one_animals_fixes_at_one_time_is_kept() -> None:
    planted = synthetic.plant(5, 200)
    kept = inputs.timed_once(planted.fixes)
    assert kept.sum() == 5 * 200


def test_memory_that_was_given_back_still_shows_at_the_peak() -> None:
    memory_child.forget_peak()
    before = memory_child.memory_bytes("VmRSS")
    taken = np.ones(8_000_000)
    del taken
    assert 60e6 < memory_child.memory_bytes("VmHWM") - before < 80e6
