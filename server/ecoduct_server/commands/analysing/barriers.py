"""`ecoduct analyse barriers`: encounters, crossings with their probability, and rankings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ecoduct_analysis.barrier_behaviour import Mode, classify_encounters
from ecoduct_analysis.barrier_ranking import rank_features, rank_pieces
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.bridges import BridgeRule
from ecoduct_analysis.columns import BoolArray
from ecoduct_analysis.crossing_probability import crossing_probabilities
from ecoduct_analysis.encounters import KINDS, Behaviour, join_behaviours
from ecoduct_analysis.errors import AnalysisError
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.projection import choose_crs
from ecoduct_analysis.rules import EncounterRule
from ecoduct_analysis.screening import ScreenRule
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing import barrier_figures, barrier_tables
from ecoduct_server.commands.analysing.barrier_tables import Part
from ecoduct_server.commands.analysing.inputs import (
    BarrierTable,
    TrackTable,
    chunks,
    read_barriers,
    read_tracks,
)
from ecoduct_server.commands.analysing.outputs import Results, open_results
from ecoduct_server.commands.analysing.record import make_record
from ecoduct_server.commands.terminal import err, progress
from ecoduct_server.commands.terminal import out as terminal
from ecoduct_server.errors import BadRequest
from ecoduct_wire.clock import Clock

CHUNK: Final = 20_000  # fixes at a time; probabilities take seconds, and the bar must move


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes
    ----------
    tracks, barriers, out : Path
        Track table, barriers, folder of the results.
    layer : str, optional
        Of the barriers' file.
    epsg : int, optional
        Projection of columns x and y where the table does not say.
    screened : bool
        Pass over fixes that screening flags; in parity mode none is, as in the reference.
    min_encounters : int
        Fewest encounters of a feature in the reference's ranking.
    probable : bool
        Say how likely each crossing was; a millisecond for each step near a barrier.
    seed : int
        Of the bridges that are drawn.
    chunk : int
        About how many fixes to hold in full at a time.
    """

    tracks: Path
    barriers: Path
    out: Path
    rule: EncounterRule
    mode: Mode = "robust"
    layer: str | None = None
    epsg: int | None = None
    screened: bool = True
    min_encounters: int = 5
    probable: bool = True
    seed: int = 0
    chunk: int = CHUNK


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """What was read: fixes, which of them are used, barriers with the columns of their file."""

    table: TrackTable
    kept: BoolArray
    crs: str
    fences: BarrierTable
    barriers: Barriers


def analyse_barriers(plan: Plan, *, clock: Clock) -> None:
    """Write tables, GeoPackage, map, chart and record of how animals behave at barriers.

    Raises
    ------
    BadRequest
    """
    started_ms = clock.now_ms()
    try:
        given = _read(plan, now_ms=started_ms)
        with open_results(plan.out) as results:
            seen = _analyse(results, plan, given)
            counts = _counts(given, seen)
            screening = [ScreenRule()] if plan.screened and plan.mode != "parity" else []
            results.write_record(
                make_record(
                    "analyse barriers", inputs=[plan.tracks, plan.barriers], mode=plan.mode,
                    rules=[plan.rule, *screening, BridgeRule()], seed=plan.seed, crs=given.crs,
                    counts=counts, started_ms=started_ms, finished_ms=clock.now_ms(),
                )
            )  # fmt: skip
    except AnalysisError as error:
        raise BadRequest(
            str(error), where=f"{plan.tracks}, {plan.barriers}",
            remedy="Change the input or a --rule; docs/methods/barrier-behaviour.md explains both.",
        ) from error  # fmt: skip
    _warn(given, seen)
    _tell(counts, plan.out)


def _read(plan: Plan, *, now_ms: int) -> _Given:
    table = read_tracks(plan.tracks, epsg=plan.epsg)
    kept = table.kept(screened=plan.screened and plan.mode != "parity", now_ms=now_ms)
    crs = _crs(plan, table.fixes, kept)
    fences = read_barriers(plan.barriers, crs=crs, layer=plan.layer)
    barriers = Barriers.from_geometries(fences.names, fences.geometries, crs=crs)
    return _Given(table, kept, crs, fences, barriers)


