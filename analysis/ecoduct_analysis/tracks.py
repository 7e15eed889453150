"""Many animals' fixes in one columnar value."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecoduct_analysis.errors import BadTracks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Fixes of ``k`` animals, concatenated, in time order within each animal.

    Attributes
    ----------
    names : tuple of str
        One for each track.
    offsets : (k + 1,) array
        Track ``i`` holds the fixes ``offsets[i]`` up to but not including ``offsets[i + 1]``.
    t_ms : (n,) array, ms since 1970 UTC
        Strictly increasing within a track.
    x, y : (n,) array, m
        In one projection for all tracks.

    Raises
    ------
    BadTracks
        Columns of different length, offsets that do not fit, times out of order or twice, or a
        coordinate that is not finite.
    """

    names: tuple[str, ...]
    offsets: IntArray
    t_ms: IntArray
    x: FloatArray
    y: FloatArray

    def __post_init__(self) -> None:
        if not len(self.t_ms) == len(self.x) == len(self.y):
            raise BadTracks("The columns t_ms, x and y must have one length.")
        ends_fit = len(self.offsets) > 0 and self.offsets[0] == 0 and self.offsets[-1] == len(self)
        if (
            len(self.offsets) != len(self.names) + 1
            or not ends_fit
            or (np.diff(self.offsets) < 0).any()
        ):
            raise BadTracks("The offsets must rise from 0 to the number of fixes, one per track.")
        if (self.step_s <= 0).any():
            raise BadTracks("Fixes must be in time order within a track, each time once.")
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            raise BadTracks("Coordinates must be finite; leave out fixes without a position.")

    def __len__(self) -> int:
        """Count the fixes of all tracks."""
        return len(self.t_ms)

    @classmethod
    def from_arrays(
        cls, names: Sequence[str], *, track: ArrayLike, t_ms: ArrayLike, x: ArrayLike, y: ArrayLike
    ) -> Self:
        """Sort loose fixes into tracks.

        Parameters
        ----------
        names : sequence of str
            Names of the tracks; ``track`` counts into them.
        track : (n,) array
            Track of each fix.
        t_ms, x, y : (n,) array
            In any order.

        Examples
        --------
        >>> tracks = Tracks.from_arrays(
        ...     ["a", "b"], track=[1, 0, 1], t_ms=[9, 5, 3], x=[2, 0, 1], y=[0, 0, 0])
        >>> tracks.offsets, tracks.x
        (array([0, 1, 3]), array([0., 1., 2.]))
        """
        which = np.asarray(track, dtype=np.int64)
        times = np.asarray(t_ms, dtype=np.int64)
        order = np.lexsort((times, which))
        counts = np.bincount(which, minlength=len(names))
        return cls(
            names=tuple(names),
            offsets=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
            t_ms=times[order],
            x=np.asarray(x, dtype=np.float64)[order],
            y=np.asarray(y, dtype=np.float64)[order],
        )

    @property
    def track(self) -> IntArray:
        """Track of each fix, (n,) array."""
        return np.repeat(np.arange(len(self.names), dtype=np.int64), np.diff(self.offsets))

    @property
    def steps(self) -> IntArray:
        """First fix of each step, (m,) array: no step leads from one track to the next."""
        last = np.zeros(len(self), dtype=bool)
        last[self.offsets[1:][np.diff(self.offsets) > 0] - 1] = True
        return np.flatnonzero(~last)

    @property
    def step_s(self) -> FloatArray:
        """Duration of each step, (m,) array, s."""
        first = self.steps
        return (self.t_ms[first + 1] - self.t_ms[first]) / 1000.0
