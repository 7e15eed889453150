"""Motion variance of each step, from windows that slide over a track and may break."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from ecoduct_analysis._compiled import compiled
from ecoduct_analysis._dynamic_windows import slide
from ecoduct_analysis.columns import BoolArray, FloatArray, IntArray
from ecoduct_analysis.errors import BadRule
from ecoduct_analysis.motion_variance import every_triplet
from ecoduct_analysis.tracks import Tracks

SOURCES: Final = ("none", "windows", "nearest", "track")
"""Where the variance of a step is from, as `DynamicVariance.source` counts."""


@dataclass(frozen=True, slots=True)
class DynamicRule:
    """How windows slide and break.

    Attributes
    ----------
    window : int, fixes
        Odd. Default 31, as in the paper's example: 15 triplets, one of which makes a variance
        with a standard error of its own size, 15 of a quarter. Wider windows are steadier and
        see less of a change.
    margin : int, fixes
        Odd, at least 3; a window breaks nowhere nearer to its ends, and speaks only for the steps
        between its margins. Default 11, as in the paper: 5 triplets on the shorter side. The
        window holds at least two margins and one fix.
    location_error_m : float, m
        Standard deviation of a fix along each axis where the track does not know it. Default
        10 m, as `BridgeRule`. 0 takes fixes as exact.
    max_gap_h : float, h, optional
        A triplet with a longer step is passed over. Default none, as in the reference.
    ends : {"drop", "pad"}
        What the steps get that fewer windows saw than others, the first and last ``window -
        margin - 1``. ``drop``: their variance is told but no bridge is built, as in the
        reference. ``pad``: what is known is used; a step that no window saw has the variance of
        the nearest that one did, and a track shorter than a window the one variance that
        `motion_variance_m2_s` finds. So the newest fixes count at once.
    middle_error : bool
        False leaves out the error of the middle fix, as the method was published: a still animal
        then seems to move by the scatter of its fixes.
    mode : {"clean", "move-4.2.7"}
        ``move-4.2.7`` follows that R package: no middle error, and its search, which keeps the
        first minimum that it falls into.
    """

    window: int = 31
    margin: int = 11
    location_error_m: float = 10.0
    max_gap_h: float | None = None
    ends: Literal["drop", "pad"] = "drop"
    middle_error: bool = True
    mode: Literal["clean", "move-4.2.7"] = "clean"

    def __post_init__(self) -> None:
        if self.window % 2 != 1 or self.margin % 2 != 1:
            raise BadRule("window and margin must be odd numbers of fixes.")
        # A shorter margin has no triplet on its side of a break.
        if not (self.margin >= 3 and self.window >= 2 * self.margin + 1):  # noqa: PLR2004
            raise BadRule("margin must be at least 3, and window at least twice margin and 1.")
        if not 0 <= self.location_error_m < np.inf:
            raise BadRule("location_error_m must be 0 or more.")
        if self.max_gap_h is not None and not self.max_gap_h > 0:
            raise BadRule("max_gap_h must be above 0.")
        if self.ends not in {"drop", "pad"} or self.mode not in {"clean", "move-4.2.7"}:
            raise BadRule("ends must be drop or pad, and mode clean or move-4.2.7.")
        if self.mode == "move-4.2.7" and not (self.location_error_m > 0 and not self.max_gap_h):
            raise BadRule("move-4.2.7 needs a location error above 0 and knows no max_gap_h.")


@dataclass(frozen=True, slots=True, eq=False)
class DynamicVariance:
    """One row for each step, in the order of `Tracks.steps`; and the breaks of all windows.

    Attributes
    ----------
    track, first : (m,) array
        Track, and fix before the step.
    variance_m2_s : (m,) array, m^2/s
        Per axis: the mean over the windows that saw the step; nan where it is not known.
    windows : (m,) array
        How many windows saw the step.
    of_interest : (m,) array of bool
        Seen by as many windows as any step of the track. Later fixes change nothing of it.
    source : (m,) array
        Where the variance is from, a number into `SOURCES`.
    is_bridged : (m,) array of bool
        A bridge is to be built: of interest, or where ``ends`` is ``pad`` any known variance.
    break_window, break_fix : (b,) array
        First fix of each window with a break, and fix at which it breaks, in the order of windows.
        Many windows may break at one fix.
    """

    track: IntArray
    first: IntArray
    variance_m2_s: FloatArray
    windows: IntArray
    of_interest: BoolArray
    source: IntArray
    is_bridged: BoolArray
    break_window: IntArray
    break_fix: IntArray

    def __len__(self) -> int:
        """Count the steps."""
        return len(self.first)

    @property
    def bridge_variance_m2_s(self) -> FloatArray:
        """Variance of the steps that are bridged, nan for others, (m,) array, m^2/s."""
        return np.where(self.is_bridged, self.variance_m2_s, np.nan)


def dynamic_variance(tracks: Tracks, rule: DynamicRule | None = None) -> DynamicVariance:
    """Brownian motion variance of each step.

    In every window of ``rule.window`` fixes every other fix is left out, as in
    `motion_variance_m2_s`. The window has one variance, or two, before and after a break, if that
    lowers Bayes' criterion ``-2 log L + p ln(window)``, ``p`` variances. Each step has the mean of
    the windows that hold it between their margins. Every search finds the best of all minima.

    Parameters
    ----------
    tracks : Tracks
        ``n`` fixes of ``k`` animals.
    rule : DynamicRule, optional

    Returns
    -------
    DynamicVariance

    References
    ----------
    Kranstauber et al. 2012, Journal of Animal Ecology 81:738-746. Differs: the error of the middle
    fix counts, and the search does not stop in a local minimum.

    Examples
    --------
    An animal rests, then moves; each step is half a minute of 1 m or 30 m to and fro.

    >>> away = np.where(np.arange(60) < 30, 1.0, 30.0) * (np.arange(60) % 2)
    >>> walk = Tracks.from_arrays(
    ...     ["a"], track=[0] * 60, t_ms=np.arange(60) * 30_000, x=away, y=[0] * 60)
    >>> rule = DynamicRule(window=15, margin=5, location_error_m=0)
    >>> found = dynamic_variance(walk, rule)
    >>> found.variance_m2_s[[3, 20, 40]].round(3)
    array([  nan,  0.033, 30.   ])
    >>> sorted({int(fix) for fix in found.break_fix})
    [27, 28, 29, 30, 31]
    """
    rule = rule or DynamicRule()
    follows_r = rule.mode == "move-4.2.7"
    triplets = every_triplet(
        tracks,
        error_m=rule.location_error_m,
        max_gap_s=np.inf if rule.max_gap_h is None else rule.max_gap_h * 3600.0,
        middle_error=rule.middle_error and not follows_r,
    )
    pads = rule.ends == "pad"
    variance, windows, source, broken = slide(
        tracks.offsets, triplets, rule.window, rule.margin, follows_r, pads
    )
    first, begins = tracks.steps, np.flatnonzero(broken >= 0)
    of_interest = _seen_most(tracks.offsets, windows)[first]
    return DynamicVariance(
        track=tracks.track[first],
        first=first,
        variance_m2_s=variance[first],
        windows=windows[first],
        of_interest=of_interest,
        source=source[first],
        is_bridged=np.isfinite(variance[first]) if pads else of_interest,
        break_window=begins,
        break_fix=broken[begins],
    )


@compiled
def _seen_most(offsets: IntArray, windows: IntArray) -> BoolArray:
    """Whether a step was seen by the greatest number of windows of its track."""
    seen = np.zeros(len(windows), np.bool_)
    for track in range(len(offsets) - 1):
        most = 1
        for fix in range(offsets[track], offsets[track + 1]):
            most = max(most, windows[fix])
        for fix in range(offsets[track], offsets[track + 1]):
            seen[fix] = windows[fix] == most
    return seen
