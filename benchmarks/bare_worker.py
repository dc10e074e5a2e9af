"""The bare worker: a process like a governed worker, made of Temporal alone.

    python -m benchmarks.bare_worker --queue bare          # the SDK as it comes, our settings
    python -m benchmarks.bare_worker --queue lean --lean   # with our own sandbox and converter too
    python -m benchmarks.bare_worker --queue best --best   # as fast as bare Temporal goes here

Like governed workers it is told where Temporal is by `REMIT_*` variables, and SIGTERM ends it. It
prints `ready` when it polls.
"""

import argparse
import asyncio
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Literal

from temporalio import activity
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.service import GrpcCompression
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from benchmarks.bare import ACTIVITY, BareFanOut, BareSequence
from benchmarks.project.tools.noop import Numbered, noop
from remit.cli.stack.ports import choose
from workers.builder import connect, workflow_runner
from workers.settings import WorkerSettings
from workers.telemetry import runtime

Kind = Literal["plain", "lean", "best"]


@activity.defn(name=ACTIVITY)
async def call_noop(arguments: dict[str, int]) -> Numbered:
    """Call the function that the governed tool is."""
    return await noop(**arguments)


async def _client(settings: WorkerSettings, kind: Kind) -> Client:
    if kind == "lean":
        return await connect(settings, runtime("bare", choose(())))
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        data_converter=DataConverter.default if kind == "best" else pydantic_data_converter,
        runtime=None if kind == "best" else runtime("bare", choose(())),
        grpc_compression=GrpcCompression.NONE,
    )


def _runner(kind: Kind) -> WorkflowRunner:
    if kind == "best":
        return UnsandboxedWorkflowRunner()
    ours = workflow_runner()
    return ours if kind == "lean" else SandboxedWorkflowRunner(restrictions=ours.restrictions)


async def _work(queue: str, kind: Kind) -> None:
    settings = WorkerSettings()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    worker = Worker(
        await _client(settings, kind),
        task_queue=queue,
        workflows=[BareSequence, BareFanOut],
        activities=[call_noop],
        workflow_runner=_runner(kind),
        max_concurrent_activities=settings.max_calls,
        max_concurrent_workflow_tasks=settings.max_workflow_tasks,
        max_cached_workflows=settings.max_cached_workflows,
        graceful_shutdown_timeout=timedelta(seconds=settings.drain_s),
        workflow_task_executor=ThreadPoolExecutor(settings.max_workflow_tasks),
    )
    async with worker:
        os.write(sys.stdout.fileno(), b"ready\n")
        await stop.wait()


def main() -> None:
    """Work until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bare_worker", description=__doc__)
    parser.add_argument("--queue", required=True)
    for kind in ("lean", "best"):
        parser.add_argument(f"--{kind}", dest="kind", action="store_const", const=kind)
    given = parser.parse_args()
    asyncio.run(_work(given.queue, given.kind or "plain"))
    # As governed workers do: the SDK's native threads may crash the interpreter's end.
    os._exit(0)


if __name__ == "__main__":
    main()
