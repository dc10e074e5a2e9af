"""What travels between workflows and activities: ids, digests and short texts, never payloads.

These models are part of recorded histories: fields may be added with defaults, never renamed.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from remit.canonical import JSON, Digest, JSONObject
from remit.plan.compiled import Schedule
from remit.plan.event import Effect
from remit.plan.lean import Filled, Given
from remit.plan.path import Direction, Segment, StepKey

# Wire names; a test pins them.
ADMIT = "remit.admit"
ADMIT_PART = "remit.admit_part"
EXPAND = "remit.expand"
SETTLE = "remit.settle"
VOTE = "remit.vote"
CLOSE_GATE = "remit.close_gate"
RESOLVE_DOUBT = "remit.resolve_doubt"
REPAIR = "remit.repair"
ORDER = "remit.order"
AMEND = "remit.amend"
ORDER_BACK = "remit.order_back"
TEND = "remit.tend"
STOP = "remit.stop"
OUTPUTS = "remit.outputs"
PROPOSE = "remit.propose_plan"
SYSTEM_ACTIVITIES = (
    ADMIT,
    ADMIT_PART,
    EXPAND,
    SETTLE,
    VOTE,
    CLOSE_GATE,
    RESOLVE_DOUBT,
    REPAIR,
    ORDER,
    AMEND,
    ORDER_BACK,
    TEND,
    STOP,
    OUTPUTS,
    PROPOSE,
)

# Types of the `ApplicationError`s that enforcement raises.
DENIED = "PolicyDenied"
"""Policy said no; certainly nothing was called."""
REFUSED = "StepRefused"
"""Certainly no effect: a precondition, an argument, or the tool itself refused."""
FAILED = "StepFailed"
"""A failure with effect: it happened, but not as it must."""
UNAVAILABLE = "PolicyUnavailable"
"""OPA or the ledger could not be asked; nothing was called; tried again."""
AGAIN = "StepAgain"
"""The outcome is unknown, or a lease still runs; tried again."""
ABANDONED = "abandoned:"
"""What the ledger's closing status begins with when somebody else ended the run."""
REPAIR_ID = "remit-repair/"
"""Workflow id of whatever undoes a run that is over; the run's root chain id follows."""
REVERSING = "rolling_back"
"""The ledger's closing status of a completed run that was ordered back, until it is undone."""
INVALID = "PlanInvalid"
"""Not a plan; the diagnostics are in the details."""


class Model(BaseModel):
    """A closed, frozen wire type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StepCall(Model):
    """The input of every tool activity: names only. Enforcement finds the rest in the ledger."""

    root: str
    compiled: Digest
    """Compiled plan in which the step stands."""
    parent: Filled[str] = ""
    """Path of the enclosing sub-plan; empty in the root plan."""
    step: str
    item: Given[int | None] = None
    iteration: Filled[int] = 0
    generation: Filled[int] = 0
    direction: Direction = Direction.DO
    tool: Filled[str] = ""
    """Only for an undo: the compensating tool, as frozen with the outcome."""

    @property
    def key(self) -> StepKey:
        """The step key of the call."""
        segment = Segment(self.step, self.item, self.iteration, self.generation)
        return StepKey(self.root, self.parent, segment, self.direction)


class Turn(Model):
    """From when on a gate asks a further role."""

    role: str
    at_ms: int


class Gate(Model):
    """A wait for people, as its card shows it (design.md §8)."""

    id: str
    """`path#n`: the call's path and the number of its gate."""
    root: str
    path: str
    step_key: str
    code: str
    """The rule that asks."""
    role: str
    quorum: int
    request_digest: Digest
    proposed_digest: Digest
    enforced_digest: Digest
    tool: str
    arguments: JSONObject
    """Redacted and bounded."""
    message: str
    reasons: list[str]
    risk: str
    revision: str
    """Policy revision that asked."""
    undo: str
    """How it would be undone, in words."""
    opened_ms: int
    expires_ms: int
    state: str = "open"
    """How it stands: people may be faster than whoever tells that it is open."""
    then: Given[list[Turn] | None] = None
    """Who is asked too while nobody answers; early to late."""
    edited_by: Filled[str] = ""
    """Whose edit the arguments are; empty while they are the plan's."""
    edited_verified: Filled[bool] = False
    """Whether a token proved that name."""
    proposal: Given[JSONObject | None] = None
    """With `edited_by`: the arguments that the plan proposed, redacted and bounded."""


