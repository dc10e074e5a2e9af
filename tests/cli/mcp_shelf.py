"""An MCP server over streamable HTTP that lists one tool and does nothing else."""

import json

from tests.serving import Silent


def answered(message: dict, tools: list) -> dict | None:
    """Return the answer to a message; nothing to a notice."""
    if "id" not in message:
        return None
    about = {"name": "shelf", "version": "1"}
    greeting = {"protocolVersion": "2025-11-25", "serverInfo": about}
    results = {
        "initialize": {**greeting, "capabilities": {"tools": {}}},
        "tools/list": {"tools": tools},
    }
    head = {"jsonrpc": "2.0", "id": message["id"]}
    if message.get("method") not in results:
        return {**head, "error": {"code": -32601, "message": "unknown"}}
    return {**head, "result": results[message["method"]]}


class ShelfOverHttp(Silent):
    """Lists one tool."""

    protocol_version = "HTTP/1.1"
    tools = ({"name": "put-down", "inputSchema": {"type": "object"}},)

    def do_POST(self) -> None:
        """Answer."""
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        told = answered(message, list(self.tools))
        body = b"" if told is None else json.dumps(told).encode()
        self.send_response(200 if body else 202)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
