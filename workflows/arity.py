"""Makes every start, signal and update arrive as exactly one raw value.

A plan, or a wish for one, may come with a second one, the proof of who starts it. With too few or
too many arguments Python's own `TypeError` would fail the workflow task for ever; here the handler
gets one value that says what arrived, and refuses it with a clear reason.
"""

import json
from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleSignalInput,
    HandleUpdateInput,
    WorkflowInboundInterceptor,
)

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSON
    from workflows.execute_plan import ExecutePlan
    from workflows.messages import MESSAGES
    from workflows.propose_plan import ProposePlan

_WITH_PROOF = 2


def _one(args: Sequence[Any]) -> list[Any]:
    if len(args) == 1:
        return list(args)
    return [_raw(f"{len(args)} arguments where one JSON object belongs")]


def _raw(value: Any) -> RawValue:
    """Return a value as it would have come alone: of two arguments the SDK reads each."""
    try:
        text = json.dumps(value, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(f"{type(value).__name__} where one JSON object belongs").encode()
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=text))


def _submission(value: Any) -> JSON:
    token = value.get("token") if isinstance(value, dict) else None
    # Whatever else came is a proof too, and a wrong one.
    return {"token": token if isinstance(token, str) else ""}


class OneArgument(WorkflowInboundInterceptor):
    """Normalises arguments before they reach a handler."""

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        """Run with exactly one argument; of two, put the proof beside it."""
        plan = workflow.instance()
        if isinstance(plan, ExecutePlan | ProposePlan) and len(input.args) == _WITH_PROOF:
            document, plan.submission = input.args[0], _submission(input.args[1])
            input.args = [_raw(document)]
        else:
            input.args = _one(input.args)
        return await super().execute_workflow(input)

    async def handle_signal(self, input: HandleSignalInput) -> None:
        """Handle a message with exactly one argument; the dynamic handler takes any."""
        if input.signal in MESSAGES:
            input.args = _one(input.args)
        await super().handle_signal(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:
        """Handle an update with exactly one argument."""
        if input.update in MESSAGES:
            input.args = _one(input.args)
        return await super().handle_update_handler(input)
