"""Chance that depends on what is drawn, not on when: counters in place of a stream.

A stream of random numbers gives a step other numbers as soon as one more animal, or another cut
into chunks, comes before it. Here each number is a hash of the seed, the step, the bridge and the
place in it.
"""

import numpy as np
from numpy.typing import NDArray

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import IntArray

UIntArray = NDArray[np.uint64]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFT_30, _SHIFT_27, _SHIFT_31 = np.uint64(30), np.uint64(27), np.uint64(31)
_SHIFT_11, _ONE = np.uint64(11), np.uint64(1)
_UNIT = 2.0**-53  # spacing of floats drawn from 0 to 1


@compiled
def mix(word: np.uint64) -> np.uint64:
    """Scramble 64 bits: the output function of splitmix64 (Steele et al. 2014, OOPSLA 453-472)."""
    word = word + _GAMMA
    word = (word ^ (word >> _SHIFT_30)) * _FIRST
    word = (word ^ (word >> _SHIFT_27)) * _SECOND
    return word ^ (word >> _SHIFT_31)


@compiled
def uniforms(key: np.uint64, place: np.uint64, use: np.uint64) -> tuple[float, float]:
    """Draw two numbers above 0 and below 1 for one place and use under a key."""
    word = mix(mix(key ^ mix(place)) + use)
    other = mix(word)
    # Never 0, whose logarithm is infinite.
    return (
        (float(word >> _SHIFT_11) + 0.5) * _UNIT,
        (float(other >> _SHIFT_11) + 0.5) * _UNIT,
    )


@compiled
def normals(key: np.uint64, place: np.uint64, use: np.uint64) -> tuple[float, float]:
    """Draw two independent standard normal numbers, by Box and Muller."""
    one, other = uniforms(key, place, use)
    radius = np.sqrt(-2.0 * np.log(one))
    angle = 2.0 * np.pi * other
    return radius * np.cos(angle), radius * np.sin(angle)


@compiled
def step_keys(
    seed: np.uint64, names: UIntArray, track: IntArray, begin_ms: IntArray, end_ms: IntArray
) -> UIntArray:
    """Key of each step, from what it is and not from where it stands among others.

    ``names`` has a hash of each track's name.
    """
    keys = np.empty(len(track), np.uint64)
    for n in range(len(track)):
        key = mix(mix(seed) ^ names[track[n]])
        keys[n] = mix(mix(key ^ np.uint64(begin_ms[n])) ^ np.uint64(end_ms[n]))
    return keys
