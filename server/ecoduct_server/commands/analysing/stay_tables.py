"""Tables of `ecoduct analyse stays`; columns that the references have carry their names."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa
import shapely

from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.projection import DEGREES, change_crs
from ecoduct_analysis.revisits import Places, Visits
from ecoduct_analysis.stopovers import Stays
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing.outputs import Results

_MS_PER_S: Final = 1000.0
_S_PER_H: Final = 3600.0
_OURS: Final = (
    "fixes", "radius_m", "spread_m", "longest_gap_s", "observed", "bridged", "begins_in_gap",
    "ends_in_gap", "is_open",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Stays of some animals.

    Attributes
    ----------
    names : tuple of str
    track : (r,) array
        Counts into the names.
    begins_ms, ends_ms : (r,) array
    x, y : (r,) array, m
        In the projection of the results.
    lon, lat : (r,) array, degrees
        nan on a plane that is not on the globe.
    ours : dict of (r,) arrays
        Columns that only the clean rule has, else empty.
    fixes : int
        That were searched.
    """

    names: tuple[str, ...]
    track: IntArray
    begins_ms: IntArray
    ends_ms: IntArray
    x: FloatArray
    y: FloatArray
    lon: FloatArray
    lat: FloatArray
    ours: dict[str, Any]
    fixes: int

    def __len__(self) -> int:
        """Count the stays."""
        return len(self.track)

    @property
    def duration_s(self) -> FloatArray:
        """How long each lasted, (r,) array, s."""
        return (self.ends_ms - self.begins_ms) / _MS_PER_S


@dataclass(frozen=True, slots=True, eq=False)
class FoundVisits:
    """Visits of some animals, whose names their tracks count into."""

    names: tuple[str, ...]
    visits: Visits


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Visits to each place so far, and the time of them."""

    visits: IntArray
    inside_s: FloatArray
    visitors: IntArray

    @classmethod
    def of(cls, places: Places) -> Self:
        """Nothing yet."""
        count = len(places)
        return cls(np.zeros(count, np.int64), np.zeros(count), np.zeros(count, np.int64))

    def add(self, found: FoundVisits) -> None:
        """Count the visits of some animals, none of whom was counted before."""
        of = found.visits
        np.add.at(self.visits, of.place, 1)
        np.add.at(self.inside_s, of.place, of.inside_s)
        met = np.unique(np.stack((of.place, of.track)), axis=1)[0]
        np.add.at(self.visitors, met, 1)


def found_of(tracks: Tracks, stays: Stays, crs: str | None) -> Found:
    """Stays of the clean rule, in the projection of the results."""
    return placed(
        tracks.names, tracks.crs, crs, track=stays.track,
        begins_ms=tracks.t_ms[stays.first], ends_ms=tracks.t_ms[stays.last],
        x=stays.x, y=stays.y, fixes=len(tracks),
        ours={name: getattr(stays, name) for name in _OURS},
    )  # fmt: skip


def placed(
    names: tuple[str, ...], own: Sequence[str], crs: str | None, *, track: IntArray,
    begins_ms: IntArray, ends_ms: IntArray, x: FloatArray, y: FloatArray, fixes: int,
    ours: dict[str, Any] | None,
) -> Found:  # fmt: skip
    """Stays whose places are in each animal's own projection, in that of the results."""
    across, along = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    lon, lat = np.full(len(x), np.nan), np.full(len(y), np.nan)
    for one in np.unique(track).tolist():
        if crs is None:
            break  # a plane that is not on the globe has no degrees
        here = track == one
        lon[here], lat[here] = _moved(across[here], along[here], own[one], DEGREES)
        across[here], along[here] = _moved(across[here], along[here], own[one], crs)
    return Found(
        names=names, track=track, begins_ms=begins_ms, ends_ms=ends_ms, x=across, y=along,
        lon=lon, lat=lat, ours=ours or {}, fixes=fixes,
    )  # fmt: skip


def _moved(x: FloatArray, y: FloatArray, source: str, target: str) -> tuple[FloatArray, FloatArray]:
    # There and back again would round.
    return (x, y) if source == target else change_crs(x, y, source=source, target=target)


