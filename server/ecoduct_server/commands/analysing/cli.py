"""The commands `ecoduct analyse …`.

What computes is imported when a command runs, so that `ecoduct --help` stays quick.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ecoduct_server.commands.analysing.cli_corridors import corridors
from ecoduct_server.commands.analysing.cli_phases import phases
from ecoduct_server.commands.analysing.cli_population import population
from ecoduct_server.commands.analysing.cli_stays import stays
from ecoduct_server.commands.analysing.cli_ud import ud
from ecoduct_server.commands.analysing.options import Epsg, Out, Rules, TracksFile
from ecoduct_wire.clock import clock_from_environment


class Mode(StrEnum):
    """Rules of barrier behaviour."""

    ROBUST = "robust"
    PARITY = "parity"


app = typer.Typer(
    no_args_is_help=True,
    help="Analyse track tables: files in, a folder of tables, maps and charts out.\n\n"
    "Begin with: ecoduct analyse screen --tracks tracks.csv --out screened",
)


@app.command()
def barriers(
    *,
    tracks: TracksFile,
    barriers: Annotated[
        Path,
        typer.Option(
            "--barriers", "-b", exists=True, dir_okay=False, readable=True,
            help="Lines or polygons: GeoJSON, GeoPackage or Shapefile.",
        ),
    ],
    out: Out,
    rule: Rules = None,
    mode: Annotated[
        Mode, typer.Option(help="robust, or parity: the rules of the R package BaBA to the letter.")
    ] = Mode.ROBUST,
    layer: Annotated[str | None, typer.Option(help="Layer of the barriers' file.")] = None,
    epsg: Epsg = None,
    screen: Annotated[
        bool, typer.Option(help="Pass over fixes that `analyse screen` flags; never in parity.")
    ] = True,
    min_encounters: Annotated[
        int, typer.Option(min=0, help="Fewest encounters of a barrier for an index.")
    ] = 5,
    probability: Annotated[
        bool, typer.Option(help="Say how likely crossings were: 1 ms for each step near a barrier.")
    ] = True,
    seed: Annotated[int, typer.Option(help="Of the bridges that are drawn.")] = 0,
) -> None:  # fmt: skip
    """What animals do at barriers: encounters, crossings with probability, rankings, map.

    Rules: buffer_m interval_h b_time_h p_time_h window_h tolerance_h max_cross sd_multiplier
    exclude_buffer jitter unit_h. For example, as published for mule deer: -r buffer_m=90 -r
    interval_h=2

    Writes events, fixes, crossings, probabilities, ranking and pieces as .csv and as layers of
    results.gpkg, map.png, chart.png, and record.json with every rule and version.
    """
    from ecoduct_analysis.rules import EncounterRule
    from ecoduct_server.commands.analysing import barriers as command
    from ecoduct_server.commands.analysing.inputs import parse_rule

    plan = command.Plan(
        tracks=tracks, barriers=barriers, out=out, rule=parse_rule(EncounterRule, rule or []),
        mode=mode.value, layer=layer, epsg=epsg, screened=screen,
        min_encounters=min_encounters, probable=probability, seed=seed,
    )  # fmt: skip
    command.analyse_barriers(plan, clock=clock_from_environment())


@app.command()
def steps(*, tracks: TracksFile, out: Out, epsg: Epsg = None) -> None:
    """How far, how fast and where to: length, speed, heading and turn of every step.

    Writes steps and animals as .csv and as layers of results.gpkg, steps.png and record.json.
    """
    from ecoduct_server.commands.analysing.steps import analyse_steps

    analyse_steps(tracks, out, clock=clock_from_environment(), epsg=epsg)


@app.command()
def screen(*, tracks: TracksFile, out: Out, rule: Rules = None, epsg: Epsg = None) -> None:
    """Which fixes to pass over, and why; nothing is deleted.

    Rules: earliest_ms zero_box_deg max_dop max_error_m max_speed_m_s position_error_m spike_factor
    min_spike_m leg_factor return_part end_factor max_run; none or inf is off.

    Writes screened and animals as .csv and as layers of results.gpkg, screened.png and record.json.
    """
    from ecoduct_analysis.screening import ScreenRule
    from ecoduct_server.commands.analysing.inputs import parse_rule
    from ecoduct_server.commands.analysing.screening import analyse_screen

    chosen = parse_rule(ScreenRule, rule or [])
    analyse_screen(tracks, out, clock=clock_from_environment(), rule=chosen, epsg=epsg)


app.command()(corridors)
app.command()(ud)
app.command()(population)
app.command()(stays)
app.command()(phases)
