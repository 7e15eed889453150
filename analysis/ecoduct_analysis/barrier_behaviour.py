"""What animals do at barriers: they cross, bounce, trace, go back and forth, or are trapped."""

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecoduct_analysis._behaviour_kernels import (
    Limits,
    Way,
    classify_spans,
    gaps_before,
    lengths_along,
    spans_inside,
)
from ecoduct_analysis.barriers import Barriers, Nearest, find_nearest
from ecoduct_analysis.behaviour_parity import classify_as_reference, shared_interval_ms
from ecoduct_analysis.bursts import typical_interval_s
from ecoduct_analysis.columns import FloatArray, IntArray
from ecoduct_analysis.crossings import Crossings, find_crossings
from ecoduct_analysis.encounters import KINDS, QUICK_CROSS, Behaviour, Encounters
from ecoduct_analysis.errors import BadRule, BadTracks
from ecoduct_analysis.rules import EncounterRule
from ecoduct_analysis.tracks import Tracks

Mode = Literal["robust", "parity"]

_HOUR_MS: Final = 3_600_000


def classify_encounters(
    tracks: Tracks, barriers: Barriers, rule: EncounterRule, *, mode: Mode = "robust"
) -> Behaviour:
    """Find encounters with barriers and say what kind each is.

    An encounter is a run of fixes within the buffer. A short one is a quick cross or a bounce; a
    very long one traps the animal; one between is compared with how straight the animal usually
    moves in as long a time: average movement, back and forth (more winding) or trace (straighter).

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes, in the barriers' projection.
    barriers : Barriers
        In parity mode lines only.
    rule : EncounterRule
    mode : {"robust", "parity"}
        Parity follows the reference to the letter, with its faults; where the reference stops with
        an error, the encounter is ``unknown`` with a reason.

    Returns
    -------
    Behaviour
        With a row for each encounter, and every crossing step, also those without encounter,
        which the reference loses. A track that is never near a barrier gives no row.

    Raises
    ------
    NotProjected
        Tracks and barriers are in different projections.
    BadRule
        In parity mode: tracks whose usual intervals differ, or times that are no multiples of it.
    BadFeatures
        In parity mode: a polygon, which the reference refuses.

    References
    ----------
    Xu et al. 2021, Journal of Applied Ecology 58:690-698; R package BaBA 2.4. Differs in robust
    mode: gaps are told by time, crossings are changes of side, neighbours must be near in time,
    windows are told by time and those without a way are passed over.

    Examples
    --------
    >>> import shapely
    >>> fence = Barriers.from_geometries(["fence"], [shapely.LineString([(0, -9e3), (0, 9e3)])])
    >>> hours = np.arange(6) * 7_200_000
    >>> deer = Tracks.from_arrays(
    ...     ["deer"], track=[0] * 6, t_ms=hours, x=[-900, -50, -900, -800, 60, 900], y=[0] * 6)
    >>> seen = classify_encounters(deer, fence, EncounterRule(buffer_m=100))
    >>> [KINDS[kind] for kind in seen.encounters.kind]
    ['Bounce', 'Quick_Cross']
    >>> seen.crossings.first, seen.encounter
    (array([3]), array([1]))
    """
    if mode not in {"robust", "parity"}:
        raise BadRule(f"mode is {mode!r}: use robust or parity.")
    if tracks.repeats and mode != "parity":
        raise BadTracks("A time stands twice in a track; only parity mode takes that.")
    crossings = find_crossings(tracks, barriers)
    if mode == "parity":
        interval_ms = np.full(len(tracks.names), shared_interval_ms(tracks, rule))
        encounters = classify_as_reference(tracks, barriers, rule)
    else:
        near = find_nearest(tracks.x, tracks.y, barriers, max_m=rule.buffer_m)
        interval_ms = _interval_ms(tracks, rule)
        encounters = _classify(tracks, near, crossings, rule, interval_ms)
    asked = np.nan if rule.interval_h is None else rule.interval_h * 3600.0
    return Behaviour(
        encounters=encounters,
        crossings=crossings,
        encounter=_encounter_of(len(tracks), encounters, crossings),
        interval_s=interval_ms / 1000.0,
        finer=typical_interval_s(tracks) * (1.0 + rule.jitter) < asked,
        mode=mode,
        rule=rule,
    )


@dataclass(frozen=True, slots=True, eq=False)
class BufferSweep:
    """Encounters of each kind for each of ``b`` buffers.

    Attributes
    ----------
    buffer_m : (b,) array, m
    counts : (b, 7) array
        In the order of `KINDS`.
    best_m : float, m
        Buffer with the most quick crosses, the narrowest of equals; nan if there are none.
    """

    buffer_m: FloatArray
    counts: IntArray
    best_m: float

    def __len__(self) -> int:
        """Count the buffers."""
        return len(self.buffer_m)


