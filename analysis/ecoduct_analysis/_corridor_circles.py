"""What lies in the circle of each step.

Steps of one leaf of the tree ask together which other leaves are near. A wide circle asks for
itself and takes a box that lies wholly inside it as one, so that a huge circle over a dense patch
costs what its rim costs.
"""

from typing import Final, NamedTuple

import numpy as np

from ecoduct_analysis._compiled import compiled, inlined
from ecoduct_analysis._corridor_steps import great_circle_m
from ecoduct_analysis._corridor_tree import MidTree, Size, held, is_directed
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray

_STACK: Final = 64  # open boxes: one for each level and one more
_WIDE: Final = 1.0  # squared diagonals of a leaf; wider circles ask for themselves
_LIST: Final = 16  # members remembered for each step on average, so that most are found once
_FORGOTTEN: Final = -1


class Rim(NamedTuple):
    """What decides about midpoints at the rim of a circle, as the reference measures them.

    ``mid`` (m, 2) and ``ends`` (m, 4) in degrees; both empty in the plane, where nothing is left
    to decide.
    """

    mid: FloatArray
    ends: FloatArray


class Members(NamedTuple):
    """Who is in which circle: ``found[begins[n]:ends[n]]``, by place in the tree.

    ``begins`` is -1 where they were too many to remember. ``near`` and ``stack`` are scratch:
    leaves near a step, and boxes still to look into; ``corners`` (6,) holds a place as a box.
    """

    begins: IntArray
    ends: IntArray
    found: IntArray
    near: IntArray
    stack: IntArray
    corners: FloatArray


class Sums(NamedTuple):
    """By place in the tree: midpoints in the circle, those with a direction, sums of directions."""

    found: IntArray
    directed: IntArray
    sine: FloatArray
    cosine: FloatArray


@compiled
def new_circles(most: int) -> tuple[Members, Sums]:
    """Room for the circles of at most so many steps."""
    members = Members(
        np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most * _LIST, np.int64),
        np.empty(most + 1, np.int64), np.empty(_STACK, np.int64), np.empty(6),
    )  # fmt: skip
    whole, real = np.empty((2, most), np.int64), np.empty((2, most))
    return members, Sums(whole[0], whole[1], real[0], real[1])


@compiled
def fill_circles(tree: MidTree, size: Size, rim: Rim, members: Members, sums: Sums) -> None:
    """Sum up the directions in the circle of each step, and remember who is in it."""
    room = int(np.int64(0))  # a plain 0 is a type of its own, for which all below is compiled again
    for box in range(size.leaf, 2 * size.leaf + 1):
        begin, end = held(size, box)
        most2, widest2 = _leaf_reach2(tree, box, begin, end)
        whole = _near_leaves(tree, size, tree.boxes[box], -1.0, widest2, members)
        room = _scan(tree, size, rim, (begin, end), most2, whole, members, sums, room)
        for n in range(begin, end):
            if tree.reach[n, 1] > most2:
                whole = _near_alone(tree, size, n, members)
                room = _scan(tree, size, rim, (n, n + 1), np.inf, whole, members, sums, room)


@compiled
def fill_behaviour(
    tree: MidTree, size: Size, rim: Rim, members: Members, behaves: BoolArray, found: IntArray
) -> None:
    """Count the members with the behaviour in the circle of each step, by row of the steps."""
    rows, begins, ends, listed = tree.rows, members.begins, members.ends, members.found
    for n in range(size.midpoints):
        count = 0
        if begins[n] != _FORGOTTEN:
            for at in range(begins[n], ends[n]):
                count += behaves[rows[listed[at]]]
        else:
            whole = _near_alone(tree, size, n, members)
            count = whole.behaving + _scan_behaviour(tree, size, rim, n, whole.leaves, members,
                                                     behaves)  # fmt: skip
        found[rows[n]] = count


@compiled
def fill_animals(
    tree: MidTree, size: Size, rim: Rim, members: Members, animal: IntArray, seen: IntArray,
    found: IntArray,
) -> None:  # fmt: skip
    """Count the animals in the circle of each step, by row; ``seen`` (animals,) is all -1."""
    for n in range(size.midpoints):
        count = 0
        if members.begins[n] != _FORGOTTEN:
            for at in range(members.begins[n], members.ends[n]):
                count += _is_new(animal[tree.rows[members.found[at]]], n, seen)
        else:
            count = _count_animals(tree, size, rim, n, animal, seen, members.stack)
        found[tree.rows[n]] = count


