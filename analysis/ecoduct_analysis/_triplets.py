"""Triplets of fixes: how far the middle one lies off the straight line between its neighbours."""

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import FloatArray, IntArray

Triplets = tuple[FloatArray, FloatArray, FloatArray]
"""``scale`` (s), ``fixed`` and ``miss2`` (m^2) of each triplet: along each axis the middle fix
has the variance ``scale * s2 + fixed``, and it lies ``sqrt(miss2)`` off the line."""


@compiled
def triplets_of(
    offsets: IntArray,
    t_ms: IntArray,
    places: tuple[FloatArray, FloatArray, FloatArray],
    max_gap_s: float,
    middle_share: float,
    is_mean: bool,  # noqa: FBT001 - Numba knows no keyword-only parameters
    is_mirrored: bool,  # noqa: FBT001
) -> Triplets:
    """Triplet about each fix; its scale is 0 at the ends of a track and where it is passed over.

    ``places`` are x, y and error. ``is_mean`` cuts by the mean of both steps, ``is_mirrored``
    takes the fraction from the later step.
    """
    x, y, error_m = places
    scale, fixed, miss2 = np.zeros(len(x)), np.zeros(len(x)), np.zeros(len(x))
    for track in range(len(offsets) - 1):
        for fix in range(offsets[track] + 1, offsets[track + 1] - 1):
            before = (t_ms[fix] - t_ms[fix - 1]) / 1000.0
            after = (t_ms[fix + 1] - t_ms[fix]) / 1000.0
            if is_mean and (before + after) / 2.0 >= max_gap_s:
                continue
            # One fix at the time of another (parity tracks) says nothing of motion.
            if (not is_mean and max(before, after) > max_gap_s) or min(before, after) <= 0.0:
                continue
            part = (after if is_mirrored else before) / (before + after)
            off_x = x[fix] - x[fix - 1] - part * (x[fix + 1] - x[fix - 1])
            off_y = y[fix] - y[fix - 1] - part * (y[fix + 1] - y[fix - 1])
            scale[fix] = (before + after) * part * (1.0 - part)
            fixed[fix] = ((1.0 - part) * error_m[fix - 1]) ** 2 + (part * error_m[fix + 1]) ** 2
            fixed[fix] += middle_share * error_m[fix] ** 2
            miss2[fix] = off_x**2 + off_y**2
    return scale, fixed, miss2


@compiled
def pick(every: Triplets, begin: int, end: int, stride: int, picked: Triplets) -> int:
    """Put triplets of the fixes ``begin`` to ``end`` together, ``stride`` fixes apart.

    After one that is passed over, the next fix is tried.
    """
    count, fix = 0, begin
    while fix < end:
        if every[0][fix] > 0.0:
            for column in range(3):
                picked[column][count] = every[column][fix]
            count += 1
            fix += stride
        else:
            fix += 1
    return count