def join(parts: Sequence[Found]) -> Found:
    """All animals' stays."""
    before = np.cumsum([0, *(len(part.names) for part in parts[:-1])])
    columns: dict[str, Any] = {
        one.name: np.concatenate([getattr(part, one.name) for part in parts])
        for one in fields(Found)
        if one.name not in {"names", "track", "ours", "fixes"}
    }
    ours = {name: np.concatenate([part.ours[name] for part in parts]) for name in parts[0].ours}
    return Found(
        names=tuple(name for part in parts for name in part.names),
        track=np.concatenate([part.track + n for part, n in zip(parts, before, strict=True)]),
        ours=ours, fixes=sum(part.fixes for part in parts), **columns,
    )  # fmt: skip


def write_stays(results: Results, found: Found, places: Places, crs: str | None) -> None:
    """Write ``stays``: the references' columns, then ours."""
    columns: dict[str, Any] = {
        "id": _words(found.names, found.track),
        "start": _times(found.begins_ms),
        "end": _times(found.ends_ms),
        "lon": _floats(found.lon),
        "lat": _floats(found.lat),
        "duration_s": found.duration_s,
        "x": found.x,
        "y": found.y,
        "place": places.place + 1,
    }
    ours = dict(found.ours)
    if ours:
        ours["longest_gap_h"] = ours.pop("longest_gap_s") / _S_PER_H
    table = pa.table(columns | {name: pa.array(values) for name, values in ours.items()})
    results.write_table("stays", table, geometry=shapely.points(found.x, found.y), crs=crs)


def write_revisits(results: Results, found: FoundVisits, places: Places, crs: str | None) -> None:
    """Write ``revisits``: a row for each visit of an animal to a place."""
    of = found.visits
    order = np.lexsort((of.begins_ms, of.place, of.track))
    place, track = of.place[order], of.track[order]
    new = np.ones(len(of), dtype=bool)
    new[1:] = (place[1:] != place[:-1]) | (track[1:] != track[:-1])
    heads = np.flatnonzero(new)
    counts = np.diff(np.append(heads, len(of)))
    table = pa.table(
        {
            "id": _words(found.names, track),
            "place": place + 1,
            "visit": np.arange(len(of)) - np.repeat(heads, counts) + 1,
            "start": _times(of.begins_ms[order]),
            "end": _times(of.ends_ms[order]),
            "duration_s": of.inside_s[order],
            "since_s": _floats(of.since_s[order]),
            "fixes": of.fixes[order],
            "begins_in_gap": pa.array(of.begins_in_gap[order]),
            "ends_in_gap": pa.array(of.ends_in_gap[order]),
        }
    )
    shapes = shapely.points(places.x[place], places.y[place])
    results.write_table("revisits", table, geometry=shapes, crs=crs)


def write_places(results: Results, places: Places, tally: Tally, crs: str | None) -> None:
    """Write ``places``: the one with the most time of stays first."""
    lon, lat = np.full(len(places), np.nan), np.full(len(places), np.nan)
    if crs is not None and len(places):
        lon, lat = change_crs(places.x, places.y, source=crs, target=DEGREES)
    table = pa.table(
        {
            "place": np.arange(len(places)) + 1,
            "lon": _floats(lon), "lat": _floats(lat), "x": places.x, "y": places.y,
            "stays": places.stays, "animals": places.animals,
            "stayed_h": places.stayed_s / _S_PER_H,
            "visits": tally.visits, "visitors": tally.visitors,
            "residence_h": tally.inside_s / _S_PER_H,
        }
    )  # fmt: skip
    results.write_table("places", table, geometry=shapely.points(places.x, places.y), crs=crs)


def _words(names: Sequence[str], numbers: IntArray) -> pa.Array:
    return pa.array(names, pa.string()).take(pa.array(numbers))


def _times(at_ms: IntArray) -> pa.Array:
    return pa.array(at_ms, pa.int64()).cast(pa.timestamp("ms", "UTC"))


def _floats(values: Any) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)