class _Whole(NamedTuple):
    """How many leaves are near, and what the boxes hold that lie wholly inside."""

    leaves: int
    found: int
    directed: int
    behaving: int
    sine: float
    cosine: float


@inlined
def _leaf_reach2(tree: MidTree, box: int, begin: int, end: int) -> tuple[float, float]:
    """Squared reach from which a step of the leaf asks for itself, and the widest below it."""
    most2, widest2 = 0.0, 0.0
    for axis in range(3):
        most2 += _WIDE * (tree.boxes[box, 3 + axis] - tree.boxes[box, axis]) ** 2
    for n in range(begin, end):
        reach2 = tree.reach[n, 1]
        widest2 = max(widest2, reach2 if reach2 <= most2 else 0.0)
    return most2, widest2


@compiled
def _near_alone(tree: MidTree, size: Size, n: int, members: Members) -> _Whole:
    corners = members.corners
    for axis in range(3):
        corners[axis] = corners[3 + axis] = tree.place[n, axis]
    return _near_leaves(tree, size, corners, tree.reach[n, 0], tree.reach[n, 1], members)


@compiled
def _near_leaves(
    tree: MidTree, size: Size, corners: FloatArray, inner2: float, outer2: float, members: Members
) -> _Whole:
    """Put the leaves that come within reach of a box into ``members.near``.

    Boxes wholly within the inner reach are summed up instead.
    """
    boxes, counts, sums, near, stack = (
        tree.boxes, tree.counts, tree.sums, members.near, members.stack
    )  # fmt: skip
    x0, y0, z0, x1, y1, z1 = (
        corners[0], corners[1], corners[2], corners[3], corners[4], corners[5]
    )  # fmt: skip
    leaves, count, directed, behaving, sine, cosine = 0, 0, 0, 0, 0.0, 0.0
    stack[0], waiting = 0, 1
    while waiting:
        waiting -= 1
        box = stack[waiting]
        x = max(boxes[box, 3] - x0, x1 - boxes[box, 0])
        y = max(boxes[box, 4] - y0, y1 - boxes[box, 1])
        z = max(boxes[box, 5] - z0, z1 - boxes[box, 2])
        if x * x + y * y + z * z <= inner2:
            count += counts[box, 0]
            directed += counts[box, 1]
            behaving += counts[box, 2]
            sine += sums[box, 0]
            cosine += sums[box, 1]
        elif box >= size.leaf:
            near[leaves] = box
            leaves += 1
        else:
            # Put down first and counted after: the processor cannot guess which boxes are near.
            for child in (2 * box + 2, 2 * box + 1):
                x = max(boxes[child, 0] - x1, x0 - boxes[child, 3], 0.0)
                y = max(boxes[child, 1] - y1, y0 - boxes[child, 4], 0.0)
                z = max(boxes[child, 2] - z1, z0 - boxes[child, 5], 0.0)
                stack[waiting] = child
                waiting += x * x + y * y + z * z <= outer2
    return _Whole(leaves, count, directed, behaving, sine, cosine)


@compiled
def _scan(
    tree: MidTree, size: Size, rim: Rim, span: tuple[int, int], most2: float, whole: _Whole,
    members: Members, sums: Sums, room: int,
) -> int:  # fmt: skip
    """Look into the near leaves for each step of a span; where free room begins afterwards."""
    boxes, place, doubled, reach, rows = (
        tree.boxes, tree.place, tree.doubled, tree.reach, tree.rows
    )  # fmt: skip
    near, found = members.near, members.found
    for n in range(span[0], span[1]):
        inner2, outer2 = reach[n, 0], reach[n, 1]
        if outer2 > most2:
            continue
        x, y, z = place[n, 0], place[n, 1], place[n, 2]
        count, directed, sine, cosine = 0, whole.directed, whole.sine, whole.cosine
        for at in range(whole.leaves):
            box = near[at]
            if _nearest2(boxes, box, x, y, z) > outer2:
                continue
            begin, end = held(size, box)
            for other in range(begin, end):
                off2 = _off2(place, other, x, y, z)
                if off2 > outer2 or (off2 > inner2 and not at_rim(rows[other], rows[n], rim)):
                    continue
                if room + count < len(found):
                    found[room + count] = other
                count += 1
                directed += is_directed(doubled, other)
                sine += doubled[other, 0]
                cosine += doubled[other, 1]
        sums.found[n], sums.directed[n] = count + whole.found, directed
        sums.sine[n], sums.cosine[n] = sine, cosine
        remembered = whole.found == 0 and room + count <= len(found)
        members.begins[n], members.ends[n] = room if remembered else _FORGOTTEN, room + count
        room += count if remembered else 0
    return room


