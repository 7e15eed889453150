"""Where the search for a displacement curve begins: the best of many coarse curves.

Least squares has several valleys, an early excursion and a late migration, and a single start finds
the nearest. Two kinds of coarse curves are tried: every pair of days as a sudden departure and
return, by running sums, and a mesh of gradual ones, by their scalar products.
"""

from typing import Final

import numpy as np

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis._displacement_kernels import copy_to
from ecoduct_analysis.columns import FloatArray, IntArray

_PLACES: Final = 24  # a fortnight apart in a year, about as long as a move
WIDTHS_DAYS: Final = (1.5, 6.0, 18.0)  # between the bounds of phi, equal factors apart
_KINDS: Final = len(WIDTHS_DAYS)
_COARSE: Final = _PLACES * _KINDS
_SLOTS: Final = 2 * _KINDS * _KINDS  # short and long stays for each pair of widths
STARTS: Final = _SLOTS + 2  # with the usual start, the first, and sudden moves, the last
DISPERSER, MIGRANT, MIXED = range(3)
_LEAST_RHO: Final = 1.0
_TINY: Final = 1e-9  # of a coarse curve's sum of squares, where 1 is one day away
_SHORT_DAYS: Final = 30.0  # an excursion of weeks must not hide a summer of months, nor be hidden


@compiled
def find_starts(
    offsets: IntArray, t: FloatArray, y: FloatArray, usual: FloatArray,
    zeta_low: float, zeta_high: float, tries: FloatArray,
) -> None:  # fmt: skip
    """Fill ``tries``, (years, 3, STARTS, 6) of nan, with one start of each kind that fits.

    ``usual``, (years, 3, 6), is the start of the reference and goes first.
    """
    rise = np.empty((0, 0))
    gram, by_y = np.empty((_COARSE, _COARSE)), np.empty(_COARSE)
    widths = np.array(WIDTHS_DAYS)
    for year in range(len(offsets) - 1):
        here = slice(offsets[year], offsets[year + 1])
        days, away = t[here], y[here]
        if not np.isfinite(usual[year, 0, 0]):
            continue
        for model in range(MIXED + 1):
            copy_to(tries[year, model, 0], usual[year, model])
        span = (days[-1] - days[0]) / (_PLACES - 1)
        places = days[0] + span * np.arange(_PLACES)
        if len(days) > rise.shape[0]:
            rise = np.empty((len(days), _COARSE))
        _products(days, away, places, widths, rise, gram, by_y)
        best = np.zeros((3, _SLOTS))
        _try_mesh(places, widths, gram, by_y, zeta_low, zeta_high, best, tries[year])
        _try_sudden(days, away, zeta_low, zeta_high, tries[year])


