"""The one way out: every connection of a tool is checked by name and by address, then pinned.

A call names a host. The guard checks that its contract lists it, resolves it once, checks *every*
address that came back, and sends the request over a connection that was made to one of exactly
these addresses, for exactly this name: both are the key under which connections are kept, so that
an idle one serves only calls for which its address has just been checked. Nothing resolves the name
again in between, which is what DNS rebinding lives on. Host header, TLS name and the certificate
stay the name's.

With a proxy the name goes to the proxy, which resolves it and is believed; see
`activities.tools.tunnel`.

Ways that lost: rewriting the URL to the address (connections of two names on one address would be
shared, and the second name's certificate never be looked at), and a look-up of its own in the
network back end (an idle connection would never be checked).
"""

import asyncio
import random
import ssl
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpcore2
import httpx2

from activities.tools.resolving import Resolver
from activities.tools.tunnel import Proxy, open_tunnel
from remit.tool.reach import IP, Reach, plain_ip

REACH = "remit.reach"
"""Request extension that says what the call's contract may reach."""
_STAGGER_S = 0.25
"""After which a second address is tried while the first has not answered, in seconds."""
_MOST_ADDRESSES = 8


class EgressError(Exception):
    """A connection that must not be made; nothing was sent. The message says which and why."""


def listed_url(text: str, reach: Reach) -> httpx2.URL:
    """Return the URL as the client will read it: plain, and of a host that is listed.

    Raises:
        EgressError: it leads elsewhere.
        httpx2.InvalidURL: it is none.
    """
    url = httpx2.URL(text)
    if url.userinfo or url.scheme not in ("http", "https"):
        raise EgressError("the URL has user information or is not http(s)")
    if fault := reach.host_fault(url.raw_host.decode("ascii")):
        raise EgressError(fault)
    return url


def is_encoded(response: httpx2.Response) -> bool:
    """Whether a body comes in an encoding, which nobody asks for: it could hide how large it is."""
    encoding = str(response.headers.get("content-encoding", ""))
    return encoding.strip().lower() not in ("", "identity")


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """A pool of connections to what contracts list, and to nothing else."""

    def __init__(
        self,
        limits: httpx2.Limits,
        resolver: Resolver,
        proxy: Proxy | None = None,
        reach: Reach | None = None,
        unauthorized: Callable[[Iterable[str]], None] | None = None,
    ) -> None:
        """Make an empty pool.

        Args:
            limits: of connections.
            resolver: shared by the worker's pools.
            proxy: through which all connections go.
            reach: what every request may reach; without it each brings its own (`REACH`).
            unauthorized: told of the headers' values of a request that is answered with 401.
        """
        self._unauthorized = unauthorized
        context = httpx2.create_ssl_context()
        super().__init__(verify=context, trust_env=False, limits=limits, retries=0)
        # The transport's own pool has no connection yet, and gets none.
        self._pool = _Pool(context, limits, resolver, proxy, reach)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request to what may be reached."""
        response = await super().handle_async_request(request)
        if response.status_code == 401 and self._unauthorized is not None:
            self._unauthorized(request.headers.values())
        return response


class Reaching(httpx2.AsyncBaseTransport):
    """A shared pool, as one contract may use it: for clients that make their own requests."""

    def __init__(self, pool: httpx2.AsyncBaseTransport, reach: Reach) -> None:
        """Use `pool`, which is not closed with this."""
        self._shared = pool
        self._reach = reach

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request to what may be reached."""
        request.extensions = {**request.extensions, REACH: self._reach}
        return await self._shared.handle_async_request(request)


