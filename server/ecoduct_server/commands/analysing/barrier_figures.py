"""Map and chart of `ecoduct analyse barriers`."""

from pathlib import Path

import numpy as np

from ecoduct_analysis.barrier_ranking import PieceRanking
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.encounters import KINDS, Behaviour
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.figures import ENCOUNTERS, Points

_SHOWN_PIECES = 12
_MAP_FIXES = 200_000  # more are a black map; whole tracks are passed over from there on


def draw_map(path: Path, name: str, tracks: Tracks, seen: Behaviour, barriers: Barriers) -> None:
    """Write a map of tracks, barriers and encounters."""
    figure, (axes,) = figures.new_figure(1, title=f"Barriers and {name}", height_in=8.0)
    of, lone = seen.encounters, seen.without_encounter
    shown = tracks if len(tracks) <= _MAP_FIXES else next(tracks.chunks(_MAP_FIXES))
    lost = Points(
        seen.crossings.x[lone],
        seen.crossings.y[lone],
        "crossing without encounter",
        figures.INK,
        1.5,
    )
    kinds = [
        Points(of.x[of.kind == n], of.y[of.kind == n], kind, ENCOUNTERS[kind], 4.0)
        for n, kind in enumerate(KINDS)
        if (of.kind == n).any()
    ]
    bounds = None
    if len(shown):
        bounds = (shown.x.min(), shown.y.min(), shown.x.max(), shown.y.max())
    figures.draw_map(
        axes, tracks=shown, lines=list(barriers.geometry),
        points=[*([lost] if lone.any() else []), *kinds], bounds=bounds,
    )  # fmt: skip
    figures.save(figure, path)


def draw_chart(
    path: Path, name: str, seen: Behaviour, barriers: Barriers, pieces: PieceRanking
) -> None:
    """Write how often each kind was seen, and which pieces let through least."""
    figure, (left, right) = figures.new_figure(2, title=f"Encounters of {name}")
    counts = seen.encounters.counts() | {
        "crossing without encounter": int(np.count_nonzero(seen.without_encounter))
    }
    figures.draw_bars(left, counts, title="By kind", x="encounters")
    figures.label(right, title="Pieces that let through least", x="share of approaches crossed")
    known = np.flatnonzero(np.isfinite(pieces.rate))[:_SHOWN_PIECES]
    if not len(known):
        figures.tell(right, "no piece has enough approaches")
    else:
        spread = np.stack((pieces.rate - pieces.rate_low, pieces.rate_high - pieces.rate))[:, known]
        words = [
            f"{barriers.names[pieces.feature[n]]}, {pieces.begin_m[n] / 1000:.1f} km" for n in known
        ]
        right.errorbar(
            pieces.rate[known], np.arange(len(known)), xerr=spread, fmt="o", color=figures.BAR,
            markersize=4, linewidth=1.2,
        )  # fmt: skip
        right.set_yticks(np.arange(len(known)), words)
        right.set_ylim(len(known) - 0.4, -0.6)
        right.set_xlim(0.0, 1.0)
    figures.save(figure, path)
