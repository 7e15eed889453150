"""`ecoduct analyse corridors`: where animals' corridors are, and who uses given ones."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ecoduct_analysis.columns import BoolArray
from ecoduct_analysis.corridor_use import Corridors, CorridorUseRule, measure_corridor_use
from ecoduct_analysis.corridors import CorridorRule, Mode, find_corridors
from ecoduct_analysis.errors import AnalysisError
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.projection import DEGREES, change_crs, choose_crs
from ecoduct_analysis.screening import ScreenRule
from ecoduct_server.commands.analysing import corridor_figures, corridor_tables
from ecoduct_server.commands.analysing.corridor_tables import Found
from ecoduct_server.commands.analysing.inputs import TrackTable, chunks, read_barriers, read_tracks
from ecoduct_server.commands.analysing.outputs import Results, open_results
from ecoduct_server.commands.analysing.record import make_record
from ecoduct_server.commands.analysing.scheduler import each
from ecoduct_server.commands.terminal import out as terminal
from ecoduct_server.commands.terminal import progress
from ecoduct_server.errors import BadRequest
from ecoduct_wire.clock import Clock

CHUNK: Final = 200_000  # fixes held as rows and geometries at a time: some 300 MB

_POLE_DEG: Final = 90.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes
    ----------
    tracks, out : Path
        Track table, folder of the results.
    rule : CorridorRule
    mode : str
        ``compat`` follows R's `move`, and no fix is screened then.
    corridors : Path, optional
        Polygons whose use is measured by ``use_rule``.
    layer : str, optional
        Of that file.
    epsg : int, optional
        Projection of columns x and y where the table does not say.
    screened : bool
        Pass over fixes that screening flags.
    scheduler : str, optional
        Of a Dask cluster, which gets an animal a task; a population is one task.
    chunk : int
        About how many fixes to hold in full at a time; a population is held as a whole.
    """

    tracks: Path
    out: Path
    rule: CorridorRule = field(default_factory=CorridorRule)
    mode: Mode = "clean"
    corridors: Path | None = None
    use_rule: CorridorUseRule = field(default_factory=CorridorUseRule)
    layer: str | None = None
    epsg: int | None = None
    screened: bool = True
    scheduler: str | None = None
    chunk: int = CHUNK


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Whole animals, and all that their results depend on.

    ``crs`` is the projection of the map and of given corridors, None where there is none.
    """

    fixes: Fixes
    rule: CorridorRule
    mode: Mode
    crs: str | None
    corridors: Corridors | None
    use_rule: CorridorUseRule


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    table: TrackTable
    kept: BoolArray
    crs: str | None
    corridors: Corridors | None


def analyse_corridors(plan: Plan, *, clock: Clock) -> None:
    """Write segments, visits, use, map and record.

    Raises
    ------
    BadRequest
    """
    started_ms = clock.now_ms()
    try:
        given = _read(plan, now_ms=started_ms)
        with open_results(plan.out) as results:
            counts = _analyse(results, plan, given)
            rules: list[Any] = [plan.rule]
            rules += [plan.use_rule] if plan.corridors else []
            rules += [ScreenRule()] if _is_screened(plan) else []
            results.write_record(
                make_record(
                    "analyse corridors", mode=plan.mode, rules=rules, counts=counts,
                    inputs=_inputs(plan),
                    crs=given.crs, started_ms=started_ms, finished_ms=clock.now_ms(),
                )
            )  # fmt: skip
    except AnalysisError as error:
        raise BadRequest(
            str(error), where=", ".join(str(path) for path in _inputs(plan)),
            remedy="Change the input or a --rule; docs/methods/corridors.md explains both.",
        ) from error  # fmt: skip
    _tell(counts, plan)


def _inputs(plan: Plan) -> list[Path]:
    return [plan.tracks, *([plan.corridors] if plan.corridors else [])]


def examine(part: Part) -> Found:
    """Find the corridors of some animals, and their use of given ones."""
    fixes, plain = part.fixes, replace(part.rule, max_gap_h=np.inf, min_length_m=0.0,
                                       population=False, min_animals=1)  # fmt: skip
    steps = find_corridors(fixes, part.rule, mode=part.mode)
    move = None
    if part.mode == "compat":
        move, clean = steps.is_corridor, find_corridors(fixes, part.rule).is_corridor
    else:
        clean = steps.is_corridor
        if fixes.is_degrees:
            move = find_corridors(fixes, plain, mode="compat").is_corridor
    tracks = fixes.project(crs=part.crs, repeats=True)
    use = None
    if part.corridors is not None:
        use = measure_corridor_use(tracks, part.corridors, part.use_rule)
    return Found(fixes, tracks, steps, move, clean, use)


def _is_screened(plan: Plan) -> bool:
    return plan.screened and plan.mode != "compat"


def _read(plan: Plan, *, now_ms: int) -> _Given:
    table = read_tracks(plan.tracks, epsg=plan.epsg)
    fixes = table.fixes
    kept = table.kept(screened=_is_screened(plan), now_ms=now_ms)
    if fixes.is_degrees:
        kept &= np.abs(fixes.y) <= _POLE_DEG
    kept &= _is_first_of_time(fixes, kept)
    crs = choose_crs(fixes.x[kept], fixes.y[kept]) if fixes.is_degrees else fixes.crs
    if plan.corridors is None:
        return _Given(table, kept, crs, None)
    if crs is None:
        raise BadRequest(
            "The projection of columns x and y is not known.", where=str(plan.tracks),
            remedy="Give it as --epsg, for example --epsg 32612.",
        )  # fmt: skip
    areas = read_barriers(plan.corridors, crs=crs, layer=plan.layer, kind="corridor")
    corridors = Corridors.from_geometries(areas.names, areas.geometries, crs=crs)
    return _Given(table, kept, crs, corridors)


def _is_first_of_time(fixes: Fixes, kept: BoolArray) -> BoolArray:
    """Whether each fix that is kept is the first of its animal and time."""
    at = np.flatnonzero(kept)
    of = np.repeat(np.arange(len(fixes.names)), np.diff(fixes.offsets))[at]
    first = np.ones(len(fixes), dtype=bool)
    first[at[1:]] = (np.diff(fixes.t_ms[at]) != 0) | (np.diff(of) != 0)
    return first


def _analyse(results: Results, plan: Plan, given: _Given) -> dict[str, int]:
    counts = dict.fromkeys(("steps", "passed_over", "corridor_steps", "animals_with_corridors"), 0)
    counts |= {"visits": 0, "transits": 0} if given.corridors is not None else {}
    sheet = corridor_figures.Sheet()
    names = given.corridors.names if given.corridors is not None else ()
    with progress() as bars:
        task = bars.add_task("fixes examined", total=int(np.count_nonzero(given.kept)))
        for found in each(examine, _parts(plan, given), scheduler=plan.scheduler):
            corridor_tables.write_segments(results, found)
            corridor_tables.write_use(results, found, names, given.crs or "")
            sheet.add(found)
            for name, count in _counted(found).items():
                counts[name] += count
            bars.advance(task, len(found.fixes))
    corridor_figures.draw_map(results.folder / "map.png", plan.tracks.name, sheet, given.corridors)
    return {
        "animals": len(given.table.fixes.names), "rows": len(given.kept),
        "fixes": int(np.count_nonzero(given.kept)), "corridors": len(names),
    } | counts  # fmt: skip


def _parts(plan: Plan, given: _Given) -> Iterator[Part]:
    size = 1 if plan.scheduler else plan.chunk
    size = max(len(given.kept), 1) if plan.rule.population else size
    done = 0
    for chunk in chunks(given.table, size):
        now = slice(done, done + len(chunk.fixes))
        done = now.stop
        fixes = chunk.fixes.where(given.kept[now])
        if plan.mode == "compat" and not fixes.is_degrees and fixes.crs is not None:
            fixes = _in_degrees(fixes, fixes.crs)
        yield Part(fixes, plan.rule, plan.mode, given.crs, given.corridors, plan.use_rule)


def _in_degrees(fixes: Fixes, crs: str) -> Fixes:
    lon, lat = change_crs(fixes.x, fixes.y, source=crs, target=DEGREES)
    return replace(fixes, x=lon, y=lat, crs=DEGREES)


def _counted(found: Found) -> dict[str, int]:
    of = found.steps
    counts = {
        "steps": len(of), "passed_over": int(np.count_nonzero(~of.is_used)),
        "corridor_steps": int(np.count_nonzero(of.is_corridor)),
        "animals_with_corridors": len(np.unique(of.track[of.is_corridor])),
    }  # fmt: skip
    if found.use is not None:
        transits = int(np.count_nonzero(found.use.visits.is_transit))
        counts |= {"visits": len(found.use.visits), "transits": transits}
    return counts


def _tell(counts: dict[str, int], plan: Plan) -> None:
    passed = counts["rows"] - counts["fixes"]
    terminal.print(
        f"{counts['animals']} animals, {counts['fixes']} fixes, {passed} rows passed over, "
        f"{counts['steps']} steps"
    )
    used = ""
    if plan.corridors is not None:
        used = (
            f"; {counts['visits']} visits of {counts['corridors']} given corridors, "
            f"{counts['transits']} of them transits"
        )
    terminal.print(
        f"{counts['corridor_steps']} steps in corridors of {counts['animals_with_corridors']} "
        f"animals{used}: {plan.out}"
    )
