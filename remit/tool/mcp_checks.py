"""What must hold of an `mcp` tool: its server, and who takes the step key."""

import re
from collections.abc import Iterator

from remit.diagnostic import Diagnostic
from remit.tool.contract import ToolContract
from remit.tool.http_checks import RESERVED_HEADERS
from remit.tool.mcp import McpKind, StdioServer, StreamableHttpServer
from remit.tool.outside_checks import header_faults, secret_faults, server_faults, text_faults
from remit.tool.places import finding, pointer_faults
from remit.tool.secret import SCHEMES

_IN_TEXT = re.compile(rf"\$\{{|^({'|'.join(SCHEMES)}):")
_TAKEN = RESERVED_HEADERS | {"accept", "accept-encoding", "last-event-id"}
_OWN = ("PATH", "HOME")


def mcp_faults(contract: ToolContract, call: McpKind) -> Iterator[Diagnostic]:
    """Yield everything that is wrong with the `mcp` part of `contract`."""
    if isinstance(call.server, StdioServer):
        yield from _stdio_faults(contract, call.server)
    else:
        yield from _http_faults(contract, call.server)
    properties = contract.input_schema.get("properties")
    if call.key_argument and isinstance(properties, dict) and call.key_argument in properties:
        message = f"plans could set {call.key_argument!r}, which carries the step key"
        where = ("call", "key_argument")
        yield finding(contract, "TOOL-KEY-ARGUMENT", where, message, "drop it from `input_schema`")
    if call.absent is not None:
        where = ("call", "absent")
        yield from pointer_faults(contract, where, call.absent, contract.output_schema)


def _stdio_faults(contract: ToolContract, server: StdioServer) -> Iterator[Diagnostic]:
    for index, argument in enumerate(server.command):
        if _IN_TEXT.search(argument):
            where = ("call", "server", "command", index)
            message = "a reference in a command line, which everybody on the machine can read"
            hint = "hand it over in `environment`"
            yield finding(contract, "TOOL-MCP-SERVER", where, message, hint)
    for name, value in server.environment.items():
        place = ("call", "server", "environment", name)
        if name in _OWN:
            message = f"{name} comes from the worker"
            yield finding(contract, "TOOL-MCP-SERVER", place, message, "drop it")
        else:
            yield from secret_faults(contract, place, value)


def _http_faults(contract: ToolContract, server: StreamableHttpServer) -> Iterator[Diagnostic]:
    yield from server_faults(contract, ("call", "server", "url"), server.url)
    for name, value in server.headers.items():
        place = ("call", "server", "headers", name)
        is_taken = name.lower() in _TAKEN or name.lower().startswith("mcp-")
        yield from header_faults(contract, place, name, is_taken=is_taken)
        yield from text_faults(contract, place, value)
