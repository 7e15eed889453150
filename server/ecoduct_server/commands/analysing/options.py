"""Options that the commands `ecoduct analyse …` share."""

from pathlib import Path
from typing import Annotated

import typer

TracksFile = Annotated[
    Path,
    typer.Option(
        "--tracks", "-t", exists=True, dir_okay=False, readable=True,
        help="CSV with Movebank's column names, or id,timestamp,lon,lat, or id,timestamp,x,y,epsg; "
        ".gz is unpacked.",
    ),
]  # fmt: skip
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the results; made if missing.")]
Rules = Annotated[
    list[str] | None,
    typer.Option("--rule", "-r", metavar="NAME=VALUE", help="Change a parameter; repeat for more."),
]
Epsg = Annotated[int | None, typer.Option(help="Projection of columns x and y.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Compute on a Dask cluster, for example tcp://10.0.0.5:8786; local starts one here.",
    ),
]
By = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Column that names the tracks instead of the animal: its years, or its migrations.",
    ),
]
Bounds = Annotated[
    tuple[float, float, float, float] | None,
    typer.Option(
        metavar="WEST SOUTH EAST NORTH",
        help="Edges of the grid in metres, so that it is that of another run.",
    ),
]
