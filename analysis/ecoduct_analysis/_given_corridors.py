"""Corridors as they are given: areas with an axis, and when passing through counts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.errors import BadFeatures, BadRule

_HALF: Final = 0.5
_AREAS: Final = frozenset({"Polygon", "MultiPolygon"})


@dataclass(frozen=True, slots=True)
class CorridorUseRule:
    """When a visit of a corridor is one, and when it is a transit.

    Attributes
    ----------
    tolerance_m : float, m
        A visit or an absence that never gets this far from the border is none: fixes scatter over
        it. 20 m is twice the error of usual collars; a narrow corridor is given half of the radius
        of the largest circle in it, where that is less. 0 believes every fix.
    max_gap_h : float, h
        A longer step says little of where the animal was meanwhile: a visit that needs it is
        marked, and its time and distance count neither as inside nor as known. Twelve hours are
        six fixes of the 2 h schedule that most large mammals wear.
    end_part : float, 0 to 0.5
        Part of the axis at each end that counts as that end: a quarter leaves half the corridor
        between two ends.

    Raises
    ------
    BadRule
    """

    tolerance_m: float = 20.0
    max_gap_h: float = 12.0
    end_part: float = 0.25

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance_m < np.inf:
            raise BadRule("tolerance_m must not be below 0, and finite.")
        if not self.max_gap_h > 0:
            raise BadRule("max_gap_h must be above 0; inf believes every step.")
        if not 0 < self.end_part <= _HALF:
            raise BadRule("end_part must be above 0 and at most 0.5.")


@dataclass(frozen=True, slots=True, eq=False)
class Corridors:
    """Areas to pass through, in metres.

    Attributes
    ----------
    names : tuple of str
        One for each corridor.
    geometry : (k,) array of shapely polygons, m
    axes : (k,) array of shapely lines, m
        Along which the way through is measured, from the corridor's begin to its end.
    width_m : (k,) array, m
        Diameter of the largest circle inside.
    crs : str or None
        Projection, as PROJ reads it; None is taken to be that of the tracks.
    """

    names: tuple[str, ...]
    geometry: NDArray[np.object_] = field(repr=False)
    axes: NDArray[np.object_] = field(repr=False)
    width_m: FloatArray
    crs: str | None

    @classmethod
    def from_geometries(
        cls,
        names: Sequence[str],
        geometries: Sequence[BaseGeometry],
        *,
        axes: Sequence[BaseGeometry | None] | None = None,
        crs: str | None = None,
    ) -> Self:
        """Take polygons as corridors.

        Parameters
        ----------
        axes : sequence of lines, optional
            One for each corridor, or None: then the middle line of the narrowest rectangle about
            it. A winding corridor needs a line of its own.

        Raises
        ------
        BadFeatures
            A geometry that is no valid polygon, or an axis that is no line.
        """
        flat = shapely.force_2d(np.array(list(geometries), dtype=object).reshape(-1))
        for name, one in zip(names, flat, strict=True):
            if one.geom_type not in _AREAS or one.is_empty:
                raise BadFeatures(f"Corridor {name!r} is a {one.geom_type}: give polygons.")
            if not (one.is_valid and np.isfinite(shapely.get_coordinates(one)).all()):
                raise BadFeatures(f"Corridor {name!r} crosses itself or has no finite corners.")
        given = list(axes) if axes is not None else [None] * len(flat)
        lines = [_axis(*three) for three in zip(names, flat, given, strict=True)]
        radii = np.atleast_1d(shapely.length(shapely.maximum_inscribed_circle(flat)))
        return cls(
            names=tuple(names), geometry=flat, axes=np.array(lines, dtype=object).reshape(-1),
            width_m=2.0 * radii.astype(float), crs=crs,
        )  # fmt: skip

    def __len__(self) -> int:
        """Count the corridors."""
        return len(self.names)


def _axis(name: str, geometry: BaseGeometry, given: BaseGeometry | None) -> BaseGeometry:
    if given is not None:
        if given.geom_type != "LineString" or not given.length > 0:
            raise BadFeatures(f"The axis of corridor {name!r} must be one line of some length.")
        return given
    corners = shapely.get_coordinates(shapely.oriented_envelope(geometry))[:4]
    sides = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    short = 0 if sides[0] < sides[1] else 1
    ends = [(corners[n] + corners[(n + 1) % 4]) / 2.0 for n in (short, short + 2)]
    # From west to east, that two drawings of one corridor have one begin.
    return shapely.LineString(sorted(ends, key=lambda end: (end[0], end[1])))
