"""What a contract says of how good and how fresh its answers must be.

The output schema says what an answer is; this says when an answer of that form is good enough to
go on with. What each value must be is a JSON Schema too: there is one way to say that.
"""

from typing import Annotated, Literal

from pydantic import Field, SkipValidation, model_validator

from remit.canonical import JSON
from remit.tool.model import Model

Place = Annotated[str, Field(pattern=r"^((/([^~/]|~[01])*)+)?$", max_length=500)]
"""JSON pointer into the output; `*` stands for any item or member."""

ValueSchema = dict[str, SkipValidation[JSON]]


class Rows(Model):
    """How many items a list must have."""

    at: Place
    least: Annotated[int, Field(ge=0)] = 1
    most: Annotated[int, Field(ge=0)] | None = None


class Values(Model):
    """What a share of the values at a place must be."""

    at: Place
    good: ValueSchema = {"not": {"enum": [None, ""]}}
    """JSON Schema of a good value; without it: something is there. What is absent is never good."""
    share: Annotated[float, Field(gt=0, le=1)] = 1


class Freshness(Model):
    """How old what is told may be."""

    at: Place
    """Where the answer says of when it is; of several moments the oldest counts."""
    max_age_s: Annotated[int, Field(ge=1, le=10 * 366 * 86400)]
    unit: Literal["rfc3339", "s", "ms"] = "rfc3339"
    """A text with its offset from UTC, or a number since 1970 in seconds or milliseconds."""


class Quality(Model):
    """Bounds of an answer. One that misses any of them is quarantined."""

    rows: Annotated[list[Rows], Field(max_length=16)] = []
    values: Annotated[list[Values], Field(max_length=64)] = []
    unique: Annotated[list[Place], Field(max_length=16)] = []
    """Places at which no value stands twice."""
    fresh: Freshness | None = None
    on_miss: Literal["fail", "without", "again"] = "fail"
    """`fail` fails the step; `without` lets the run go on as if the step had no output; `again`
    asks again within the step's attempts, then fails. For tools that read, at no cost."""
    owner: Annotated[str, Field(max_length=120)] = ""
    """Who answers for the data; without it the contract's owner."""

    @model_validator(mode="after")
    def _bounds_something(self) -> "Quality":
        if not (self.rows or self.values or self.unique or self.fresh):
            raise ValueError("it bounds nothing")
        return self
