"""Where an operation is served, and which hosts its tool may reach.

A document says where its service is, and may lie: an address inside somebody's network is taken
from whoever imports, or when the document itself came from that host, and from nobody else. Nothing
of a document is ever read as a reference to the environment.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

from remit.canonical import JSON, JSONObject
from remit.diagnostic import Diagnostic
from remit.tool.address import Address, AddressError, normal_host
from remit.tool.imported import private_note
from remit.tool.openapi.source import Source, UnfitError, at
from remit.tool.openapi.wanted import Wanted
from remit.tool.reach import Range, plain_ip, range_of

_LITERAL = re.compile(
    r"https?://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(:\d{1,5})?(/[A-Za-z0-9._~/%-]*)?"
)
_VARIABLE = re.compile(r"\{([^{}]*)\}")
_NUMBER = re.compile(r"(0[xX][0-9A-Fa-f]*|[0-9]+)\.?")
_HINT = "name the service's address: --server URL"


@dataclass(frozen=True, slots=True)
class Server:
    """Where operations are served."""

    base: str
    destinations: tuple[str, ...]
    private: tuple[str, ...] = ()
    """Host names that are of a network: by themselves, and whoever imports named them, or because
    the document was fetched from a private address of theirs."""

    def beside(self, hosts: Sequence[str]) -> "Server":
        """Return it with `hosts` that its tools reach too: those that give access tokens."""
        new = tuple(host for host in map(normal_host, hosts) if host not in self.destinations)
        inner = tuple(host for host in new if plain_ip(host) is None and _is_inside(host))
        listed = (*self.destinations, *dict.fromkeys(new))
        return replace(self, destinations=listed, private=(*self.private, *dict.fromkeys(inner)))


class ServerReader:
    """Reads the servers of a document."""

    def __init__(self, source: Source, wanted: Wanted) -> None:
        self._source = source
        self._wanted = wanted
        self.notes: list[Diagnostic] = []

    def of(self, *holders: tuple[JSONObject, str]) -> Server:
        """Return the server that the first of `holders` (operation, path, document) names.

        Raises:
            UnfitError: there is none, or none that may be reached.
        """
        if self._wanted.server is not None:
            return self._given(self._wanted.server)
        for holder, where in holders:
            if isinstance(holder.get("servers"), list) and holder["servers"]:
                return self._declared(holder["servers"], at(where, "servers"))
        return self._server("/", "/servers")

    def _given(self, base: str) -> Server:
        try:
            address = Address.parse(base.rstrip("/"))
        except AddressError as error:
            raise UnfitError("OPENAPI-SERVER", "/servers", str(error), _HINT) from error
        hosts = self._wanted.destinations or ((address.host,) if address.host else ())
        if not hosts:
            hint = "name the hosts that may be reached: --destination HOST"
            message = f"which host {base!r} is, is not plain to see"
            raise UnfitError("OPENAPI-SERVER", "/servers", message, hint)
        return self._at(base, hosts)

    def _declared(self, servers: JSON, where: str) -> Server:
        listed: Sequence[JSON] = servers if isinstance(servers, list) else []
        node, place = self._source.part(listed[0], at(where, 0))
        url = node.get("url")
        if not isinstance(url, str):
            raise UnfitError("OPENAPI-SERVER", place, "the server has no `url`", _HINT)
        filled = _VARIABLE.sub(lambda found: _default(node, found[1], place), url)
        if filled != url:
            message = f"the server's variables have their defaults: {filled[:120]}"
            self._note("OPENAPI-SERVER", place, message, "--server URL names another")
        if len(listed) > 1:
            message = f"the first of {len(listed)} servers is taken: {filled[:120]}"
            self._note("OPENAPI-SERVER", where, message, "--server URL names another")
        return self._server(filled, place)

    def _server(self, url: str, where: str) -> Server:
        origin = self._wanted.origin
        if origin is not None:
            url = urljoin(origin, url)
        found = _LITERAL.fullmatch(url)
        if found is None or ".." in url:
            message = f"{url[:120]!r} is no plain http(s) address of a server"
            raise UnfitError("OPENAPI-SERVER", where, message, _HINT)
        host = normal_host(found["host"])
        is_own = origin is not None and host == normal_host(urlsplit(origin).hostname or "")
        if _is_inside(host) and not is_own:
            message = f"the document names an address inside a network, {host!r}, as its server"
            raise UnfitError("OPENAPI-SERVER-PRIVATE", where, message, _HINT)
        if url.startswith("http:") and not _is_inside(host):
            message = f"{host!r} is called without encryption: secrets can be read on the way"
            self._note("OPENAPI-SERVER-PLAIN", where, message, "use https")
        hosts = self._wanted.destinations or (host,)
        return self._at(url, hosts)

    def _at(self, base: str, hosts: Sequence[str]) -> Server:
        listed = tuple(normal_host(host) for host in hosts)
        origin = self._wanted.origin if self._wanted.is_private else None
        own = normal_host(urlsplit(origin or "").hostname or "")
        names = [host for host in listed if "/" not in host and plain_ip(host) is None]
        private = tuple(host for host in names if host == own or _is_inside(host))
        if own in private:
            self._once(private_note(own))
        return Server(base.rstrip("/"), listed, private)

    def _note(self, code: str, where: str, message: str, hint: str) -> None:
        self._once(Diagnostic(code=code, path=where, message=message, hint=hint))

    def _once(self, note: Diagnostic) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _default(node: JSONObject, name: str, where: str) -> str:
    variables = node.get("variables")
    told = variables.get(name) if isinstance(variables, dict) else None
    value = told.get("default") if isinstance(told, dict) else None
    if not isinstance(value, str):
        message = f"the server's variable {name[:60]!r} has no default"
        raise UnfitError("OPENAPI-SERVER", at(where, "variables"), message, _HINT)
    return value


def _is_inside(host: str) -> bool:
    """Say whether a host is, by its name alone, inside a network; odd spellings count as inside."""
    address = plain_ip(host)
    if address is not None:
        return range_of(address) is not Range.PUBLIC
    last = host.rpartition(".")[2]
    inner = ("localhost", "local", "internal", "lan", "home", "intranet")
    return "." not in host or last in inner or _NUMBER.fullmatch(last) is not None