def sweep_buffer(
    tracks: Tracks, barriers: Barriers, rule: EncounterRule, *, buffers_m: ArrayLike
) -> BufferSweep:
    """Classify with many buffers, to choose one as its authors did.

    Parameters
    ----------
    buffers_m : (b,) array, m
        For example 50 to 150 m in steps of 10 m.

    Examples
    --------
    >>> import shapely
    >>> fence = Barriers.from_geometries(["fence"], [shapely.LineString([(0, -9e3), (0, 9e3)])])
    >>> deer = Tracks.from_arrays(
    ...     ["deer"], track=[0] * 4, t_ms=np.arange(4) * 7_200_000, x=[-900, -80, 95, 900],
    ...     y=[0] * 4)
    >>> sweep_buffer(deer, fence, EncounterRule(), buffers_m=[50, 90, 100]).best_m
    90.0
    """
    buffers = np.atleast_1d(np.asarray(buffers_m, dtype=np.float64))
    crossings = find_crossings(tracks, barriers)
    near = find_nearest(tracks.x, tracks.y, barriers, max_m=float(buffers.max(initial=0.0)))
    interval_ms = _interval_ms(tracks, rule)
    counts = np.array(
        [
            list(
                _classify(
                    tracks, near, crossings, replace(rule, buffer_m=buffer), interval_ms
                ).counts().values()
            )
            for buffer in buffers.tolist()
        ],
        dtype=np.int64,
    ).reshape(-1, len(KINDS))  # fmt: skip
    quick = counts[:, QUICK_CROSS]
    best = float(buffers[np.argmax(quick)]) if quick.any() else np.nan
    return BufferSweep(buffer_m=buffers, counts=counts, best_m=best)


def _interval_ms(tracks: Tracks, rule: EncounterRule) -> FloatArray:
    if rule.interval_h is not None:
        return np.full(len(tracks.names), rule.interval_h * _HOUR_MS)
    usual_ms: FloatArray = typical_interval_s(tracks) * 1000.0
    return usual_ms


def _classify(
    tracks: Tracks,
    near: Nearest,
    crossings: Crossings,
    rule: EncounterRule,
    interval_ms: FloatArray,
) -> Encounters:
    inside = near.distance_m <= rule.buffer_m
    # A track of one fix has no interval; any number will do for its one encounter.
    known_ms = np.nan_to_num(interval_ms, nan=1.0)
    gap_ms = known_ms * (1.0 + rule.jitter)
    spans, count = spans_inside(
        tracks.offsets, tracks.t_ms, inside, gap_ms + rule.tolerance_h * _HOUR_MS
    )
    spans = np.ascontiguousarray(spans[:, :count])
    members, member_offsets = _members(spans)
    way = Way(
        tracks.offsets, tracks.t_ms, tracks.x, tracks.y,
        lengths_along(tracks.offsets, tracks.x, tracks.y),
        _sums(len(tracks), crossings.first + 1, np.abs(crossings.net) * ~crossings.is_touch),
        gaps_before(tracks.offsets, tracks.t_ms, gap_ms),
        _sums(len(tracks), members, np.ones(len(members))),
    )  # fmt: skip
    whole, real = classify_spans(way, spans, known_ms, _limits(rule))
    track, first, last = spans
    return Encounters(
        track=track, first=first, last=last, start_ms=tracks.t_ms[first],
        end_ms=tracks.t_ms[last], x=tracks.x[first], y=tracks.y[first], fixes=last - first + 1,
        path_first=whole[0], path_last=whole[1], crossings=whole[2], windows=whole[3],
        kind=whole[4], reason=whole[5], straightness=real[0], usual_mean=real[1],
        usual_sd=real[2], feature=near.feature[first], key=_running(track), members=members,
        member_offsets=member_offsets, inside=inside[members],
    )  # fmt: skip


def _limits(rule: EncounterRule) -> Limits:
    return Limits(
        b_time_ms=round(rule.b_time_h * _HOUR_MS),
        p_time_ms=round(rule.p_time_h * _HOUR_MS),
        half_window_ms=round(rule.window_h * _HOUR_MS / 2),
        max_cross=rule.max_cross,
        sd_multiplier=float(rule.sd_multiplier),
        exclude_buffer=rule.exclude_buffer,
        jitter=float(rule.jitter),
    )


def _members(spans: IntArray) -> tuple[IntArray, IntArray]:
    lengths = spans[2] - spans[1] + 1
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    shift = np.repeat(spans[1] - offsets[:-1], lengths)
    return np.arange(offsets[-1], dtype=np.int64) + shift, offsets


def _sums(count: int, at: IntArray, amount: FloatArray | IntArray) -> NDArray[np.int32]:
    """Amounts up to and with each fix, (n,) array."""
    sums = np.zeros(count, dtype=np.int32)
    np.add.at(sums, at, amount.astype(np.int32))
    np.cumsum(sums, out=sums)
    return sums


def _running(track: IntArray) -> IntArray:
    """Number each row within its track."""
    heads = np.searchsorted(track, track, side="left")
    return np.arange(len(track), dtype=np.int64) - heads


def _encounter_of(steps: int, encounters: Encounters, crossings: Crossings) -> IntArray:
    """Encounter on whose path each crossing lies, the first of two; -1 where there is none."""
    owner = np.full(steps, -1, dtype=np.int32)
    path = np.stack((encounters.track, encounters.path_first, encounters.path_last - 1))
    step, offsets = _members(path)
    rows = np.repeat(np.arange(len(encounters)), np.diff(offsets))
    owner[step[::-1]] = rows[::-1]
    return owner[crossings.first].astype(np.int64)
