"""Tables of `ecoduct analyse phases`; columns that the reference has carry its names."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from ecoduct_analysis.columns import NO_TIME, BoolArray, FloatArray, IntArray
from ecoduct_analysis.displacement_models import (
    MODELS,
    PARAMETERS,
    AnimalYears,
    DisplacementFits,
    Displacements,
    MovementDates,
)
from ecoduct_analysis.phases import KINDS, Phases, Transitions
from ecoduct_analysis.projection import DEGREES, change_crs
from ecoduct_analysis.stopovers import Stays
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing.outputs import Results

DATES: Final = ("start1", "end1", "start2", "end2")
_HOUR_MS: Final = 3_600_000
_HOUR_S: Final = 3600.0
_CONFIDENCE: Final = ("probable", "confirmed")
_DELTA, _RHO = PARAMETERS.index("delta"), PARAMETERS.index("rho")


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What some animals gave.

    Attributes
    ----------
    names, crs : tuple of str
        Of each animal; ``crs`` is empty for a plane that is not on the globe.
    is_degrees : bool
        The table's positions are in degrees, and so are those of the results.
    series, fits, dates
        Of the animal-years.
    days : Tracks
        Daily medians of each animal, with the row of their phase in ``day_phase``.
    is_change : (r,) array of bool
        Whether a change point confirms each transition.
    stay_times : begins and ends of the stays, ms since 1970 UTC
    is_stopover : (s,) array of bool
        Whether each stay lies in a migration.
    """

    names: tuple[str, ...]
    crs: tuple[str, ...]
    is_degrees: bool
    years: AnimalYears
    series: Displacements
    fits: DisplacementFits
    dates: MovementDates
    phases: Phases
    transitions: Transitions
    is_change: BoolArray
    days: Tracks
    day_phase: IntArray
    stays: Stays
    stay_times: tuple[IntArray, IntArray]
    is_stopover: BoolArray
    offset_h: float
    fixes: int


def write_phases(results: Results, found: Found) -> None:
    """Write ``phases``: a row for each animal-year."""
    fits, dates = found.fits, found.dates
    rows = np.arange(len(fits))
    best = fits.best
    shift_ms = round(found.offset_h * _HOUR_MS)
    first = found.years.tracks.offsets[:-1]
    columns: dict[str, Any] = {
        "burst": pa.array(fits.names, pa.string()),
        "n": fits.positions,
        "best": words(MODELS, best),
    }
    for number, name in enumerate(DATES):
        columns[name] = _dates(dates.at_ms[:, number], shift_ms)
    columns |= {
        "id": words(found.names, found.years.animal),
        "day_zero_utc": times(fits.zero_ms),
        "begins_utc": times(found.years.tracks.t_ms[first]),
        "ends_utc": times(found.years.tracks.t_ms[found.years.tracks.offsets[1:] - 1]),
        "aic": floats(np.where(best >= 0, fits.aic[rows, best], np.nan)),
        "delta_km2": floats(np.where(best >= 0, fits.values[rows, best, _DELTA], np.nan)),
        "rho_days": floats(np.where(best >= 0, fits.values[rows, best, _RHO], np.nan)),
        "dates_outside": pa.array(
            [" ".join(np.array(DATES)[outside]) or None for outside in dates.is_outside],
            pa.string(),
        ),
        "moves_overlap": pa.array(dates.overlaps),
        "models_dropped": pa.array(
            [" ".join(np.array(MODELS)[~kept]) or None for kept in fits.is_supported], pa.string()
        ),
    }
    results.write_table("phases", pa.table(columns))


def write_models(results: Results, found: Found) -> None:
    """Write ``models``: a row for each parameter of each model; in compat mode of those kept."""
    fits = found.fits
    known = np.isfinite(fits.values)
    if fits.mode == "compat":
        known = known & fits.is_supported[:, :, None]
    year, model, parameter = np.nonzero(known)
    table = pa.table(
        {
            "burst": words(fits.names, year),
            "model": words(MODELS, model),
            "AIC": fits.aic[year, model],
            "param": words(PARAMETERS, parameter),
            "value": fits.values[year, model, parameter],
            "rss_km4": fits.rss_km4[year, model],
            "supported": pa.array(fits.is_supported[year, model]),
        }
    )
    results.write_table("models", table)


