"""Settings: a TOML file, then ``ECODUCT_EDGE_*``, into frozen dataclasses.

An unknown key is refused with the nearest spelling: a setting that is silently ignored costs a
trip to the mountain.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

from ecoduct_edge.errors import SettingsError
from ecoduct_edge.framing import FORMATS
from ecoduct_wire.clock import from_iso
from ecoduct_wire.errors import WireError
from ecoduct_wire.topics import checked_gateway

T = TypeVar("T")

ENVIRONMENT: Final = "ECODUCT_EDGE_"
_PORT_SCHEMES: Final = ("serial", "tcp", "file")


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Where the broker is and how to enter."""

    url: str = "mqtt://127.0.0.1:1883"
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    keepalive_s: int = 30


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """How much the disk may keep, and how many messages share one write."""

    max_bytes: int = 2_000_000_000
    commit_messages: int = 256
    commit_ms: int = 100


@dataclass(frozen=True, slots=True)
class UplinkSettings:
    """How messages travel: size of a batch, how long to wait for it, how far to run ahead."""

    batch_messages: int = 200
    linger_ms: int = 200
    window_batches: int = 8
    resend_after_s: float = 5.0


@dataclass(frozen=True, slots=True)
class PortSettings:
    """One receiver. ``device`` names the collar where the receiver does not say which."""

    name: str
    url: str
    format: str = "auto"
    device: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a gateway is told."""

    gateway: str
    data_dir: str = "/var/lib/ecoduct-edge"
    earliest: str = "2015-01-01T00:00:00Z"
    latest_ahead_s: int = 86_400
    mqtt: MqttSettings = MqttSettings()
    spool: SpoolSettings = SpoolSettings()
    uplink: UplinkSettings = UplinkSettings()
    ports: tuple[PortSettings, ...] = ()

    @property
    def earliest_ms(self) -> int:
        """``earliest`` in milliseconds since 1970 UTC."""
        return from_iso(self.earliest)

    @property
    def spool_path(self) -> Path:
        """The file of the spool."""
        return Path(self.data_dir) / "spool.sqlite"

    @property
    def journal_path(self) -> Path:
        """The folder of the journals, one for each port."""
        return Path(self.data_dir) / "journal"


_SECTIONS: Final[dict[str, type]] = {
    "mqtt": MqttSettings,
    "spool": SpoolSettings,
    "uplink": UplinkSettings,
}


def load(path: Path, *, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises
    ------
    SettingsError
        The file cannot be read, or a key or value is wrong.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"The settings cannot be read: {error}",
            where=str(path),
            remedy="Begin with `ecoduct-edge settings --example > edge.toml`.",
        ) from error
    return build(_overridden(table, environment), where=str(path))


def build(table: Mapping[str, Any], *, where: str) -> Settings:
    """Settings of a TOML table; raises `SettingsError`."""
    given = dict(table)
    if "ports" in given:
        raise _unknown("ports", ["port"], where)
    ports = given.pop("port", [])
    if not isinstance(ports, list) or not all(isinstance(port, dict) for port in ports):
        raise _wrong("`port` must be written as [[port]].", where)
    for name, kind in _SECTIONS.items():
        if name in given:
            given[name] = _build(kind, given[name], where=f"{where} [{name}]")
    given["ports"] = tuple(
        _build(PortSettings, port, where=f"{where} [[port]] {place}")
        for place, port in enumerate(ports, start=1)
    )
    if isinstance(given.get("earliest"), datetime):
        given["earliest"] = given["earliest"].isoformat()
    settings = _build(Settings, given, where=where)
    _check(settings, where)
    return settings


def _build(kind: type[T], table: Any, *, where: str) -> T:
    if not isinstance(table, dict):
        raise _wrong("A table was expected.", where)
    known = {item.name: cast("type", item.type) for item in fields(kind)}  # type: ignore[arg-type]
    for key, value in table.items():
        if key not in known:
            raise _unknown(key, [*known, "port"], where)
        wanted = known[key]
        if wanted not in (str, int, float):
            continue
        fits = isinstance(value, (int, float) if wanted is float else wanted)
        if not fits or isinstance(value, bool):
            raise _wrong(f"`{key}` is {value!r}; a {wanted.__name__} was expected.", where)
        if wanted is not str and value <= 0:
            raise _wrong(f"`{key}` is {value!r}; it must be above 0.", where)
    try:
        return kind(**table)
    except TypeError as error:
        raise _wrong(f"A setting is missing: {error}", where) from error


def _check(settings: Settings, where: str) -> None:
    try:
        checked_gateway(settings.gateway)
        from_iso(settings.earliest)
    except WireError as error:
        raise SettingsError(error.what, where=where, remedy=error.remedy) from error
    except ValueError as error:
        raise _wrong(f"`earliest` is {settings.earliest!r}, not a time.", where) from error
    _check_url(settings.mqtt.url, ("mqtt", "mqtts"), where)
    names = [port.name for port in settings.ports]
    if len(names) != len(set(names)):
        raise _wrong("Two ports have the same name.", where)
    for port in settings.ports:
        _check_url(port.url, _PORT_SCHEMES, where)
        if port.format not in FORMATS:
            raise _unknown(port.format, FORMATS, f"{where}, format of port {port.name!r}")
        if not port.name.isprintable() or not 1 <= len(port.name) <= 32:  # noqa: PLR2004 - room for counters
            raise _wrong(f"Port name {port.name!r} must be 1 to 32 printable characters.", where)


def _check_url(url: str, schemes: Iterable[str], where: str) -> None:
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and (parts.port is None or parts.port > 0)
    except ValueError:
        is_good = False
    if not is_good:
        raise _wrong(f"{url!r} is not a URL of {' or '.join(schemes)}.", where)


def _overridden(table: dict[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """The table with the values of ``ECODUCT_EDGE_<KEY>`` and ``ECODUCT_EDGE_<SECTION>_<KEY>``."""
    targets: dict[str, tuple[str, str, type]] = {}
    for section, kind in (("", Settings), *_SECTIONS.items()):
        for item in fields(kind):
            if item.type in (str, int, float):
                name = f"{section}_{item.name}" if section else item.name
                targets[ENVIRONMENT + name.upper()] = section, item.name, cast("type", item.type)
    result = {
        key: dict(value) if isinstance(value, dict) else value for key, value in table.items()
    }
    for name, text in environment.items():
        if not name.startswith(ENVIRONMENT):
            continue
        if name not in targets:
            raise _unknown(name, targets, "environment")
        section, key, wanted = targets[name]
        place = result.setdefault(section, {}) if section else result
        try:
            place[key] = wanted(text)
        except ValueError as error:
            raise _wrong(
                f"{name} is {text!r}; a {wanted.__name__} was expected.", "environment"
            ) from error
    return result


def _unknown(key: str, known: Iterable[str], where: str) -> SettingsError:
    near = difflib.get_close_matches(
        key, [name for name in known if name != "ports"], n=1, cutoff=0.5
    )
    remedy = f"Did you mean `{near[0]}`?" if near else "See `ecoduct-edge settings --example`."
    return SettingsError(f"`{key}` is not known here.", where=where, remedy=remedy)


def _wrong(what: str, where: str) -> SettingsError:
    return SettingsError(what, where=where, remedy="See `ecoduct-edge settings --example`.")


def example() -> str:
    """Return the documented example, which is also deploy/edge.example.toml."""
    return resources.files("ecoduct_edge").joinpath("example.toml").read_text(encoding="utf-8")
