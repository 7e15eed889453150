"""Barriers as straight pieces with an index, ready to be met by steps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from ecoduct_analysis.errors import BadFeatures
from ecoduct_analysis.tracks import FloatArray, IntArray

# Kinds of geometry that a barrier can have.
USABLE = frozenset({"LineString", "MultiLineString", "LinearRing", "Polygon", "MultiPolygon"})


@dataclass(frozen=True, slots=True, eq=False)
class Barriers:
    """Straight pieces of ``k`` features.

    Attributes
    ----------
    names : tuple of str
        One for each feature.
    feature : (p,) array
        Feature of each piece.
    ends : (p, 2, 2) array, m
        Begin and end of each piece, x before y, in the direction it was drawn.
    """

    names: tuple[str, ...]
    feature: IntArray
    ends: FloatArray
    _index: shapely.STRtree = field(repr=False)

    @classmethod
    def from_geometries(cls, names: Sequence[str], geometries: Sequence[BaseGeometry]) -> Self:
        """Cut lines and the rings of polygons into their pieces.

        Raises
        ------
        BadFeatures
            A geometry other than a line or polygon, or a coordinate that is not finite.
        """
        for name, geometry in zip(names, geometries, strict=True):
            if geometry.geom_type not in USABLE:
                raise BadFeatures(
                    f"Barrier {name!r} is a {geometry.geom_type}: give lines or polygons."
                )
        lines, owner = _lines(geometries)
        vertices, line = shapely.get_coordinates(lines, return_index=True)
        if not np.isfinite(vertices).all():
            raise BadFeatures("A barrier has a coordinate that is not finite.")
        begins = np.flatnonzero(line[1:] == line[:-1])
        ends = np.stack((vertices[begins], vertices[begins + 1]), axis=1)
        return cls(
            names=tuple(names),
            feature=owner[line[begins]] if len(begins) else np.zeros(0, dtype=np.int64),
            ends=ends,
            _index=shapely.STRtree(np.asarray(shapely.linestrings(ends), dtype=object)),
        )

    def near(
        self, begin: FloatArray, end: FloatArray, *, reach_m: float = 0.0
    ) -> tuple[IntArray, IntArray]:
        """Pairs of step and piece whose bounds come within reach.

        Parameters
        ----------
        begin, end : (m, 2) array, m
            Of each step, x before y.
        reach_m : float, m
            Bounds of steps are widened by it on all sides.

        Returns
        -------
        step, piece : (q,) arrays
            In no particular order; every pair closer than ``reach_m`` is among them.
        """
        low = np.minimum(begin, end) - reach_m
        high = np.maximum(begin, end) + reach_m
        boxes = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
        step, piece = self._index.query(boxes)
        return step.astype(np.int64), piece.astype(np.int64)


def _lines(
    geometries: Sequence[BaseGeometry],
) -> tuple["np.ndarray[tuple[int], np.dtype[np.object_]]", IntArray]:
    parts, owner = shapely.get_parts(np.asarray(geometries, dtype=object), return_index=True)
    is_polygon = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    rings, of_part = shapely.get_rings(parts[is_polygon], return_index=True)
    lines = np.concatenate((parts[~is_polygon], rings))
    return lines, np.concatenate((owner[~is_polygon], owner[is_polygon][of_part])).astype(np.int64)
