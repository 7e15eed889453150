"""Send a table of tracks as if its animals walked now: exact positions, true times."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ecoduct_sim.collar import Fix, movement
from ecoduct_sim.tracks_table import Row

# Beyond this two rows are too close in time, or one is wrong; a receiver would not say so.
_TOO_FAST_M_S: Final = 100.0


def animals_of(rows: Iterable[Row]) -> list[str]:
    """Names of the animals, sorted; their places in this list are the numbers of their collars."""
    return sorted({row.animal for row in rows})


def fixes_of(rows: Iterable[Row]) -> Iterator[tuple[Fix, Row]]:
    """Each row as its collar recorded it: position to 1e-7 degrees, speed from the row before."""
    before: dict[str, tuple[int, float, float]] = {}
    for row in rows:
        now = (row.at_ms, row.lon, row.lat)
        speed_m_s, heading_deg = movement(before.get(row.animal, now), now)
        before[row.animal] = now
        fix = Fix(
            animal=row.animal,
            fixed_at_ms=row.at_ms,
            lon_e7=round(row.lon * 1e7),
            lat_e7=round(row.lat * 1e7),
            speed_mm_s=round(speed_m_s * 1000) if speed_m_s < _TOO_FAST_M_S else 0,
            heading_cdeg=round(heading_deg * 100) % 36_000,
        )
        yield fix, row


def receivers_for(rows: Sequence[Row], *, count: int) -> list[tuple[float, float]]:
    """Spread receivers evenly over the sorted positions, so that they stand where animals walk."""
    walked = sorted((row.lon, row.lat) for row in rows)
    return [walked[(2 * index + 1) * len(walked) // (2 * count)] for index in range(count)]
