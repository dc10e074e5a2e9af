"""What all adapters are: a tool that may be loaded beforehand, and closed."""

from abc import ABC, abstractmethod

from remit.tool.call import ToolAnswer, ToolCall


class Adapter(ABC):
    """One kind of tool, as a worker holds it."""

    @abstractmethod
    async def __call__(self, call: ToolCall) -> ToolAnswer:
        """Call the tool once; answer and do not raise, except when the task is cancelled."""

    def load(self) -> None:  # noqa: B027 - most kinds have nothing to import
        """Import what calls need, so that none pays for it with its deadline."""

    async def aclose(self) -> None:  # noqa: B027 - most kinds hold nothing
        """Let go of connections, and of processes at their other end."""
