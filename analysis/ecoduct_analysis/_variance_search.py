"""The motion variance that makes triplets most likely: the best of all minima of the cost.

Each triplet's cost ``log(s) + miss2 / (2 s)``, ``s = scale * v + fixed``, falls until
``v = (miss2 / 2 - fixed) / scale`` and rises beyond. So all minima of the sum lie between the
least and the greatest of these, or at 0. Between them the slope is looked at 0.1 decades apart.
"""

import numpy as np

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis._triplets import Triplets
from ecoduct_analysis.columns import FloatArray

_RATIO = 10.0**0.1  # a triplet's slope changes over more than a decade of variance
_LINEAR = 1e-3  # part of fixed / scale up to which the cost is a straight line
_CLOSE = 1e-14  # of a Newton step, relative
_MOST = 100  # Newton steps and halvings


@compiled
def likeliest(triplets: Triplets, begin: int, end: int) -> tuple[float, float]:
    """Variance (m^2/s) of least cost for the triplets ``begin`` to ``end``, and that cost."""
    scale, fixed, miss2 = triplets[0][begin:end], triplets[1][begin:end], triplets[2][begin:end]
    low, high = _range(scale, fixed, miss2)
    best, least = 0.0, cost(0.0, scale, fixed, miss2)
    if high <= 0.0:
        return best, least
    place, before = 0.0, _slope(0.0, scale, fixed, miss2)
    after_place = low
    while place < high:
        after = _slope(after_place, scale, fixed, miss2)
        # At the end the slope can only be up; rounding may hide it where it is nearly level.
        if before < 0.0 and (after >= 0.0 or after_place >= high):
            found = _refined(place, after_place, scale, fixed, miss2)
            here = cost(found, scale, fixed, miss2)
            if here < least:
                best, least = found, here
        place, before = after_place, after
        after_place = min(place * _RATIO, high)
    return best, least


@inlined
def _range(scale: FloatArray, fixed: FloatArray, miss2: FloatArray) -> tuple[float, float]:
    """Between which variances minima lie, but for one at 0."""
    lowest, highest, line = np.inf, 0.0, np.inf
    for n in range(len(scale)):
        own = (0.5 * miss2[n] - fixed[n]) / scale[n]
        lowest, highest = min(lowest, own), max(highest, own)
        if fixed[n] > 0.0:
            line = min(line, _LINEAR * fixed[n] / scale[n])
        elif own > 0.0:
            # Exact fixes pull down at most as strongly as all others push up.
            line = min(line, 0.5 * own / len(scale))
    return min(max(lowest, line), highest), highest


@inlined
def _refined(
    low: float, high: float, scale: FloatArray, fixed: FloatArray, miss2: FloatArray
) -> float:
    """Minimum between two variances, by Newton's method on the logarithm, held in the bracket."""
    place = np.sqrt(low * high) if low > 0.0 else 0.5 * high
    for _ in range(_MOST):
        first, second = 0.0, 0.0
        for n in range(len(scale)):
            moved = scale[n] * place
            inverse = 1.0 / (moved + fixed[n])
            part, miss = moved * inverse, 0.5 * miss2[n] * inverse
            first += part * (1.0 - miss)
            second += part * ((1.0 - part) * (1.0 - miss) + part * miss)
        if first >= 0.0:
            high = place
        else:
            low = place
        step = first / second if second > 0.0 else np.inf
        onward = place * (1.0 - step)
        if not low < onward <= high:
            onward = 0.5 * (low + high)
        moved_by = abs(onward - place)
        place = onward
        if moved_by <= _CLOSE * place:
            break
    return place


@inlined
def _slope(variance: float, scale: FloatArray, fixed: FloatArray, miss2: FloatArray) -> float:
    """Derivative of `cost` by the variance."""
    total = 0.0
    for n in range(len(scale)):
        inverse = 1.0 / (scale[n] * variance + fixed[n])
        total += scale[n] * inverse * (1.0 - 0.5 * miss2[n] * inverse)
    return total


@compiled
def cost(variance: float, scale: FloatArray, fixed: FloatArray, miss2: FloatArray) -> float:
    """Negative log-likelihood of all middle fixes in two dimensions, without its constant."""
    total = 0.0
    for n in range(len(scale)):
        spread = scale[n] * variance + fixed[n]
        # An exact fix exactly on the line of an unmoving animal tells nothing against it.
        if spread > 0.0:
            total += np.log(spread) + miss2[n] / (2.0 * spread)
        elif miss2[n] > 0.0:
            return np.inf
    return total
