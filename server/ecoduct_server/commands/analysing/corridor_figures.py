"""Map of `ecoduct analyse corridors`."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.collections import LineCollection

from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.corridor_use import Corridors
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.corridor_tables import Found

MAP_FIXES: Final = 200_000  # more are a black map; whole tracks are passed over from there on
_STEP_PT: Final = 1.4


class Sheet:
    """What the map shows, collected part by part.

    Attributes
    ----------
    tracks : list of Tracks
        About `MAP_FIXES` at most.
    lines : list of (m, 2, 2) arrays, m
        Steps of corridors, all of them.
    """

    def __init__(self) -> None:
        self.tracks: list[Tracks] = []
        self.lines: list[FloatArray] = []

    def add(self, found: Found) -> None:
        """Keep what a part shows."""
        room = MAP_FIXES - sum(len(tracks) for tracks in self.tracks)
        if room > 0 and len(found.tracks):
            self.tracks.append(
                found.tracks if len(found.tracks) <= room else next(found.tracks.chunks(room))
            )
        of, tracks = found.steps, found.tracks
        first, last = of.first[of.is_corridor], of.last[of.is_corridor]
        ends = (tracks.x[first], tracks.y[first], tracks.x[last], tracks.y[last])
        self.lines.append(np.stack(ends, axis=1).reshape(-1, 2, 2))


def draw_map(path: Path, name: str, sheet: Sheet, corridors: Corridors | None) -> None:
    """Write a map of tracks, steps of corridors and given corridors."""
    figure, (axes,) = figures.new_figure(1, title=f"Corridors of {name}", height_in=8.0)
    areas = list(corridors.geometry) if corridors is not None else []
    together = _joined(sheet.tracks)
    figures.draw_map(axes, tracks=together, lines=areas, bounds=_bounds(together))
    lines = np.concatenate([*sheet.lines, np.empty((0, 2, 2))])
    steps = LineCollection(
        list(lines), colors=figures.PALETTE[0], linewidths=_STEP_PT, label="step of a corridor"
    )
    axes.add_collection(steps, autolim=False)
    if len(lines):
        axes.legend(handles=[steps], loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False,
                    fontsize=8)  # fmt: skip
    figures.save(figure, path)


def _joined(parts: list[Tracks]) -> Tracks | None:
    if not parts:
        return None
    counts = [count for tracks in parts for count in np.diff(tracks.offsets).tolist()]
    return Tracks(
        names=tuple(name for tracks in parts for name in tracks.names),
        offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        t_ms=np.concatenate([tracks.t_ms for tracks in parts]),
        x=np.concatenate([tracks.x for tracks in parts]),
        y=np.concatenate([tracks.y for tracks in parts]),
        repeats=True,
    )


def _bounds(tracks: Tracks | None) -> tuple[float, float, float, float] | None:
    if tracks is None:
        return None
    x, y = tracks.x, tracks.y
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())
