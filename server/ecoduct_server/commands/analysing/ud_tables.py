"""Tables, polygons and rasters of `ecoduct analyse ud`."""

import re
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.isopleths import EdgeRule, isopleth_areas_m2, isopleth_polygons
from ecoduct_analysis.occurrence import StepVariance
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation import Utilisation
from ecoduct_server.commands.analysing.outputs import Results

SHARES: Final = (0.5, 0.95, 0.99)
RULES: Final[tuple[EdgeRule, ...]] = ("inclusive", "exclusive")
KIND: Final = "occurrence"  # not a home range
_S_PER_MIN: Final = 60.0
_S_PER_HOUR: Final = 3600.0
_LONGEST_NAME: Final = 100  # characters: file systems take 255 bytes
_NOWHERE: Final = Grid(west=0.0, north=0.0, cell_m=1.0, rows=1, columns=1)


class RasterNames:
    """Names of rasters, made of the animals' names, each different from all before it."""

    def __init__(self) -> None:
        self._taken = {"ud_mean"}

    def name(self, animal: str) -> str:
        """Name of the raster of the next animal, without its ending."""
        plain = re.sub(r"[^\w.-]+", "_", animal).strip("._")[:_LONGEST_NAME] or "animal"
        chosen, number = f"ud_{plain}", 1
        # Some file systems do not tell capitals apart.
        while chosen.lower() in self._taken:
            number += 1
            chosen = f"ud_{plain}_{number}"
        self._taken.add(chosen.lower())
        return chosen


def write_variances(results: Results, tracks: Tracks, rows: IntArray, found: StepVariance) -> None:
    """Write ``motion_variance``: a row for each fix, with the variance of the step after it.

    Parameters
    ----------
    rows : (n,) array
        Row of each fix in the table, from 0.
    """
    first = tracks.steps
    windows, interest = np.zeros(len(tracks), dtype=np.int64), np.zeros(len(tracks), dtype=np.int64)
    windows[first], interest[first] = found.windows, found.of_interest
    names = np.repeat(np.array(tracks.names, dtype=object), np.diff(tracks.offsets))
    begins = np.repeat(tracks.offsets[:-1], np.diff(tracks.offsets))
    table = pa.table(
        {
            "id": pa.array(names, pa.string()),
            "i": pa.array(np.arange(len(tracks)) - begins),
            "timestamp": pa.array(tracks.t_ms.view("datetime64[ms]")).cast(
                pa.timestamp("ms", "UTC")
            ),
            "bm_var_m2_per_min": _of_fixes(tracks, found.variance_m2_s * _S_PER_MIN),
            "in_windows": pa.array(windows, mask=windows <= 0),
            "interest": pa.array(interest),
            "row": pa.array(rows + 1),
            "bridge_var_m2_per_min": _of_fixes(tracks, found.bridge_m2_s * _S_PER_MIN),
        }
    )
    results.write_table("motion_variance", table)


def write_utilisation(
    results: Results, ud: Utilisation, fixes: IntArray, names: RasterNames
) -> None:
    """Write ``areas`` and ``isopleths`` of some animals, and a raster of each.

    Parameters
    ----------
    fixes : (k,) array
        How many each animal has.
    """
    files: list[str | None] = []
    for track, animal in enumerate(ud.names):
        known = ud.offsets[track + 1] > ud.offsets[track]
        files.append(names.name(animal) if known else None)
        if files[-1] is not None:
            results.write_raster(files[-1], ud.grid, ud.dense(track))
    results.write_table("areas", _areas(ud, fixes, files))
    _write_isopleths(results, ud)


def write_nothing(results: Results) -> None:
    """Write the tables of no animal, with their columns."""
    none = Utilisation(
        _NOWHERE, (), np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0),
        bridged_s=np.zeros(0), unobserved_s=np.zeros(0), outside=np.zeros(0),
    )  # fmt: skip
    write_utilisation(results, none, np.zeros(0, np.int64), RasterNames())


def _areas(ud: Utilisation, fixes: IntArray, files: list[str | None]) -> pa.Table:
    columns: dict[str, Any] = {
        "id": pa.array(ud.names, pa.string()),
        "kind": pa.array([KIND] * len(ud), pa.string()),
        "fixes": pa.array(fixes),
        "bridged_h": _hours(ud, ud.bridged_s),
        "unobserved_h": _hours(ud, ud.unobserved_s),
        "outside": pa.array(ud.outside, pa.float64(), from_pandas=True),
        "cells": pa.array(np.diff(ud.offsets)),
    }
    for rule in RULES:
        areas = isopleth_areas_m2(ud, SHARES, rule=rule)
        for at, share in enumerate(SHARES):
            name = f"area{share * 100:.0f}_m2_{rule}"
            columns[name] = pa.array(areas[:, at], from_pandas=True)
    columns["raster"] = pa.array([file and f"{file}.tif" for file in files], pa.string())
    return pa.table(columns)


def _write_isopleths(results: Results, ud: Utilisation) -> None:
    """A row for each animal and share, animal by animal so that chunks change nothing."""
    known = np.flatnonzero(np.diff(ud.offsets) > 0)
    each = np.repeat(known, len(SHARES))
    lines = np.array([isopleth_polygons(ud, share)[known] for share in SHARES], dtype=object)
    lines = lines.T.reshape(-1)
    table = pa.table(
        {
            "id": pa.array([ud.names[n] for n in each], pa.string()),
            "kind": pa.array([KIND] * len(each), pa.string()),
            "share": pa.array(np.tile(SHARES, len(known))),
            "rule": pa.array(["inclusive"] * len(each), pa.string()),
            "area_m2": pa.array(shapely.area(lines).astype(np.float64)),
            "patches": pa.array(shapely.get_num_geometries(lines).astype(np.int64)),
        }
    )
    results.write_table("isopleths", table, geometry=lines, crs=ud.grid.crs)


def _of_fixes(tracks: Tracks, of_steps: FloatArray) -> pa.Array:
    """Values of steps at the fixes before them; nothing at the last fix of a track."""
    values = np.full(len(tracks), np.nan)
    values[tracks.steps] = of_steps
    return pa.array(values, from_pandas=True)


def _hours(ud: Utilisation, seconds: FloatArray | None) -> pa.Array:
    values = np.full(len(ud), np.nan) if seconds is None else seconds / _S_PER_HOUR
    return pa.array(values, pa.float64(), from_pandas=True)
