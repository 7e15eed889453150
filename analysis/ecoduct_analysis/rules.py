"""Parameters of the methods: frozen, with a reason for every default."""

from dataclasses import dataclass

import numpy as np

from ecoduct_analysis.errors import BadRule


@dataclass(frozen=True, slots=True)
class StayRule:
    """When fixes make a stay.

    Attributes
    ----------
    radius_m : float, m
        Farthest from the centre that the fixes of a stay lie, before their errors are allowed
        for. 300 m holds a herd's grazing of a few hours. Ours, as all defaults here are: what is
        published differs with species and question.
    min_stay_h : float, h
        Shortest stay. Six hours tell a stop from a rest.
    max_gap_h : float, h
        A longer silence ends a stay: where the animal went meanwhile is not known. Twelve hours
        are six fixes of the 2 h schedule that most large mammals wear.
    error_m : float, m
        Standard deviation along each axis of a fix whose own is not known. 10 m is what a collar
        does under open sky.
    hysteresis : float
        How many times the radius a fix may be away that does not count as an exit, so that an
        animal at the edge does not end its stay with every step.
    exits : int
        Fixes in a row that must be away to end a stay, and back to go on with it: with two, one
        poor fix neither ends nor splits it.
    bridge_h : float, h
        Longest silence over which two stays are one if the animal is where it was. Not more than
        ``max_gap_h`` bridges nothing, as 0 does.
    """

    radius_m: float = 300.0
    min_stay_h: float = 6.0
    max_gap_h: float = 12.0
    error_m: float = 10.0
    hysteresis: float = 1.5
    exits: int = 2
    bridge_h: float = 0.0

    def __post_init__(self) -> None:
        for name in ("radius_m", "min_stay_h", "max_gap_h"):
            if not 0 < getattr(self, name) < np.inf:
                raise BadRule(f"{name} must be above 0 and finite.")
        for name in ("error_m", "bridge_h"):
            if not 0 <= getattr(self, name) < np.inf:
                raise BadRule(f"{name} must be 0 or more and finite.")
        if not 1 <= self.hysteresis < np.inf:
            raise BadRule("hysteresis must be 1 or more and finite.")
        if not (self.exits >= 1 and self.exits == int(self.exits)):
            raise BadRule("exits must be a whole number from 1 on.")

    @property
    def reach_h(self) -> float:
        """How far away in time a fix can matter to whether another belongs to a stay, h."""
        needed = max(3, 3 * self.exits - 1)
        # A window less its last fix is too short in time or in fixes.
        return max(self.min_stay_h + self.max_gap_h, (needed - 1) * self.max_gap_h, self.bridge_h)


@dataclass(frozen=True, slots=True)
class EncounterRule:
    """When fixes near barriers make an encounter, and what kind of encounter it is.

    Defaults are those of the R package BaBA where it has them.

    Attributes
    ----------
    buffer_m : float, m
        Farthest that a fix of an encounter lies from a barrier. 110 m was found for pronghorn
        and 90 m for mule deer by choosing the buffer with the most quick crosses
        (Xu et al. 2021; `sweep_buffer` does the same).
    interval_h : float, h, optional
        Usual time between fixes; without it each animal's median step, in parity mode the mode
        that all animals share.
    b_time_h : float, h
        Longest short encounter: a quick cross or a bounce.
    p_time_h : float, h
        A longer encounter is `Trapped`.
    window_h : float, h
        Length of the time around an encounter, half on each side, that says how straight the
        animal usually moves.
    tolerance_h : float, h
        Longest excursion from the buffer, or silence, that does not end an encounter, beyond the
        interval itself.
    max_cross : int
        Crossings that `Trace` and `Back_n_forth` may still have.
    sd_multiplier : float
        Standard deviations from the mean within which straightness is usual.
    exclude_buffer : bool
        Leave all encounters out of what is usual.
    jitter : float, part of the interval
        Lateness of a fix that is not a gap; collars search for satellites for minutes. Not in
        the reference, which splits an encounter for a fix that is 6 min late.
    unit_h : float, h
        Unit of the reference's times (1, or 1/60 for minutes): it rounds gaps to a tenth of it.
        Parity mode only.
    """

    buffer_m: float = 110.0
    interval_h: float | None = None
    b_time_h: float = 4.0
    p_time_h: float = 36.0
    window_h: float = 168.0
    tolerance_h: float = 0.0
    max_cross: int = 0
    sd_multiplier: float = 1.0
    exclude_buffer: bool = False
    jitter: float = 0.25
    unit_h: float = 1.0

    def __post_init__(self) -> None:
        for name in ("buffer_m", "b_time_h", "p_time_h", "window_h", "unit_h"):
            if not 0 < getattr(self, name) < np.inf:
                raise BadRule(f"{name} must be above 0 and finite.")
        for name in ("tolerance_h", "max_cross", "sd_multiplier", "jitter"):
            if not 0 <= getattr(self, name) < np.inf:
                raise BadRule(f"{name} must not be below 0, and finite.")
        if self.interval_h is not None and not 0 < self.interval_h < np.inf:
            raise BadRule("interval_h must be above 0 and finite.")
        if self.p_time_h < self.b_time_h:
            raise BadRule("p_time_h must not be below b_time_h.")
