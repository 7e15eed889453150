"""Which sequences are fit for a population's corridors, and why the others are refused."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray, frozen
from ecoduct_analysis.errors import BadRule, BadTracks
from ecoduct_analysis.population_rules import MODES, Mode, PopulationRule
from ecoduct_analysis.tracks import Tracks
from ecoduct_analysis.utilisation import Utilisation

KEPT, TOO_FEW_FIXES, TOO_MANY_GAPS, NO_BRIDGE = range(4)
REASONS: Final = ("", "too_few_fixes", "too_many_gaps", "no_bridge")
_MIN_MS: Final = 60_000
_THIRD: Final = 0.33  # what the reference takes for one third


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """Which sequences are fit for bridges, and why the others are not.

    Attributes
    ----------
    fixes : (k,) array
    long_steps : (k,) array
        Steps longer than the longest bridge.
    long_share : (k,) array
        Part of the steps; nan for a sequence without any.
    reason : (k,) array
        A place in `REASONS`; 0 for a sequence that is kept.
    """

    fixes: IntArray
    long_steps: IntArray
    long_share: FloatArray
    reason: IntArray

    def __post_init__(self) -> None:
        for column, dtype in (("fixes", np.int64), ("long_steps", np.int64), ("long_share", float),
                              ("reason", np.int64)):  # fmt: skip
            object.__setattr__(self, column, frozen(getattr(self, column), dtype))

    def __len__(self) -> int:
        """Count the sequences."""
        return len(self.reason)

    @property
    def kept(self) -> BoolArray:
        """Whether a sequence is kept, (k,) array."""
        kept: BoolArray = self.reason == KEPT
        return kept


def judge_sequences(
    tracks: Tracks,
    *,
    max_lag_min: float = 480.0,
    rule: PopulationRule | None = None,
    utilisation: Utilisation | None = None,
    mode: Mode = "clean",
) -> Judgement:
    """Refuse sequences that are too sparse for bridges.

    Parameters
    ----------
    tracks : Tracks
        ``k`` sequences.
    max_lag_min : float, min
        Longest step that is bridged. Default 8 h (Migration Mapper).
    rule : PopulationRule, optional
        ``min_fixes`` and ``max_long_share`` count here.
    utilisation : Utilisation, optional
        Of these sequences; one without mass is refused, too: none of its steps could be bridged.
    mode : str
        ``compat`` takes 0.33 for one third, as the reference does: one long step of three is then
        too many.

    Returns
    -------
    Judgement
        The first reason of `REASONS` that holds.

    Raises
    ------
    BadRule
        ``max_lag_min`` is not above 0, or another word as mode.
    BadTracks
        Distributions of other tracks.

    References
    ----------
    Migration Mapper 3.2 (Merkle et al. 2022).

    Examples
    --------
    >>> hour = 3_600_000
    >>> walk = Tracks.from_arrays(
    ...     ["a", "b"], track=[0] * 3 + [1] * 4, t_ms=[0, 1, 2, 0, hour, 10 * hour, 20 * hour],
    ...     x=[0] * 7, y=[0] * 7)
    >>> [REASONS[n] for n in judge_sequences(walk).reason]
    ['too_few_fixes', 'too_many_gaps']
    """
    rule = rule or PopulationRule()
    if not max_lag_min > 0 or mode not in MODES:
        raise BadRule(f"max_lag_min must be above 0, mode one of {', '.join(MODES)}.")
    if utilisation is not None and utilisation.names != tracks.names:
        raise BadTracks("The distributions are not of these sequences.")
    fixes = np.diff(tracks.offsets)
    is_long = np.concatenate(([0], np.cumsum(np.diff(tracks.t_ms) > max_lag_min * _MIN_MS), [0]))
    last = np.maximum(tracks.offsets[1:] - 1, tracks.offsets[:-1])
    long_steps = is_long[last] - is_long[tracks.offsets[:-1]]
    share = np.divide(long_steps, fixes - 1, out=np.full(len(fixes), np.nan), where=fixes > 1)
    most = rule.max_long_share
    if mode == "compat" and most == PopulationRule().max_long_share:
        most = _THIRD
    nothing = fixes < 0 if utilisation is None else np.diff(utilisation.offsets) == 0
    reason = np.select(
        [fixes < rule.min_fixes, share > most, nothing], [TOO_FEW_FIXES, TOO_MANY_GAPS, NO_BRIDGE]
    )
    return Judgement(fixes=fixes, long_steps=long_steps, long_share=share, reason=reason)
