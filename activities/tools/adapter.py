"""What all adapters are: a tool that may be loaded beforehand, and closed."""

from typing import Protocol

from remit.tool.call import ToolAnswer, ToolCall


class Adapter(Protocol):
    """One kind of tool, as a worker holds it; a kind says anew what it has something to do for."""

    async def __call__(self, call: ToolCall) -> ToolAnswer:
        """Call the tool once; answer and do not raise, except when the task is cancelled."""

    def load(self) -> None:
        """Import what calls need, so that none pays for it with its deadline.

        Raises:
            ExtraError: it is not installed.
        """

    async def aclose(self) -> None:
        """Let go of connections, and of processes at their other end."""
