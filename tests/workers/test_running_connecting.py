"""A worker process before Temporal answers."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.runtime import Runtime, TelemetryConfig

from tests.relaying import hand_on
from tests.running import Running
from workers.fleet import NotReadyError, connected
from workers.settings import WorkerSettings

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab")]
RUNTIME = Runtime(telemetry=TelemetryConfig(logging=None))


def settings(port: int, tmp_path: Path, wait_s: float) -> WorkerSettings:
    """Return how long a worker waits, and for whom."""
    return WorkerSettings(
        ledger_url=f"sqlite:///{tmp_path}/ledger.db",
        temporal_address=f"127.0.0.1:{port}",
        ready_timeout_s=wait_s,
    )


@pytest.fixture
async def late(lab: Running) -> AsyncIterator[int]:
    """A server that answers from its third connection on."""
    turned_away = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal turned_away
        if turned_away < 2:
            turned_away += 1
            writer.close()
            return
        await hand_on(reader, writer, lab.address)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    assert turned_away == 2
    server.close()


async def test_it_waits_for_a_server_that_is_late(late: int, tmp_path: Path) -> None:
    """A machine that starts brings its services up in any order."""
    client = await connected(settings(late, tmp_path, 60), RUNTIME, ())

    assert await client.service_client.check_health()


async def test_it_says_so_when_nobody_answers_in_time(tmp_path: Path) -> None:
    """One that takes the connection and is silent is nobody."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        with pytest.raises(NotReadyError, match="TEMPORAL-UNREACHABLE"):
            await connected(settings(port, tmp_path, 0), RUNTIME, ())
