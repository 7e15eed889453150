"""Kernel that turns steps into bridges in cells, and says at how many moments to lay them down."""

from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis._spread import BRIDGE_COLUMNS
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray

_MOST_MOMENTS: Final = 2048.0  # of one bridge: a fast, straight and fine one would have no end
# Found by trial against many moments: see docs/methods/utilisation.md.
_FEWEST, _FOR_WIDTH, _FOR_LENGTH, _CELL_PART = 4.0, 4.0, 3.0, 1.0 / 32.0


@compiled
def bridge_rows(
    offsets: IntArray,
    t_ms: IntArray,
    x: FloatArray,
    y: FloatArray,
    error_m: FloatArray,
    variance: FloatArray,
    bridged: BoolArray,
    plane: tuple[float, float, float, float],
) -> tuple[FloatArray, IntArray, IntArray]:
    """Bridges in cells as the kernels take them, moments of each, and where each track begins."""
    west, north, cell_m, apart_s = plane
    total = np.count_nonzero(bridged)
    bridges, counts = np.empty((total, BRIDGE_COLUMNS)), np.empty(total, dtype=np.int64)
    begins = np.zeros(len(offsets), dtype=np.int64)
    step = found = 0
    for track in range(len(offsets) - 1):
        for fix in range(offsets[track], offsets[track + 1] - 1):
            if bridged[step]:
                lag_s = (t_ms[fix + 1] - t_ms[fix]) / 1000.0
                row = bridges[found]
                row[0], row[1] = (x[fix] - west) / cell_m, (north - y[fix]) / cell_m
                row[2], row[3] = (x[fix + 1] - x[fix]) / cell_m, (y[fix] - y[fix + 1]) / cell_m
                row[4] = variance[step] * lag_s / (cell_m * cell_m)
                row[5] = (error_m[fix] / cell_m) ** 2
                row[6] = (error_m[fix + 1] / cell_m) ** 2
                row[7] = lag_s
                counts[found] = _moments(row, lag_s / apart_s)
                found += 1
            step += 1
        begins[track + 1] = found
    return bridges, counts, begins


@inlined
def _moments(bridge: FloatArray, fewest: float) -> int:
    """At how many moments to lay down a bridge.

    It must not move by more than its own width, blurred by the cells, from one to the next, and
    must not grow by too much at its ends where the cells are fine enough to show it.
    """
    length = np.sqrt(bridge[2] * bridge[2] + bridge[3] * bridge[3])
    width2 = bridge[4] + 4.0 * min(bridge[5], bridge[6])
    width = np.sqrt(width2)
    count = (
        _FEWEST
        + _FOR_WIDTH * width / (width + 1.0)
        + _FOR_LENGTH * length / np.sqrt(width2 + _CELL_PART)
    )
    return int(np.ceil(min(max(count, fewest), _MOST_MOMENTS)))
