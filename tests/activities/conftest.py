"""A running server and the adapters that call it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from activities.tools.registry import Tools
from remit.tool.oauth import OAuthClient
from tests.activities.origin import Origin
from tests.activities.tokens_giver import SECRET, Giver, MakeClient, giving
from tests.stores.conftest import cluster

__all__ = ["cluster"]


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    """A running server."""
    made = Origin()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
async def environ(origin: Origin) -> dict[str, str]:
    """What references to the environment lead to."""
    return {"ORIGIN": f"http://127.0.0.1:{origin.port}", "TOKEN": "t0p-secret-token"}


@pytest.fixture
async def tools(environ: dict[str, str], tmp_path: Path) -> AsyncIterator[Tools]:
    """The adapters."""
    made = Tools({}, tmp_path, environ)
    yield made
    await made.aclose()


@pytest.fixture
async def giver() -> AsyncIterator[Giver]:
    """A running server of access tokens."""
    async with giving() as made:
        yield made


@pytest.fixture
async def client(giver: Giver, origin: Origin, tmp_path: Path) -> AsyncIterator[MakeClient]:
    """Makes the adapters of a worker whose project has one client, `crm`."""
    made: list[Tools] = []

    def make(
        environ: Mapping[str, str] | None = None,
        *,
        within: Mapping[str, Any] | None = None,
        **said: object,
    ) -> Tools:
        at = f"http://127.0.0.1:{origin.port}"
        usual = {"token_url": giver.url, "client_id": "remit client", "client_secret": "env:SECRET"}
        clients = {"crm": OAuthClient.model_validate(usual | said)}
        known = {"ORIGIN": at, "SECRET": SECRET, **(environ or {})}
        made.append(Tools({}, tmp_path, known, clients=clients, **(within or {})))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()
