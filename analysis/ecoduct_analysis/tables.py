"""Track tables in and out: Arrow and CSV, by the column names that are in use."""

import csv
import gzip
import re
import zlib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ecoduct_analysis._cells import animals, crs_of, in_metres, named, numbers, projections
from ecoduct_analysis._timestamps import to_ms
from ecoduct_analysis.columns import NO_TIME, BoolArray
from ecoduct_analysis.errors import BadTable
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.projection import DEGREES
from ecoduct_analysis.tracks import Tracks

# The first name that a table has wins. Case does not count, and `:`, `-`, `.` and space are `_`:
# so each stands for all spellings of Movebank and of R.
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "animal": ("individual_local_identifier", "animal", "id", "individual_id", "trackid",
               "track_id", "name"),
    "device": ("tag_local_identifier", "device", "tag_id", "collar"),
    "species": ("individual_taxon_canonical_name", "species"),
    "at": ("timestamp", "timestamp_utc", "fixed_at", "time", "datetime", "date_time", "t"),
    "lon": ("location_long", "lon", "longitude", "long", "lng"),
    "lat": ("location_lat", "lat", "latitude"),
    "x": ("x", "utm_easting", "easting"),
    "y": ("y", "utm_northing", "northing"),
    "epsg": ("epsg", "srid", "crs"),
    "visible": ("visible",),
    "error_m": ("error_m", "hacc_m", "h_acc_m", "eobs_horizontal_accuracy_estimate",
                "location_error_numerical", "gps_horizontal_accuracy_estimate"),
    "dop": ("dop", "hdop", "gps_hdop", "gps_dop"),
}  # fmt: skip

_BROKEN: Final = (
    pa.ArrowInvalid, UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error, csv.Error
)  # fmt: skip
_DATE: Final = len("2026-03-01")


def find_columns(names: Sequence[str]) -> dict[str, str]:
    """Which of a table's columns hold what, by `COLUMNS`.

    Parameters
    ----------
    names : sequence of str
        As the table has them.

    Returns
    -------
    dict
        Our word and the table's name; what the table lacks is left out.

    Examples
    --------
    >>> find_columns(["event-id", "timestamp", "location-long", "location.lat", "gps:hdop"])
    {'at': 'timestamp', 'lon': 'location-long', 'lat': 'location.lat', 'dop': 'gps:hdop'}
    """
    plain = {re.sub(r"[^a-z0-9]+", "_", name.strip().lower()): name for name in reversed(names)}
    # A name as written comes before one that is only alike: R calls row numbers X.
    known = plain | {name: name for name in names}
    chosen = ((ours, [known[name] for name in COLUMNS[ours] if name in known]) for ours in COLUMNS)
    return {ours: theirs[0] for ours, theirs in chosen if theirs}


def read_csv(path: str | Path, *, epsg: int | str | None = None, hidden: bool = False) -> Fixes:
    r"""Fixes of a CSV file, read by `load_csv` and `from_arrow`, which say how.

    Parameters
    ----------
    path : str or Path
        In UTF-8, with commas, and a line of column names; ``.gz`` is unpacked.
    epsg : int or str, optional
        Projection of columns x and y where the file does not say.
    hidden : bool
        Also give the rows that the file marks as outliers.

    Returns
    -------
    Fixes
        ``row`` counts the rows below the names from 0; blank lines do not count.

    Raises
    ------
    BadTable

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "tracks.csv")
    ...     _ = path.write_text("id,timestamp,lon,lat\na,2026-03-01T00:00:00Z,106.9,43.9\n")
    ...     read_csv(path).names
    ('a',)
    """
    return from_arrow(load_csv(path), epsg=epsg, hidden=hidden)


def load_csv(path: str | Path, *, also: Sequence[str] = ()) -> pa.Table:
    """Columns of a CSV file that `from_arrow` understands, and others that are named, as text.

    Raises
    ------
    BadTable
        The file is empty, is not a CSV file in UTF-8, or lacks a column.
    """
    path = Path(path)
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file), [])
        wanted = list(dict.fromkeys((*_needed(names).values(), *also)))
        if lacking := [name for name in also if name not in names]:
            raise BadTable(f"There is no column {lacking[0]!r} among: {', '.join(names)}.")
        return pyarrow.csv.read_csv(
            str(path),
            # A comment of Movebank's may hold a line break between its quotes.
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,  # R writes an animal called NA as "NA"
            ),
        )
    except _BROKEN as error:
        raise BadTable(f"{path.name} is not a CSV file in UTF-8: {error}") from error


