"""The command `ecoduct analyse phases`, as it is typed."""

from enum import StrEnum
from typing import Annotated

import typer

from ecoduct_server.commands.analysing.options import By, Epsg, Out, Rules, Scheduler, TracksFile
from ecoduct_wire.clock import clock_from_environment


class Mode(StrEnum):
    """Whose way of fitting and choosing models of displacement."""

    CLEAN = "clean"
    COMPAT = "compat"


def phases(
    *,
    tracks: TracksFile,
    out: Out,
    rule: Rules = None,
    mode: Annotated[
        Mode, typer.Option(help="clean, or compat: the R package migrateR to the letter.")
    ] = Mode.CLEAN,
    year_begins: Annotated[
        str | None,
        typer.Option(
            metavar="MM-DD",
            help="When a biological year begins, UTC; else with each animal's first fix, and on "
            "02-10 in compat, as the reference's results do.",
        ),
    ] = None,
    epsg: Epsg = None,
    by: By = None,
    screen: Annotated[
        bool, typer.Option(help="Pass over fixes that `analyse screen` flags; never in compat.")
    ] = True,
    scheduler: Scheduler = None,
) -> None:
    """When did they migrate: classes and dates for each year, phases day by day, stop-overs, map.

    Rules of the models: reference (first, mean, best) min_days min_delta_km2 min_rho_days
    min_phi_days max_phi_days date_share. Of the days: offset_h range_days leave_margin_m
    leave_factor far_m leave_days leave_of_days straight_days straightness settle_days
    probable_days settle_radius_m settle_factor settle_share stopover_days stopover_radius_m
    excursion_days. Of change points: min_change_days change_penalty min_spread_m. Of stop-overs:
    radius_m min_stay_h max_gap_h error_m hysteresis exits bridge_h. For example: -r
    min_delta_km2=100 -r offset_h=-7

    Writes phases (a row for each animal-year), models, transitions, daily and stopovers as .csv
    and as layers of results.gpkg, map.png, chart.png, and record.json.
    """
    from ecoduct_server.commands.analysing import phases as command

    plan = command.Plan(
        tracks=tracks, out=out, rules=command.parse_rules(rule or []), mode=mode.value,
        year_begins=year_begins, epsg=epsg, by=by, screened=screen, scheduler=scheduler,
    )  # fmt: skip
    command.analyse_phases(plan, clock=clock_from_environment())
