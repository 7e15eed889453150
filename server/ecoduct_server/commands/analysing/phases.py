"""`ecoduct analyse phases`: which animals migrated, when, and where they stopped on the way."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, Literal

from ecoduct_analysis.change_points import ChangeRule, are_confirmed, find_changes
from ecoduct_analysis.displacement_models import (
    MODELS,
    AnimalYears,
    DisplacementRule,
    best_reference,
    daily_medians,
    fit_displacement,
    measure_displacement,
    movement_dates,
    split_years,
)
from ecoduct_analysis.errors import AnalysisError, BadRule
from ecoduct_analysis.phases import (
    PhaseRule,
    find_phases,
    find_transitions,
    is_on_the_way,
    phase_at,
)
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.screening import ScreenRule
from ecoduct_analysis.stopovers import STAY_PRESETS, find_stays
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing import phase_figures, phase_tables, scheduler
from ecoduct_server.commands.analysing.inputs import TrackTable, chunks, parse_rule, read_tracks
from ecoduct_server.commands.analysing.outputs import Results, open_results
from ecoduct_server.commands.analysing.phase_tables import Found
from ecoduct_server.commands.analysing.record import make_record
from ecoduct_server.commands.terminal import out as terminal
from ecoduct_server.commands.terminal import progress
from ecoduct_server.errors import BadRequest
from ecoduct_wire.clock import Clock

REFERENCE_BEGINS: Final = "02-10"  # elk winter from December to April, and none moves then
CHUNK: Final = 50_000  # fixes at a time: a dozen animal-years of 2 h, and a tenth of a second

Mode = Literal["clean", "compat"]


@dataclass(frozen=True, slots=True)
class ReferenceRule:
    """Where displacement is measured from.

    Attributes
    ----------
    reference : str
        ``first`` position, ``mean`` of the first 20, or ``best``: of the first 15 the one from
        which a model fits best.
    """

    reference: str = "first"

    def __post_init__(self) -> None:
        if self.reference not in {"first", "mean", "best"}:
            raise BadRule("reference must be first, mean or best.")


@dataclass(frozen=True, slots=True)
class PhaseRules:
    """All rules of the command."""

    models: DisplacementRule = field(default_factory=DisplacementRule)
    reference: ReferenceRule = field(default_factory=ReferenceRule)
    days: PhaseRule = field(default_factory=PhaseRule)
    changes: ChangeRule = field(default_factory=ChangeRule)
    stays: StayRule = STAY_PRESETS["ungulate"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes
    ----------
    tracks, out : Path
        Track table, folder of the results.
    rules : PhaseRules
    mode : str
        ``clean``; in ``compat`` models are fitted to the fixes as they are and chosen as migrateR
        does.
    year_begins : str, optional
        Month and day, as ``02-10``, which compat takes without one, as the reference's results do.
    epsg : int, optional
        Projection of columns x and y where the table does not say.
    by : str, optional
        Column that names the tracks instead of the animal.
    screened : bool
        Pass over fixes that screening flags; in compat mode none is.
    scheduler : str, optional
        Of a Dask cluster.
    chunk : int
        About how many fixes to work on at a time.
    """

    tracks: Path
    out: Path
    rules: PhaseRules = field(default_factory=PhaseRules)
    mode: Mode = "clean"
    year_begins: str | None = None
    epsg: int | None = None
    by: str | None = None
    screened: bool = True
    scheduler: str | None = None
    chunk: int = CHUNK

    @property
    def screens(self) -> bool:
        """Whether fixes are screened."""
        return self.screened and self.mode == "clean"

    @property
    def begins(self) -> str | None:
        """When a year begins; None for each animal's first fix."""
        return self.year_begins or (REFERENCE_BEGINS if self.mode == "compat" else None)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A task: some animals."""

    table: TrackTable
    plan: Plan
    now_ms: int


def parse_rules(pairs: Sequence[str]) -> PhaseRules:
    """Rules of the command from ``name=value`` pairs; a name says which rule it is of.

    Raises
    ------
    BadRequest
    """
    kinds: dict[str, Any] = {
        "models": DisplacementRule, "reference": ReferenceRule, "days": PhaseRule,
        "changes": ChangeRule, "stays": StayRule,
    }  # fmt: skip
    named = {name: pair for pair in pairs if (name := pair.partition("=")[0].strip())}
    known = {one.name for kind in kinds.values() for one in fields(kind)}
    for name, pair in named.items():
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known), n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"It has {', '.join(sorted(known))}."
            raise BadRequest(
                f"There is no parameter {name!r}.", where=f"--rule {pair}", remedy=remedy
            )
    made = {}
    for part, kind in kinds.items():
        own = {one.name for one in fields(kind)}
        chosen = [pair for pair in pairs if pair.partition("=")[0].strip() in own]
        made[part] = parse_rule(kind, chosen)
        if part == "stays":
            given = {name: getattr(made[part], name) for name in named if name in own}
            made[part] = replace(STAY_PRESETS["ungulate"], **given)
    return PhaseRules(**made)


def analyse_phases(plan: Plan, *, clock: Clock) -> None:
    """Write classes, dates, models, phases, transitions, stop-overs, map, chart and record.

    Raises
    ------
    BadRequest
    """
    started_ms = clock.now_ms()
    table = read_tracks(plan.tracks, epsg=plan.epsg, by=plan.by)
    try:
        with open_results(plan.out) as results:
            counts = _write(results, plan, table, now_ms=started_ms)
            rules = plan.rules
            used = (rules.models, rules.reference, rules.days, rules.changes, rules.stays)
            screening = [ScreenRule()] if plan.screens else []
            results.write_record(
                make_record(
                    "analyse phases", inputs=[plan.tracks], mode=plan.mode,
                    rules={type(one).__name__: one for one in (*used, *screening)}
                    | {"years": {"begin": plan.begins, "by": plan.by}},
                    crs=table.fixes.crs, counts=counts, started_ms=started_ms,
                    finished_ms=clock.now_ms(),
                )
            )  # fmt: skip
    except AnalysisError as error:
        raise BadRequest(
            str(error), where=str(plan.tracks),
            remedy="Change the input or a --rule; docs/methods/migration-phases.md explains both.",
        ) from error  # fmt: skip
    told = ", ".join(f"{counts[name]} {name}" for name in MODELS if counts[name]) or "none"
    terminal.print(
        f"{counts['animal_years']} animal-years of {counts['animals']} animals: {told}, "
        f"{counts['without_model']} without; {counts['transitions']} transitions, "
        f"{counts['stopovers']} stop-overs: {plan.out}"
    )


def examine(part: _Part) -> Found:
    """All that is found of some animals; a task of a worker."""
    plan, fixes = part.plan, part.table.fixes
    kept = part.table.kept(screened=plan.screens, now_ms=part.now_ms)
    tracks = fixes.project(kept=kept)
    years = split_years(tracks, begins=plan.begins, always_named=plan.by is None)
    positions = years.tracks
    if plan.mode == "clean":
        positions = daily_medians(positions, offset_h=plan.rules.days.offset_h)
    series = measure_displacement(
        positions, reference=_reference(plan, positions, years), zero_ms=years.zero_ms
    )
    fits = fit_displacement(series, plan.rules.models, mode=plan.mode)
    phases = find_phases(tracks, plan.rules.days)
    transitions = find_transitions(phases)
    changes = find_changes(tracks, replace(plan.rules.changes, offset_h=plan.rules.days.offset_h))
    stays = find_stays(tracks, plan.rules.stays)
    times = tracks.t_ms[stays.first], tracks.t_ms[stays.last]
    days = daily_medians(tracks, offset_h=plan.rules.days.offset_h)
    return Found(
        names=tracks.names, crs=tracks.crs, is_degrees=fixes.is_degrees, years=years,
        series=series, fits=fits, dates=movement_dates(fits), phases=phases,
        transitions=transitions, days=days, day_phase=phase_at(phases, days),
        is_change=are_confirmed(transitions.track, transitions.at_ms, changes),
        stays=stays, stay_times=times, is_stopover=is_on_the_way(phases, stays.track, *times),
        offset_h=plan.rules.days.offset_h, fixes=len(tracks),
    )  # fmt: skip


def _reference(plan: Plan, positions: Tracks, years: AnimalYears) -> Any:
    chosen = plan.rules.reference.reference
    if chosen == "best":
        return best_reference(positions, plan.rules.models, zero_ms=years.zero_ms, mode=plan.mode)
    return chosen


def _write(
    results: Results, plan: Plan, table: TrackTable, *, now_ms: int
) -> dict[str, int]:  # fmt: skip
    counts = dict.fromkeys(
        ("animals", "rows", "fixes", "animal_years", *MODELS, "without_model", "phases",
         "transitions", "stopovers"), 0,
    )  # fmt: skip
    sketch = phase_figures.Sketch()
    each = 1 if plan.scheduler else plan.chunk
    parts = (_Part(one, plan, now_ms) for one in chunks(table, each))
    with progress() as bars:
        task = bars.add_task("animals", total=len(table.fixes.names))
        for found in scheduler.each(examine, parts, scheduler=plan.scheduler):
            phase_tables.write_phases(results, found)
            phase_tables.write_models(results, found)
            phase_tables.write_transitions(results, found)
            phase_tables.write_daily(results, found)
            phase_tables.write_stopovers(results, found)
            sketch.add(found)
            _count(counts, found)
            bars.advance(task, len(found.names))
    counts["animals"], counts["rows"] = len(table.fixes.names), len(table.fixes)
    phase_figures.draw_map(results.folder / "map.png", plan.tracks.name, sketch)
    phase_figures.draw_chart(results.folder / "chart.png", plan.tracks.name, sketch)
    return counts


def _count(counts: dict[str, int], found: Found) -> None:
    counts["fixes"] += found.fixes
    counts["animal_years"] += len(found.fits)
    for number, name in enumerate(MODELS):
        counts[name] += int((found.fits.best == number).sum())
    counts["without_model"] += int((found.fits.best < 0).sum())
    counts["phases"] += len(found.phases)
    counts["transitions"] += len(found.transitions)
    counts["stopovers"] += int(found.is_stopover.sum())
