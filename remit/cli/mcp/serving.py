"""`remit mcp`: one agent's MCP server, on stdin and stdout or on a port of this machine.

Over stdio whoever starts the process is whoever may ask. Over HTTP every request carries the bearer
token of a file that its owner alone may read, because other accounts reach loopback too.
"""

import asyncio
import importlib.util
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from remit.cli.compiling import Workshop
from remit.cli.errors import ExitCode, usage
from remit.cli.keys import Speaker
from remit.cli.mcp.desk import Desk
from remit.cli.mcp.who import Who
from remit.cli.output import note
from remit.cli.place import find_project
from remit.cli.stack import stack
from remit.cli.stack.layout import Layout
from remit.cli.stack.ports import LOOPBACK, is_free
from remit.cli.stack.project import load_project
from remit.stores.atomic import keep_secret

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

MOST_BYTES = 2 * 1024 * 1024
"""Largest request over HTTP; a plan has at most half of it."""
_SESSIONS = 64
_IDLE_S = 600.0


def serve(
    project: Path | None,
    agent: str,
    tenant: str,
    person: str,
    speaker: Speaker | None,
    port: int | None,
) -> int:
    """Serve `agent` until the client goes, or Ctrl-C.

    Raises:
        CliError: `MCP-NOT-INSTALLED`, `MCP-KEY`, `MCP-PORT`, or whatever the project lacks.
    """
    if importlib.util.find_spec("mcp") is None:
        hint = "install the extra: pip install 'remit[mcp]'"
        raise usage("MCP-NOT-INSTALLED", "the packages of MCP are not installed", hint)
    folder = find_project(project)
    environment = stack.environment(folder)
    signer = None if speaker is None else speaker.signer(environment.temporal_namespace)
    if signer is None and load_project(folder).identity is not None:
        hint = "`--key FILE`: the key of whoever the agent acts for, or of its service"
        raise usage("MCP-KEY", "names are proven here, and nobody's key is given", hint)
    starts = speaker.person if speaker is not None else person
    if person and starts != person:
        message = f"the key is of {starts!r}, and the agent is to act for {person!r}"
        raise usage("MCP-KEY", message, "name one of the two")
    who = Who(agent, tenant, starts, signer)
    if port is not None and not is_free(port):
        raise usage("MCP-PORT", f"port {port} is taken", "name another one after `--http`")
    desk = Desk(Workshop.of(folder), environment, who)
    try:
        asyncio.run(_serve(desk, Layout(folder), agent, port))
    except KeyboardInterrupt:
        note("stopped; runs go on")
    return ExitCode.OK


async def _serve(desk: Desk, layout: Layout, agent: str, port: int | None) -> None:
    from remit.cli.mcp.server import make_server

    server = make_server(desk)
    if port is None:
        await server.run_stdio_async()
        return
    import uvicorn

    file = layout.run / f"mcp-{agent.partition('@')[0]}.token"
    file.parent.mkdir(parents=True, exist_ok=True)
    app = Guarded(
        server.streamable_http_app(
            host=LOOPBACK,
            max_request_body_size=MOST_BYTES,
            max_sessions=_SESSIONS,
            session_idle_timeout=_IDLE_S,
        ),
        keep_secret(file),
    )
    note(f"http://{LOOPBACK}:{port}/mcp  (Authorization: Bearer, with the word in {file})")
    config = uvicorn.Config(app, host=LOOPBACK, port=port, log_level="warning")
    await uvicorn.Server(config).serve()


class Guarded:
    """Lets nothing through without the bearer token, and says nothing else to anybody."""

    def __init__(self, app: "ASGIApp", token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode("ascii")

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Pass a request on, or answer 401."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(given) == 1 and secrets.compare_digest(given[0], self._expected):
            await self._app(scope, receive, send)
            return
        headers = [(b"www-authenticate", b"Bearer"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
