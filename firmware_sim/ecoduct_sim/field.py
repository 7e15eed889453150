"""The simulated field: the way of a fix through memory, frame, air and faults to a port."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ecoduct_sim.clock import to_iso
from ecoduct_sim.collar import Fix, Memory
from ecoduct_sim.collar_frame import MAX_RECORDS
from ecoduct_sim.errors import UsageError
from ecoduct_sim.faults import Faults, Rates, Unplug
from ecoduct_sim.folder import Truth, port_path
from ecoduct_sim.frames import Frame, as_reported, encode_cable, encode_lora
from ecoduct_sim.radio import Radio, Receiver
from ecoduct_sim.stations import Link, Plan
from ecoduct_sim.virtual_port import VirtualPort, pump

# Enough to keep a fast reader busy, little enough that a stopped reader stops the simulation.
_MOST_WAITING_BYTES: Final = 262_144


@dataclass(frozen=True, slots=True)
class Settings:
    """How the field behaves, apart from who lives in it."""

    rates: Rates
    seed: int = 1
    stored: int = 1
    nmea_decimals: int = 7

    def __post_init__(self) -> None:
        for option, value, low, high in (
            ("--stored", self.stored, 1, MAX_RECORDS),
            ("--nmea-decimals", self.nmea_decimals, 2, 7),
        ):
            if not low <= value <= high:
                raise UsageError(
                    f"{option} is {value}.", where=option, remedy=f"Give {low} to {high}."
                )


class Field:
    """Ports under ``folder``, and the way of a fix to them.

    Parameters
    ----------
    receivers : sequence of (lon, lat), degrees
        Where the LoRa modems of the plan stand, in the plan's order.
    report : function
        Called now and then while the field waits; shows progress.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        folder: Path,
        truth: Truth,
        receivers: Sequence[tuple[float, float]],
        settings: Settings,
        report: Callable[["Field"], None],
    ) -> None:
        self._plan = plan
        self._truth = truth
        self._settings = settings
        self._report = report
        self._forms = {port.name: port.form for port in plan.ports}
        # Each has its own luck, so that more faults do not change who hears whom.
        self._radio = Radio(
            [
                Receiver(port.name, *at)
                for port, at in zip(plan.lora_ports, receivers, strict=False)
            ],
            rng=random.Random(f"{settings.seed}/radio"),  # noqa: S311 - weather, not secrets
        )
        self._faults = Faults(
            settings.rates,
            rng=random.Random(f"{settings.seed}/faults"),  # noqa: S311
            note=truth.note,
        )
        self._memories = {animal: Memory(settings.stored) for animal in plan.links}
        self._counters = dict.fromkeys(plan.links, 0)
        self._places: dict[str, tuple[float, float]] = {}
        self.ports = {port.name: VirtualPort(port_path(folder, port)) for port in plan.ports}

    def send(self, fix: Fix, *, lon: float, lat: float) -> None:
        """Let the collar send a fix that it took at a true position, in degrees."""
        link = self._plan.links[fix.animal]
        # Both modems carry the collar frame, so either tells what it can say.
        form = link.cable.form if link.cable else "reyax"
        reported = as_reported(fix, form=form, nmea_decimals=self._settings.nmea_decimals)
        self._note_fix(reported, link, lon=lon, lat=lat)
        shown = self._faults.disturb_clock(reported)
        if link.cable:
            frame = encode_cable(shown, form=form, nmea_decimals=self._settings.nmea_decimals)
            self._pass_on({link.cable.name: frame}, link)
            return
        self._places[fix.animal] = lon, lat
        self._transmit(link, self._memories[fix.animal].keep(shown))

    def wait(self, *, until: float) -> None:
        """Move bytes until a real time (seconds since 1970), and as long as a port is full."""
        while True:
            full = any(port.waiting_bytes > _MOST_WAITING_BYTES for port in self.ports.values())
            pump(self.ports.values(), until=min(until, time.time() + 1) if not full else _soon())
            self._report(self)
            if not full and time.time() >= until:
                return

    def finish(self) -> None:
        """Send what collars and air still hold, and wait until everything is read."""
        for animal, link in self._plan.links.items():
            if link.cable is None:
                self._transmit(link, self._memories[animal].empty())
        for name, port in self.ports.items():
            for frame in self._faults.release(name):
                port.write(frame.data)
        while not all(port.is_drained() for port in self.ports.values()):
            self.wait(until=_soon())

    def hold(self) -> None:
        """Keep the ports there until interrupted."""
        while True:
            self.wait(until=time.time() + 1)

    def close(self) -> None:
        """Take the ports away."""
        for port in self.ports.values():
            port.close()

    def _transmit(self, link: Link, fixes: list[Fix]) -> None:
        if not fixes:
            return
        animal = fixes[0].animal
        counter = self._counters[animal]
        self._counters[animal] += 1
        lon, lat = self._places[animal]
        self._pass_on(
            {
                port: encode_lora(
                    fixes,
                    form=self._forms[port],
                    device_id=link.number,
                    counter=counter,
                    heard=heard,
                )
                for port, heard in self._radio.transmit(lon=lon, lat=lat)
            },
            link,
        )

    def _pass_on(self, frames: dict[str, Frame], link: Link) -> None:
        fixes = next(iter(frames.values())).fixes
        self._truth.note(
            {
                "event": "sent",
                "device": link.device,
                "fixed_at": [to_iso(fix.fixed_at_ms) for fix in fixes],
                "ports": list(frames),
            }
        )
        for name, frame in frames.items():
            port = self.ports[name]
            for item in self._faults.pass_on(frame, port=name):
                if isinstance(item, Unplug):
                    port.unplug()
                else:
                    port.write(item.data)

    def _note_fix(self, fix: Fix, link: Link, *, lon: float, lat: float) -> None:
        self._truth.note(
            {
                "event": "fix" if fix.found else "no_position",
                "animal": fix.animal,
                "device": link.device,
                "fixed_at": to_iso(fix.fixed_at_ms),
                "lon": round(lon, 9),
                "lat": round(lat, 9),
                "lon_e7": fix.lon_e7,
                "lat_e7": fix.lat_e7,
                "h_acc_mm": fix.h_acc_mm,
                "satellites": fix.satellites,
                "battery_mv": fix.battery_mv,
                "temperature_cc": fix.temperature_cc,
                "activity": fix.activity,
                "mortality": fix.mortality,
            }
        )


def _soon() -> float:
    return time.time() + 0.02
