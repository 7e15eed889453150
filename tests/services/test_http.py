"""The pages and the interface of a real server, asked as browsers and scripts ask it."""

import csv
import io
import json
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from ecoduct_server.store.pool import connect
from services.serving import Served, serving
from services.stacks import Postgres
from services.store_tales import FENCE, batch, deliver, fix, set_scene

pytestmark = pytest.mark.services

KEY = "a long key"
INTERRUPTED = 130


@pytest.fixture(scope="module")
def database(postgres_server: Postgres) -> Iterator[str]:
    postgres_server.start()
    with postgres_server.fresh_database() as address:
        yield address


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a walk of three animals over a fence; one of them is protected."""
    folder = tmp_path_factory.mktemp("http")
    options = ("--database", database, "--data", str(folder))
    with serving(folder, *options, ECODUCT_KEY=KEY) as server:
        with connect(database) as store:
            set_scene(store, "one", "two", "secret")
            store.execute(
                "UPDATE animal SET (coarsen_m, delay_s) = (5000, 3600) "
                "WHERE animal = 'animal of secret'"
            )
            for device in ("one", "two", "secret"):
                deliver(store, batch([fix(h, 106.97 + h / 50, device=device) for h in range(5)],
                                     epoch=device))  # fmt: skip
            store.commit()
        wait_for_alerts(server, 3)
        yield server


def wait_for_alerts(server: Served, count: int) -> None:
    for _ in range(200):
        if len(exact(server, "/api/alerts")["alerts"]) == count:
            return
        threading.Event().wait(0.1)
    raise AssertionError(f"no {count} alerts:\n{server.log.read_text()}")


def exact(server: Served, path: str) -> dict[str, Any]:
    answer = server.get(path, headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_fixes_come_in_pages_each_once(served: Served) -> None:
    seen, path = [], "/api/fixes?limit=4"
    while path:
        answer = served.get(path, headers={"Authorization": f"Bearer {KEY}"})
        page = answer.json()
        assert len(page["features"]) <= 4
        seen += [feature["id"] for feature in page["features"]]
        path = f"/api/fixes?limit=4&cursor={page['next']}" if page["next"] else ""
        assert ("link" in answer.headers) == bool(path)
    assert len(seen) == len(set(seen)) == 15


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 15),
        ("?animal=animal of one", 5),
        ("?animal=animal of one&animal=animal of two", 10),
        ("?device=two", 5),
        ("?from=2026-01-01T01:00:00Z&to=2026-01-01T03:00:00Z", 6),
        ("?from=2026-01-01T01:00:00", 12),
        ("?bbox=107,43,180,45", 9),
        ("?bbox=170,43,107,45", 6),
        ("?animal=nobody", 0),
    ],
)
def test_fixes_are_chosen_by_animal_device_time_and_place(
    served: Served, query: str, count: int
) -> None:
    assert len(exact(served, f"/api/fixes{query}")["features"]) == count


def test_csv_has_the_names_of_movebank(served: Served) -> None:
    answer = served.get("/api/fixes?format=csv&animal=animal of one")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert rows[0]["individual-local-identifier"] == "animal of one"
    assert rows[0]["timestamp"] == "2026-01-01 00:00:00.000"
    assert float(rows[0]["location-long"]) == 106.97
    assert len(rows) == 5


def test_track_has_a_time_for_each_vertex(served: Served) -> None:
    tracks = exact(served, "/api/tracks?points=3")["features"]
    assert [track["id"] for track in tracks] == [f"animal of {n}" for n in ("one", "secret", "two")]
    assert len(tracks[0]["geometry"]["coordinates"]) == len(tracks[0]["properties"]["times"]) == 3
    assert tracks[0]["properties"]["last_fixed_at"] == "2026-01-01T04:00:00.000Z"


def test_tracks_come_in_pages_of_animals_and_as_a_table(served: Served) -> None:
    first = exact(served, "/api/tracks?limit=2")
    rest = exact(served, f"/api/tracks?limit=2&cursor={first['next']}")
    names = [track["id"] for page in (first, rest) for track in page["features"]]
    assert names == [f"animal of {n}" for n in ("one", "secret", "two")]
    assert rest["next"] is None
    table = served.get("/api/tracks?format=csv&animal=animal of one").text
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["timestamp"] for row in rows] == [f"2026-01-01 0{h}:00:00.000" for h in range(5)]
    assert float(rows[0]["location-long"]) == 106.97


def test_findings_and_alerts_name_the_fence(served: Served) -> None:
    findings = exact(served, "/api/findings?kind=crossing")["findings"]
    assert {finding["place"] for finding in findings} == {"fence"}
    assert {finding["facts"]["direction"] for finding in findings} == {"left_to_right"}
    alert = exact(served, "/api/alerts")["alerts"][-1]
    assert alert["text"] == f"{alert['animal']} crossed Long fence"
    assert alert["late"] is True


def test_landscape_comes_back_as_it_was_given(served: Served) -> None:
    assert exact(served, "/api/landscape") == FENCE
    assert exact(served, "/api/landscape?bbox=0,0,1,1")["features"] == []
    assert exact(served, "/api/landscape?kind=place")["features"] == []


def test_acknowledging_is_told_to_the_stream_and_can_be_undone(served: Served) -> None:
    number = exact(served, "/api/alerts")["alerts"][0]["id"]
    since = exact(served, "/api/alerts")["last_event_id"]
    auth = {"Authorization": f"Bearer {KEY}"}
    url = f"{served.url}/api/alerts/{number}"
    with httpx.stream(
        "GET", f"{served.url}/api/alerts/stream", headers=auth | {"Last-Event-ID": str(since)},
        timeout=20.0,
    ) as stream:  # fmt: skip
        lines = stream.iter_lines()
        assert next(lines) == ": here"
        acknowledged = httpx.post(f"{url}/acknowledge", json={"by": "warden"}, headers=auth)
        assert acknowledged.json()["acknowledged_by"] == "warden"
        again = httpx.post(f"{url}/acknowledge", json={"by": "other"}, headers=auth)
        assert again.json()["acknowledged_by"] == "warden"
        told = json.loads(next(line for line in lines if line.startswith("data: "))[6:])
        assert (told["id"], told["change"]) == (number, "acknowledged")
        assert httpx.post(f"{url}/reopen", headers=auth).json()["status"] == "open"
    late = httpx.stream(
        "GET", f"{served.url}/api/alerts/stream?last_event_id={since}", headers=auth, timeout=20.0
    )
    with late as stream:
        data = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
        assert [next(data)["change"], next(data)["change"]] == ["acknowledged", "reopened"]


def test_form_of_the_script_free_page_goes_back_to_it(served: Served) -> None:
    auth = {"Authorization": f"Bearer {KEY}"}
    number = exact(served, "/api/alerts")["alerts"][0]["id"]
    answer = httpx.post(
        f"{served.url}/api/alerts/{number}/acknowledge", data={"by": "warden"}, headers=auth
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/lite")
    httpx.post(f"{served.url}/api/alerts/{number}/reopen", headers=auth)


def test_script_free_page_shows_alerts_without_scripts(served: Served) -> None:
    answer = served.get("/lite", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 200
    assert "crossed Long fence" in answer.text
    assert "<script" not in answer.text


def test_protected_animal_is_coarse_everywhere_for_who_has_no_key(served: Served) -> None:
    true = {tuple(f["geometry"]["coordinates"]) for f in
            exact(served, "/api/fixes?animal=animal of secret")["features"]}  # fmt: skip
    shown = served.get("/api/fixes?animal=animal of secret").json()["features"]
    assert len(shown) == 5
    assert true.isdisjoint({tuple(f["geometry"]["coordinates"]) for f in shown})
    outputs = (
        "/api/fixes?format=csv", "/api/fixes?limit=10000", "/api/tracks", "/api/animals",
        "/api/alerts", "/api/findings", "/lite",
    )  # fmt: skip
    for path in outputs:
        answer = served.get(path)
        assert answer.status_code == 200
        for lon, _ in true:
            open_rows = answer.text.count(f"{lon}")
            with_key = served.get(path, headers={"Authorization": f"Bearer {KEY}"}).text
            assert open_rows <= with_key.count(f"{lon}")
    secret = [f for f in served.get("/api/findings").json()["findings"]
              if f["animal"] == "animal of secret"]  # fmt: skip
    exactly = [f for f in exact(served, "/api/findings")["findings"]
               if f["animal"] == "animal of secret"]  # fmt: skip
    assert [f["lon"] for f in secret] != [f["lon"] for f in exactly]


def test_protected_animal_cannot_be_found_by_its_true_place(served: Served) -> None:
    box = "?animal=animal of secret&bbox=106.9699,43.9999,106.9701,44.0001"
    assert len(exact(served, f"/api/fixes{box}")["features"]) == 1
    assert served.get(f"/api/fixes{box}").json()["features"] == []


def test_changing_anything_needs_the_key(served: Served) -> None:
    assert httpx.put(f"{served.url}/api/landscape", json=FENCE).status_code == 403
    number = exact(served, "/api/alerts")["alerts"][0]["id"]
    for what in ("acknowledge", "reopen"):
        assert httpx.post(f"{served.url}/api/alerts/{number}/{what}").status_code == 403


BAD_REQUESTS = [
    "/api/fixes?bbox=1,2,3",
    "/api/fixes?bbox=a,b,c,d",
    "/api/fixes?bbox=nan,0,1,1",
    "/api/fixes?bbox=0,95,1,99",
    "/api/fixes?limit=0",
    "/api/fixes?limit=999999999999999999999",
    "/api/fixes?cursor=nonsense",
    "/api/fixes?cursor=WzEsMiwzXQ==",
    "/api/fixes?cursor=bnVsbA==",
    "/api/fixes?from=yesterday",
    "/api/fixes?from=0001-01-01T00:00:00%2B14:00",
    "/api/fixes?format=gpx",
    "/api/tracks?points=-1",
    "/api/findings?cursor=-1",
    "/api/findings?state=x",
    "/api/alerts?before=0",
    "/api/alerts?limit=x",
    "/lite?status=x",
    "/api/alerts/0/acknowledge",
    "/nothing",
    "/static/../app.py",
    "/static/%2e%2e/app.py",
]


@pytest.mark.parametrize("path", BAD_REQUESTS)
def test_bad_request_is_told_what_is_wrong_and_what_to_do(served: Served, path: str) -> None:
    answer = served.get(path)
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["remedy"]


LINE = '{"features": [{"geometry": {"type": "LineString", "coordinates": %s}}]}'
POINT = '{"type": "Point", "coordinates": [1, 1]}'
BARRIER = '{"features": [{"properties": {"kind": "barrier"}, "geometry": %s}]}'
BAD_LANDSCAPES = [
    "",
    "[]",
    "{",
    "null",
    '{"features": 1}',
    '{"features": [{"geometry": null}]}',
    LINE % "[[999, 0], [1, 1]]",
    LINE % '[[0, 0], [1, "a"]]',
    LINE % "[[0, 0], [1, NaN]]",
    LINE % "[[0, 0]]",
    LINE % "[]",
    BARRIER % POINT,
    BARRIER % f'{{"type": "GeometryCollection", "geometries": [{POINT}]}}',
    '{"crs": {"properties": {"name": "EPSG:0"}}, "features": []}',
    '{"features": [{"id": "\\u0000", "geometry": {"type": "Point", "coordinates": [1, 1]}}]}',
    "[" * 50_000,
]


@pytest.mark.parametrize("body", BAD_LANDSCAPES)
def test_landscape_that_cannot_be_is_refused(served: Served, body: str) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    answer = httpx.put(f"{served.url}/api/landscape", content=body, headers=headers)
    assert 400 <= answer.status_code < 500, answer.text
    assert exact(served, "/api/landscape") == FENCE


def test_no_request_is_answered_by_a_server_error(served: Served) -> None:
    dice = random.Random(4)
    alphabet = "abc019%/?&=.,:-+ \x00é\u2028'\"<>{}[]\\"
    names = ["bbox", "from", "to", "limit", "cursor", "animal", "device", "format", "state", "kind",
             "before", "points", "status", "last_event_id"]  # fmt: skip
    paths = ["/api/fixes", "/api/tracks", "/api/animals", "/api/landscape", "/api/findings",
             "/api/alerts", "/health", "/lite", "/", "/docs", "/openapi.json"]  # fmt: skip
    with httpx.Client(base_url=served.url, timeout=20.0) as client:
        for _ in range(400):
            query = {
                dice.choice(names): "".join(dice.choices(alphabet, k=dice.randrange(12)))
                for _ in range(dice.randrange(4))
            }
            answer = client.request(dice.choice(["GET", "GET", "POST", "PUT"]), dice.choice(paths),
                                    params=query, headers={"Cursor": "x"})  # fmt: skip
            assert answer.status_code < 500, (query, answer.text)


def test_acknowledging_with_a_strange_body_is_refused_or_done(served: Served) -> None:
    number = exact(served, "/api/alerts?status=all")["alerts"][0]["id"]
    auth = {"Authorization": f"Bearer {KEY}"}
    url = f"{served.url}/api/alerts/{number}"
    for body in (b"{", b"[]", b'"x"', b"\xff", b"[" * 50_000, b'{"by": "\\u0000"}'):
        answer = httpx.post(f"{url}/acknowledge", content=body, headers=auth)
        assert answer.status_code == 400, answer.text
    missing = httpx.post(f"{served.url}/api/alerts/999999/acknowledge", headers=auth)
    assert missing.status_code == 404


def test_health_tells_every_part(served: Served) -> None:
    health = served.get("/health").json()
    assert health["status"] == "ok"
    assert health["ledger"]["stored"] == 15
    assert set(health["watch"]["detectors"]) == {"crossing", "stay"}


def test_server_stops_at_once_with_a_stream_open(postgres_address: str, tmp_path: Path) -> None:
    options = ("--database", postgres_address, "--data", str(tmp_path))
    with (
        serving(tmp_path, *options) as server,
        httpx.stream("GET", f"{server.url}/api/alerts/stream", timeout=20.0) as stream,
    ):
        assert next(stream.iter_lines()) == ": here"
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=10) == INTERRUPTED
    assert "Error" not in server.log.read_text()
