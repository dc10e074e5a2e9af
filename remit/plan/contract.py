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
Party = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A person or a team, in one line."""


class Model(BaseModel):
    """A closed, frozen boundary type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Provenance(Model):
    """Where a proposal came from; absent parts are recorded as `not_stated`."""

    model: str | None = Field(None, max_length=200)
    prompt_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    framework: str | None = Field(None, max_length=200)
    proposal_sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    state_sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", exclude_if=lambda value: value is None
    )
    """Digest of what the planner had before it: tools, schemas, and the data that it read. Left out
    while nobody states it, so that plans keep their digests."""
    proposal_id: str | None = Field(None, max_length=1000, exclude_if=lambda value: value is None)
    """Workflow id of the proposal that it came out of; whoever asked the planner states it."""
    proposal_round: int | None = Field(None, ge=1, le=100, exclude_if=lambda value: value is None)
    """Which answer of the planner it was."""


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
    """Template; sees what `args` sees, and `args` (as enforced) and `output` of the call."""


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
    """Steps that come before; their outputs, and those of what they need, can be referred to."""
    join: Literal["all", "any"] | Quorum = "all"
    """How many needs must be done; those not begun when enough are done are dropped."""
    when: Expression | None = None
    """CEL; false skips the step (with `for_each`: the item), which satisfies those that need it."""
    require: list[Expression] = Field(default_factory=list, max_length=50)
    """CEL that must hold before the call; otherwise the step is refused and nothing is called."""
    ensure: list[Expression] = Field(default_factory=list, max_length=50)
    """CEL that must hold of `output` after the call; otherwise it failed, and is compensated."""
    args: JSONObject = Field(default_factory=dict)
    """Arguments: JSON in which `${…}` refers to inputs, outputs and the loop variable."""
    for_each: ForEach | None = None
    repeat: Repeat | None = None
    compensate: Compensate | None = None
    """How it is undone; without it, as its tool says."""
    irreversible: bool = False
    """Nothing undoes it; that alone demands a gate."""
    retry: Retry = Retry()
    timeout: Duration | None = None
    """How long one call may take; without it, as its tool says."""
    on_denied: StepId | None = None
    """Step that stands in when policy refuses this one."""
    on_failed: StepId | None = None
    """Step that stands in when this one fails; it starts after this one was undone."""
    approval: Approval | None = None
    autonomy: Literal["unattended", "notify", "approve", "human"] = "unattended"
    """How far the planner itself wants to be trusted here; policy may ask for less."""
    owner: Party | None = None
    """Who looks after it when it needs a person; without it, the plan's owner."""
    confidence: float | None = Field(None, ge=0, le=1)
    """How sure the planner is, from 0 to 1."""
    reason: str = Field("", max_length=1000)
    """Why the planner chose it."""


class Plan(Model):
    """A task graph that an agent proposes."""

    schema_: Literal["remit.plan/v1"] = Field(alias="schema")
    name: PlanName
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    goal: str = Field(min_length=1, max_length=1000)
    """What it is for, in a sentence for people."""
    agent: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}@\d+\.\d+\.\d+$")]
    """Agent id and version that proposes the plan."""
    on_behalf_of: Party
    """The person it acts for."""
    tenant: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
    owner: Party
    """Who looks after the run when it needs a person."""
    provenance: Provenance | None = None
    inputs: JSONObject = {}
    """Values that the steps refer to; in a catalogued plan, those that hold if none are given."""
    inputs_schema: JSONObject | None = None
    """JSON Schema of the inputs; without it one is inferred from the values."""
    constraints: Constraints = Constraints()
    steps: list[Step] = Field(min_length=1, max_length=MAX_STEPS)
    outputs: JSONObject = {}
    """Template of what the run gives back; the output of a skipped step reads as null."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class PlanReference(Model):
    """The short start input: a catalogued plan with inputs."""

    plan: PlanRef
    inputs: JSONObject = {}
