"""The `human` kind: a task for a person, who does it and says what came of it.

It adds no second mechanism: the call waits at a gate for the task's role, like one that needs
approval, and the gate ends by `take_over` with an output that fits the schema, or by `reject`.
"""

from typing import Annotated, Literal

from pydantic import Field

from remit.tool.model import Model


class HumanKind(Model):
    """A task for somebody of a role."""

    kind: Literal["human"] = "human"
    role: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    """Whoever holds it may do the task; as in `approval.role` of a plan's step."""
    instructions: Annotated[str, Field(min_length=1, max_length=500)]
    """What is to be done; shown with the arguments, and `output_schema` is the form."""
    due_s: Annotated[int, Field(ge=1, le=30 * 86400)]
    """How long the task waits, in seconds; after that the step ends as `expired`."""
