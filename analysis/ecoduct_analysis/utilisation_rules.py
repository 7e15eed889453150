"""Parameters of utilisation distributions."""

from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import numpy as np

from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.tracks import Tracks

Method = Literal["bbmm", "dbbmm", "kernelbb", "kernel"]
USUAL_LAG_MIN: Final = 720.0
_USUAL_ERROR_M: Final = 10.0
_S_PER_MIN: Final = 60.0
METHODS: Final[tuple[str, ...]] = get_args(Method)


@dataclass(frozen=True, slots=True)
class UtilisationRule:
    """How the utilisation distribution of an animal is made.

    Attributes
    ----------
    method : str
        ``dbbmm``, the default: bridges with a motion variance that follows the animal
        (Kranstauber et al. 2012), for animals rest and migrate in one track. ``bbmm``: one
        variance for each animal (Horne et al. 2007). ``kernelbb``: the same from every fix that
        lies between two others, as adehabitatHR finds it. ``kernel``: a normal distribution about
        each fix, which knows no time.
    window, margin : int, fixes
        Of ``dbbmm``: fixes that a variance is found from, and fewest on each side of a change.
        Both odd, the window at least twice the margin and one. Defaults 31 and 11, as in the
        paper and the R package move.
    location_error_m : float, m, optional
        Standard deviation of every fix along each axis, whatever the track says. Without it the
        track's own, and 10 m where it knows none, as in `BridgeRule`: collars scatter by 5 to
        30 m.
    middle_error : bool
        Whether the error of the fix that is left out counts when the motion variance is found. It
        should, and a still animal seems to move by the scatter of its fixes where it does not.
        Default no, as the methods were published, so that variances compare with those in print.
    cell_m : float, m, optional
        Side of a cell; without it `grids.suggest_cell_m` says one.
    max_lag_min : float, min, optional
        No bridge over a longer step: the time counts as unobserved. Without it 720 min, as in
        `BridgeRule`, and no limit in the modes that follow a reference, for those have none.
        Migration Mapper (Merkle et al. 2022) takes 480 for fixes 2 to 3 h apart. Where it is
        given, triplets whose two steps last as long in the mean say nothing of the variance.
    time_step_min : float, min, optional
        Longest time between two moments at which a bridge is laid down. Without it the moments
        lie as close as each bridge needs. The modes that follow a reference take theirs from it.
    motion_variance_m2_min : float, m^2/min, optional
        One motion variance for all animals, where fixes are too sparse to find it. Published for
        fixes 12 h apart: 400 to 1200 for mule deer, 600 to 1600 for elk (Migration Mapper).
    h_m : float, m, optional
        Bandwidth of ``kernel``; without it the reference bandwidth of each animal.
    """

    method: str = "dbbmm"
    window: int = 31
    margin: int = 11
    location_error_m: float | None = None
    middle_error: bool = False
    cell_m: float | None = None
    max_lag_min: float | None = None
    time_step_min: float | None = None
    motion_variance_m2_min: float | None = None
    h_m: float | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise BadRule(f"method must be one of {', '.join(METHODS)}, not {self.method!r}.")
        if not (self.margin >= 3 and self.window >= 2 * self.margin + 1):  # noqa: PLR2004
            raise BadRule("margin must be at least 3, and window at least twice the margin and 1.")
        if self.window % 2 == 0 or self.margin % 2 == 0:
            raise BadRule("window and margin must be odd.")
        if self.location_error_m is not None and not 0 <= self.location_error_m < np.inf:
            raise BadRule("location_error_m must be 0 or more, and finite.")
        if self.max_lag_min is not None and not self.max_lag_min > 0:
            raise BadRule("max_lag_min must be above 0; inf is no limit.")
        for name in ("cell_m", "time_step_min", "motion_variance_m2_min", "h_m"):
            value = getattr(self, name)
            if value is not None and not 0 < value < np.inf:
                raise BadRule(f"{name} must be above 0 and finite.")


def with_rule_errors(tracks: Tracks, rule: UtilisationRule) -> tuple[Tracks, float]:
    """Tracks as a rule takes their errors, and the error of the fixes that have none, m."""
    if rule.location_error_m is None:
        return tracks, _USUAL_ERROR_M
    return replace(tracks, error_m=None), rule.location_error_m


def longest_bridge_s(rule: UtilisationRule, mode: str) -> float:
    """Longest step that a bridge may span, s; in the modes of references there is no usual one."""
    if rule.max_lag_min is not None:
        return rule.max_lag_min * _S_PER_MIN
    return USUAL_LAG_MIN * _S_PER_MIN if mode == "clean" else np.inf
