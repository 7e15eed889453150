"""Draws the figure of the page on stays."""

from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.projection import DEGREES, change_crs
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.stay_parity import movingpandas_stays, trackintel_stays
from ecoduct_analysis.stopovers import find_stays
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.figures import INK, PALETTE, QUIET, Points

HOUR_MS = 3_600_000
CRS = "EPSG:32648"
RULE = StayRule(radius_m=150.0, min_stay_h=6.0, max_gap_h=6.0)


def figure_stays() -> Figure:
    """A simulated animal that rests three times, and its stays by three rules."""
    figure, (place, time) = figures.new_figure(2, title="", width_in=10.0, height_in=3.6)
    tracks = three_rests()
    found = find_stays(tracks, RULE)
    points = [Points(found.x, found.y, "stay", PALETTE[0], 5.0)]
    figures.draw_map(place, tracks=tracks, points=points, title="Stays, radius 150 m for 6 h")
    for x, y in zip(found.x, found.y, strict=True):
        place.add_patch(Circle((x, y), RULE.radius_m, fill=False, color=PALETTE[0]))
    draw_rules(time, tracks)
    return figure


def three_rests() -> Tracks:
    """Forty hours at each of three places, an outlier in the first, a silence in the last."""
    dice = np.random.default_rng(8)
    homes = 500_000.0 + np.array([[0.0, 0.0], [1500.0, 700.0], [3200.0, 0.0]])
    rests = [home + dice.normal(0, 45, (40, 2)) for home in homes]
    rests[0][20] += (900.0, 500.0)
    ways = [np.linspace(a, b, 8) for a, b in pairwise(homes)]
    places = np.concatenate((rests[0], ways[0], rests[1], ways[1], rests[2]))
    hours = np.arange(len(places), dtype=float)
    hours[-20:] += 30.0
    return Tracks.from_arrays(
        ["a"], track=np.zeros(len(places), dtype=int), t_ms=np.rint(hours * HOUR_MS),
        x=places[:, 0], y=places[:, 1] + 4_500_000.0, crs=CRS,
    )  # fmt: skip


def draw_rules(axes: Axes, tracks: Tracks) -> None:
    """Draw when each rule sees a stay, above each other."""
    hours = (tracks.t_ms - tracks.t_ms[0]) / HOUR_MS
    far = np.hypot(tracks.x - tracks.x[0], tracks.y - tracks.y[0]) / 1000.0
    axes.plot(hours, far, ".", color=QUIET, markersize=3)
    lon, lat = change_crs(tracks.x, tracks.y, source=CRS, target=DEGREES)
    fixes = Fixes.from_arrays(["a"], track=tracks.track, t_ms=tracks.t_ms, x=lon, y=lat)
    found = find_stays(tracks, RULE)
    anchored = trackintel_stays(fixes, radius_m=150.0, min_stay_h=6.0, max_gap_h=6.0)
    framed = movingpandas_stays(tracks, max_diameter_m=300.0, min_stay_h=6.0)
    spans: dict[str, tuple[FloatArray, FloatArray, str]] = {
        "this rule": (hours[found.first], hours[found.last], PALETTE[0]),
        "trackintel": (hours[anchored.first], hours[anchored.last], PALETTE[1]),
        "movingpandas": (hours[framed.first], hours[framed.last], PALETTE[4]),
    }
    for row, (name, (begins, ends, colour)) in enumerate(spans.items()):
        level = -0.5 - 0.45 * row
        axes.hlines(np.full(len(begins), level), begins, ends, colors=colour, linewidth=5)
        axes.text(hours[-1] + 4, level, name, va="center", fontsize=8, color=INK)
    axes.set_ylim(-1.8, None)
    axes.set_yticks([0, 1, 2, 3])
    figures.label(axes, title="The same by the rules of two other tools", x="hours",
                  y="km from the first fix")  # fmt: skip
