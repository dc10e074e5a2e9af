"""`remit tools import mcp`: contracts of the tools that an MCP server lists.

The server is asked by a process of its own (`activities.tools.mcp_listing`), which starts, bounds
and stops it as a worker does. No tool is called. Without `--into` the contracts are printed.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from remit.canonical import JSONObject, digest
from remit.cli.compiling import findings_of
from remit.cli.errors import ExitCode, stack, usage
from remit.cli.importing.mcp_file import difference, held, merged, rendered
from remit.cli.output import answer, documented, note, raw, shown
from remit.cli.place import find_project
from remit.tool.mcp_import import Taken, Wanted, segment, take

CHANGED = "IMPORT-CHANGED"
_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """The command line."""

    command: list[str]
    url: str | None
    environment: list[str]
    headers: list[str]
    into: Path | None
    domain: str | None
    owner: str | None
    only: list[str]
    trusts: bool
    accepts: bool


def import_mcp(asked: Asked, project: Path | None, *, as_json: bool) -> int:
    """Ask the server, and write or show the contracts."""
    folder = find_project(project)
    server, destinations = _server(asked)
    listed = _listing(server, destinations, folder)
    named = str(listed["server"])
    domain = asked.domain or segment(named.partition(" ")[0] or "mcp")
    wanted = Wanted(
        domain=domain,
        owner=asked.owner or f"team:{domain}",
        server=server,
        destinations=tuple(destinations),
        only=tuple(asked.only),
        trusts=asked.trusts,
    )
    tools = [tool for tool in _list(listed["tools"]) if isinstance(tool, dict)]
    taken = take(tools, wanted)
    header = _header(named, str(listed["revision"]), server, taken, asked.trusts)
    return _told(asked, taken, header, folder, as_json=as_json)


def _told(asked: Asked, taken: Taken, header: list[str], folder: Path, *, as_json: bool) -> int:
    file = None if asked.into is None else (Path.cwd() / asked.into)
    old = None if file is None else held(file)
    body = merged(taken.body(), old)
    changes = [] if file is None else difference(file, old, body)
    writes = file is not None and (old is None or (bool(changes) and asked.accepts))
    if file is not None and writes:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(rendered(header, body), encoding="utf-8")
    found = findings_of([*taken.left_out, *taken.notes])
    is_open = bool(changes) and not writes
    document = {
        "ok": not taken.left_out and not is_open,
        "project": str(folder),
        "file": None if file is None else str(file),
        "written": writes,
        "difference": changes,
        "contracts": body,
        "diagnostics": documented(found),
    }
    if file is None and not as_json:
        raw(rendered(header, body))
        for line in shown(found):
            note(line)
    else:
        answer(document, _lines(file, taken, changes, shown(found), writes), as_json=as_json)
    return ExitCode.FINDINGS if taken.left_out or is_open else ExitCode.OK


def _lines(
    file: Path | None, taken: Taken, changes: list[str], found: list[str], writes: bool
) -> list[str]:
    if writes:
        end = f"{len(taken.tools)} tools written to {file}; read it before you use them"
    elif changes:
        end = f"{CHANGED}: nothing is written; --write writes it"
    else:
        end = f"{len(taken.tools)} tools; {file} is as imported now"
    return [*changes, *found, end]


def _server(asked: Asked) -> tuple[JSONObject, list[str]]:
    if bool(asked.command) == bool(asked.url):
        message = "an import needs a command after --stdio, or an address after --url"
        raise usage("CLI-USAGE", message, "remit tools import mcp --stdio COMMAND [ARGUMENT…]")
    if asked.url:
        host = urlsplit(asked.url).hostname
        if host is None:
            raise usage(
                "CLI-USAGE", f"{asked.url!r} is no address", "write http://HOST[:PORT]/PATH"
            )
        server: JSONObject = {"transport": "http", "url": asked.url}
        if asked.headers:
            server["headers"] = {**_pairs("--header", asked.headers)}
        return server, [host]
    server = {"transport": "stdio", "command": [*asked.command]}
    if asked.environment:
        server["environment"] = {**_pairs("--env", asked.environment)}
    return server, []


def _pairs(option: str, given: list[str]) -> dict[str, str]:
    parted = [each.partition("=") for each in given]
    for name, equals, value in parted:
        if not (name and equals and value):
            message = f"{option} {name!r} names no reference"
            raise usage("CLI-USAGE", message, f"{option} NAME=env:VARIABLE")
    return {name: value for name, _, value in parted}


def _listing(server: JSONObject, destinations: list[str], folder: Path) -> JSONObject:
    from remit.cli.stack.component import python_path

    question = {"server": server, "destinations": destinations, "folder": str(folder)}
    try:
        asked = subprocess.run(
            [sys.executable, "-m", "activities.tools.mcp_listing"],
            input=json.dumps(question),
            capture_output=True,
            text=True,
            check=False,
            timeout=_WAIT_S,
            env={**os.environ, **python_path()},
        )
        told: JSONObject = json.loads(asked.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        message = f"the server could not be asked ({type(error).__name__})"
        raise stack("IMPORT-SERVER", message, "start it by hand, and see what it says") from error
    fault = told.get("fault")
    if isinstance(fault, dict):
        words = str(fault.get("words") or "see that it starts, and what its secrets are")
        raise stack(str(fault["code"]), str(fault["message"]), words)
    return told


def _header(named: str, revision: str, server: JSONObject, taken: Taken, trusts: bool) -> list[str]:
    where = server.get("url") or " ".join(str(part) for part in _list(server.get("command")))
    believed = "were believed (--trust-annotations)" if trusts else "were not believed"
    return [
        "Written by `remit tools import mcp`; read it before you use it.",
        f"from: {where}",
        f"server: {named or 'without a name'}, revision {revision}",
        f"digest: {digest(taken.body())}",
        f"hints: what the server says of its tools' harmlessness {believed}.",
        "What you change here stays when it is imported again; comments do not.",
    ]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
