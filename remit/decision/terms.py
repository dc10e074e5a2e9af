"""Names and small forms that the policies' data is written in."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from remit.decision.decision import Chain, RemindEvery

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Scope = Annotated[
    str,
    Field(pattern=r"^([a-z][a-z0-9_]{0,39}\.(read|write|delete|trigger|spend|\*)|plan\.propose)$"),
]
"""`domain.operation`, or `domain.*`; `plan.propose` to have plans proposed."""
Tool = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]*@[1-9][0-9]*$")]
Host = Annotated[str, Field(pattern=r"^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$", max_length=253)]
"""A host name in lower case, or `*.` and the domain whose hosts are meant."""
Pointer = Annotated[str, Field(pattern=r"^(/([^~/]|~[01])*)+$", max_length=500)]
"""A JSON pointer to a member."""
Micros = Annotated[int, Field(ge=0, le=2**53 - 1)]
Operation = Literal["read", "write", "delete", "trigger", "spend"]


class Model(BaseModel):
    """A closed, frozen boundary type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class GateRule(Model):
    """Whom a gate asks, and when."""

    role: Role
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    expires_in_ms: Annotated[int, Field(gt=0, le=90 * 86400 * 1000)]
    then: Chain = []
    """Who is asked too while nobody answers; silence refuses all the same."""
    remind_every_ms: RemindEvery = 0
    above_micros: Micros = 0
    """The gate is asked for when a call costs more than this."""
    except_domains: list[Name] = []
    """Domains whose own rules ask instead."""

    @model_validator(mode="after")
    def _one_after_another(self) -> "GateRule":
        moments = [0, *(later.after_ms for later in self.then), self.expires_in_ms]
        if any(late <= early for early, late in pairwise(moments)):
            raise ValueError("`then` goes from early to late, and all before the gate expires")
        return self


class Selector(Model):
    """Which steps of a plan are meant; what is not stated fits everything."""

    tool: Tool | None = None
    domain: Name | None = None
    operation: Operation | None = None
    data_class: str | None = None