class _Pool(httpcore2.AsyncConnectionPool):
    def __init__(
        self,
        context: ssl.SSLContext,
        limits: httpx2.Limits,
        resolver: Resolver,
        proxy: Proxy | None,
        reach: Reach | None,
    ) -> None:
        super().__init__(
            ssl_context=context,
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            retries=0,
            network_backend=_Dialler(resolver, proxy),
        )
        self._resolver = resolver
        self._goes_through = proxy
        self._reach = reach

    async def handle_async_request(self, request: httpcore2.Request) -> httpcore2.Response:
        host = request.url.host.decode("ascii")
        reach = self._reach or request.extensions.get(REACH)
        if not isinstance(reach, Reach):
            raise EgressError(f"nobody said what may be reached, so {host!r} may not")
        if fault := reach.host_fault(host):
            raise EgressError(fault)
        timeouts = request.extensions.get("timeout", {})
        addresses = await self._addresses(host, reach, timeouts.get("connect"))
        url = httpcore2.URL(
            scheme=request.url.scheme,
            host="|".join((host, *addresses)).encode("ascii"),
            port=request.url.port,
            target=request.url.target,
        )
        pinned = httpcore2.Request(
            method=request.method,
            url=url,
            headers=request.headers,
            content=request.stream,
            extensions={**request.extensions, "sni_hostname": host.strip("[]")},
        )
        return await super().handle_async_request(pinned)

    async def _addresses(self, host: str, reach: Reach, within_s: float | None) -> list[str]:
        """Return the checked addresses in an order that does not change with the resolver's."""
        literal = plain_ip(host)
        if literal is None and self._goes_through is not None:
            return []
        found = [str(literal)] if literal is not None else await self._resolve(host, within_s)
        checked: list[IP] = []
        for text in found:
            address = plain_ip(text)
            if address is None:
                raise EgressError(f"{host!r} is at {text!r}, which is no address")
            if fault := reach.address_fault(host, address):
                raise EgressError(fault)
            checked.append(address)
        first = checked[0].version
        ordered = sorted(set(checked[:_MOST_ADDRESSES]), key=lambda a: (a.version != first, int(a)))
        return [str(address) for address in ordered]

    async def _resolve(self, host: str, within_s: float | None) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(within_s):
                return await self._resolver(host)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"no answer about the name {host!r}") from error
        except OSError as error:
            raise httpcore2.ConnectError(f"the name {host!r} has no address") from error


class _Dialler(httpcore2.AsyncNetworkBackend):
    """Connects to the addresses that the pool put behind the name, and to no others."""

    def __init__(self, resolver: Resolver, proxy: Proxy | None) -> None:
        self._resolver = resolver
        self._proxy = proxy
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        name, *addresses = host.split("|")
        if self._proxy is not None:
            return await open_tunnel(self._network, self._proxy, name, port, timeout)
        try:
            if len(addresses) == 1:
                return await self._network.connect_tcp(addresses[0], port, timeout)
            return await self._race(_spread(addresses), port, timeout)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
            self._resolver.forget(name)
            raise

    async def _race(
        self, addresses: list[str], port: int, within_s: float | None
    ) -> httpcore2.AsyncNetworkStream:
        """Return the first connection that is made; a silent address holds nobody up for long."""
        waiting, running = list(addresses), set[asyncio.Task[httpcore2.AsyncNetworkStream]]()
        failed: BaseException = httpcore2.ConnectError("no address")
        try:
            while waiting or running:
                if waiting:
                    dialling = self._network.connect_tcp(waiting.pop(0), port, within_s)
                    running.add(asyncio.create_task(dialling))
                pause = _STAGGER_S if waiting else None
                done, _ = await asyncio.wait(
                    running, timeout=pause, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    running.discard(task)
                    error = task.exception()
                    if error is None:
                        running |= done - {task}
                        return task.result()
                    failed = error
        finally:
            await _drop(running)
        raise failed


def _spread(addresses: list[str]) -> list[str]:
    """Return the first family's addresses first, each family's in any order: that is load's."""
    first = ":" in addresses[0]
    shuffled = random.sample(addresses, len(addresses))
    return sorted(shuffled, key=lambda each: (":" in each) != first)


async def _drop(tasks: Iterable["asyncio.Task[httpcore2.AsyncNetworkStream]"]) -> None:
    """End what lost the race, and close what was connected all the same."""
    losers = list(tasks)
    for task in losers:
        task.cancel()
    for ended in await asyncio.gather(*losers, return_exceptions=True):
        if not isinstance(ended, BaseException):
            await ended.aclose()


def reaching(reach: Reach) -> Mapping[str, object]:
    """Return the request extension that says what a call may reach."""
    return {REACH: reach}
