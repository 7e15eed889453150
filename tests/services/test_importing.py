"""Files into the store: their columns, their bad rows, and what is said of them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ecoduct_server.errors import BadRequest
from ecoduct_server.ingest import deployments
from ecoduct_server.ingest.deployments import Deployment
from ecoduct_server.ingest.importers import Imported, import_tracks
from ecoduct_server.store.pool import Connection
from ecoduct_sim.projection import to_lon_lat
from services.serving import run
from services.store_tales import SetClock

pytestmark = pytest.mark.services


def importing(store: Connection, folder: Path, text: str, *, epsg: int | None = None) -> Imported:
    path = folder / "tracks.csv"
    path.write_text(text, encoding="utf-8")
    return import_tracks(store, path, clock=SetClock(), epsg=epsg)


def positions(store: Connection) -> list[tuple[str, str, int, int]]:
    rows = store.execute(
        "SELECT animal, to_char(fixed_at, 'YYYY-MM-DD HH24:MI:SS.MS') AS at, lon_e7, lat_e7 "
        "FROM fix JOIN deployment USING (device) ORDER BY animal, fixed_at"
    ).fetchall()
    return [(row["animal"], row["at"], row["lon_e7"], row["lat_e7"]) for row in rows]


@pytest.mark.parametrize(
    "head",
    [
        "individual-local-identifier,timestamp,location-long,location-lat",
        "individual_local_identifier,timestamp,location_long,location_lat",
        "\ufeffid,timestamp,lon,lat",
        "animal,time,longitude,latitude",
    ],
)
def test_columns_go_by_the_names_that_people_use(
    store: Connection, tmp_path: Path, head: str
) -> None:
    importing(store, tmp_path, f'{head}\n"Näm, a","2026-01-01 00:00:00.250",106.5,44.1234567\n')
    assert positions(store) == [("Näm, a", "2026-01-01 00:00:00.250", 1_065_000_000, 441_234_567)]


@pytest.mark.parametrize(
    ("table", "epsg"),
    [("id,timestamp,x,y,epsg\na,2014-01-01T05:00:00Z,566155,4731866,32612\n", None),
     ("id,timestamp,x,y\na,2014-01-01T05:00:00Z,566155,4731866\n", 32612)],
)  # fmt: skip
def test_metres_are_read_in_their_projection(
    store: Connection, tmp_path: Path, table: str, epsg: int | None
) -> None:
    importing(store, tmp_path, table, epsg=epsg)
    [(_, _, lon_e7, lat_e7)] = positions(store)
    # The simulator's own series for the same projection shares no code with the server's.
    lon, lat = to_lon_lat(566155, 4731866, epsg=32612)
    assert (lon_e7, lat_e7) == (round(lon * 1e7), round(lat * 1e7))


def test_bad_rows_are_named_by_line_and_the_good_ones_are_kept(
    store: Connection, tmp_path: Path
) -> None:
    rows = [
        "id,timestamp,lon,lat,visible",
        "a,2026-01-01T00:00:00Z,106,44,true",
        "a,2026-01-01T01:00:00Z,206,44,true",
        "a,yesterday,106,44,true",
        "a,2026-01-01T02:00:00Z,,,true",
        "a,2026-01-01T03:00:00Z,nan,44,true",
        ",2026-01-01T04:00:00Z,106,44,true",
        "a,2026-01-01T05:00:00Z,106,44,false",
        "a",
        "a\x07,2026-01-01T05:30:00Z,106,44,true",
        "a,2026-01-01T06:00:00+08:00,106,44,true",
    ]
    done = importing(store, tmp_path, "\n".join(rows) + "\n")
    assert [line.partition(":")[0] for line in done.refused] == [f"line {n}" for n in range(3, 11)]
    assert (done.rows, done.stored) == (10, 2)
    assert [at for _, at, _, _ in positions(store)] == [
        "2025-12-31 22:00:00.000", "2026-01-01 00:00:00.000"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "lacks a column"),
        ("id,when,lon,lat\n", "lacks a column"),
        ("id,timestamp\n", "lacks a column"),
        ("id,timestamp,x,y\na,2026-01-01,1,2\n", "need a projection"),
    ],
)
def test_file_without_its_columns_is_refused_with_what_to_do(
    store: Connection, tmp_path: Path, text: str, word: str
) -> None:
    with pytest.raises(BadRequest, match=word):
        importing(store, tmp_path, text)


def test_device_and_species_of_movebank_make_the_deployment(
    store: Connection, tmp_path: Path
) -> None:
    importing(
        store,
        tmp_path,
        "individual-local-identifier,tag-local-identifier,individual-taxon-canonical-name,"
        "timestamp,location-long,location-lat\nKhulan,T-9,Equus hemionus,2026-01-01,106,44\n",
    )
    row = store.execute("SELECT device, animal, species FROM deployment JOIN animal USING (animal)")
    assert row.fetchall() == [{"device": "T-9", "animal": "Khulan", "species": "Equus hemionus"}]


def test_device_on_two_animals_at_once_is_refused(store: Connection) -> None:
    may = datetime(2026, 5, 1, tzinfo=UTC)
    deployments.add(store, [Deployment("c", "one", ends_at=may)])
    assert deployments.add(store, [Deployment("c", "one", ends_at=may)]) == 0
    assert deployments.add(store, [Deployment("c", "two", starts_at=may)]) == 1
    with pytest.raises(BadRequest, match="at once"):
        deployments.add(
            store, [Deployment("c", "three", starts_at=datetime(2026, 4, 1, tzinfo=UTC))]
        )


def test_deployments_are_read_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "deployments.csv"
    path.write_text("device,animal,species,starts_at,ends_at,delay_s\nc,a,,2026-05-01,,3600\n")
    [found] = deployments.read_csv(path)
    assert found == Deployment("c", "a", starts_at=datetime(2026, 5, 1, tzinfo=UTC), delay_s=3600)
    path.write_text("device,animal,starts_at\nc,a,spring\n")
    with pytest.raises(BadRequest, match="spring"):
        deployments.read_csv(path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["import", "tracks", "{folder}/none.csv"], "does not exist"),
        (["import", "landscape", "{folder}/bad.json"], "cannot be read"),
        (
            ["trace", "nonsense", "--database", "postgresql://nobody@127.0.0.1:1/x"],
            "cannot be reached",
        ),
        (
            ["serve", "--broker", "http://x", "--database", "postgresql://n@127.0.0.1:1/x"],
            "cannot be",
        ),
        (["nothing"], "No such command"),
    ],
)
def test_command_that_cannot_be_done_says_why_and_ends_with_an_error(
    tmp_path: Path, options: list[str], says: str
) -> None:
    (tmp_path / "bad.json").write_text("{")
    typed = [option.format(folder=tmp_path) for option in options]
    done = run("ecoduct", *typed, ECODUCT_DATA=str(tmp_path / "data"), ECODUCT_PORT="0")
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr
