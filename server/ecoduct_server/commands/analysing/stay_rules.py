"""Rules of `ecoduct analyse stays`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Literal

import numpy as np

from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.rules import StayRule
from ecoduct_analysis.stopovers import STAY_PRESETS
from ecoduct_server.commands.analysing.inputs import parse_rule
from ecoduct_server.errors import BadRequest

Mode = Literal["clean", "trackintel", "movingpandas"]


@dataclass(frozen=True, slots=True)
class PlaceRule:
    """What is a place, and what is a visit to it.

    Attributes
    ----------
    link_m : float, m, optional
        Stays whose centres are this near are of one place; None: the stays' radius.
    visit_m : float, m, optional
        Radius about a place that a visit begins and ends at; None: twice the stays' radius, so
        that an animal which grazes at the edge does not visit anew with every step.
    outing_h : float, h
        A shorter time outside does not end a visit.
    """

    link_m: float | None = None
    visit_m: float | None = None
    outing_h: float = 6.0

    def __post_init__(self) -> None:
        for name in ("link_m", "visit_m"):
            value = getattr(self, name)
            if value is not None and not 0 < value < np.inf:
                raise BadRule(f"{name} must be above 0 and finite.")
        if not 0 <= self.outing_h < np.inf:
            raise BadRule("outing_h must be 0 or more and finite.")


@dataclass(frozen=True, slots=True)
class ParityRule:
    """Parameters of the other tools' rules; defaults are trackintel's.

    Attributes
    ----------
    radius_m, min_stay_h, max_gap_h : float
        movingpandas knows no ``max_gap_h``.
    max_diameter_m : float, m, optional
        What movingpandas asks for; None: twice ``radius_m``.
    """

    radius_m: float = 100.0
    min_stay_h: float = 5.0 / 60.0
    max_gap_h: float = 0.25
    max_diameter_m: float | None = None


@dataclass(frozen=True, slots=True)
class StayRules:
    """All rules of the command; ``parity`` is None in clean mode, ``stays`` in the others."""

    stays: StayRule | None = field(default_factory=StayRule)
    parity: ParityRule | None = None
    places: PlaceRule = field(default_factory=PlaceRule)

    @property
    def radius_m(self) -> float:
        """Radius of the rule that is used."""
        used = self.parity or self.stays or StayRule()
        return used.radius_m

    @property
    def max_gap_h(self) -> float:
        """Longest silence within a visit: in clean mode the stays', else none."""
        return self.stays.max_gap_h if self.stays else np.inf


def parse_rules(
    pairs: Sequence[str], *, mode: Mode = "clean", preset: str | None = None
) -> StayRules:
    """Rules of the command from ``name=value`` pairs.

    Parameters
    ----------
    preset : str, optional
        Rule of `STAY_PRESETS` that the pairs change, in clean mode.

    Raises
    ------
    BadRequest
    """
    if preset is not None and (preset not in STAY_PRESETS or mode != "clean"):
        raise BadRequest(
            f"There is no preset {preset!r} in {mode} mode.", where=f"--preset {preset}",
            remedy=f"Presets of clean mode are {', '.join(STAY_PRESETS)}.",
        )  # fmt: skip
    own = {one.name for one in fields(PlaceRule)}
    names = [pair.partition("=")[0].strip() for pair in pairs]
    of_places = [pair for name, pair in zip(names, pairs, strict=True) if name in own]
    others = [pair for name, pair in zip(names, pairs, strict=True) if name not in own]
    places = parse_rule(PlaceRule, of_places)
    if mode != "clean":
        return StayRules(stays=None, parity=parse_rule(ParityRule, others), places=places)
    stays = parse_rule(StayRule, others)
    if preset is not None:
        given = {name: getattr(stays, name) for name in names if name not in own}
        stays = replace(STAY_PRESETS[preset], **given)
    return StayRules(stays=stays, places=places)
