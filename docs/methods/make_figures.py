"""Draws the figures of the method pages: `python docs/methods/make_figures.py`.

With a folder as argument they are written there.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely
from matplotlib.axes import Axes

from ecoduct_analysis.barrier_behaviour import classify_encounters
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.crossings import find_crossings
from ecoduct_analysis.encounters import KINDS
from ecoduct_analysis.rules import EncounterRule
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.figures import BAR, ENCOUNTERS, INK, Points

HOUR_MS = 3_600_000
FENCE = shapely.LineString([(-6000, -300), (-1500, 400), (2500, -200), (6500, 500)])


def wander(seed: int, *, fixes: int = 600, hours: float = 2.0) -> Tracks:
    """One animal that wanders about a home range with the fence through it."""
    dice = np.random.default_rng(seed)
    place, heading, walked = np.array([0.0, 1500.0]), 0.0, []
    for _ in range(fixes):
        walked.append(place)
        home = np.arctan2(*(np.array([0.0, 600.0]) - place)[::-1])
        pull = 0.25 * np.hypot(*place) / 4000.0
        heading += dice.normal(0.0, 0.7) + pull * np.sin(home - heading)
        length = dice.gamma(1.2, 280.0)
        place = place + length * np.array([np.cos(heading), np.sin(heading)])
    x, y = np.array(walked).T
    at_ms = np.arange(fixes) * round(hours * HOUR_MS)
    return Tracks.from_arrays(["a"], track=np.zeros(fixes, dtype=int), t_ms=at_ms, x=x, y=y)


def fence() -> Barriers:
    """One bent fence."""
    return Barriers.from_geometries(["fence"], [FENCE])


def crossings(axes: Axes) -> None:
    """Steps, the fence, and where they cross it."""
    tracks = wander(4, fixes=120)
    found = find_crossings(tracks, fence())
    there = [
        Points(found.x[found.net == way], found.y[found.net == way], name, colour, 5.0)
        for way, name, colour in ((1, "left to right", BAR), (-1, "right to left", "#d55e00"))
    ]
    figures.draw_map(axes, tracks=tracks, lines=[FENCE], points=there)


def barrier_behaviour(axes: Axes) -> None:
    """Encounters by kind."""
    tracks = wander(4, fixes=1500)
    seen = classify_encounters(tracks, fence(), EncounterRule(buffer_m=150.0, max_cross=1))
    of = seen.encounters
    lone = seen.without_encounter
    points = [
        Points(of.x[of.kind == n], of.y[of.kind == n], kind, ENCOUNTERS[kind], 5.0)
        for n, kind in enumerate(KINDS)
        if (of.kind == n).any()
    ]
    lost = Points(
        seen.crossings.x[lone], seen.crossings.y[lone], "crossing without encounter", INK, 2.5
    )
    figures.draw_map(axes, tracks=tracks, lines=[FENCE], points=[*points, lost])


FIGURES: dict[str, Callable[[Axes], None]] = {
    "crossings": crossings,
    "barrier-behaviour": barrier_behaviour,
}


def main(folder: Path) -> None:
    """Draw every figure into a folder."""
    folder.mkdir(exist_ok=True)
    for name, draw in FIGURES.items():
        figure, (axes,) = figures.new_figure(1, title="", width_in=8.0, height_in=3.8)
        draw(axes)
        figures.save(figure, folder / f"{name}.png")
        print(folder / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "figures")
