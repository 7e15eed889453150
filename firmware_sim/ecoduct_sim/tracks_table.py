"""Read a table of tracks: any CSV file with an animal, a time and a position in each row."""

import csv
import gzip
import io
import math
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ecoduct_sim.clock import from_iso, to_datetime
from ecoduct_sim.errors import ProjectionError, TrackError
from ecoduct_sim.projection import WGS84, to_lon_lat

# Names are compared in lower case with every other character as "_"; Movebank's come first.
_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "animal": ("individual_local_identifier", "animal", "id", "individual", "animal_id"),
    "time": ("timestamp", "timestamp_utc", "time", "fixed_at", "datetime", "t"),
    "lon": ("location_long", "lon", "longitude", "long"),
    "lat": ("location_lat", "lat", "latitude"),
    "x": ("x", "easting", "utm_easting"),
    "y": ("y", "northing", "utm_northing"),
    "epsg": ("epsg", "srid"),
    "species": ("individual_taxon_canonical_name", "species", "taxon"),
    "visible": ("visible",),
}
# Collar frames count seconds in 32 bits, to 2106, and 0 means no clock.
_EARLIEST_MS: Final = 1_000
_LATEST_MS: Final = 2**32 * 1000


@dataclass(frozen=True, slots=True)
class Row:
    """One position of the table; degrees."""

    animal: str
    at_ms: int
    lon: float
    lat: float


@dataclass(slots=True)
class Table:
    """Rows in the order of the file, and how many were passed over, by reason.

    ``no_position`` are rows without coordinates, ``not_visible`` those that Movebank marks as
    outliers.
    """

    rows: list[Row] = field(default_factory=list)
    species: dict[str, str] = field(default_factory=dict)
    passed_over: dict[str, int] = field(default_factory=dict)


