"""Which receiver hears which collar, and how well."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ecoduct_sim.collar import distance_m
from ecoduct_sim.frames import Heard

# Log-distance loss over open ground, anchored where 868 MHz at 14 dBm usually is.
_AT_1_KM_DBM: Final = -85.0
_PER_DECADE_DB: Final = 28.0
_FADING_DB: Final = 4.0
_SENSITIVITY_DBM: Final = -120.0
_NOISE_DBM: Final = -112.0


@dataclass(frozen=True, slots=True)
class Receiver:
    """A LoRa modem in the field; degrees."""

    port: str
    lon: float
    lat: float


class Radio:
    """The air between collars and receivers.

    The nearest receiver always hears: what is lost on the way is a fault that `Faults` notes, so
    that every missing fix is accounted for. Others hear if the signal reaches them.
    """

    def __init__(self, receivers: Sequence[Receiver], *, rng: random.Random) -> None:
        self._receivers = receivers
        self._rng = rng

    def transmit(self, *, lon: float, lat: float) -> list[tuple[str, Heard]]:
        """Ports that hear a frame sent from a position in degrees, nearest receiver first."""
        by_distance = sorted(
            (distance_m((lon, lat), (receiver.lon, receiver.lat)), receiver.port)
            for receiver in self._receivers
        )
        found = []
        for rank, (away_m, port) in enumerate(by_distance):
            heard = self._heard(away_m)
            if rank == 0 or heard.rssi_dbm > _SENSITIVITY_DBM:
                found.append((port, heard))
        return found

    def _heard(self, away_m: float) -> Heard:
        mean_dbm = _AT_1_KM_DBM - _PER_DECADE_DB * math.log10(max(away_m, 20.0) / 1000)
        rssi_dbm = max(mean_dbm + self._rng.gauss(0, _FADING_DB), -130.0)
        return Heard(round(rssi_dbm), round(max(-20.0, min(10.0, rssi_dbm - _NOISE_DBM))))
