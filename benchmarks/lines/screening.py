"""Screening against the speed filters of two peers: how fast, and how many planted faults."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import inputs, synthetic
from benchmarks.inputs import Sizes
from benchmarks.measure import Bar, PeerMissing, Row, Skipped, alternate, check, speed_bar, timed
from benchmarks.peer_process import Peer
from benchmarks.synthetic import Planted
from ecoduct_analysis.columns import BoolArray
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.screening import ScreenRule, screen

LINE: Final = "screening"
GATE_M_S: Final = ScreenRule().max_speed_m_s
# Gates that a user of a peer might choose; the best of them is told, chosen with the truth.
GATES_M_S: Final = (20.0, 10.0, 5.0, 2.0, 1.0)


@dataclass(frozen=True, slots=True)
class Filter:
    """A peer's filter: where it lives, which sample it gets, and the bar."""

    name: str
    environment: str
    module: str
    sample: str
    bar: float


FILTERS: Final = (
    Filter("movingpandas OutlierCleaner", "peers", "movingpandas_peer", "slow_fixes", 3_000.0),
    Filter("ecoscope speed filter", "peers-ecoscope", "ecoscope_peer", "peer_fixes", 100.0),
)


@dataclass(frozen=True, slots=True)
class Score:
    """Part of the outliers that were found, and part of what was found that are outliers."""

    recall: float
    precision: float

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        both = self.recall + self.precision
        return 2 * self.recall * self.precision / both if both else 0.0

    def __str__(self) -> str:
        """Both, to a tenth of a percent."""
        return f"recall {self.recall:.1%}, precision {self.precision:.1%}"


def rows(sizes: Sizes) -> Iterator[Row]:
    """Compare on animals with planted faults, and the time alone on white storks."""
    planted = synthetic.plant(sizes.animals, sizes.each)
    found = screen(planted.fixes)
    left = doubled_left(planted.fixes, found.kept)
    check(left == 0, f"screening: {left} fixes share their time with another and were kept")
    remark = f"ours on all: {score(planted, found.kept)}, no doubled time left"
    for peer in FILTERS:
        yield from against(peer, sizes.name, planted.fixes, sizes, remark=remark)
        yield from accuracy(peer, planted, sizes)
    try:
        storks = inputs.storks()
    except PeerMissing as missing:
        yield Skipped(LINE, "white storks", str(missing))
        return
    out = int((~screen(storks).kept).sum())
    for peer in FILTERS:
        remark = f"we pass over {out} of {len(storks):,}"
        yield from against(peer, "white storks", storks, sizes, remark=remark)


def against(peer: Filter, data: str, fixes: Fixes, sizes: Sizes, *, remark: str) -> Iterator[Row]:
    """CPU time of our whole screening and of the peer's gate alone."""
    some = inputs.head(fixes, getattr(sizes, peer.sample))
    ours = timed(lambda: screen(fixes))
    try:
        with tempfile.TemporaryDirectory() as folder, open_peer(peer, folder, some, GATE_M_S) as it:
            mine, theirs = alternate(
                [ours, it.round], [len(fixes), len(some)], rounds=min(3, sizes.rounds)
            )
    except PeerMissing as missing:
        yield Skipped(LINE, data, f"{peer.name}: {missing}")
        return
    yield speed_bar(LINE, data, peer.name, mine, theirs, target=peer.bar, remark=remark)


def accuracy(peer: Filter, planted: Planted, sizes: Sizes) -> Iterator[Row]:
    """Recall and precision on the peer's sample, with our gate and with its best one."""
    some = inputs.head(planted.fixes, getattr(sizes, peer.sample))
    planted = Planted(some, planted.outlier[: len(some)], planted.doubled[: len(some)])
    ours = score(planted, screen(some).kept)
    theirs: dict[float, tuple[Score, int]] = {}
    try:
        for gate_m_s in (GATE_M_S, *GATES_M_S):
            with (
                tempfile.TemporaryDirectory() as folder,
                open_peer(peer, folder, some, gate_m_s) as it,
            ):
                it.round()
                kept = np.zeros(len(some), dtype=bool)
                kept[it.answer()] = True
            theirs[gate_m_s] = score(planted, kept), doubled_left(some, kept)
    except PeerMissing:
        return  # told by the line of its time
    best = max(theirs, key=lambda gate_m_s: theirs[gate_m_s][0].f1)
    for gate_m_s, target in {GATE_M_S: 1.0, best: 1.0}.items():
        found, left = theirs[gate_m_s]
        which = "its best gate" if gate_m_s != GATE_M_S else "our gate"
        remark = f"{which}, {gate_m_s:g} m/s, {len(some):,} fixes, {left} doubled times left"
        for what in ("recall", "precision"):
            mine, other = getattr(ours, what), getattr(found, what)
            yield Bar(LINE, "planted", peer.name, mine, other, what,
                      mine / max(other, 1e-9), target, remark)  # fmt: skip


def open_peer(peer: Filter, folder: str, fixes: Fixes, gate_m_s: float) -> Peer:
    """Start the peer on a file of the fixes."""
    path = inputs.write_fixes(Path(folder, "fixes.npz"), fixes)
    return Peer(peer.environment, peer.module, "screen", path, str(gate_m_s))


def score(planted: Planted, kept: BoolArray) -> Score:
    """Judge what was passed over; which of two fixes of one time goes is not judged here."""
    out = ~kept & ~planted.doubled
    right = int((out & planted.outlier).sum())
    return Score(right / max(1, int(planted.outlier.sum())), right / max(1, int(out.sum())))


def doubled_left(fixes: Fixes, kept: BoolArray) -> int:
    """Count the kept fixes that share animal and time with the one kept before them."""
    track = np.repeat(np.arange(len(fixes.names)), np.diff(fixes.offsets))[kept]
    t_ms = fixes.t_ms[kept]
    return int(((t_ms[1:] == t_ms[:-1]) & (track[1:] == track[:-1])).sum())