def read(path: Path, *, epsg: int | None = None) -> Table:
    """Read a CSV file, plain or gzipped.

    Parameters
    ----------
    epsg : int
        Coordinate system of x and y, which are then read even if there are lon and lat, and
        even if a column ``epsg`` says otherwise.

    Raises
    ------
    TrackError
        Naming the file and, where it can, the line and the column.
    """
    reader = csv.reader(io.StringIO(_text(path), newline=""))
    try:
        heads = next(reader, [])
        places = _find_columns(path, heads)
        table = Table()
        for cells in reader:
            if cells:
                _Line(path, reader.line_num, heads, places, cells).add_to(table, epsg=epsg)
    except csv.Error as error:
        raise TrackError(
            f"The file is not CSV: {error}.",
            where=f"{path}, line {reader.line_num}",
            remedy="Export it again as comma-separated text.",
        ) from error
    if not table.rows:
        raise TrackError(
            "The table has no position.", where=str(path), remedy="Check that it is the right file."
        )
    return table


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        return (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise TrackError(
            f"The file cannot be read: {error}.", where=str(path), remedy="Check name and rights."
        ) from error
    except UnicodeDecodeError as error:
        raise TrackError(
            f"Byte {error.start} is not UTF-8.", where=str(path), remedy="Save the file as UTF-8."
        ) from error


def _find_columns(path: Path, heads: list[str]) -> dict[str, int]:
    plain = [re.sub(r"[^a-z0-9]", "_", head.strip().lower()) for head in heads]
    found: dict[str, int] = {}
    for what, names in _NAMES.items():
        present = [name for name in names if name in plain]
        if present:
            found[what] = plain.index(present[0])
    has_position = {"lon", "lat"} <= found.keys() or {"x", "y"} <= found.keys()
    missing = [what for what in ("animal", "time") if what not in found]
    if missing or not has_position:
        missing += [] if has_position else ["lon and lat (or x and y)"]
        raise TrackError(
            f"There is no column for {' and '.join(missing)}; there are: {', '.join(heads)}.",
            where=f"{path}, line 1",
            remedy="Name the columns id, timestamp, lon, lat, or as Movebank does.",
        )
    return found


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the file, with what an error message needs."""

    path: Path
    number: int
    heads: list[str]
    places: dict[str, int]
    cells: list[str]

    def add_to(self, table: Table, *, epsg: int | None) -> None:
        if len(self.cells) != len(self.heads):
            raise TrackError(
                f"The line has {len(self.cells)} cells; the first line has {len(self.heads)}.",
                where=f"{self.path}, line {self.number}",
                remedy="Look for a missing or an unquoted comma.",
            )
        reason = self._pass_over(*self._axes(epsg))
        if reason:
            table.passed_over[reason] = table.passed_over.get(reason, 0) + 1
            return
        row = Row(self._animal(), self._at_ms(), *self._position(*self._axes(epsg), epsg))
        table.rows.append(row)
        if self._cell("species"):
            table.species[row.animal] = self._cell("species")

    def _cell(self, what: str) -> str:
        return self.cells[self.places[what]].strip() if what in self.places else ""

    def _axes(self, epsg: int | None) -> tuple[str, str]:
        has_degrees = {"lon", "lat"} <= self.places.keys()
        has_metres = {"x", "y"} <= self.places.keys()
        return ("x", "y") if has_metres and (epsg or not has_degrees) else ("lon", "lat")

    def _pass_over(self, across: str, up: str) -> str:
        if self._cell("visible").lower() == "false":
            return "not_visible"
        return "" if self._cell(across) or self._cell(up) else "no_position"

    def _animal(self) -> str:
        animal = self._cell("animal")
        if not (animal and animal.isprintable()):
            raise self._refuse("animal", "is not a name", "Give each row the name of its animal.")
        return animal

    def _at_ms(self) -> int:
        try:
            at_ms = from_iso(self._cell("time"))
        except ValueError:
            raise self._refuse(
                "time", "is not a time", "Write it as 2014-03-01T00:00:00Z."
            ) from None
        if not _EARLIEST_MS <= at_ms < _LATEST_MS:
            raise self._refuse(
                "time", "is out of range", f"Use 1970 to {to_datetime(_LATEST_MS):%Y}."
            )
        return at_ms

    def _position(self, across: str, up: str, epsg: int | None) -> tuple[float, float]:
        x, y = self._number(across), self._number(up)
        system = WGS84 if across == "lon" else epsg or self._epsg()
        try:
            return to_lon_lat(x, y, epsg=system)
        except ProjectionError as error:
            raise TrackError(
                error.what,
                where=f"{self.path}, line {self.number}, columns {self._head(across)} and "
                f"{self._head(up)}",
                remedy=error.remedy,
            ) from error

    def _number(self, what: str) -> float:
        try:
            value = float(self._cell(what))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self._refuse(what, "is not a number", "Use digits and a decimal point.")
        return value

    def _epsg(self) -> int:
        if "epsg" not in self.places:
            raise TrackError(
                "x and y are in an unknown coordinate system.",
                where=str(self.path),
                remedy="Add --epsg, for example --epsg 32612, or a column epsg.",
            )
        digits = self._cell("epsg").upper().removeprefix("EPSG:")
        if not (digits.isascii() and digits.isdigit()):
            raise self._refuse("epsg", "is not an EPSG number", "Write it as 32612.")
        return int(digits)

    def _head(self, what: str) -> str:
        return f"`{self.heads[self.places[what]]}`"

    def _refuse(self, what: str, why: str, remedy: str) -> TrackError:
        return TrackError(
            f"{self._cell(what)!r} {why}.",
            where=f"{self.path}, line {self.number}, column {self._head(what)}",
            remedy=remedy,
        )


def by_time(rows: list[Row]) -> list[Row]:
    """Rows of all animals on one line of time; rows of the same moment keep the file's order."""
    return sorted(rows, key=lambda row: row.at_ms)
