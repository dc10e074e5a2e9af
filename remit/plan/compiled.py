"""What the compiler makes of a plan, and the slim schedule that the workflow needs of it.

The compiled plan is content-addressed and lives in the ledger; it travels by digest. Everything
that shapes commands (bounds, chunk sizes, thresholds, queues, the engine's number) is pinned in it,
so that a recorded history replays whatever the settings are today.
"""

import json
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from remit.canonical import JSON, Digest, JSONObject, canonical, digest_bytes
from remit.plan.contract import Approval, Constraints, Provenance
from remit.plan.lean import Filled, Given

ENGINE = 1
"""Number of the scheduling rules that `remit.plan.machine` follows for newly compiled plans."""
_EXACT = 2**53 - 1
"""Largest integer that the canonical form takes; larger whole floats stay floats."""


class Model(BaseModel):
    """A closed, frozen boundary type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(Model):
    """Bounds that shape commands, pinned at compile time."""

    parallel: int = 100
    """Most calls in flight in one workflow run."""
    inline_items: int = 200
    """A `for_each` with more items than this runs in child workflows."""
    chunk_items: int = 200
    """Most items that one child workflow takes."""
    long_step_s: float = 300
    """A step with a longer timeout runs in a child workflow of its own."""
    calls_per_run: int = 600
    """After this many calls the workflow continues as new."""
    undo_batch: int = 300
    """Most undos that one unwinding batch takes."""
    gates_per_step: int = 12
    """Most gates that one step may need; then it is refused."""
    max_items: int = 10_000
    """Most items of one `for_each`."""
    governance_s: float = 30
    """Allowance that start-to-close adds to a step's timeout, in seconds."""
    heartbeat_s: float = 10
    """Heartbeat timeout of tool calls, in seconds."""


class CompiledForEach(Model):
    """A checked `for_each`."""

    items: JSON
    var: str
    max_parallel: int


class CompiledRepeat(Model):
    """A checked `repeat`."""

    until: str
    max_times: int
    every_s: float


class CompiledRetry(Model):
    """A checked `retry`."""

    max_attempts: int
    initial_s: float
    max_s: float


class CompiledCall(Model):
    """A pinned tool call: reference, contract digest, argument template."""

    tool: str
    contract: Digest
    args: JSONObject


class CompiledStep(Model):
    """One step with everything resolved that can be before the run."""

    id: str
    call: CompiledCall | None
    """The tool call; `None` for a sub-plan step."""
    plan: Digest | None
    """Digest of the compiled sub-plan; `None` for a tool step."""
    args: JSONObject
    """Argument template (the same as `call.args`), or the sub-plan's input template."""
    needs: list[str]
    join: int
    """How many needs must be done; -1 for all."""
    when: str | None
    require: list[str]
    ensure: list[str]
    for_each: CompiledForEach | None
    repeat: CompiledRepeat | None
    undo: CompiledCall | None
    irreversible: bool
    retry: CompiledRetry
    timeout_s: float
    heartbeat_s: float | None
    queue: str | None
    """Task queue of the tool; `None` for the run's own."""
    on_denied: str | None
    on_failed: str | None
    fallback_for: list[str]
    """Steps for which this one stands in; it never starts by itself when not empty."""
    approval: Approval | None
    autonomy: Literal["unattended", "notify", "approve", "human"]
    owner: str
    confidence: float | None
    reason: str


class Seat(Model):
    """A step's place in the schedule, and which generation of it may begin."""

    id: str
    generation: int


class Amends(Model):
    """What an amended plan came from; an admitted one has none."""

    base: Digest
    """Compiled plan that it takes the place of."""
    proposal: Digest
    """The proposal that changed it, in the content store."""
    number: int
    """How often the run was amended."""
    seats: list[Seat]
    """Every step that the run ever had, dropped ones too: a place never changes hands."""


