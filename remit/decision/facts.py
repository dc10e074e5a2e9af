"""The complete computed input of one policy decision (design.md §6).

Facts come from the catalogue, the ledger and the clock, never from the agent's word for itself.
The JSON Schema of `Facts` is generated into `policies/schemas/`; a test holds both together.
Amounts are integer micros, moments are milliseconds of Unix time.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from remit.canonical import Digest, JSONObject

Count = Annotated[int, Field(json_schema_extra={"minimum": 0})]
"""A number of things, or of millionths of a currency's unit; policy denies a negative one, which
stands for an amount that could not be read."""


class Model(BaseModel):
    """A closed, frozen boundary type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Principal(Model):
    """Who acts, for whom, where."""

    agent: str
    """Agent id without version."""
    agent_version: str
    on_behalf_of: str
    tenant: str
    verified: bool
    """Whether the names were proven, or are claims of whoever started the run."""
    delegation: list[str]
    """Agents that handed the work down, from the run's first plan to this one's caller."""
    starter: str
    """Who started the run, proven by a token; empty when nobody proved it."""


class CostFact(Model):
    """What a call is expected to cost."""

    micros: Count
    currency: str


class TakesFact(Model):
    """What a call may take at most, besides money."""

    tokens: Count | None
    """Of a model's, 0 for all other tools; `None` when nothing bounds them."""
    ms: Count
    """How long one attempt may take."""


class DataFound(Model):
    """Data of one class at one place of the arguments."""

    at: str
    """JSON pointer."""
    data_class: str
    """`email`, `phone`, `iban`, `payment_card`, `national_id`, `ip_address`,
    `secret` or `marking`."""
    confidence: Count
    """Of 100."""


class Detected(Model):
    """What a look through the arguments found; never a value."""

    classes: list[str]
    """Classes with a confidence of 50 or more, sorted."""
    places: list[DataFound]
    """The surest 64."""
    whole: bool
    """Whether everything was looked through; if not, anything may be in the rest."""


class Action(Model):
    """One call, with its resolved arguments."""

    step_key: str
    path: str
    step: str
    direction: Literal["do", "undo"]
    purpose: Literal["call", "probe", "read_back"]
    attempt: Count
    tool: str
    """`name@major`."""
    tool_version: str
    contract_digest: Digest
    domain: str
    operation: Literal["read", "write", "delete", "trigger", "spend"]
    irreversible: bool
    data_classes: list[str]
    region: str
    destinations: list[str]
    resource: str
    """What the call is about, as `domain:value`, by which actions on one thing belong together;
    empty when the contract names nothing."""
    inflow: list[str]
    """Classes of the data that flows into the arguments: of the tools whose outputs they refer to,
    directly or through other steps, and what was found in those and in the arguments; sorted."""
    detected: Detected
    arguments: JSONObject
    request_digest: Digest
    proposed_digest: Digest
    cost: CostFact
    takes: TakesFact
    confidence: float | None
    autonomy: Literal["unattended", "notify", "approve", "human"]
    plan_gate: "PlanGate | None"
    """A gate that the plan itself asks for."""
    rollback: bool
    """Whether the call undoes something."""


class PlanGate(Model):
    """A gate that a plan adds to a step."""

    role: str
    quorum: Count
    expires_ms: int
    """How long it stays open."""
    message: str


class PlanStepFact(Model):
    """One step of a plan under admission."""

    id: str
    tool: str
    """`name@major`, or `plan:name@version`."""
    domain: str
    operation: Literal["read", "write", "delete", "trigger", "spend", "plan"]
    needs: list[str]
    has_undo: bool
    irreversible: bool
    gated: bool
    autonomy: str
    confidence: float | None
    data_classes: list[str]
    region: str
    destinations: list[str]
    fan_out: Count
    """Most times that the step may run: items times iterations."""
    cost: CostFact | None
    """Estimated cost of one run of the step; `None` when it depends on run-time values."""
    worst: Count | None
    """Most micros that all runs of the step may cost, attempts and sub-plans counted; `None` when
    nothing bounds it."""
    inflow: list[str]
    """Classes of the data that flows into the step, as of `Action`."""
    tools_before: list[str]
    """Tools of the steps that certainly end before it begins, whatever happens; sorted."""
    may_fail_behind: bool
    """Whether a step that can fail the run may still be to come when this one is done."""


class PlanFact(Model):
    """The plan that a decision is about or within."""

    name: str
    version: str
    digest: Digest
    compiled_digest: Digest
    owner: str
    goal: str
    provenance: Literal["stated", "not_stated"]
    max_steps: int | None
    regions: list[str] | None
    forbidden_tools: list[str]
    deadline_ms: int
    steps_total: Count
    steps: list[PlanStepFact]
    """Only at admission; empty elsewhere."""


class Budget(Model):
    """Money of the run, this call's own reservation left out."""

    currency: str
    """Empty when the plan states no cost constraint."""
    limit_micros: Count | None
    spent_micros: Count
    reserved_micros: Count
    counters: dict[str, Count]
    """Counters that left no room when the call was about to begin, with their values; empty
    until then."""


class History(Model):
    """What this run did so far: aggregates updated in the outcome's transaction."""

    calls: Count
    effects: Count
    denials: Count
    undone: Count
    tools: list[str]
    """Tools (`name@major`) with a call of this run that happened as it had to and was not undone;
    sorted."""
    on_resource: list[str]
    """The same for calls about the action's resource, in any run; empty without a resource."""


