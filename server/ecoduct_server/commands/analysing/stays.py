"""`ecoduct analyse stays`: where animals stopped, at which places, and when they came back."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import numpy as np

from ecoduct_analysis.columns import BoolArray, FloatArray
from ecoduct_analysis.errors import AnalysisError
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.projection import DEGREES, change_crs, choose_crs
from ecoduct_analysis.revisits import join_places, visits_to
from ecoduct_analysis.screening import ScreenRule
from ecoduct_analysis.stay_parity import ParityStays, movingpandas_stays, trackintel_stays
from ecoduct_analysis.stopovers import find_stays
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing import scheduler, stay_figures, stay_tables
from ecoduct_server.commands.analysing.inputs import TrackTable, chunks, read_tracks
from ecoduct_server.commands.analysing.outputs import Results, open_results
from ecoduct_server.commands.analysing.record import make_record
from ecoduct_server.commands.analysing.stay_rules import Mode, ParityRule, StayRules
from ecoduct_server.commands.analysing.stay_tables import Found
from ecoduct_server.commands.terminal import out as terminal
from ecoduct_server.commands.terminal import progress
from ecoduct_server.errors import BadRequest
from ecoduct_wire.clock import Clock

CHUNK: Final = 200_000  # fixes projected and searched at a time: some 50 MB


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for.

    Attributes
    ----------
    tracks, out : Path
        Track table, folder of the results.
    rules : StayRules
        Of `stay_rules.parse_rules`.
    mode : str
    epsg : int, optional
        Projection of columns x and y where the table does not say.
    by : str, optional
        Column that names the tracks instead of the animal.
    screened : bool
        Pass over fixes that screening flags; only in clean mode.
    scheduler : str, optional
        Of a Dask cluster.
    chunk : int
        About how many fixes to work on at a time.
    """

    tracks: Path
    out: Path
    rules: StayRules = field(default_factory=StayRules)
    mode: Mode = "clean"
    epsg: int | None = None
    by: str | None = None
    screened: bool = True
    scheduler: str | None = None
    chunk: int = CHUNK

    @property
    def screens(self) -> bool:
        """Whether fixes are screened."""
        return self.screened and self.mode == "clean"


