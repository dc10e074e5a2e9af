"""The tool contract (design.md §5): everything the rest of Remit may know about a tool.

A contract is data: it is read from YAML or derived from a decorated function, checked when the
catalogue loads, and pinned by digest in every compiled plan. It holds no code and no secrets.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, SkipValidation

from remit.canonical import JSON, Digest, JSONObject, digest
from remit.tool.kinds import ToolKind
from remit.tool.model import Model
from remit.tool.quality import Quality

ToolName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$", max_length=120)]
ToolRef = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+@[1-9][0-9]*$", max_length=128)
]
"""`name@major`, e.g. `erp.place_order@1`; it is also the activity type in Temporal."""


Schema = dict[str, SkipValidation[JSON]]
"""A JSON Schema. Its members were read as JSON; going through them once more, member by member,
would be most of what loading a large catalogue costs. Whether it is a schema the checks tell."""


class Operation(StrEnum):
    """What a tool does to the world, as far as policy cares."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    TRIGGER = "trigger"
    SPEND = "spend"

    @property
    def has_effect(self) -> bool:
        """Whether a call may change something."""
        return self is not Operation.READ


class Idempotency(StrEnum):
    """How an unknown outcome of this tool can be resolved (design.md §7)."""

    KEY = "key"
    NATURAL = "natural"
    PROBE = "probe"
    NONE = "none"


