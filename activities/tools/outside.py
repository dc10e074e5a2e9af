"""What an adapter gets of the world outside: secrets and connections, and nothing else.

Every adapter takes one. What all calls must keep to on their way out stands in
`activities.tools.egress` and `remit.secrets`; an adapter makes no connection of its own.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import httpx2

from activities.tools.egress import GuardedTransport
from activities.tools.resolving import Resolver
from activities.tools.tokens import Tokens
from activities.tools.tunnel import Proxy
from remit.secrets.secrets import Issued, Secrets
from remit.stores.artifacts import ArtifactStore
from remit.stores.oauth import load_clients
from remit.tool.call import ToolCall
from remit.tool.oauth import OAuthClient
from remit.tool.reach import Reach
from remit.tool.secret import Reference

PROXY = "REMIT_EGRESS_PROXY"
"""Variable with the forward proxy of all connections, `remit.toml`'s `[egress] proxy`."""


def proxy_of(stated: str, environ: Mapping[str, str], folder: Path) -> Proxy | None:
    """Return the proxy that `REMIT_EGRESS_PROXY` states, its secrets resolved; empty for none.

    Raises:
        SecretError: a reference in it leads to nothing.
        ValueError: it is none; the message does not repeat it.
    """
    return Proxy.of(Secrets(environ, folder).resolve(stated))


class Outside:
    """A worker's way out."""

    def __init__(
        self,
        environ: Mapping[str, str],
        folder: Path,
        *,
        resolver: Resolver | None = None,
        proxy: Proxy | None = None,
        artifacts: ArtifactStore | None = None,
        clients: Mapping[str, OAuthClient] | None = None,
    ) -> None:
        """Reach nothing yet.

        Args:
            environ: where `env:NAME` is looked up.
            folder: the project's: what relative paths of secrets start from.
            resolver: from names to addresses; without it the system's.
            proxy: what all connections go through, if anything.
            artifacts: where large results and bodies lie, if anywhere.
            clients: those of OAuth 2, by name.
        """
        self.environ = environ
        self.folder = folder
        self.resolver = resolver or Resolver()
        self.proxy = proxy
        self.artifacts = artifacts
        self._tokens = Tokens(clients or {}, environ, folder, self._for_tokens)

    def secrets(self, call: ToolCall) -> Secrets:
        """Return the secrets of one call, with its principal's; they are read anew for each.

        `await secrets.read(texts, call.deadline)` comes first, then `secrets.resolve(text)`.
        """
        return self.secrets_within(Reach.of(call.contract), call.principal)

    def secrets_within(self, reach: Reach, principal: Mapping[str, str]) -> Secrets:
        """Return the secrets of what may reach so much, for `principal`."""

        async def issue(reference: Reference, within_s: float) -> Issued:
            return await self._tokens.issue(reference, principal, reach, within_s)

        return Secrets(self.environ, self.folder, principal, issue)

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
        return GuardedTransport(limits, self.resolver, self.proxy, reach, self._tokens.refused)

    @classmethod
    def of_command(cls, folder: Path) -> "Outside":
        """Return the way out of what the command line starts: that of a worker of the project.

        Raises:
            SecretError, ValueError: its proxy cannot be used.
            InvalidDocumentError: its clients of OAuth 2 cannot.
        """
        proxy = proxy_of(os.environ.get(PROXY, ""), os.environ, folder)
        return cls(os.environ, folder, proxy=proxy, clients=load_clients(folder))

    async def aclose(self) -> None:
        """Let go of access tokens, and of connections to whoever gives them."""
        await self._tokens.aclose()

    def _for_tokens(self, limits: httpx2.Limits) -> httpx2.AsyncHTTPTransport:
        return GuardedTransport(limits, self.resolver, self.proxy)
