"""A running server and the adapters that call it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from activities.tools.registry import Tools
from tests.activities.origin import Origin
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