class Money(Model):
    """An amount in millionths of its currency's unit."""

    micros: Annotated[int, Field(ge=0, le=2**53)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Cost(Model):
    """What a call costs: a fixed estimate, or pointers into the arguments, and the actual one."""

    estimate: Money | None = None
    """The price of a call, when it does not depend on the arguments."""
    micros_argument: str | None = None
    """JSON pointer to the amount in the arguments, in micros."""
    currency_argument: str | None = None
    """JSON pointer to the currency in the arguments; without it the plan's currency holds."""
    actual_output: str | None = None
    """JSON pointer to the actual amount (micros) in the output."""
    refunded_by_undo: bool = False
    """Whether the compensation gives the budget back."""


class Compensation(Model):
    """The undoing call a tool declares; a step may override it."""

    tool: ToolRef
    args: JSONObject = {}
    """Argument template; `${output...}` and `${args...}` refer to the call being undone."""


class Probe(Model):
    """A read tool that tells whether a call happened."""

    tool: ToolRef
    args: JSONObject = {}
    """Argument template over `${args...}` and `${step_key}`."""


class Upcast(Model):
    """How a call that was written for an earlier major becomes one of this tool."""

    major: Annotated[int, Field(ge=1)]
    """The major that plans may still name while the catalogue has it no more."""
    args: JSONObject = {}
    """Argument template over `${args…}`, the arguments as the plan writes them. A member that is
    a reference to an argument that is not given is left out."""


class ReadBack(Probe):
    """A read tool that shows what a call did, and what it must show."""

    args: JSONObject = {}
    """Argument template over `${args...}`, `${output...}` and `${step_key}`."""
    expect: JSON = Field(default=None, exclude_if=lambda value: value is None)
    """Template, over the same, of what the read's output must hold (`remit.tool.expected`). Without
    it the read must only succeed. Left out while it is absent, as `within_s` is."""
    within_s: Annotated[float, Field(ge=0, le=600)] = Field(
        default=0, exclude_if=lambda value: not value
    )
    """How long the effect may take to be seen, in seconds: until then it is read again."""


class RateLimit(Model):
    """An upper bound on calls."""

    calls: Annotated[int, Field(ge=1)]
    per_seconds: Annotated[int, Field(ge=1)]


class Concurrency(Model):
    """An upper bound on calls at once, over all workers."""

    calls: Annotated[int, Field(ge=1, le=10_000)]
    per_agent: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """How many of them one agent may have, so that it leaves some to others."""
    per_tenant: Annotated[int, Field(ge=1, le=10_000)] | None = None


class BreakerBounds(Model):
    """When calls of a service that fails are held back, and for how long; all tools share it that
    name the same service."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._:-]{0,99}$")] | None = None
    """The service; without it the contract's first destination, or else its domain."""
    failures: Annotated[int, Field(ge=1, le=1000)] = 5
    """So many unknown or unreachable answers in a window open it."""
    window_s: Annotated[int, Field(ge=1, le=3600)] = 30
    cool_down_s: Annotated[int, Field(ge=1, le=3600)] = 15
    """After that long one call goes first to try."""
    while_open: Literal["wait", "fail"] = "wait"
    """`wait` keeps the step until the service is well; `fail` fails it at once, certainly without
    effect, so that its `on_failed` stands in."""


class ToolContract(Model):
    """A versioned description of one tool."""

    name: ToolName
    version: Annotated[str, Field(pattern=r"^[1-9][0-9]*\.\d+\.\d+$")]
    owner: Annotated[str, Field(min_length=1, max_length=120)]
    description: Annotated[str, Field(min_length=1, max_length=500)]
    domain: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    operation: Operation
    input_schema: Schema
    output_schema: Schema
    idempotency: Idempotency
    call: ToolKind
    settle_s: Annotated[float, Field(ge=0, le=3600)] = 0
    """How long after a deadline a sent call may still land, in seconds."""
    timeout_s: Annotated[float, Field(gt=0, le=86400)] = 30
    heartbeat_s: Annotated[float, Field(gt=0, le=600)] | None = None
    cancellable: bool = False
    irreversible: bool = False
    compensation: Compensation | None = None
    probe: Probe | None = None
    read_back: ReadBack | None = None
    data_classes: list[Annotated[str, Field(max_length=40)]] = []
    region: Annotated[str, Field(max_length=40)] = "eu"
    destinations: list[Annotated[str, Field(max_length=253)]] = []
    """What the call may reach: host names, addresses, networks (`10.1.0.0/16`)."""
    private: list[Annotated[str, Field(max_length=253)]] = Field(
        default=[], exclude_if=lambda value: not value
    )
    """Those host names among `destinations` that may be at private addresses (`remit.tool.reach`).
    Left out while it is empty, as `resource` is."""
    cost: Cost = Cost()
    rate_limit: RateLimit | None = None
    concurrency: Concurrency | None = Field(default=None, exclude_if=lambda value: value is None)
    """Left out while there is none, as `resource` is; so are `breaker` and `quality`."""
    breaker: BreakerBounds | None = Field(default=None, exclude_if=lambda value: value is None)
    quality: Quality | None = Field(default=None, exclude_if=lambda value: value is None)
    """How good and how fresh an answer must be; one that is not is quarantined."""
    resource: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=4)] = Field(
        default=[], exclude_if=lambda value: not value
    )
    """JSON pointers to the arguments that say which thing of its domain a call is about. Tools that
    name the same values are about the same thing, in whichever run. Left out while it is empty, so
    that a contract keeps its digest, and a run in flight its tools."""
    compatibility: Literal["backward", "forward", "full", "none"] = Field(
        default="backward", exclude_if=lambda value: value == "backward"
    )
    """What `remit tools check` holds later contracts of this major to: plans for this one go on
    with the next (`backward`), those for the next with this one (`forward`), both, or neither. This
    and the next are left out while they say nothing, as `resource` is."""
    upcast: Upcast | None = Field(default=None, exclude_if=lambda value: value is None)
    """How plans are served that name an earlier major."""
    task_queue: Annotated[str, Field(max_length=200)] | None = None
    """Temporal task queue; without it the catalogue's default."""

    @property
    def ref(self) -> str:
        """`name@major`."""
        return f"{self.name}@{self.version.split('.', 1)[0]}"

    @property
    def seen_within_s(self) -> float:
        """How long a finished call may be read back for, in seconds."""
        return 0 if self.read_back is None else self.read_back.within_s

    @property
    def may_withhold(self) -> bool:
        """Whether a call may be done and leave no output: its answer was not good enough."""
        return self.quality is not None and self.quality.on_miss == "without"

    @property
    def digest(self) -> Digest:
        """Digest of the contract's canonical JSON; what a compiled plan pins."""
        return digest(self.model_dump(mode="json"))
