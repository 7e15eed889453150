"""The script-free page: what it says, what it must never let through, and what it weighs."""

import gzip
import math
import random
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from ecoduct_server.lite import colour_of, render_lite

NOTHING: dict[str, Any] = {"type": "FeatureCollection", "features": []}
NOW = "2014-03-02T00:00:00.000Z"


def test_page_without_anything_says_that_no_alert_is_open() -> None:
    page = render()
    assert "No open alerts." in page
    assert "<svg" not in page


def test_open_alert_can_be_acknowledged_by_a_plain_form() -> None:
    page = render(alerts=[an_alert(id=12)])
    assert '<form method="post" action="/api/alerts/12/acknowledge">' in page
    assert "A03 crossed Railway fence" in page


@pytest.mark.parametrize("status", ["acknowledged", "withdrawn"])
def test_settled_alert_says_so_and_has_no_form(status: str) -> None:
    page = render(alerts=[an_alert(status=status, acknowledged_by="Uma")], showing="all")
    assert "<form" not in page
    assert {"acknowledged": "acknowledged by Uma", "withdrawn": "· withdrawn"}[status] in page


def test_alert_tells_its_age_and_position_and_how_late_it_was() -> None:
    alert = an_alert(happened_at="2014-03-01T21:00:00.000Z", late=True, age_s=7200, lat=-44.02)
    page = words(render(alerts=[alert]))
    assert "3 h ago · 2014-03-01 21:00 UTC · 44.0200° S 107.6100° E · late 2 h" in page


def test_severity_is_told_by_shape_and_unknown_severity_is_shown_as_least() -> None:
    severities = ("high", "medium", "low", "unheard-of")
    page = render(alerts=[an_alert(severity=severity) for severity in severities])
    assert re.findall("[▲◆●]", page) == ["▲", "◆", "●", "●"]


def test_simulated_clock_is_named_and_the_real_one_is_not() -> None:
    assert re.search("simulated clock .600 ", render(clock_rate=600.0))
    assert "simulated" not in render(clock_rate=1.0)


def test_names_from_the_field_never_become_markup() -> None:
    evil = '<script>alert("x")</script>" onload="x'
    page = render(
        alerts=[an_alert(text=evil, animal=evil, acknowledged_by=evil, status="acknowledged")],
        tracks=collection(a_track(animal=evil)),
        landscape=collection(a_feature("barrier", "LineString", [[0, 0], [1, 1]], name=evil)),
        showing="all",
    )
    assert "<script" not in page
    assert not [value for tag in tags(page) for name, value in tag if name == "onload"]


def test_every_kind_of_landscape_is_drawn_and_an_empty_one_is_passed_over() -> None:
    ring = [[0, 0], [0, 1], [1, 1], [0, 0]]
    page = render(
        landscape=collection(
            a_feature("barrier", "MultiLineString", [[[0, 0], [1, 1]], [[2, 2], [3, 3]]]),
            a_feature("corridor", "Polygon", [ring]),
            a_feature("place", "MultiPolygon", [[ring], [ring]]),
            a_feature("place", "Point", [0.5, 0.5, 1200.0]),
            a_feature("place", "Polygon", []),
            {"type": "Feature", "id": "none", "properties": {"kind": "place"}, "geometry": None},
        )
    )
    assert all(f'class="{kind}"' in page for kind in ("barrier", "corridor", "place"))
    assert page.count("<circle") == 1


def test_track_across_the_antimeridian_is_as_small_as_it_was_walked() -> None:
    page = render(tracks=collection(a_track(line=[[179.9, 60.0], [-179.9, 60.1], [179.95, 60.2]])))
    # Twice as high as wide at 60 degrees north; read as 360 degrees wide it would be flat.
    assert 'viewBox="0 0 600 600"' in page


