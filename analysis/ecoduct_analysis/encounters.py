"""Encounters with barriers as columns: what both modes of classification fill."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.crossings import Crossings
from ecoduct_analysis.rules import EncounterRule
from ecoduct_analysis.tracks import Tracks

KINDS: Final = (
    "Quick_Cross",
    "Bounce",
    "Average_Movement",
    "Back_n_forth",
    "Trace",
    "Trapped",
    "unknown",
)
QUICK_CROSS, BOUNCE, AVERAGE_MOVEMENT, BACK_N_FORTH, TRACE, TRAPPED, UNKNOWN = range(7)

REASONS: Final = (
    "",
    "no_neighbour",
    "track_edge",
    "few_windows",
    "too_many_crossings",
    "stationary",
    "reference_stops",
    "repeated_time",
)
(
    NO_REASON,
    NO_NEIGHBOUR,
    TRACK_EDGE,
    FEW_WINDOWS,
    TOO_MANY_CROSSINGS,
    STATIONARY,
    REFERENCE_STOPS,
    REPEATED_TIME,
) = range(8)


@dataclass(frozen=True, slots=True, eq=False)
class Encounters:
    """One row for each encounter, in order of track and time.

    Attributes
    ----------
    track : (r,) array
        Which track.
    first, last : (r,) array
        First and last fix.
    start_ms, end_ms : (r,) array, ms since 1970 UTC
        Of these fixes.
    x, y : (r,) array, m
        Place of the first fix.
    fixes : (r,) array
        How many fixes belong to it, those outside the buffer that were bridged included.
    path_first, path_last : (r,) array
        Fixes between which crossings are counted: those of a short encounter begin with the fix
        before it and end with the fix after it, if these are near in time.
    crossings : (r,) array
        Changes of side on that path; in parity mode its vertices in common with the features.
    straightness : (r,) array
        Distance from first to last fix over the length of the way; nan for a single fix or no way.
    usual_mean, usual_sd : (r,) array
        Straightness of all windows of the same duration in the time around; nan for short and
        trapped encounters, which do not need it.
    windows : (r,) array
        How many windows these rest on.
    kind, reason : (r,) array
        Numbers into `KINDS` and, for unknown ones, `REASONS`.
    feature : (r,) array
        Barrier nearest to the first fix.
    key : (r,) array
        In parity mode the reference's label, tenths of its unit; else a running number from 0 in
        each track.
    members, member_offsets : (q,), (r + 1,) array
        Fixes of each encounter, ``members[member_offsets[i]:member_offsets[i + 1]]``.
    inside : (q,) array of bool
        Whether a member lies within the buffer.
    """

    track: IntArray
    first: IntArray
    last: IntArray
    start_ms: IntArray
    end_ms: IntArray
    x: FloatArray
    y: FloatArray
    fixes: IntArray
    path_first: IntArray
    path_last: IntArray
    crossings: IntArray
    straightness: FloatArray
    usual_mean: FloatArray
    usual_sd: FloatArray
    windows: IntArray
    kind: IntArray
    reason: IntArray
    feature: IntArray
    key: IntArray
    members: IntArray
    member_offsets: IntArray
    inside: BoolArray

    def __len__(self) -> int:
        """Count the encounters."""
        return len(self.first)

    @property
    def duration_s(self) -> FloatArray:
        """From the first to the last fix, (r,) array, s; 0 for a single fix."""
        return (self.end_ms - self.start_ms) / 1000.0

    def counts(self) -> dict[str, int]:
        """Count each kind, in the order of `KINDS`."""
        return dict(zip(KINDS, np.bincount(self.kind, minlength=len(KINDS)).tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Behaviour:
    """How animals behave at barriers.

    Attributes
    ----------
    encounters : Encounters
    crossings : Crossings
        All crossing steps, also those that no encounter knows of.
    encounter : (c,) array
        Encounter that counts each crossing. -1 for a crossing without encounter: the animal
        passed the whole buffer between two fixes, or left a long encounter with it.
    interval_s : (k,) array, s
        Usual time between fixes of each track, as used; nan for tracks of a single fix.
    finer : (k,) array of bool
        Tracks whose fixes are closer in time than the ``interval_h`` that was asked for: thin
        them first, or encounters of different animals cannot be compared.
    mode : str
    rule : EncounterRule
    """

    encounters: Encounters
    crossings: Crossings
    encounter: IntArray
    interval_s: FloatArray
    finer: BoolArray
    mode: str
    rule: EncounterRule

    @property
    def without_encounter(self) -> BoolArray:
        """Crossings that no encounter knows of, (c,) array."""
        return self.encounter < 0


def join_behaviours(parts: Sequence[tuple[Tracks, Behaviour]]) -> Behaviour:
    """Put together what chunks of tracks gave; tracks and fixes are numbered through.

    Parameters
    ----------
    parts : sequence of (Tracks, Behaviour)
        At least one, all of one mode and rule, in order.
    """
    names = np.cumsum([0] + [len(tracks.names) for tracks, _ in parts])
    fixes = np.cumsum([0] + [len(tracks) for tracks, _ in parts])
    rows = np.cumsum([0] + [len(seen.encounters) for _, seen in parts])
    members = np.cumsum([0] + [len(seen.encounters.members) for _, seen in parts])
    shifts = {"track": names, "member_offsets": members} | dict.fromkeys(
        ("first", "last", "path_first", "path_last", "members"), fixes
    )

    def joined(columns: Sequence[Any], name: str) -> Any:
        if name == "member_offsets":
            later = [c[1:] + m for c, m in zip(columns, members, strict=False)]
            return np.concatenate([columns[0][:1], *later])
        shift = shifts.get(name)
        moved = columns if shift is None else [c + m for c, m in zip(columns, shift, strict=False)]
        return np.concatenate(moved)

    def table(kind: type[Any], of: Sequence[Any]) -> Any:
        return kind(**{
            field.name: joined([getattr(one, field.name) for one in of], field.name)
            for field in fields(kind)
        })  # fmt: skip

    seen = [behaviour for _, behaviour in parts]
    owners = zip((one.encounter for one in seen), rows, strict=False)
    return Behaviour(
        encounters=table(Encounters, [one.encounters for one in seen]),
        crossings=table(Crossings, [one.crossings for one in seen]),
        encounter=np.concatenate([np.where(o >= 0, o + shift, -1) for o, shift in owners]),
        interval_s=np.concatenate([one.interval_s for one in seen]),
        finer=np.concatenate([one.finer for one in seen]),
        mode=seen[0].mode,
        rule=seen[0].rule,
    )
