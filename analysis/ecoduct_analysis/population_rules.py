"""Parameters of population corridors."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from ecoduct_analysis.errors import BadRule

Mode = Literal["clean", "compat"]
StopoverKind = Literal["area", "volume"]
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
STOPOVER_KINDS: Final[tuple[StopoverKind, ...]] = get_args(StopoverKind)
MERGE_KEYS: Final = ("id", "year,id")
FOOTPRINT_EDGES: Final = ("exclusive", "inclusive")


@dataclass(frozen=True, slots=True)
class PopulationRule:
    """How sequences become corridors and stop-overs of a population.

    Defaults are those of Migration Mapper 3.2 (Merkle et al. 2022) but where it says otherwise.

    Attributes
    ----------
    cell_m : float, m
        Side of a cell. Default 500 m; 50 to 500 m are in use, finer ones cost more and show the
        routes of single animals.
    margin : float
        Part of the fixes' box that the grid goes beyond it on each side. Default 0.3.
    keep : float
        Volume of a utilisation distribution that is kept: cells beyond it are emptied and the
        rest is rescaled, for each sequence and after each mean. Default 0.9999.
    contour : float
        Volume that makes a sequence's footprint. Default 0.99.
    footprint_edge : str
        ``exclusive``, the default, leaves out the cell that reaches ``contour`` and all that are
        no denser, as Migration Mapper does with Brownian bridges; ``inclusive`` keeps them, as it
        does with dynamic ones.
    levels_pct : str, %
        Shares of the animals that get a level of their own, beside 1 and 2 animals, where they
        mean more than 2 animals. Default ``5,10,15,20,30``.
    medium, high : float
        Least share of the animals of a medium and of a high use corridor; a low use one is that
        of any animal. Defaults 0.1 and 0.2 are a convention: some agencies take 0.25 and 0.75.
        Always say of how many animals.
    stopover : str
        ``area``, the default: the densest ``stopover_share`` of the cells. ``volume``: the
        densest cells that hold this share of the mass. They are not alike: 1078 and 40 cells in
        the pronghorn of the reference.
    stopover_share : float
        Default 0.1 (Sawyer et al. 2009).
    min_patch_m2, min_hole_m2 : float, m^2
        Smaller patches of polygons are dropped, and smaller holes filled. Default 20,000 m^2.
    merge_key : str
        ``id``, the default: the mean over an animal's sequences, then over animals, so that each
        counts once, as it does in the corridors. ``year,id``: over an animal's sequences of a
        year, over the animals of that year, over years; Migration Mapper's own default, by which
        a year with few animals counts as much as one with many.
    max_long_share : float
        A sequence with more than this part of its steps longer than the longest bridge is
        refused. Default one third.
    min_fixes : int
        A sequence with fewer fixes is refused. Default 4.
    """

    cell_m: float = 500.0
    margin: float = 0.3
    keep: float = 0.9999
    contour: float = 0.99
    footprint_edge: str = "exclusive"
    levels_pct: str = "5,10,15,20,30"
    medium: float = 0.1
    high: float = 0.2
    stopover: str = "area"
    stopover_share: float = 0.1
    min_patch_m2: float = 20_000.0
    min_hole_m2: float = 20_000.0
    merge_key: str = "id"
    max_long_share: float = 1.0 / 3.0
    min_fixes: int = 4

    def __post_init__(self) -> None:
        if not (0 < self.cell_m < np.inf and 0 <= self.margin < np.inf):
            raise BadRule("cell_m must be above 0 and margin 0 or more, both finite.")
        for name in ("keep", "contour", "stopover_share"):
            if not 0 < getattr(self, name) <= 1:
                raise BadRule(f"{name} must be above 0 and at most 1.")
        if not 0 <= self.medium <= self.high <= 1:
            raise BadRule("medium and high must be from 0 to 1, and high not below medium.")
        for name in ("min_patch_m2", "min_hole_m2"):
            if not 0 <= getattr(self, name) < np.inf:
                raise BadRule(f"{name} must be 0 or more, and finite.")
        if not (0 <= self.max_long_share <= 1 and self.min_fixes >= 2):  # noqa: PLR2004
            raise BadRule("max_long_share must be from 0 to 1, and min_fixes at least 2.")
        self._check_words()
        _ = self.levels

    @property
    def levels(self) -> tuple[float, ...]:
        """Shares of ``levels_pct``, rising.

        Raises
        ------
        BadRule
            One that is not a number above 0 and at most 100.
        """
        try:
            shares = sorted({float(word) / 100.0 for word in self.levels_pct.split(",") if word})
        except ValueError:
            shares = [np.nan]
        if not all(0 < share <= 1 for share in shares):
            raise BadRule("levels_pct must be numbers above 0 up to 100, with commas between.")
        return tuple(shares)

    def _check_words(self) -> None:
        words = {"stopover": STOPOVER_KINDS, "merge_key": MERGE_KEYS,
                 "footprint_edge": FOOTPRINT_EDGES}  # fmt: skip
        for name, known in words.items():
            if getattr(self, name) not in known:
                raise BadRule(f"{name} must be {' or '.join(known)}, not {getattr(self, name)!r}.")
