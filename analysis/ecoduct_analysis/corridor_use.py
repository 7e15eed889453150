"""Use of given corridors: who goes in and out, who goes through, and how far."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from ecoduct_analysis._corridor_cuts import Pieces, crossing_rows, inside_pieces
from ecoduct_analysis._corridor_visits import (
    Ledger,
    between,
    debounce,
    first_inside,
    fixes_of,
    has_gap,
    is_left,
    keep_ledger,
    progress,
    sum_by,
    value_at,
)
from ecoduct_analysis._given_corridors import Corridors, CorridorUseRule
from ecoduct_analysis.barriers import Barriers
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.tracks import Tracks

__all__ = [
    "SIDES", "CorridorUse", "CorridorUseRule", "CorridorVisits", "Corridors",
    "measure_corridor_use",
]  # fmt: skip

SIDES: Final = ("unknown", "begin", "end", "left", "right")
"""By which side of a corridor a visit begins or ends; ``unknown`` where the track does."""

_UNKNOWN, _BEGIN, _END, _LEFT, _RIGHT = range(len(SIDES))
_MS_PER_S: Final = 1000.0


@dataclass(frozen=True, slots=True, eq=False)
class CorridorVisits:
    """One row for each visit, in order of track, corridor and time.

    Attributes
    ----------
    track, corridor : (r,) array
        Which track and which corridor.
    enters_ms, leaves_ms : (r,) array, ms since 1970 UTC
        When straight and even steps cross the border; where the track begins or ends inside, then.
    enters_x, enters_y, leaves_x, leaves_y : (r,) array, m
        Where.
    first, last : (r,) array
        First and last fix between; ``last`` below ``first`` where one step passes through.
    inside_s, distance_m : (r,) array, s, m
        Inside, without steps longer than ``max_gap_h`` and without excursions that were too small
        to count.
    enters_by, leaves_by : (r,) array
        Numbers of `SIDES`. Left and right are those of the axis, seen along it.
    completeness : (r,) array, 0 to 1
        How far along the axis the animal got from where it came in.
    is_transit : (r,) array of bool
        In by one end and out by the other.
    is_across : (r,) array of bool
        In by the left and out by the right side, or the other way.
    begins_inside, ends_inside : (r,) array of bool
        The track begins or ends inside: how long the visit was is not known.
    has_gap : (r,) array of bool
        A step longer than ``max_gap_h`` belongs to it.
    """

    track: IntArray
    corridor: IntArray
    enters_ms: IntArray
    leaves_ms: IntArray
    enters_x: FloatArray
    enters_y: FloatArray
    leaves_x: FloatArray
    leaves_y: FloatArray
    first: IntArray
    last: IntArray
    inside_s: FloatArray
    distance_m: FloatArray
    enters_by: IntArray
    leaves_by: IntArray
    completeness: FloatArray
    is_transit: BoolArray
    is_across: BoolArray
    begins_inside: BoolArray
    ends_inside: BoolArray
    has_gap: BoolArray

    def __len__(self) -> int:
        """Count the visits."""
        return len(self.track)


@dataclass(frozen=True, slots=True, eq=False)
class CorridorUse:
    """Visits, and one row for each track and corridor, the corridors of a track together.

    Attributes
    ----------
    visits : CorridorVisits
    track, corridor : (r,) array
    entries, exits, transits, across : (r,) array
        How often; a track that begins inside has not entered.
    inside_s, inside_m : (r,) array, s, m
        Inside by straight steps cut at the border, whether it makes a visit or not.
    share_time, share_distance : (r,) array, 0 to 1
        Of all time and distance that is known, which is that of steps up to ``max_gap_h``; nan
        where there is none.
    completeness : (r,) array, 0 to 1
        Of the farthest visit; nan without one.
    """

    visits: CorridorVisits
    track: IntArray
    corridor: IntArray
    entries: IntArray
    exits: IntArray
    transits: IntArray
    across: IntArray
    inside_s: FloatArray
    inside_m: FloatArray
    share_time: FloatArray
    share_distance: FloatArray
    completeness: FloatArray

    def __len__(self) -> int:
        """Count the pairs of track and corridor."""
        return len(self.track)


def measure_corridor_use(
    tracks: Tracks, corridors: Corridors, rule: CorridorUseRule | None = None
) -> CorridorUse:
    """Say who uses which corridor, when and how far.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes of ``k`` animals.
    corridors : Corridors
        In the same projection. They may overlap; each is looked at alone.
    rule : CorridorUseRule, optional

    Returns
    -------
    CorridorUse
        The animal was not seen between two fixes: a corridor that is shorter than a step is
        passed through unseen, or by a straight line that nobody walked.

    Raises
    ------
    NotProjected
        Tracks in another projection.

    References
    ----------
    Hysteresis at the border, as for a switch that must not chatter (Schmitt 1938, Journal of
    Scientific Instruments 15:24-26).

    Examples
    --------
    >>> strip = Corridors.from_geometries(["strip"], [shapely.box(0, 0, 1000, 200)])
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0] * 4, t_ms=np.arange(4) * 600_000, x=[-250, 250, 750, 1250],
    ...     y=[100] * 4)
    >>> use = measure_corridor_use(walk, strip)
    >>> use.visits.enters_ms, use.visits.leaves_ms, use.visits.distance_m
    (array([300000]), array([1500000]), array([1000.]))
    >>> use.visits.is_transit, use.visits.completeness, use.share_time.round(3)
    (array([ True]), array([1.]), array([0.667]))
    """
    rule = rule or CorridorUseRule()
    pieces = _pieces(tracks, corridors)
    ledger = keep_ledger(tracks, rule.max_gap_h)
    tolerance_m = np.minimum(rule.tolerance_m, corridors.width_m / 4.0)
    visit, is_deep = debounce(tracks, pieces, corridors.geometry, tolerance_m)
    visits = _visits(tracks, corridors, pieces, ledger, rule, visit, is_deep)
    return _summary(tracks, len(corridors), pieces, ledger, visits)


def _pieces(tracks: Tracks, corridors: Corridors) -> Pieces:
    borders = Barriers.from_geometries(corridors.names, list(corridors.geometry), crs=corridors.crs)
    borders.check_projection(tracks)
    whole, part = crossing_rows(tracks, borders.grid, borders.tree, borders.feature)
    moving = np.flatnonzero(np.diff(tracks.offsets))
    begin = tracks.offsets[:-1][moving]
    starts = shapely.points(tracks.x[begin], tracks.y[begin])
    area, at = shapely.STRtree(corridors.geometry).query(starts, predicate="intersects")[::-1]
    track = moving[at]
    met = np.unique(whole[0] * len(corridors) + borders.drawn_as[whole[1]])
    first = borders.drawn_as[area] == area  # another drawing of the same is added below
    alone = ~np.isin(track * len(corridors) + area, met) & first
    pieces = inside_pieces(tracks, whole, part, (track[alone], area[alone]))
    return _drawn_again(pieces, borders.drawn_as)


def _drawn_again(pieces: Pieces, drawn_as: IntArray) -> Pieces:
    """The same pieces for each corridor that was drawn twice."""
    again = np.flatnonzero(drawn_as != np.arange(len(drawn_as))).tolist()
    if not again:
        return pieces
    sets = [pieces]
    for number in again:
        copy = pieces.where(pieces.corridor == drawn_as[number])
        sets.append(copy._replace(corridor=np.full(len(copy.track), number)))
    every = Pieces(*(np.concatenate(columns) for columns in zip(*sets, strict=True)))
    return every.where(np.lexsort((every.begin_part, every.begin_fix, every.corridor, every.track)))


def _visits(
    tracks: Tracks, corridors: Corridors, pieces: Pieces, ledger: Ledger, rule: CorridorUseRule,
    visit: IntArray, is_deep: BoolArray,
) -> CorridorVisits:  # fmt: skip
    """Lay the pieces of each visit together, and leave out those that jitter alone made."""
    head = np.flatnonzero(np.diff(visit, prepend=-1))[is_deep]
    tail = np.flatnonzero(np.diff(visit, append=len(is_deep)))[is_deep]
    spans = pieces.where(head)._replace(
        end_fix=pieces.end_fix[tail], end_part=pieces.end_part[tail],
        ends_open=pieces.ends_open[tail],
    )  # fmt: skip
    inside_s, distance_m = (
        sum_by(visit, between(column, pieces), len(is_deep))[is_deep]
        for column in (ledger.time_ms / _MS_PER_S, ledger.way_m)
    )
    ends = ((spans.begin_fix, spans.begin_part), (spans.end_fix, spans.end_part))
    (enters_x, enters_y), (leaves_x, leaves_y) = (
        (value_at(tracks.x, *end), value_at(tracks.y, *end)) for end in ends
    )
    enters_by = _sides(corridors, rule, spans.corridor, enters_x, enters_y, spans.begins_open)
    leaves_by = _sides(corridors, rule, spans.corridor, leaves_x, leaves_y, spans.ends_open)
    enters_ms, leaves_ms = (_time_at(tracks.t_ms, *end) for end in ends)
    return CorridorVisits(
        track=spans.track, corridor=spans.corridor, enters_ms=enters_ms, leaves_ms=leaves_ms,
        enters_x=enters_x, enters_y=enters_y, leaves_x=leaves_x, leaves_y=leaves_y,
        first=first_inside(spans), last=spans.end_fix, inside_s=inside_s, distance_m=distance_m,
        enters_by=enters_by, leaves_by=leaves_by,
        completeness=_completeness(tracks, corridors, spans),
        is_transit=_between_sides(enters_by, leaves_by, _BEGIN, _END),
        is_across=_between_sides(enters_by, leaves_by, _LEFT, _RIGHT),
        begins_inside=spans.begins_open, ends_inside=spans.ends_open,
        has_gap=has_gap(ledger, spans),
    )  # fmt: skip


def _time_at(t_ms: IntArray, fix: IntArray, part: FloatArray) -> IntArray:
    lapse = t_ms[fix + (part > 0)] - t_ms[fix]
    return t_ms[fix] + np.rint(part * lapse).astype(np.int64)


def _sides(
    corridors: Corridors, rule: CorridorUseRule, corridor: IntArray, x: FloatArray, y: FloatArray,
    is_open: BoolArray,
) -> IntArray:  # fmt: skip
    part = progress(corridors.axes, corridor, x, y)
    side = np.where(is_left(corridors.axes, corridor, part, x, y), _LEFT, _RIGHT)
    side[part <= rule.end_part] = _BEGIN
    side[part >= 1.0 - rule.end_part] = _END
    side[is_open] = _UNKNOWN
    return side.astype(np.int64)


def _between_sides(enters_by: IntArray, leaves_by: IntArray, one: int, other: int) -> BoolArray:
    there = (enters_by == one) & (leaves_by == other)
    either: BoolArray = there | ((enters_by == other) & (leaves_by == one))
    return either


def _completeness(tracks: Tracks, corridors: Corridors, spans: Pieces) -> FloatArray:
    fix, row = fixes_of(first_inside(spans), spans.end_fix)
    number = np.arange(len(spans.track))
    places = []
    for column in (tracks.x, tracks.y):
        begin = value_at(column, spans.begin_fix, spans.begin_part)
        end = value_at(column, spans.end_fix, spans.end_part)
        places.append(np.concatenate((begin, end, column[fix])))
    row = np.concatenate((number, number, row))
    part = progress(corridors.axes, spans.corridor[row], *places)
    farthest = np.zeros(len(number))
    np.maximum.at(farthest, row, np.abs(part - part[: len(number)][row]))
    return farthest


def _summary(
    tracks: Tracks, corridors: int, pieces: Pieces, ledger: Ledger, visits: CorridorVisits
) -> CorridorUse:
    rows = len(tracks.names) * corridors

    key = visits.track * corridors + visits.corridor
    piece_key = pieces.track * corridors + pieces.corridor
    inside_s = sum_by(piece_key, between(ledger.time_ms, pieces) / _MS_PER_S, rows)
    inside_m = sum_by(piece_key, between(ledger.way_m, pieces), rows)
    farthest = np.full(rows, -1.0)
    np.maximum.at(farthest, key, visits.completeness)
    counts = [
        sum_by(key, mask.astype(float), rows).astype(np.int64)
        for mask in (~visits.begins_inside, ~visits.ends_inside, visits.is_transit,
                     visits.is_across)
    ]  # fmt: skip
    last = np.maximum(tracks.offsets[1:] - 1, 0)
    has_fix = np.diff(tracks.offsets) > 0
    known_s, known_m = (
        np.repeat([float(column[n]) if some else 0.0 for n, some in zip(last, has_fix, strict=True)]
                  , corridors)
        for column in (ledger.time_ms / _MS_PER_S, ledger.way_m)
    )  # fmt: skip
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = inside_s / known_s, inside_m / known_m
    return CorridorUse(
        visits=visits,
        track=np.repeat(np.arange(len(tracks.names)), corridors),
        corridor=np.tile(np.arange(corridors), len(tracks.names)),
        entries=counts[0], exits=counts[1], transits=counts[2], across=counts[3],
        inside_s=inside_s, inside_m=inside_m, share_time=shares[0], share_distance=shares[1],
        completeness=np.where(farthest < 0, np.nan, farthest),
    )  # fmt: skip
