"""Tables of `ecoduct analyse barriers`; columns that the reference has carry its names."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from ecoduct_analysis.barrier_ranking import FeatureRanking, PieceRanking, lines_of
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.columns import NO_TIME, IntArray
from ecoduct_analysis.crossing_probability import CrossingProbabilities
from ecoduct_analysis.encounters import KINDS, REASONS, Behaviour
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing.inputs import BarrierTable
from ecoduct_server.commands.analysing.outputs import Results

_DIRECTIONS: Final = {1: "left_to_right", -1: "right_to_left", 0: "there_and_back"}
_HOUR_S, _HOUR_MS = 3600.0, 3_600_000.0
_TENTHS = 10


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What a chunk of animals gave.

    ``rows`` are their fixes' rows in the table, from 0; ``unit`` is that of all times in it, whole
    seconds or milliseconds, as Arrow calls it.
    """

    tracks: Tracks
    rows: IntArray
    seen: Behaviour
    unit: str

    @property
    def labels(self) -> list[str]:
        """Name of each encounter: the animal's, and the reference's key or a running number."""
        of = self.seen.encounters
        keys = [
            repr(key / _TENTHS).removesuffix(".0") if self.seen.mode == "parity" else str(key)
            for key in of.key.tolist()
        ]
        owners = of.track.tolist()
        return [f"{self.tracks.names[n]}_{key}" for n, key in zip(owners, keys, strict=True)]


def write_events(results: Results, part: Part, barriers: Barriers) -> None:
    """Write ``events``: a row for each encounter."""
    tracks, of = part.tracks, part.seen.encounters
    table = pa.table(
        {
            "id": _names(tracks.names, of.track),
            "burst_id": pa.array(part.labels, pa.string()),
            "start_utc": _times(of.start_ms, part.unit),
            "end_utc": _times(of.end_ms, part.unit),
            "duration_h": of.duration_s / _HOUR_S,
            "x_start": of.x,
            "y_start": of.y,
            "crossings": of.crossings,
            "straightness": _floats(of.straightness),
            "str_mean": _floats(of.usual_mean),
            "str_sd": _floats(of.usual_sd),
            "event_type": _names(KINDS, of.kind),
            "n_fixes": of.fixes,
            "reason": _names(REASONS, of.reason),
            "windows": of.windows,
            "barrier": _names(barriers.names, of.feature),
        }
    )
    results.write_table("events", table, geometry=_points(of.x, of.y), crs=barriers.crs)


def write_fixes(results: Results, part: Part, crs: str | None) -> None:
    """Write ``fixes``: a row for each fix of an encounter; ``row`` is that of the input."""
    tracks, of = part.tracks, part.seen.encounters
    fix = of.members
    encounter = np.repeat(np.arange(len(of)), np.diff(of.member_offsets))
    order = np.argsort(fix, kind="stable")
    fix, encounter = fix[order], encounter[order]
    track = of.track[encounter]
    table = pa.table(
        {
            "id": _names(tracks.names, track),
            "seq": fix - tracks.offsets[track] + 1,
            "timestamp_utc": _times(tracks.t_ms[fix], part.unit),
            "x": tracks.x[fix],
            "y": tracks.y[fix],
            "in_buffer": of.inside[order].astype(np.int64),
            "burst_id": _names(part.labels, encounter),
            "row": part.rows[fix] + 1,
        }
    )
    results.write_table("fixes", table, geometry=_points(tracks.x[fix], tracks.y[fix]),
                        crs=crs)  # fmt: skip


def write_crossings(
    results: Results, part: Part, barriers: Barriers, chances: CrossingProbabilities | None
) -> None:
    """Write ``crossings``, what the straight steps cross, and ``probabilities``, what they may."""
    tracks, of = part.tracks, part.seen.crossings
    found = _rows_of(chances, of.first, of.feature, len(barriers.names))
    gap_ms = tracks.t_ms[of.first + 1] - tracks.t_ms[of.first]
    table = pa.table(
        {
            "id": _names(tracks.names, of.track),
            "seq": of.first - tracks.offsets[of.track] + 1,
            "barrier": _names(barriers.names, of.feature),
            "time_utc": _times(of.t_ms),
            "x": of.x,
            "y": of.y,
            "direction": pa.array([_DIRECTIONS[n] for n in np.sign(of.net).tolist()], pa.string()),
            "count": of.count,
            "net": of.net,
            "inside_before": of.inside_before,
            "inside_after": of.inside_after,
            "gap_h": gap_ms / _HOUR_MS,
            "burst_id": _names(part.labels, part.seen.encounter),
        }
        | _chances(chances, found)
    )
    results.write_table("crossings", table, geometry=_points(of.x, of.y), crs=barriers.crs)
    if chances is not None:
        _write_probabilities(results, tracks, barriers, chances)


