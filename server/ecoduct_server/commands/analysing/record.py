"""The record of a run, ``record.json``: what was done with what, so that it can be done again.

Keys, always all of them:

========== ==================================================================================
format     ``ecoduct-analysis/1``; another number when a key changes its meaning
command    as it is typed, for example ``analyse screen``
mode       of the method, null where it has one only
rules      every rule by name, with all its values, the defaults too
seed       of the random numbers, null where there are none
inputs     ``path``, ``bytes`` and ``sha256`` of each file
crs        projection of the results, null for a plane that is not on the globe
counts     what was read and found, by name
versions   of this project and of what it computes with
started_at, finished_at
           ISO 8601 in UTC
outputs    names of the files beside the record
========== ==================================================================================
"""

import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import pyogrio
import pyproj
import shapely

from ecoduct_server.commands.analysing.inputs import rule_values
from ecoduct_server.errors import BadRequest
from ecoduct_wire.clock import to_iso

NAME: Final = "record.json"
FORMAT: Final = "ecoduct-analysis/1"
_PACKAGES: Final = (
    "ecoduct", "numpy", "scipy", "shapely", "numba", "pyproj", "pyarrow", "pyogrio",
    "rasterio", "ruptures", "matplotlib",
)  # fmt: skip
_PARTS: Final = (".shx", ".dbf", ".prj", ".cpg")  # of a Shapefile


def make_record(
    command: str,
    *,
    inputs: Sequence[Path],
    rules: Mapping[str, Any] | Sequence[Any] = (),
    counts: Mapping[str, int],
    crs: str | None,
    started_ms: int,
    finished_ms: int,
    mode: str | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Say what a run did; see above for the keys.

    Parameters
    ----------
    rules : sequence of rules
        Frozen dataclasses; each is kept under the name of its class.
    counts : dict
        Numbers by name.
    """
    kept = rules if isinstance(rules, Mapping) else {type(rule).__name__: rule for rule in rules}
    return {
        "format": FORMAT,
        "command": command,
        "mode": mode,
        "rules": {
            name: rule_values(rule) if is_dataclass(rule) else rule for name, rule in kept.items()
        },
        "seed": seed,
        "inputs": [_described(part) for path in inputs for part in _parts(path)],
        "crs": crs,
        "counts": {name: int(count) for name, count in counts.items()},
        "versions": _versions(),
        "started_at": to_iso(started_ms),
        "finished_at": to_iso(finished_ms),
    }


def write(path: Path, record: dict[str, Any]) -> None:
    """Write a record; what JSON cannot hold (inf) becomes text."""
    path.write_text(json.dumps(_plain(record), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def is_record(path: Path) -> bool:
    """Whether a file is the record of a run."""
    return _read(path) is not None


def outputs(folder: Path) -> list[str]:
    """Files in a folder of results that its record names."""
    known = (_read(folder / NAME) or {}).get("outputs", [])
    # A name with a folder in it is not ours, and must not lead a clean-up elsewhere.
    return [name for name in known if isinstance(name, str) and Path(name).name == name]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    is_ours = isinstance(found, dict) and str(found.get("format")).startswith("ecoduct-analysis/")
    return found if is_ours else None


def _parts(path: Path) -> list[Path]:
    beside = [path.with_suffix(part) for part in _PARTS] if path.suffix.lower() == ".shp" else []
    return [path, *(part for part in beside if part.exists())]


def _described(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return {"path": str(path), "bytes": file.tell(), "sha256": digest}
    except OSError as error:
        raise BadRequest(
            f"The file cannot be read: {error.strerror}.", where=str(path), remedy="Check its name."
        ) from error


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _PACKAGES} | {
        "python": platform.python_version(),
        "proj": pyproj.proj_version_str,
        "geos": shapely.geos_version_string,
        "gdal": pyogrio.__gdal_version_string__,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
