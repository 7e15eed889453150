"""Whether this gateway can work: ports, disk, clock, broker; and what to do if not."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from ecoduct_edge.clocksync import is_synced
from ecoduct_edge.errors import PortError, SpoolError, UplinkError
from ecoduct_edge.gateway import open_spool
from ecoduct_edge.journal import folder_of, ports_of, unsettled_bytes
from ecoduct_edge.ports import open_port
from ecoduct_edge.settings import Settings
from ecoduct_edge.uplink import connect, make_client
from ecoduct_wire.clock import Clock, to_iso

_ENOUGH_FREE_BYTES: Final = 100_000_000  # some 200,000 messages


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    is_good: bool
    detail: str
    remedy: str = ""


def check(settings: Settings, *, clock: Clock) -> list[Finding]:
    """Look at everything once."""
    return [
        *_ports(settings),
        *_left_journals(settings),
        _disk(settings),
        _clock(settings, clock),
        _broker(settings),
    ]


def _ports(settings: Settings) -> Iterator[Finding]:
    if not settings.ports:
        yield Finding("ports", is_good=False, detail="none", remedy="Add a [[port]] table.")
    for port in settings.ports:
        try:
            with closing(open_port(port.url)):
                yield Finding(f"port {port.name}", is_good=True, detail=port.url)
        except PortError as error:
            yield Finding(
                f"port {port.name}", is_good=False, detail=error.what, remedy=error.remedy
            )


def _left_journals(settings: Settings) -> Iterator[Finding]:
    """Journals of ports that the settings do not name any more; nobody reads them on."""
    names = {port.name for port in settings.ports}
    left = [name for name in ports_of(settings.journal_path) if name not in names]
    if not left:
        return
    try:
        with closing(open_spool(settings)) as spool:
            done = spool.checkpoints()
    except SpoolError:
        done = {}  # told by the finding on the disk
    for name in left:
        folder = folder_of(settings.journal_path, name)
        waiting = unsettled_bytes(folder, resume_at=min(done.get(name, {}).values(), default=None))
        yield Finding(
            f"journal {name}",
            is_good=not waiting,
            detail=f"{waiting:,} bytes wait, and no port of this name is in the settings",
            remedy=f"Put the port back to have them decoded, or delete {folder}.",
        )


def _disk(settings: Settings) -> Finding:
    try:
        with closing(open_spool(settings)) as spool:
            waiting = spool.state().kept - spool.state().receipted
        free = shutil.disk_usage(settings.data_dir).free
    except SpoolError as error:
        return Finding("disk", is_good=False, detail=error.what, remedy=error.remedy)
    return Finding(
        "disk",
        is_good=free >= _ENOUGH_FREE_BYTES,
        detail=f"{free // 1_000_000:,} MB free, {waiting:,} messages wait for the server",
        remedy=f"Make room below {settings.data_dir}.",
    )


def _clock(settings: Settings, clock: Clock) -> Finding:
    is_good = clock.now_ms() >= settings.earliest_ms
    synced = "synchronised" if is_synced(clock) else "not synchronised by the kernel's word"
    return Finding(
        "clock",
        is_good=is_good,
        detail=f"{to_iso(clock.now_ms())}, {synced}",
        remedy="Set it (`timedatectl`), or give the gateway a network or a clock module.",
    )


def _broker(settings: Settings) -> Finding:
    try:
        # A name of its own: with the gateway's, the broker would throw the running one out.
        client = make_client(settings.mqtt, name=f"ecoduct-edge-check-{settings.gateway}")
        connect(client, settings.mqtt, stop=threading.Event())
        client.disconnect()
    except UplinkError as error:
        return Finding("broker", is_good=False, detail=error.what, remedy=error.remedy)
    return Finding("broker", is_good=True, detail=settings.mqtt.url)
