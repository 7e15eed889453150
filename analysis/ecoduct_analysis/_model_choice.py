"""Which of several displacement models is chosen."""

from typing import Final

import numpy as np

from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray

_WITHIN: Final = 2.0  # AIC: models this close are taken as equally good, and the simpler wins
_COUNTS: Final = (3, 5, 6, 1, 2)


def best_within(aic: FloatArray, counts: IntArray) -> IntArray:
    """Simplest model within 2 of the smallest AIC, (k,) array, -1 where every one is nan."""
    known = np.where(np.isnan(aic), np.inf, aic)
    least = known.min(axis=1, keepdims=True, initial=np.inf)
    close = (known <= least + _WITHIN) & np.isfinite(known)
    best: IntArray = np.where(close, counts, np.iinfo(np.int64).max).argmin(axis=1)
    return np.where(close.any(axis=1), best, -1).astype(np.int64)


def best_within_to_the_letter(
    aic: FloatArray, is_kept: BoolArray, delta: FloatArray, rho: FloatArray,
    *, least: tuple[float, float],
) -> IntArray:  # fmt: skip
    """Choose as migrateR 1.0.9 does, (k,) array, -1 for none.

    Its limits and its count of parameters go by the place of a model among those kept, but are laid
    on the list of all five: when a model was dropped they fall on the one before.
    """
    rows = zip(aic, is_kept, delta, rho, strict=True)
    return np.array([_choose(*row, least=least) for row in rows], dtype=np.int64)


def _choose(
    aic: FloatArray, is_kept: BoolArray, delta: FloatArray, rho: FloatArray,
    *, least: tuple[float, float],
) -> int:  # fmt: skip
    kept = np.flatnonzero(is_kept)
    criteria = np.where(is_kept, aic, np.nan)
    for values, limit in ((delta, least[0]), (rho, least[1])):
        # The last one kept, the resident as a rule, is exempt; a limit of 0 bars nothing.
        criteria[np.flatnonzero(values[kept[:-1]] < limit)] = np.nan
    if np.isnan(criteria).all():
        return -1
    close = np.flatnonzero(criteria - np.nanmin(criteria) <= _WITHIN)
    counts = [_COUNTS[kept[place]] if place < len(kept) else 0 for place in close]
    return int(close[int(np.argmin(counts))])
