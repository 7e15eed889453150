"""`kill -9` at any moment loses nothing that was read, and doubles nothing."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ecoduct_edge.spool import Spool
from ecoduct_wire.clock import to_ms
from ecoduct_wire.messages import Fix
from edge_frames import collar, nav_pvt, nmea, rak, record
from edge_lines import Line, kept_count, wait_until

FIXES = 1_400  # of each format
KILLS = 10
FIRST = datetime(2024, 5, 1, tzinfo=UTC)


def moments() -> Iterator[datetime]:
    return (FIRST + timedelta(seconds=place) for place in range(FIXES))


def ubx_stream() -> bytes:
    return b"".join(
        nav_pvt(when=(at.year, at.month, at.day, at.hour, at.minute, at.second)) for at in moments()
    )


def nmea_stream() -> bytes:
    return b"".join(
        nmea(f"GPRMC,{at:%H%M%S}.00,A,4243.8720,N,11011.2339,W,0.0,0.0,{at:%d%m%y},,,A")
        + nmea(f"GPGGA,{at:%H%M%S}.00,4243.8720,N,11011.2339,W,1,09,0.84,1150.0,M,,M,,")
        + nmea("GPGSV,1,1,00")
        for at in moments()
    )


def rak_stream() -> bytes:
    health = bytes.fromhex("1A0E6608")
    return b"".join(
        rak(collar(1, health + record(at_s=to_ms(at) // 1000), counter=place))
        for place, at in enumerate(moments())
    )


STREAMS: dict[str, Callable[[], bytes]] = {
    "ubx": ubx_stream,
    "nmea": nmea_stream,
    "rak": rak_stream,
}


class Feeder:
    """A receiver that writes as fast as its line takes it."""

    def __init__(self, data: bytes) -> None:
        self.line = Line()
        self._thread = threading.Thread(target=self._write, args=(memoryview(data),), daemon=True)
        self._thread.start()

    def _write(self, data: memoryview) -> None:
        while data:
            data = data[os.write(self.line.master, data[:1_000]) :]

    def close(self) -> None:
        self._thread.join(10)
        self.line.close()


@contextmanager
def gateway(settings: Path, log: Path, *, ended_by: signal.Signals) -> Iterator[None]:
    """The real program; ended whatever happens, or it would read the lines of other tests."""
    with log.open("a") as stderr:
        program = subprocess.Popen(
            [sys.executable, "-m", "ecoduct_edge.cli", "run", "--settings", str(settings)],
            stderr=stderr,
        )
    try:
        yield
    finally:
        program.send_signal(ended_by)
        assert program.wait(30) == (0 if ended_by == signal.SIGTERM else -ended_by)


def test_killed_gateway_keeps_every_fix_exactly_once(tmp_path: Path) -> None:
    chance = random.Random(1)
    feeders = {name: Feeder(stream()) for name, stream in STREAMS.items()}
    settings, log, spool = tmp_path / "edge.toml", tmp_path / "log", tmp_path / "spool.sqlite"
    settings.write_text(
        f'gateway = "hut-1"\ndata_dir = "{tmp_path}"\nmqtt.url = "mqtt://127.0.0.1:1"\n'
        + "".join(
            f'[[port]]\nname = "{name}"\nurl = "{feeder.line.url}"\n'
            for name, feeder in feeders.items()
        )
    )
    total = FIXES * len(STREAMS)
    for kill in range(KILLS):
        goal = min(kept_count(spool) + 1, total * kill // KILLS)
        with gateway(settings, log, ended_by=signal.SIGKILL):
            wait_until(lambda goal=goal: kept_count(spool) >= goal, seconds=5)  # type: ignore[misc]
            time.sleep(chance.uniform(0, 0.1))
    with gateway(settings, log, ended_by=signal.SIGTERM):
        wait_until(lambda: kept_count(spool) >= total, seconds=15)
    for feeder in feeders.values():
        feeder.close()
    with closing(Spool(spool)) as opened:
        messages = opened.read_after(0, limit=2 * total)
    found = Counter(
        (message.reception.port, message.body.fixed_at_ms)
        for message in messages
        if message.reception and isinstance(message.body, Fix)
    )
    assert found == Counter((name, to_ms(at)) for name in STREAMS for at in moments())
    assert log.read_text().count("journal.recovered") > KILLS // 2
