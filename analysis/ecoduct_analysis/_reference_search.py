"""How R searches a motion variance: for the modes that follow its packages.

``optimize`` is Brent's minimiser (golden section and parabolas). It keeps the first minimum that
it falls into, and the packages give it ``log(exp(...))``, which is infinite far from the minimum.
"""

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._triplets import Triplets
from ecoduct_analysis.columns import FloatArray

_SECONDS = 60.0  # the packages search in m^2/min
_GOLDEN = (3.0 - np.sqrt(5.0)) * 0.5
_ROOT = np.sqrt(np.finfo(np.float64).eps)
_THIRD = np.finfo(np.float64).eps ** 0.25 / 3.0  # of R's tolerance
_LARGEST = float(np.finfo(np.float64).max)  # R puts it for what is not finite
_LN_2PI = float(np.log(2.0 * np.pi))


@compiled
def found_by_r(
    triplets: Triplets, begin: int, end: int, low: float, high: float
) -> tuple[float, float]:
    """Variance (m^2/s) that R finds between two bounds (m^2/min), and `cost` at it."""
    scale, fixed, miss2 = triplets[0][begin:end], triplets[1][begin:end], triplets[2][begin:end]
    best = low + _GOLDEN * (high - low)
    second, third = best, best
    f_best = _cost(best, scale, fixed, miss2)
    f_second, f_third = f_best, f_best
    move, older = 0.0, 0.0
    while True:
        middle = 0.5 * (low + high)
        close = _ROOT * abs(best) + _THIRD
        if abs(best - middle) <= 2.0 * close - 0.5 * (high - low):
            break
        sides = _parabola((best, second, third), (f_best, f_second, f_third))
        if abs(older) <= close:
            sides = 0.0, 0.0
        move, older = _next(sides, move, older, (low, best, high), close)
        new = best + (move if abs(move) >= close else (close if move > 0.0 else -close))
        f_new = _cost(new, scale, fixed, miss2)
        if f_new <= f_best:
            low, high = (low, best) if new < best else (best, high)
            third, second, best = second, best, new
            f_third, f_second, f_best = f_second, f_best, f_new
            continue
        low, high = (new, high) if new < best else (low, new)
        if f_new <= f_second or second == best:
            third, f_third, second, f_second = second, f_second, new, f_new
        elif f_new <= f_third or third in {best, second}:
            third, f_third = new, f_new
    return best / _SECONDS, f_best - len(scale) * _LN_2PI


@compiled
def _parabola(
    places: tuple[float, float, float], costs: tuple[float, float, float]
) -> tuple[float, float]:
    """Numerator and denominator of the move to the bottom of the parabola through three places."""
    r = (places[0] - places[1]) * (costs[0] - costs[2])
    q = (places[0] - places[2]) * (costs[0] - costs[1])
    p = (places[0] - places[2]) * q - (places[0] - places[1]) * r
    q = 2.0 * (q - r)
    return (-p, q) if q > 0.0 else (p, -q)


@compiled
def _next(
    sides: tuple[float, float],
    move: float,
    older: float,
    places: tuple[float, float, float],
    close: float,
) -> tuple[float, float]:
    """Take the parabola's move if it is less than half of the one before the last, else golden."""
    low, best, high = places
    p, q = sides
    before_last, last = (older, move) if abs(older) > close else (0.0, move)
    outside = p <= q * (low - best) or p >= q * (high - best)
    if abs(p) >= abs(0.5 * q * before_last) or outside:
        last = high - best if best < 0.5 * (low + high) else low - best
        return _GOLDEN * last, last
    move = p / q
    if best + move - low < 2.0 * close or high - (best + move) < 2.0 * close:
        move = close if best < 0.5 * (low + high) else -close
    return move, last


@compiled
def _cost(variance: float, scale: FloatArray, fixed: FloatArray, miss2: FloatArray) -> float:
    total = 0.0
    for n in range(len(scale)):
        spread = scale[n] / _SECONDS * variance + fixed[n]
        total -= np.log(1.0 / (2.0 * np.pi * spread) * np.exp(-miss2[n] / (2.0 * spread)))
    return total if np.isfinite(total) else _LARGEST
