"""Fixes of due deployments as tracks in metres."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ecoduct_analysis.projection import Projection
from ecoduct_analysis.tracks import Tracks
from ecoduct_server.store.pool import Connection
from ecoduct_wire.clock import to_datetime, to_ms
from ecoduct_wire.messages import Flag

# A position at 0, 0 and a time that cannot be are shown, but nothing is concluded from them.
UNTRUSTED = [Flag.ZERO_POSITION.value, Flag.BEFORE_EARLIEST.value, Flag.AFTER_LATEST.value]

_USABLE = "f.device = d.device AND f.fixed_at <@ d.during AND NOT f.flags && %(untrusted)s"


@dataclass(frozen=True, slots=True)
class Window:
    """A deployment over a span, ms since 1970 UTC, both ends included."""

    deployment: int
    since_ms: int
    until_ms: int


def widen_to_neighbours(connection: Connection, windows: Sequence[Window]) -> list[Window]:
    """Windows that reach to the last fix before and the first fix after each span."""
    rows = connection.execute(
        "SELECT w.deployment, coalesce(before.fixed_at, w.since) AS since, "  # noqa: S608
        "coalesce(after.fixed_at, w.until) AS until "
        "FROM unnest(%(deployment)s::int8[], %(since)s::timestamptz[], %(until)s::timestamptz[]) "
        "AS w (deployment, since, until) JOIN deployment d ON d.id = w.deployment "
        "LEFT JOIN LATERAL (SELECT f.fixed_at FROM fix f "
        f"WHERE {_USABLE} AND f.fixed_at < w.since "
        "ORDER BY f.fixed_at DESC LIMIT 1) before ON true "
        "LEFT JOIN LATERAL (SELECT f.fixed_at FROM fix f "
        f"WHERE {_USABLE} AND f.fixed_at > w.until ORDER BY f.fixed_at LIMIT 1) after ON true "
        "ORDER BY w.deployment",
        _given(windows),
    ).fetchall()
    return [Window(row["deployment"], to_ms(row["since"]), to_ms(row["until"])) for row in rows]


def load(connection: Connection, windows: Sequence[Window], *, projection: Projection) -> Tracks:
    """Load the fixes of many deployments in one query, as one track for each.

    Fixes that carry a flag of `UNTRUSTED` are left out; of two kinds of position at one time the
    first by name is taken. The names of the tracks are the deployments' numbers.
    """
    rows = connection.execute(
        "SELECT DISTINCT ON (w.place, f.fixed_at) w.place - 1 AS track, "  # noqa: S608
        "(extract(epoch FROM f.fixed_at) * 1000)::int8 AS t_ms, f.lon_e7, f.lat_e7 "
        "FROM unnest(%(deployment)s::int8[], %(since)s::timestamptz[], %(until)s::timestamptz[]) "
        "WITH ORDINALITY AS w (deployment, since, until, place) "
        "JOIN deployment d ON d.id = w.deployment JOIN fix f ON "
        f"{_USABLE} AND f.fixed_at BETWEEN w.since AND w.until "
        "ORDER BY w.place, f.fixed_at, f.kind",
        _given(windows),
    ).fetchall()
    lon = np.array([row["lon_e7"] for row in rows], dtype=np.float64) / 1e7
    lat = np.array([row["lat_e7"] for row in rows], dtype=np.float64) / 1e7
    x, y = projection.to_metres(lon, lat)
    return Tracks.from_arrays(
        [str(window.deployment) for window in windows],
        track=np.array([row["track"] for row in rows], dtype=np.int64),
        t_ms=np.array([row["t_ms"] for row in rows], dtype=np.int64),
        x=x,
        y=y,
    )


def first_positions(connection: Connection, windows: Sequence[Window]) -> list[tuple[float, float]]:
    """Longitude and latitude (degrees) of the first usable fix in each window."""
    rows = connection.execute(
        "SELECT first.lon_e7 / 1e7 AS lon, first.lat_e7 / 1e7 AS lat "  # noqa: S608
        "FROM unnest(%(deployment)s::int8[], %(since)s::timestamptz[], %(until)s::timestamptz[]) "
        "AS w (deployment, since, until) JOIN deployment d ON d.id = w.deployment "
        f"JOIN LATERAL (SELECT f.lon_e7, f.lat_e7 FROM fix f WHERE {_USABLE} "
        "AND f.fixed_at BETWEEN w.since AND w.until ORDER BY f.fixed_at LIMIT 1) first ON true",
        _given(windows),
    ).fetchall()
    return [(float(row["lon"]), float(row["lat"])) for row in rows]


def _given(windows: Sequence[Window]) -> dict[str, object]:
    return {
        "deployment": [window.deployment for window in windows],
        "since": [to_datetime(window.since_ms) for window in windows],
        "until": [to_datetime(window.until_ms) for window in windows],
        "untrusted": UNTRUSTED,
    }
