"""Draws the figures of the method pages: `python docs/methods/make_figures.py`.

With a folder as argument they are written there.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ecoduct_analysis.barrier_behaviour import classify_encounters
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.before_after import ChangeRule, CrossingTable, estimate_change
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.crossing_probability import straight_crossing_probability
from ecoduct_analysis.crossings import count_crossings, find_crossings
from ecoduct_analysis.encounters import KINDS
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.nulls import Null, NullRule, observed_against_expected
from ecoduct_analysis.permeability import fit_kappa
from ecoduct_analysis.rules import EncounterRule
from ecoduct_analysis.screening import screen
from ecoduct_analysis.step_selection import SelectionRule, fit_step_selection
from ecoduct_analysis.steps import measure_steps, net_squared_displacement_m2
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.figures import BAR, ENCOUNTERS, INK, PALETTE, Points
from figure_corridors import figure_corridors
from figure_migration_phases import figure_migration_phases
from figure_motion_variance import figure_motion_variance
from figure_populations import figure_populations
from figure_stays import figure_stays
from figure_utilisation import figure_utilisation

HOUR_MS = 3_600_000
FENCE = shapely.LineString([(-6000, -300), (-1500, 400), (2500, -200), (6500, 500)])
RED = PALETTE[0]
WAYS = ((1, "left to right", BAR), (-1, "right to left", RED))


def wander(seed: int, *, fixes: int = 600, hours: float = 2.0, holds: float = 0.0) -> Tracks:
    """One animal about a home range with the fence through it.

    ``holds`` is the part of the steps over the fence that the animal gives up.
    """
    dice = np.random.default_rng(seed)
    place, heading, walked = np.array([0.0, 1500.0]), 0.0, []
    for _ in range(fixes):
        walked.append(place)
        home = np.arctan2(*(np.array([0.0, 600.0]) - place)[::-1])
        pull = 0.25 * np.hypot(*place) / 4000.0
        heading += dice.normal(0.0, 0.7) + pull * np.sin(home - heading)
        length = dice.gamma(1.2, 280.0)
        ahead = place + length * np.array([np.cos(heading), np.sin(heading)])
        given_up = dice.random() < holds
        if not (given_up and FENCE.intersects(shapely.LineString([place, ahead]))):
            place = ahead
    return track_of(np.array(walked), hours)


def track_of(places: FloatArray, hours: float) -> Tracks:
    """One animal's places, equally far apart in time."""
    at_ms = np.arange(len(places)) * round(hours * HOUR_MS)
    track = np.zeros(len(places), dtype=int)
    return Tracks.from_arrays(["a"], track=track, t_ms=at_ms, x=places[:, 0], y=places[:, 1])


def fence() -> Barriers:
    """One bent fence."""
    return Barriers.from_geometries(["fence"], [FENCE])


