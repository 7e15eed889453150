"""Fixes, tracks, animals and findings as a viewer may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ecoduct_server.access import sensitivity
from ecoduct_server.access.sensitivity import Viewer
from ecoduct_server.store.pool import Connection
from ecoduct_server.store.tracks import UNTRUSTED

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which fixes or findings: everything by default.

    ``bounds`` is west, south, east, north in degrees; west above east crosses the antimeridian.
    ``since`` is included, ``before`` is not.
    """

    animals: Sequence[str] = ()
    device: str | None = None
    bounds: Bounds | None = None
    since: datetime | None = None
    before: datetime | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters that `_SELECTED` expects."""
        west, south, east, north = self.bounds or (None,) * 4
        return {
            "animals": list(self.animals) or None, "device": self.device, "since": self.since,
            "before": self.before, "west": west, "south": south, "east": east, "north": north,
        }  # fmt: skip


# What is shown is also what is searched: a search by the true place would tell where it is.
_SELECTED = """
    (%(animals)s::text[] IS NULL OR animal = ANY(%(animals)s))
    AND (%(device)s::text IS NULL OR device = %(device)s)
    AND (%(south)s::float8 IS NULL OR (lat BETWEEN %(south)s AND %(north)s AND
        CASE WHEN %(west)s::float8 <= %(east)s THEN lon BETWEEN %(west)s AND %(east)s
        ELSE lon >= %(west)s OR lon <= %(east)s END))
"""
_IN_TIME = """
    (%(since)s::timestamptz IS NULL OR {at} >= %(since)s)
    AND (%(before)s::timestamptz IS NULL OR {at} < %(before)s)
"""
_SEEN_FIXES = f"""
    SELECT f.device, f.fixed_at, f.kind, d.animal, a.species, {sensitivity.lon_deg("f")} AS lon,
        {sensitivity.lat_deg("f")} AS lat, f.h_acc_mm, f.height_mm, f.speed_mm_s, f.heading_cdeg,
        f.satellites, f.hdop_c, f.battery_mv, f.temperature_cc, f.activity, f.mortality, f.flags,
        f.format
    FROM fix f JOIN deployment d ON d.device = f.device AND f.fixed_at <@ d.during
    JOIN animal a USING (animal)
    WHERE {sensitivity.released("f.fixed_at")} AND {_IN_TIME.format(at="f.fixed_at")}
"""  # noqa: S608 - made of literals


def fixes(
    connection: Connection,
    selection: Selection,
    *,
    viewer: Viewer,
    limit: int,
    after: tuple[datetime, str, str] | None = None,
) -> list[dict[str, Any]]:
    """Fixes in order of time, device and kind; ``after`` is that key of the last one known."""
    at, device, kind = after or (None, None, None)
    return connection.execute(
        f"SELECT * FROM ({_SEEN_FIXES}) AS seen WHERE {_SELECTED} "  # noqa: S608
        "AND (%(at)s::timestamptz IS NULL OR "
        "(fixed_at, device, kind) > (%(at)s, %(after_device)s, %(kind)s)) "
        "ORDER BY fixed_at, device, kind LIMIT %(limit)s",
        {**selection.parameters, **viewer.parameters, "at": at, "after_device": device,
         "kind": kind, "limit": limit},
    ).fetchall()  # fmt: skip


def tracks(
    connection: Connection,
    selection: Selection,
    *,
    viewer: Viewer,
    points: int,
    limit: int | None = None,
    after: str | None = None,
) -> list[dict[str, Any]]:
    """Newest positions of each animal, at most ``points``, in order of time.

    Animals come in order of their names; ``after`` is the last one known.
    """
    return connection.execute(
        "SELECT animal, max(species) AS species, max(fixed_at) AS last_fixed_at, "  # noqa: S608
        "array_agg(lon ORDER BY fixed_at) AS lon, array_agg(lat ORDER BY fixed_at) AS lat, "
        "array_agg(fixed_at ORDER BY fixed_at) AS times FROM ("
        "SELECT *, row_number() OVER (PARTITION BY animal ORDER BY fixed_at DESC) AS place "
        f"FROM ({_SEEN_FIXES} AND NOT f.flags && %(untrusted)s) AS seen WHERE {_SELECTED}) "
        "AS ranked WHERE place <= %(points)s AND (%(after)s::text IS NULL OR animal > %(after)s) "
        "GROUP BY animal ORDER BY animal LIMIT %(limit)s",
        {**selection.parameters, **viewer.parameters, "points": points, "limit": limit,
         "after": after, "untrusted": UNTRUSTED},
    ).fetchall()  # fmt: skip


def animals(connection: Connection, *, viewer: Viewer) -> list[dict[str, Any]]:
    """Every animal with its number of fixes and its last position that may be seen."""
    return connection.execute(
        "SELECT a.animal, a.species, count(seen.fixed_at) AS fixes, "  # noqa: S608
        "max(seen.fixed_at) AS last_fixed_at, "
        "(array_agg(seen.lon ORDER BY seen.fixed_at DESC))[1] AS lon, "
        "(array_agg(seen.lat ORDER BY seen.fixed_at DESC))[1] AS lat "
        f"FROM animal a LEFT JOIN ({_SEEN_FIXES}) AS seen USING (animal) "
        "GROUP BY a.animal ORDER BY a.animal",
        {**Selection().parameters, **viewer.parameters},
    ).fetchall()


def animals_of(connection: Connection, deployments: set[int]) -> list[str]:
    """Animals of these deployments, by name."""
    if not deployments:
        return []
    rows = connection.execute(
        "SELECT DISTINCT animal FROM deployment WHERE id = ANY(%s) ORDER BY animal",
        (list(deployments),),
    ).fetchall()
    return [row["animal"] for row in rows]


def findings(
    connection: Connection,
    selection: Selection,
    *,
    viewer: Viewer,
    kind: str | None,
    place: str | None,
    state: str,
    limit: int,
    after: int = 0,
) -> list[dict[str, Any]]:
    """Findings in order of their number; ``state`` is active, withdrawn or all."""
    return connection.execute(
        "SELECT * FROM (SELECT f.id, f.kind, d.animal, d.device, f.place, "  # noqa: S608
        "f.starts_at, f.ends_at, f.happened_at, "
        f"{sensitivity.lon_deg('f')} AS lon, {sensitivity.lat_deg('f')} AS lat, f.facts, f.rule, "
        "f.code_version, f.revision, f.found_at, f.withdrawn_at "
        "FROM finding f JOIN deployment d ON d.id = f.deployment JOIN animal a USING (animal) "
        f"WHERE {sensitivity.released('f.ends_at')} AND {_IN_TIME.format(at='f.happened_at')}) "
        f"AS seen WHERE {_SELECTED} AND id > %(after)s "
        "AND (%(kind)s::text IS NULL OR kind = %(kind)s) "
        "AND (%(place)s::text IS NULL OR place = %(place)s) "
        "AND CASE %(state)s WHEN 'all' THEN true "
        "WHEN 'active' THEN withdrawn_at IS NULL ELSE withdrawn_at IS NOT NULL END "
        "ORDER BY id LIMIT %(limit)s",
        {**selection.parameters, **viewer.parameters, "kind": kind, "place": place,
         "state": state, "limit": limit, "after": after},
    ).fetchall()  # fmt: skip