class Grant(Model):
    """A completed permission by a person that names this very action."""

    gate: str
    code: str
    role: str
    by: list[str]
    instead_of: list[str]
    """For each of `by` in whose place they voted; empty for their own."""
    proposed_digest: Digest
    enforced_digest: Digest
    expires_ms: int


class GateFact(Model):
    """A gate somebody votes on."""

    id: str
    path: str
    code: str
    role: str
    """Whom it asked first."""
    roles: list[str]
    """Whoever may answer by now, the first one included."""
    quorum: Count
    tool: str
    domain: str
    proposed_digest: Digest
    expires_ms: int


Verb = Literal[
    "approve", "reject", "edit", "request_changes", "take_over", "claim", "release", "delegate"
]
"""What people may say at a gate."""


class Vote(Model):
    """A vote that asks to be counted."""

    gate: GateFact
    by: str
    verdict: Verb
    verified: bool
    instead_of: str
    """Who handed their vote to `by`; empty when it is their own."""
    to: str
    """Of `delegate`: who is to vote."""
    costs_more: bool
    """Of `edit`: the call would cost more than the one proposed."""
    other_resource: bool
    """Of `edit`: the call would be about another thing."""


class Order(Model):
    """What somebody tells a run to do, other than a vote."""

    name: Literal[
        "hold",
        "resume",
        "rollback",
        "resolve_doubt",
        "repair",
        "amend",
        "forget",
        "retain",
        "release",
        "quarantine_release",
        "quarantine_discard",
        "stop",
        "go",
    ]
    path: str
    """Path of the call that it is about; empty when it is about the whole run. Of `stop` and `go`:
    what is stopped, such as `fleet` or `agent:buyer`."""
    by: str
    verified: bool
    ended_ms: int | None
    """When the run ended, for an order about one that has; `null` while it is at work."""


class Promotion(Model):
    """A candidate for the policies in force, with what replaying recorded decisions showed."""

    revision: str
    base: str
    """Revision in force that it was compared with."""
    by: str
    """Who wants it published."""
    verified: bool
    decisions: Count
    """Recorded decisions that were compared."""
    unreproducible: Count
    """Decisions that did not come out again under their own revision."""
    widens: Count
    breaks: Count
    gates: Count
    """Decisions that would ask for more approvals."""
    errors: Count
    """Decisions that the candidate leaves undefined, or fails in."""
    widens_data: list[str]
    """Places of the candidate's data that permit more, whatever history shows; sorted."""
    report_age_ms: Count
    approvers: list[str]
    """Who approved this very report."""


class ProposalFact(Model):
    """A plan that a planner is about to be asked for."""

    goal: str
    planner: str
    """`module:function`, as the project names it."""
    round: Count
    """How often it was asked for this goal, this time included."""
    rounds: Count
    """How often it may be asked at most."""
    cost: CostFact
    """What one answer is taken to cost."""


class SystemCall(Model):
    """One of Remit's own activities, or an activity nobody knows."""

    activity: str
    """Activity type."""
    role: str
    """Role of the worker that runs it."""
    workflow_type: str
    direction: str
    """`do`, or what the activity is about, such as `admit` or `settle`."""


class Run(Model):
    """The run in which the decision is taken."""

    root: str
    workflow_id: str
    run_id: str
    path: str
    """Path of the plan in which the call stands; empty for the root plan."""
    started_ms: int
    deadline_ms: int


class Context(Model):
    """Clock and place."""

    now_ms: int
    """The worker's clock."""
    scheduled_ms: int
    """When Temporal scheduled the activity."""
    environment: str
    region: str
    """Where the worker stands; empty when its settings do not say."""
    profile: Literal["light", "full"]
    capabilities: list[str]
    """Obligations that this enforcement point can fulfil."""


class Facts(Model):
    """The input of one decision. Which parts stand depends on `kind`; the others are `null`."""

    schema_version: Literal[1] = 1
    kind: Literal["call", "admission", "system", "vote", "order", "promotion", "proposal"]
    principal: Principal | None = None
    action: Action | None = None
    plan: PlanFact | None = None
    budget: Budget | None = None
    history: History | None = None
    grants: list[Grant] = []
    vote: Vote | None = None
    order: Order | None = None
    promotion: Promotion | None = None
    proposal: ProposalFact | None = None
    system: SystemCall | None = None
    run: Run | None = None
    context: Context


REQUIRED: Mapping[str, tuple[str, ...]] = {
    "call": ("principal", "action", "plan", "budget", "history", "run"),
    "admission": ("principal", "plan", "budget"),
    "system": ("system",),
    "vote": ("principal", "vote"),
    "order": ("principal", "order"),
    "promotion": ("promotion",),
    "proposal": ("principal", "proposal", "budget"),
}
"""Parts that must stand for each kind, besides `context`; policy denies when one is absent."""

OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "call": (),
    "admission": ("history", "run"),
    "system": ("principal", "run"),
    "vote": ("run",),
    "order": ("run",),
    "promotion": (),
    "proposal": (),
}
"""Parts that may stand for each kind; all others must be `null`."""


Action.model_rebuild()
