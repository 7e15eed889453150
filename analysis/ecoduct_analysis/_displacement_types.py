"""What the displacement models take and give."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.errors import BadRule

Mode = Literal["clean", "compat"]

MODELS: Final = ("disperser", "migrant", "mixmig", "nomad", "resident")
PARAMETERS: Final = (
    "theta", "phi", "delta", "rho", "phi2", "zeta", "gamma", "kappa", "beta",
)  # fmt: skip
DISPERSER, MIGRANT, MIXED, NOMAD, RESIDENT = range(5)
THETA, PHI, DELTA, RHO, PHI2, ZETA, GAMMA, KAPPA, BETA = range(9)
FEWEST: Final = 8  # positions: two more than the mixed model has parameters


@dataclass(frozen=True, slots=True)
class DisplacementRule:
    """How displacement models are fitted and chosen.

    Attributes
    ----------
    min_days : int
        Fewer positions give no class. Default 30: a month cannot show a migration and a range on
        either side of it. In compat mode as few as the models have parameters do.
    min_delta_km2 : float, km²
        Least squared distance between ranges, and of a nomad's end from where it began. Default
        225 (15 km), as the reference's elk were classified with.
    min_rho_days : float, days
        Shortest stay in the second range. Default 21, as the reference's elk.
    min_phi_days, max_phi_days : float, days
        A move takes from 5.9 times the one to 5.9 times the other. Default 1 and 21, migrateR's.
    date_share : float
        A move begins when this part of the curve's rise is done, and ends when it is left.
        Default 0.05, migrateR's.
    """

    min_days: int = 30
    min_delta_km2: float = 225.0
    min_rho_days: float = 21.0
    min_phi_days: float = 1.0
    max_phi_days: float = 21.0
    date_share: float = 0.05

    def __post_init__(self) -> None:
        if not self.min_days >= FEWEST:
            raise BadRule(f"min_days must be at least {FEWEST}.")
        if not (0 <= self.min_delta_km2 < np.inf and 0 <= self.min_rho_days < np.inf):
            raise BadRule("min_delta_km2 and min_rho_days must be 0 or more, and finite.")
        if not 0 < self.min_phi_days <= self.max_phi_days < np.inf:
            raise BadRule("min_phi_days must be above 0 and at most max_phi_days.")
        if not 0 < self.date_share < 0.5:  # noqa: PLR2004 - the middle of the rise
            raise BadRule("date_share must be above 0 and below 0.5.")


@dataclass(frozen=True, slots=True, eq=False)
class Displacements:
    """Net squared displacement of ``k`` animal-years.

    Attributes
    ----------
    names : tuple of str
    offsets : (k + 1,) array
    zero_ms : (k,) array, ms since 1970 UTC
    days : (n,) array, days
        Since ``zero_ms``; rising within an animal-year.
    nsd_km2 : (n,) array, km²
        Squared distance from the reference position.
    """

    names: tuple[str, ...]
    offsets: IntArray
    zero_ms: IntArray
    days: FloatArray
    nsd_km2: FloatArray

    def __len__(self) -> int:
        """Count the animal-years."""
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class DisplacementFits:
    """Five models for each of ``k`` animal-years, and the one that is chosen.

    Attributes
    ----------
    names : tuple of str
    mode : "clean" or "compat"
    rule : DisplacementRule
    zero_ms : (k,) array, ms since 1970 UTC
    positions : (k,) array
        How many were fitted.
    first_day, last_day : (k,) array, days
        Of the data; nan without any.
    values : (k, 5, 9) array
        By `MODELS` and `PARAMETERS`, in days and km²; nan where a model has no such parameter, or
        could not be fitted.
    rss_km4, aic : (k, 5) array
        Sum of squares, and Akaike's criterion (the variance counts as a parameter).
    is_supported : (k, 5) array of bool
        False where the data do not show the return that the model has. In compat mode it stands
        for the models that the reference drops for want of convergence.
    best : (k,) array
        Number in `MODELS`, -1 for none.
    """

    names: tuple[str, ...]
    mode: Mode
    rule: DisplacementRule
    zero_ms: IntArray
    positions: IntArray
    first_day: FloatArray
    last_day: FloatArray
    values: FloatArray
    rss_km4: FloatArray
    aic: FloatArray
    is_supported: BoolArray
    best: IntArray

    def __len__(self) -> int:
        """Count the animal-years."""
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class MovementDates:
    """Begin and end of departure and of return, of the chosen model.

    Attributes
    ----------
    at_ms : (k, 4) array, ms since 1970 UTC
        `NO_TIME` where the model has no such date, and, in clean mode, where it is not one that
        the data can tell.
    is_outside : (k, 4) array of bool
        The curve puts the date before the first or after the last position.
    overlaps : (k,) array of bool
        The return begins before the departure ends: the end of the one and the begin of the other
        are no dates.
    """

    at_ms: IntArray
    is_outside: BoolArray
    overlaps: BoolArray

    def __len__(self) -> int:
        """Count the animal-years."""
        return len(self.overlaps)
