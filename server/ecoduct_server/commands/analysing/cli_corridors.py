"""The command `ecoduct analyse corridors`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ecoduct_server.commands.analysing.options import Epsg, Out, Rules, Scheduler, TracksFile
from ecoduct_wire.clock import clock_from_environment


class CorridorMode(StrEnum):
    """Rules of corridor steps."""

    CLEAN = "clean"
    COMPAT = "compat"


CorridorsFile = Annotated[
    Path | None,
    typer.Option(
        "--corridors", "-c", exists=True, dir_okay=False, readable=True,
        help="Polygons whose use to measure: GeoJSON, GeoPackage or Shapefile.",
    ),
]  # fmt: skip
UseRules = Annotated[
    list[str] | None,
    typer.Option(
        "--use-rule", "-u", metavar="NAME=VALUE",
        help="Change a parameter of the use of given corridors; repeat for more.",
    ),
]  # fmt: skip


def corridors(
    *,
    tracks: TracksFile,
    out: Out,
    corridors: CorridorsFile = None,
    rule: Rules = None,
    use_rule: UseRules = None,
    mode: Annotated[
        CorridorMode, typer.Option(help="clean, or compat: the rules of R's move to the letter.")
    ] = CorridorMode.CLEAN,
    population: Annotated[
        bool, typer.Option(help="Take neighbours from all animals; see the rule min_animals.")
    ] = False,
    layer: Annotated[str | None, typer.Option(help="Layer of the corridors' file.")] = None,
    epsg: Epsg = None,
    screen: Annotated[
        bool, typer.Option(help="Pass over fixes that `analyse screen` flags; never in compat.")
    ] = True,
    scheduler: Scheduler = None,
) -> None:
    """Where animals' corridors are: fast steps along each other; and who uses given corridors.

    Rules: speed_quantile circular_variance_quantile min_neighbours max_gap_h min_length_m
    population min_animals. Of use: tolerance_m max_gap_h end_part

    Writes segments, with --corridors also visits and use, as .csv and as layers of results.gpkg,
    map.png, and record.json with every rule and version.
    """
    from ecoduct_analysis.corridor_use import CorridorUseRule
    from ecoduct_analysis.corridors import CorridorRule
    from ecoduct_server.commands.analysing import corridors as command
    from ecoduct_server.commands.analysing.inputs import parse_rule

    pairs = (rule or []) + (["population=true"] if population else [])
    plan = command.Plan(
        tracks=tracks, out=out, rule=parse_rule(CorridorRule, pairs), mode=mode.value,
        corridors=corridors, use_rule=parse_rule(CorridorUseRule, use_rule or []), layer=layer,
        epsg=epsg, screened=screen, scheduler=scheduler,
    )  # fmt: skip
    command.analyse_corridors(plan, clock=clock_from_environment())
