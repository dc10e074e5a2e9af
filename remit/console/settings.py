"""What the console's process is told by its environment (`REMIT_*`)."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from remit.console.table import PORT, ConsoleTable
from remit.variables import LedgerAddress


class ConsoleSettings(BaseSettings):
    """Settings of the console's process; every field is the variable `REMIT_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="REMIT_", extra="ignore", frozen=True)

    console: ConsoleTable = ConsoleTable()
    """As JSON; `null` for the defaults."""
    console_port: Annotated[int, Field(ge=0, le=65535)] = PORT
    console_key_file: Path | None = None
    """File with the secret that signs sessions; without one a restart signs everybody out."""
    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    payload_keys: str = ""
    """References to keys for what Temporal keeps, see `remit.client.codec`; empty: plain."""
    temporal_ui: str = ""
    """Base address of Temporal's web UI, for links."""
    ledger_url: LedgerAddress
    project: Path | None = None
    """Folder whose tools and plans are listed."""
    profile: str = "light"

    @field_validator("console", mode="before")
    @classmethod
    def _or_defaults(cls, given: object) -> object:
        return {} if given is None else given
