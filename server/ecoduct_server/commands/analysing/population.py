"""`ecoduct analyse population`: corridors and stop-overs that the migrations of animals share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

import numpy as np

from ecoduct_analysis.cell_sets import CellSets
from ecoduct_analysis.errors import AnalysisError
from ecoduct_analysis.footprints import find_stopovers
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.population import Population, PopulationLayers
from ecoduct_analysis.population_rules import STOPOVER_KINDS, Mode, PopulationRule
from ecoduct_analysis.refusals import REASONS, Judgement, judge_sequences
from ecoduct_analysis.screening import ScreenRule
from ecoduct_analysis.sequence_bridges import (
    BRIDGES,
    TIME_STEP_MIN,
    SequenceBridges,
    bridge_sequences,
    population_grid,
)
from ecoduct_analysis.sequences import Sequences
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.use_levels import level_sets, use_levels
from ecoduct_analysis.utilisation import Utilisation
from ecoduct_analysis.utilisation_rules import UtilisationRule
from ecoduct_server.commands.analysing import population_figures, population_tables
from ecoduct_server.commands.analysing.inputs import parse_rule
from ecoduct_server.commands.analysing.outputs import Results, open_results
from ecoduct_server.commands.analysing.population_figures import Shared
from ecoduct_server.commands.analysing.population_inputs import Cut, read_sequences
from ecoduct_server.commands.analysing.population_tables import Batch
from ecoduct_server.commands.analysing.record import make_record
from ecoduct_server.commands.analysing.scheduler import each
from ecoduct_server.commands.terminal import out as terminal
from ecoduct_server.commands.terminal import progress
from ecoduct_server.errors import BadRequest
from ecoduct_wire.clock import Clock

CHUNK: Final = 20_000  # fixes bridged at a time: a few hundred MB of cells at most
_MOST_CELLS: Final = 200_000_000  # of a raster: 1.6 GB while it is written
_M2_PER_KM2: Final = 1e6


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes
    ----------
    tracks, out : Path
        Track table, folder of the results.
    rule : PopulationRule
    bridges : UtilisationRule
    mode : str
        ``clean``, or ``compat``: as Migration Mapper does it.
    cut : Cut
        How sequences are told apart.
    bounds : (west, south, east, north), m, optional
        Of the grid; otherwise about all sequences.
    screened : bool
        Pass over fixes that screening flags; never in compat.
    scheduler : str, optional
        Of a Dask cluster; a sequence is a task there.
    chunk : int
        About how many fixes to bridge at a time.
    """

    tracks: Path
    out: Path
    rule: PopulationRule = field(default_factory=PopulationRule)
    bridges: UtilisationRule = BRIDGES
    mode: Mode = "clean"
    cut: Cut = field(default_factory=Cut)
    bounds: tuple[float, float, float, float] | None = None
    screened: bool = True
    scheduler: str | None = None
    chunk: int = CHUNK

    @property
    def is_screened(self) -> bool:
        """Whether fixes are screened; the reference does not."""
        return self.screened and self.mode == "clean"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Sequences to be bridged, and all that is needed for it."""

    tracks: Tracks
    grid: Grid
    bridges: UtilisationRule
    rule: PopulationRule
    mode: Mode


def bridge_part(part: Part) -> SequenceBridges:
    """Clean utilisation of some sequences."""
    return bridge_sequences(
        part.tracks, part.grid, bridges=part.bridges, rule=part.rule, mode=part.mode
    )


def parse_rules(pairs: Sequence[str], *, mode: Mode) -> tuple[PopulationRule, UtilisationRule]:
    """Rules of a population and of its bridges from ``name=value`` pairs.

    Raises
    ------
    BadRequest
    """
    usual = {"method": BRIDGES.method, "location_error_m": BRIDGES.location_error_m,
             "max_lag_min": BRIDGES.max_lag_min}  # fmt: skip
    if mode == "compat":
        usual["time_step_min"] = TIME_STEP_MIN
    ours = {one.name for one in fields(PopulationRule)}
    names = [pair.partition("=")[0].strip() for pair in pairs]
    of_bridges = {one.name for one in fields(UtilisationRule)} - ours
    of_population = [p for p, name in zip(pairs, names, strict=True) if name not in of_bridges]
    given = [p for p, name in zip(pairs, names, strict=True) if name in of_bridges]
    given += [f"{name}={value}" for name, value in usual.items() if name not in names]
    return parse_rule(PopulationRule, of_population), parse_rule(UtilisationRule, given)


def analyse_population(plan: Plan, *, clock: Clock) -> None:
    """Write tables, levels of use, stop-overs, rasters, map and record of a population.

    Raises
    ------
    BadRequest
    """
    started_ms = clock.now_ms()
    try:
        given = read_sequences(plan.tracks, plan.cut, screened=plan.is_screened, now_ms=started_ms)
        grid = _grid(plan, given.sequences.tracks)
        with open_results(plan.out) as results:
            found = _analyse(results, plan, given.sequences, grid)
            counts = {"rows": given.rows, "fixes": given.fixes} | found
            screening = [ScreenRule()] if plan.is_screened else []
            rules = {type(rule).__name__: rule for rule in (plan.rule, plan.bridges, *screening)}
            results.write_record(
                make_record(
                    "analyse population", inputs=[plan.tracks], mode=plan.mode,
                    rules=rules | {"sequences": given.cut_by, "grid": grid}, crs=grid.crs,
                    counts=counts, started_ms=started_ms, finished_ms=clock.now_ms(),
                )
            )  # fmt: skip
    except AnalysisError as error:
        raise BadRequest(
            str(error), where=str(plan.tracks),
            remedy="Change the table or a --rule; docs/methods/populations.md explains both.",
        ) from error  # fmt: skip
    _tell(counts, plan, given.cut_by)


def _grid(plan: Plan, tracks: Tracks) -> Grid:
    if plan.bounds is None:
        grid = population_grid(tracks, plan.rule, mode=plan.mode)
    else:
        crs = tracks.crs[0] if tracks.crs else None
        grid = Grid.within(plan.bounds, cell_m=plan.rule.cell_m, crs=crs)
    if len(grid) > _MOST_CELLS:
        raise BadRequest(
            f"The grid has {grid.rows} x {grid.columns} cells of {grid.cell_m:g} m.",
            where=str(plan.tracks), remedy="Give larger ones, for example -r cell_m=500.",
        )  # fmt: skip
    return grid


def _analyse(results: Results, plan: Plan, sequences: Sequences, grid: Grid) -> dict[str, int]:
    """Write all results; gives what they count."""
    judged = _judge(plan, sequences.tracks)
    fit = np.flatnonzero(judged.kept)
    reason = judged.reason.copy()
    layers = PopulationLayers(grid, plan.rule, mode=plan.mode)
    done = 0
    with progress() as bars:
        task = bars.add_task("sequences bridged", total=len(fit))
        parts = _parts(plan, sequences.tracks.select(fit), grid)
        for found in each(bridge_part, parts, scheduler=plan.scheduler):
            here = fit[done : done + len(found)]
            some = sequences.select(here)
            again = _judge(plan, some.tracks, found.utilisation)
            batch = Batch(some, again, found)
            population_tables.write_sequences(results, plan.rule, plan.mode, batch)
            layers.replace(found.utilisation, animals=some.owners, years=some.year)
            reason[here] = again.reason
            done += len(found)
            bars.advance(task, len(found))
    population_tables.write_refused(results, sequences, judged, reason)
    population = layers.population()
    return _write(results, plan, sequences, population) | {
        "sequences": len(sequences),
        "refused": int(np.count_nonzero(reason)),
        **{f"refused_{why}": int(np.count_nonzero(reason == number))
           for number, why in enumerate(REASONS) if why},
    }  # fmt: skip


def _judge(plan: Plan, tracks: Tracks, utilisation: Utilisation | None = None) -> Judgement:
    lag_min = np.inf if plan.bridges.max_lag_min is None else plan.bridges.max_lag_min
    return judge_sequences(
        tracks, max_lag_min=lag_min, rule=plan.rule, utilisation=utilisation, mode=plan.mode
    )


def _parts(plan: Plan, tracks: Tracks, grid: Grid) -> Iterator[Part]:
    # On a cluster a sequence is a task; each is bridged alike whatever stands beside it.
    size = 1 if plan.scheduler else plan.chunk
    for some in tracks.chunks(size) if tracks.names else [tracks]:
        yield Part(some, grid, plan.bridges, plan.rule, plan.mode)


def _write(
    results: Results, plan: Plan, sequences: Sequences, population: Population
) -> dict[str, int]:
    """Write what the population shares; gives the cells of each level and kind of stop-over."""
    levels = use_levels(len(population), plan.rule, mode=plan.mode)
    sets = level_sets(population, levels)
    stopovers: dict[str, CellSets] = {
        kind: find_stopovers(population.utilisation, share=plan.rule.stopover_share, kind=kind)
        for kind in STOPOVER_KINDS
    }
    population_tables.write_levels(results, plan.rule, population, levels, sets)
    population_tables.write_stopovers(results, plan.rule, stopovers)
    grid, utilisation = population.grid, population.utilisation
    results.write_raster("footprint_count", grid, grid.dense(population.cell, population.count))
    results.write_raster("population_ud", grid, grid.dense(utilisation.cell, utilisation.mass))
    shared = Shared(sequences.tracks, population, sets, stopovers[plan.rule.stopover])
    population_figures.draw_map(results.folder / "map.png", plan.tracks.name, shared)
    cells = {f"cells_{level.name.replace(' ', '_')}": int(count)
             for level, count in zip(levels, sets.counts, strict=True)}  # fmt: skip
    stops = {f"stopover_cells_{kind}": int(found.counts[0]) for kind, found in stopovers.items()}
    return {"animals": len(population), **cells, "ud_cells": len(utilisation.cell), **stops}


def _tell(counts: dict[str, int], plan: Plan, cut_by: dict[str, object]) -> None:
    column = cut_by.get("column", "season")
    terminal.print(
        f"{counts['fixes']} fixes, {counts['sequences']} sequences by "
        f"{column or 'animal'}, {counts['refused']} refused", markup=False,
    )  # fmt: skip
    km2 = plan.rule.cell_m**2 / _M2_PER_KM2
    areas = ", ".join(
        f"{word} {counts[f'cells_{word}']} cells ({counts[f'cells_{word}'] * km2:.6g} km2)"
        for word in ("low", "medium", "high")
        if f"cells_{word}" in counts
    )
    terminal.print(f"corridors of {counts['animals']} animals: {areas or 'none'}", markup=False)
    share = 100 * plan.rule.stopover_share
    terminal.print(
        f"stop-over cells: {counts['stopover_cells_area']} by area (densest {share:g} % of the "
        f"cells), {counts['stopover_cells_volume']} by volume ({share:g} % of the use): {plan.out}",
        markup=False,
    )
