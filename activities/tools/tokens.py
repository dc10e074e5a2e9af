"""Access tokens of OAuth 2: got when a call needs one, kept until shortly before they end.

One answer serves all calls that wait for it, and is kept in memory alone. A token that is answered
with 401 is let go of, so that the next attempt gets another one. The call itself is not sent again
here: an adapter calls once; whether there is a next attempt, and policy still allows it, others
decide.

Nothing of a token or of its client's secret is ever logged or put into a message.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from activities.tools.egress import EgressError, listed_url
from activities.tools.token_request import Granted, Question, ask
from remit.secrets.errors import SecretError
from remit.secrets.faraway import MOST_S
from remit.secrets.secrets import Issued, Secrets
from remit.tool.address import Address
from remit.tool.oauth import OAuthClient, address_fault
from remit.tool.reach import Reach
from remit.tool.secret import Reference, references

_LIMITS = httpx2.Limits(max_connections=32, max_keepalive_connections=0)
"""Questions are hours apart: a connection that is kept is lost before the next one."""
_MOST_ASKED = 32
_MOST_KEPT = 256
_AHEAD_S = 30.0
"""How long before its end a token is not used any more, in seconds; at most half of its time."""

_Key = tuple[str, tuple[str, ...]]
"""A client, and for whom its credentials are."""


@dataclass(frozen=True, slots=True)
class _Kept:
    granted: Granted = field(repr=False)
    until: float
    """Moment of `time.monotonic()`."""


class Tokens:
    """The access tokens of one worker, used on one event loop."""

    def __init__(
        self,
        clients: Mapping[str, OAuthClient],
        environ: Mapping[str, str],
        folder: Path,
        transport: Callable[[httpx2.Limits], httpx2.AsyncBaseTransport],
    ) -> None:
        """Have none yet.

        Args:
            clients: those that the project declares.
            environ: of the worker.
            folder: the project's.
            transport: makes a pool whose requests bring what they may reach.
        """
        self._clients = clients
        self._environ = environ
        self._folder = folder
        self._make_transport = transport
        self._transport: httpx2.AsyncBaseTransport | None = None
        self._kept: dict[_Key, _Kept] = {}
        self._asked: dict[tuple[_Key, Reach], asyncio.Task[Granted]] = {}

    async def issue(
        self, reference: Reference, principal: Mapping[str, str], reach: Reach, within_s: float
    ) -> Issued:
        """Return the token that `reference` (`oauth:NAME`) leads to.

        Args:
            reference: as one principal has it.
            principal: that one.
            reach: what the call that needs the token may reach.
            within_s: how long it may take, in seconds.

        Raises:
            SecretError: it cannot be had.
            AddressError, EgressError, ProxyRefusedError: nobody may be asked for it.
        """
        said = f"the secret {reference}"
        client = self._clients.get(reference.name)
        if client is None:
            message = f"{said}: remit.toml declares no [oauth.{reference.name}]"
            raise SecretError("SECRET-MISSING", message)
        # For one that is kept too: which tools may have it must not hang on who came first.
        url = self._url(client, reach)
        key = reference.name, _whose(client, principal)
        kept = self._kept.get(key)
        if kept is not None and time.monotonic() < kept.until:
            return Issued(kept.granted.token, kept.granted.behind, is_kept=True)
        asked = self._asked.get((key, reach)) or self._ask(key, reach, client, principal, url)
        try:
            async with asyncio.timeout(max(0.0, min(within_s, MOST_S))):
                # Who gives up does not end it for the others.
                granted = await asyncio.shield(asked)
        except TimeoutError as error:
            message = f"{said}: no token in time; see whether {url.host!r} is reachable"
            raise SecretError("SECRET-UNREACHABLE", message, again=True) from error
        return Issued(granted.token, granted.behind, is_kept=False)

    def refused(self, texts: Iterable[str]) -> None:
        """Let go of the tokens in `texts`: somebody answered them with 401."""
        told = [*texts]
        for key, kept in [*self._kept.items()]:
            if any(kept.granted.token in text for text in told):
                del self._kept[key]

    async def aclose(self) -> None:
        """Let go of tokens and connections."""
        self._kept.clear()
        asked = [*self._asked.values()]
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        if self._transport is not None:
            await self._transport.aclose()

    def _url(self, client: OAuthClient, reach: Reach) -> httpx2.URL:
        url = listed_url(Address.parse(client.token_url).fill({}, self._environ), reach)
        if fault := address_fault(str(url), url.host):
            raise EgressError(f"{url.host!r}: {fault}")
        return url

    def _ask(
        self,
        key: _Key,
        reach: Reach,
        client: OAuthClient,
        principal: Mapping[str, str],
        url: httpx2.URL,
    ) -> asyncio.Task[Granted]:
        name, _ = key
        if len(self._asked) >= _MOST_ASKED:
            message = f"the secret oauth:{name}: too many tokens are asked for already"
            raise SecretError("SECRET-UNREACHABLE", message, again=True)
        secrets = Secrets(self._environ, self._folder, principal)
        asked = asyncio.create_task(self._get(key, Question(name, client, url, reach), secrets))
        self._asked[key, reach] = asked

        def ended(task: asyncio.Task[Granted]) -> None:
            del self._asked[key, reach]
            # Nobody may be waiting any more; that is no fault to report.
            _ = task.cancelled() or task.exception()

        asked.add_done_callback(ended)
        return asked

    async def _get(self, key: _Key, question: Question, secrets: Secrets) -> Granted:
        if self._transport is None:
            self._transport = self._make_transport(_LIMITS)
        begun = time.monotonic()
        async with asyncio.timeout(MOST_S):
            await secrets.read(question.client.credentials, begun + MOST_S)
            granted = await ask(question, secrets, self._transport)
        until = begun + granted.lasts_s - min(_AHEAD_S, granted.lasts_s / 2)
        while len(self._kept) >= _MOST_KEPT:
            del self._kept[min(self._kept, key=lambda each: self._kept[each].until)]
        self._kept[key] = _Kept(granted, until)
        return granted


def _whose(client: OAuthClient, principal: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names that choose the client's credentials."""
    found = [each for text in client.credentials for each in references(text)]
    places = {place for reference in found for place in reference.places}
    return tuple(principal.get(place, "") for place in sorted(places))
