"""Cells and masses of one distribution, sorted by density."""

from collections.abc import Sequence

import numpy as np

from ecoduct_analysis.columns import FloatArray, IntArray

Layer = tuple[IntArray, FloatArray]
"""Cells, rising, and the mass of each; sums to 1."""


def cut_of(mass: FloatArray, volume: float) -> float:
    """Mass of the first cell, from the densest, past a volume; 0 where none is."""
    falling = np.sort(mass)[::-1]
    first = int(np.searchsorted(np.cumsum(falling), volume, side="right"))
    return float(falling[first]) if first < len(falling) and volume < 1 else 0.0


def cleaned(layer: Layer, keep: float) -> Layer:
    """Without the cells beyond a volume, rescaled."""
    cell, mass = layer
    kept = mass >= cut_of(mass, keep)
    left = mass[kept]
    return cell[kept], left / left.sum()


def mean_of(layers: Sequence[Layer], keep: float) -> Layer:
    """Mean of some layers, clean; a single one is as it was, for it is clean."""
    if len(layers) == 1:
        return layers[0]
    cells = np.concatenate([cell for cell, _ in layers])
    cell, place = np.unique(cells, return_inverse=True)
    # Added one after the other: the sum does not depend on how many cells stand beside it.
    mass = np.bincount(place, weights=np.concatenate([mass for _, mass in layers]))
    return cleaned((cell.astype(np.int64), mass / len(layers)), keep)
