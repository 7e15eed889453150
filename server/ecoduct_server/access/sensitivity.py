"""What a viewer may see of protected animals: delayed and coarse, decided here for every output.

Every query that shows a position joins its rows to `animal` as ``a`` and uses these fragments
with the parameters of `Viewer.parameters`; none writes a rule of its own.
"""

from dataclasses import dataclass
from typing import Any

from ecoduct_wire.clock import to_datetime


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks. ``exact`` sees everything as it is; others see what is released."""

    exact: bool
    now_ms: int

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters that the fragments below expect in a query."""
        return {"exact": self.exact, "seen_at": to_datetime(self.now_ms)}


def released(at: str) -> str:
    """SQL condition: the moment in column ``at`` may be shown."""
    return f"(%(exact)s OR {at} <= %(seen_at)s - a.delay_s * interval '1 second')"


def lon_deg(table: str) -> str:
    """SQL expression: longitude in degrees as the viewer may see it."""
    cell = f"coarse_lon_e7({table}.lon_e7, {table}.lat_e7, a.coarsen_m)"
    return f"(CASE WHEN %(exact)s THEN {table}.lon_e7 ELSE {cell} END / 1e7)::float8"


def lat_deg(table: str) -> str:
    """SQL expression: latitude in degrees as the viewer may see it."""
    cell = f"coarse_lat_e7({table}.lat_e7, a.coarsen_m)"
    return f"(CASE WHEN %(exact)s THEN {table}.lat_e7 ELSE {cell} END / 1e7)::float8"
