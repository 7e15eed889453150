"""Occurrence of animals: motion variance, then utilisation, as one rule says.

The distribution tells where animals were while they were watched. It is not their home range.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ecoduct_analysis import bridge_utilisation as bridges
from ecoduct_analysis.bridges import known_errors_m
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.dynamic_variance import DynamicRule, dynamic_variance
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.grids import Grid, suggest_cell_m
from ecoduct_analysis.kernel_utilisation import (
    KernelMode,
    kernel_utilisation,
    reference_bandwidth_m,
)
from ecoduct_analysis.motion_variance import VarianceMode, motion_variance_m2_s
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation import Utilisation
from ecoduct_analysis.utilisation_rules import UtilisationRule, longest_bridge_s, with_rule_errors

OccurrenceMode = Literal["clean", "compat"]

_S_PER_MIN: Final = 60.0
_REACH_SD: Final = 4.5  # to which bridges and kernels are laid down
_REFERENCES: Final[dict[str, bridges.Mode]] = {
    "bbmm": "BBMM-3.0", "dbbmm": "move", "kernelbb": "kernelbb"
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class StepVariance:
    """Motion variance of each step, in the order of `Tracks.steps`.

    Attributes
    ----------
    variance_m2_s : (m,) array, m^2/s
        As it was found; nan where it is not known.
    windows : (m,) array
        Windows that it is the mean of; -1 where the method has none.
    of_interest : (m,) array of bool
        Known as well as it ever will be.
    bridge_m2_s : (m,) array, m^2/s
        What the step's bridge is built with; nan for no bridge.
    """

    variance_m2_s: FloatArray
    windows: IntArray
    of_interest: BoolArray
    bridge_m2_s: FloatArray

    def __len__(self) -> int:
        """Count the steps."""
        return len(self.variance_m2_s)


_NOTHING: Final = StepVariance(
    np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_), np.zeros(0)
)


def join_variances(parts: Sequence[StepVariance]) -> StepVariance:
    """Variances of several chunks of tracks as one, in the order given."""
    columns = (
        (part.variance_m2_s, part.windows, part.of_interest, part.bridge_m2_s)
        for part in (_NOTHING, *parts)
    )
    return StepVariance(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def step_variance(
    tracks: Tracks, rule: UtilisationRule | None = None, *, mode: OccurrenceMode = "clean"
) -> StepVariance:
    """Motion variance of each step, by the method of a rule.

    Parameters
    ----------
    tracks : Tracks
        ``m`` steps.
    rule : UtilisationRule, optional
    mode : str
        ``compat``: as the R package of the method finds it.

    Returns
    -------
    StepVariance
        Of ``kernel``, which knows none, all nan. In mode ``clean``, ``dbbmm`` bridges the first
        and last steps too, with the variance of the nearest step that a window saw.

    Raises
    ------
    BadRule

    Examples
    --------
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0] * 3, t_ms=[0, 100_000, 200_000], x=[0, 50, 100], y=[0, 60, 0])
    >>> rule = UtilisationRule(method="bbmm", location_error_m=0)
    >>> step_variance(walk, rule).bridge_m2_s
    array([36., 36.])
    """
    rule = rule or UtilisationRule()
    _check(mode)
    if rule.motion_variance_m2_min is not None:
        return _steady(tracks, np.full(len(tracks.names), rule.motion_variance_m2_min / _S_PER_MIN))
    if rule.method == "kernel":
        return _steady(tracks, np.full(len(tracks.names), np.nan))
    known, error_m = with_rule_errors(tracks, rule)
    if rule.method != "dbbmm":
        return _steady(tracks, _of_tracks(known, error_m, rule, mode))
    found = dynamic_variance(
        known,
        DynamicRule(
            window=rule.window, margin=rule.margin, location_error_m=error_m,
            middle_error=rule.middle_error, ends="pad" if mode == "clean" else "drop",
            mode="clean" if mode == "clean" else "move-4.2.7",
        ),
    )  # fmt: skip
    return StepVariance(
        variance_m2_s=np.where(found.windows > 0, found.variance_m2_s, np.nan),
        windows=found.windows.astype(np.int64),
        of_interest=found.of_interest,
        bridge_m2_s=found.bridge_variance_m2_s,
    )


def occurrence_grid(
    tracks: Tracks, found: StepVariance, rule: UtilisationRule | None = None,
    *, mode: OccurrenceMode = "clean",
) -> Grid:  # fmt: skip
    """Grid that holds the utilisation of all tracks.

    Parameters
    ----------
    tracks : Tracks
        With at least one fix.
    found : StepVariance
        Of their steps.
    rule : UtilisationRule, optional
    mode : str

    Returns
    -------
    Grid
        Three tenths of the longer side beyond the fixes on each side, and at least as far as
        bridges or kernels reach.

    Raises
    ------
    BadRule
        No fix, or too many cells.

    Examples
    --------
    >>> walk = Tracks.from_arrays(["a"], track=[0, 0], t_ms=[0, 10], x=[0, 1000], y=[50, 50])
    >>> rule = UtilisationRule(method="bbmm", cell_m=100)
    >>> occurrence_grid(walk, step_variance(walk, rule), rule).bounds
    (-300.0, -300.0, 1300.0, 400.0)
    """
    rule = rule or UtilisationRule()
    _check(mode)
    cell_m = rule.cell_m or suggest_cell_m(tracks)
    reach_m = _REACH_SD * _widest_m(tracks, found, rule, mode)
    crs = tracks.crs[0] if len(set(tracks.crs)) == 1 else None
    return Grid.around(tracks.x, tracks.y, cell_m=cell_m, margin_m=reach_m, crs=crs)


def occurrence(
    tracks: Tracks, grid: Grid, found: StepVariance, rule: UtilisationRule | None = None,
    *, mode: OccurrenceMode = "clean",
) -> Utilisation:  # fmt: skip
    """Utilisation of each track, by the method of a rule.

    Parameters
    ----------
    tracks : Tracks
        ``k`` tracks.
    grid : Grid
    found : StepVariance
        From `step_variance` with the same rule and mode.
    rule : UtilisationRule, optional
    mode : str
        ``clean`` integrates over cells; ``compat`` samples as the R package of the method does.

    Raises
    ------
    BadRule

    Examples
    --------
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0] * 3, t_ms=[0, 100_000, 200_000], x=[0, 50, 100], y=[0, 60, 0])
    >>> rule = UtilisationRule(method="bbmm", location_error_m=5, cell_m=10)
    >>> found = step_variance(walk, rule)
    >>> ud = occurrence(walk, occurrence_grid(walk, found, rule), found, rule)
    >>> bool(abs(ud.mass.sum() - 1) < 1e-9), ud.bridged_s
    (True, array([200.]))
    """
    rule = rule or UtilisationRule()
    _check(mode)
    if rule.method == "kernel":
        kernel: KernelMode = "clean" if mode == "clean" else "adehabitatHR"
        return kernel_utilisation(tracks, grid, h_m=rule.h_m, mode=kernel)
    return bridges.bridge_utilisation(
        tracks, grid, variance_m2_s=found.bridge_m2_s, each="step", rule=rule,
        mode="clean" if mode == "clean" else _REFERENCES[rule.method],
    )  # fmt: skip


def _check(mode: str) -> None:
    if mode not in {"clean", "compat"}:
        raise BadRule(f"mode must be clean or compat, not {mode!r}.")


def _steady(tracks: Tracks, variance: FloatArray) -> StepVariance:
    """One variance for all steps of a track."""
    each = variance[tracks.track[tracks.steps]]
    none = np.full(len(each), -1, dtype=np.int64)
    return StepVariance(each, none, np.isfinite(each), each)


def _of_tracks(
    tracks: Tracks, error_m: float, rule: UtilisationRule, mode: OccurrenceMode
) -> FloatArray:
    kind: VarianceMode = "liker"
    if rule.method == "bbmm":
        kind = "clean" if mode == "clean" else "BBMM-3.0"
    limit_s = np.inf if rule.max_lag_min is None else rule.max_lag_min * _S_PER_MIN
    return motion_variance_m2_s(
        tracks, error_m=error_m, max_gap_s=limit_s, middle_error=rule.middle_error,
        gap_rule="mean", mode=kind,
    )  # fmt: skip


def _widest_m(
    tracks: Tracks, found: StepVariance, rule: UtilisationRule, mode: OccurrenceMode
) -> float:
    """Greatest standard deviation that is laid down."""
    if rule.method == "kernel":
        widths = reference_bandwidth_m(tracks) if rule.h_m is None else np.array([rule.h_m])
        return float(np.nanmax(widths, initial=0.0))
    known, error_m = with_rule_errors(tracks, rule)
    bridged = np.isfinite(found.bridge_m2_s) & (tracks.step_s <= longest_bridge_s(rule, mode))
    moved_m2 = 0.25 * (found.bridge_m2_s * tracks.step_s)[bridged].max(initial=0.0)
    return float(np.sqrt(moved_m2 + known_errors_m(known, error_m=error_m).max(initial=0.0) ** 2))
