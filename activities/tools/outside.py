"""What an adapter gets of the world outside: secrets and connections, and nothing else.

Every adapter takes one. What all calls must keep to on their way out stands in
`activities.tools.egress` and `remit.secrets`; an adapter makes no connection of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from activities.tools.egress import GuardedTransport
from activities.tools.resolving import Resolver
from activities.tools.tunnel import Proxy
from remit.secrets.secrets import Secrets
from remit.stores.artifacts import ArtifactStore
from remit.tool.call import ToolCall
from remit.tool.reach import Reach


@dataclass(frozen=True, slots=True)
class Outside:
    """A worker's way out."""

    environ: Mapping[str, str]
    """Where `env:NAME` is looked up."""
    folder: Path
    """The project's: what relative paths of secrets start from."""

    resolver: Resolver = field(default_factory=Resolver)
    proxy: Proxy | None = None
    """What all connections go through, if anything."""
    artifacts: ArtifactStore | None = None
    """Where large results and bodies lie, if anywhere."""

    def secrets(self, call: ToolCall | None = None) -> Secrets:
        """Return the secrets of one call, with its principal's; they are read anew for each.

        `await secrets.read(texts, call.deadline)` comes first, then `secrets.resolve(text)`.
        """
        return Secrets(self.environ, self.folder, None if call is None else call.principal)

    def transport(
        self, limits: httpx2.Limits, reach: Reach | None = None
    ) -> httpx2.AsyncHTTPTransport:
        """Return a pool of connections that leads to listed hosts alone and never tries twice.

        A client of somebody else's may be built on it; redirects that it follows are checked too.

        Args:
            limits: of connections.
            reach: `Reach.of(contract)` where the pool serves one contract; without it each request
                brings its own (`activities.tools.egress.reaching`) or is refused.
        """
        return GuardedTransport(limits, self.resolver, self.proxy, reach)
