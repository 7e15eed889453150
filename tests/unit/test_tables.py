"""Tables in and out, with every fault that tables come with."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecoduct_analysis.columns import NO_TIME
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.errors import BadTable
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.tables import (
    find_columns,
    from_arrow,
    load_csv,
    read_csv,
    to_arrow,
    visible,
    write_csv,
)
from ecoduct_analysis.tracks import Tracks
from gallery import barriers, line, walk

EXAMPLES = Path(__file__).parents[2] / "examples"
MARCH_2026_MS = 1_772_323_200_000  # 2026-03-01T00:00:00Z


def written(folder: Path, text: str, name: str = "tracks.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def times(*texts: str | None) -> list[int]:
    count = len(texts)
    table = pa.table(
        {"id": ["a"] * count, "t": list(texts), "x": [0.0] * count, "y": [0.0] * count}
    )
    fixes = from_arrow(table)
    found = np.empty(count, dtype=np.int64)
    found[fixes.row] = fixes.t_ms
    return found.tolist()


def test_the_example_is_read_as_the_importer_reads_it() -> None:
    fixes = read_csv(EXAMPLES / "tracks.csv")
    assert len(fixes) == 951
    assert fixes.names[:4] == ("A01", "A02", "A03", "A04")
    assert fixes.crs == "EPSG:4326"
    assert (fixes.x[0], fixes.y[0], fixes.t_ms[0]) == (106.9600142, 43.9919039, MARCH_2026_MS)


def test_both_spellings_of_movebank_and_that_of_r_are_known() -> None:
    for mark in "-_.":
        names = [
            name.replace("-", mark)
            for name in ("individual-local-identifier", "tag-local-identifier", "location-long",
                         "location-lat", "eobs:horizontal-accuracy-estimate", "gps:hdop")
        ]  # fmt: skip
        assert list(find_columns(names)) == ["animal", "device", "lon", "lat", "error_m", "dop"]


def test_a_name_as_written_comes_before_one_that_is_only_alike() -> None:
    assert find_columns(["X", "x", "Y", "y"]) == {"x": "x", "y": "y"}
    assert find_columns(["Lon", "LAT"]) == {"lon": "Lon", "lat": "LAT"}


def test_a_mark_of_byte_order_quotes_blank_lines_and_windows_line_ends_do_no_harm(
    tmp_path: Path,
) -> None:
    path = written(
        tmp_path,
        '\ufeffid,comment,"timestamp",lon,lat\r\n"a, the ""old"" one","two\r\nlines",'
        "2026-03-01T00:00:00Z,106.5,43.5\r\n\r\na2,,2026-03-01T01:00:00Z,,\r\n",
    )
    fixes = read_csv(path)
    assert fixes.names == ('a, the "old" one', "a2")
    assert fixes.row.tolist() == [0, 1]
    assert fixes.x[0] == 106.5
    assert np.isnan(fixes.x[1])


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv.gz"
    path.write_bytes(gzip.compress((EXAMPLES / "tracks.csv").read_bytes()))
    assert (read_csv(path).x == read_csv(EXAMPLES / "tracks.csv").x).all()


def test_a_zone_is_counted_and_none_is_utc() -> None:
    assert times(
        "2026-03-01T00:00:00Z", "2026-03-01 00:00:00", "2026-03-01T02:00:00+02:00",
        "2026-02-28T19:00:00.000-0500", "2026-03-01", "20260301T000000Z", "2026-03-01 00:00",
        "2026-03-01T05:45:00,000+05:45", str(MARCH_2026_MS), " 2026-03-01T00:00:00Z ",
    ) == [MARCH_2026_MS] * 10  # fmt: skip


@pytest.mark.parametrize("zone", ["", "Z"])
def test_parts_of_a_millisecond_are_cut_off(zone: str) -> None:
    assert times("2026-03-01T00:00:00.1239" + zone, "1969-12-31T23:59:59.9999" + zone) == [
        MARCH_2026_MS + 123, -1
    ]  # fmt: skip
    assert times("2026-03-01T00:00:00.5" + zone, "2026-03-01T00:00:00.123456789" + zone) == [
        MARCH_2026_MS + 500, MARCH_2026_MS + 123
    ]  # fmt: skip


def test_a_night_of_clock_change_loses_no_row() -> None:
    # Berlin, 2026-10-25: 02:30 comes twice, told apart by the zone.
    at = times(
        "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"
    )
    assert np.diff(at).tolist() == [3_600_000, 3_600_000]


@pytest.mark.parametrize(
    "text",
    ["soon", "", None, "2026-02-30T00:00:00Z", "2026-13-01", "2026-03-01T24:00:00", "0", "17723232",
     "1772323200", "2026-03-01T00:60:00", "2026-03-01T00:00:00+99:00", "2026-00-10", "2026-01-00"],
)  # fmt: skip
def test_what_is_no_time_is_flagged_and_the_rest_is_read(text: str | None) -> None:
    assert times("2026-03-01", text) == [MARCH_2026_MS, NO_TIME]


def test_a_leap_day_is_a_day() -> None:
    assert times("2024-02-29T00:00:00", "x") == [1_709_164_800_000, NO_TIME]
    assert times("1900-02-29", "2024-02-29") == [NO_TIME, 1_709_164_800_000]


def test_a_table_without_any_time_is_refused_with_the_column_and_its_first_value() -> None:
    with pytest.raises(BadTable, match=r"'t' can be read, the first is 'noon'"):
        times("noon", "night")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_arrow_times_are_instants_in_every_unit(unit: str, zone: str | None) -> None:
    at = pa.array([MARCH_2026_MS, None], pa.timestamp("ms")).cast(pa.timestamp(unit, zone))
    fixes = from_arrow(pa.table({"id": ["a", "a"], "t": at, "x": [0, 1], "y": [0, 1]}))
    assert fixes.t_ms.tolist() == [NO_TIME, MARCH_2026_MS]


def test_numbers_are_milliseconds_and_dates_are_midnight() -> None:
    for at in (pa.array([5, None]), pa.array([5.0, np.nan])):
        fixes = from_arrow(pa.table({"id": ["a", "a"], "t": at, "x": [0, 1], "y": [0, 1]}))
        assert fixes.t_ms.tolist() == [NO_TIME, 5]
    day = pa.array([1, 2], pa.date32())
    fixes = from_arrow(pa.table({"id": ["a", "a"], "t": day, "x": [0, 1], "y": [0, 1]}))
    assert fixes.t_ms.tolist() == [86_400_000, 2 * 86_400_000]


def test_a_cell_that_is_no_number_is_missing_and_the_row_stays() -> None:
    lon, lat = ["1e1", " 7.5 ", "east", "inf"], ["1", "2", "3", None]
    table = pa.table({"id": ["a"] * 4, "t": ["2026-03-01"] * 4, "lon": lon, "lat": lat})
    fixes = from_arrow(table)
    np.testing.assert_array_equal(fixes.x, [10, 7.5, np.nan, np.nan])
    np.testing.assert_array_equal(fixes.y, [1, 2, 3, np.nan])


def test_a_column_without_any_number_is_refused() -> None:
    table = pa.table({"id": ["a"], "t": ["2026-03-01"], "lon": ["106,9"], "lat": ["43.9"]})
    with pytest.raises(BadTable, match=r"'lon' can be read, the first is '106,9'"):
        from_arrow(table)


def test_the_tag_stands_in_where_no_individual_is_named() -> None:
    table = pa.table({
        "individual-local-identifier": ["Ada", None, " "], "tag-local-identifier": ["1", "2", "1"],
        "timestamp": ["2026-03-01"] * 3, "location-long": [1, 2, 3], "location-lat": [1, 2, 3],
    })  # fmt: skip
    fixes = from_arrow(table)
    assert fixes.names == ("1", "2", "Ada")
    assert fixes.row.tolist() == [2, 1, 0]


def test_a_row_that_names_nobody_is_told_and_joins_no_track() -> None:
    table = pa.table({"id": ["a", ""], "t": ["2026-03-01"] * 2, "x": [1, 2], "y": [1, 2]})
    with pytest.raises(BadTable, match="1 rows name no animal, first row 2 "):
        from_arrow(table)


def test_an_animal_may_be_called_na(tmp_path: Path) -> None:
    path = written(tmp_path, '"id","t","x","y"\n"NA",2026-03-01,1,NA\n')
    assert read_csv(path).names == ("NA",)
    assert np.isnan(read_csv(path).y[0])


def test_rows_that_are_marked_as_outliers_come_only_when_asked_for(tmp_path: Path) -> None:
    path = written(
        tmp_path, "id,t,visible,lon,lat\na,2026-03-02,false,1,1\na,2026-03-01,true,2,2\n"
    )
    assert read_csv(path).row.tolist() == [1]
    table = load_csv(path)
    every = from_arrow(table, hidden=True)
    assert every.row.tolist() == [1, 0]
    assert visible(table)[every.row].tolist() == [True, False]


def test_an_error_that_is_not_above_0_is_unknown() -> None:
    table = pa.table({"id": ["a"] * 3, "t": [1, 2, 3], "x": [1] * 3, "y": [1] * 3,
                      "hacc_m": [0.0, 14.85, -1.0], "hdop": [1, 2, None]})  # fmt: skip
    fixes = from_arrow(table)
    assert fixes.error_m is not None
    assert fixes.dop is not None
    np.testing.assert_array_equal(fixes.error_m, [np.nan, 14.85, np.nan])
    np.testing.assert_array_equal(fixes.dop, [1, 2, np.nan])


def metres(**columns: object) -> pa.Table:
    return pa.table({"id": ["a", "a"], "t": [1, 2], "x": [5e5, 5e5], "y": [4e6, 4e6], **columns})


def test_the_projection_comes_from_the_table_or_else_from_the_caller() -> None:
    assert from_arrow(metres()).crs is None
    assert from_arrow(metres(), epsg=32612).crs == "EPSG:32612"
    assert from_arrow(metres(epsg=[32613, 32613]), epsg=32612).crs == "EPSG:32613"
    assert from_arrow(metres(epsg=["32613.0", None]), epsg=32613).crs == "EPSG:32613"
    assert from_arrow(metres(crs=["+proj=laea +lat_0=40 +units=m"] * 2)).crs is not None


@pytest.mark.parametrize(
    ("codes", "told"),
    [([32612, 32613], "several projections"), ([32612, None], "several projections"),
     ([2229, 2229], "foot"), ([999999, 999999], "PROJ does not know"), ([4978, 4978], "metre")],
)  # fmt: skip
def test_a_projection_that_cannot_be_used_is_refused(codes: list[int], told: str) -> None:
    with pytest.raises(BadTable, match=told):
        from_arrow(metres(epsg=codes))


def test_other_degrees_become_those_of_wgs_84() -> None:
    table = pa.table({"id": ["a", "a"], "t": [1, 2], "x": [10.0, None], "y": [50.0, 50.0],
                      "epsg": [4314, 4314]})  # fmt: skip
    fixes = from_arrow(table)  # Germany's older datum lies some 100 m off
    assert fixes.crs == "EPSG:4326"
    assert 0 < abs(fixes.x[0] - 10) < 0.01
    assert np.isnan(fixes.x[1])


def test_degrees_win_where_a_table_has_metres_too() -> None:
    fixes = from_arrow(metres(lon=[10.0, 11.0], lat=[50.0, 51.0], epsg=[1, 2]))
    assert (fixes.crs, fixes.x.tolist()) == ("EPSG:4326", [10, 11])


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "^There is no column for the animal and the time and the position among: none"),
     ("id,when,lon,lat\n", "the time among: id, when, lon, lat"),
     ("id;timestamp;lon;lat\n", "position among: id;timestamp;lon;lat"),
     ("timestamp,lon,lat\n", "the animal among"), ("id,timestamp,lon\n", "the position among"),
     ("id,id,timestamp,lon,lat\n", "'id' is there twice"),
     ("id,timestamp,lon,lat\na,2026-03-01,1\n", "Expected 4 columns, got 3")],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_with_what_is_there(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(BadTable, match=told):
        read_csv(written(tmp_path, text))


@pytest.mark.parametrize("name", ["tracks.csv", "tracks.csv.gz"])
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xff")
    with pytest.raises(BadTable, match="not a CSV file in UTF-8"):
        read_csv(path)
    path = tmp_path / "latin.csv"
    path.write_bytes("id,timestamp,lon,lat\nBär,2026-03-01,1,1\n".encode("latin-1"))
    with pytest.raises(BadTable, match="not a CSV file in UTF-8"):
        read_csv(path)


@pytest.mark.parametrize("cut", [15, 40, 3000])
def test_a_gzip_file_that_is_broken_is_refused(tmp_path: Path, cut: int) -> None:
    packed = gzip.compress((EXAMPLES / "tracks.csv").read_bytes())
    path = tmp_path / "tracks.csv.gz"
    for broken in (packed[:cut], packed[:cut] + b"\xff" * 99 + packed[cut:]):
        path.write_bytes(broken)
        with pytest.raises((BadTable, OSError)):
            read_csv(path)


def test_a_table_of_names_only_has_no_fix(tmp_path: Path) -> None:
    fixes = read_csv(written(tmp_path, "id,timestamp,lon,lat,hdop\n"))
    assert (len(fixes), fixes.names, fixes.crs) == (0, (), "EPSG:4326")
    assert read_csv(written(tmp_path, "id,timestamp,x,y,epsg\n"), epsg=32612).crs == "EPSG:32612"


@given(st.data())
def test_fixes_come_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, 20))

    def column(low: float, high: float) -> list[float]:
        number = st.one_of(st.just(np.nan), st.floats(low, high))
        return data.draw(st.lists(number, min_size=count, max_size=count))

    at = st.one_of(st.just(NO_TIME), st.integers(-(10**12), 10**13))
    fixes = Fixes.from_arrays(
        ["NA", 'b, "c"', "д"],
        track=data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count)),
        t_ms=[0, *data.draw(st.lists(at, min_size=count - 1, max_size=count - 1))],
        x=column(-180, 180), y=column(-90, 90), error_m=column(1e-9, 1e9), dop=column(0, 99),
        crs=data.draw(st.sampled_from(["EPSG:4326", "EPSG:32612", "+proj=laea +units=m", None])),
    )  # fmt: skip
    path = tmp_path_factory.mktemp("round") / "fixes.csv"
    write_csv(fixes, path)
    for read in (from_arrow(to_arrow(fixes)), read_csv(path)):
        present = [n for n, many in enumerate(np.diff(fixes.offsets)) if many]
        assert read.names == tuple(fixes.names[n] for n in present)
        assert read.crs == fixes.crs
        for name in ("t_ms", "x", "y", "error_m", "dop"):
            np.testing.assert_array_equal(getattr(read, name), getattr(fixes, name))


def test_tracks_come_back_with_their_projection() -> None:
    tracks = Tracks.from_arrays(["a", "b"], track=[0, 1], t_ms=[5, 6], x=[5e5, 4e5], y=[1, 2],
                                crs="EPSG:32612")  # fmt: skip
    back = from_arrow(to_arrow(tracks)).project()
    assert back.crs == tracks.crs
    assert back.x.tolist() == tracks.x.tolist()


def test_tracks_in_several_projections_are_written_and_not_read_as_one() -> None:
    fixes = Fixes.from_arrays(["a", "b"], track=[0, 1], t_ms=[5, 6], x=[10, 179], y=[50, 85])
    table = to_arrow(fixes.project())
    assert "crs" in table.column_names
    with pytest.raises(BadTable, match="several projections"):
        from_arrow(table)


def test_rows_of_a_result_become_a_table_with_the_names_of_its_tracks() -> None:
    tracks = walk((0, 0), (10, 0))
    found = find_crossings(tracks, barriers(fence=line((5, -9), (5, 9))))
    table = to_arrow(found, names=tracks.names)
    assert table.column_names[:3] == ["id", "track", "feature"]
    assert table["id"].to_pylist() == ["a"]
    assert table["fraction"].to_pylist() == [0.5]
