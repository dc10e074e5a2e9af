"""What all parts of a tool contract have in common."""

from pydantic import BaseModel, ConfigDict, ValidationError


class Model(BaseModel):
    """A closed, frozen boundary type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def shape_fault(error: ValidationError) -> str:
    """Return the first thing that is wrong, as `place: message`; values are not repeated."""
    first = error.errors(include_input=False, include_url=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
