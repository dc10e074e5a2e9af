"""A real worker process beside an OPA of its own: without policies, and with old ones."""

import asyncio
import os
import sys
import tempfile
import threading
import urllib.request
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle

from remit.canonical import JSON
from remit.cli.stack import opa, stack
from remit.cli.stack.bundle import Bundle
from remit.cli.stack.bundle_server import BundleServer
from remit.cli.stack.bundle_status import read_status
from remit.cli.stack.bundle_store import BundleStore
from remit.cli.stack.layout import Layout
from remit.cli.stack.ports import choose
from remit.cli.stack.signing import read_key, scope_of
from tests.cli.stack.delivering import Sidecar
from tests.running import ROOT, Running, ended, plan
from tests.waiting import eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too"), pytest.mark.timeout(240)]

_TAKEN = EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED


class Served:
    """A server of the test's own, between the lab's publisher and one OPA."""

    def __init__(self, lab: Running, folder: Path) -> None:
        """Serve nothing yet."""
        self.layout = Layout(lab.project.resolve())
        (folder / "bundle").mkdir()
        self._store = BundleStore(folder / "bundle")
        self._server = BundleServer(0, self._store)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        key = read_key(self.layout.policy_key, scope_of()).public
        self.source = opa.local_source(int(self._server.server_address[1]), key, scope_of())

    def catch_up(self) -> None:
        """Serve what the lab's publisher serves now."""
        status = read_status(self.layout.bundle)
        assert status.revision is not None
        assert status.serial is not None
        content = (self.layout.bundle / "remit.tar.gz").read_bytes()
        self._store.publish(Bundle(status.revision, content), status.serial)

    def close(self) -> None:
        """Serve no more."""
        self._store.close()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="fresh-") as made:
        yield Path(made)


@pytest.fixture
def served(lab: Running, folder: Path) -> Iterator[Served]:
    """A server that has nothing yet."""
    lab.up()
    made = Served(lab, folder)
    yield made
    made.close()


@pytest.fixture
def sidecar(lab: Running, served: Served, folder: Path) -> Iterator[Sidecar]:
    """An OPA that is served by it."""
    made = Sidecar.of(folder / "opa")
    made.start(stack.environment(lab.project).opa_binary, served.source)
    yield made
    made.stop()


@asynccontextmanager
async def worker_of(
    lab: Running, sidecar: Sidecar, queue: str, metrics_port: int = 0
) -> AsyncIterator[None]:
    """A worker process on a queue of its own, beside its own OPA."""
    variables = {
        **os.environ,
        **stack.environment(lab.project).variables(),
        "REMIT_OPA_SOCKET": str(sidecar.socket),
        "REMIT_OPA_TOKEN_FILE": str(sidecar.token_file),
        "REMIT_TASK_QUEUE": queue,
        "REMIT_POLICY_BEHIND_S": "1",
        "REMIT_METRICS_PORT": str(metrics_port),
        "REMIT_READY_TIMEOUT_S": "120",
    }
    command = (sys.executable, "-m", "workers", "--roles", "orchestrate,tools")
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=variables)
    try:
        yield
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 60)


def put(name: str) -> list[JSON]:
    """Return the step that puts one thing."""
    return [{"id": "a", "tool": "lab.put@1", "args": {"name": name}}]


async def begun(client: Client, queue: str, steps: list[JSON]) -> WorkflowHandle:
    """Start a plan on a queue."""
    document = plan("fresh", steps)
    handle: WorkflowHandle = await client.start_workflow(
        "ExecutePlan", document, id=f"fresh-{uuid.uuid4().hex[:12]}", task_queue=queue
    )
    return handle


async def test_a_worker_without_policies_takes_no_task(
    lab: Running, lab_client: Client, served: Served, sidecar: Sidecar
) -> None:
    """OPA's plain health is good all the while; with the first bundle the worker begins."""
    tag, queue = f"free{uuid.uuid4().hex[:8]}", f"cold-{uuid.uuid4().hex[:8]}"

    async def asked_in_vain() -> bool:
        text = sidecar.ask("/metrics")[1].decode()
        counts = [line for line in text.splitlines() if line.startswith("http_request_duration")]
        refused = [one for one in counts if "_count" in one and 'code="500"' in one]
        return sum(float(one.rpartition(" ")[2]) for one in refused) >= 4

    async with worker_of(lab, sidecar, queue):
        handle = await begun(lab_client, queue, put(tag))
        await eventually(asked_in_vain, 90)
        kinds = [event.event_type async for event in handle.fetch_history_events()]
        assert sidecar.ask("/health")[0] == 200
        assert _TAKEN not in kinds
        assert lab.effects(tag) == []

        served.catch_up()
        outcome = await ended(handle, 90)
    assert outcome["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}"]


async def test_calls_wait_while_policies_are_behind(
    lab: Running, lab_client: Client, served: Served, sidecar: Sidecar
) -> None:
    """The release is in the ledger and does not reach this OPA: nothing is put until it does.

    A plan that only looks goes on meanwhile. Somebody answers OPA that there is nothing new all the
    while, so its contact is good.
    """
    tag, queue = f"free{uuid.uuid4().hex[:8]}", f"behind-{uuid.uuid4().hex[:8]}"
    served.catch_up()
    rule = lab.project / "policies" / "domains" / "lab" / "newer.rego"
    before = read_status(served.layout.bundle).serial

    async def released() -> bool:
        return read_status(served.layout.bundle).serial != before

    port = choose(())

    async def is_too_far_behind() -> bool:
        return metric(port, "remit_policy_behind_seconds") > 1

    async with worker_of(lab, sidecar, queue, port):
        first = await begun(lab_client, queue, put(f"{tag}0"))
        assert (await ended(first, 90))["status"] == "completed"
        try:
            rule.write_text("package remit.domains.lab.newer\n\nimport rego.v2\n")
            await eventually(released)
            await eventually(is_too_far_behind)
            handle = await begun(lab_client, queue, put(tag))
            await eventually(lambda: _is_held(handle), 60)
            look: list[JSON] = [{"id": "a", "tool": "lab.look@1", "args": {"name": tag}}]
            only_looks = await begun(lab_client, queue, look)
            assert (await ended(only_looks, 90))["status"] == "completed"
            assert await _is_held(handle)
            assert lab.effects(tag) == [f"put {tag}0"]
            assert metric(port, "remit_policy_age_seconds") < 60
            assert metric(port, 'remit_policy_refused_total{code="host:stale_bundle"}') > 0
            served.catch_up()
            outcome = await ended(handle, 90)
        finally:
            rule.unlink()
    assert outcome["status"] == "completed"
    assert lab.effects(tag) == [f"put {tag}0", f"put {tag}"]


def metric(port: int, name: str) -> float:
    """Return the value of a metric of the worker; 0 while it has none."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return next((float(one.split()[-1]) for one in lines if one.startswith(name + " ")), 0)


async def _is_held(handle: WorkflowHandle) -> bool:
    """Say whether a pending activity tells that the policies are stale."""
    told = (await handle.describe()).raw_description.pending_activities
    return any("host:stale_bundle" in one.last_failure.message for one in told)
