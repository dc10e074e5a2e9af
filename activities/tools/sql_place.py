"""Which database a `sql` call goes to: its URL, its account, and whether its contract lists it.

The host is checked and resolved as every other way out (docs/egress.md): each address is judged,
and the driver is handed exactly these addresses beside the name.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from activities.tools.egress import EgressError
from activities.tools.outside import Outside
from activities.tools.sql_session import Place
from remit.secrets.secrets import Secrets
from remit.tool.call import ToolCall
from remit.tool.reach import Reach, plain_ip
from remit.tool.sql import SqlKind

_TAKEN = frozenset({"host", "sslmode", "sslrootcert", "sslcert", "sslkey"})
"""What the query of a URL may set; all else could lead elsewhere or change what a session is."""
_PORT = "5432"


class PlaceError(ValueError):
    """The URL cannot be used; the message does not repeat it, as it may hold a password."""


class NoAddressError(OSError):
    """The host's name has no address, or nobody told it in time."""


async def place_of(call: ToolCall, kind: SqlKind, outside: Outside, secrets: Secrets) -> Place:
    """Return where `call` goes; its secrets must have been read.

    Raises:
        PlaceError: the URL is of no form that is taken.
        EgressError: the contract does not list the host, or one of its addresses.
        NoAddressError: the host could not be resolved.
        SecretError: a reference leads to nothing.
    """
    url = secrets.resolve(kind.database)
    is_read = not call.contract.operation.has_effect
    try:
        parts = urlsplit(url)
        port = str(parts.port or _PORT)
    except ValueError as error:
        raise PlaceError("the URL is malformed") from error
    if parts.scheme != kind.dialect:
        raise PlaceError(f"the URL does not begin with `{kind.dialect}://`")
    if kind.dialect == "sqlite":
        return Place("sqlite", (("file", str(_file(parts.path, outside.folder))),), is_read)
    more = _more(parts.query)
    password = secrets.resolve(kind.password) if kind.password else unquote(parts.password or "")
    host = unquote(parts.hostname or "") or more.pop("host", "")
    settings = {"dbname": unquote(parts.path.lstrip("/")), "user": unquote(parts.username or "")}
    if not host or not all(settings.values()):
        raise PlaceError("the URL names no host, no account or no database")
    settings |= more | {"port": port, "password": password}
    settings |= await _to(host, Reach.of(call.contract), call, outside)
    return Place("postgresql", tuple(sorted(settings.items())), is_read)


async def _to(host: str, reach: Reach, call: ToolCall, outside: Outside) -> Mapping[str, str]:
    """Return host and checked addresses, as the driver takes them."""
    if host.startswith("/"):
        # A Unix socket leads to this machine, whatever its folder is called.
        if fault := reach.host_fault("localhost"):
            raise EgressError(fault)
        return {"host": host}
    if "," in host:
        raise PlaceError("the URL names several hosts")
    if fault := reach.host_fault(host):
        raise EgressError(fault)
    literal = plain_ip(host)
    found = [str(literal)] if literal else await _resolved(host, call.deadline, outside)
    for text in found:
        address = plain_ip(text)
        fault = reach.address_fault(host, address) if address else f"{host!r} is at {text!r}"
        if fault:
            raise EgressError(fault)
    addresses = sorted(set(found))
    return {"host": ",".join([host] * len(addresses)), "hostaddr": ",".join(addresses)}


async def _resolved(host: str, deadline: float, outside: Outside) -> list[str]:
    try:
        async with asyncio.timeout_at(deadline):
            return list(await outside.resolver(host))
    except OSError as error:  # a timeout is one too
        raise NoAddressError(f"the name {host!r} has no address") from error


def _more(query: str) -> dict[str, str]:
    made = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(made.keys() - _TAKEN):
        raise PlaceError(f"the URL sets {', '.join(unknown)[:100]!r}, which is not taken")
    return made


def _file(path: str, folder: Path) -> Path:
    """Return the file: `/FILE` of `sqlite:///FILE` is in the project, `//FILE` anywhere."""
    name = unquote(path.removeprefix("/"))
    if not name or "\x00" in name:
        raise PlaceError("the URL names no file")
    return folder / name
