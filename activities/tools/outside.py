"""What an adapter gets of the world outside: secrets and connections, and nothing else.

Every adapter takes one; what all calls must keep to on their way out stands here, once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx2

from activities.tools.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Outside:
    """A worker's way out."""

    environ: Mapping[str, str]
    """Where `env:NAME` is looked up."""
    folder: Path
    """The project's: what relative paths of secrets start from."""

    def secrets(self) -> Secrets:
        """Return the secrets of one call; they are read anew for each."""
        return Secrets(self.environ, self.folder)

    def transport(self, limits: httpx2.Limits) -> httpx2.AsyncHTTPTransport:
        """Return a pool of connections that knows no proxy and never tries twice."""
        return httpx2.AsyncHTTPTransport(
            verify=httpx2.create_ssl_context(), trust_env=False, limits=limits, retries=0
        )