def from_arrow(
    table: pa.Table,
    *,
    epsg: int | str | None = None,
    hidden: bool = False,
    by: str | None = None,
) -> Fixes:
    """Fixes of an Arrow table; the names of its columns are those of `COLUMNS`.

    An animal is the individual, or the tag where no individual is named. A cell that is not a
    time gives ``NO_TIME``, one that is not a number gives nan: `screen` flags such fixes, and no
    row is lost. Degrees win where a table has metres too.

    Parameters
    ----------
    table : pyarrow.Table
        Times as timestamps, ISO 8601 text or milliseconds since 1970; UTC where no zone is given.
    epsg : int or str, optional
        Projection of columns x and y where the table does not say: its number, or anything that
        PROJ reads. Neither: a plane that is not on the globe.
    hidden : bool
        Also give the rows that the table itself marks as outliers (Movebank's ``visible`` is
        false); `visible` tells which. Without it they are left out, and their ``row`` with them.
    by : str, optional
        Column that names the tracks instead of the animal: its years, or its migrations.

    Returns
    -------
    Fixes
        In order of the animals' first rows. The receiver's estimate of its horizontal error is
        taken as the error along each axis, which is up to 1.4 times too careful where the
        receiver means the distance; one that is not above 0 is no estimate and gives nan.

    Raises
    ------
    BadTable
        A column is missing, no cell of a column can be read, rows name no animal, or the
        positions are in several projections, in none that PROJ knows, or not in metres.

    Examples
    --------
    >>> fixes = from_arrow(pa.table({
    ...     "id": ["a", "a"], "timestamp": ["2026-03-29T03:30:00+02:00", "soon"],
    ...     "lon": [106.9, 107.0], "lat": [43.9, 44.0]}))
    >>> (fixes.t_ms == NO_TIME), fixes.row
    (array([ True, False]), array([1, 0]))
    """
    found = _needed(table.column_names)
    named_by = [by] if by else [found[ours] for ours in ("animal", "device") if ours in found]
    names, track = animals([table[name] for name in named_by])
    t_ms = to_ms(table[found["at"]])
    if len(t_ms) and (t_ms == NO_TIME).all():
        raise BadTable(
            f"No time in column {found['at']!r} can be read, the first is "
            f"{table[found['at']][0].as_py()!r}: give ISO 8601 or milliseconds since 1970."
        )
    if {"lon", "lat"} <= found.keys():
        x, y = numbers(table, found["lon"]), numbers(table, found["lat"])
        crs: str | None = DEGREES
    else:
        x, y = numbers(table, found["x"]), numbers(table, found["y"])
        x, y, crs = in_metres(x, y, crs_of(table[found["epsg"]] if "epsg" in found else None, epsg))
    error_m = numbers(table, found["error_m"]) if "error_m" in found else None
    fixes = Fixes.from_arrays(
        names, track=track, t_ms=t_ms, x=x, y=y, crs=crs,
        error_m=None if error_m is None else np.where(error_m > 0, error_m, np.nan),
        dop=numbers(table, found["dop"]) if "dop" in found else None,
    )  # fmt: skip
    return fixes if hidden or "visible" not in found else fixes.where(visible(table)[fixes.row])


def visible(table: pa.Table) -> BoolArray:
    """Which rows a table does not itself mark as outliers.

    Parameters
    ----------
    table : pyarrow.Table

    Returns
    -------
    (rows,) array of bool
        ``visible(table)[fixes.row]`` is in the order of the fixes.

    Examples
    --------
    >>> visible(pa.table({"visible": ["true", "FALSE", None]}))
    array([ True, False,  True])
    """
    found = find_columns(table.column_names)
    if "visible" not in found:
        return np.ones(len(table), dtype=bool)
    words = pc.utf8_trim_whitespace(pc.utf8_lower(table[found["visible"]].cast(pa.string())))
    hidden = pc.fill_null(pc.is_in(words, value_set=pa.array(["false", "0"])), False)
    return ~np.asarray(hidden.to_numpy(), dtype=bool)


