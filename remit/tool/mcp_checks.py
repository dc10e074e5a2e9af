"""What must hold of an `mcp` tool: its server, and who takes the step key."""

import re
from collections.abc import Iterator

from remit.diagnostic import Diagnostic
from remit.tool.address import Address, AddressError
from remit.tool.contract import ToolContract
from remit.tool.environment_checks import environment_faults
from remit.tool.http_checks import RESERVED_HEADERS
from remit.tool.mcp import McpKind, StdioServer, StreamableHttpServer
from remit.tool.places import finding, pointer_faults
from remit.tool.reach import Reach

_IN_TEXT = re.compile(r"\$\{|^(env|file|keyring|vault):")
_TAKEN = RESERVED_HEADERS | {"accept", "accept-encoding", "last-event-id"}
_OWN = frozenset({"PATH", "HOME"})


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
    place = ("call", "server", "environment")
    for name in server.environment.keys() & _OWN:
        message = f"{name} comes from the worker"
        yield finding(contract, "TOOL-MCP-SERVER", (*place, name), message, "drop it")
    yield from environment_faults(contract, "TOOL-MCP-SERVER", place, server.environment)


def _http_faults(contract: ToolContract, server: StreamableHttpServer) -> Iterator[Diagnostic]:
    where = ("call", "server", "url")
    try:
        address = Address.parse(server.url)
    except AddressError as error:
        yield finding(contract, "TOOL-URL", where, str(error), "write the server's address")
        return
    if address.arguments:
        message = "the address of a server takes no arguments"
        yield finding(contract, "TOOL-URL", where, message, "write them out")
    if not contract.destinations:
        hint = "list the host names it may reach"
        yield finding(contract, "TOOL-DESTINATION", ("destinations",), "there are none", hint)
    elif address.host is not None and (fault := Reach.of(contract).host_fault(address.host)):
        yield finding(contract, "TOOL-DESTINATION", where, fault, "add the host to them")
    for name in server.headers:
        place = ("call", "server", "headers", name)
        if name.lower() in _TAKEN or name.lower().startswith("mcp-"):
            message = f"the header {name!r} is set by Remit or changes what a request is"
            yield finding(contract, "TOOL-HEADER", place, message, "drop it")
        elif not (name.isascii() and name.replace("-", "").replace("_", "").isalnum()):
            message = f"{name!r} is not a header name"
            yield finding(contract, "TOOL-HEADER", place, message, "use letters, digits and '-'")
