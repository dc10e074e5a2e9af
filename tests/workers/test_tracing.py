"""One trace from the start of a run through its workflow and policy to the tool."""

import asyncio
import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from remit.canonical import JSONObject
from remit.cli.stack import stack
from remit.client.connection import connect
from remit.client.tracing import tracing
from tests.running import ROOT, Running, ended, plan
from tests.serving import Asked, body_of, reply, serving

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("lab_too"), pytest.mark.timeout(120)]


@dataclass
class Receiver:
    """Takes what an OTLP/HTTP exporter posts."""

    port: int = 0
    spans: list[Span] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A running receiver."""
    made = Receiver()

    def take(asked: Asked) -> None:
        for resource in ExportTraceServiceRequest.FromString(body_of(asked)).resource_spans:
            for scope in resource.scope_spans:
                made.spans += scope.spans
        reply(asked)

    with serving(take) as made.port:
        yield made


async def test_a_run_is_one_trace_down_to_the_tool(lab: Running, receiver: Receiver) -> None:
    """Start, activity and enforcement of a run share one trace, and it holds no arguments."""
    lab.up()
    endpoint = f"http://127.0.0.1:{receiver.port}/v1/traces"
    queue = f"traced-{uuid.uuid4().hex[:8]}"
    variables = {
        **os.environ,
        **stack.environment(lab.project).variables(),
        "REMIT_TASK_QUEUE": queue,
        "REMIT_METRICS_PORT": "0",
        "REMIT_OTLP_ENDPOINT": endpoint,
        "PYTHONPATH": str(ROOT),
    }
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers", env=variables, cwd=ROOT
    )
    try:
        args: JSONObject = {"name": queue}
        document = plan("traced", [{"id": "only", "tool": "lab.put@1", "args": args}])
        with tracing(endpoint, "remit-test") as interceptors:
            client = await connect(lab.address, interceptors=interceptors)
            handle = await client.start_workflow(
                "ExecutePlan", document, id=f"run-{uuid.uuid4()}", task_queue=queue
            )
            assert (await ended(handle, 90))["status"] == "completed"
    finally:
        worker.terminate()
        assert await asyncio.wait_for(worker.wait(), 60) == 0

    by_id = {span.span_id: span for span in receiver.spans}
    enforced = next(span for span in receiver.spans if span.name == "remit lab.put@1")
    names = [enforced.name]
    above = by_id.get(enforced.parent_span_id)
    while above is not None:
        assert above.trace_id == enforced.trace_id
        names.append(above.name)
        above = by_id.get(above.parent_span_id)
    assert names == [
        "remit lab.put@1",
        "RunActivity:lab.put@1",
        "StartActivity:lab.put@1",
        "StartWorkflow:ExecutePlan",
    ]
    assert not any(queue in str(value) for value in enforced.attributes)
