"""Length, speed, heading and turn of steps, against the bare geodesic of PROJ and two peers."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from pyproj import Geod

from benchmarks import inputs, synthetic
from benchmarks.inputs import Sizes
from benchmarks.measure import PeerMissing, Row, Skipped, alternate, check, speed_bar, timed
from benchmarks.peer_process import Peer
from ecoduct_analysis.columns import FloatArray
from ecoduct_analysis.fixes import Fixes
from ecoduct_analysis.steps import measure_steps

LINE: Final = "steps"
GEOD: Final = Geod(ellps="WGS84")
PROJ_BAR: Final = 3.0
PEERS: Final = (
    # Environment, module, what is called, sample, bar.
    ("peers", "movingpandas_peer", "movingpandas speed + direction", "slow_fixes", 2_000.0),
    ("peers-ecoscope", "ecoscope_peer", "ecoscope Trajectory (no turn)", "peer_fixes", None),
)
RELATIVE: Final = 1e-5
ROUNDING_M: Final = 1e-6  # degrees hold a place to a few nanometres; turns add three of them


def rows(sizes: Sizes) -> Iterator[Row]:
    """Compare on synthetic animals and on white storks."""
    yield from compare(sizes.name, synthetic.fixes(sizes.animals, sizes.each), sizes)
    try:
        yield from compare("white storks", inputs.storks(), sizes)
    except PeerMissing as missing:
        yield Skipped(LINE, "white storks", str(missing))


def compare(data: str, fixes: Fixes, sizes: Sizes) -> Iterator[Row]:
    """PROJ in this process, then each peer in its own, every time with rounds of ours between."""
    remark = check_accuracy(fixes)
    x, y = fixes.x, fixes.y
    ours = timed(lambda: measure_steps(fixes))
    proj = timed(lambda: GEOD.inv(x[:-1], y[:-1], x[1:], y[1:]))
    mine, theirs = alternate([ours, proj], [len(fixes)] * 2, rounds=sizes.rounds)
    yield speed_bar(LINE, data, "Geod.inv alone", mine, theirs, target=PROJ_BAR, remark=remark)
    for environment, module, name, sample, bar in PEERS:
        some = inputs.head(fixes, getattr(sizes, sample))
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = inputs.write_fixes(Path(folder, "fixes.npz"), some)
                with Peer(environment, module, "steps", path) as peer:
                    mine, theirs = alternate(
                        [ours, peer.round], [len(fixes), len(some)], rounds=min(3, sizes.rounds)
                    )
        except PeerMissing as missing:
            yield Skipped(LINE, data, f"{name}: {missing}")
            continue
        yield speed_bar(LINE, data, name, mine, theirs, target=bar, remark=remark)


def check_accuracy(fixes: Fixes) -> str:
    """Compare every column with Karney's geodesic, and say by how much lengths differ."""
    x, y = fixes.x, fixes.y
    departure, back, length_m = (np.asarray(c) for c in GEOD.inv(x[:-1], y[:-1], x[1:], y[1:]))
    last = np.zeros(len(fixes), dtype=bool)
    last[fixes.offsets[1:][np.diff(fixes.offsets) > 0] - 1] = True
    first = np.flatnonzero(~last)
    length_m, departure, arrival = length_m[first], departure[first], back[first] + 180.0
    found = measure_steps(fixes)
    off = np.abs(found.length_m[first] - length_m)
    check(bool((off <= RELATIVE * length_m + ROUNDING_M).all()), f"steps: {off.max()} m off")
    duration_s = (fixes.t_ms[first + 1] - fixes.t_ms[first]) / 1000.0
    moving = duration_s > 0
    speed_off = np.abs(found.speed_m_s[first] * duration_s - length_m)[moving]
    check(bool((speed_off <= RELATIVE * length_m[moving] + ROUNDING_M).all()), "steps: speed")
    way = length_m > ROUNDING_M
    _check_angle(found.heading_deg[first][way], departure[way], length_m[way], "heading")
    # A turn lies between two steps of one animal, both of some length.
    joined = np.flatnonzero((first[1:] == first[:-1] + 1) & way[1:] & way[:-1])
    _check_angle(
        found.turn_deg[first[joined + 1]], departure[joined + 1] - arrival[joined],
        np.minimum(length_m[joined], length_m[joined + 1]), "turn",
    )  # fmt: skip
    worst = float((off[length_m > 1.0] / length_m[length_m > 1.0]).max(initial=0.0))
    return f"lengths within {worst:.1e}, headings and turns within 1e-5 of Geod"


def _check_angle(
    ours_deg: FloatArray, right_deg: FloatArray, reach_m: FloatArray, what: str
) -> None:
    off = np.radians(np.abs(np.mod(ours_deg - right_deg + 180.0, 360.0) - 180.0))
    right = off <= RELATIVE + ROUNDING_M / reach_m
    check(bool(right.all()), f"steps: {(~right).sum()} of {what} differ, by {np.nanmax(off)} rad")
