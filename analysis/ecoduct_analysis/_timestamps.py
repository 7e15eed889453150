"""Times of a table's column, in whatever form, as milliseconds since 1970 UTC."""

import re
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ecoduct_analysis.columns import NO_TIME, BoolArray, IntArray

_PER_MS: Final = {"us": 1_000, "ns": 1_000_000}
_DAY_MS, _HOUR_MS, _MINUTE_MS, _SECOND_MS = 86_400_000, 3_600_000, 60_000, 1_000
_HOURS, _SIXTY, _YEAR_0 = 24, 60, 1970

_ZONED: Final = re.compile(r":\d\d.*([Zz]|[+-]\d\d(:?\d\d)?)$")
_ISO: Final = (
    r"^(?P<year>\d{4})-?(?P<month>\d\d)-?(?P<day>\d\d)"
    r"(?:[Tt ](?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<part>\d+))?)?)?"
    r" ?(?:[Zz]|(?P<sign>[+-])(?P<zone_hour>\d\d)(?::?(?P<zone_minute>\d\d))?)?$"
)
# Twelve digits begin in 1973, fourteen end in 5138: shorter ones are seconds or a date, and to
# read those as milliseconds would put every fix into January 1970.
_EPOCH_MS: Final = r"^\d{12,14}$"


def to_ms(column: Any) -> IntArray:
    """Milliseconds since 1970 UTC of an Arrow column, ``NO_TIME`` where a value is not a time.

    Text is ISO 8601 or whole milliseconds since 1970; without a zone it is UTC. Numbers are
    milliseconds since 1970. Parts of a millisecond are cut off.
    """
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        return _of_instants(column)
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _of_numbers(column)
    if pa.types.is_null(column.type):
        return np.full(len(column), NO_TIME, dtype=np.int64)
    text = column.cast(pa.string())
    # Piece by piece, so that one time in another form slows down its own piece only.
    read = [_of_text(pa.chunked_array([piece])) for piece in text.chunks]
    return np.concatenate(read) if read else np.zeros(0, dtype=np.int64)


def _of_instants(column: Any) -> IntArray:
    counts = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
    unit = column.type.unit
    ms = counts * _SECOND_MS if unit == "s" else counts // _PER_MS.get(unit, 1)
    return _known(ms, pc.is_valid(column).to_numpy())


def _of_numbers(column: Any) -> IntArray:
    if pa.types.is_integer(column.type):
        return _known(pc.fill_null(column, 0).to_numpy(), pc.is_valid(column).to_numpy())
    counts = pc.fill_null(column, np.nan).to_numpy().astype(np.float64)
    known = np.isfinite(counts)
    return _known(np.floor(np.where(known, counts, 0.0)), known)


def _known(ms: Any, known: BoolArray) -> IntArray:
    return np.where(known, ms, NO_TIME).astype(np.int64)


def _of_text(text: Any) -> IntArray:
    # Arrow's own parser is fifteen times faster, but it is all or nothing. To find out that it is
    # nothing takes longer than to read, so that the likelier form comes first.
    forms = [pa.timestamp("us"), pa.timestamp("us", "UTC")]
    if len(text) and _ZONED.search(text[0].as_py() or ""):
        forms.reverse()
    for instant in forms:
        try:
            return _of_instants(text.cast(instant))
        except pa.ArrowInvalid:
            continue
    text = pc.utf8_trim_whitespace(text)
    return np.where(
        pc.fill_null(pc.match_substring_regex(text, _EPOCH_MS), False).to_numpy(),
        _of_counts(text),
        _of_mixed(text),
    )


def _of_counts(text: Any) -> IntArray:
    fits = pc.match_substring_regex(text, _EPOCH_MS)
    return _of_numbers(pc.if_else(fits, text, None).cast(pa.int64()))


def _of_mixed(text: Any) -> IntArray:
    matched = pc.extract_regex(text, _ISO)

    def part(name: str) -> IntArray:
        digits = pc.struct_field(matched, name)
        filled = pc.if_else(pc.equal(digits, ""), "0", digits)
        values: IntArray = pc.fill_null(filled.cast(pa.int64()), 0).to_numpy()
        return values

    digits = pc.utf8_slice_codeunits(pc.struct_field(matched, "part"), 0, 3)
    part_ms = pc.fill_null(pc.utf8_rpad(digits, 3, "0").cast(pa.int64()), 0).to_numpy()
    west = pc.fill_null(pc.equal(pc.struct_field(matched, "sign"), "-"), False).to_numpy()
    hour, minute, second = part("hour"), part("minute"), part("second")
    zone_hour, zone_minute = part("zone_hour"), part("zone_minute")
    # NumPy counts the days: arithmetic on months knows leap years, and an impossible day shows.
    month = ((part("year") - _YEAR_0) * 12 + part("month") - 1).astype("datetime64[M]")
    begin, end = month.astype("datetime64[D]"), (month + 1).astype("datetime64[D]")
    day = part("day")
    known = (
        pc.is_valid(matched).to_numpy() & (part("month") >= 1) & (part("month") <= 12)  # noqa: PLR2004 - months
        & (day >= 1) & (day <= (end - begin).astype(np.int64))
        & (hour < _HOURS) & (minute < _SIXTY) & (second < _SIXTY)
        & (zone_hour < _HOURS) & (zone_minute < _SIXTY)
    )  # fmt: skip
    zone_ms = zone_hour * _HOUR_MS + zone_minute * _MINUTE_MS
    ms = (
        (begin.astype(np.int64) + day - 1) * _DAY_MS + hour * _HOUR_MS + minute * _MINUTE_MS
        + second * _SECOND_MS + part_ms + np.where(west, zone_ms, -zone_ms)
    )  # fmt: skip
    return _known(ms, known)
