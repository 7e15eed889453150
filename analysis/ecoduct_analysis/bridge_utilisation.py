"""Utilisation distributions of Brownian bridges."""

from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._bridge_rows import bridge_rows
from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._layers import Cells, lay_down
from ecoduct_analysis._sampled_bridges import sample_bridges
from ecoduct_analysis.bridges import known_errors_m
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.grids import Grid
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation import Utilisation
from ecoduct_analysis.utilisation_rules import UtilisationRule, longest_bridge_s, with_rule_errors

Mode = Literal["clean", "BBMM-3.0", "move", "kernelbb"]
Each = Literal["track", "step"]

_S_PER_MIN: Final = 60.0


def bridge_utilisation(
    tracks: Tracks,
    grid: Grid,
    *,
    variance_m2_s: ArrayLike,
    each: Each | None = None,
    rule: UtilisationRule | None = None,
    mode: Mode = "clean",
) -> Utilisation:
    """Where animals were between their fixes, by Brownian bridges.

    At a part ``a`` of a step of duration ``T`` the animal is normally distributed about the
    straight line, with a variance along each axis of ``T a (1 - a) s2 + (1 - a)^2 d1^2 +
    a^2 d2^2``. The distribution is integrated over each cell, then over the time of all bridges.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes of ``k`` animals, ``m`` steps.
    grid : Grid
        Of the tracks' projection.
    variance_m2_s : (k,) or (m,) array or float, m^2/s
        Motion variance along each axis, of each track or of each of `Tracks.steps`; nan for no
        bridge.
    each : str, optional
        Whether the variances are of a ``track`` or of a ``step`` each; told from their number
        where it is not given, and of tracks where there are as many steps.
    rule : UtilisationRule, optional
        ``location_error_m``, ``max_lag_min`` and ``time_step_min`` count here.
    mode : str
        ``clean``, or how a reference samples bridges: see `docs/methods/utilisation.md`.

    Returns
    -------
    Utilisation
        Each track's mass in the grid sums to 1. What fell outside is told, as is the time that no
        bridge spans. Each track's columns are the same to the last bit whatever tracks stand
        beside it.

    Raises
    ------
    BadRule
        Variances below 0 or of another length, or a rule that the mode cannot use.

    References
    ----------
    Horne et al. 2007, Ecology 88:2354-2363. Differs: cells are integrated, not sampled at their
    centres, where narrow bridges alias; and each bridge has moments of its own.

    Examples
    --------
    One step of 200 m, seen exactly, by an animal that hardly strays: half the time in each cell.

    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0, 0], t_ms=[0, 100_000], x=[50, 150], y=[50, 50])
    >>> grid = Grid(west=0, north=100, cell_m=100, rows=1, columns=2)
    >>> rule = UtilisationRule(location_error_m=0)
    >>> bridge_utilisation(walk, grid, variance_m2_s=[0.01], rule=rule).dense(0).round(3)
    array([[0.5, 0.5]])
    >>> bridge_utilisation(walk, grid, variance_m2_s=[np.nan]).unobserved_s
    array([100.])
    """
    rule = rule or UtilisationRule()
    variance = per_step(tracks, variance_m2_s, each=each)
    lag_s = tracks.step_s
    bridged = np.isfinite(variance) & (lag_s <= longest_bridge_s(rule, mode))
    if mode == "clean":
        found = _lay_down(tracks, grid, variance, bridged, rule)
    else:
        found = sample_bridges(tracks, grid, variance, bridged, rule, mode=mode)
    spanned_s, missed_s = _times_s(tracks.offsets, lag_s, bridged)
    return found.gather(tracks.names, bridged_s=spanned_s, unobserved_s=missed_s)


def per_step(tracks: Tracks, variance_m2_s: ArrayLike, *, each: Each | None = None) -> FloatArray:
    """Motion variance of each step, from those of tracks or of steps, (m,) array.

    Raises
    ------
    BadRule
    """
    given = np.asarray(variance_m2_s, dtype=np.float64)
    first = tracks.steps
    if (given < 0).any() or np.isinf(given).any():
        raise BadRule("variance_m2_s must be 0 or more and finite, or nan for no bridge.")
    if given.ndim == 0:
        return np.full(len(first), float(given))
    if each != "step" and given.shape == (len(tracks.names),):
        return given[tracks.track[first]]
    if each != "track" and given.shape == first.shape:
        return given
    raise BadRule(
        f"variance_m2_s needs a value for each of {len(tracks.names)} tracks or {len(first)} "
        f"steps, not {given.shape}."
    )


def _lay_down(
    tracks: Tracks, grid: Grid, variance: FloatArray, bridged: BoolArray, rule: UtilisationRule
) -> Cells:
    """Bridges of the house's own rule, on the grid."""
    tracks, error_m = with_rule_errors(tracks, rule)
    errors = known_errors_m(tracks, error_m=error_m)
    apart_s = (rule.time_step_min or np.inf) * _S_PER_MIN
    bridges, counts, offsets = bridge_rows(
        tracks.offsets, tracks.t_ms, tracks.x, tracks.y, errors, variance, bridged,
        (grid.west, grid.north, grid.cell_m, apart_s),
    )  # fmt: skip
    return lay_down(bridges, counts, offsets, grid)


@compiled
def _times_s(
    offsets: IntArray, lag_s: FloatArray, bridged: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Time of each track with a bridge, and without."""
    spanned, missed = np.zeros(len(offsets) - 1), np.zeros(len(offsets) - 1)
    step = 0
    for track in range(len(offsets) - 1):
        for _ in range(offsets[track] + 1, offsets[track + 1]):
            if bridged[step]:
                spanned[track] += lag_s[step]
            else:
                missed[track] += lag_s[step]
            step += 1
    return spanned, missed