@pytest.mark.parametrize("place", [[0.0, 0.0], [180.0, 90.0], [-180.0, -90.0]])
def test_lone_fix_anywhere_on_the_globe_is_drawn_inside_the_map(place: list[float]) -> None:
    page = render(tracks=collection(a_track(line=[place, place])))
    (box,) = re.findall(r'viewBox="0 0 (\d+) (\d+)"', page)
    ((x, y),) = re.findall(r'cx="(-?\d+)" cy="(-?\d+)"', page)
    assert 0 <= int(x) <= int(box[0])
    assert 0 <= int(y) <= int(box[1])


def test_alert_without_a_position_is_listed_and_not_drawn() -> None:
    page = render(alerts=[an_alert(lon=None, lat=None)])
    assert "A03 crossed Railway fence" in page
    assert "<svg" not in page


def test_page_for_ten_alerts_and_twelve_animals_weighs_under_six_kilobytes() -> None:
    source = random.Random(7)
    herd = [a_track(animal=f"A{n:02d}", line=a_walk(source, fixes=500)) for n in range(12)]
    alerts = [an_alert(id=n, lon=107 + source.random(), lat=44.0) for n in range(10)]
    page = render(alerts=alerts, tracks=collection(*herd))
    assert len(gzip.compress(page.encode())) <= 6 * 1024


def test_page_fetches_nothing() -> None:
    page = render(alerts=[an_alert()], tracks=collection(a_track()))
    assert not re.search(r'\ssrc=|url\(|@import|href="http', page)


def test_colour_of_an_animal_does_not_depend_on_the_others() -> None:
    assert colour_of("A03") == colour_of("A03")
    assert len({colour_of(f"A{n:02d}") for n in range(7)}) == 7


def render(
    *,
    alerts: list[dict[str, Any]] | None = None,
    tracks: dict[str, Any] = NOTHING,
    landscape: dict[str, Any] = NOTHING,
    clock_rate: float = 1.0,
    showing: str = "open",
) -> str:
    return render_lite(
        alerts=alerts or [],
        tracks=tracks,
        landscape=landscape,
        now=NOW,
        clock_rate=clock_rate,
        showing=showing,
    )


def an_alert(**but: Any) -> dict[str, Any]:
    return {
        "id": 1, "kind": "crossing", "status": "open", "severity": "high", "animal": "A03",
        "place": "rail-1", "place_name": "Railway fence",
        "happened_at": "2014-03-01T00:00:00.000Z", "raised_at": "2014-03-01T00:01:00.000Z",
        "late": False, "age_s": 60, "lon": 107.61, "lat": 44.02, "direction": "left_to_right",
        "text": "A03 crossed Railway fence", "acknowledged_by": None, "acknowledged_at": None,
        "note": None, "withdrawn_at": None, "revision": 1, "finding": "7", **but,
    }  # fmt: skip


def a_track(*, animal: str = "A03", line: list[list[float]] | None = None) -> dict[str, Any]:
    line = line or [[107.6, 44.0], [107.7, 44.1]]
    properties = {"animal": animal, "species": None, "times": [NOW] * len(line)}
    geometry = {"type": "LineString", "coordinates": line}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def a_feature(kind: str, shape: str, coordinates: list[Any], *, name: str = "X") -> dict[str, Any]:
    geometry = {"type": shape, "coordinates": coordinates}
    properties = {"kind": kind, "name": name}
    return {"type": "Feature", "id": name, "properties": properties, "geometry": geometry}


def a_walk(source: random.Random, *, fixes: int) -> list[list[float]]:
    lon, lat, heading = 107.0 + source.random(), 44.0 + source.random(), 0.0
    line = []
    for _ in range(fixes):
        heading += source.gauss(0, 0.5)
        lon, lat = lon + 0.01 * math.cos(heading), lat + 0.01 * math.sin(heading)
        line.append([lon, lat])
    return line


def collection(*features: dict[str, Any]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(features)}


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub("<[^>]+>", "", page))


def tags(page: str) -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            del tag
            found.append([(name, value or "") for name, value in attrs])

    Reader().feed(page)
    return found
