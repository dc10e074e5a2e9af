"""`remit tools import mcp`: the tools that an MCP server lists, as tools of the project.

The server is asked by a process of its own (`activities.tools.mcp_listing`), which starts, bounds
and stops it as a worker does. No tool is called.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from remit.canonical import JSONObject
from remit.cli.apart import ApartError, ask_apart
from remit.cli.errors import stack, usage
from remit.cli.importing.file import place_of, standing
from remit.cli.importing.said import checked_domains, default_domain, said_text, said_texts
from remit.cli.importing.writing import How, bring_in
from remit.cli.place import find_project
from remit.stores.oauth import load_clients
from remit.tool.address import normal_host
from remit.tool.mcp_import import Wanted, take
from remit.tool.oauth import SCHEME, token_hosts
from remit.tool.secret import references

_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed."""

    command: tuple[str, ...]
    url: str | None
    environment: tuple[str, ...]
    headers: tuple[str, ...]
    into: Path | None
    domain: str | None
    owner: str | None
    only: tuple[str, ...]
    destinations: tuple[str, ...]
    region: str | None
    trusts: bool


def import_mcp(asked: Asked, project: Path | None, how: How) -> int:
    """Import the tools of an MCP server."""
    folder = find_project(project)
    server = _server(asked)
    destinations = _destinations(asked, token_hosts(load_clients(folder)))
    # What is typed wrongly is told before a server is started.
    if asked.domain is not None or asked.into is not None:
        standing(place_of(folder, asked.into, _domain(asked, "")), "mcp")
    listed = _listing(server, destinations, folder)
    named = str(listed["server"])
    file = place_of(folder, asked.into, _domain(asked, named))
    before = standing(file, "mcp")
    said = {} if before is None else before.options
    domain = asked.domain or said_text(said, "domain") or _domain(asked, named)
    wanted = Wanted(
        domain=checked_domains((domain,))[0],
        owner=asked.owner or said_text(said, "owner") or f"team:{domain}",
        server=server,
        source=(asked.url or " ".join(asked.command)).partition("?")[0],
        destinations=destinations,
        private=tuple(str(host) for host in _list(listed["private"])),
        region=asked.region or said_text(said, "region") or "unstated",
        only=asked.only or said_texts(said, "only"),
        trusts=asked.trusts,
    )
    tools = [tool for tool in _list(listed["tools"]) if isinstance(tool, dict)]
    made = take(tools, wanted, named, str(listed["revision"]))
    return bring_in(folder, file, before, made, how)


def _domain(asked: Asked, named: str) -> str:
    """Return what was typed; else the file's name, or what the server calls itself."""
    if asked.domain:
        return checked_domains((asked.domain,))[0]
    return default_domain(asked.into, named.partition(" ")[0] or "mcp")


def _server(asked: Asked) -> JSONObject:
    if bool(asked.command) == bool(asked.url):
        message = "an import needs a command after --stdio, or an address after --url"
        raise usage("CLI-USAGE", message, "remit tools import mcp --stdio COMMAND [ARGUMENT…]")
    if asked.url:
        server: JSONObject = {"transport": "http", "url": asked.url}
        if asked.headers:
            server["headers"] = {**_pairs("--header", asked.headers)}
        return server
    server = {"transport": "stdio", "command": [*asked.command]}
    if asked.environment:
        server["environment"] = {**_pairs("--env", asked.environment)}
    return server


def _destinations(asked: Asked, givers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the hosts that may be reached: typed, or the address's own, and who gives tokens."""
    if not asked.url:
        return asked.destinations
    got = [each for text in asked.headers for each in references(text.partition("=")[2])]
    hosts = [givers[each.name] for each in got if each.scheme == SCHEME and each.name in givers]
    listed = asked.destinations or (_host(asked.url),)
    return tuple(dict.fromkeys((*listed, *map(normal_host, hosts))))


def _host(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "$" in parts.netloc:
        message = f"which host {url[:120]!r} is, is not plain to see"
        hint = "write http://HOST[:PORT]/PATH, or name the host: --destination HOST"
        raise usage("CLI-USAGE", message, hint)
    return normal_host(parts.hostname)


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    parted = [each.partition("=") for each in given]
    for name, equals, value in parted:
        if not (name and equals and value):
            message = f"{option} {name!r} names no reference"
            raise usage("CLI-USAGE", message, f"{option} NAME=env:VARIABLE")
    return {name: value for name, _, value in parted}


def _listing(server: JSONObject, destinations: tuple[str, ...], folder: Path) -> JSONObject:
    question: JSONObject = {"server": server, "destinations": [*destinations]}
    try:
        told = ask_apart("activities.tools.mcp_listing", question, folder, _WAIT_S)
    except ApartError as error:
        message = f"the server could not be asked ({error})"
        raise stack("IMPORT-SERVER", message, "start it by hand, and see what it says") from error
    fault = told.get("fault")
    if isinstance(fault, dict):
        words = str(fault.get("words") or "see that it starts, and what its secrets are")
        raise stack(str(fault["code"]), str(fault["message"]), words)
    return told


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
