"""The page without scripts: one small HTML document for a link that barely is one.

A pure function of what the HTTP interface gives (docs/http.md): no clock, no database.
The map is an inline drawing in plain degrees, with longitude shrunk by the cosine of
the middle latitude, which is true enough for a herd's range.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from shapely import LineString

Json = Mapping[str, Any]
Position = tuple[float, float]

WIDTH_PX = 600
TALLEST_PX = 600
FLATTEST_PX = 240
MARGIN_PX = 16
# Names of areas stand above them: inside are the animals, with names of their own.
LABEL_GAP_PX = 4
# More features than this are drawn where the animals are only, and without names.
CROWD = 40
TRAIL_FIXES = 120
# Bends below this many pixels cannot be seen and would double the page.
SLACK_PX = 1.5
# A lone animal that stands still must not be magnified to its position error.
LEAST_SPAN_DEG = 0.01

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86400

# Okabe and Ito's colours without yellow, given by name as web/shapes.js gives them.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#7d7d7d")
SIGNS = {"high": "▲", "medium": "◆", "low": "●"}


def render_lite(
    *,
    alerts: Sequence[Json],
    tracks: Json,
    landscape: Json,
    now: str,
    clock_rate: float,
    showing: str,
) -> str:
    """The whole page as HTML.

    Parameters
    ----------
    alerts : sequence of alerts, newest first
    tracks, landscape : GeoJSON feature collections
    now : str, ISO 8601
        By the server's clock, which a demonstration runs at ``clock_rate``.
    showing : {"open", "all"}
        Which alerts these are.
    """
    moment = datetime.fromisoformat(now)
    frame = _frame_of(alerts, tracks=tracks, landscape=landscape)
    return _template().render(
        rows=[_row(alert, now=moment) for alert in alerts],
        drawing=_draw(frame, alerts=alerts, tracks=tracks, landscape=landscape),
        now=_stamp(moment),
        clock_rate=clock_rate,
        showing=showing,
    )


def colour_of(animal: str) -> str:
    """The colour of an animal, the same on this page and on the live map."""
    place = 0
    for letter in animal:
        place = (place * 31 + ord(letter)) % len(COLOURS)
    return COLOURS[place]


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("web")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("lite.html.j2")


@dataclass(frozen=True)
class _Frame:
    """Where degrees fall on the drawing."""

    west: float
    north: float
    middle: float
    px_per_lon: float
    px_per_lat: float
    height: int

    def place(self, lon: float, lat: float) -> Position:
        x = MARGIN_PX + (_nearest(lon, self.middle) - self.west) * self.px_per_lon
        y = MARGIN_PX + (self.north - lat) * self.px_per_lat
        return x, y


def _frame_of(alerts: Sequence[Json], *, tracks: Json, landscape: Json) -> _Frame | None:
    points = [(alert["lon"], alert["lat"]) for alert in alerts if _is_placed(alert)]
    around = landscape["features"]
    if len(around) > CROWD and (points or tracks["features"]):
        around = []  # a whole county of fences would leave the animals a few pixels
    for feature in (*tracks["features"], *around):
        points += (point for line in _lines(feature) for point in line)
    if not points:
        return None
    middle = points[0][0]
    lons = [_nearest(lon, middle) for lon, _ in points]
    lats = [lat for _, lat in points]
    shrink = max(0.01, math.cos(math.radians((min(lats) + max(lats)) / 2)))
    wide = max(max(lons) - min(lons), LEAST_SPAN_DEG) * shrink
    high = max(max(lats) - min(lats), LEAST_SPAN_DEG)
    px_per_lat = min(
        (WIDTH_PX - 2 * MARGIN_PX) / wide,
        (TALLEST_PX - 2 * MARGIN_PX) / high,
    )
    height = max(FLATTEST_PX, round(high * px_per_lat) + 2 * MARGIN_PX)
    spare_x = (WIDTH_PX - 2 * MARGIN_PX - wide * px_per_lat) / 2
    spare_y = (height - 2 * MARGIN_PX - high * px_per_lat) / 2
    return _Frame(
        west=min(lons) - spare_x / (px_per_lat * shrink),
        north=max(lats) + spare_y / px_per_lat,
        middle=middle,
        px_per_lon=px_per_lat * shrink,
        px_per_lat=px_per_lat,
        height=height,
    )


def _draw(
    frame: _Frame | None, *, alerts: Sequence[Json], tracks: Json, landscape: Json
) -> dict[str, Any] | None:
    if frame is None:
        return None
    lands = [
        _land(feature, frame=frame)
        for feature in landscape["features"]
        if _lines(feature) and _is_within(feature, frame=frame)
    ]
    return {
        "height": frame.height,
        "landscape": lands,
        "is_crowded": len(lands) > CROWD,
        "animals": [_walker(track, frame=frame) for track in tracks["features"] if _lines(track)],
        "alerts": [
            {**_at(frame, lon=alert["lon"], lat=alert["lat"]), "number": number, **_severity(alert)}
            # Drawn last is on top: the newest.
            for number, alert in reversed(list(enumerate(alerts, start=1)))
            if _is_placed(alert)
        ],
    }


def _land(feature: Json, *, frame: _Frame) -> dict[str, Any]:
    properties = feature["properties"]
    lines = _lines(feature)
    is_area = "Polygon" in feature["geometry"]["type"]
    return {
        "kind": properties.get("kind"),
        "name": properties.get("name") or feature.get("id") or "",
        "path": "".join(_path(line, frame=frame) for line in lines),
        "is_area": is_area,
        "is_point": len(lines[0]) == 1,
        **_label_place(lines[0], frame=frame, is_area=is_area),
    }


def _is_within(feature: Json, *, frame: _Frame) -> bool:
    """Whether the feature's bounds and the picture meet."""
    xs, ys = zip(*(frame.place(*at) for line in _lines(feature) for at in line), strict=True)
    return bool(min(xs) <= WIDTH_PX and max(xs) >= 0 and min(ys) <= frame.height and max(ys) >= 0)


