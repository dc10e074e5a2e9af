"""The interceptor that puts the enforcement point before every activity of a worker.

It is first in and cannot be left out: `workers/builder.py` is the only place that makes a worker.
Tool calls arrive at the dynamic activity, which gets nothing but what was enforced.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from temporalio import activity
from temporalio.common import RawValue
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from remit.enforcement import failure
from remit.enforcement.bulkhead import Bulkhead
from remit.enforcement.frame import Frame
from remit.enforcement.point import EnforcementPoint
from remit.enforcement.telemetry import observed
from remit.ledger.errors import LedgerUnavailableError
from remit.plan.wire import SYSTEM_ACTIVITIES, StepCall
from remit.tool.call import ToolAnswer, ToolCall


class Governance(Interceptor):
    """Governs every activity of a worker."""

    def __init__(self, point: EnforcementPoint, role: str, slots: int) -> None:
        """Govern by `point`; `role` is the worker's, and `slots` how many activities it takes."""
        self._point = point
        self._role = role
        self._bulkhead = Bulkhead(slots)

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Stand before `next`."""
        return _Governed(next, self._point, self._role, self._bulkhead)


class _Governed(ActivityInboundInterceptor):
    def __init__(
        self,
        next: ActivityInboundInterceptor,
        point: EnforcementPoint,
        role: str,
        bulkhead: Bulkhead,
    ) -> None:
        super().__init__(next)
        self._point = point
        self._role = role
        self._bulkhead = bulkhead

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        if info.workflow_id is None or info.workflow_run_id is None:
            raise failure.refused(
                "ACTIVITY-STANDALONE", "an activity is only run by a plan; nothing was called"
            )
        frame = Frame.of(info, self._role)
        if _is_tool_call(input.args):
            return await self._tool(input, frame)
        root = str(getattr(input.args[0], "root", "")) if input.args else ""
        with observed(frame, root, ""), frame.beats.kept_up():
            await self._point.system(frame, root)
            try:
                return await super().execute_activity(input)
            except LedgerUnavailableError as error:
                raise failure.unavailable("LEDGER-UNAVAILABLE", str(error), 2) from error

    async def _tool(self, input: ExecuteActivityInput, frame: Frame) -> Any:
        call = _step_call(input.args[0])

        async def send(tool_call: ToolCall) -> ToolAnswer:
            input.args = [[tool_call]]
            answer: ToolAnswer = await super(_Governed, self).execute_activity(input)
            return answer

        with observed(frame, call.root, call.key.path):
            async with self._bulkhead.place(frame.activity, call.key.path, frame.attempt):
                with frame.beats.kept_up():
                    return await self._point.call(call, frame, send)


def _is_tool_call(args: Sequence[Any]) -> bool:
    """The dynamic activity gets one sequence of raw values; typed activities never do."""
    known = activity.info().activity_type in SYSTEM_ACTIVITIES
    return not known and len(args) == 1 and isinstance(args[0], list)


def _step_call(values: Sequence[Any]) -> StepCall:
    if len(values) != 1 or not isinstance(values[0], RawValue):
        raise failure.refused("CALL-SHAPE", "a tool call takes one step call; nothing was called")
    try:
        return StepCall.model_validate_json(values[0].payload.data)
    except ValidationError as error:
        raise failure.refused(
            "CALL-SHAPE", f"not a step call: {error.error_count()} findings; nothing was called"
        ) from error
