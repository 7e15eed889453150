"""Cells of a table as animals, numbers and positions; what cannot be read is told or missing."""

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyproj import CRS
from pyproj.exceptions import CRSError

from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.errors import BadTable
from ecoduct_analysis.projection import DEGREES, change_crs

_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def animals(columns: list[Any]) -> tuple[list[str], IntArray]:
    """Names and number of each row, by the first of the columns that names something there.

    Names are sorted, so that the order of rows changes no result.

    Raises
    ------
    BadTable
        A row names nothing: it must not join the track of another.
    """
    named = _words(columns[0])
    if len(columns) > 1 and named.null_count:
        named = pc.coalesce(named, _words(columns[1]))
    if named.null_count:
        row = int(np.argmin(pc.is_valid(named).to_numpy())) + 1
        raise BadTable(
            f"{named.null_count} rows name no animal, first row {row} below the column names: "
            "fill them in or leave them out."
        )
    coded = pc.dictionary_encode(named).unify_dictionaries().combine_chunks()
    names = coded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    place = np.argsort(np.array(order, dtype=np.int64))
    return [names[n] for n in order], place[coded.indices.to_numpy()].astype(np.int64)


def _words(column: Any) -> Any:
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    return pc.if_else(pc.equal(text, ""), None, text)


def numbers(table: pa.Table, name: str) -> FloatArray:
    """Numbers of a column, nan where a cell is empty, infinite or not a number.

    Raises
    ------
    BadTable
        The column holds something, and none of it is a number.
    """
    column = table[name]
    cells = column
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        cells = _read_numbers(column.cast(pa.string()))
    values = pc.fill_null(cells.cast(pa.float64(), safe=False), np.nan).to_numpy()
    made: FloatArray = np.where(np.isfinite(values), values, np.nan)
    filled = column.drop_null()
    if len(filled) and np.isnan(made).all() and _is_text(filled[0].as_py()):
        raise BadTable(
            f"No number in column {name!r} can be read, the first is {filled[0].as_py()!r}."
        )
    return made


def _is_text(cell: object) -> bool:
    return isinstance(cell, str) and cell.strip().lower() not in {"", "nan"}


def _read_numbers(text: Any) -> Any:
    try:
        return text.cast(pa.float64())
    except pa.ArrowInvalid:
        text = pc.utf8_trim_whitespace(text)
        fits = pc.match_substring_regex(text, _NUMBER)
        return pc.if_else(fits, text, None).cast(pa.float64())


def crs_of(column: Any | None, epsg: int | str | None) -> str | None:
    """Projection that a column names, or else a number; none if neither does.

    Raises
    ------
    BadTable
        The rows name several.
    """
    given = None if epsg is None else _crs(str(epsg))
    if column is None:
        return given
    words = pc.unique(_words(column)).to_pylist()
    texts = sorted({_crs(word) if word else given or "" for word in words})
    if len(texts) > 1:
        shown = ", ".join(text or "none" for text in texts)
        raise BadTable(
            f"The positions are in several projections ({shown}): give lon and lat, or a table "
            "for each."
        )
    return texts[0] or None if texts else given


def _crs(word: str) -> str:
    code = word.removesuffix(".0")  # as a data frame writes whole numbers beside missing ones
    return f"EPSG:{code}" if code.isdecimal() else word


def in_metres(
    x: FloatArray, y: FloatArray, crs: str | None
) -> tuple[FloatArray, FloatArray, str | None]:
    """Positions in metres, or in degrees on WGS 84, and the projection that they then have.

    Raises
    ------
    BadTable
        PROJ does not know the projection, or it is not in metres.
    """
    if crs is None or crs == DEGREES:
        return x, y, crs
    try:
        plane = CRS.from_user_input(crs)
    except CRSError as error:
        raise BadTable(f"PROJ does not know the projection {crs!r}.") from error
    if plane.is_geographic:
        lon, lat = change_crs(x, y, source=crs, target=DEGREES)
        known = np.isfinite(lon) & np.isfinite(lat)
        return np.where(known, lon, np.nan), np.where(known, lat, np.nan), DEGREES
    if not plane.is_projected or any(axis.unit_conversion_factor != 1 for axis in plane.axis_info):
        units = ", ".join(sorted({axis.unit_name for axis in plane.axis_info}))
        raise BadTable(f"Positions in {crs!r} are in {units}: give metres or degrees.")
    return x, y, crs


def named(names: Sequence[str], which: IntArray) -> pa.Array:
    """Names by number, (n,), each kept once."""
    words = pa.array([str(name) for name in names], type=pa.string())
    return pa.DictionaryArray.from_arrays(which.astype(np.int32), words)


def projections(crs: list[str], counts: IntArray) -> dict[str, pa.Array]:
    """Column that says the projection of each animal's fixes, as `crs_of` reads it back."""
    codes = [int(one[5:]) if re.fullmatch(r"EPSG:\d+", one) else None for one in crs]
    which = np.repeat(np.arange(len(crs)), counts)
    if None in codes:
        return {"crs": named(crs, which)}
    return {"epsg": pa.array(np.array(codes, dtype=np.int64)[which])}
