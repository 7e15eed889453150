"""Findings: what detectors say now, against what they said before."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb

from ecoduct_server.store.pool import Connection
from ecoduct_server.store.tracks import Window
from ecoduct_wire import __version__
from ecoduct_wire.clock import to_datetime, to_ms


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector reports of one deployment.

    Attributes
    ----------
    kind : str
        The detector's word, for example ``crossing``.
    place : str or None
        Feature of the landscape.
    starts_ms, ends_ms : int, ms since 1970 UTC
        The fixes it rests on lie in this span.
    happened_ms : int, ms since 1970 UTC
        The moment that a person is told.
    facts : dict
        What else is known; JSON, exact, so that two can be compared.
    """

    deployment: int
    kind: str
    place: str | None
    starts_ms: int
    ends_ms: int
    happened_ms: int
    lon_e7: int
    lat_e7: int
    facts: Mapping[str, Any] = field(default_factory=dict)
    rule: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stored:
    """A finding with its number."""

    id: int
    finding: Finding


@dataclass(frozen=True, slots=True)
class Changes:
    """Difference between what was stored and what is found; alerts come only from this."""

    new: list[Stored]
    changed: list[Stored]
    withdrawn: list[Stored]


def touching(
    connection: Connection, windows: Sequence[Window], *, kinds: Sequence[str]
) -> list[Stored]:
    """Findings of some kinds, not withdrawn, that overlap the windows of their deployments."""
    rows = connection.execute(
        "SELECT f.* FROM unnest(%s::int8[], %s::timestamptz[], %s::timestamptz[]) "
        "AS w (deployment, since, until) JOIN finding f ON f.deployment = w.deployment "
        "AND f.kind = ANY(%s) AND f.withdrawn_at IS NULL "
        "AND f.starts_at <= w.until AND f.ends_at >= w.since ORDER BY f.id",
        (
            [window.deployment for window in windows],
            [to_datetime(window.since_ms) for window in windows],
            [to_datetime(window.until_ms) for window in windows],
            list(kinds),
        ),
    ).fetchall()
    return [Stored(row["id"], _from_row(row)) for row in rows]


def reconcile(
    connection: Connection,
    windows: Sequence[Window],
    found: Iterable[Finding],
    *,
    kinds: Sequence[str],
    now_ms: int,
) -> Changes:
    """Make the stored findings of some kinds equal to what is found within the windows.

    A finding is the same as a stored one if kind and place agree and their spans overlap; of
    several the one that overlaps longest. It then keeps its number.
    """
    spans = {window.deployment: window for window in windows}
    fresh = [finding for finding in found if _touches(finding, spans[finding.deployment])]
    stored = touching(connection, windows, kinds=kinds)
    pairs = match(stored, fresh)
    changes = Changes(new=[], changed=[], withdrawn=[])
    for place, finding in enumerate(fresh):
        old = pairs.get(place)
        if old is None:
            changes.new.append(Stored(_insert(connection, finding, now_ms), finding))
        elif old.finding != finding:
            _update(connection, old.id, finding)
            changes.changed.append(Stored(old.id, finding))
    same = {old.id for old in pairs.values()}
    changes.withdrawn.extend(old for old in stored if old.id not in same)
    connection.execute(
        "UPDATE finding SET withdrawn_at = %s, revision = revision + 1 WHERE id = ANY(%s)",
        (to_datetime(now_ms), [old.id for old in changes.withdrawn]),
    )
    return changes


def match(stored: Sequence[Stored], fresh: Sequence[Finding]) -> dict[int, Stored]:
    """Stored finding for each place in ``fresh`` that has one; each is used at most once."""
    by_key: dict[tuple[int, str, str | None], list[Stored]] = defaultdict(list)
    for old in stored:
        by_key[_key(old.finding)].append(old)
    claims = sorted(
        (-overlap, old.finding.starts_ms, finding.starts_ms, old.id, place)
        for place, finding in enumerate(fresh)
        for old in by_key.get(_key(finding), ())
        if (overlap := _overlap_ms(old.finding, finding)) >= 0
    )
    by_id = {old.id: old for old in stored}
    pairs: dict[int, Stored] = {}
    used: set[int] = set()
    for *_, old_id, place in claims:
        if old_id not in used and place not in pairs:
            pairs[place] = by_id[old_id]
            used.add(old_id)
    return pairs


def _key(finding: Finding) -> tuple[int, str, str | None]:
    return finding.deployment, finding.kind, finding.place


def _overlap_ms(one: Finding, other: Finding) -> int:
    return min(one.ends_ms, other.ends_ms) - max(one.starts_ms, other.starts_ms)


def _touches(finding: Finding, window: Window) -> bool:
    return finding.starts_ms <= window.until_ms and finding.ends_ms >= window.since_ms


def _insert(connection: Connection, finding: Finding, now_ms: int) -> int:
    row = connection.execute(
        "INSERT INTO finding (deployment, kind, place, starts_at, ends_at, happened_at, lon_e7, "
        "lat_e7, facts, rule, code_version, found_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        (finding.deployment, *_columns(finding), __version__, to_datetime(now_ms)),
    ).fetchone()
    return int(row["id"]) if row else 0


def _update(connection: Connection, number: int, finding: Finding) -> None:
    connection.execute(
        "UPDATE finding SET (kind, place, starts_at, ends_at, happened_at, lon_e7, lat_e7, facts, "
        "rule, code_version) = (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s), revision = revision + 1 "
        "WHERE id = %s",
        (*_columns(finding), __version__, number),
    )


def _columns(finding: Finding) -> tuple[Any, ...]:
    return (
        finding.kind,
        finding.place,
        to_datetime(finding.starts_ms),
        to_datetime(finding.ends_ms),
        to_datetime(finding.happened_ms),
        finding.lon_e7,
        finding.lat_e7,
        Jsonb(dict(finding.facts)),
        Jsonb(dict(finding.rule)),
    )


def _from_row(row: Mapping[str, Any]) -> Finding:
    return Finding(
        deployment=row["deployment"],
        kind=row["kind"],
        place=row["place"],
        starts_ms=to_ms(row["starts_at"]),
        ends_ms=to_ms(row["ends_at"]),
        happened_ms=to_ms(row["happened_at"]),
        lon_e7=row["lon_e7"],
        lat_e7=row["lat_e7"],
        facts=row["facts"],
        rule=row["rule"],
    )
