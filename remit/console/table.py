"""`[console]` of `remit.toml`: where the console listens, and who says who somebody is.

Without a login names are claims, so the console is for this machine alone: it refuses to listen
anywhere but on loopback. Secrets are named by file, and stand in no setting.
"""

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

PORT = 8234
"""Port that is tried first: the one behind Temporal's web UI."""

Address = Annotated[str, Field(pattern=r"^https?://[^\s?#]+$", max_length=500)]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        # Of names only this one is loopback by the resolver's own rule (RFC 6761).
        return host == "localhost"


def host_of(address: str) -> str:
    """Return the host of an address, without its port."""
    return urlsplit(address).hostname or ""


class Oidc(BaseModel):
    """Who tells the console who somebody is: `[console.oidc]` of `remit.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Address
    client_id: Annotated[str, Field(min_length=1, max_length=200)]
    client_secret_file: Path | None = None
    """File with the client's secret; none for a public client, which PKCE alone protects."""
    person_claim: Annotated[str, Field(min_length=1, max_length=100)] = "email"
    """Claim with the name under which policies know a person."""
    scopes: tuple[str, ...] = ("openid", "email")

    @model_validator(mode="after")
    def _is_private(self) -> "Oidc":
        if not self.issuer.startswith("https://") and not is_loopback(host_of(self.issuer)):
            raise ValueError("issuer: https, unless it is on this machine")
        return self


class ConsoleTable(BaseModel):
    """`[console]` of `remit.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Annotated[str, Field(min_length=1, max_length=253)] = "127.0.0.1"
    """Where it listens."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Its port, where it is free."""
    base_url: Address | None = None
    """Under which address browsers reach it; needed with a login, and behind a proxy."""
    oidc: Oidc | None = None
    session_hours: Annotated[float, Field(gt=0, le=24)] = 8

    @model_validator(mode="after")
    def _is_safe(self) -> "ConsoleTable":
        if self.oidc is None:
            if not is_loopback(self.host):
                raise ValueError(
                    f"host {self.host!r}: without [console.oidc] names are claims, and the console "
                    "listens on loopback alone"
                )
            return self
        if self.base_url is None:
            raise ValueError(
                "base_url: with [console.oidc] the issuer must know where to send back"
            )
        if not self.is_secure and not is_loopback(host_of(self.base_url)):
            raise ValueError("base_url: https, unless it is on this machine")
        return self

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it by https."""
        return (self.base_url or "").startswith("https://")
