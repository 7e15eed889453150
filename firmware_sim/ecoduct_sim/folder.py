"""The output folder: ports and who wears what, the landscape, and the truth."""

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecoduct_sim.clock import to_iso
from ecoduct_sim.errors import UsageError
from ecoduct_sim.stations import Port


@dataclass(frozen=True, slots=True)
class Deployment:
    """One collar on one animal from a time on."""

    device: str
    animal: str
    species: str
    starts_at_ms: int


class Truth:
    """What really happened, one JSON object a line in ``truth.jsonl``, and counts of it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self.counts: Counter[str] = Counter()

    def note(self, happened: dict[str, Any]) -> None:
        """Write one thing that happened."""
        self.counts[happened["event"]] += 1
        self._file.write(json.dumps(happened, separators=(",", ":")) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def prepare(folder: Path) -> None:
    """Make the folder, without what an earlier run would mislead with.

    Raises
    ------
    UsageError
        It cannot be made or written.
    """
    try:
        (folder / "ports").mkdir(parents=True, exist_ok=True)
        for earlier in ("ports.json", "landscape.geojson"):
            (folder / earlier).unlink(missing_ok=True)
        (folder / "truth.jsonl").touch()
    except OSError as error:
        raise UsageError(
            f"The folder cannot be used: {error}.",
            where="--out",
            remedy="Give a folder that can be written.",
        ) from error


def write_landscape(folder: Path, geojson: dict[str, Any]) -> None:
    """Write ``landscape.geojson``."""
    _replace(folder / "landscape.geojson", json.dumps(geojson, indent=1))


def write_deployments(folder: Path, deployments: Sequence[Deployment]) -> None:
    """Write ``deployments.csv``; all are open-ended."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["device", "animal", "species", "starts_at", "ends_at"])
    for one in deployments:
        table.writerow([one.device, one.animal, one.species, to_iso(one.starts_at_ms), ""])
    _replace(folder / "deployments.csv", text.getvalue())


def write_ports(folder: Path, ports: Sequence[Port]) -> None:
    """Write ``ports.json``; last, because who sees it opens the ports."""
    listed = [
        {
            "name": port.name,
            "path": str(port_path(folder, port)),
            "format": port.form,
            "gateway": port.gateway,
            "device": port.device,
        }
        for port in ports
    ]
    _replace(folder / "ports.json", json.dumps({"ports": listed}, indent=1))


def port_path(folder: Path, port: Port) -> Path:
    """Where the port's symbolic link is; absolute."""
    return folder.absolute() / "ports" / port.name


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
