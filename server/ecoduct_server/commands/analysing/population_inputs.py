"""Sequences of a track table: by a column, by the calendar, or one for each animal."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from ecoduct_analysis.columns import IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.projection import choose_crs
from ecoduct_analysis.sequences import Season, Sequences, cut_seasons, label_sequences
from ecoduct_analysis.tables import load_csv
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing.inputs import read_tracks
from ecoduct_server.errors import BadRequest

NAMES: Final = ("sequence", "seq", "id_yr_season")
"""Columns that are taken for the sequence's name where none is given."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How sequences are told apart.

    Attributes
    ----------
    sequence_column : str, optional
        Names each row's sequence; rows without one are passed over. Without it, the first of
        `NAMES` that the table has is taken.
    animal_column : str, optional
        Names each row's animal, where the table's own column names something else.
    seasons : tuple of Season
        By the calendar instead.
    year_begins : str, ``MM-DD``
        Of biological years.
    epsg : int, optional
        Projection of columns x and y, and of the results where the table is in degrees.
    """

    sequence_column: str | None = None
    animal_column: str | None = None
    seasons: tuple[Season, ...] = ()
    year_begins: str = "01-01"
    epsg: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What was read: sequences, rows of the table and those that are used, and how it was cut."""

    sequences: Sequences
    rows: int
    fixes: int
    cut_by: dict[str, object]


def read_sequences(path: Path, cut: Cut, *, screened: bool, now_ms: int) -> Given:
    """Read a track table and cut it into sequences.

    Raises
    ------
    BadRequest
    """
    table = read_tracks(path, epsg=cut.epsg)
    kept = table.kept(screened=screened, now_ms=now_ms)
    fixes, rows = table.fixes, table.fixes.row[kept]
    crs = fixes.crs
    if fixes.is_degrees:
        crs = f"EPSG:{cut.epsg}" if cut.epsg else choose_crs(fixes.x[kept], fixes.y[kept])
    tracks = fixes.project(kept=kept, crs=crs)
    sequences, cut_by = (
        _by_season(path, tracks, cut) if cut.seasons else _by_column(path, tracks, cut, rows)
    )
    return Given(sequences, len(kept), len(rows), cut_by | {"year_begins": cut.year_begins})


def _by_season(path: Path, tracks: Tracks, cut: Cut) -> tuple[Sequences, dict[str, object]]:
    if cut.sequence_column or cut.animal_column:
        raise BadRequest(
            "Sequences are given by column and by season.", where=str(path),
            remedy="Give --season, or --sequence-column and --animal-column.",
        )  # fmt: skip
    found = cut_seasons(tracks, cut.seasons, year_begins=cut.year_begins)
    spans = {season.name: f"{season.begins}/{season.ends}" for season in cut.seasons}
    return found, {"by": "season", "seasons": spans}


def _by_column(
    path: Path, tracks: Tracks, cut: Cut, rows: IntArray
) -> tuple[Sequences, dict[str, object]]:
    column = cut.sequence_column or _find_column(path)
    animals = _read_column(path, cut.animal_column, rows) if cut.animal_column else None
    if column:
        labels = _read_column(path, column, rows)
    else:
        labels = np.array(tracks.names, dtype=object)[tracks.track].tolist()
    found = label_sequences(tracks, labels, animals=animals, year_begins=cut.year_begins)
    return found, {"by": f"column {column}" if column else "animal", "column": column,
                   "animal_column": cut.animal_column}  # fmt: skip


def _find_column(path: Path) -> str | None:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        names = {name.strip().lower(): name for name in reversed(next(csv.reader(file), []))}
    return next((names[name] for name in NAMES if name in names), None)


def _read_column(path: Path, name: str, rows: IntArray) -> Sequence[str | None]:
    words: Sequence[str | None] = load_csv(path, also=[name])[name].take(pa.array(rows)).to_pylist()
    return words


def parse_season(text: str) -> Season:
    """Season from ``name=MM-DD/MM-DD``.

    Raises
    ------
    BadRequest
    """
    name, _, days = text.partition("=")
    begins, _, ends = days.partition("/")
    try:
        return Season(name.strip(), begins.strip(), ends.strip())
    except BadRule as error:
        raise BadRequest(
            str(error), where=f"--season {text}",
            remedy="Give it as NAME=MM-DD/MM-DD, for example spring=03-15/06-15.",
        ) from error  # fmt: skip
