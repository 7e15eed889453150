"""What can be set: by option, then by environment variable ``ECODUCT_…``, then these defaults."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ServerSettings(BaseSettings):
    """Settings of the server; ``deploy/server.example.env`` is printed from these lines."""

    model_config = SettingsConfigDict(env_prefix="ECODUCT_", extra="ignore", frozen=True)

    data: Path = Field(
        default=Path("ecoduct-data"),
        description="Folder of the embedded database and broker; unused when both are given.",
    )
    database: str = Field(
        default="",
        description="PostgreSQL, as postgresql://user:password@host/name. Empty: embedded.",
    )
    broker: str = Field(
        default="", description="MQTT 5 broker, as mqtt://host:1883. Empty: embedded."
    )
    host: str = Field(default="127.0.0.1", description="Address on which pages are served.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port of the pages; 0: any free.")
    key: str = Field(
        default="",
        description="Whoever sends it as `Authorization: Bearer …` sees protected animals exactly. "
        "Empty: everybody on this machine does, when pages are served to this machine only.",
    )
    late_after_s: float = Field(
        default=7200.0, ge=0, description="An alert of an older fix is marked late, s."
    )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the pages."""
        return self.host in ("127.0.0.1", "::1", "localhost")


def example() -> str:
    """Every setting with its default, documented, as a file of environment variables."""
    lines = ["# Settings of the Ecoduct server. Every line is a default; change what you need."]
    for name, field in ServerSettings.model_fields.items():
        lines += ["", f"# {field.description}", f"ECODUCT_{name.upper()}={field.default}"]
    return "\n".join(lines) + "\n"