@dataclass(frozen=True, slots=True, eq=False)
class _Given:
    """What was read: fixes, which of them are used, and the projection of the results."""

    table: TrackTable
    kept: BoolArray
    crs: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A task: some animals and which of their fixes are used.

    ``crs`` is that of the results, None for a plane that is not on the globe.
    """

    fixes: Fixes
    kept: BoolArray
    plan: Plan
    crs: str | None
    places: tuple[FloatArray, FloatArray] = field(default_factory=lambda: (np.empty(0),) * 2)


def analyse_stays(plan: Plan, *, clock: Clock) -> None:
    """Write stays, places, revisits, map and record.

    Raises
    ------
    BadRequest
    """
    started_ms = clock.now_ms()
    table = read_tracks(plan.tracks, epsg=plan.epsg, by=plan.by)
    try:
        kept = table.kept(screened=plan.screens, now_ms=started_ms)
        given = _Given(table, kept, _common_crs(table.fixes, kept))
        with open_results(plan.out) as results:
            counts = _write(results, plan, given)
            used = plan.rules.parity or plan.rules.stays
            screening = [ScreenRule()] if plan.screens else []
            results.write_record(
                make_record(
                    "analyse stays", inputs=[plan.tracks], mode=plan.mode,
                    rules=[used, plan.rules.places, *screening], crs=given.crs,
                    counts=counts, started_ms=started_ms, finished_ms=clock.now_ms(),
                )
            )  # fmt: skip
    except AnalysisError as error:
        raise BadRequest(
            str(error), where=str(plan.tracks),
            remedy="Change the input or a --rule; docs/methods/stays.md explains both.",
        ) from error  # fmt: skip
    terminal.print(
        f"{counts['animals']} animals, {counts['fixes']} fixes: {counts['stays']} stays at "
        f"{counts['places']} places, {counts['visits']} visits: {plan.out}"
    )


def _write(results: Results, plan: Plan, given: _Given) -> dict[str, int]:
    fixes, rules = given.table.fixes, plan.rules
    with progress() as bars:
        task = bars.add_task("animals", total=2 * len(fixes.names))
        found: list[Found] = []
        for one in scheduler.each(examine, _parts(plan, given), scheduler=plan.scheduler):
            found.append(one)
            bars.advance(task, len(one.names))
        stays = stay_tables.join(found)
        places = join_places(
            stays.x, stays.y, track=stays.track, stayed_s=stays.duration_s,
            link_m=rules.places.link_m or rules.radius_m,
        )  # fmt: skip
        stay_tables.write_stays(results, stays, places, given.crs)
        tally = stay_tables.Tally.of(places)
        parts = _parts(plan, given, places=(places.x, places.y))
        for visits in scheduler.each(examine_visits, parts, scheduler=plan.scheduler):
            stay_tables.write_revisits(results, visits, places, given.crs)
            tally.add(visits)
            bars.advance(task, len(visits.names))
        stay_tables.write_places(results, places, tally, given.crs)
    shown = _tracks(next(_parts(replace(plan, scheduler=None), given)))
    stay_figures.draw_map(results.folder / "map.png", plan.tracks.name, shown, stays, places)
    return {
        "animals": len(fixes.names), "rows": len(fixes), "fixes": stays.fixes,
        "stays": len(stays), "places": len(places), "visits": int(tally.visits.sum()),
    }  # fmt: skip


def _parts(
    plan: Plan, given: _Given, *, places: tuple[FloatArray, FloatArray] | None = None
) -> Iterator[Part]:
    done = 0
    for one in chunks(given.table, 1 if plan.scheduler else plan.chunk):
        kept = given.kept[done : done + len(one.fixes)]
        done += len(one.fixes)
        yield Part(one.fixes, kept, plan, given.crs, places or (np.empty(0), np.empty(0)))


def examine(part: Part) -> Found:
    """Stays of some animals; a task of a worker."""
    fixes, kept, plan = part.fixes, part.kept, part.plan
    if plan.rules.stays is not None:
        # Each animal in the projection that suits it, whoever else is in the table.
        tracks = fixes.project(kept=kept)
        return stay_tables.found_of(tracks, find_stays(tracks, plan.rules.stays), part.crs)
    rule = plan.rules.parity or ParityRule()
    if plan.mode == "trackintel":
        degrees = _in_degrees(fixes.where(kept))
        stays = trackintel_stays(
            degrees, radius_m=rule.radius_m, min_stay_h=rule.min_stay_h, max_gap_h=rule.max_gap_h,
            include_last=True,
        )  # fmt: skip
        return _parity(degrees, stays, (DEGREES,) * len(fixes.names), part.crs)
    tracks = fixes.project(kept=kept, repeats=True)
    diameter_m = rule.max_diameter_m or 2.0 * rule.radius_m
    stops = movingpandas_stays(tracks, max_diameter_m=diameter_m, min_stay_h=rule.min_stay_h)
    return _parity(tracks, stops, tracks.crs, part.crs)


def _parity(
    given: Fixes | Tracks, stays: ParityStays, own: tuple[str, ...], crs: str | None
) -> Found:
    return stay_tables.placed(
        given.names, own, crs, track=stays.track, begins_ms=stays.begins_ms, ends_ms=stays.ends_ms,
        x=stays.x, y=stays.y, fixes=len(given.t_ms), ours=None,
    )  # fmt: skip


def _in_degrees(fixes: Fixes) -> Fixes:
    if fixes.is_degrees:
        return fixes
    if fixes.crs is None:
        raise BadRequest(
            "trackintel measures on the globe; the projection of columns x and y is not known.",
            where="--mode trackintel", remedy="Give it as --epsg, for example --epsg 32612.",
        )  # fmt: skip
    lon, lat = change_crs(fixes.x, fixes.y, source=fixes.crs, target=DEGREES)
    return Fixes(names=fixes.names, offsets=fixes.offsets, t_ms=fixes.t_ms, x=lon, y=lat,
                 row=fixes.row)  # fmt: skip


def examine_visits(part: Part) -> stay_tables.FoundVisits:
    """Visits of some animals to the places of all; a task of a worker."""
    rules, tracks = part.plan.rules, _tracks(part)
    visits = visits_to(
        tracks, *part.places, radius_m=rules.places.visit_m or 2.0 * rules.radius_m,
        outing_h=rules.places.outing_h, max_gap_h=rules.max_gap_h,
    )  # fmt: skip
    return stay_tables.FoundVisits(tracks.names, visits)


def _tracks(part: Part) -> Tracks:
    """Fixes of a part in the projection of the results, each time once."""
    kept = part.kept.copy()
    used = np.flatnonzero(kept)
    # Two fixes of one time, which only the other tools' rules take, are no way into a circle.
    some = part.fixes.where(kept)
    again = np.zeros(len(some), dtype=bool)
    again[1:] = some.t_ms[1:] == some.t_ms[:-1]
    again[some.offsets[:-1][np.diff(some.offsets) > 0]] = False
    kept[used[again]] = False
    return part.fixes.project(kept=kept, crs=part.crs)


def _common_crs(fixes: Fixes, kept: BoolArray) -> str | None:
    """One projection for the results, so that places of all animals can be compared."""
    return choose_crs(fixes.x[kept], fixes.y[kept]) if fixes.is_degrees else fixes.crs
