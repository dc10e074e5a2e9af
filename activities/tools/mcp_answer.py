"""What the answer of an MCP tool means for a call.

An answer says that it happened unless it is marked as an error; and what such an error says, the
contract knows. The output is made of what the contract names and of nothing else: whatever stands
in it is data, bounded, with secrets masked, and held against the output schema by the caller.
"""

from mcp_types import CallToolResult, ResourceLink, TextContent

from remit.canonical import JSON, NotCanonicalError, canonical
from remit.secrets.secrets import Secrets
from remit.tool.call import Absent, Broken, Happened, Refused, ToolAnswer, ToolCall, Unknown
from remit.tool.document import DocumentError, parse_json
from remit.tool.mcp import McpKind
from remit.tool.pointer import PointerError, follow


class _UnusableError(Exception):
    """The answer cannot be used; the message says why."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


def interpret(
    call: ToolCall, kind: McpKind, result: CallToolResult, secrets: Secrets
) -> ToolAnswer:
    """Return what `result` says about the call."""
    ref = call.contract.ref
    if result.is_error:
        return failed(call, kind, "TOOL-ERROR", f"answered an error{_said(result, secrets)}")
    try:
        output = secrets.mask_json(_output(kind, result))
        size = len(canonical(output))
    except _UnusableError as error:
        return Broken(error.code, f"{ref} {secrets.shown(str(error))}")
    except NotCanonicalError as error:
        return Broken("TOOL-BAD-JSON", f"{ref} answered what has no single reading: {error}")
    if size > kind.max_bytes:
        return Broken("TOOL-ANSWER-TOO-LARGE", f"{ref} answered more than {kind.max_bytes} bytes")
    if call.purpose == "probe" and kind.absent is not None and _is_empty(output, kind.absent):
        return Absent()
    return Happened(output)


def failed(call: ToolCall, kind: McpKind, code: str, said: str) -> Refused | Unknown:
    """Return what an error says, according to the contract."""
    message = f"{call.contract.ref} {said}"
    if kind.errors == "refused" or not call.contract.operation.has_effect:
        return Refused("TOOL-REFUSED" if code == "TOOL-ERROR" else code, message)
    return Unknown(code, f"{message}; it may have happened")


def _output(kind: McpKind, result: CallToolResult) -> JSON:
    if kind.answer == "structured":
        if result.structured_content is None:
            raise _UnusableError("TOOL-CONTENT", "answered without structured content")
        structured: JSON = result.structured_content
        return structured
    texts: list[str] = []
    links: list[JSON] = []
    for block in result.content:
        match block:
            case TextContent():
                texts.append(block.text)
            case ResourceLink() if kind.answer == "text":
                links.append({"uri": str(block.uri), "name": block.name})
            case _:
                message = f"answered with {block.type!r} in place of text"
                raise _UnusableError("TOOL-CONTENT", message)
    if sum(map(len, texts)) > kind.max_bytes:
        message = f"answered more than {kind.max_bytes} bytes"
        raise _UnusableError("TOOL-ANSWER-TOO-LARGE", message)
    if kind.answer == "text":
        text: dict[str, JSON] = {"text": "\n".join(texts)}
        return {**text, "links": links} if links else text
    if len(texts) != 1:
        message = f"answered {len(texts)} texts in place of one with JSON"
        raise _UnusableError("TOOL-CONTENT", message)
    try:
        return parse_json(texts[0])
    except DocumentError as error:
        raise _UnusableError(
            "TOOL-BAD-JSON", f"answered no JSON with one reading: {error}"
        ) from error


def _is_empty(output: JSON, place: str) -> bool:
    try:
        return follow(output, place) in (None, False, "", [], {})
    except PointerError:
        return True


def _said(result: CallToolResult, secrets: Secrets) -> str:
    """Return the tool's own words about an error; bounded, without secrets."""
    texts = [block.text for block in result.content[:4] if block.type == "text"]
    shown = secrets.shown(" ".join(texts))
    return f" ({shown})" if shown else ""