def to_arrow(columns: Any, *, names: Sequence[str] = ()) -> pa.Table:
    """Arrow table of fixes, tracks, or the rows of any result.

    Parameters
    ----------
    columns : Fixes, Tracks or a result
        Of a result all attributes that hold one value for each row are given, by their names.
    names : sequence of str, optional
        Names of the tracks, to put a column ``id`` before a result that has ``track``.

    Returns
    -------
    pyarrow.Table
        For fixes and tracks ``id, timestamp, lon, lat`` or ``id, timestamp, x, y`` with ``epsg``
        (``crs`` where a projection has no number), then what is known of the errors: what
        `from_arrow` reads. Animals without fixes are in no row. Missing values are null.

    Examples
    --------
    >>> tracks = Tracks.from_arrays(
    ...     ["a"], track=[0], t_ms=[0], x=[5e5], y=[4.9e6], crs="EPSG:32612")
    >>> to_arrow(tracks).column_names
    ['id', 'timestamp', 'x', 'y', 'epsg']
    """
    if not isinstance(columns, Fixes | Tracks):
        return _of_result(columns, names)
    counts = np.diff(columns.offsets)
    made: dict[str, Any] = {
        "id": named(columns.names, np.repeat(np.arange(len(columns.names)), counts)),
        "timestamp": pa.array(columns.t_ms.view("datetime64[ms]")).cast(pa.timestamp("ms", "UTC")),
    }
    in_degrees = isinstance(columns, Fixes) and columns.is_degrees
    east, north = ("lon", "lat") if in_degrees else ("x", "y")
    made[east] = pa.array(columns.x, from_pandas=True)
    made[north] = pa.array(columns.y, from_pandas=True)
    crs = columns.crs if isinstance(columns, Tracks) else (columns.crs,) * len(columns.names)
    if not in_degrees and crs and crs[0] is not None:
        made |= projections([str(one) for one in crs], counts)
    for ours in ("error_m", "dop"):
        if getattr(columns, ours, None) is not None:
            made[ours] = pa.array(getattr(columns, ours), from_pandas=True)
    return pa.table(made)


def write_csv(columns: Any, path: str | Path, *, names: Sequence[str] = ()) -> None:
    """Write fixes, tracks or a result as `to_arrow` gives them; times in UTC with a Z.

    Numbers are written so that reading gives back the same number, missing ones as nothing.

    Parameters
    ----------
    columns, names
        As for `to_arrow`.
    path : str or Path
        Replaced if it exists.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> fixes = Fixes.from_arrays(["a"], track=[0], t_ms=[5], x=[18.4], y=[np.nan])
    >>> with TemporaryDirectory() as folder:
    ...     write_csv(fixes, Path(folder, "fixes.csv"))
    ...     print(Path(folder, "fixes.csv").read_text(), end="")
    "id","timestamp","lon","lat"
    "a","1970-01-01T00:00:00.005Z",18.4,
    """
    pyarrow.csv.write_csv(with_iso_times(to_arrow(columns, names=names)), str(path))


def with_iso_times(table: pa.Table) -> pa.Table:
    """Arrow table with its timestamps as ISO 8601 text in UTC.

    Examples
    --------
    >>> fixes = Fixes.from_arrays(["a"], track=[0], t_ms=[5], x=[18.4], y=[-33.9])
    >>> with_iso_times(to_arrow(fixes))["timestamp"][0].as_py()
    '1970-01-01T00:00:00.005Z'
    """
    for at, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            naive = pa.timestamp("s" if field.type.unit == "s" else "ms")
            # Arrow's strftime says the same in four times the time.
            text = pc.utf8_replace_slice(
                table.column(at).cast(naive).cast(pa.string()), _DATE, _DATE + 1, "T"
            )
            table = table.set_column(at, field.name, pc.binary_join_element_wise(text, "Z", ""))
    return table


def _needed(names: Sequence[str]) -> dict[str, str]:
    found = find_columns(names)
    lacks = [what for what, ours in (("the animal", {"animal", "device"}), ("the time", {"at"}))
             if not ours & found.keys()]  # fmt: skip
    if not ({"lon", "lat"} <= found.keys() or {"x", "y"} <= found.keys()):
        lacks.append("the position")
    if lacks:
        raise BadTable(
            f"There is no column for {' and '.join(lacks)} among: {', '.join(names) or 'none'}. "
            "Name them as Movebank does, or id,timestamp,lon,lat or id,timestamp,x,y,epsg."
        )
    for name in found.values():
        if list(names).count(name) > 1:
            raise BadTable(f"The column {name!r} is there twice: rename one.")
    return found


def _of_result(result: Any, names: Sequence[str]) -> pa.Table:
    made = {}
    for field in fields(result):
        values = np.asarray(getattr(result, field.name, None))
        if values.shape == (len(result),) and values.dtype != object:
            made[field.name] = pa.array(values, from_pandas=True)
    if names and "track" in made:
        made = {"id": named(names, result.track)} | made
    return pa.table(made)
