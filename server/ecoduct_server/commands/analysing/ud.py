"""`ecoduct analyse ud`: where animals were likely to be, on a grid, and how much land that is."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.errors import AnalysisError
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.occurrence import (
    OccurrenceMode,
    StepVariance,
    join_variances,
    occurrence,
    occurrence_grid,
    step_variance,
)
from ecoduct_analysis.projection import choose_crs
from ecoduct_analysis.screening import ScreenRule
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation import Utilisation
from ecoduct_analysis.utilisation_rules import UtilisationRule
from ecoduct_server.commands.analysing import scheduler, ud_figures, ud_tables
from ecoduct_server.commands.analysing.inputs import TrackTable, read_tracks
from ecoduct_server.commands.analysing.outputs import Results, open_results
from ecoduct_server.commands.analysing.record import make_record
from ecoduct_server.commands.analysing.ud_tables import RasterNames
from ecoduct_server.commands.terminal import err, progress
from ecoduct_server.commands.terminal import out as terminal
from ecoduct_server.errors import BadRequest
from ecoduct_wire.clock import Clock

CHUNK: Final = 50_000  # fixes at a time: the bar moves, and a chunk's cells fit in memory
_LEAST_OUTSIDE: Final = 0.01  # of an animal's mass, that a warning is worth
_MOST_UNOBSERVED: Final = 1 / 3  # of an animal's time, as Migration Mapper refuses tracks
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes
    ----------
    tracks, out : Path
        Track table, folder of the results.
    rule : UtilisationRule
    mode : str
        ``clean``, or ``compat``: as the R package of the method has it.
    epsg : int, optional
        Projection of columns x and y where the table does not say.
    by : str, optional
        Column that names the tracks instead of the animal.
    bounds : (west, south, east, north), m, optional
        Of the grid, instead of one that holds all.
    screened : bool
        Pass over fixes that screening flags; in mode compat none is, as in the references.
    scheduler : str, optional
        Of a Dask cluster.
    chunk : int
        About how many fixes to work on at a time.
    """

    tracks: Path
    out: Path
    rule: UtilisationRule
    mode: OccurrenceMode = "clean"
    epsg: int | None = None
    by: str | None = None
    bounds: tuple[float, float, float, float] | None = None
    screened: bool = True
    scheduler: str | None = None
    chunk: int = CHUNK

    @property
    def screens(self) -> bool:
        """Whether fixes are screened."""
        return self.screened and self.mode == "clean"


@dataclass(frozen=True, slots=True, eq=False)
class _Varied:
    """A task: find the motion variance of some animals."""

    tracks: Tracks
    rule: UtilisationRule
    mode: OccurrenceMode


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """A task: lay some animals on the grid."""

    tracks: Tracks
    grid: Grid
    found: StepVariance
    rule: UtilisationRule
    mode: OccurrenceMode


@dataclass(slots=True, eq=False)
class _Sum:
    """What is kept of all animals: their mean, and which of them to warn about."""

    mean: FloatArray
    animals: int = 0
    cells: int = 0
    without: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    unobserved: tuple[str, ...] = ()


def analyse_ud(plan: Plan, *, clock: Clock) -> None:
    """Write motion variances, utilisation rasters, areas, isopleths, a map and a record.

    Raises
    ------
    BadRequest
    """
    started_ms = clock.now_ms()
    table = read_tracks(plan.tracks, epsg=plan.epsg, by=plan.by)
    try:
        kept = table.kept(screened=plan.screens, now_ms=started_ms)
        tracks = _project(table.fixes, kept)
        with open_results(plan.out) as results:
            found = _vary(results, plan, tracks, table.fixes.row[kept])
            grid = _grid(plan, tracks, found)
            whole = _lay(results, plan, tracks, found, grid)
            counts = _counts(table, tracks, found, whole)
            results.write_record(
                make_record(
                    "analyse ud", inputs=[plan.tracks], mode=plan.mode,
                    rules=[plan.rule, *([ScreenRule()] if plan.screens else [])],
                    crs=tracks.crs[0] if tracks.crs else None, counts=counts,
                    started_ms=started_ms, finished_ms=clock.now_ms(),
                )
            )  # fmt: skip
    except AnalysisError as error:
        raise BadRequest(
            str(error), where=str(plan.tracks),
            remedy="Change the input or a --rule; docs/methods/utilisation.md explains both.",
        ) from error  # fmt: skip
    _warn(whole)
    size = "no grid" if grid is None else f"cells of {grid.cell_m:g} m"
    terminal.print(
        f"{whole.animals} of {counts['animals']} animals, {counts['bridges']} bridges, "
        f"{size}: {plan.out}"
    )


def find_variance(task: _Varied) -> StepVariance:
    """Motion variance of some animals; a task of a worker."""
    return step_variance(task.tracks, task.rule, mode=task.mode)


