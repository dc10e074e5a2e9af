"""What all parts of a tool contract have in common."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """A closed, frozen boundary type."""

    model_config = ConfigDict(frozen=True, extra="forbid")
