"""The command `ecoduct analyse ud`, as it is typed."""

from enum import StrEnum
from typing import Annotated

import typer

from ecoduct_server.commands.analysing.options import (
    Bounds,
    By,
    Epsg,
    Out,
    Rules,
    Scheduler,
    TracksFile,
)
from ecoduct_wire.clock import clock_from_environment


class Mode(StrEnum):
    """Whose way of laying down utilisation."""

    CLEAN = "clean"
    COMPAT = "compat"


def ud(
    *,
    tracks: TracksFile,
    out: Out,
    rule: Rules = None,
    mode: Annotated[
        Mode,
        typer.Option(
            help="clean, or compat: as the R package of the method has it (BBMM 3.0, move, "
            "adehabitatHR), at the centres of cells."
        ),
    ] = Mode.CLEAN,
    epsg: Epsg = None,
    by: By = None,
    bounds: Bounds = None,
    screen: Annotated[
        bool, typer.Option(help="Pass over fixes that `analyse screen` flags; never in compat.")
    ] = True,
    scheduler: Scheduler = None,
) -> None:
    """How much of the land animals use: occurrence on a grid, isopleths and their areas, map.

    Rules: method (dbbmm, bbmm, kernelbb, kernel) window margin location_error_m middle_error
    cell_m max_lag_min time_step_min motion_variance_m2_min h_m. For example: -r method=bbmm -r
    cell_m=250 -r max_lag_min=480

    Writes motion_variance and areas as .csv, isopleths as .csv and polygons in results.gpkg, a
    GeoTIFF of every animal (ud_NAME.tif) and of their mean, map.png, and record.json.
    """
    from ecoduct_analysis.utilisation_rules import UtilisationRule
    from ecoduct_server.commands.analysing import ud as command
    from ecoduct_server.commands.analysing.inputs import parse_rule

    plan = command.Plan(
        tracks=tracks, out=out, rule=parse_rule(UtilisationRule, rule or []), mode=mode.value,
        epsg=epsg, by=by, bounds=bounds, screened=screen, scheduler=scheduler,
    )  # fmt: skip
    command.analyse_ud(plan, clock=clock_from_environment())
