import gzip
from pathlib import Path

import pytest

from ecoduct_sim.clock import to_iso
from ecoduct_sim.errors import TrackError
from ecoduct_sim.tracks_table import by_time, read


def table(folder: Path, text: str) -> Path:
    path = folder / "tracks.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_movebank_columns_are_read_quoted_and_behind_a_byte_order_mark(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        '\ufeff"event-id","visible","timestamp","location-long","location-lat",'
        '"individual-taxon-canonical-name","individual-local-identifier"\n'
        '1,true,"2014-01-01 05:00:00.250",-110.5,42.25,"Antilocapra americana","102, ""old"""\n'
        "2,false,2014-01-01 06:00:00.000,0,0,Antilocapra americana,102\n"
        "3,true,2014-01-01 07:00:00.000,,,Antilocapra americana,102\n",
    )
    found = read(path)
    (row,) = found.rows
    assert (row.animal, row.at_ms) == ('102, "old"', 1_388_552_400_250)
    assert (row.lon, row.lat) == (-110.5, 42.25)
    assert found.passed_over == {"not_visible": 1, "no_position": 1}
    assert found.species == {'102, "old"': "Antilocapra americana"}


@pytest.mark.parametrize(
    "head",
    [
        "individual_local_identifier,timestamp,location_long,location_lat",
        "individual.local.identifier,timestamp,location.long,location.lat",
        "id,timestamp_utc,lon,lat",
        "ID,Time,Longitude,Latitude",
    ],
)
def test_other_spellings_of_the_columns_are_known(tmp_path: Path, head: str) -> None:
    (row,) = read(table(tmp_path, f"{head}\na,2014-01-01T00:00:00Z,1.5,2.5\n")).rows
    assert (row.animal, row.lon, row.lat) == ("a", 1.5, 2.5)


def test_a_time_with_a_zone_and_one_without_are_both_utc(tmp_path: Path) -> None:
    path = table(
        tmp_path, "id,timestamp,lon,lat\na,2014-01-01T02:00:00+02:00,1,2\na,2014-01-01,1,2\n"
    )
    assert {row.at_ms for row in read(path).rows} == {1_388_534_400_000}


def test_metres_become_degrees_by_the_column_or_by_the_option(tmp_path: Path) -> None:
    text = "id,timestamp,x,y,epsg\na,2014-01-01,500000,0,EPSG:32612\n"
    by_column = read(table(tmp_path, text)).rows[0]
    assert (by_column.lon, by_column.lat) == pytest.approx((-111.0, 0.0), abs=1e-9)
    by_option = read(table(tmp_path, text), epsg=32648).rows[0]
    assert by_option.lon == pytest.approx(105.0, abs=1e-9)


def test_degrees_come_before_metres_without_a_system(tmp_path: Path) -> None:
    path = table(tmp_path, "id,timestamp,lon,lat,x,y\na,2014-01-01,1.5,2.5,700000,10\n")
    assert read(path).rows[0].lon == 1.5
    assert read(path, epsg=32612).rows[0].lon != 1.5


def test_a_gzipped_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv.gz"
    path.write_bytes(gzip.compress(b"id,timestamp,lon,lat\na,2014-01-01,1,2\n"))
    assert len(read(path).rows) == 1


def test_time_order_keeps_the_order_of_rows_of_one_moment(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "id,timestamp,lon,lat\nb,2014-01-02,1,2\nb,2014-01-01,1,2\na,2014-01-01,1,2\n",
    )
    assert [(row.animal, to_iso(row.at_ms)[:10]) for row in by_time(read(path).rows)] == [
        ("b", "2014-01-01"),
        ("a", "2014-01-01"),
        ("b", "2014-01-02"),
    ]


@pytest.mark.parametrize(
    ("line", "complaint", "column"),
    [
        ("a,yesterday,1,2", "'yesterday' is not a time", "line 3, column `timestamp`"),
        ("a,1969-01-01,1,2", "out of range", "line 3, column `timestamp`"),
        ("a,2014-01-01,east,2", "'east' is not a number", "line 3, column `lon`"),
        ("a,2014-01-01,nan,2", "'nan' is not a number", "line 3, column `lon`"),
        ("a,2014-01-01,1,", "'' is not a number", "line 3, column `lat`"),
        (",2014-01-01,1,2", "'' is not a name", "line 3, column `id`"),
        ("a,2014-01-01,1,91", "not on Earth", "line 3, columns `lon` and `lat`"),
        ("a,2014-01-01,1", "3 cells", "line 3"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_and_column(
    tmp_path: Path, line: str, complaint: str, column: str
) -> None:
    path = table(tmp_path, f"id,timestamp,lon,lat\na,2014-01-01,1,2\n{line}\n")
    with pytest.raises(TrackError, match=complaint) as caught:
        read(path)
    assert caught.value.where == f"{path}, {column}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no column for animal and time"),
        ("id,lon,lat\n", "no column for time"),
        ("id,timestamp,x,lat\n", r"no column for lon and lat \(or x and y\)"),
        ("id,timestamp,lon,lat\n", "no position"),
        ("id,timestamp,x,y\na,2014-01-01,1,2\n", "unknown coordinate system"),
        ("id,timestamp,x,y,epsg\na,2014-01-01,1,2,ETRS\n", "'ETRS' is not an EPSG number"),
        ("id,timestamp,x,y,epsg\na,2014-01-01,1,2,5070\n", "EPSG:5070 is not known"),
    ],
)
def test_a_table_that_cannot_be_read_says_what_is_missing(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(TrackError, match=complaint):
        read(table(tmp_path, text))


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    with pytest.raises(TrackError, match="cannot be read"):
        read(path)
    path.write_bytes(b"id,timestamp,lon,lat\n\xff")
    with pytest.raises(TrackError, match="Byte 21 is not UTF-8"):
        read(path)