def logarithmic(axes: Axes, ticks: list[float]) -> None:
    """Scale both axes by equal factors, with plain numbers."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    words = [f"{tick:g}" for tick in ticks]
    axes.set_xticks(ticks, words)
    axes.set_yticks(ticks, words)
    axes.minorticks_off()


def steps(axes: Axes) -> None:
    """Net squared displacement of an animal that stays, leaves, and stays elsewhere."""
    dice = np.random.default_rng(2)
    drift = np.repeat([0.0, 900.0, 0.0], [200, 60, 200])
    places = np.cumsum(dice.normal(0, 300, (460, 2)) * 0.5, axis=0)
    places[:, 0] += np.cumsum(drift)
    tracks = track_of(places, 6.0)
    days = tracks.t_ms / (24 * HOUR_MS)
    axes.plot(days, net_squared_displacement_m2(tracks) / 1e6, color=BAR, linewidth=1.2)
    figures.label(axes, title="Net squared displacement", x="days", y="km²")
    moving = axes.twinx()
    moving.plot(days, measure_steps(tracks).speed_m_s, color=figures.QUIET, linewidth=0.5)
    moving.set_ylabel("speed, m/s", fontsize=9, color=figures.QUIET)


def screening(axes: Axes) -> None:
    """A walk with planted outliers, and what screening says of them."""
    tracks = wander(7, fixes=200, hours=0.5)
    x, y = tracks.x.copy(), tracks.y.copy()
    x[[40, 90, 91, 150]] += [9000.0, -7000.0, -7100.0, 5200.0]
    at_ms = tracks.t_ms + 1_772_000_000_000  # in 2026: clocks of 1970 are flagged, too
    fixes = Fixes.from_arrays(["a"], track=tracks.track, t_ms=at_ms, x=x, y=y, crs=None)
    found = screen(fixes)
    axes.plot(x, y, color=figures.QUIET, linewidth=0.4)
    kinds = [Points(x[found.has(reason)], y[found.has(reason)], reason, colour, 5.0)
             for reason, colour in (("spike", RED), ("too_fast", PALETTE[1]))
             if found.count(reason)]  # fmt: skip
    kept = Points(x[found.kept], y[found.kept], "kept", BAR, 2.0)
    figures.draw_map(axes, points=[kept, *kinds])


def crossings(axes: Axes) -> None:
    """Steps, the fence, and where they cross it."""
    tracks = wander(4, fixes=120)
    found = find_crossings(tracks, fence())
    there = [
        Points(found.x[found.net == way], found.y[found.net == way], name, colour, 5.0)
        for way, name, colour in WAYS
    ]
    figures.draw_map(axes, tracks=tracks, lines=[FENCE], points=there)


def crossing_probability(axes: Axes) -> None:
    """Chance of a crossing between two fixes, by their distance from a straight fence."""
    away_m = np.linspace(-60.0, 200.0, 400)
    for error_m, colour in ((0.0, INK), (10.0, BAR), (30.0, RED)):
        chance = straight_crossing_probability(
            away_m, 60.0, variance_m2_s=1.0, duration_s=7200.0,
            error_a_m=error_m, error_b_m=error_m,
        )  # fmt: skip
        axes.plot(away_m, chance, color=colour, label=f"GPS error {error_m:.0f} m")
    figures.label(axes, x="distance of the first fix from the fence, m; the second is at 60 m",
                  y="probability")  # fmt: skip
    axes.legend(frameon=False, fontsize=8)
    axes.set_ylim(0.0, 1.05)


def barrier_behaviour(axes: Axes) -> None:
    """Encounters by kind."""
    tracks = wander(4, fixes=1500)
    seen = classify_encounters(tracks, fence(), EncounterRule(buffer_m=150.0, max_cross=1))
    of, lone = seen.encounters, seen.without_encounter
    points = [Points(of.x[of.kind == n], of.y[of.kind == n], kind, ENCOUNTERS[kind], 5.0)
              for n, kind in enumerate(KINDS) if (of.kind == n).any()]  # fmt: skip
    x, y = seen.crossings.x[lone], seen.crossings.y[lone]
    lost = Points(x, y, "crossing without encounter", INK, 2.5)
    figures.draw_map(axes, tracks=tracks, lines=[FENCE], points=[*points, lost])


def permeability(axes: Axes) -> None:
    """Planted and found κ."""
    dice = np.random.default_rng(5)
    planted = np.array([0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.0])
    fits = []
    for kappa in planted:
        share = dice.beta(1.0, 6.0, 3000)
        crossed = dice.random(3000) < 1.0 - (1.0 - share) ** kappa
        fits.append(fit_kappa(crossed, dice.binomial(60, share), np.full(3000, 60)))
    found, low, high = (np.array([float(getattr(f, n)[0]) if np.ndim(getattr(f, n)) else
                                  float(getattr(f, n)) for f in fits])
                        for n in ("kappa", "low", "high"))  # fmt: skip
    axes.plot([0.04, 2.5], [0.04, 2.5], color=figures.QUIET, linewidth=0.8, linestyle=":")
    axes.errorbar(planted, found, yerr=np.stack((found - low, high - found)), fmt="o", color=BAR,
                  markersize=4)  # fmt: skip
    logarithmic(axes, [0.05, 0.1, 0.2, 0.5, 1.0, 2.0])
    figures.label(axes, x="planted κ", y="found κ, 95 % interval")


def roam(seed: int, fences: Barriers, *, holds: float, side_m: float = 12_000.0) -> Tracks:
    """One animal that goes anywhere in a square, and gives up a part of the steps over fences."""
    dice = np.random.default_rng(seed)
    place, heading, walked = dice.uniform(0, side_m, 2), 0.0, []
    for _ in range(1200):
        walked.append(place)
        heading += dice.normal(0.0, 0.8)
        ahead = place + dice.gamma(1.2, 280.0) * np.array([np.cos(heading), np.sin(heading)])
        if (ahead < 0).any() or (ahead > side_m).any():
            heading += np.pi
        elif not (count_crossings(place[None], ahead[None], fences)[0] and dice.random() < holds):
            place = ahead
    return track_of(np.array(walked), 2.0)


def some_fences(seed: int) -> Barriers:
    """Bent fences anywhere in the square."""
    dice = np.random.default_rng(seed + 100)
    lines = []
    for begin in dice.uniform(0, 12_000, (14, 2)):
        bends = np.cumsum(dice.normal(0, 1500, (4, 2)), axis=0)
        lines.append(shapely.LineString(np.concatenate((begin[None], begin + bends))))
    return Barriers.from_geometries([str(n) for n in range(len(lines))], lines)


def ratio_of(tracks: Tracks, fences: Barriers, null: Null) -> float:
    """Observed over expected crossings inside the square."""
    rule = NullRule(null=null, draws=199)
    square = (0.0, 0.0, 12_000.0, 12_000.0)
    found = observed_against_expected(tracks, fences, rule, seed=1, area=square)
    return float(found.together.ratio[0])


def nulls(axes: Axes) -> None:
    """Observed over expected crossings of fences that hold and of fences that do not."""
    kinds: tuple[Null, ...] = ("rotate", "shift", "shuffle")
    cases = ((0.0, "holds nobody", figures.QUIET), (0.7, "holds 7 of 10", RED))
    for holds, label, colour in cases:
        worlds = [some_fences(seed) for seed in range(12)]
        herd = [roam(seed, fences, holds=holds) for seed, fences in enumerate(worlds)]
        found = [[ratio_of(*pair, kind) for pair in zip(herd, worlds, strict=True)]
                 for kind in kinds]  # fmt: skip
        middle, spread = np.mean(found, axis=1), np.std(found, axis=1) / np.sqrt(len(herd))
        axes.errorbar(middle, kinds, xerr=1.96 * spread, fmt="o", color=colour, label=label)
    axes.axvline(1.0, color=figures.QUIET, linewidth=0.8, linestyle=":")
    axes.set_xlim(0.0, None)
    figures.label(axes, x="observed over expected crossings, mean of 12 animals and 95 % interval")
    axes.legend(frameon=False, fontsize=8)


def step_selection(axes: Axes) -> None:
    """Selection of steps that cross, for fences that hold more and more."""
    held, found, error = [0.0, 0.3, 0.6, 0.9], [], []
    for holds in held:
        tracks = wander(21, fixes=2500, holds=holds)
        fit = fit_step_selection(tracks, fence(), SelectionRule(), seed=1)
        found.append(float(fit.coefficient[0, 0]))
        error.append(1.96 * float(fit.standard_error[0, 0]))
    low, high = np.exp(np.subtract(found, error)), np.exp(np.add(found, error))
    centre = np.exp(found)
    axes.errorbar(held, centre, yerr=np.stack((centre - low, high - centre)), fmt="o", color=BAR)
    axes.axhline(1.0, color=figures.QUIET, linewidth=0.8, linestyle=":")
    axes.set_ylim(0.0, None)
    figures.label(axes, x="part of the steps over the fence that the animal gives up",
                  y="relative selection of a step that crosses")  # fmt: skip


def before_after(axes: Axes) -> None:
    """Planted and found effects of a change."""
    planted, fits = [0.25, 0.5, 1.0, 2.0], []
    for effect in planted:
        dice = np.random.default_rng(3)
        animal, week, group = (
            part.ravel() for part in np.meshgrid(range(12), range(-20, 20), [0, 1])
        )
        exposure = dice.integers(5, 40, len(animal)).astype(float)
        is_after, is_impact = week >= 0, group == 1
        rate = 0.1 * np.where(is_after, 1.5, 1.0) * np.where(is_impact, 0.5, 1.0)
        rate = rate * np.where(is_after & is_impact, effect, 1.0)
        table = CrossingTable(
            tuple(f"animal {n}" for n in range(12)), animal, week, week % 26 // 7, is_after,
            is_impact, dice.poisson(exposure * rate).astype(float), exposure,
        )  # fmt: skip
        fits.append(estimate_change(table, ChangeRule(resamples=499, flips=199), seed=1))
    found = np.array([fit.effect for fit in fits])
    spread = np.array([[fit.effect - fit.low, fit.high - fit.effect] for fit in fits]).T
    axes.plot([0.2, 2.5], [0.2, 2.5], color=figures.QUIET, linewidth=0.8, linestyle=":")
    axes.errorbar(planted, found, yerr=spread, fmt="o", color=BAR, markersize=4)
    logarithmic(axes, [0.25, 0.5, 1.0, 2.0])
    figures.label(axes, x="planted effect", y="found effect, 95 % interval")


FIGURES: dict[str, Callable[[Axes], None]] = {
    "steps": steps,
    "screening": screening,
    "crossings": crossings,
    "crossing-probability": crossing_probability,
    "barrier-behaviour": barrier_behaviour,
    "permeability": permeability,
    "nulls": nulls,
    "step-selection": step_selection,
    "before-after": before_after,
}

# Each in a module of its own, named as its page.
LATER_FIGURES: dict[str, Callable[[], Figure]] = {
    "corridors": figure_corridors,
    "migration-phases": figure_migration_phases,
    "motion-variance": figure_motion_variance,
    "populations": figure_populations,
    "stays": figure_stays,
    "utilisation": figure_utilisation,
}


def main(folder: Path) -> None:
    """Draw every figure into a folder."""
    folder.mkdir(exist_ok=True)
    for name, draw in FIGURES.items():
        figure, (axes,) = figures.new_figure(1, title="", width_in=8.0, height_in=3.8)
        draw(axes)
        figures.save(figure, folder / f"{name}.png")
        print(folder / f"{name}.png")
    for name, make in LATER_FIGURES.items():
        figures.save(make(), folder / f"{name}.png")
        print(folder / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "figures")
