"""Stays and passages of published tracks by the rules of other tools (`corridor/05_stops.md`)."""

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from ecoduct_analysis.first_passage import first_passage_s
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.stay_parity import ParityStays, movingpandas_stays, trackintel_stays
from ecoduct_analysis.tracks import FloatArray, Tracks

pytestmark = pytest.mark.reference

LEROY, PRONGHORN = "fisher_leroy.csv", "pronghorn_sublette_seqs.csv"
STORKS = "whitestork15_moveVis.csv.gz"
RADII_M = (100, 250, 500, 1000)
TRACKINTEL = (
    (LEROY, "id", "leroy_100m_60min_gap120", 100.0, 1.0, 2.0),
    (PRONGHORN, "seq", "pronghorn_2km_48h_gap24h", 2000.0, 48.0, 24.0),
    (STORKS, "id", "stork_10km_24h_gap48h", 10_000.0, 24.0, 48.0),
)
MOVINGPANDAS = (
    (LEROY, "id", ("x_aeqd", "y_aeqd"), "leroy_100m_1h", 100.0, 1.0),
    (LEROY, "id", ("x_aeqd", "y_aeqd"), "leroy_200m_2h", 200.0, 2.0),
    (PRONGHORN, "seq", ("x_5070", "y_5070"), "pronghorn_5km_2d", 5000.0, 48.0),
)


def rows_of(path: Path) -> list[dict[str, str]]:
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(text.decode().splitlines()))


def utc_ms(text: str) -> int:
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def assert_same(
    found: ParityStays, names: tuple[str, ...], expected: list[dict[str, str]], x: str, y: str
) -> None:
    ours = [
        (names[track], begin, end)
        for track, begin, end in zip(
            found.track.tolist(), found.begins_ms.tolist(), found.ends_ms.tolist(), strict=True
        )
    ]
    assert ours == [(row["id"], utc_ms(row["start"]), utc_ms(row["end"])) for row in expected]
    np.testing.assert_allclose(found.x, [float(row[x]) for row in expected], rtol=1e-12)
    np.testing.assert_allclose(found.y, [float(row[y]) for row in expected], rtol=1e-12)
    lasts = (found.ends_ms - found.begins_ms) / 1000.0
    np.testing.assert_allclose(lasts, [float(row["duration_s"]) for row in expected])


@pytest.mark.parametrize(("data", "key", "name", "radius_m", "stay_h", "gap_h"), TRACKINTEL)
def test_stays_by_the_anchor_rule_are_those_of_trackintel(
    reference: Path, data: str, key: str, name: str, radius_m: float, stay_h: float, gap_h: float
) -> None:
    rows = rows_of(reference / "corridor" / "data" / data)
    names = sorted({row[key] for row in rows})
    fixes = Fixes.from_arrays(
        names, track=[names.index(row[key]) for row in rows],
        t_ms=[utc_ms(row["timestamp"]) for row in rows],
        x=[float(row["lon"]) for row in rows], y=[float(row["lat"]) for row in rows],
    )  # fmt: skip
    found = trackintel_stays(
        fixes, radius_m=radius_m, min_stay_h=stay_h, max_gap_h=gap_h, include_last=True
    )
    expected = rows_of(reference / "corridor" / "expected" / f"staypoints_trackintel_{name}.csv")
    assert_same(found, fixes.names, expected, "lon", "lat")


def projected(rows: list[dict[str, str]], key: str, axes: tuple[str, str]) -> Tracks:
    names = sorted({row[key] for row in rows})
    x, y = ([float(row[axis]) for row in rows] for axis in axes)
    return Tracks.from_arrays(
        names, track=[names.index(row[key]) for row in rows],
        t_ms=[utc_ms(row["timestamp"]) for row in rows], x=x, y=y,
    )  # fmt: skip


@pytest.mark.parametrize(("data", "key", "axes", "name", "diameter_m", "stay_h"), MOVINGPANDAS)
def test_stays_by_the_diameter_rule_are_those_of_movingpandas(
    reference: Path, data: str, key: str, axes: tuple[str, str], name: str, diameter_m: float,
    stay_h: float,
) -> None:  # fmt: skip
    tracks = projected(rows_of(reference / "corridor" / "data" / data), key, axes)
    found = movingpandas_stays(tracks, max_diameter_m=diameter_m, min_stay_h=stay_h)
    expected = rows_of(reference / "corridor" / "expected" / f"stops_movingpandas_{name}.csv")
    assert_same(found, tracks.names, expected, "x", "y")


@pytest.fixture(scope="module")
def passages(reference: Path) -> tuple[Tracks, FloatArray]:
    """Fisher, and adehabitatLT's first passage times of it, h."""
    data = rows_of(reference / "corridor" / "data" / LEROY)
    rows = rows_of(reference / "corridor" / "expected" / "fpt_leroy.csv")
    known = [[float(row[f"fpt_h_r{radius}"] or "nan") for radius in RADII_M] for row in rows]
    return projected(data, "id", ("x_aeqd", "y_aeqd")), np.array(known)


def test_first_passage_times_are_those_of_adehabitat(passages: tuple[Tracks, FloatArray]) -> None:
    tracks, expected_h = passages
    found = first_passage_s(tracks, RADII_M, mode="adehabitat") / 3600.0
    np.testing.assert_allclose(found, expected_h, rtol=1e-9, atol=1e-9)


def test_passages_to_the_circle_itself_differ_by_a_hundredth_on_average(
    passages: tuple[Tracks, FloatArray],
) -> None:
    tracks, expected_h = passages
    found = first_passage_s(tracks, RADII_M) / 3600.0
    assert (np.isnan(found) == np.isnan(expected_h)).all()
    off = np.nanmean(np.abs(found / expected_h - 1.0))
    assert 0.005 < off < 0.02
