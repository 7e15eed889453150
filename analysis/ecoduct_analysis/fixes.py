"""Fixes as they came: before screening, in degrees or metres, some of them wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis.columns import (
    NO_TIME,
    FloatArray,
    IntArray,
    check_offsets,
    frozen,
    offsets_of,
    order_of,
    runs,
)
from ecoduct_analysis.errors import BadTracks, NotProjected
from ecoduct_analysis.projection import DEGREES, change_crs, choose_crs
from ecoduct_analysis.tracks import Tracks


@dataclass(frozen=True, slots=True, eq=False)
class Fixes:
    """Fixes of ``k`` animals, concatenated, sorted by time; nothing has been left out yet.

    Attributes
    ----------
    names : tuple of str
        One for each animal.
    offsets : (k + 1,) array
        Animal ``i`` has the fixes ``offsets[i]`` up to but not including ``offsets[i + 1]``.
    t_ms : (n,) array, ms since 1970 UTC
        Never falls within an animal; may repeat. ``NO_TIME`` where missing, and then first.
    x, y : (n,) array
        Longitude and latitude in degrees where ``crs`` is ``EPSG:4326``, else metres; nan where
        missing.
    crs : str or None
        None: a plane in metres that is not on the globe.
    error_m : (n,) array, m, optional
        Standard deviation along each axis, as the receiver estimates it; nan where unknown.
    dop : (n,) array, optional
        Dilution of precision; nan where unknown.
    row : (n,) array
        Place of each fix in the table it came from, so that a mask can be laid over that table.
    """

    names: tuple[str, ...]
    offsets: IntArray
    t_ms: IntArray
    x: FloatArray
    y: FloatArray
    row: IntArray
    crs: str | None = DEGREES
    error_m: FloatArray | None = None
    dop: FloatArray | None = None

    def __post_init__(self) -> None:
        for column, dtype in (("offsets", np.int64), ("t_ms", np.int64), ("x", float), ("y", float),
                              ("row", np.int64), ("error_m", float), ("dop", float)):  # fmt: skip
            values = getattr(self, column)
            if values is not None:
                object.__setattr__(self, column, frozen(values, dtype))
                if column != "offsets" and len(values) != len(self.t_ms):
                    raise BadTracks("All columns must have one length.")
        check_offsets(self.offsets, self.names, len(self.t_ms))
        if _falls(self.offsets, self.t_ms):
            raise BadTracks("Fixes must be in time order within an animal; use `from_arrays`.")

    def __len__(self) -> int:
        """Count the fixes of all animals."""
        return len(self.t_ms)

    @property
    def is_degrees(self) -> bool:
        """Whether x and y are longitude and latitude."""
        return self.crs == DEGREES

    @classmethod
    def from_arrays(
        cls,
        names: Sequence[str],
        *,
        track: ArrayLike,
        t_ms: ArrayLike,
        x: ArrayLike,
        y: ArrayLike,
        crs: str | None = DEGREES,
        error_m: ArrayLike | None = None,
        dop: ArrayLike | None = None,
    ) -> Self:
        """Sort loose fixes by animal and time; those of one time stay in the order given.

        Parameters
        ----------
        names : sequence of str
            Names of the animals; ``track`` counts into them.
        track, t_ms, x, y, error_m, dop : (n,) array
            In any order.
        crs : str or None
            ``EPSG:4326`` for longitude and latitude.

        Examples
        --------
        >>> fixes = Fixes.from_arrays(
        ...     ["a"], track=[0, 0], t_ms=[9, 5], x=[18.4, 18.5], y=[-33, -34])
        >>> fixes.x, fixes.row
        (array([18.5, 18.4]), array([1, 0]))
        """
        which = np.asarray(track, dtype=np.int64)
        times = np.asarray(t_ms, dtype=np.int64)
        if not len(which) == len(times) == np.size(x) == np.size(y):
            raise BadTracks("The columns track, t_ms, x and y must have one length.")
        offsets = offsets_of(which, len(names))
        order = order_of(which, times, offsets)

        def sorted_column(values: ArrayLike | None) -> FloatArray | None:
            return None if values is None else np.asarray(values, dtype=np.float64)[order]

        return cls(
            names=tuple(names),
            offsets=offsets,
            t_ms=times[order],
            x=np.asarray(x, dtype=np.float64)[order],
            y=np.asarray(y, dtype=np.float64)[order],
            row=order,
            crs=crs,
            error_m=sorted_column(error_m),
            dop=sorted_column(dop),
        )

    def where(self, kept: ArrayLike) -> Self:
        """Only the fixes that a mask keeps; an animal that loses all of them stays, empty.

        Parameters
        ----------
        kept : (n,) array of bool
        """
        mask = np.asarray(kept, dtype=bool)
        before = np.concatenate(([0], np.cumsum(mask)))
        return type(self)(
            names=self.names, offsets=before[self.offsets], t_ms=self.t_ms[mask],
            x=self.x[mask], y=self.y[mask], row=self.row[mask], crs=self.crs,
            error_m=None if self.error_m is None else self.error_m[mask],
            dop=None if self.dop is None else self.dop[mask],
        )  # fmt: skip

    def project(
        self, *, kept: ArrayLike | None = None, crs: str | None = None, repeats: bool = False
    ) -> Tracks:
        """Tracks in metres of the fixes that a mask keeps.

        Parameters
        ----------
        kept : (n,) array of bool, optional
            From `ecoduct_analysis.screening.screen`; without it all fixes must be usable.
        crs : str, optional
            One projection for all animals, as barriers need it. Without it fixes in metres stay
            as they are, and each animal in degrees gets the projection that suits its own fixes,
            also across the antimeridian and near the poles.
        repeats : bool
            Let a time stand twice, as only parity with a reference asks for.

        Raises
        ------
        NotProjected
            ``crs`` is given for a plane that is not on the globe, or is unknown to PROJ.
        BadTracks
            A fix without time or position, or two at one time, is kept.
        """
        mask = np.ones(len(self), dtype=bool) if kept is None else np.asarray(kept, dtype=bool)
        t_ms, x, y = self.t_ms[mask], self.x[mask], self.y[mask]
        if (t_ms == NO_TIME).any():
            raise BadTracks("A fix without a time is kept; use `screen` first.")
        offsets = np.concatenate(([0], np.cumsum(mask)))[self.offsets]
        chosen = self._projections(crs, offsets, x, y)
        for target in set(chosen) - {self.crs or ""}:
            which = [n for n, one in enumerate(chosen) if one == target]
            at, _ = runs(np.array(which, dtype=np.int64), offsets)
            x[at], y[at] = change_crs(x[at], y[at], source=self.crs or "", target=target)
        return Tracks(
            names=self.names, offsets=offsets, t_ms=t_ms, x=x, y=y, crs=chosen,
            repeats=repeats,
            error_m=None if self.error_m is None else self.error_m[mask],
        )  # fmt: skip

    def _projections(
        self, crs: str | None, offsets: IntArray, x: FloatArray, y: FloatArray
    ) -> tuple[str, ...]:
        if self.crs is None:
            if crs is not None:
                raise NotProjected("These metres are on no known projection; name it when reading.")
            return ()
        if crs is not None or not self.is_degrees:
            return (crs or self.crs,) * len(self.names)
        return tuple(choose_crs(x[begin:end], y[begin:end]) for begin, end in pairwise(offsets))


@compiled
def _falls(offsets: IntArray, t_ms: IntArray) -> bool:
    for track in range(len(offsets) - 1):
        for fix in range(offsets[track] + 1, offsets[track + 1]):
            if t_ms[fix] < t_ms[fix - 1]:
                return True
    return False
