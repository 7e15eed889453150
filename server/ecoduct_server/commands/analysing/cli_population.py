"""`ecoduct analyse population` as it is typed."""

from enum import StrEnum
from typing import Annotated

import typer

from ecoduct_server.commands.analysing.options import (
    Bounds,
    Epsg,
    Out,
    Rules,
    Scheduler,
    TracksFile,
)
from ecoduct_wire.clock import clock_from_environment


class PopulationMode(StrEnum):
    """Rules of a population's bridges and levels."""

    CLEAN = "clean"
    COMPAT = "compat"


SequenceColumn = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Column that names each row's migration; without it sequence, seq or id_yr_season, "
        "or each animal's whole track.",
    ),
]
AnimalColumn = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Column of the animal, if id names something else."),
]
Seasons = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=MM-DD/MM-DD",
        help="Cut migrations by the calendar, for example spring=03-15/06-15; repeat for more.",
    ),
]
YearBegins = Annotated[str, typer.Option(metavar="MM-DD", help="First day of a biological year.")]


def population(
    *,
    tracks: TracksFile,
    out: Out,
    rule: Rules = None,
    mode: Annotated[
        PopulationMode, typer.Option(help="clean, or compat: as Migration Mapper 3.2 has it.")
    ] = PopulationMode.CLEAN,
    sequence_column: SequenceColumn = None,
    animal_column: AnimalColumn = None,
    season: Seasons = None,
    year_begins: YearBegins = "01-01",
    bounds: Bounds = None,
    epsg: Epsg = None,
    screen: Annotated[
        bool, typer.Option(help="Pass over fixes that `analyse screen` flags; never in compat.")
    ] = True,
    scheduler: Scheduler = None,
) -> None:
    """Which routes animals share: corridors of low, medium and high use, and stop-overs.

    Rules: cell_m margin keep contour footprint_edge levels_pct medium high stopover
    stopover_share min_patch_m2 min_hole_m2 merge_key max_long_share min_fixes, and of the bridges
    location_error_m max_lag_min time_step_min motion_variance_m2_min. For example: -r cell_m=250
    -r medium=0.25 -r high=0.75

    Writes sequences, refused, levels and stopovers as .csv and as layers of results.gpkg,
    footprint_count.tif, population_ud.tif, map.png and record.json.
    """
    from ecoduct_server.commands.analysing import population as command
    from ecoduct_server.commands.analysing.population_inputs import Cut, parse_season

    rules, bridges = command.parse_rules(rule or [], mode=mode.value)
    cut = Cut(
        sequence_column=sequence_column, animal_column=animal_column,
        seasons=tuple(parse_season(text) for text in season or []), year_begins=year_begins,
        epsg=epsg,
    )  # fmt: skip
    plan = command.Plan(
        tracks=tracks, out=out, rule=rules, bridges=bridges, mode=mode.value, cut=cut,
        bounds=bounds, screened=screen,
        scheduler=scheduler,
    )  # fmt: skip
    command.analyse_population(plan, clock=clock_from_environment())