def _label_place(line: Sequence[Position], *, frame: _Frame, is_area: bool) -> dict[str, int]:
    if not is_area:
        lon, lat = line[len(line) // 2]
        return _at(frame, lon=lon, lat=lat)
    xs, ys = zip(*(frame.place(lon, lat) for lon, lat in line), strict=True)
    return {"x": round((min(xs) + max(xs)) / 2), "y": round(min(ys)) - LABEL_GAP_PX}


def _walker(track: Json, *, frame: _Frame) -> dict[str, Any]:
    line = _lines(track)[0]
    lon, lat = line[-1]
    return {
        "name": track["properties"]["animal"],
        "colour": colour_of(track["properties"]["animal"]),
        "path": _path(line[-TRAIL_FIXES:], frame=frame),
        **_at(frame, lon=lon, lat=lat),
    }


def _at(frame: _Frame, *, lon: float, lat: float) -> dict[str, int]:
    x, y = frame.place(lon, lat)
    return {"x": round(x), "y": round(y)}


def _path(line: Sequence[Position], *, frame: _Frame) -> str:
    """SVG path of whole-pixel moves; relative moves are half as long as absolute places."""
    placed = [frame.place(lon, lat) for lon, lat in line]
    if len(placed) > 1:
        placed = [(at[0], at[1]) for at in LineString(placed).simplify(SLACK_PX).coords]
    pixels = [(round(x), round(y)) for x, y in placed]
    (x, y), moves = pixels[0], []
    for (x0, y0), (x1, y1) in pairwise(pixels):
        if (x1, y1) != (x0, y0):
            moves.append(f"{x1 - x0} {y1 - y0}")
    return f"M{x} {y}l" + " ".join(moves).replace(" -", "-") if moves else f"M{x} {y}h0"


def _row(alert: Json, *, now: datetime) -> dict[str, Any]:
    happened_at = datetime.fromisoformat(alert["happened_at"])
    return {
        **alert,
        **_severity(alert),
        "happened": _stamp(happened_at),
        "ago": _span((now - happened_at).total_seconds()),
        "late_by": _span(alert["age_s"]) if alert["late"] else None,
        "where": _spoken(lon=alert["lon"], lat=alert["lat"]) if _is_placed(alert) else None,
    }


def _spoken(*, lon: float, lat: float) -> str:
    """A position as one says it over the radio; four decimals are ten metres."""
    return f"{abs(lat):.4f}° {'N' if lat >= 0 else 'S'} {abs(lon):.4f}° {'E' if lon >= 0 else 'W'}"


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")


def _severity(alert: Json) -> dict[str, str]:
    severity = alert["severity"] if alert["severity"] in SIGNS else "low"
    return {"severity": severity, "sign": SIGNS[severity]}


def _span(seconds: float) -> str:
    count, unit = seconds / DAY_S, "d"
    if seconds < HOUR_S:
        count, unit = max(0.0, seconds / MINUTE_S), "min"
    elif seconds < 2 * DAY_S:
        count, unit = seconds / HOUR_S, "h"
    return f"{round(count)}\N{NO-BREAK SPACE}{unit}"


def _is_placed(alert: Json) -> bool:
    return alert["lon"] is not None and alert["lat"] is not None


def _lines(feature: Json) -> list[list[Position]]:
    """Every line, ring or lone point of a feature's geometry."""
    geometry = feature.get("geometry") or {}
    return [line for line in _flat(geometry.get("coordinates") or []) if line]


def _flat(part: Sequence[Any]) -> list[list[Position]]:
    if not part:
        return []
    if not isinstance(part[0], Sequence):
        return [[(float(part[0]), float(part[1]))]]
    if isinstance(part[0][0], Sequence):
        return [line for inner in part for line in _flat(inner)]
    return [[(float(lon), float(lat)) for lon, lat, *_ in part]]


def _nearest(lon: float, reference: float) -> float:
    """The same meridian on the turn of the globe nearest to ``reference``."""
    return lon - 360 * round((lon - reference) / 360)