def lay_down(task: _Laid) -> Utilisation:
    """Utilisation of some animals; a task of a worker."""
    return occurrence(task.tracks, task.grid, task.found, task.rule, mode=task.mode)


def _project(fixes: Fixes, kept: BoolArray) -> Tracks:
    if not fixes.is_degrees:
        return fixes.project(kept=kept)
    return fixes.project(kept=kept, crs=choose_crs(fixes.x[kept], fixes.y[kept]))


def _parts(plan: Plan, tracks: Tracks) -> Iterator[Tracks]:
    """Whole animals, some at a time; one at a time for a cluster."""
    yield from tracks.chunks(1 if plan.scheduler else plan.chunk)


def _vary(results: Results, plan: Plan, tracks: Tracks, rows: IntArray) -> list[StepVariance]:
    found: list[StepVariance] = []
    tasks = (_Varied(part, plan.rule, plan.mode) for part in _parts(plan, tracks))
    with progress() as bars:
        task = bars.add_task("motion variance", total=len(tracks))
        done = 0
        every = scheduler.each(find_variance, tasks, scheduler=plan.scheduler)
        for part, one in zip(_parts(plan, tracks), every, strict=True):
            ud_tables.write_variances(results, part, rows[done : done + len(part)], one)
            found.append(one)
            done += len(part)
            bars.advance(task, len(part))
    if not found:
        none = step_variance(tracks, plan.rule, mode=plan.mode)
        ud_tables.write_variances(results, tracks, rows, none)
    return found


def _grid(plan: Plan, tracks: Tracks, found: list[StepVariance]) -> Grid | None:
    if not len(tracks):
        return None
    grid = occurrence_grid(tracks, join_variances(found), plan.rule, mode=plan.mode)
    if plan.bounds is None:
        return grid
    return Grid.within(plan.bounds, cell_m=grid.cell_m, crs=grid.crs)


def _lay(
    results: Results, plan: Plan, tracks: Tracks, found: list[StepVariance], grid: Grid | None
) -> _Sum:
    if grid is None:
        ud_tables.write_nothing(results)
        ud_figures.draw_map(results.folder / "map.png", plan.tracks.name, None, None)
        return _Sum(np.zeros((0, 0)))
    whole = _Sum(np.zeros((grid.rows, grid.columns)))
    names = RasterNames()
    tasks = (
        _Laid(part, grid, one, plan.rule, plan.mode)
        for part, one in zip(_parts(plan, tracks), found, strict=True)
    )
    with progress() as bars:
        task = bars.add_task("utilisation", total=len(tracks))
        every = scheduler.each(lay_down, tasks, scheduler=plan.scheduler)
        for part, ud in zip(_parts(plan, tracks), every, strict=True):
            ud_tables.write_utilisation(results, ud, np.diff(part.offsets), names)
            _add(whole, ud)
            bars.advance(task, len(part))
    whole.mean /= max(whole.animals, 1)
    results.write_raster("ud_mean", grid, whole.mean)
    ud_figures.draw_map(results.folder / "map.png", plan.tracks.name, grid, whole.mean)
    return whole


def _add(whole: _Sum, ud: Utilisation) -> None:
    known = np.diff(ud.offsets) > 0
    # One animal after the other: the sum must not depend on how many share a chunk.
    for track in np.flatnonzero(known):
        here = slice(int(ud.offsets[track]), int(ud.offsets[track + 1]))
        whole.mean.reshape(-1)[ud.cell[here]] += ud.mass[here]
    whole.animals += int(np.count_nonzero(known))
    whole.cells += len(ud.cell)
    whole.without += _named(ud, ~known)
    if ud.outside is not None:
        whole.beyond += _named(ud, ud.outside > _LEAST_OUTSIDE)
    if ud.bridged_s is not None and ud.unobserved_s is not None:
        time_s = ud.bridged_s + ud.unobserved_s
        whole.unobserved += _named(ud, ud.unobserved_s > _MOST_UNOBSERVED * time_s)


def _named(ud: Utilisation, which: BoolArray) -> tuple[str, ...]:
    return tuple(ud.names[n] for n in np.flatnonzero(which))


def _counts(
    table: TrackTable, tracks: Tracks, found: list[StepVariance], whole: _Sum
) -> dict[str, int]:
    return {
        "animals": len(table.fixes.names),
        "rows": len(table.fixes),
        "fixes": len(tracks),
        "steps": len(tracks.steps),
        "bridges": sum(int(np.isfinite(one.bridge_m2_s).sum()) for one in found),
        "utilisations": whole.animals,
        "cells": whole.cells,
    }


def _warn(whole: _Sum) -> None:
    for names, what in (
        (whole.without, "have no utilisation: too few fixes, or no step short enough"),
        (whole.beyond, "have more than a hundredth of their mass beyond the grid"),
        (whole.unobserved, "were not observed for more than a third of their time"),
    ):
        if names:
            some = ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
            err.print(f"{len(names)} animals {what}: {some}.", style="yellow", markup=False)
