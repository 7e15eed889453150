"""Bridges as three R packages sample them: normal densities at the centres of cells.

What the packages do is kept, faults too, so that their answers can be had again.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ecoduct_analysis._layers import Cells
from ecoduct_analysis._spread import at_centres
from ecoduct_analysis.bridges import known_errors_m
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation_rules import UtilisationRule, with_rule_errors

REFERENCES: Final = ("BBMM-3.0", "move", "kernelbb")
BBMM_STEP_MIN: Final = 10.0
_MOVE_PARTS: Final = 15.0  # of the shortest lag, in move's default step
_MOVE_REACH_SD: Final = 4.0  # and the cells that this touches
_FAR_SD: Final = 9.0  # the others take all cells; beyond, densities are below 3e-18 of their peak
_ALPHAS: Final = 25  # kernelbb's default
_MOST_SAMPLES: Final = 200_000_000  # of one track: some 10 GB
_MS_PER_MIN: Final = 60_000.0


@dataclass(frozen=True, slots=True, eq=False)
class _Samples:
    """Moments at which a track's bridges are sampled: step, part of its time, weight."""

    step: IntArray
    part: FloatArray
    weight: FloatArray


def sample_bridges(
    tracks: Tracks, grid: Grid, variance: FloatArray, bridged: BoolArray, rule: UtilisationRule,
    *, mode: str,
) -> Cells:  # fmt: skip
    """Lay the bridges of each track on the grid as a reference does.

    Parameters
    ----------
    variance, bridged : (m,) array
        Of each step.

    Raises
    ------
    BadRule
        A mode that is not known, fixes without error, or a time step that is too short.
    """
    if mode not in REFERENCES:
        raise BadRule(f"mode must be clean or one of {', '.join(REFERENCES)}, not {mode!r}.")
    tracks, error_m = with_rule_errors(tracks, rule)
    errors = known_errors_m(tracks, error_m=error_m)
    if not (errors > 0).all():
        raise BadRule(f"The mode {mode} needs fixes with a location error above 0.")
    found = Cells(grid)
    first, before = tracks.steps, 0
    reach, wider = (_MOVE_REACH_SD, 1) if mode == "move" else (_FAR_SD, 0)
    for track in range(len(tracks.names)):
        count = max(0, int(tracks.offsets[track + 1] - tracks.offsets[track]) - 1)
        here = slice(before, before + count)
        steps = first[here]
        t_min = (tracks.t_ms[steps] - (tracks.t_ms[steps[0]] if count else 0)) / _MS_PER_MIN
        lag_min = (tracks.t_ms[steps + 1] - tracks.t_ms[steps]) / _MS_PER_MIN
        samples = _samples(t_min, lag_min, bridged[here], rule, mode)
        normals = _normals(tracks, grid, errors, variance[here], steps, lag_min, samples)
        dense = np.zeros((grid.rows, grid.columns))
        at_centres(normals, reach, wider, dense)
        cell = np.flatnonzero(dense)
        found.add(cell.astype(np.int64), dense.ravel()[cell], weight=np.nan)
        before = here.stop
    return found


def _samples(
    t_min: FloatArray, lag_min: FloatArray, bridged: BoolArray, rule: UtilisationRule, mode: str
) -> _Samples:
    steps = np.flatnonzero(bridged)
    if not len(steps):
        return _Samples(steps, np.zeros(0), np.zeros(0))
    if mode == "kernelbb":
        # The package passes over 1/25, and weighs by the trapezium rule all the same.
        parts = np.concatenate(([0.0], np.arange(2, _ALPHAS + 1) / _ALPHAS))
        gaps = np.diff(parts)
        weights = 0.5 * (np.append(gaps, 0.0) + np.append(0.0, gaps))
        return _Samples(
            np.repeat(steps, len(parts)), np.tile(parts, len(steps)),
            np.outer(lag_min[steps], weights).ravel(),
        )  # fmt: skip
    if mode == "move":
        return _through_the_track(t_min, lag_min, bridged, rule)
    step_min = rule.time_step_min or BBMM_STEP_MIN
    _check_count(lag_min[steps].sum() / step_min)
    # Each bridge begins anew, so that short ones get more samples than their time asks for.
    each = np.floor(lag_min[steps] / step_min).astype(np.int64) + 1
    since = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
    step = np.repeat(steps, each)
    return _Samples(step, since * step_min / lag_min[step], np.ones(len(step)))


def _through_the_track(
    t_min: FloatArray, lag_min: FloatArray, bridged: BoolArray, rule: UtilisationRule
) -> _Samples:
    """Equal times over the whole track, as move takes them; gaps are passed over later."""
    step_min = rule.time_step_min or float(lag_min.min()) / _MOVE_PARTS
    total = float(t_min[-1] + lag_min[-1])
    _check_count(total / step_min)
    at = np.arange(0.5 * (total % step_min), total, step_min)
    # A time that is a fix's belongs to the step that ends there.
    step = np.maximum(np.searchsorted(t_min, at, side="left") - 1, 0)
    kept = bridged[step]
    at, step = at[kept], step[kept]
    return _Samples(step, (at - t_min[step]) / lag_min[step], np.ones(len(step)))


def _check_count(samples: float) -> None:
    if samples > _MOST_SAMPLES:
        raise BadRule(
            f"{samples:.3g} samples of one track cannot be held; give a longer time_step_min."
        )


def _normals(
    tracks: Tracks, grid: Grid, errors: FloatArray, variance: FloatArray, steps: IntArray,
    lag_min: FloatArray, samples: _Samples,
) -> FloatArray:  # fmt: skip
    """Centre of each sample in cells (column, row), standard deviation and weight, (s, 4) array."""
    at, part = samples.step, samples.part
    begin, end, rest = steps[at], steps[at] + 1, 1.0 - part
    sd2 = lag_min[at] * (_MS_PER_MIN / 1000.0) * part * rest * variance[at]
    sd2 += (rest * errors[begin]) ** 2 + (part * errors[end]) ** 2
    x = tracks.x[begin] + part * (tracks.x[end] - tracks.x[begin])
    y = tracks.y[begin] + part * (tracks.y[end] - tracks.y[begin])
    columns = (
        (x - grid.west) / grid.cell_m, (grid.north - y) / grid.cell_m, np.sqrt(sd2) / grid.cell_m,
        samples.weight,
    )  # fmt: skip
    return np.stack(columns, axis=1)
