"""Tables of `ecoduct analyse corridors`; columns that the reference has carry its names."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.corridor_use import SIDES, CorridorUse
from ecoduct_analysis.corridors import CorridorSteps
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.projection import DEGREES, change_crs
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing.outputs import Results

_HOUR_S: Final = 3600.0
_AROUND_DEG, _HALF_AROUND_DEG = 360.0, 180.0


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a part gave.

    Attributes
    ----------
    fixes : Fixes
        That were used.
    tracks : Tracks
        The same in metres.
    steps : CorridorSteps
    move, clean : (m,) array of bool
        Flags by the reference's rule and by ours, whichever was asked for; ``move`` is None for
        fixes in metres.
    use : CorridorUse or None
        Of given corridors.
    """

    fixes: Fixes
    tracks: Tracks
    steps: CorridorSteps
    move: BoolArray | None
    clean: BoolArray
    use: CorridorUse | None


def write_segments(results: Results, found: Found) -> None:
    """Write ``segments``: a row for each step, as a line in the GeoPackage."""
    fixes, of = found.fixes, found.steps
    lon, lat = _in_degrees(of.mid_x, of.mid_y, fixes.crs)
    table = pa.table(
        {
            "id": _words(fixes.names, of.track),
            "seg": _numbers(of.track, len(fixes.names)),
            "t0": _times(fixes.t_ms[of.first]), "t1": _times(fixes.t_ms[of.last]),
            "mid_lon": _floats(lon), "mid_lat": _floats(lat),
            "seglen_m": of.length_m, "speed_ms": of.speed_m_s,
            "azimuth": _floats(of.azimuth_deg), "pseudo_azimuth": _floats(of.pseudo_azimuth_deg),
            "circ_var": _floats(of.circular_variance), "corridor": _bits(of.is_corridor),
            "n_in_circle": of.in_circle, "n_corridor_behaviour": of.with_behaviour,
            "corridor_move": pa.nulls(len(of), pa.int64()) if found.move is None
            else _bits(found.move),
            "corridor_clean": _bits(found.clean),
            "row": fixes.row[of.first] + 1, "mid_x": of.mid_x, "mid_y": of.mid_y,
            "n_animals": of.animals, "used": of.is_used, "fast": of.is_fast,
            "parallel": of.is_parallel, "behaviour": of.has_behaviour,
        }
    )  # fmt: skip
    results.write_table("segments", table, geometry=step_lines(fixes, of), crs=fixes.crs)


def write_use(results: Results, found: Found, names: tuple[str, ...], crs: str) -> None:
    """Write ``visits``, as lines in the GeoPackage, and ``use``: a row for animal and corridor."""
    if found.use is None:
        return
    seen, tracks = found.use.visits, found.tracks
    table = pa.table(
        {
            "id": _words(tracks.names, seen.track), "corridor": _words(names, seen.corridor),
            "enters_at": _times(seen.enters_ms), "leaves_at": _times(seen.leaves_ms),
            "distance_m": seen.distance_m, "completeness": seen.completeness,
            "transit": seen.is_transit, "across": seen.is_across,
            "enters_by": _words(SIDES, seen.enters_by), "leaves_by": _words(SIDES, seen.leaves_by),
            "begins_inside": seen.begins_inside, "ends_inside": seen.ends_inside,
            "gap": seen.has_gap, "inside_h": seen.inside_s / _HOUR_S,
            "fixes": np.maximum(seen.last - seen.first + 1, 0),
            "enters_x": seen.enters_x, "enters_y": seen.enters_y,
            "leaves_x": seen.leaves_x, "leaves_y": seen.leaves_y,
        }
    )  # fmt: skip
    results.write_table("visits", table, geometry=_visit_lines(found), crs=crs)
    _write_summary(results, found, names)


def _write_summary(results: Results, found: Found, names: tuple[str, ...]) -> None:
    use = found.use
    if use is None:
        return
    key = use.visits.track * len(names) + use.visits.corridor
    table = pa.table(
        {
            "id": _words(found.tracks.names, use.track), "corridor": _words(names, use.corridor),
            "visits": np.bincount(key, minlength=len(use)),
            "entries": use.entries, "exits": use.exits,
            "transits": use.transits, "across": use.across,
            "inside_h": use.inside_s / _HOUR_S, "inside_m": use.inside_m,
            "share_time": _floats(use.share_time), "share_distance": _floats(use.share_distance),
            "completeness": _floats(use.completeness),
        }
    )  # fmt: skip
    results.write_table("use", table)


def step_lines(fixes: Fixes, of: CorridorSteps) -> NDArray[np.object_]:
    """Line of each step, (m,) array of shapely geometries."""
    x, y, last_x = fixes.x[of.first], fixes.y[of.first], fixes.x[of.last]
    if fixes.is_degrees:
        # Beyond 180 degrees rather than once around the world.
        turns = np.where(np.abs(last_x - x) > _HALF_AROUND_DEG, np.sign(x - last_x), 0.0)
        last_x = last_x + turns * _AROUND_DEG
    ends = np.stack((x, y, last_x, fixes.y[of.last]), axis=1).reshape(-1, 2, 2)
    return np.asarray(shapely.linestrings(ends), dtype=object).reshape(-1)


def _visit_lines(found: Found) -> NDArray[np.object_]:
    seen, tracks = found.use.visits if found.use else None, found.tracks
    if seen is None or not len(seen):
        return np.zeros(0, dtype=object)
    lengths = np.maximum(seen.last - seen.first + 1, 0)
    row = np.repeat(np.arange(len(seen)), lengths)
    fix = seen.first[row] + np.arange(len(row)) - (np.cumsum(lengths) - lengths)[row]
    number = np.arange(len(seen))
    rows = np.concatenate((number, row, number))
    order = np.argsort(rows, kind="stable")
    places = [np.concatenate(columns)[order] for columns in (
        (seen.enters_x, tracks.x[fix], seen.leaves_x), (seen.enters_y, tracks.y[fix], seen.leaves_y)
    )]  # fmt: skip
    lines = shapely.linestrings(np.stack(places, axis=1), indices=rows[order])
    return np.asarray(lines, dtype=object).reshape(-1)


def _in_degrees(x: FloatArray, y: FloatArray, crs: str | None) -> tuple[FloatArray, FloatArray]:
    if crs is None:
        nowhere = np.full(len(x), np.nan)
        return nowhere, nowhere
    return (x, y) if crs == DEGREES else change_crs(x, y, source=crs, target=DEGREES)


def _numbers(track: IntArray, tracks: int) -> IntArray:
    """Place of each row within its track, from 0."""
    first = np.searchsorted(track, np.arange(tracks))
    return np.arange(len(track)) - (first[track] if tracks else track)


def _words(names: Any, numbers: IntArray) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(numbers, pa.int64()))


def _times(at_ms: IntArray) -> pa.Array:
    return pa.array(at_ms, pa.int64()).cast(pa.timestamp("ms", "UTC"))


def _bits(flags: BoolArray) -> pa.Array:
    return pa.array(flags.astype(np.int64))


def _floats(values: FloatArray) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)
