"""The plan contract `remit.plan/v1` (design.md §4): the shape of what agents propose.

Only shape stands here: sizes, patterns, closed fields. What a plan means (references, types,
cycles, sagas) is the compiler's. The published JSON Schema is generated from these models.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from remit.canonical import JSON, JSONObject
from remit.tool.contract import Money, ToolRef

MAX_PLAN_BYTES = 1024 * 1024
"""Largest accepted plan document in bytes (`PLAN-TOO-LARGE`)."""
MAX_STEPS = 5000
"""Largest number of steps (`PLAN-TOO-MANY-STEPS`)."""

StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
PlanName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
PlanRef = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}@\d+\.\d+\.\d+$")]
"""`name@version` of a plan in the catalogue."""
Duration = Annotated[
    str, Field(pattern=r"^P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$", max_length=40)
]
"""ISO 8601 duration of days, hours, minutes and seconds; the compiler refuses an empty one."""
Expression = Annotated[str, Field(min_length=1, max_length=2000)]
"""CEL over `inputs`, `steps`, the loop variable and, where stated, `output`."""
Party = Annotated[str, Field(min_length=1, max_length=200)]


class Model(BaseModel):
    """A closed, frozen boundary type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Provenance(Model):
    """Where a proposal came from; absent parts are recorded as `not_stated`."""

    model: str | None = Field(None, max_length=200)
    prompt_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    framework: str | None = Field(None, max_length=200)
    proposal_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")


class Constraints(Model):
    """Bounds that the author sets on the whole plan."""

    cost: Money | None = None
    max_steps: int | None = Field(None, ge=1, le=MAX_STEPS)
    deadline: Duration | None = None
    """How long the run may take, from its start."""
    regions: list[Annotated[str, Field(max_length=40)]] | None = None
    forbidden_tools: list[ToolRef] = []


class ForEach(Model):
    """Runs the step once per item of a list."""

    items: JSON
    """A reference to a list, or a literal list."""
    var: StepId = Field(alias="as")
    """Name of the loop variable."""
    max_parallel: int = Field(5, ge=1, le=500)

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Repeat(Model):
    """Runs the step again until `until` holds, at most `max_times` times."""

    until: Expression
    """CEL; sees `output` of the iteration just done."""
    max_times: int = Field(ge=1, le=1000)
    every: Duration | None = None
    """Pause between iterations."""


class Retry(Model):
    """How often and how fast a tool is called again; counts calls, not waits."""

    max_attempts: int = Field(3, ge=1, le=100)
    initial: Duration = "PT1S"
    max: Duration = "PT1M"


class Compensate(Model):
    """The undoing call of a step."""

    tool: ToolRef
    args: JSONObject = {}
    """Template; sees `inputs`, `args` (the enforced arguments), `output` and the loop variable."""


class Approval(Model):
    """A gate that the plan adds; it can never remove one that policy demands."""

    role: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    quorum: int = Field(1, ge=1, le=20)
    expires: Duration = "P1D"
    message: str = Field("", max_length=300)


class Quorum(Model):
    """Joins when this many needs are done."""

    quorum: int = Field(ge=1)


class Step(Model):
    """One node of the task graph."""

    id: StepId
    tool: ToolRef | None = None
    plan: PlanRef | None = None
    """A sub-plan in place of a tool; `args` become its inputs."""
    # Factories: Pydantic deep-copies other mutable defaults, which costs a large plan 50 ms.
    needs: list[StepId] = Field(default_factory=list, max_length=MAX_STEPS)
    join: Literal["all", "any"] | Quorum = "all"
    when: Expression | None = None
    require: list[Expression] = Field(default_factory=list, max_length=50)
    ensure: list[Expression] = Field(default_factory=list, max_length=50)
    args: JSONObject = Field(default_factory=dict)
    for_each: ForEach | None = None
    repeat: Repeat | None = None
    compensate: Compensate | None = None
    irreversible: bool = False
    retry: Retry = Retry()
    timeout: Duration | None = None
    on_denied: StepId | None = None
    on_failed: StepId | None = None
    approval: Approval | None = None
    autonomy: Literal["unattended", "notify", "approve", "human"] = "unattended"
    owner: Party | None = None
    confidence: float | None = Field(None, ge=0, le=1)
    reason: str = Field("", max_length=1000)


class Plan(Model):
    """A task graph that an agent proposes."""

    schema_: Literal["remit.plan/v1"] = Field(alias="schema")
    name: PlanName
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    goal: str = Field(min_length=1, max_length=1000)
    agent: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}@\d+\.\d+\.\d+$")]
    on_behalf_of: Party
    tenant: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
    owner: Party
    provenance: Provenance | None = None
    inputs: JSONObject = {}
    inputs_schema: JSONObject | None = None
    constraints: Constraints = Constraints()
    steps: list[Step] = Field(min_length=1, max_length=MAX_STEPS)
    outputs: JSONObject = {}

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class PlanReference(Model):
    """The short start input: a catalogued plan with inputs."""

    plan: PlanRef
    inputs: JSONObject = {}
