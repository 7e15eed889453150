"""Counts in cells that change a few at a time."""

from itertools import pairwise

import numpy as np

from ecoduct_analysis.columns import IntArray

_CELLS = 512  # of a tile: a route touches few tiles, and a tile is a page of memory


class CellCounts:
    """Counts in the cells of a grid of any size; only tiles that were ever touched are held."""

    def __init__(self) -> None:
        self._tiles: dict[int, IntArray] = {}

    def add(self, cell: IntArray, change: int) -> None:
        """Change the counts of some cells, rising, each once."""
        tiles, first = np.unique(cell // _CELLS, return_index=True)
        ends = [*first.tolist(), len(cell)]
        for tile, (begin, end) in zip(tiles.tolist(), pairwise(ends), strict=True):
            held = self._tiles.setdefault(tile, np.zeros(_CELLS, dtype=np.int64))
            held[cell[begin:end] - tile * _CELLS] += change
            if not held.any():
                del self._tiles[tile]

    def nonzero(self) -> tuple[IntArray, IntArray]:
        """Cells with a count, rising, and their counts."""
        tiles = sorted(self._tiles)
        if not tiles:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        counts = np.concatenate([self._tiles[tile] for tile in tiles])
        cells = (np.array(tiles)[:, None] * _CELLS + np.arange(_CELLS)).ravel()
        return cells[counts != 0].astype(np.int64), counts[counts != 0]
