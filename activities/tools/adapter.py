"""What all adapters are: a tool that may be loaded beforehand, and closed."""

from abc import ABC, abstractmethod

from remit.tool.call import ToolAnswer, ToolCall


class Adapter(ABC):
    """One kind of tool, as a worker holds it."""

    @abstractmethod
    async def __call__(self, call: ToolCall) -> ToolAnswer:
        """Call the tool once; answer and do not raise, except when the task is cancelled."""

    def load(self) -> None:
        """Import what calls need, so that none pays for it with its deadline.

        Raises:
            ExtraError: it is not installed.
        """
        return  # most kinds have nothing to import

    async def aclose(self) -> None:
        """Let go of connections, and of processes at their other end."""
        return  # most kinds hold nothing
