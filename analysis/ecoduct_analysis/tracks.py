"""Many animals' fixes in one columnar value."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import (
    BoolArray,
    FloatArray,
    IntArray,
    check_offsets,
    frozen,
    offsets_of,
    order_of,
    runs,
)
from ecoduct_analysis.errors import BadTracks

__all__ = ["BoolArray", "FloatArray", "IntArray", "Tracks"]

_NO_ERRORS: FloatArray = frozen(np.zeros(0), float)
_FAULTS = {
    1: "Fixes must be in time order within a track, each time once; `screen` finds duplicates.",
    2: "Coordinates must be finite; leave out fixes without a position.",
    3: "Errors must be above 0 or nan.",
}


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
        Read-only, as all columns are.
    error_m : (n,) array, m, optional
        Standard deviation of the position along each axis; nan where unknown.
    crs : tuple of str
        Projection of each track, as PROJ reads it; empty where the plane is not on the globe.
    repeats : bool
        Whether a time may stand twice. Only the parity mode of `classify_encounters` takes such
        tracks, for the reference it follows does.

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
    error_m: FloatArray | None = None
    crs: tuple[str, ...] = ()
    repeats: bool = False

    def __post_init__(self) -> None:
        for column, dtype in (("offsets", np.int64), ("t_ms", np.int64), ("x", float), ("y", float),
                              ("error_m", float)):  # fmt: skip
            values = getattr(self, column)
            if values is not None:
                object.__setattr__(self, column, frozen(values, dtype))
        error_m = _NO_ERRORS if self.error_m is None else self.error_m
        lengths = {len(self.t_ms), len(self.x), len(self.y), len(error_m) or len(self.t_ms)}
        if len(lengths) != 1:
            raise BadTracks("The columns t_ms, x, y and error_m must have one length.")
        check_offsets(self.offsets, self.names, len(self.t_ms))
        if len(self.crs) not in {0, len(self.names)}:
            raise BadTracks("Give one projection for each track, or none.")
        fault = _fault(self.offsets, self.t_ms, self.x, self.y, error_m, self.repeats)
        if fault:
            raise BadTracks(_FAULTS[fault])

    def __len__(self) -> int:
        """Count the fixes of all tracks."""
        return len(self.t_ms)

    @classmethod
    def from_arrays(
        cls,
        names: Sequence[str],
        *,
        track: ArrayLike,
        t_ms: ArrayLike,
        x: ArrayLike,
        y: ArrayLike,
        error_m: ArrayLike | None = None,
        crs: str | None = None,
    ) -> Self:
        """Sort loose fixes into tracks.

        Parameters
        ----------
        names : sequence of str
            Names of the tracks; ``track`` counts into them.
        track : (n,) array
            Track of each fix.
        t_ms, x, y, error_m : (n,) array
            In any order.
        crs : str, optional
            Projection of all tracks.

        Examples
        --------
        >>> tracks = Tracks.from_arrays(
        ...     ["a", "b"], track=[1, 0, 1], t_ms=[9, 5, 3], x=[2, 0, 1], y=[0, 0, 0])
        >>> tracks.offsets, tracks.x
        (array([0, 1, 3]), array([0., 1., 2.]))
        """
        which = np.asarray(track, dtype=np.int64)
        times = np.asarray(t_ms, dtype=np.int64)
        if not len(which) == len(times) == np.size(x) == np.size(y):
            raise BadTracks("The columns track, t_ms, x and y must have one length.")
        offsets = offsets_of(which, len(names))
        order = order_of(which, times, offsets)
        return cls(
            names=tuple(names),
            offsets=offsets,
            t_ms=times[order],
            x=np.asarray(x, dtype=np.float64)[order],
            y=np.asarray(y, dtype=np.float64)[order],
            error_m=None if error_m is None else np.asarray(error_m, dtype=np.float64)[order],
            crs=() if crs is None else (crs,) * len(names),
        )

    @property
    def errors_m(self) -> FloatArray:
        """Standard deviation of each position along each axis, nan where unknown, (n,) array, m."""
        if self.error_m is not None:
            return self.error_m
        # A view of one value: no memory is spent on what is not known.
        return np.broadcast_to(np.float64(np.nan), self.t_ms.shape)

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

    def select(self, tracks: ArrayLike) -> Self:
        """Some of the tracks, by number, in the order given.

        Examples
        --------
        >>> two = Tracks.from_arrays(["a", "b"], track=[0, 1], t_ms=[5, 3], x=[1, 2], y=[0, 0])
        >>> two.select([1]).names
        ('b',)
        """
        chosen = np.atleast_1d(np.asarray(tracks, dtype=np.int64))
        fixes, offsets = runs(chosen, self.offsets)
        return type(self)(
            names=tuple(self.names[n] for n in chosen),
            offsets=offsets,
            t_ms=self.t_ms[fixes],
            x=self.x[fixes],
            y=self.y[fixes],
            error_m=None if self.error_m is None else self.error_m[fixes],
            crs=tuple(self.crs[n] for n in chosen) if self.crs else (),
            repeats=self.repeats,
        )

    def where(self, kept: ArrayLike) -> Self:
        """Only the fixes that a mask keeps; a track that loses all of them stays, empty.

        Parameters
        ----------
        kept : (n,) array of bool
        """
        mask = np.asarray(kept, dtype=bool)
        before = np.concatenate(([0], np.cumsum(mask)))
        return type(self)(
            names=self.names,
            offsets=before[self.offsets],
            t_ms=self.t_ms[mask],
            x=self.x[mask],
            y=self.y[mask],
            error_m=None if self.error_m is None else self.error_m[mask],
            crs=self.crs,
            repeats=self.repeats,
        )

    def chunks(self, fixes: int) -> Iterator[Self]:
        """Whole tracks, some at a time, with about ``fixes`` fixes each, to bound memory."""
        begin = 0
        while begin < len(self.names):
            limit = self.offsets[begin] + fixes
            end = max(begin + 1, int(np.searchsorted(self.offsets, limit, side="right")) - 1)
            yield self.select(np.arange(begin, end))
            begin = end


@compiled
def _fault(
    offsets: IntArray,
    t_ms: IntArray,
    x: FloatArray,
    y: FloatArray,
    error_m: FloatArray,
    repeats: bool,  # noqa: FBT001 - Numba knows no keyword-only parameters
) -> int:
    least = 0 if repeats else 1
    for track in range(len(offsets) - 1):
        for fix in range(offsets[track], offsets[track + 1]):
            if fix > offsets[track] and t_ms[fix] - t_ms[fix - 1] < least:
                return 1
            if not (np.isfinite(x[fix]) and np.isfinite(y[fix])):
                return 2
            if len(error_m) and (error_m[fix] <= 0 or error_m[fix] == np.inf):
                return 3
    return 0