def _analyse(results: Results, plan: Plan, given: _Given) -> Behaviour:
    parts: list[tuple[Tracks, Behaviour]] = []
    with progress() as bars:
        task = bars.add_task("fixes examined", total=len(given.kept))
        done = 0
        # The reference's rules look at all animals together, so parity is one chunk.
        size = plan.chunk if plan.mode == "robust" else max(len(given.kept), 1)
        for chunk in chunks(given.table, size):
            now = slice(done, done + len(chunk.fixes))
            part = _examine(plan, chunk.fixes, given.kept[now], given)
            _write(results, plan, part, given.barriers)
            parts.append((part.tracks, part.seen))
            done = now.stop
            bars.advance(task, len(chunk.fixes))
    seen = join_behaviours(parts)
    ranks = rank_features(seen, given.barriers, min_encounters=plan.min_encounters)
    pieces = rank_pieces(seen, given.barriers)
    barrier_tables.write_ranking(results, ranks, given.fences, given.crs)
    barrier_tables.write_pieces(results, pieces, given.barriers)
    name, folder = plan.tracks.name, results.folder
    barrier_figures.draw_map(folder / "map.png", name, parts[0][0], seen, given.barriers)
    barrier_figures.draw_chart(folder / "chart.png", name, seen, given.barriers, pieces)
    return seen


def _examine(plan: Plan, fixes: Fixes, kept: BoolArray, given: _Given) -> Part:
    tracks = fixes.project(kept=kept, crs=given.crs, repeats=plan.mode == "parity")
    seen = classify_encounters(tracks, given.barriers, plan.rule, mode=plan.mode)
    times = given.table.fixes.t_ms[given.kept]
    unit = "ms" if (times % 1000).any() else "s"
    return Part(tracks, fixes.row[kept], seen, unit)


def _write(results: Results, plan: Plan, part: Part, barriers: Barriers) -> None:
    barrier_tables.write_events(results, part, barriers)
    barrier_tables.write_fixes(results, part, barriers.crs)
    # There is no bridge between two fixes of one time, which only parity mode lets pass.
    chances = None
    if plan.probable and not (part.tracks.step_s <= 0).any():
        chances = crossing_probabilities(part.tracks, barriers, seed=plan.seed)
    barrier_tables.write_crossings(results, part, barriers, chances)


def _crs(plan: Plan, fixes: Fixes, kept: BoolArray) -> str:
    if fixes.crs is None:
        raise BadRequest(
            "The projection of columns x and y is not known.", where=str(plan.tracks),
            remedy="Give it as --epsg, for example --epsg 32612.",
        )  # fmt: skip
    return choose_crs(fixes.x[kept], fixes.y[kept]) if fixes.is_degrees else fixes.crs


def _warn(given: _Given, seen: Behaviour) -> None:
    finer = [given.table.fixes.names[n] for n in np.flatnonzero(seen.finer)]
    if finer:
        err.print(
            f"{len(finer)} animals have fixes closer than interval_h ({', '.join(finer[:5])}): "
            "their encounters cannot be compared with the others'.", style="yellow", markup=False,
        )  # fmt: skip
    points = int(np.count_nonzero(given.barriers.length_m == 0))
    if points:
        err.print(f"{points} barriers have no length and are never crossed.", style="yellow")


def _counts(given: _Given, seen: Behaviour) -> dict[str, int]:
    names = given.barriers.names
    return {
        "animals": len(given.table.fixes.names),
        "rows": len(given.kept),
        "fixes": int(np.count_nonzero(given.kept)),
        "barriers": len(names),
        "barriers_drawn_again": len(names) - len(np.unique(given.barriers.drawn_as)),
        "barriers_without_geometry": given.fences.without_geometry,
        "encounters": len(seen.encounters),
        "crossings": len(seen.crossings),
        "crossings_without_encounter": int(np.count_nonzero(seen.without_encounter)),
    } | seen.encounters.counts()


def _tell(counts: dict[str, int], out: Path) -> None:
    kinds = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
    passed = counts["rows"] - counts["fixes"]
    terminal.print(
        f"{counts['animals']} animals, {counts['fixes']} fixes, {passed} rows passed over, "
        f"{counts['barriers']} barriers ({counts['barriers_drawn_again']} drawn again)"
    )
    terminal.print(f"{counts['encounters']} encounters: {kinds or 'none'}")
    terminal.print(
        f"{counts['crossings']} crossings, {counts['crossings_without_encounter']} of them without "
        f"encounter: {out}"
    )
