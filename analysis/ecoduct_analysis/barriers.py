"""Barriers as straight pieces, ready to be met by steps and asked for the nearest."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from ecoduct_analysis._piece_grid import PieceGrid, build_grid
from ecoduct_analysis._piece_tree import PieceTree, build_tree, nearest_pieces, pairs_in_reach
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray, frozen
from ecoduct_analysis.errors import BadFeatures, NotProjected
from ecoduct_analysis.tracks import Tracks

# Kinds of geometry that a barrier can have.
USABLE = frozenset({"LineString", "MultiLineString", "LinearRing", "Polygon", "MultiPolygon"})

_Geometries = NDArray[np.object_]


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
        Begin and end of each piece, x before y, in the direction it was drawn; the inside of a
        polygon lies to the left of its pieces, however it was drawn.
    drawn_as : (k,) array
        First feature with the same geometry: another's number if a feature was drawn twice, for
        then only the first has pieces. A line drawn backwards is the same line.
    is_area : (k,) array of bool
        Polygons, which are entered and left.
    length_m : (k,) array, m
        Of all pieces. A feature of length 0 has one piece, can be near, and is never crossed.
    geometry : (k,) array of shapely geometries, m
        As drawn.
    crs : str or None
        Projection, as PROJ reads it; None is taken to be that of the tracks.
    """

    names: tuple[str, ...]
    feature: IntArray
    ends: FloatArray
    drawn_as: IntArray
    is_area: BoolArray
    length_m: FloatArray
    geometry: NDArray[np.object_] = field(repr=False)
    crs: str | None
    grid: PieceGrid = field(repr=False)
    tree: PieceTree = field(repr=False)

    @classmethod
    def from_geometries(
        cls,
        names: Sequence[str],
        geometries: Sequence[BaseGeometry],
        *,
        crs: str | None = None,
    ) -> Self:
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
        flat = shapely.force_2d(np.asarray(geometries, dtype=object))
        if not np.isfinite(shapely.get_coordinates(flat)).all():
            raise BadFeatures("A barrier has a coordinate that is not finite.")
        drawn_as = _first_with_same_geometry(flat)
        feature, ends = _pieces(flat, drawn_as)
        tree = build_tree(ends)
        length_m = np.bincount(
            feature, weights=np.hypot(*(ends[:, 1] - ends[:, 0]).T), minlength=len(names)
        )
        return cls(
            names=tuple(names),
            feature=frozen(feature, np.int64),
            ends=frozen(ends, float),
            drawn_as=drawn_as,
            is_area=np.array([g.geom_type.endswith("Polygon") for g in geometries], dtype=bool),
            length_m=length_m.astype(np.float64)[drawn_as],
            geometry=flat,
            crs=crs,
            grid=build_grid(tree),
            tree=tree,
        )

    def near(
        self, begin: FloatArray, end: FloatArray, *, reach_m: ArrayLike = 0.0
    ) -> tuple[IntArray, IntArray]:
        """Pairs of step and piece whose bounds come within reach.

        Parameters
        ----------
        begin, end : (m, 2) array, m
            Of each step, x before y.
        reach_m : float or (m,) array, m
            Bounds of steps are widened by it on all sides.

        Returns
        -------
        step, piece : (q,) arrays
            In order of step; every pair closer than ``reach_m`` is among them.
        """
        reach = np.broadcast_to(np.asarray(reach_m, dtype=float), len(begin))[:, None]
        low, high = np.minimum(begin, end) - reach, np.maximum(begin, end) + reach
        step, piece, count = pairs_in_reach(self.tree, low, high)
        return step[:count], piece[:count]

    def feature_of(self, piece: IntArray) -> IntArray:
        """Feature of each piece, -1 for -1."""
        if not len(self.feature):
            return piece
        features: IntArray = self.feature[piece]
        return features if piece.min(initial=0) >= 0 else np.where(piece >= 0, features, -1)

    def check_projection(self, tracks: Tracks) -> None:
        """Refuse tracks of another projection.

        Raises
        ------
        NotProjected
        """
        others = set(tracks.crs) - {self.crs} if self.crs is not None else set()
        if others or (self.crs is None and len(set(tracks.crs)) > 1):
            raise NotProjected(
                f"Tracks are in {', '.join(sorted(set(tracks.crs)))} and barriers in {self.crs}: "
                "project both to one, with `Fixes.project(crs=…)`."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """What lies nearest to each of ``n`` places.

    Attributes
    ----------
    distance_m : (n,) array, m
        inf where nothing is near enough, nan where the place is missing.
    feature, piece : (n,) array
        -1 where nothing is near enough; of equally near pieces the first.
    """

    distance_m: FloatArray
    feature: IntArray
    piece: IntArray

    def __len__(self) -> int:
        """Count the places."""
        return len(self.distance_m)


def find_nearest(
    x: ArrayLike, y: ArrayLike, barriers: Barriers, *, max_m: float = np.inf
) -> Nearest:
    """Distance from each place to the nearest barrier.

    Parameters
    ----------
    x, y : (n,) array, m
        In the barriers' projection; nan where missing.
    max_m : float, m
        Barriers farther away are passed over; a small one makes the search faster.

    Examples
    --------
    >>> import shapely
    >>> fence = Barriers.from_geometries(["fence"], [shapely.LineString([(5, -9), (5, 9)])])
    >>> find_nearest([0, 5, 8], [0, 3, 13], fence).distance_m
    array([5., 0., 5.])
    >>> find_nearest([0.0, np.nan], [0.0, 0.0], fence, max_m=4).distance_m
    array([inf, nan])
    """
    xs, ys = (frozen(np.atleast_1d(np.asarray(values)), float) for values in (x, y))
    distance_m, piece = nearest_pieces(barriers.tree, xs, ys, max_m)
    feature = barriers.feature_of(piece)
    return Nearest(distance_m=distance_m, feature=feature, piece=piece)


def _first_with_same_geometry(geometries: _Geometries) -> IntArray:
    # Normalised, a line begins at its lesser end and a ring at its least vertex.
    shapes = shapely.to_wkb(shapely.normalize(shapely.remove_repeated_points(geometries)))
    first: dict[bytes, int] = {}
    return np.array([first.setdefault(s, n) for n, s in enumerate(shapes)], dtype=np.int64)


def _pieces(geometries: _Geometries, drawn_as: IntArray) -> tuple[IntArray, FloatArray]:
    """Feature of each piece and its ends, in order of feature."""
    kept = np.flatnonzero(drawn_as == np.arange(len(geometries)))
    lines, owner = _lines(geometries[kept], kept)
    vertices, line = shapely.get_coordinates(lines, return_index=True)
    begins = np.flatnonzero(line[1:] == line[:-1])
    feature = owner[line[begins]] if len(begins) else np.zeros(0, dtype=np.int64)
    ends = np.stack((vertices[begins], vertices[begins + 1]), axis=1)
    # A vertex given twice makes a piece of no length, which is of use only if all are like that.
    has_length = (ends[:, 0] != ends[:, 1]).any(axis=1)
    lasting = np.bincount(feature[has_length], minlength=len(geometries)) > 0
    first_of = np.ones(len(feature), dtype=bool)
    first_of[1:] = feature[1:] != feature[:-1]
    chosen = has_length | (first_of & ~lasting[feature])
    return feature[chosen], ends[chosen]


def _lines(geometries: _Geometries, owner: IntArray) -> tuple[_Geometries, IntArray]:
    parts, of = shapely.get_parts(geometries, return_index=True)
    is_polygon = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    oriented = shapely.orient_polygons(parts[is_polygon], exterior_cw=False)
    rings, of_part = shapely.get_rings(oriented, return_index=True)
    lines = np.concatenate((parts[~is_polygon], rings))
    feature = np.concatenate((owner[of[~is_polygon]], owner[of[is_polygon]][of_part]))
    order = np.argsort(feature, kind="stable")
    return lines[order], feature[order].astype(np.int64)
