"""`ecoduct analyse screen`: which rows of a table to pass over, and why."""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import shapely

from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.projection import change_crs, choose_crs
from ecoduct_analysis.screening import REASONS, ScreenRule, screen
from ecoduct_analysis.tables import to_arrow
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.figures import PALETTE, Points
from ecoduct_server.commands.analysing.inputs import TrackTable, chunks, read_tracks
from ecoduct_server.commands.analysing.outputs import Results, open_results
from ecoduct_server.commands.analysing.record import make_record
from ecoduct_server.commands.analysing.steps import CHUNK
from ecoduct_server.commands.terminal import out as terminal
from ecoduct_server.commands.terminal import progress
from ecoduct_wire.clock import Clock

HIDDEN: Final = "hidden"  # rows that the table itself marks as outliers
_HIDDEN_BIT: Final = 1 << 15  # beyond all reasons of a screening
_POLE_DEG, _AROUND_DEG = 90.0, 360.0
_SHOWN: Final = 50_000  # fixes on a map; more make it black and slow


def analyse_screen(
    tracks: Path, out: Path, *, clock: Clock, rule: ScreenRule | None = None,
    epsg: int | None = None, chunk: int = CHUNK,
) -> None:  # fmt: skip
    """Write every row of a track table with what speaks against it, and how often for each animal.

    Rows that the table marks as outliers are called ``hidden`` and judge no other row.

    Parameters
    ----------
    tracks : Path
        Track table (CSV).
    out : Path
        Folder of the results.
    rule : ScreenRule, optional
    epsg : int, optional
        Projection of columns x and y where the table does not say.
    chunk : int
        About how many fixes to hold in full at a time.

    Raises
    ------
    BadRequest
    """
    started_ms = clock.now_ms()
    rule = rule or ScreenRule()
    table = read_tracks(tracks, epsg=epsg)
    flags = np.zeros(len(table.fixes), dtype=np.int64)
    with open_results(out) as results:
        with progress() as bars:
            task = bars.add_task("fixes screened", total=len(flags))
            done = 0
            for part in chunks(table, chunk):
                now = slice(done, done + len(part.fixes))
                flags[now] = _flags(part, rule, now_ms=started_ms)
                _write(results, part.fixes, flags[now])
                done = now.stop
                bars.advance(task, len(part.fixes))
        counts = _counts(flags)
        _draw(results.folder / "screened.png", tracks.name, table.fixes, flags)
        kept = int(np.count_nonzero(flags == 0))
        found = {"animals": len(table.fixes.names), "rows": len(flags), "kept": kept} | counts
        results.write_record(
            make_record(
                "analyse screen", inputs=[tracks], rules=[rule], crs=table.fixes.crs,
                counts=found,
                started_ms=started_ms, finished_ms=clock.now_ms(),
            )
        )  # fmt: skip
    told = ", ".join(f"{count} {reason}" for reason, count in counts.items() if count) or "none"
    terminal.print(f"{len(flags)} rows: {kept} kept; passed over: {told}: {out}")


def _flags(part: TrackTable, rule: ScreenRule, *, now_ms: int) -> IntArray:
    flags = np.full(len(part.fixes), _HIDDEN_BIT, dtype=np.int64)
    flags[part.visible] = screen(part.fixes.where(part.visible), rule, now_ms=now_ms).flags
    return flags


def _against(flags: IntArray) -> dict[str, BoolArray]:
    return {name: (flags & bit) != 0 for name, bit in [*REASONS.items(), (HIDDEN, _HIDDEN_BIT)]}


def _counts(flags: IntArray) -> dict[str, int]:
    return {name: int(np.count_nonzero(rows)) for name, rows in _against(flags).items()}


def _write(results: Results, fixes: Fixes, flags: IntArray) -> None:
    different, which = np.unique(flags, return_inverse=True)
    words = [
        " ".join(name for name, rows in _against(different[n : n + 1]).items() if rows[0]) or None
        for n in range(len(different))
    ]
    reasons = pa.DictionaryArray.from_arrays(
        which.astype(np.int32), pa.array(words, type=pa.string())
    )
    table = to_arrow(fixes).add_column(0, "row", pa.array(fixes.row + 1))
    table = table.append_column("kept", pa.array(flags == 0)).append_column("reasons", reasons)
    places = np.full(len(fixes), None, dtype=object)
    known = np.isfinite(fixes.x) & np.isfinite(fixes.y)
    places[known] = shapely.points(fixes.x[known], fixes.y[known])
    results.write_table("screened", table, geometry=places, crs=fixes.crs)
    results.write_table("animals", _summary(fixes, flags))


def _summary(fixes: Fixes, flags: IntArray) -> pa.Table:
    def per_animal(rows: BoolArray) -> pa.Array:
        before = np.concatenate(([0], np.cumsum(rows)))
        return pa.array(np.diff(before[fixes.offsets]))

    return pa.table(
        {
            "id": pa.array(fixes.names, pa.string()),
            "rows": pa.array(np.diff(fixes.offsets)),
            "kept": per_animal(flags == 0),
        }
        | {name: per_animal(rows) for name, rows in _against(flags).items()}
    )


def _draw(path: Path, name: str, fixes: Fixes, flags: IntArray) -> None:
    figure, (left, right) = figures.new_figure(2, title=f"Screening of {name}")
    counts = {reason: count for reason, count in _counts(flags).items() if count}
    figures.draw_bars(left, counts, title="Rows passed over, by reason", x="rows")
    if not counts:
        figures.tell(left, "every row is kept")
    x, y = _in_metres(fixes, flags == 0)
    somewhere = np.isfinite(x) & np.isfinite(y)
    kept = np.flatnonzero(somewhere & (flags == 0))
    kinds = [Points(x[_some(kept)], y[_some(kept)], "kept", size=1.5)]
    against = _against(flags)
    for colour, reason in zip((*PALETTE, *PALETTE), counts, strict=False):
        at = _some(np.flatnonzero(somewhere & against[reason]))
        if len(at):
            kinds.append(Points(x[at], y[at], reason, colour, 4.0))
    bounds = (x[kept].min(), y[kept].min(), x[kept].max(), y[kept].max()) if len(kept) else None
    beyond = (
        0
        if bounds is None
        else np.count_nonzero(
            somewhere & ((x < bounds[0]) | (x > bounds[2]) | (y < bounds[1]) | (y > bounds[3]))
        )
    )
    title = f"Where ({beyond:,} beyond the edges)" if beyond else "Where"
    figures.draw_map(right, points=kinds, bounds=bounds, title=title)
    figures.save(figure, path)


def _in_metres(fixes: Fixes, kept: BoolArray) -> tuple[FloatArray, FloatArray]:
    if not fixes.is_degrees:
        return fixes.x, fixes.y
    on_globe = (np.abs(fixes.y) <= _POLE_DEG) & (np.abs(fixes.x) <= _AROUND_DEG)
    # The plane suits the fixes that are kept: a wild one would tilt the map.
    chosen = kept if kept.any() else on_globe
    x, y = np.where(on_globe, fixes.x, np.nan), np.where(on_globe, fixes.y, np.nan)
    target = choose_crs(x[chosen], y[chosen])
    return change_crs(x, y, source=fixes.crs or "", target=target)


def _some(at: IntArray) -> IntArray:
    return at[:: max(1, -(-len(at) // _SHOWN))]