def _write_probabilities(
    results: Results, tracks: Tracks, barriers: Barriers, chances: CrossingProbabilities
) -> None:
    every = np.arange(len(chances))
    table = pa.table(
        {
            "id": _names(tracks.names, chances.track),
            "seq": chances.first - tracks.offsets[chances.track] + 1,
            "barrier": _names(barriers.names, chances.feature),
            "from_utc": _times(tracks.t_ms[chances.first]),
            "to_utc": _times(tracks.t_ms[chances.first + 1]),
        }
        | _chances(chances, every)
        | {"expected_net": _floats(chances.net), "is_straight": chances.is_straight}
    )
    places = _points(chances.x, chances.y)
    results.write_table("probabilities", table, geometry=places, crs=barriers.crs)


def _chances(chances: CrossingProbabilities | None, rows: IntArray) -> dict[str, Any]:
    """Columns of rows of the probabilities; empty where the row is -1."""
    known = rows >= 0
    at = rows[known]

    def spread(values: Any, missing: Any) -> Any:
        column = np.full(len(rows), missing)
        column[known] = values
        return column

    columns: dict[str, Any] = {}
    for name in ("p_crossing", "p_error", "p_net"):
        values = getattr(chances, name)[at] if chances is not None else []
        columns[name] = _floats(spread(values, np.nan))
    for n, name in enumerate(("time_p05_utc", "time_p50_utc", "time_p95_utc")):
        values = chances.t_ms[at, n] if chances is not None else []
        columns[name] = _times(spread(values, NO_TIME))
    for n, name in enumerate(("along_p05_m", "along_p50_m", "along_p95_m")):
        values = chances.along_m[at, n] if chances is not None else []
        columns[name] = _floats(spread(values, np.nan))
    return columns


def _rows_of(
    chances: CrossingProbabilities | None, first: IntArray, feature: IntArray, features: int
) -> IntArray:
    """Row of the probabilities for each step and feature, -1 where there is none."""
    if chances is None or not len(chances):
        return np.full(len(first), -1, dtype=np.int64)
    known, wanted = chances.first * features + chances.feature, first * features + feature
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)


def write_ranking(
    results: Results, ranks: FeatureRanking, fences: BarrierTable, crs: str | None
) -> None:
    """Write ``ranking``: the barriers' own columns, the reference's, most encounters first."""
    order = np.lexsort((ranks.feature, -ranks.total))
    feature = ranks.feature[order]
    own = fences.columns.take(pa.array(feature))
    table = pa.table({"barrier": _names(fences.names, feature)})
    for name in own.column_names:
        if name != "barrier" and name not in KINDS:
            table = table.append_column(name, own[name])
    for n, kind in enumerate(KINDS):
        table = table.append_column(kind, pa.array(ranks.counts[order, n]))
    table = table.append_column("unique_ind", pa.array(ranks.animals[order]))
    table = table.append_column("total_enc", pa.array(ranks.total[order]))
    table = table.append_column("index", _floats(ranks.index[order]))
    shapes = np.asarray(fences.geometries, dtype=object)[feature]
    results.write_table("ranking", table, geometry=shapes, crs=crs)


def write_pieces(results: Results, pieces: PieceRanking, barriers: Barriers) -> None:
    """Write ``pieces``: half kilometres of barriers, the worst first."""
    table = pa.table(
        {
            "barrier": _names(barriers.names, pieces.feature),
            "line": pieces.line, "piece": pieces.piece,
            "begin_m": pieces.begin_m, "end_m": pieces.end_m, "x": pieces.x, "y": pieces.y,
            "approaches": pieces.approaches, "crossed": pieces.crossed,
            "altered": pieces.altered, "animals": pieces.animals,
            "rate": _floats(pieces.rate), "rate_low": _floats(pieces.rate_low),
            "rate_high": _floats(pieces.rate_high), "p_worst": pieces.p_worst,
            "altered_per_km": pieces.altered_per_km,
        }
    )  # fmt: skip
    results.write_table("pieces", table, geometry=lines_of(pieces, barriers), crs=barriers.crs)


def _names(names: Any, numbers: IntArray) -> pa.Array:
    """Words by number, nothing for -1 and for the empty word."""
    words = pa.array([word or None for word in names], pa.string())
    return words.take(pa.array(np.where(numbers >= 0, numbers, 0), mask=numbers < 0))


def _times(at_ms: IntArray, unit: str = "ms") -> pa.Array:
    known = pa.array(at_ms, pa.int64(), mask=at_ms == NO_TIME)
    return known.cast(pa.timestamp("ms", "UTC")).cast(pa.timestamp(unit, "UTC"))


def _floats(values: Any) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)


def _points(x: Any, y: Any) -> Any:
    places = np.full(len(x), None, dtype=object)
    known = np.isfinite(x) & np.isfinite(y)
    places[known] = shapely.points(x[known], y[known])
    return places
