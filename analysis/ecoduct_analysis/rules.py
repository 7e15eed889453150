"""Parameters of the methods: frozen, with a reason for every default."""

from dataclasses import dataclass

from ecoduct_analysis.errors import BadRule


@dataclass(frozen=True, slots=True)
class StayRule:
    """When fixes make a stay.

    Attributes
    ----------
    radius_m : float, m
        No two fixes of a stay's windows are more than twice this apart. 300 m holds the
        scatter of a collar's fixes (5 to 30 m) and a herd's grazing of a few hours.
    min_stay_s : float, s
        Shortest stay. Six hours tell a stop from a rest.
    max_gap_s : float, s
        A longer silence ends a stay: where the animal went meanwhile is not known. Twelve hours
        are six fixes of the 2 h schedule that most large mammals wear.
    """

    radius_m: float = 300.0
    min_stay_s: float = 6 * 3600.0
    max_gap_s: float = 12 * 3600.0

    def __post_init__(self) -> None:
        if not (self.radius_m > 0 and self.min_stay_s > 0 and self.max_gap_s > 0):
            raise BadRule("radius_m, min_stay_s and max_gap_s must be above 0.")