@compiled
def _products(
    days: FloatArray, away: FloatArray, places: FloatArray, widths: FloatArray,
    rise: FloatArray, gram: FloatArray, by_y: FloatArray,
) -> None:  # fmt: skip
    for i in range(_COARSE):
        by_y[i] = 0.0
        for j in range(_COARSE):
            gram[i, j] = 0.0
    for n in range(len(days)):
        row = rise[n]
        for i in range(_COARSE):
            row[i] = 1.0 / (1.0 + np.exp((places[i // _KINDS] - days[n]) / widths[i % _KINDS]))
        for i in range(_COARSE):
            by_y[i] += row[i] * away[n]
            for j in range(_COARSE):
                gram[i, j] += row[i] * row[j]


@inlined
def _gain(aa: float, ab: float, bb: float, ya: float, yb: float, zeta: float) -> float:
    """What ``delta (a - zeta b)`` takes off the sum of squares with its best delta, 0 or more."""
    size = aa - 2.0 * zeta * ab + zeta * zeta * bb
    fit = ya - zeta * yb
    return fit * fit / size if size > _TINY and fit > 0.0 else 0.0


@inlined
def _best_zeta(
    aa: float, ab: float, bb: float, ya: float, yb: float, low: float, high: float
) -> float:
    det = aa * bb - ab * ab
    delta = (ya * bb - yb * ab) / det if det > _TINY else 0.0
    back = (ya * ab - yb * aa) / det if det > _TINY else 0.0
    zeta = back / delta if delta > 0.0 else low
    return min(max(zeta, low), high)


@inlined
def _put(
    place: FloatArray, theta: float, phi: float, delta: float, rho: float, phi2: float, zeta: float
) -> None:
    place[0], place[1], place[2], place[3], place[4], place[5] = theta, phi, delta, rho, phi2, zeta


@compiled
def _try_mesh(
    places: FloatArray, widths: FloatArray, gram: FloatArray, by_y: FloatArray,
    zeta_low: float, zeta_high: float, best: FloatArray, tries: FloatArray,
) -> None:  # fmt: skip
    for i in range(_COARSE):
        theta, phi, aa, ya = places[i // _KINDS], widths[i % _KINDS], gram[i, i], by_y[i]
        slot = i % _KINDS
        gain = _gain(aa, 0.0, 0.0, ya, 0.0, 0.0)
        if gain > best[DISPERSER, slot]:
            best[DISPERSER, slot] = gain
            _put(tries[DISPERSER, 1 + slot], theta, phi, ya / max(aa, _TINY), 0.0, 1.0, 0.0)
        for j in range(_COARSE):
            phi2 = widths[j % _KINDS]
            rho = places[j // _KINDS] - theta - 2.0 * phi - 2.0 * phi2
            if rho < _LEAST_RHO:
                continue
            slot = (i % _KINDS) * _KINDS + j % _KINDS + (0 if rho < _SHORT_DAYS else _SLOTS // 2)
            ab, bb, yb = gram[i, j], gram[j, j], by_y[j]
            zeta = _best_zeta(aa, ab, bb, ya, yb, zeta_low, zeta_high)
            for model in range(MIGRANT, MIXED + 1):
                part = 1.0 if model == MIGRANT else zeta
                gain = _gain(aa, ab, bb, ya, yb, part)
                if gain > best[model, slot]:
                    best[model, slot] = gain
                    size = aa - 2.0 * part * ab + part * part * bb
                    delta = (ya - part * yb) / max(size, _TINY)
                    _put(tries[model, 1 + slot], theta, phi, delta, rho, phi2, part)


@compiled
def _try_sudden(
    days: FloatArray, away: FloatArray, zeta_low: float, zeta_high: float, tries: FloatArray
) -> None:
    count = len(days)
    after = np.zeros(count + 1)  # sum from each day on
    for n in range(count - 1, -1, -1):
        after[n] = after[n + 1] + away[n]
    best = np.zeros(3)
    for i in range(1, count):
        aa, ya = float(count - i), after[i]
        theta = 0.5 * (days[i - 1] + days[i])
        gain = _gain(aa, 0.0, 0.0, ya, 0.0, 0.0)
        if gain > best[DISPERSER]:
            best[DISPERSER] = gain
            _put(tries[DISPERSER, STARTS - 1], theta, 1.0, ya / aa, 0.0, 1.0, 0.0)
        for j in range(i + 1, count):
            rho = 0.5 * (days[j - 1] + days[j]) - theta - 4.0
            if rho < _LEAST_RHO:
                continue
            bb, yb = float(count - j), after[j]
            zeta = _best_zeta(aa, bb, bb, ya, yb, zeta_low, zeta_high)
            for model in range(MIGRANT, MIXED + 1):
                part = 1.0 if model == MIGRANT else zeta
                gain = _gain(aa, bb, bb, ya, yb, part)
                if gain > best[model]:
                    best[model] = gain
                    size = aa - 2.0 * part * bb + part * part * bb
                    _put(tries[model, STARTS - 1], theta, 1.0, (ya - part * yb) / size,
                         rho, 1.0, part)  # fmt: skip
