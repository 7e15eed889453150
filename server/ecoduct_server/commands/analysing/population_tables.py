"""Tables of `ecoduct analyse population`; columns that the reference has carry its names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from ecoduct_analysis.cell_sets import CellSets, outlines
from ecoduct_analysis.columns import IntArray
from ecoduct_analysis.footprints import find_footprints, find_stopovers
from ecoduct_analysis.population import Population
from ecoduct_analysis.population_rules import STOPOVER_KINDS, Mode, PopulationRule
from ecoduct_analysis.refusals import REASONS, Judgement
from ecoduct_analysis.sequence_bridges import SequenceBridges
from ecoduct_analysis.sequences import Sequences
from ecoduct_analysis.use_levels import UseLevel
from ecoduct_server.commands.analysing.outputs import Results

_S_PER_MIN, _S_PER_H, _M2_PER_KM2 = 60.0, 3600.0, 1e6


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some sequences, what was found of them, and which are kept after all."""

    sequences: Sequences
    judged: Judgement
    found: SequenceBridges


def write_sequences(results: Results, rule: PopulationRule, mode: Mode, batch: Batch) -> None:
    """Write ``sequences``: a row for each that was kept, with its footprint in the GeoPackage."""
    sequences, judged, found = batch.sequences, batch.judged, batch.found
    kept = np.flatnonzero(judged.kept)
    some, ud = sequences.select(kept), found.utilisation.select(kept)
    footprint = find_footprints(ud, contour=rule.contour, edge=rule.footprint_edge, mode=mode)
    by = {
        kind: find_stopovers(ud, share=rule.stopover_share, kind=kind).counts
        for kind in STOPOVER_KINDS
    }
    crop = found.crop_cells[kept]
    table = pa.table(
        {
            "seq": pa.array(some.tracks.names, pa.string()),
            "id": pa.array(some.owners, pa.string()),
            "n": judged.fixes[kept],
            "n_lag_gt_8h": judged.long_steps[kept],
            "bm_var_BBMM": _floats(found.variance_m2_s[kept] * _S_PER_MIN),
            "crop_cells": pa.array(crop, pa.int64(), mask=crop < 0),
            # How long it took depends on the machine, and a table must not.
            "seconds": pa.nulls(len(kept), pa.float64()),
            "cells_footprint99": footprint.counts,
            "cells_positive": np.diff(ud.offsets),
            "stopover_cells_top10pct_area": by["area"],
            "stopover_cells_top10pct_volume": by["volume"],
            "year": some.year,
            "season": pa.array([word or None for word in some.season], pa.string()),
            "begins_at": _times(some, 0),
            "ends_at": _times(some, -1),
            "long_share": _floats(judged.long_share[kept]),
            "bridged_h": _hours(ud.bridged_s, len(kept)),
            "unobserved_h": _hours(ud.unobserved_s, len(kept)),
            "outside": _floats(np.full(len(kept), np.nan) if ud.outside is None else ud.outside),
            "footprint_km2": footprint.counts * (ud.grid.cell_m**2 / _M2_PER_KM2),
        }
    )
    shapes = outlines(footprint, min_patch_m2=rule.min_patch_m2, min_hole_m2=rule.min_hole_m2)
    results.write_table("sequences", table, geometry=shapes, crs=ud.grid.crs)


def write_refused(
    results: Results, sequences: Sequences, judged: Judgement, reason: IntArray
) -> None:
    """Write ``refused``: a row for each sequence that was not used, and why."""
    gone = np.flatnonzero(reason)
    some = sequences.select(gone)
    results.write_table(
        "refused",
        pa.table(
            {
                "seq": pa.array(some.tracks.names, pa.string()),
                "id": pa.array(some.owners, pa.string()),
                "n": judged.fixes[gone],
                "n_lag_gt_8h": judged.long_steps[gone],
                "long_share": _floats(judged.long_share[gone]),
                "reason": pa.array([REASONS[n] for n in reason[gone]], pa.string()),
                "begins_at": _times(some, 0),
                "ends_at": _times(some, -1),
            }
        ),
    )


def write_levels(
    results: Results, rule: PopulationRule, population: Population,
    levels: Sequence[UseLevel], sets: CellSets,
) -> None:  # fmt: skip
    """Write ``levels``: a row for each level of use, with its outline in the GeoPackage."""
    shapes = outlines(sets, min_patch_m2=rule.min_patch_m2, min_hole_m2=rule.min_hole_m2)
    table = pa.table(
        {
            "level": pa.array([level.name for level in levels], pa.string()),
            "least_animals": pa.array([level.animals for level in levels], pa.int64()),
            "least_share": _floats([level.share for level in levels]),
            "animals": np.full(len(levels), len(population)),
            "cells": sets.counts,
            "area_km2": sets.counts * (population.grid.cell_m**2 / _M2_PER_KM2),
            "patches": pa.array([len(shape.geoms) for shape in shapes], pa.int64()),
            "outline_km2": _floats([shape.area / _M2_PER_KM2 for shape in shapes]),
        }
    )
    results.write_table("levels", table, geometry=shapes, crs=population.grid.crs)


def write_stopovers(
    results: Results, rule: PopulationRule, stopovers: Mapping[str, CellSets]
) -> None:
    """Write ``stopovers``: a row for each patch by each definition, the largest first."""
    patches: list[tuple[str, int, shapely.Polygon]] = []
    for kind, found in stopovers.items():
        (shape,) = outlines(found, min_patch_m2=rule.min_patch_m2, min_hole_m2=rule.min_hole_m2)
        parts = sorted(shape.geoms, key=lambda part: (-part.area, part.bounds))
        patches += [(kind, number, part) for number, part in enumerate(parts)]
    shapes = np.array([part for _, _, part in patches], dtype=object)
    middles = shapely.point_on_surface(shapes)
    table = pa.table(
        {
            "definition": pa.array([kind for kind, _, _ in patches], pa.string()),
            "share": np.full(len(patches), rule.stopover_share),
            "is_chosen": pa.array([kind == rule.stopover for kind, _, _ in patches], pa.bool_()),
            "patch": pa.array([number + 1 for _, number, _ in patches], pa.int64()),
            "area_km2": _floats([part.area / _M2_PER_KM2 for _, _, part in patches]),
            "x": _floats(shapely.get_x(middles)),
            "y": _floats(shapely.get_y(middles)),
        }
    )
    grid = next(iter(stopovers.values())).grid
    results.write_table("stopovers", table, geometry=shapes, crs=grid.crs)


def _times(sequences: Sequences, fix: int) -> pa.Array:
    """Time of the first or the last fix of each sequence, none of which is empty."""
    tracks = sequences.tracks
    at = tracks.offsets[:-1] if fix == 0 else tracks.offsets[1:] - 1
    unit = "ms" if (tracks.t_ms % 1000).any() else "s"
    times = pa.array(tracks.t_ms[at], pa.int64()).cast(pa.timestamp("ms", "UTC"))
    return times.cast(pa.timestamp(unit, "UTC"))


def _hours(seconds: Any, rows: int) -> pa.Array:
    return _floats(np.full(rows, np.nan) if seconds is None else seconds / _S_PER_H)


def _floats(values: Any) -> pa.Array:
    return pa.array(np.asarray(values, dtype=np.float64), pa.float64(), from_pandas=True)
