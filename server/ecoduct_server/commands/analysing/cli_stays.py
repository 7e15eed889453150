"""The command `ecoduct analyse stays`, as it is typed."""

from enum import StrEnum
from typing import Annotated

import typer

from ecoduct_server.commands.analysing.options import By, Epsg, Out, Rules, Scheduler, TracksFile
from ecoduct_wire.clock import clock_from_environment


class Mode(StrEnum):
    """Whose rule of a stay."""

    CLEAN = "clean"
    TRACKINTEL = "trackintel"
    MOVINGPANDAS = "movingpandas"


def stays(
    *,
    tracks: TracksFile,
    out: Out,
    rule: Rules = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Begin with a rule by name: ungulate, soaring_bird, night_roost."),
    ] = None,
    mode: Annotated[
        Mode, typer.Option(help="clean, or the rule of trackintel or movingpandas to the letter.")
    ] = Mode.CLEAN,
    epsg: Epsg = None,
    by: By = None,
    screen: Annotated[
        bool, typer.Option(help="Pass over fixes that `analyse screen` flags; only in clean mode.")
    ] = True,
    scheduler: Scheduler = None,
) -> None:
    """Where did they stop, and did they come back: stays, places, visits to them, map.

    Rules: radius_m min_stay_h max_gap_h error_m hysteresis exits bridge_h; of places and visits
    link_m visit_m outing_h. In the other modes: radius_m min_stay_h max_gap_h (movingpandas also
    max_diameter_m, which is else twice radius_m). For example: --preset ungulate -r min_stay_h=48

    Writes stays, places and revisits as .csv and as layers of results.gpkg, map.png, record.json.
    """
    from ecoduct_server.commands.analysing import stays as command
    from ecoduct_server.commands.analysing.stay_rules import parse_rules

    plan = command.Plan(
        tracks=tracks, out=out, mode=mode.value, epsg=epsg, by=by, screened=screen,
        rules=parse_rules(rule or [], mode=mode.value, preset=preset),
        scheduler=scheduler,
    )  # fmt: skip
    command.analyse_stays(plan, clock=clock_from_environment())
