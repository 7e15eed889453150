"""The land the herd walks: barriers, corridors through them, and places to stay."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from ecoduct_sim.errors import ScenarioError
from ecoduct_sim.plane import Line, Point, circle, strip
from ecoduct_sim.projection import from_lon_lat, to_lon_lat, utm_of


@dataclass(frozen=True, slots=True)
class Barrier:
    """A line that animals cross with some probability each time they meet it."""

    id: str
    name: str
    line: Line
    crossing_probability: float


@dataclass(frozen=True, slots=True)
class Corridor:
    """A free way through one barrier, between two mouths."""

    id: str
    name: str
    barrier: str
    mouths: tuple[Point, Point]
    ring: Line


@dataclass(frozen=True, slots=True)
class Place:
    """Where animals stay for hours: a circle."""

    id: str
    name: str
    centre: Point
    radius_m: float


@dataclass(frozen=True, slots=True)
class Habits:
    """How the animals of a scenario move; hours, m/s, and shares."""

    stay_h: tuple[float, float]
    speed_m_s: float
    corridor_habit: float
    deaths_per_day: float
    first_at: Point
    first_to: str


@dataclass(frozen=True, slots=True)
class Landscape:
    """A scenario, in metres of the UTM zone ``epsg``."""

    name: str
    species: str
    epsg: int
    height_m: float
    habits: Habits
    barriers: tuple[Barrier, ...]
    corridors: tuple[Corridor, ...]
    places: tuple[Place, ...]
    receivers: tuple[Point, ...]

    def to_lon_lat(self, point: Point) -> tuple[float, float]:
        """Longitude and latitude in degrees of a position in metres."""
        return to_lon_lat(*point, epsg=self.epsg)

    def place(self, id_: str) -> Place:
        """Place of this id."""
        return next(place for place in self.places if place.id == id_)

    def geojson(self) -> dict[str, Any]:
        """FeatureCollection in WGS 84; places and corridors are polygons, barriers lines."""
        features = [
            *(self._feature(one.id, "barrier", one.name, one.line) for one in self.barriers),
            *(self._feature(one.id, "corridor", one.name, one.ring) for one in self.corridors),
            *(
                self._feature(one.id, "place", one.name, circle(one.centre, radius=one.radius_m))
                for one in self.places
            ),
        ]
        return {"type": "FeatureCollection", "features": features}

    def _feature(self, id_: str, kind: str, name: str, line: Line) -> dict[str, Any]:
        positions = [[round(degrees, 7) for degrees in self.to_lon_lat(point)] for point in line]
        geometry: dict[str, Any] = (
            {"type": "LineString", "coordinates": positions}
            if kind == "barrier"
            else {"type": "Polygon", "coordinates": [positions]}
        )
        return {
            "type": "Feature",
            "id": id_,
            "properties": {"kind": kind, "name": name},
            "geometry": geometry,
        }


def load(scenario: str) -> Landscape:
    """Read a scenario: the name of one that comes with the program, or a TOML file.

    Raises
    ------
    ScenarioError
        There is no such scenario, or the file does not say what it must.
    """
    built_in = files("ecoduct_sim") / "scenarios" / f"{scenario}.toml"
    try:
        text = (Path(scenario) if scenario.endswith(".toml") else built_in).read_text("utf-8")
        return _landscape(tomllib.loads(text))
    except OSError as error:
        raise ScenarioError(
            f"The scenario cannot be read: {error}.",
            where=scenario,
            remedy="Give `steppe` or the path of a .toml file like it.",
        ) from error
    except KeyError as error:
        raise _refuse(scenario, f"{error} is missing, or names nothing that is there.") from error
    except (tomllib.TOMLDecodeError, TypeError, ValueError, IndexError) as error:
        raise _refuse(scenario, f"It is not a scenario: {error}.") from error


def _refuse(scenario: str, what: str) -> ScenarioError:
    return ScenarioError(what, where=scenario, remedy="Compare with scenarios/steppe.toml.")


def _landscape(given: dict[str, Any]) -> Landscape:
    epsg = utm_of(*given["place"][0]["centre"])

    def metres(position: list[float]) -> Point:
        return from_lon_lat(*position, epsg=epsg)

    found = Landscape(
        name=given["name"],
        species=given["species"],
        epsg=epsg,
        height_m=given["height_m"],
        habits=_habits(given["herd"], metres(given["herd"]["first_at"])),
        barriers=tuple(
            Barrier(**{**one, "line": tuple(metres(at) for at in one["line"])})
            for one in given["barrier"]
        ),
        corridors=tuple(
            _corridor(one, (metres(one["mouths"][0]), metres(one["mouths"][1])))
            for one in given["corridor"]
        ),
        places=tuple(Place(**{**one, "centre": metres(one["centre"])}) for one in given["place"]),
        receivers=tuple(metres(at) for at in given["receivers"]),
    )
    _check(found)
    return found


def _habits(given: dict[str, Any], first_at: Point) -> Habits:
    shortest_h, longest_h = given["stay_h"]
    return Habits(**{**given, "stay_h": (shortest_h, longest_h), "first_at": first_at})


def _corridor(given: dict[str, Any], mouths: tuple[Point, Point]) -> Corridor:
    ring = strip(*mouths, width=given["width_m"])
    return Corridor(given["id"], given["name"], given["barrier"], mouths, ring)


def _check(found: Landscape) -> None:
    """Raise KeyError or ValueError for what would only show when an animal gets there."""
    barriers = {barrier.id for barrier in found.barriers}
    for named, known in (
        *((corridor.barrier, barriers) for corridor in found.corridors),
        (found.habits.first_to, {place.id for place in found.places}),
    ):
        if named not in known:
            raise KeyError(named)
    if len(found.places) < 2:  # noqa: PLR2004 - a journey needs somewhere else to go
        raise ValueError("there are fewer than two places")
