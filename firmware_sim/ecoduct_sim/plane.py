"""Plane geometry of walks and lines, in metres."""

import math
from itertools import pairwise

Point = tuple[float, float]
Line = tuple[Point, ...]


def crossing_of(here: Point, there: Point, line: Line) -> tuple[float, int] | None:
    """First place where the walk meets the line: share of the walk, and which piece of the line.

    None if they do not meet. Touching counts at the start of a piece, not at its end, so that a
    walk through a vertex meets one piece only.
    """
    best: tuple[float, int] | None = None
    for piece, (a, b) in enumerate(pairwise(line)):
        share = _share(here, there, a, b)
        if share is not None and (best is None or share < best[0]):
            best = share, piece
    return best


def _share(here: Point, there: Point, a: Point, b: Point) -> float | None:
    walk_x, walk_y = there[0] - here[0], there[1] - here[1]
    piece_x, piece_y = b[0] - a[0], b[1] - a[1]
    cross = walk_x * piece_y - walk_y * piece_x
    if cross == 0:
        return None
    from_x, from_y = a[0] - here[0], a[1] - here[1]
    along_walk = (from_x * piece_y - from_y * piece_x) / cross
    along_piece = (from_x * walk_y - from_y * walk_x) / cross
    return along_walk if 0 < along_walk <= 1 and 0 <= along_piece < 1 else None


def nearest_on(point: Point, line: Line) -> tuple[Point, int]:
    """Nearest position on the line, and which piece it is on."""
    found = [(_nearest_on_piece(point, a, b), piece) for piece, (a, b) in enumerate(pairwise(line))]
    return min(found, key=lambda one: math.dist(point, one[0]))


def _nearest_on_piece(point: Point, a: Point, b: Point) -> Point:
    dx, dy = b[0] - a[0], b[1] - a[1]
    share = ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / (dx * dx + dy * dy)
    share = max(0.0, min(1.0, share))
    return a[0] + share * dx, a[1] + share * dy


def is_inside(point: Point, ring: Line) -> bool:
    """Whether the point is inside a closed ring: an even-odd count of edges to its east."""
    x, y = point
    inside = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            inside = not inside
    return inside


def strip(here: Point, there: Point, *, width: float) -> Line:
    """Rectangle of this width around the line between two points, as a closed ring."""
    length = math.dist(here, there)
    across_x = (there[1] - here[1]) / length * width / 2
    across_y = (here[0] - there[0]) / length * width / 2
    corners = [
        (here[0] + across_x, here[1] + across_y),
        (here[0] - across_x, here[1] - across_y),
        (there[0] - across_x, there[1] - across_y),
        (there[0] + across_x, there[1] + across_y),
    ]
    return (*corners, corners[0])


def circle(centre: Point, *, radius: float, corners: int = 32) -> Line:
    """Regular polygon in place of a circle, anticlockwise, as a closed ring."""
    angles = [math.tau * corner / corners for corner in range(corners)]
    ring = [
        (centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle))
        for angle in angles
    ]
    return (*ring, ring[0])


def moved(point: Point, *, distance: float, heading: float) -> Point:
    """Go a distance in a direction, radians anticlockwise from east."""
    return point[0] + distance * math.cos(heading), point[1] + distance * math.sin(heading)


def direction(here: Point, there: Point) -> float:
    """Direction from one point to another, radians anticlockwise from east."""
    return math.atan2(there[1] - here[1], there[0] - here[0])
