"""Barrier behaviour against the R package BaBA, per encounter and per fix."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import shapely

from ecoduct_analysis.barrier_behaviour import classify_encounters, sweep_buffer
from ecoduct_analysis.barrier_ranking import rank_features, rank_pieces
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.encounters import KINDS, REASONS, Encounters
from ecoduct_analysis.rules import EncounterRule
from ecoduct_analysis.tracks import Tracks
from reference_tables import Row, at_ms, fences, rows_of, tracks_of

pytestmark = pytest.mark.reference

RUNS = {
    "P1_pronghorn_d110_mc4_DOCEXAMPLE": EncounterRule(buffer_m=110, max_cross=4),
    "P3_pronghorn_d50_tol2_mc4": EncounterRule(buffer_m=50, tolerance_h=2, max_cross=4),
    "D1_muleDeer_d90_mc0_DOCEXAMPLE": EncounterRule(buffer_m=90),
}


def herd(reference: Path, run: str) -> Tracks:
    return tracks_of(rows_of(reference / "barrier" / "data" / f"{run.split('_')[1]}_fixes.csv"))


def label(name: str, tenths: int) -> str:
    return f"{name}_{tenths // 10 if tenths % 10 == 0 else tenths / 10}"


def told(tracks: Tracks, seen: Encounters) -> list[tuple[object, ...]]:
    return [
        (
            label(tracks.names[seen.track[n]], int(seen.key[n])),
            int(seen.start_ms[n]), int(seen.end_ms[n]), int(seen.crossings[n]),
            KINDS[seen.kind[n]],
        )
        for n in range(len(seen))
    ]  # fmt: skip


def expected(rows: list[Row]) -> list[tuple[object, ...]]:
    return [
        (
            row["burst_id"], at_ms(row["start_utc"]), at_ms(row["end_utc"]),
            int(row["crossings"]), row["event_type"],
        )
        for row in rows
    ]  # fmt: skip


def assert_floats(seen: Encounters, rows: list[Row]) -> None:
    columns = (
        ("straightness", seen.straightness), ("str_mean", seen.usual_mean),
        ("str_sd", seen.usual_sd),
    )  # fmt: skip
    for name, ours in columns:
        theirs = np.array([float(row[name] or math.nan) for row in rows])
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("run", RUNS)
def test_every_encounter_is_that_of_the_reference(reference: Path, run: str) -> None:
    tracks, folder = herd(reference, run), reference / "barrier"
    seen = classify_encounters(tracks, fences(folder / "data"), RUNS[run], mode="parity").encounters
    rows = rows_of(folder / "expected" / f"{run}_events.csv")
    assert told(tracks, seen) == expected(rows)
    assert seen.fixes.tolist() == [int(row["n_fixes"]) for row in rows]
    assert seen.x.tolist() == [float(row["x_start"]) for row in rows]
    assert_floats(seen, rows)


@pytest.mark.parametrize("run", RUNS)
def test_every_fix_belongs_where_the_reference_puts_it(reference: Path, run: str) -> None:
    tracks, folder = herd(reference, run), reference / "barrier"
    seen = classify_encounters(tracks, fences(folder / "data"), RUNS[run], mode="parity").encounters
    row = np.repeat(np.arange(len(seen)), np.diff(seen.member_offsets))
    ours = sorted(
        (
            tracks.names[seen.track[n]], int(fix - tracks.offsets[seen.track[n]]) + 1,
            int(inside), label(tracks.names[seen.track[n]], int(seen.key[n])),
        )
        for n, fix, inside in zip(row, seen.members, seen.inside, strict=True)
    )  # fmt: skip
    theirs = sorted(
        (line["id"], int(line["seq"]), int(line["in_buffer"]), line["burst_id"])
        for line in rows_of(folder / "expected" / f"{run}_fixes.csv")
    )
    assert ours == theirs


def cases(reference: Path) -> Iterator[tuple[Row, Tracks, Barriers, EncounterRule, list[Row]]]:
    folder = reference / "barrier" / "expected"
    fixes, events = (
        rows_of(folder / "synthetic_tracks.csv"),
        rows_of(folder / "synthetic_events.csv"),
    )
    wall = shapely.LineString([(0, 0), (100_000, 0)])
    for case in rows_of(folder / "synthetic_cases.csv"):
        given = dict(pair.split("=") for pair in case["params"].split(";"))
        twice = case["barrier"] == "duplicated"
        yield (
            case,
            tracks_of([row for row in fixes if row["case"] == case["case"]]),
            Barriers.from_geometries(["wall", "again"][: 1 + twice], [wall] * (1 + twice)),
            rule_of(given),
            [row for row in events if row["case"] == case["case"]],
        )


def rule_of(given: dict[str, str]) -> EncounterRule:
    unit_h = 1 / 60 if given.get("units") == "mins" else 1.0
    hours = {
        ours: float(given[theirs]) * unit_h
        for theirs, ours in (
            ("interval", "interval_h"), ("b_time", "b_time_h"), ("p_time", "p_time_h"),
            ("w", "window_h"), ("tolerance", "tolerance_h"),
        )
        if theirs in given
    }  # fmt: skip
    return EncounterRule(
        buffer_m=float(given["d"]),
        max_cross=int(given.get("max_cross", 0)),
        exclude_buffer="exclude_buffer" in given,
        unit_h=unit_h,
        **hours,
    )


def test_every_synthetic_case_is_that_of_the_reference(reference: Path) -> None:
    run = 0
    for case, tracks, barriers, rule, rows in cases(reference):
        seen = classify_encounters(tracks, barriers, rule, mode="parity").encounters
        if case["r_result"] == "ok":
            assert told(tracks, seen) == expected(rows), case
            assert_floats(seen, rows)
            run += 1
        else:
            assert [KINDS[kind] for kind in seen.kind] == ["unknown"], case
            assert all(REASONS[reason] for reason in seen.reason), case
    assert run == 25


def test_robust_mode_bears_every_synthetic_case(reference: Path) -> None:
    for case, tracks, barriers, rule, _ in cases(reference):
        seen = classify_encounters(tracks, barriers, rule).encounters
        unknown = seen.kind == KINDS.index("unknown")
        assert (seen.reason[unknown] > 0).all(), case
        assert not seen.reason[~unknown].any(), case


@pytest.mark.parametrize(
    ("run", "without", "steps"), [("P1_pronghorn", 366, 733), ("D1_muleDeer", 142, 337)]
)
def test_crossings_without_encounter_are_kept(
    reference: Path, run: str, without: int, steps: int
) -> None:
    rule = next(rule for name, rule in RUNS.items() if name.startswith(run))
    seen = classify_encounters(
        herd(reference, run), fences(reference / "barrier" / "data"), rule, mode="parity"
    )
    assert len(np.unique(seen.crossings.first)) == steps
    assert len(np.unique(seen.crossings.first[seen.without_encounter])) == without


def test_ranking_of_features_is_that_of_the_reference(reference: Path) -> None:
    run = "P1_pronghorn_d110_mc4_DOCEXAMPLE"
    barriers = fences(reference / "barrier" / "data")
    ranks = rank_features(
        classify_encounters(herd(reference, run), barriers, RUNS[run], mode="parity"), barriers
    )
    ours = sorted(
        (
            barriers.names[ranks.feature[n]], *ranks.counts[n].tolist(), int(ranks.animals[n]),
            int(ranks.total[n]), str(round(float(ranks.index[n]), 12)),
        )
        for n in range(len(ranks))
    )  # fmt: skip
    theirs = sorted(
        (
            row["FID_Fence0"], *(int(row[kind]) for kind in KINDS), int(row["unique_ind"]),
            int(row["total_enc"]), str(round(float(row["index"].replace("NA", "") or "nan"), 12)),
        )
        for row in rows_of(reference / "barrier" / "expected" / f"{run}_ranking.csv")
    )  # fmt: skip
    assert ours == theirs


def test_pieces_account_for_every_approach_and_crossing(reference: Path) -> None:
    run = "P1_pronghorn_d110_mc4_DOCEXAMPLE"
    barriers = fences(reference / "barrier" / "data")
    seen = classify_encounters(herd(reference, run), barriers, RUNS[run])
    ranks = rank_pieces(seen, barriers)
    changed = seen.crossings.net != 0
    lone = changed & seen.without_encounter
    assert ranks.approaches.sum() == len(seen.encounters) + lone.sum()
    assert (ranks.end_m - ranks.begin_m).max() <= 500.0 + 1e-6
    crossed = len(np.unique(seen.encounter[changed & ~seen.without_encounter])) + lone.sum()
    assert ranks.crossed.sum() == crossed
    assert (np.diff(ranks.p_worst) <= 0).all()


def test_sweep_counts_what_each_buffer_alone_counts(reference: Path) -> None:
    tracks = herd(reference, "P1_pronghorn")
    barriers = fences(reference / "barrier" / "data")
    swept = sweep_buffer(tracks, barriers, EncounterRule(), buffers_m=[50.0, 110.0])
    for buffer_m, counts in zip(swept.buffer_m, swept.counts, strict=True):
        alone = classify_encounters(tracks, barriers, EncounterRule(buffer_m=float(buffer_m)))
        assert list(alone.encounters.counts().values()) == counts.tolist()