class CompiledPlan(Model):
    """A plan that passed every check that needs no policy."""

    schema_: Literal["remit.compiled/v1"] = "remit.compiled/v1"
    engine: int
    plan_digest: Digest
    """Digest of the proposed plan's canonical JSON."""
    name: str
    version: str
    goal: str
    agent: str
    on_behalf_of: str
    tenant: str
    owner: str
    provenance: Provenance | None
    inputs: JSONObject
    inputs_schema: JSONObject
    constraints: Constraints
    deadline_s: float
    """How long the run may take, in seconds."""
    limits: Limits
    steps: list[CompiledStep]
    outputs: JSONObject
    contracts: dict[str, Digest]
    """Every tool that the plan may call, undo and probe tools included."""
    plans: dict[str, Digest]
    """Every sub-plan by `name@version`, as the digest of its compiled form."""
    amends: Amends | None = Field(default=None, exclude_if=lambda value: value is None)
    """Set in an amended plan. Left out otherwise, so that digests stay what they were."""

    @property
    def agent_id(self) -> str:
        """The agent without its version."""
        return self.agent.partition("@")[0]

    @property
    def seats(self) -> list[Seat]:
        """Every step's place and generation, dropped steps included."""
        if self.amends is not None:
            return self.amends.seats
        return [Seat(id=step.id, generation=0) for step in self.steps]

    @property
    def digest(self) -> Digest:
        """Digest of the canonical JSON; the name under which it is stored and admitted."""
        return digest_bytes(self.canonical())

    def canonical(self) -> bytes:
        """Return the canonical JSON, as it is stored."""
        # Whole floats (every duration is one) are read as integers. The canonical form is the same,
        # and need not be written twice.
        return canonical(json.loads(self.model_dump_json(), parse_float=_number))


class ScheduledStep(Model):
    """What the workflow must know of a step; most defaults are left out on the wire."""

    id: str
    tool: Filled[str] = ""
    """Activity type; empty for a sub-plan."""
    child: Filled[Literal["", "plan", "items", "long"]] = ""
    """Whether the step runs in child workflows, and of what kind. `items` is decided by count."""
    needs: Filled[list[int]] = []
    """Positions of the steps that it needs."""
    join: int = Field(default=-1, exclude_if=lambda value: value == -1)
    for_each: Filled[bool] = False
    count: Given[int | None] = None
    """Number of items, when the inputs alone tell it."""
    max_parallel: int = 5
    repeat: Filled[int] = 0
    """Most iterations; 0 when the step does not repeat."""
    every_s: Filled[float] = 0
    on_denied: Given[int | None] = None
    on_failed: Given[int | None] = None
    fallback: Filled[bool] = False
    timeout_s: float = 30
    heartbeat_s: Given[float | None] = None
    queue: Given[str | None] = None
    summary: Filled[str] = ""
    """One line for the web UI."""
    reason: Filled[str] = ""
    """Why the planner chose it, at most 200 characters."""
    owner: Filled[str] = ""
    generation: Filled[int] = 0
    """Raised by each amendment that replaces or drops the step."""
    dropped: Filled[bool] = False
    """An amendment took the step away; its place stays, so that positions keep their meaning."""


class Schedule(Model):
    """The task graph as the machine sees it, for the root plan, a sub-plan, or a part of a step."""

    engine: int = ENGINE
    compiled: Digest
    """The compiled plan that this schedules."""
    steps: list[ScheduledStep]
    limits: Limits = Limits()
    first_item: int = 0
    """For a part of a `for_each`: the first item that this part takes."""
    has_outputs: bool = False


@lru_cache(maxsize=256)  # nearly every float of a plan is one of a few durations
def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


def parse_duration(text: str) -> float:
    """Return the seconds of an ISO 8601 duration of days, hours, minutes and seconds."""
    days, _, time = text.removeprefix("P").partition("T")
    seconds = float(days.removesuffix("D") or 0) * 86400
    for unit, factor in (("H", 3600), ("M", 60), ("S", 1)):
        number, found, rest = time.partition(unit)
        if found:
            seconds += float(number) * factor
            time = rest
    return seconds
