"""The two programs, from options to bytes: a herd that walks, and tracks that walked."""

import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ecoduct_sim import folder, landscape, replay, tracks_table
from ecoduct_sim.clock import Timeline, timeline_from, to_iso
from ecoduct_sim.collar import Collar
from ecoduct_sim.errors import UsageError
from ecoduct_sim.field import Field, Settings
from ecoduct_sim.herd import Crossing, Event, Herd, Position, Stay
from ecoduct_sim.stations import Choice, Plan, plan

_REPORT_EVERY_S: Final = 5.0
_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Common:
    """Options that both programs have. ``speed`` is infinite for as fast as possible."""

    out: Path
    form: Choice
    receivers: int
    speed: float
    hold: bool
    settings: Settings


@dataclass(frozen=True, slots=True)
class HerdOptions:
    """Options of the herd; ``hours`` is infinite if it walks until stopped."""

    animals: int
    interval_s: float
    hours: float
    start_ms: int
    gps_error_m: float
    scenario: str


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """Options of a replay; ``by_time`` puts all animals on one line of time."""

    tracks: Path
    epsg: int | None
    by_time: bool
    start_delay_s: float


def run_herd(options: HerdOptions, common: Common, *, environment: Mapping[str, str]) -> None:
    """Let a herd walk, and send what its collars record.

    Raises
    ------
    SimError
        An option, the scenario or the folder cannot be used.
    """
    land = landscape.load(options.scenario)
    if common.receivers > len(land.receivers):
        raise UsageError(
            f"The landscape has places for {len(land.receivers)} receivers.",
            where="--receivers",
            remedy=f"Give at most {len(land.receivers)}, or add some to the scenario.",
        )
    clock = timeline_from(environment)
    start_ms = clock.now_ms() // 60_000 * 60_000 if clock else options.start_ms
    herd = Herd(
        land,
        animals=options.animals,
        seed=common.settings.seed,
        start_ms=start_ms,
        interval_ms=round(options.interval_s * 1000),
    )
    wearing = plan(herd.animals, form=common.form, receivers=common.receivers)
    folder.prepare(common.out)
    folder.write_landscape(common.out, land.geojson())
    folder.write_deployments(
        common.out,
        [
            folder.Deployment(link.device, animal, land.species, start_ms)
            for animal, link in wearing.links.items()
        ],
    )
    receivers = [land.to_lon_lat(point) for point in land.receivers]
    with _field(wearing, common, receivers) as (field, truth):
        timeline = clock or Timeline(time.time(), start_ms, common.speed)
        _walk(herd, field, truth, timeline, options, seed=common.settings.seed, start_ms=start_ms)
        _end(field, common)


def run_replay(options: ReplayOptions, common: Common) -> None:
    """Send a table of tracks.

    Raises
    ------
    SimError
        An option, the table or the folder cannot be used.
    """
    table = tracks_table.read(options.tracks, epsg=options.epsg)
    for reason, count in table.passed_over.items():
        _say(f"{count} rows passed over: {reason}")
    rows = tracks_table.by_time(table.rows) if options.by_time else table.rows
    first_ms: dict[str, int] = {}
    for row in table.rows:
        first_ms[row.animal] = min(row.at_ms, first_ms.get(row.animal, row.at_ms))
    wearing = plan(replay.animals_of(rows), form=common.form, receivers=common.receivers)
    folder.prepare(common.out)
    folder.write_deployments(
        common.out,
        [
            folder.Deployment(link.device, animal, table.species.get(animal, ""), first_ms[animal])
            for animal, link in wearing.links.items()
        ],
    )
    receivers = replay.receivers_for(rows, count=common.receivers)
    with _field(wearing, common, receivers) as (field, _):
        start_s = time.time() + options.start_delay_s
        timeline = Timeline(start_s, min(first_ms.values()), common.speed)
        for fix, row in replay.fixes_of(rows):
            field.wait(until=timeline.wall_of(row.at_ms))
            field.send(fix, lon=row.lon, lat=row.lat)
        _end(field, common)


def _walk(
    herd: Herd,
    field: Field,
    truth: folder.Truth,
    timeline: Timeline,
    options: HerdOptions,
    *,
    seed: int,
    start_ms: int,
) -> None:
    collars = {
        animal: Collar(
            animal,
            random.Random(f"{seed}/collar/{animal}"),  # noqa: S311 - noise, not secrets
            gps_error_m=options.gps_error_m,
        )
        for animal in herd.animals
    }
    at_ms = start_ms
    try:
        for event in herd.events(until_ms=start_ms + options.hours * _HOUR_MS):
            if isinstance(event, Position):
                at_ms = event.at_ms
                field.wait(until=timeline.wall_of(at_ms))
                fix = collars[event.animal].take_fix(at_ms=at_ms, lon=event.lon, lat=event.lat)
                field.send(fix, lon=event.lon, lat=event.lat)
            else:
                truth.note(_as_json(event))
    finally:
        for stay in herd.open_stays(at_ms=at_ms):
            truth.note(_as_json(stay))


def _as_json(event: Event) -> dict[str, Any]:
    match event:
        case Crossing():
            return {
                "event": "crossing",
                "animal": event.animal,
                "barrier": event.barrier,
                "at": to_iso(event.at_ms),
                "lon": round(event.lon, 9),
                "lat": round(event.lat, 9),
            }
        case Stay():
            return {
                "event": "stay",
                "animal": event.animal,
                "place": event.place,
                "starts_at": to_iso(event.starts_at_ms),
                "ends_at": to_iso(event.ends_at_ms),
                "is_open": event.is_open,
            }
        case Position():
            raise TypeError("a position becomes a fix before it is written")


@contextmanager
def _field(
    wearing: Plan, common: Common, receivers: Sequence[tuple[float, float]]
) -> Iterator[tuple[Field, folder.Truth]]:
    """Open the field and the truth, tell the world of the ports, and clear up whatever happens."""
    truth = folder.Truth(common.out / "truth.jsonl")
    field = Field(
        wearing,
        folder=common.out,
        truth=truth,
        receivers=receivers,
        settings=common.settings,
        report=_Progress(truth),
    )
    try:
        folder.write_ports(common.out, wearing.ports)
        _say(f"{len(wearing.ports)} ports are in {common.out / 'ports'}; see ports.json")
        yield field, truth
    finally:
        field.close()
        truth.close()


def _end(field: Field, common: Common) -> None:
    field.finish()
    _say("everything is written and read")
    if common.hold:
        _say("holding the ports until Ctrl-C")
        field.hold()


class _Progress:
    """Says every few seconds how far we are, and whom we wait for."""

    def __init__(self, truth: folder.Truth) -> None:
        self._truth = truth
        self._next_s = time.monotonic() + _REPORT_EVERY_S

    def __call__(self, field: Field) -> None:
        if time.monotonic() < self._next_s:
            return
        self._next_s = time.monotonic() + _REPORT_EVERY_S
        counts = self._truth.counts
        unread = [
            name for name, port in field.ports.items() if port.waiting_bytes and not port.has_reader
        ]
        waits = f"; nobody reads {', '.join(unread)}" if unread else ""
        _say(
            f"{counts['fix']} fixes, {counts['crossing']} crossings, {counts['stay']} stays, "
            f"{counts['fault']} faults{waits}"
        )


def _say(text: str) -> None:
    sys.stderr.write(f"ecoduct-sim: {text}\n")