@compiled
def _scan_behaviour(
    tree: MidTree, size: Size, rim: Rim, n: int, leaves: int, members: Members, behaves: BoolArray
) -> int:
    place, rows, counts = tree.place, tree.rows, tree.counts
    x, y, z = place[n, 0], place[n, 1], place[n, 2]
    inner2, outer2 = tree.reach[n, 0], tree.reach[n, 1]
    found = 0
    for at in range(leaves):
        box = members.near[at]
        if counts[box, 2] == 0:
            continue
        begin, end = held(size, box)
        for other in range(begin, end):
            off2 = _off2(place, other, x, y, z)
            if off2 <= outer2 and behaves[rows[other]]:
                found += off2 <= inner2 or at_rim(rows[other], rows[n], rim)
    return found


@compiled
def _count_animals(
    tree: MidTree, size: Size, rim: Rim, n: int, animal: IntArray, seen: IntArray, stack: IntArray
) -> int:
    """Different animals in a circle; a box of one animal that was seen is passed over."""
    boxes, counts, place, rows = tree.boxes, tree.counts, tree.place, tree.rows
    x, y, z = place[n, 0], place[n, 1], place[n, 2]
    inner2, outer2 = tree.reach[n, 0], tree.reach[n, 1]
    found = 0
    stack[0], waiting = 0, 1
    while waiting:
        waiting -= 1
        box = stack[waiting]
        owner = counts[box, 3]
        known = owner >= 0 and seen[owner] == n
        if known or _nearest2(boxes, box, x, y, z) > outer2:
            continue
        if owner >= 0 and _farthest2(boxes, box, x, y, z) <= inner2:
            found += _is_new(owner, n, seen)
        elif box < size.leaf:
            stack[waiting], stack[waiting + 1] = 2 * box + 2, 2 * box + 1
            waiting += 2
        else:
            begin, end = held(size, box)
            for other in range(begin, end):
                off2 = _off2(place, other, x, y, z)
                if off2 <= inner2 or (off2 <= outer2 and at_rim(rows[other], rows[n], rim)):
                    found += _is_new(animal[rows[other]], n, seen)
    return found


@inlined
def _is_new(animal: int, n: int, seen: IntArray) -> int:
    new = seen[animal] != n
    seen[animal] = n
    return int(new)


@inlined
def _off2(place: FloatArray, other: int, x: float, y: float, z: float) -> float:
    dx, dy, dz = place[other, 0] - x, place[other, 1] - y, place[other, 2] - z
    return float(dx * dx + dy * dy + dz * dz)


@inlined
def _nearest2(boxes: FloatArray, box: int, x: float, y: float, z: float) -> float:
    dx = max(boxes[box, 0] - x, x - boxes[box, 3], 0.0)
    dy = max(boxes[box, 1] - y, y - boxes[box, 4], 0.0)
    dz = max(boxes[box, 2] - z, z - boxes[box, 5], 0.0)
    return float(dx * dx + dy * dy + dz * dz)


@inlined
def _farthest2(boxes: FloatArray, box: int, x: float, y: float, z: float) -> float:
    dx = max(boxes[box, 3] - x, x - boxes[box, 0])
    dy = max(boxes[box, 4] - y, y - boxes[box, 1])
    dz = max(boxes[box, 5] - z, z - boxes[box, 2])
    return float(dx * dx + dy * dy + dz * dz)


@compiled
def at_rim(other: int, row: int, rim: Rim) -> bool:
    """Whether a midpoint lies in a circle by the reference's measure of both."""
    ends, mid = rim.ends, rim.mid
    radius_m = great_circle_m(ends[row, 0], ends[row, 1], ends[row, 2], ends[row, 3]) / 2.0
    away_m = great_circle_m(mid[other, 0], mid[other, 1], mid[row, 0], mid[row, 1])
    return bool(away_m <= radius_m)
