"""Small stories told to a real store: a fence, a walk, and what is concluded from it."""

import random
from collections.abc import Sequence
from typing import Any

from ecoduct_server.ingest import deployments, pipeline
from ecoduct_server.ingest.pipeline import Delivery, Work
from ecoduct_server.store import landscape
from ecoduct_server.store.pool import Connection
from ecoduct_server.watch.worker import Watch
from ecoduct_wire import envelope, topics
from ecoduct_wire.messages import Batch, Fix, Message, Reception

HOUR_MS = 3_600_000
BEGIN_MS = 1_767_225_600_000  # 2026-01-01
FENCE = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "id": "fence",
            "properties": {"kind": "barrier", "name": "Long fence"},
            "geometry": {"type": "LineString", "coordinates": [[107.0, 43.5], [107.0, 44.5]]},
        }
    ],
}


class SetClock:
    """A clock that stands where it is put."""

    def __init__(self, now_ms: int = BEGIN_MS) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms

    def monotonic_ns(self) -> int:
        return self.ms * 1_000_000


def fix(
    hour: float, lon: float, *, device: str = "collar:1", lat: float = 44.0, **more: Any
) -> Fix:
    return Fix(
        device=device,
        fixed_at_ms=BEGIN_MS + round(hour * HOUR_MS),
        lon_e7=round(lon * 1e7),
        lat_e7=round(lat * 1e7),
        **more,
    )


def batch(fixes: Sequence[Fix], *, gateway: str = "hut", epoch: str = "e", first: int = 1) -> Batch:
    return Batch(
        gateway,
        epoch,
        tuple(
            Message(number, one, Reception(one.fixed_at_ms, "lora", b"raw"))
            for number, one in enumerate(fixes, first)
        ),
    )


def deliver(connection: Connection, *batches: Batch, clock: SetClock | None = None) -> Work:
    deliveries = [Delivery(topics.up(one.gateway), envelope.encode(one)) for one in batches]
    return pipeline.ingest(connection, deliveries, clock=clock or SetClock())


def set_scene(connection: Connection, *devices: str) -> None:
    landscape.save(connection, landscape.read_geojson(FENCE))
    deployments.add(
        connection,
        [deployments.Deployment(device=one, animal=f"animal of {one}") for one in devices],
    )
    connection.commit()


def examine(connection: Connection, *, clock: SetClock | None = None) -> Watch:
    watch = Watch(clock=clock or SetClock(), late_after_s=7200.0)
    while watch.cycle(connection):
        connection.commit()
    assert not watch.failures
    return watch


def active_findings(connection: Connection) -> list[tuple[Any, ...]]:
    rows = connection.execute(
        "SELECT d.device, f.kind, f.place, f.starts_at, f.ends_at, f.happened_at, f.lon_e7, "
        "f.lat_e7, f.facts::text AS facts FROM finding f JOIN deployment d ON d.id = f.deployment "
        "WHERE withdrawn_at IS NULL ORDER BY 1, 2, 4, 3"
    ).fetchall()
    return [tuple(row.values()) for row in rows]


def alert_states(connection: Connection) -> list[tuple[Any, ...]]:
    rows = connection.execute(
        "SELECT f.happened_at, l.withdrawn_at IS NOT NULL AS withdrawn FROM alert l "
        "JOIN finding f ON f.id = l.finding ORDER BY 1, 2"
    ).fetchall()
    return [tuple(row.values()) for row in rows]


def wandering(seed: int, *, count: int, device: str) -> list[Fix]:
    """Steps of some kilometres about the fence, rests, silences and hours out of a hat."""
    dice = random.Random(seed)
    hour, lon, lat, found = 0.0, 107.0, 44.0, []
    for _ in range(count):
        hour += dice.choice((0.5, 1, 1, 2, 2, 2, 5, 20))
        if dice.random() < 0.4:
            lon, lat = lon + dice.gauss(0, 0.02), lat + dice.gauss(0, 0.02)
        scatter = dice.gauss(0, 0.0005)
        found.append(fix(hour, lon + scatter, lat=lat, device=device))
    return found
