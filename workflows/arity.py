"""Makes every start, signal and update arrive as exactly one raw value.

A plan may come with a second one, the proof of who starts it. With too few or too many arguments
Python's own `TypeError` would fail the workflow task for ever; here the handler gets one value that
says what arrived, and refuses it with a clear reason.
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
    from workflows.messages import MESSAGES

_PLAN = 2


def _one(args: Sequence[Any]) -> list[Any]:
    if len(args) == 1:
        return list(args)
    text = json.dumps(f"{len(args)} arguments where one JSON object belongs").encode()
    return [RawValue(Payload(metadata={"encoding": b"json/plain"}, data=text))]


class OneArgument(WorkflowInboundInterceptor):
    """Normalises arguments before they reach a handler."""

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        """Run with exactly one argument, or a plan with two."""
        if len(input.args) != _PLAN or workflow.info().workflow_type != "ExecutePlan":
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
