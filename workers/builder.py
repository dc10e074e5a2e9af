"""The one place where a `Worker` is made, and never without enforcement.

Roles are sets of activities and workflows. A process that orchestrates and calls tools polls one
queue with one worker, so that the worker that schedules a step may also run it at once. Planners
have workers and a queue of their own, and no activity but the one that asks a planner.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Literal

from temporalio.client import Client
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime
from temporalio.service import GrpcCompression
from temporalio.worker import (
    Interceptor,
    Worker,
    WorkerDeploymentConfig,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.amending import Amending
from activities.ordering import Ordering
from activities.parts import Parts
from activities.planning import Planning, Shop
from activities.reversing import Reversing
from activities.settlement import Settlement
from activities.stopping import Stopping
from activities.tending import Tending
from activities.tool_call import tool_activity
from activities.tools.registry import Tools
from activities.voting import Voting
from proposing.activity import Proposing
from remit.client.connection import connect as reach
from remit.enforcement.interceptor import Governance
from remit.enforcement.point import EnforcementPoint
from remit.stores.ledger import SqlLedger
from workers.converter import DATA_CONVERTER
from workers.sandbox import ContextFreeSandbox, takes_context
from workers.settings import WorkerSettings
from workflows.arity import OneArgument
from workflows.execute_part import ExecutePart
from workflows.execute_plan import ExecutePlan
from workflows.orders import StopCalls, TendRun
from workflows.propose_plan import ProposePlan
from workflows.telling import DetailsWhenAsked
from workflows.unwind import RepairRun, RollbackRun, UnwindPart

Role = Literal["orchestrate", "tools", "plan"]
WORKFLOWS = (ExecutePlan, ExecutePart, UnwindPart, RepairRun, RollbackRun, TendRun, StopCalls)
PLANNING = (ProposePlan,)
"""Workflows of the role `plan`."""
PASSED_THROUGH = (
    "remit",
    "workflows",
    "pydantic",
    "rfc8785",
    "annotated_types",
    "typing_extensions",
    "opentelemetry",
)
"""Modules that the sandbox does not import again for every run; lint keeps them pure."""


class OneArgumentPerMessage(Interceptor):
    """Puts `OneArgument` before every workflow."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        """Return the workflow's inbound interceptor."""
        return OneArgument


class Telling(Interceptor):
    """Puts `DetailsWhenAsked` before every workflow."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        """Return the workflow's inbound interceptor."""
        return DetailsWhenAsked


async def connect(
    settings: WorkerSettings,
    runtime: Runtime | None = None,
    interceptors: Sequence[ClientInterceptor] = (),
) -> Client:
    """Return a client of the namespace, with the data converter that every role shares.

    Raises:
        ClientError: as `remit.client.connection.connect`.
    """
    return await reach(
        settings.temporal_address,
        settings.temporal_namespace,
        interceptors,
        settings.payload_keys,
        converter=DATA_CONVERTER,
        runtime=runtime,
        compression=GrpcCompression.NONE,
    )


def workflow_runner(converter: DataConverter = DATA_CONVERTER) -> SandboxedWorkflowRunner:
    """Return the sandbox that every worker and every replay uses, for payloads of `converter`."""
    kind = SandboxedWorkflowRunner if takes_context(converter) else ContextFreeSandbox
    return kind(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH))


def build_worker(
    client: Client,
    settings: WorkerSettings,
    point: EnforcementPoint,
    *,
    roles: Sequence[Role],
    shop: Shop,
    tools: Tools | None,
    queue: str,
    planner: Proposing | None = None,
) -> Worker:
    """Return a worker of `roles` on `queue`, every activity of which passes `point`.

    Raises:
        ValueError: planners are to share a worker with what they are kept from.
    """
    workflows, activities = registered(point, roles, shop, tools, planner)
    return Worker(
        client,
        task_queue=queue,
        workflows=workflows,
        activities=activities,
        interceptors=[
            Governance(point, _role(roles), settings.max_calls),
            OneArgumentPerMessage(),
            Telling(),
        ],
        workflow_runner=workflow_runner(client.data_converter),
        max_concurrent_activities=settings.max_calls,
        max_concurrent_workflow_tasks=settings.max_workflow_tasks,
        max_cached_workflows=settings.max_cached_workflows,
        # Heartbeats carry how far long calls came; by default all but one in 30 s would be held
        # back, and what a dead worker held back is done again.
        max_heartbeat_throttle_interval=timedelta(seconds=1),
        graceful_shutdown_timeout=timedelta(seconds=settings.drain_s),
        workflow_task_executor=ThreadPoolExecutor(settings.max_workflow_tasks),
        deployment_config=_deployment(settings),
    )


def registered(
    point: EnforcementPoint,
    roles: Sequence[Role],
    shop: Shop,
    tools: Tools | None,
    planner: Proposing | None,
) -> tuple[Sequence[type], list[Callable[..., Any]]]:
    """Return the workflows and activities of a worker of `roles`.

    Raises:
        ValueError: planners are to share a worker with what they are kept from.
    """
    if "plan" in roles:
        if set(roles) != {"plan"} or planner is None:
            raise ValueError("a worker of the role plan has a planner and no other role")
        return PLANNING, [planner.propose]
    activities: list[Callable[..., Any]] = []
    if "orchestrate" in roles:
        activities += governance_activities(point, shop)
    if "tools" in roles and tools is not None:
        activities.append(tool_activity(tools))
    return WORKFLOWS if "orchestrate" in roles else (), activities


def governance_activities(point: EnforcementPoint, shop: Shop) -> list[Callable[..., Any]]:
    """Return Remit's own activities."""
    planning = Planning(point, shop, point.clock)
    parts = Parts(point)
    settlement = Settlement(point, point.clock)
    voting = Voting(point, point.clock)
    ordering = Ordering(point)
    amending = Amending(point, shop)
    reversing = Reversing(point)
    ledger = point.ledger
    tending = Tending(point, ledger.forgetting if isinstance(ledger, SqlLedger) else None)
    stopping = Stopping(point)
    return [
        planning.admit,
        parts.admit_part,
        parts.expand,
        parts.outputs,
        settlement.settle,
        settlement.resolve_doubt,
        settlement.repair,
        ordering.order,
        amending.amend,
        reversing.order_back,
        tending.tend,
        stopping.stop,
        voting.vote,
        voting.close_gate,
    ]


def _role(roles: Sequence[Role]) -> str:
    """The role that policy sees: a process that orchestrates is an orchestrator."""
    return next((role for role in ("orchestrate", "plan") if role in roles), "tools")


def _deployment(settings: WorkerSettings) -> WorkerDeploymentConfig:
    """Every worker says which version it is; routing by it is switched on where it is wanted.

    Without a version the SDK would read every loaded module to make one up: seconds at each start.
    """
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment, settings.build_id),
        use_worker_versioning=settings.versioning,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE
        if settings.versioning
        else VersioningBehavior.UNSPECIFIED,
    )