class StepResult(Model):
    """How a tool activity answers when nothing failed."""

    status: Literal["happened", "skipped", "gate", "in_doubt"]
    decision_id: Filled[str] = ""
    revision: Filled[str] = ""
    rule: Filled[str] = ""
    """The rule that permitted it, or that asks for a person."""
    proposed_digest: Filled[Digest] = ""
    enforced_digest: Filled[Digest] = ""
    output_digest: Filled[Digest] = ""
    shown: Given[JSON] = None
    """A small, redacted output for the eye."""
    until: Given[bool | None] = None
    gate: Given[Gate | None] = None
    message: Filled[str] = ""


class Failure(Model):
    """The one form of every failure at run time; the first detail of the `ApplicationError`."""

    code: str
    message: str
    step: str = ""
    rule: str = ""
    revision: str = ""
    decision_id: str = ""
    effect: Effect = "unknown"
    next: str = ""
    """What happens next."""
    command: str = ""
    """What to type."""


class Admit(Model):
    """Input of `remit.admit`: what was given to `ExecutePlan`, untouched."""

    root: str
    document: JSON
    size: int = 0
    """Bytes of the document as it arrived."""
    continued: bool = False
    """The run continues an earlier one: the admission must exist already."""
    compiled: Digest = ""
    """With `continued`: the digest that was admitted."""
    submission: Given[JSON] = None
    """What came beside the document: `{"token": …}`, the proof of who started it."""


class Admitted(Model):
    """An admitted plan: what the workflow needs to drive it and to describe itself."""

    schedule: Schedule
    name: str
    version: str
    plan_digest: Digest
    goal: str
    agent: str
    on_behalf_of: str
    tenant: str
    owner: str
    risk: str
    revision: str
    decision_id: str
    deadline_ms: int
    """Moment after which nothing more is done, in milliseconds of Unix time."""
    provenance: str
    """`stated` or `not_stated`."""
    outline: Filled[str] = ""
    """Not sent any more: whoever starts a run gives it its Markdown. Older histories hold it."""
    amendments: int = 0
    """How often the plan was amended since it was admitted."""


class AdmitPart(Model):
    """Input of `remit.admit_part`: a child workflow asks what it has to do."""

    root: str
    compiled: Digest
    """Compiled plan in which the parent's step stands."""
    parent: str
    step: str
    kind: Literal["plan", "items", "long", "unwind"]
    item: int | None = None
    iteration: int = 0
    generation: int = 0
    first: int = 0
    count: int = 0
    parallel: int = 1
    continued: bool = False


class AdmittedPart(Model):
    """What a child workflow has to do; `skipped` when the step's `when` was false."""

    skipped: bool = False
    schedule: Schedule | None = None
    path: str = ""
    """Path below which the part's steps stand."""
    deadline_ms: int = 0


class Expansion(Model):
    """Input of `remit.expand`."""

    root: str
    compiled: Digest
    parent: str
    step: str


class Undo(Model):
    """One finished write that can be undone, or one open call that must be resolved first."""

    path: str
    """Path of the `do` call."""
    step: str
    """Id of its step, for the web UI."""
    tool: str
    """The compensating tool; empty for a sub-plan, whose undo is a child workflow."""
    compiled: Digest
    parent: str
    item: int | None = None
    iteration: int = 0
    generation: int = 0
    after: list[int] = []
    """Positions in the batch of the undos that must be over before this one."""
    direction: Direction = Direction.UNDO
    queue: str | None = None
    timeout_s: float = 30
    heartbeat_s: float | None = None
    owner: str = ""
    """Who looks after it when it is refused or fails."""


class Residue(Model):
    """What could not be undone, and who must look after it."""

    path: str
    tool: str
    code: str
    reason: str
    owner: str


class Settle(Model):
    """Input of `remit.settle`: resolve open intents, return what is to be undone."""

    root: str
    compiled: Digest = ""
    parent: str = ""
    """Unwind below this path; empty for the whole run."""
    step: str = ""
    """With a step: only that step of the path."""
    limit: int = 300


class Settled(Model):
    """The next batch to undo, in an order in which each `after` points backwards."""

    unresolved: list[Undo] = []
    """Calls whose outcome is unknown: each is made again under its own key first."""
    undos: list[Undo]
    residue: list[Residue]
    doubts: list[str]
    """Paths of calls in doubt: a person must answer before the unwinding can end."""
    undone: int
    """How many calls of this path are undone already."""
    more: bool
    """Whether another batch follows when this one is done."""
    wait_ms: int = 0
    """A lease is still held: ask again after this many milliseconds."""


class Outputs(Model):
    """Input of `remit.outputs`: resolve a finished plan's outputs."""

    root: str
    compiled: Digest
    parent: str = ""


class OutputsResolved(Model):
    """The outputs by digest, and a small, redacted view."""

    digest: Digest
    shown: JSON
