"""Which port carries which collar: the plan of a simulated field."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ecoduct_sim.errors import UsageError
from ecoduct_sim.frames import CABLE, LORA, Format

Choice = Literal["mixed", "ubx", "nmea", "reyax", "rak"]
CHOICES: Final[tuple[Choice, ...]] = ("mixed", "ubx", "nmea", "reyax", "rak")


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a gateway; ``device`` is set if it carries one collar, which does not say so."""

    name: str
    gateway: str
    form: Format
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """How one animal's collar reaches the ports: by its own port, or by LoRa if None."""

    number: int
    device: str
    cable: Port | None


@dataclass(frozen=True, slots=True)
class Plan:
    """All ports, and the link of each animal."""

    ports: tuple[Port, ...]
    links: dict[str, Link]

    @property
    def lora_ports(self) -> tuple[Port, ...]:
        """Ports of LoRa modems, in order."""
        return tuple(port for port in self.ports if port.form in LORA)


def plan(animals: Sequence[str], *, form: Choice, receivers: int) -> Plan:
    """Give every animal a port or a place on the air.

    ``mixed`` gives every fourth animal a u-blox on a cable, every fourth an NMEA receiver, and
    half of them LoRa. Receiver ``n`` is a modem of gateway ``hut-n``; cables go round the huts.

    Raises
    ------
    UsageError
        There is no receiver.
    """
    if receivers < 1:
        raise UsageError(
            f"{receivers} receivers cannot hear anything.",
            where="--receivers",
            remedy="Give 1 or more.",
        )
    links: dict[str, Link] = {}
    cables: list[Port] = []
    for index, animal in enumerate(animals):
        cable_form = _cable_form(index, form)
        cable = None
        if cable_form:
            device = _clean(animal, taken={port.device for port in cables})
            gateway = f"hut-{len(cables) % receivers + 1}"
            cable = Port(f"collar-{device}", gateway, cable_form, device)
            cables.append(cable)
        number = index + 1
        device = cable.device if cable and cable.device else f"collar:{number}"
        links[animal] = Link(number, device, cable)
    modems = [
        Port(f"lora-{index + 1}", f"hut-{index + 1}", _lora_form(index, form))
        for index in range(receivers)
        if any(link.cable is None for link in links.values())
    ]
    return Plan((*cables, *modems), links)


def _cable_form(index: int, form: Choice) -> Format | None:
    if form == "mixed":
        return CABLE[index % 4 // 2] if index % 2 == 0 else None
    return form if form in CABLE else None


def _lora_form(index: int, form: Choice) -> Format:
    return LORA[index % 2] if form == "mixed" else form


def _clean(animal: str, *, taken: set[str | None]) -> str:
    """Name that can stand in a file name and on the wire, and that no other port has."""
    base = re.sub(r"[^A-Za-z0-9_.-]", "-", animal).lstrip(".-")[:60] or "collar"
    name, copy = base, 1
    while name in taken:
        copy += 1
        name = f"{base}-{copy}"
    return name
