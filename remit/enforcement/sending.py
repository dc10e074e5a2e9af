"""Handing a call to its tool, and giving it up when its contract lets it be cancelled.

After the intent a call is shielded to its deadline; only a tool that says `cancellable` is given up
earlier, and then nobody knows whether it took effect.
"""

import asyncio
from collections.abc import Awaitable, Callable

from remit.tool.call import Happened, Refused, ToolAnswer, ToolCall, Unknown

Send = Callable[[ToolCall], Awaitable[ToolAnswer]]
"""Hands a decided and recorded call to its tool."""


class Cancellable:
    """One call that may be given up."""

    def __init__(self, send: Send, is_cancellable: bool) -> None:
        """Send by `send`; `cancel` does nothing unless the tool `is_cancellable`."""
        self._send = send
        self._is_cancellable = is_cancellable
        self._task: asyncio.Future[ToolAnswer] | None = None

    async def send(self, call: ToolCall) -> ToolAnswer:
        """Return the tool's answer, or that the call was given up."""
        if not self._is_cancellable:
            return await self._send(call)
        self._task = asyncio.ensure_future(self._send(call))
        try:
            return await self._task
        except asyncio.CancelledError:
            return Unknown("TOOL-CANCELLED", "it was cancelled while it was called")

    def cancel(self) -> None:
        """Give the call up, if its tool lets us."""
        if self._is_cancellable and self._task is not None:
            self._task.cancel()


def after_a_loss(answer: ToolAnswer, *, has_effect: bool) -> ToolAnswer:
    """Return what an answer says about a key of which an earlier attempt was lost.

    That this attempt was not sent, put off, or not listened to (its credentials are gone since
    then) says nothing about the earlier one: to record it as refused would deny an effect that may
    stand. A plain refusal is the truth about both: a tool that takes the key knows the earlier
    call, and what is repeatable by its nature would not be refused for having been done, unless the
    refusal says so.
    """
    match answer:
        case Refused(already=True):
            return Happened(None)
        case Refused(again=True):
            return Unknown(answer.code, answer.message)
        case Refused(is_of_this_attempt=True) if has_effect:
            return Unknown(answer.code, answer.message)
    return answer
