"""Probability that a bridge between uncertain fixes meets a straight line."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._drawn_bridges import hidden
from ecoduct_analysis.columns import FloatArray

_WIDE = 9.0  # errors: what lies farther out has a probability of 1e-19
_FAR = 8.0  # from here erfcx by its continued fraction, before erfc underflows
_ROOT_2, _ROOT_PI = math.sqrt(2.0), math.sqrt(math.pi)


def _graded(count: int, widest: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places and weights of the double exponential rule on 0 to 1.

    Takahasi & Mori 1974, Publ. RIMS 9:721-741. Its places crowd at the ends, so that it also
    serves where all happens close to the line.
    """
    spread = np.linspace(-widest, widest, count)
    places = 1.0 / (1.0 + np.exp(-np.pi * np.sinh(spread)))
    other = 1.0 / (1.0 + np.exp(np.pi * np.sinh(spread)))
    weights = np.pi * np.cosh(spread) * places * other * (spread[1] - spread[0])
    return places, weights


# The rule's error over 300 settings from far below to far above the spread: 49 places 1e-2, 97
# places 2e-8, 129 places 5e-13.
PLACES: Final = _graded(129, 3.3)


@compiled
def meets(
    begin: FloatArray,
    end: FloatArray,
    begin_error: FloatArray,
    end_error: FloatArray,
    spread2: FloatArray,
    places: FloatArray,
    weights: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Probability of each bridge to meet the line, and of its two ends to lie left of it."""
    chance, left = np.empty(len(begin)), np.empty((len(begin), 2))
    for n in range(len(begin)):
        a, b, da, db = begin[n], end[n], begin_error[n], end_error[n]
        left[n, 0], left[n, 1] = _left(a, da), _left(b, db)
        if max(da, db) == 0.0:
            chance[n] = hidden(a, b, spread2[n])
            continue
        # Integrate over the better known end: the other end's integral has a closed form.
        if da > db:
            a, b, da, db = b, a, db, da
        one, other = _left(a, da), _left(b, db)
        chance[n] = one * _left(-b, db) + _left(-a, da) * other
        if db > 0.0 and spread2[n] > 0.0:
            for side in (1.0, -1.0):
                chance[n] += _beside(side * a, side * b, da, db, spread2[n], places, weights)
        chance[n] = min(1.0, chance[n])
    return chance, left


@compiled
def _left(off: float, error: float) -> float:
    if error == 0.0:
        return 1.0 if off >= 0.0 else 0.0
    return 0.5 * math.erfc(-off / (error * _ROOT_2))


@compiled
def _beside(
    begin: float,
    end: float,
    begin_error: float,
    end_error: float,
    spread2: float,
    places: FloatArray,
    weights: FloatArray,
) -> float:
    """Probability that both ends lie left of the line and the bridge meets it."""
    if begin_error == 0.0:
        return _hidden_beside(begin, end, end_error, spread2) if begin >= 0.0 else 0.0
    low = max(0.0, begin - _WIDE * begin_error)
    high = begin + _WIDE * begin_error
    if high <= 0.0:
        return 0.0
    total = 0.0
    for n in range(len(places)):
        off = low + (high - low) * places[n]
        miss = (off - begin) / begin_error
        density = math.exp(-0.5 * miss * miss) / (begin_error * _ROOT_2 * _ROOT_PI)
        total += weights[n] * density * _hidden_beside(off, end, end_error, spread2)
    return total * (high - low)


@compiled
def _hidden_beside(begin: float, end: float, end_error: float, spread2: float) -> float:
    """Mean of ``exp(-2 begin e / spread2)`` over all ``e > 0`` that are normal about ``end``."""
    off = end / end_error
    pull = 2.0 * begin * end_error / spread2
    if pull >= off:
        # Both factors of the other form may be beyond what a float can hold.
        return 0.5 * math.exp(-0.5 * off * off) * _erfcx((pull - off) / _ROOT_2)
    return math.exp(-pull * (off - 0.5 * pull)) * 0.5 * math.erfc((pull - off) / _ROOT_2)


@compiled
def _erfcx(x: float) -> float:
    """``exp(x^2) erfc(x)`` for ``x >= 0``."""
    if x < _FAR:
        return math.exp(x * x) * math.erfc(x)
    tail = x
    for n in range(10, 0, -1):
        tail = x + 0.5 * n / tail
    return 1.0 / (_ROOT_PI * tail)
