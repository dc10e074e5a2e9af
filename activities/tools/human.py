"""Tools of kind `human`: reached only when nobody did the task; there is nothing to call.

A person's answer never comes here: enforcement takes it from the vote in place of a call.
"""

from activities.tools.adapter import Adapter
from remit.tool.call import ToolAnswer, ToolCall, withheld


class HumanTool(Adapter):
    """Refuses; one per worker."""

    async def __call__(self, call: ToolCall) -> ToolAnswer:
        """Say that it is a task for a person."""
        message = f"{call.contract.ref} is done by a person, and nobody said what came of it"
        return withheld("TOOL-HUMAN", message)
