"""Null tracks: one animal's places, moved or walked anew many times."""

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.crossings import count_crossings
from ecoduct_analysis.errors import AnalysisError

Box = tuple[float, float, float, float]


def turned(
    places: FloatArray, pivot: FloatArray, angles_rad: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Turn a whole track about a pivot, once for each angle: x and y, (r, n) arrays, m."""
    x, y = (places - pivot).T
    cos, sin = np.cos(angles_rad)[:, None], np.sin(angles_rad)[:, None]
    return pivot[0] + cos * x - sin * y, pivot[1] + sin * x + cos * y


def shifted(
    places: FloatArray, box: Box, shift_m: float | None, draws: int, dice: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Move a whole track by random vectors: x and y, (r, n) arrays, m."""
    if shift_m is None:
        # Twice the width: with reflection each fix is then equally likely anywhere in the box.
        widest = np.array([box[2] - box[0], box[3] - box[1]])
        by = dice.uniform(0.0, 1.0, (draws, 2)) * 2 * widest
    else:
        radius = shift_m * np.sqrt(dice.uniform(0.0, 1.0, draws))
        angle = dice.uniform(0, 2 * np.pi, draws)
        by = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)
    return places[:, 0] + by[:, :1], places[:, 1] + by[:, 1:]


def folded(values: FloatArray, low: float, high: float) -> FloatArray:
    """Reflect coordinates at the ends of an interval as often as needed."""
    width = high - low
    if width <= 0:
        return np.full_like(values, low)
    inside: FloatArray = low + width - np.abs(np.mod(values - low, 2 * width) - width)
    return inside


@compiled
def lengths_and_turns(
    x: FloatArray, y: FloatArray, joined: BoolArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Length of each step, the turn before it, and its heading, nan for no step.

    ``joined[i]`` says whether fixes ``i`` and ``i + 1`` are one burst. The first step of a burst
    has no turn (nan). A step of no length keeps the heading before it, so that the turns after
    it bring back the very same track.
    """
    count = len(joined)
    length, turn, heading = np.full(count, np.nan), np.full(count, np.nan), np.full(count, np.nan)
    for step in range(count):
        if not joined[step]:
            continue
        dx, dy = x[step + 1] - x[step], y[step + 1] - y[step]
        follows = step > 0 and joined[step - 1]
        length[step] = np.hypot(dx, dy)
        heading[step] = np.arctan2(dy, dx)
        if follows and length[step] == 0:
            heading[step] = heading[step - 1]
        if follows:
            turn[step] = heading[step] - heading[step - 1]
    return length, turn, heading


@compiled
def walked(
    x: FloatArray, y: FloatArray, heading: FloatArray, lengths: FloatArray, turns: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Walk each burst anew from its first fix and heading: x and y, (r, n) arrays, m.

    A nan in ``lengths`` (r, n - 1) is a gap, a nan in ``turns`` the first step of a burst.
    """
    draws, count = lengths.shape
    new_x, new_y = np.empty((draws, count + 1)), np.empty((draws, count + 1))
    for draw in range(draws):
        new_x[draw, 0], new_y[draw, 0] = x[0], y[0]
        direction = 0.0
        for step in range(count):
            length, turn = lengths[draw, step], turns[draw, step]
            if np.isnan(length):
                new_x[draw, step + 1], new_y[draw, step + 1] = x[step + 1], y[step + 1]
                continue
            direction = heading[step] if np.isnan(turn) else direction + turn
            new_x[draw, step + 1] = new_x[draw, step] + length * np.cos(direction)
            new_y[draw, step + 1] = new_y[draw, step] + length * np.sin(direction)
    return new_x, new_y


def shuffled(values: FloatArray, draws: int, dice: np.random.Generator) -> FloatArray:
    """Values in random order, ``draws`` times; nan stay where they are, (r, n) array."""
    mixed = np.tile(values, (draws, 1))
    known = np.isfinite(values)
    mixed[:, known] = dice.permuted(mixed[:, known], axis=1)
    return mixed


def box_of(places: FloatArray, barriers: Barriers, area: Box | None, name: str) -> Box:
    """Where null tracks of an animal may go: the area given, or barriers and fixes together.

    Raises
    ------
    AnalysisError
    """
    low, high = places.min(axis=0), places.max(axis=0)
    if area is None:
        ends = np.concatenate((barriers.ends.reshape(-1, 2), places))
        low, high = ends.min(axis=0), ends.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])
    if not ((low >= area[:2]).all() and (high <= area[2:]).all()):
        raise AnalysisError(f"Animal {name!r} has fixes outside the area {area}: widen it.")
    return area


def count_tracks(x: FloatArray, y: FloatArray, steps: BoolArray, barriers: Barriers) -> IntArray:
    """Crossings of each of many tracks, (r,) array."""
    begin = np.stack((x[:, :-1][:, steps], y[:, :-1][:, steps]), axis=2)
    end = np.stack((x[:, 1:][:, steps], y[:, 1:][:, steps]), axis=2)
    counts = count_crossings(begin.reshape(-1, 2), end.reshape(-1, 2), barriers)
    total: IntArray = counts.reshape(len(x), int(steps.sum())).sum(axis=1)
    return total


def p_values(
    observed: IntArray, drawn: IntArray, *, ties: str, luck: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Chance of as few, as many, or as extreme a count among null tracks, (k,) arrays.

    Parameters
    ----------
    observed : (k,) array
    drawn : (k, r) array
    ties : {"plain", "mid", "random"}
    luck : (k,) array
        Between 0 and 1: the part of the ties that ``random`` counts.
    """
    below = (drawn < observed[:, None]).sum(axis=1)
    # The observed count ties with itself.
    equal = (drawn == observed[:, None]).sum(axis=1) + 1
    total = drawn.shape[1] + 1
    if ties == "plain":
        fewer, more = (below + equal) / total, 1 - below / total
    else:
        fewer = (below + (luck if ties == "random" else 0.5) * equal) / total
        more = 1 - fewer
    return fewer, more, np.minimum(1.0, 2 * np.minimum(fewer, more))