def write_transitions(results: Results, found: Found) -> None:
    """Write ``transitions``: a row for each change from one phase to the next."""
    of = found.transitions
    place, shapes, crs = _places(
        found, of.track, found.phases.x[of.phase], found.phases.y[of.phase]
    )
    table = pa.table(
        {
            "id": words(found.names, of.track),
            "time_utc": times(of.at_ms),
            "from": words(KINDS, of.before),
            "to": words(KINDS, of.after),
            "confidence": words(_CONFIDENCE, of.is_confirmed.astype(np.int64)),
            "known_utc": times(of.known_ms),
            "change_point": pa.array(found.is_change),
        }
        | place
    )
    results.write_table("transitions", table, geometry=shapes, crs=crs)


def write_daily(results: Results, found: Found) -> None:
    """Write ``daily``: a row for each phase of the daily rule."""
    of = found.phases
    place, shapes, crs = _places(found, of.track, of.x, of.y)
    table = pa.table(
        {
            "id": words(found.names, of.track),
            "phase": words(KINDS, of.kind),
            "begins_utc": times(of.begins_ms),
            "ends_utc": times(of.ends_ms),
            "confidence": words(_CONFIDENCE, of.is_confirmed.astype(np.int64)),
            "known_utc": times(of.known_ms),
            "days": of.days,
            "range": pa.array(of.range_id, mask=of.range_id < 0),
        }
        | place
    )
    results.write_table("daily", table, geometry=shapes, crs=crs)


def write_stopovers(results: Results, found: Found) -> None:
    """Write ``stopovers``: a row for each stay within a migration."""
    of, at = found.stays, np.flatnonzero(found.is_stopover)
    begins, ends = (one[at] for one in found.stay_times)
    place, shapes, crs = _places(found, of.track[at], of.x[at], of.y[at])
    table = pa.table(
        {
            "id": words(found.names, of.track[at]),
            "begins_utc": times(begins),
            "ends_utc": times(ends),
            "duration_h": (ends - begins) / (_HOUR_S * 1000.0),
            "fixes": of.last[at] - of.first[at] + 1,
            "radius_m": of.radius_m[at],
            "begins_in_gap": pa.array(of.begins_in_gap[at]),
            "ends_in_gap": pa.array(of.ends_in_gap[at]),
        }
        | place
    )
    results.write_table("stopovers", table, geometry=shapes, crs=crs)


def degrees_of(
    found: Found, track: IntArray, x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Positions of tracks in the table's own coordinates, degrees or metres."""
    if not found.is_degrees:
        return x, y
    lon, lat = np.empty(len(x)), np.empty(len(y))
    for one in np.unique(track):
        here = track == one
        lon[here], lat[here] = change_crs(x[here], y[here], source=found.crs[one], target=DEGREES)
    return lon, lat


def words(names: Any, numbers: IntArray) -> pa.Array:
    """Words by number, nothing for -1."""
    every = pa.array(names, pa.string())
    taken = pa.array(np.where(numbers >= 0, numbers, 0), mask=numbers < 0)
    return every.take(taken)


def times(at_ms: IntArray) -> pa.Array:
    """Times in UTC, nothing where missing."""
    return pa.array(at_ms, pa.int64(), mask=at_ms == NO_TIME).cast(pa.timestamp("ms", "UTC"))


def floats(values: Any) -> pa.Array:
    """Numbers, nothing where nan."""
    return pa.array(values, pa.float64(), from_pandas=True)


def _dates(at_ms: IntArray, shift_ms: int) -> pa.Array:
    """Days on which times lie, as text."""
    known = at_ms != NO_TIME
    days = np.where(known, at_ms + shift_ms, 0).astype("datetime64[ms]").astype("datetime64[D]")
    return pa.array(np.datetime_as_string(days).astype(object), pa.string(), mask=~known)


def _places(
    found: Found, track: IntArray, x: FloatArray, y: FloatArray
) -> tuple[dict[str, Any], Any, str | None]:
    """Columns of positions, their points, and the projection of both."""
    across, along = degrees_of(found, track, x, y)
    names = ("lon", "lat") if found.is_degrees else ("x", "y")
    crs = DEGREES if found.is_degrees else (found.crs[0] if found.crs else None)
    columns = {names[0]: across, names[1]: along}
    return columns, shapely.points(across, along), crs
