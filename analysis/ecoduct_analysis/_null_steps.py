"""Null steps near a barrier: where an animal would have gone had the barrier not mattered."""

from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, i0e, i1e

from ecoduct_analysis._sampling import TurningSteps, next_places
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.crossings import count_crossings

_BATCH: Final = 500_000  # null steps at a time: below 100 MB
_STEEPEST: Final = 1e3  # of this shape all values are one, within a few parts in 100
_FLATTEST: Final = 1e-3


def draw_null_crossings(
    steps: TurningSteps,
    barriers: Barriers,
    dice: np.random.Generator,
    *,
    of: IntArray,
    draws: int,
    lengths_m: FloatArray,
    turns_rad: FloatArray,
    weights: FloatArray | None,
    fewest: int,
) -> IntArray:
    """How many of the null steps of each step cross, (m,) array.

    With ``weights`` a null step takes length and turn of one step; without, the two are drawn
    apart. With fewer lengths than ``fewest`` they come from a Weibull distribution.
    """
    found = np.zeros(len(of), dtype=np.int64)
    rows = max(1, _BATCH // draws)
    for begin in range(0, len(of), rows):
        part = of[begin : begin + rows]
        shape = (len(part), draws)
        if weights is not None and len(lengths_m) >= fewest:
            which = dice.choice(len(lengths_m), shape, p=weights / weights.sum())
            length, turn = lengths_m[which], turns_rad[which]
        else:
            length = _lengths(lengths_m, shape, dice, fewest)
            turn = dice.choice(turns_rad, shape)
        ends = next_places(steps.begin[part], steps.heading_rad[part], length, turn)
        begins = np.repeat(steps.begin[part], draws, axis=0)
        crossed = count_crossings(begins, ends.reshape(-1, 2), barriers) > 0
        found[begin : begin + rows] = crossed.reshape(shape).sum(axis=1)
    return found


def weights_without_barrier(
    crossed: BoolArray, null_crossings: IntArray, draws: int, kappa: float
) -> FloatArray:
    """By how much each step is rarer or commoner than it would be at a kappa of 1, (m,) array.

    A barrier that holds steps back takes long ones out of the sample; these weights put them
    back in.
    """
    cross = (null_crossings + 0.5) / (draws + 1)
    stay = 1 - cross
    seen = stay**kappa
    return np.where(crossed, cross / (1 - seen), stay / seen)


def _lengths(
    pool: FloatArray, shape: tuple[int, int], dice: np.random.Generator, fewest: int
) -> FloatArray:
    if len(pool) >= fewest:
        return dice.choice(pool, shape)
    form, scale = fit_weibull(pool)
    return scale * dice.weibull(form, shape)


def fit_weibull(values: FloatArray) -> tuple[float, float]:
    """Shape and scale of the likeliest Weibull distribution of values above 0."""
    largest = values.max()
    logs = np.log(values / largest)

    def slope(shape: float) -> float:
        power = np.exp(shape * logs)
        return float((power * logs).sum() / power.sum() - 1 / shape - logs.mean())

    # All values nearly alike: the likelihood has its maximum beyond any shape.
    shape = brentq(slope, _FLATTEST, _STEEPEST) if slope(_STEEPEST) > 0 else _STEEPEST
    return float(shape), float(largest * np.exp(shape * logs).mean() ** (1 / shape))


def fit_gamma(values: FloatArray) -> tuple[float, float]:
    """Shape and scale of the likeliest gamma distribution of values above 0."""
    mean = float(values.mean())
    # Never below 0, and 0 for values that are all alike.
    spread = float(np.log(mean) - np.log(values).mean())

    def slope(shape: float) -> float:
        return float(np.log(shape) - digamma(shape)) - spread

    steep = slope(_STEEPEST) >= 0
    shape = _STEEPEST if steep else float(brentq(slope, _FLATTEST, _STEEPEST))
    return shape, mean / shape


def fit_von_mises(turns_rad: FloatArray) -> tuple[float, float]:
    """Mean, 0 or pi, and kappa of the likeliest von Mises distribution of turns."""
    straight = float(np.cos(turns_rad).mean())
    share = abs(straight)

    def slope(kappa: float) -> float:
        return float(i1e(kappa) / i0e(kappa)) - share

    steep = slope(_STEEPEST) <= 0
    return (0.0 if straight >= 0 else np.pi), _STEEPEST if steep else float(
        brentq(slope, 0.0, _STEEPEST)
    )
