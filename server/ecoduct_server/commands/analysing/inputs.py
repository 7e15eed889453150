"""What an analysis reads: track tables, barriers and rules; a fault is told, never traced back."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from shapely.geometry.base import BaseGeometry

from ecoduct_analysis.barriers import USABLE
from ecoduct_analysis.columns import NO_TIME, BoolArray
from ecoduct_analysis.errors import AnalysisError, BadRule
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.projection import change_crs
from ecoduct_analysis.screening import screen
from ecoduct_analysis.tables import from_arrow, load_csv, visible
from ecoduct_server.errors import BadRequest

Rule = TypeVar("Rule")

_NAMES = ("name", "id", "fence_id", "label")
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, eq=False)
class TrackTable:
    """All fixes of a file, and which of them the file itself does not mark as outliers.

    Attributes
    ----------
    fixes : Fixes
        ``row`` counts the rows below the column names from 0.
    visible : (n,) array of bool
    owners : tuple of str
        Animal of each of the fixes' names, which may be parts of an animal's life.
    """

    fixes: Fixes
    visible: BoolArray
    owners: tuple[str, ...]

    def kept(self, *, screened: bool, now_ms: int) -> BoolArray:
        """Which fixes to analyse: visible ones with time and place that screening does not flag.

        Parameters
        ----------
        screened : bool
            Without it the last of these does not count.
        now_ms : int
            No fix can be later.

        Returns
        -------
        (n,) array of bool
        """
        fixes = self.fixes
        kept: BoolArray = (
            self.visible & np.isfinite(fixes.x) & np.isfinite(fixes.y) & (fixes.t_ms != NO_TIME)
        )
        if screened:
            kept[kept] = screen(fixes.where(kept), now_ms=now_ms).kept
        return kept


@dataclass(frozen=True, slots=True, eq=False)
class BarrierTable:
    """Barriers of a file.

    Attributes
    ----------
    names : tuple of str
        One for each barrier; its number in the file where the file names none.
    geometries : tuple of shapely geometries, m
        Lines and polygons in the projection that was asked for.
    columns : pyarrow.Table
        The other attributes, one row for each barrier.
    without_geometry : int
        Features that were left out since they are nowhere.
    """

    names: tuple[str, ...]
    geometries: tuple[BaseGeometry, ...]
    columns: pa.Table
    without_geometry: int


def read_tracks(path: Path, *, epsg: int | None = None, by: str | None = None) -> TrackTable:
    """Read a track table.

    Parameters
    ----------
    by : str, optional
        Column that names the tracks, where an animal has several: its years, its migrations.

    Raises
    ------
    BadRequest
    """
    try:
        table = load_csv(path, also=[by] if by else [])
        fixes = from_arrow(table, epsg=epsg, hidden=True, by=by)
        whole = from_arrow(table, epsg=epsg, hidden=True) if by else fixes
        owners = _owners(path, fixes, whole) if by else fixes.names
        return TrackTable(fixes, visible(table)[fixes.row], owners)
    except OSError as error:
        raise _unreadable(path, error) from error
    except AnalysisError as error:
        raise BadRequest(
            str(error), where=str(path),
            remedy="Correct the table. The projection of columns x and y can be given as --epsg.",
        ) from error  # fmt: skip


def chunks(table: TrackTable, fixes: int) -> Iterator[TrackTable]:
    """Whole animals, some at a time, with about ``fixes`` fixes each; one, empty, of no fixes."""
    whole = table.fixes
    begin = 0
    while begin < len(whole.names) or begin == 0:
        limit = whole.offsets[begin] + fixes
        end = max(begin + 1, int(np.searchsorted(whole.offsets, limit, side="right")) - 1)
        end = min(end, len(whole.names))
        at = slice(int(whole.offsets[begin]), int(whole.offsets[end]))
        part = Fixes(
            names=whole.names[begin:end], offsets=whole.offsets[begin : end + 1] - at.start,
            t_ms=whole.t_ms[at], x=whole.x[at], y=whole.y[at], row=whole.row[at], crs=whole.crs,
            error_m=None if whole.error_m is None else whole.error_m[at],
            dop=None if whole.dop is None else whole.dop[at],
        )  # fmt: skip
        yield TrackTable(part, table.visible[at], table.owners[begin:end])
        begin = max(end, 1)


def read_barriers(
    path: Path, *, crs: str, layer: str | None = None, kind: str = "barrier"
) -> BarrierTable:
    """Read barriers, or corridors, from a GeoJSON, GeoPackage or Shapefile.

    Where features have a ``kind`` and some are of the kind that is asked for, as in the landscape
    of a server, the others are passed over.

    Parameters
    ----------
    kind : str
        ``barrier`` or ``corridor``.
    crs : str
        Projection in metres to give them in.
    layer : str, optional
        Needed where the file has several.

    Raises
    ------
    BadRequest
        The file cannot be read, does not say its projection, or holds something else than lines
        and polygons.
    """
    meta, table = _read_layer(path, layer)
    name = meta["geometry_name"] or "wkb_geometry"
    if name not in table.column_names:
        raise BadRequest(
            "The file holds no geometries.", where=str(path), remedy="Give lines or polygons."
        )
    if "kind" in table.column_names:
        of_kind = np.array([one == kind for one in table["kind"].to_pylist()], dtype=bool)
        table = table.filter(pa.array(of_kind)) if of_kind.any() else table
    places = shapely.force_2d(shapely.from_wkb(table[name].to_numpy(), on_invalid="ignore"))
    somewhere = ~(shapely.is_missing(places) | shapely.is_empty(places))
    columns = table.drop_columns([name]).filter(pa.array(somewhere))
    names = _names(columns, np.flatnonzero(somewhere))
    return BarrierTable(
        names=names,
        geometries=_projected(path, names, places[somewhere], source=meta["crs"], target=crs),
        columns=columns,
        without_geometry=int(np.count_nonzero(~somewhere)),
    )


def parse_rule(kind: type[Rule], pairs: Sequence[str]) -> Rule:
    """Build a rule from its defaults and ``name=value`` pairs.

    ``none`` stands for no limit, where a rule allows that.

    Raises
    ------
    BadRequest
        A name the rule does not have, a value of another type, or one out of range.
    """
    types = get_type_hints(kind)
    given: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = (part.strip() for part in pair.partition("="))
        if not equals or name not in types:
            raise _unknown(kind, pair, name, list(types))
        if name in given:
            raise BadRequest(
                f"{name} is given twice.", where=f"--rule {pair}", remedy="Give it once."
            )
        given[name] = _value(types[name], text, pair)
    try:
        return kind(**given)
    except BadRule as error:
        raise BadRequest(
            str(error), where=" ".join(f"--rule {pair}" for pair in pairs) or kind.__name__,
            remedy="Give a value that the method can use; its page in docs/methods has the limits.",
        ) from error  # fmt: skip


def _owners(path: Path, parts: Fixes, whole: Fixes) -> tuple[str, ...]:
    counts = np.diff(whole.offsets)
    animal = np.empty(len(whole), dtype=np.int64)
    animal[whole.row] = np.repeat(np.arange(len(counts)), counts)
    first = animal[parts.row[parts.offsets[:-1]]]
    shared = animal[parts.row] != np.repeat(first, np.diff(parts.offsets))
    if shared.any():
        at = int(np.argmax(shared))
        name = parts.names[int(np.searchsorted(parts.offsets, at, side="right")) - 1]
        raise BadRequest(
            f"{name!r} holds fixes of {whole.names[first[parts.names.index(name)]]} and of "
            f"{whole.names[animal[parts.row[at]]]}.",
            where=str(path), remedy="Give a column whose names belong to one animal each.",
        )  # fmt: skip
    return tuple(whole.names[number] for number in first)


def _unreadable(path: Path, error: Exception) -> BadRequest:
    told = getattr(error, "strerror", None) or str(error)
    return BadRequest(
        f"The file cannot be read: {told}.",
        where=str(path), remedy="Check its name and who may read it.",
    )  # fmt: skip


def _read_layer(path: Path, layer: str | None) -> tuple[dict[str, Any], pa.Table]:
    remedy = "Give a GeoJSON, a GeoPackage or a Shapefile (with its .shx, .dbf and .prj)."
    try:
        with path.open("rb"):
            layers = [str(name) for name, _ in pyogrio.list_layers(path)]
        if layer is None and len(layers) > 1:
            raise BadRequest(
                f"The file has {len(layers)} layers: {', '.join(layers)}.",
                where=str(path), remedy="Name one of them as --layer.",
            )  # fmt: skip
        meta, table = pyogrio.read_arrow(path, layer=layer)
    except (DataLayerError, DataSourceError) as error:
        raise BadRequest(
            f"The file cannot be read: {error}", where=str(path), remedy=remedy
        ) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    return meta, table


def _names(columns: pa.Table, numbers: Any) -> tuple[str, ...]:
    plain = {name.lower(): name for name in reversed(columns.column_names)}
    # GIS programs number features in a column like FID, OBJECTID or FID_Fence0.
    numbering = (name for lower, name in plain.items() if re.search(r"^(object|f)?id|id$", lower))
    chosen = next((plain[name] for name in _NAMES if name in plain), next(numbering, None))
    given = columns[chosen].to_pylist() if chosen else [None] * len(numbers)
    return tuple(
        _spoken(name) or str(number + 1) for number, name in zip(numbers, given, strict=True)
    )


def _spoken(name: Any) -> str:
    """Name as one says it: nothing for a missing one, and no decimals for a whole number."""
    if isinstance(name, float):
        return str(int(name)) if name.is_integer() else ""
    return "" if name is None else str(name)


def _projected(
    path: Path, names: tuple[str, ...], places: Any, *, source: str | None, target: str
) -> tuple[BaseGeometry, ...]:
    if source is None:
        raise BadRequest(
            "The file does not say its projection.", where=str(path),
            remedy="Save it with its projection: a Shapefile needs its .prj beside it.",
        )  # fmt: skip
    for name, place in zip(names, places, strict=True):
        if place.geom_type not in USABLE:
            raise BadRequest(
                f"{name!r} is a {place.geom_type}.",
                where=str(path), remedy="Give lines or polygons.",
            )  # fmt: skip
    if source != target:
        corners = shapely.get_coordinates(places)
        x, y = change_crs(corners[:, 0], corners[:, 1], source=source, target=target)
        places = shapely.set_coordinates(places, np.stack((x, y), axis=1))
    bounds = shapely.bounds(places).reshape(-1, 4)
    if not np.isfinite(bounds).all():
        name = names[int(np.argmin(np.isfinite(bounds).all(axis=1)))]
        raise BadRequest(
            f"{name!r} has a corner that is nowhere in {target}.", where=str(path),
            remedy="Check its coordinates: degrees are lon before lat.",
        )  # fmt: skip
    return tuple(places)


def _unknown(kind: type[Any], pair: str, name: str, known: list[str]) -> BadRequest:
    near = difflib.get_close_matches(name, known, n=1)
    remedy = f"Did you mean {near[0]}?" if near else f"It has {', '.join(known)}."
    what = f"{kind.__name__} has no {name!r}."
    if name in known:
        what, remedy = f"{name} is given no value.", f"Give it as {name}=VALUE."
    return BadRequest(what, where=f"--rule {pair}", remedy=remedy)


def _value(kind: Any, text: str, pair: str) -> Any:
    kinds = get_args(kind) if isinstance(kind, UnionType) or get_origin(kind) else (kind,)
    if NoneType in kinds and text.lower() == "none":
        return None
    wanted = next((one for one in (bool, float, int, str) if one in kinds), None)
    try:
        if wanted is bool:
            return _WORDS[text.lower()]
        value = wanted(text) if wanted else None
    except (ValueError, KeyError):
        value = None
    if value is None or value != value:  # noqa: PLR0124 - nan is no number to work with
        asked = {bool: "true or false", float: "a number", int: "a whole number"}
        needs = asked.get(wanted, "to be set in a program") if wanted else "to be set in a program"
        raise BadRequest(
            f"{pair.partition('=')[0].strip()} needs {needs}, not {text!r}.",
            where=f"--rule {pair}", remedy="Correct the value.",
        )  # fmt: skip
    return value


def rule_values(rule: Any) -> dict[str, Any]:
    """Values of a rule by name, as a record keeps them; rules within rules too."""
    return {
        field.name: rule_values(value) if is_dataclass(value) else value
        for field in fields(rule)
        for value in (getattr(rule, field.name),)
    }
