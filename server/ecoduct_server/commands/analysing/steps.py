"""`ecoduct analyse steps`: how far, how fast and where to, for every fix of a table."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import shapely

from ecoduct_analysis.columns import NO_TIME, FloatArray, IntArray
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.steps import Steps, measure_steps
from ecoduct_analysis.tables import to_arrow
from ecoduct_server.commands.analysing import figures
from ecoduct_server.commands.analysing.inputs import TrackTable, chunks, read_tracks
from ecoduct_server.commands.analysing.outputs import Results, open_results
from ecoduct_server.commands.analysing.record import make_record
from ecoduct_server.commands.terminal import out as terminal
from ecoduct_server.commands.terminal import progress
from ecoduct_wire.clock import Clock

CHUNK: Final = 200_000  # fixes held as rows and geometries at a time: some 200 MB
_AROUND_DEG: Final = 360.0
_HALF_AROUND_DEG: Final = 180.0
# Equal factors, eight in a power of ten: 0.1 mm/s up to 1 km/s, and 1 s up to three years.
_SPEED_EDGES: Final = np.logspace(-4, 3, 57)
_INTERVAL_EDGES: Final = np.logspace(0, 8, 65)


def analyse_steps(
    tracks: Path, out: Path, *, clock: Clock, epsg: int | None = None, chunk: int = CHUNK
) -> None:
    """Write the steps of a track table, a summary for each animal, a chart and a record.

    Rows that the table marks as outliers are left out; every other row is measured as it is, so
    that a table should be screened first.

    Parameters
    ----------
    tracks : Path
        Track table (CSV).
    out : Path
        Folder of the results.
    epsg : int, optional
        Projection of columns x and y where the table does not say.
    chunk : int
        About how many fixes to hold in full at a time.

    Raises
    ------
    BadRequest
    """
    started_ms = clock.now_ms()
    table = read_tracks(tracks, epsg=epsg)
    speeds = np.zeros(len(_SPEED_EDGES) - 1, dtype=np.int64)
    intervals = np.zeros(len(_INTERVAL_EDGES) - 1, dtype=np.int64)
    measured = still = 0
    with open_results(out) as results:
        with progress() as bars:
            task = bars.add_task("fixes measured", total=len(table.fixes))
            for part in chunks(table, chunk):
                fixes = part.fixes.where(part.visible)
                steps = measure_steps(fixes)
                _write(results, fixes, steps)
                speeds += np.histogram(steps.speed_m_s, _SPEED_EDGES)[0]
                intervals += np.histogram(steps.duration_s, _INTERVAL_EDGES)[0]
                still += int(np.count_nonzero(steps.speed_m_s < _SPEED_EDGES[0]))
                measured += int(np.isfinite(steps.length_m).sum())
                bars.advance(task, len(part.fixes))
        _draw(results.folder / "steps.png", tracks.name, speeds, intervals, still)
        counts = _counts(table) | {"steps": measured}
        results.write_record(
            make_record(
                "analyse steps", inputs=[tracks], counts=counts, crs=table.fixes.crs,
                started_ms=started_ms, finished_ms=clock.now_ms(),
            )
        )  # fmt: skip
    terminal.print(f"{counts['animals']} animals, {counts['fixes']} fixes, {measured} steps: {out}")


def _counts(table: TrackTable) -> dict[str, int]:
    hidden = int(np.count_nonzero(~table.visible))
    return {
        "animals": len(table.fixes.names),
        "rows": len(table.fixes),
        "hidden": hidden,
        "fixes": len(table.fixes) - hidden,
    }


def _write(results: Results, fixes: Fixes, steps: Steps) -> None:
    table = to_arrow(fixes).add_column(0, "row", pa.array(fixes.row + 1))
    for name in ("length_m", "duration_s", "speed_m_s", "heading_deg", "turn_deg"):
        table = table.append_column(name, pa.array(getattr(steps, name), from_pandas=True))
    results.write_table("steps", table, geometry=_lines(fixes, steps), crs=fixes.crs)
    results.write_table("animals", _summary(fixes, steps))


def _lines(fixes: Fixes, steps: Steps) -> Any:
    lines = np.full(len(fixes), None, dtype=object)
    first = np.flatnonzero(np.isfinite(steps.length_m))
    x, y, last_x = fixes.x[first], fixes.y[first], fixes.x[first + 1]
    if fixes.is_degrees:
        # Beyond 180 degrees rather than once around the world.
        turns = np.where(np.abs(last_x - x) > _HALF_AROUND_DEG, np.sign(x - last_x), 0.0)
        last_x = last_x + turns * _AROUND_DEG
    ends = np.stack((x, y, last_x, fixes.y[first + 1]), axis=1).reshape(-1, 2, 2)
    lines[first] = shapely.linestrings(ends)
    return lines


def _summary(fixes: Fixes, steps: Steps) -> pa.Table:
    runs = [slice(*fixes.offsets[n : n + 2]) for n in range(len(fixes.names))]
    known = [fixes.t_ms[run][fixes.t_ms[run] != NO_TIME] for run in runs]
    at = pa.timestamp("ms", "UTC")
    columns = {
        "id": pa.array(fixes.names, pa.string()),
        "fixes": pa.array(np.diff(fixes.offsets)),
        "begins_at": pa.array([int(times[0]) if len(times) else None for times in known], at),
        "ends_at": pa.array([int(times[-1]) if len(times) else None for times in known], at),
    }
    for name, column, of in (
        ("length_m", steps.length_m, np.sum),
        ("median_interval_s", steps.duration_s, np.median),
        ("median_speed_m_s", steps.speed_m_s, np.median),
        ("highest_speed_m_s", steps.speed_m_s, np.max),
    ):
        values = [_of_known(column[run], of) for run in runs]
        columns[name] = pa.array(values, pa.float64(), from_pandas=True)
    return pa.table(columns)


def _of_known(values: FloatArray, of: Any) -> float:
    known = values[np.isfinite(values)]
    return float(of(known)) if len(known) else float("nan")


def _draw(path: Path, name: str, speeds: IntArray, intervals: IntArray, still: int) -> None:
    figure, (left, right) = figures.new_figure(2, title=f"Steps of {name}")
    # A scale of equal factors has no place for an animal that stood still.
    title = f"Speed ({still:,} steps below 0.1 mm/s not shown)" if still else "Speed"
    figures.draw_histogram(left, _SPEED_EDGES, speeds, title=title, x="m/s")
    figures.draw_histogram(right, _INTERVAL_EDGES, intervals, title="Interval between fixes", x="s")
    for at, word in ((60, "minute"), (3600, "hour"), (86_400, "day")):
        if right.get_xlim()[0] < at < right.get_xlim()[1]:
            right.axvline(at, color=figures.QUIET, linewidth=0.8, linestyle=":")
            right.annotate(word, (at, 1), xycoords=("data", "axes fraction"), xytext=(3, -10),
                           textcoords="offset points", fontsize=8, color=figures.INK)  # fmt: skip
    figures.save(figure, path)
