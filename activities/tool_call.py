"""The dynamic activity under whose door every tool call runs, in the tool's own name.

It gets what enforcement made of the call and nothing else; reached any other way it refuses.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from activities.tools.registry import Tools
from remit.tool.call import ToolAnswer, ToolCall


def tool_activity(tools: Tools) -> Callable[[Sequence[RawValue]], Awaitable[Any]]:
    """Return the dynamic activity that calls the adapters of `tools`."""

    @activity.defn(dynamic=True)
    async def call_tool(args: Sequence[RawValue]) -> Any:
        call = args[0] if len(args) == 1 else None
        if not isinstance(call, ToolCall):
            raise ApplicationError(
                "a tool is only called through enforcement", type="UNGOVERNED", non_retryable=True
            )
        answer: ToolAnswer = await tools.adapter(call.contract)(call)
        return answer

    return call_tool
