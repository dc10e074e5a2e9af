"""An MCP server over streamable HTTP that lists one tool and does nothing else."""

import json

from tests.serving import Asked, body_of, reply


def _told(message: dict) -> dict | None:
    """Return the answer to a message; nothing to a notice."""
    if "id" not in message:
        return None
    about = {"name": "shelf", "version": "1"}
    greeting = {"protocolVersion": "2025-11-25", "serverInfo": about}
    results = {
        "initialize": {**greeting, "capabilities": {"tools": {}}},
        "tools/list": {"tools": [{"name": "put-down", "inputSchema": {"type": "object"}}]},
    }
    head = {"jsonrpc": "2.0", "id": message["id"]}
    if message.get("method") not in results:
        return {**head, "error": {"code": -32601, "message": "unknown"}}
    return {**head, "result": results[message["method"]]}


def answer(asked: Asked) -> None:
    """Answer over HTTP."""
    told = _told(json.loads(body_of(asked)))
    body = b"" if told is None else json.dumps(told).encode()
    reply(asked, body, 200 if body else 202, {"Content-Type": "application/json"})
