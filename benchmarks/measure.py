"""How both sides of a bar are timed, compared and printed; peers use it too, so only built-ins."""

import gc
import json
import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

Work = Callable[[], float]
"""One round of some work, giving the CPU time it took in seconds."""

ONE_THREAD: Final = (
    "NUMBA_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
)


class WrongAnswer(Exception):  # noqa: N818 - named for what is wrong, as in the library
    """Ours and the truth differ: the ratio of a wrong answer means nothing."""


class PeerMissing(Exception):  # noqa: N818 - named for what is wrong, as in the library
    """A peer, or the data of a line, is not on this machine; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Timing:
    """CPU time of some rounds of one side.

    Attributes
    ----------
    fixes : int
        How many fixes one round works on: a slow peer may get fewer than we do.
    first_s : float, s
        The call before the rounds, with compilation and imports; not part of any ratio.
    rounds_s : tuple of float, s
    """

    fixes: int
    first_s: float
    rounds_s: tuple[float, ...]

    @property
    def best_s(self) -> float:
        """Fastest round: whatever else the machine does can only make a round slower."""
        return min(self.rounds_s)

    @property
    def fixes_s(self) -> float:
        """Fixes per CPU second of the fastest round."""
        return self.fixes / self.best_s

    @property
    def median_fixes_s(self) -> float:
        """Fixes per CPU second of the median round."""
        return self.fixes / statistics.median(self.rounds_s)


@dataclass(frozen=True, slots=True)
class Bar:
    """One comparison.

    Attributes
    ----------
    line, data : str
        Which operation, on what.
    peer : str
        Whom or what we are compared with.
    ours, theirs : float
        In ``unit``.
    ratio : float
        How many times better we are; 1 is even.
    target : float or None
        The bar; None where the line is only told.
    remark : str
        What was checked, and how the peer was scaled.
    median_ratio, first_s : float or None
        Ratio of the median rounds; our first call, s.
    """

    line: str
    data: str
    peer: str
    ours: float
    theirs: float
    unit: str
    ratio: float
    target: float | None
    remark: str
    median_ratio: float | None = None
    first_s: float | None = None

    @property
    def verdict(self) -> str:
        """Word for the reader: met, missed, or told where there is no bar."""
        if self.target is None:
            return "told"
        return "met" if self.ratio >= self.target else "missed"

    def __str__(self) -> str:
        """One tidy line."""
        bar = "" if self.target is None else f"bar {self.target:,g}x"
        return (
            f"{self.line:<10} {self.data:<13} {_short(self.ours):>8} {self.unit:<11} "
            f"{self.peer:<34} {_short(self.theirs):>8} {_times(self.ratio):>8}  "
            f"{bar:<10} {self.verdict:<6}  {self.remark}"
        ).rstrip()


@dataclass(frozen=True, slots=True)
class Skipped:
    """A comparison that could not be made, and why."""

    line: str
    data: str
    why: str

    def __str__(self) -> str:
        """One tidy line."""
        return f"{self.line:<10} {self.data:<13} skipped: {self.why}"


Row = Bar | Skipped


def speed_bar(
    line: str, data: str, peer: str, ours: Timing, theirs: Timing, *,
    target: float | None, remark: str,
) -> Bar:  # fmt: skip
    """Compare fixes per CPU second, higher is better."""
    scaled = "" if theirs.fixes == ours.fixes else f"; peer on {theirs.fixes:,} fixes, scaled"
    return Bar(
        line, data, peer, ours.fixes_s, theirs.fixes_s, "fixes/s",
        ratio=ours.fixes_s / theirs.fixes_s,
        target=target,
        remark=remark + scaled,
        median_ratio=ours.median_fixes_s / theirs.median_fixes_s,
        first_s=ours.first_s,
    )  # fmt: skip


def limit_bar(
    line: str, data: str, what: str, ours: float, limit: float, *, unit: str, remark: str,
    target: float | None = 1.0,
) -> Bar:  # fmt: skip
    """Compare a cost with what it may be, or with a peer's cost: lower is better."""
    return Bar(line, data, what, ours, limit, unit, limit / ours, target, remark)


def pin_to_one_core() -> None:
    """Keep this process and its children on one core, so that no side gains from threads."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    if hasattr(os, "sched_setaffinity"):
        # The last core: the first one serves more of the machine's interrupts.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def timed(work: Callable[[], object]) -> Work:
    """Work of this process as a round: CPU time, with the collector of garbage held back."""

    def round_of() -> float:
        gc.collect()
        gc.disable()
        try:
            begun = time.process_time()
            kept = work()
            taken = time.process_time() - begun
        finally:
            gc.enable()
        del kept
        return taken

    return round_of


def alternate(works: Sequence[Work], fixes: Sequence[int], *, rounds: int) -> list[Timing]:
    """Time all sides in turn, A B A B, so that a slow minute of the machine meets every side.

    Parameters
    ----------
    works : sequence
        One for each side.
    fixes : sequence of int
        How many fixes a round of each side works on.
    rounds : int
        After a first call of each, which is kept apart.
    """
    first = [work() for work in works]
    taken = [[work() for work in works] for _ in range(rounds)]
    return [
        Timing(count, begin, tuple(one[side] for one in taken))
        for side, (count, begin) in enumerate(zip(fixes, first, strict=True))
    ]


def check(claim: bool, message: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Stop a line whose answer is wrong.

    Raises
    ------
    WrongAnswer
    """
    if not claim:
        raise WrongAnswer(message)


def write_json(path: Path, rows: Iterable[Row]) -> None:
    """Keep rows as a JSON list, with the verdict of each."""
    content = [
        asdict(row) | ({"verdict": row.verdict} if isinstance(row, Bar) else {}) for row in rows
    ]
    path.write_text(json.dumps(content, indent=1) + "\n")


def _short(value: float) -> str:
    for size, letter in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.2f}x"
