"""The data that policies read besides the facts.

The core's thresholds stand at `data.remit.defaults`, a project's own data at `data.remit.registry`:
who may act and in which scopes, who may approve as what, which hosts a tenant may reach, and what
differs from the defaults. A rule that misses its threshold would stay silent, so the models here
check a bundle's data before it is built, and their schemas hold the rules to these names.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from remit.canonical import JSONObject
from remit.decision.packs import Packs
from remit.decision.periods import DataClass, Period
from remit.decision.terms import (
    GateRule,
    Host,
    Micros,
    Name,
    Pointer,
    Role,
    Scope,
    Selector,
    Tool,
)
from remit.tool.risk import Risk


class Model(BaseModel):
    """A closed, frozen boundary type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Gates(Model):
    """The gates of the global layer."""

    delete: GateRule
    spend: GateRule
    large_spend: GateRule
    irreversible: GateRule
    unbudgeted: GateRule
    """A call that costs something in a plan that states no cost constraint."""
    low_confidence: GateRule
    autonomy: GateRule
    """A step whose author asks for a person."""


class Combination(Model):
    """Steps that may not stand together in one plan."""

    name: Name
    steps: Annotated[list[Selector], Field(min_length=1)]
    """The plan is refused when each of these finds a step."""
    message: Annotated[str, Field(max_length=200)]


class Limit(Model):
    """How much may be done in a window of time, over all runs and workers."""

    name: Name
    counts: Literal["calls", "micros", "tokens", "ms"]
    """Calls that are made, or what they cost, the tokens of models that they take, or how long they
    are under way. First as much as a call may take; when it has happened what it took, and what was
    refused is given back."""
    of: Selector = Selector()
    """Calls that it speaks of; without it all."""
    most: Micros
    window_ms: Annotated[int, Field(ge=1000, le=400 * 86400 * 1000)]
    """Time is cut into windows of this length, counted from 1970 in UTC."""
    do: Literal["deny", "gate"] = "deny"
    """What becomes of a call for which no room is left. One that a person lets pass is counted."""
    gate: GateRule | None = None
    """Whom a `gate` asks; an operator, when nobody is named."""


def _apart(limits: list[Limit]) -> list[Limit]:
    names = [limit.name for limit in limits]
    if len(set(names)) < len(names):
        raise ValueError(f"two budgets share a name, and so a counter: {', '.join(names)}")
    return limits


Budgets = Annotated[list[Limit], Field(max_length=5), AfterValidator(_apart)]
"""A decision carries at most 16 reservations: five for each of agent, person and tenant."""


class Fields(Model):
    """Which members of a tool's arguments and answers an agent has to do with.

    JSON pointers, with what is below them; `*` stands for any member or item.
    """

    set: list[Pointer] | None = None
    """With a list, arguments with any other member are denied."""
    read: list[Pointer] | None = None
    """With a list, nothing else of the answer is recorded or told; for tools that read."""


class Agent(Model):
    """What one agent may do at most."""

    scopes: list[Scope]
    tenants: list[Name]
    status: Literal["proposed", "approved", "active", "suspended", "retired"] = "active"
    """Only an active agent starts and acts; what it did is undone in every state."""
    owner: str = ""
    """Who answers for it."""
    approved_by: str = ""
    """Who let it be used; with an owner, somebody else must have."""
    tools: list[Tool] | None = None
    """With a list, only these tools, whatever the scopes say."""
    fields: dict[Tool, Fields] = {}
    """Members of arguments and answers, by tool; a tool not named is not bounded."""
    ceiling: list[Scope] | None = None
    """The most that work it hands down may do, whoever does it; without one, what it may do itself.
    It gives the agent nothing."""
    budgets: Budgets = []

    @model_validator(mode="after")
    def _approved(self) -> "Agent":
        if self.owner and self.status in ("approved", "active", "suspended"):
            if not self.approved_by:
                raise ValueError("an agent with an owner is used once somebody approved it")
            if self.approved_by.strip().lower() == self.owner.strip().lower():
                raise ValueError("nobody approves an agent of their own")
        return self


class Starts(Model):
    """What somebody who proved who they are may start; without it, any agent for themselves."""

    agents: list[Name] | None = None
    """With a list, only plans of these agents."""
    on_behalf_of: list[Annotated[str, Field(min_length=1, max_length=200)]] = []
    """For whom, besides themselves; `*` for everybody."""


class Person(Model):
    """Who somebody is to the gates, and to whatever is started: a person, or a service."""

    roles: list[Role]
    tenants: list[Name] | None = None
    """With a list, only runs of these tenants."""
    starts: Starts | None = None
    budgets: Budgets = []
    """Of all that is done on this person's behalf."""


class Tenant(Model):
    """What holds for all of a tenant's runs together."""

    budgets: Budgets = []


class Sequence(Model):
    """What must have been done before a call, and what must not."""

    name: Name
    """Its code is `sequence.` and the name, with `_` for `-`."""
    calls: Selector
    """Those that it speaks of."""
    needs: list[Tool] = []
    """Tools of which each must have been called, and neither failed nor been undone."""
    forbids: list[Tool] = []
    """Tools of which none may have been."""
    same_resource: bool = False
    """Count what was done to the call's own resource, in any run; else what its run did. A call of
    which nobody can tell the resource breaks the rule."""
    do: Literal["deny", "gate"] = "deny"
    gate: GateRule | None = None
    """Whom a `gate` asks; an operator, when nobody is named."""
    message: Annotated[str, Field(max_length=200)]

    @model_validator(mode="after")
    def _says_something(self) -> "Sequence":
        if not self.needs and not self.forbids:
            raise ValueError(f"the sequence {self.name!r} needs nothing and forbids nothing")
        return self


class Flow(Model):
    """How far data of a class may go within a plan; what is not stated bounds nothing."""

    name: Name
    data_class: Annotated[str, Field(min_length=1, max_length=40)]
    regions: list[Annotated[str, Field(max_length=40)]] | None = None
    """Regions whose tools may be given it."""
    destinations: list[Host] | None = None
    """Hosts that may be sent it; `*.` and a domain for all of its hosts."""
    domains: list[Name] | None = None
    """Domains whose tools may be given it."""

    @model_validator(mode="after")
    def _says_something(self) -> "Flow":
        if self.regions is None and self.destinations is None and self.domains is None:
            raise ValueError(f"the flow {self.name!r} bounds nothing")
        return self


class PlanRules(Model):
    """What a plan is held to as a whole, before any of it runs."""

    flows: list[Flow]
    gated: list[Selector]
    """Steps at which the plan itself must ask a person."""
    irreversible_before_fallible: Literal["allow", "gated", "deny"]
    """Whether a step that nothing undoes may come before one that can fail the run: freely, only
    when the plan asks a person at it, or never."""
    unbounded_spend: Literal["allow", "limited", "deny"]
    """Whether a step may cost what only the run can tell: freely, only in a plan with a limit, or
    never."""


class Orders(Model):
    """Roles that may give an order to a run; whoever it acts for may always stop it."""

    hold: list[Role]
    resume: list[Role]
    rollback: list[Role]
    forget: list[Role]
    retain: list[Role]
    release: list[Role]
    quarantine_release: list[Role]
    quarantine_discard: list[Role]
    resolve_doubt: list[Role]
    repair: list[Role]
    amend: list[Role]
    stop: list[Role]
    go: list[Role]


class PromotionRule(Model):
    """What a candidate for the policies in force is held to."""

    role: Role
    """Role that may approve one that permits more."""
    max_report_age_ms: Annotated[int, Field(gt=0)]
    """How long a what-if counts."""
    max_breaks: Annotated[int, Field(ge=0)] | None = None
    """How many recorded calls one may refuse that were not refused; above that somebody with the
    role has to approve it too."""
    max_gates: Annotated[int, Field(ge=0)] | None = None
    """The same of calls that it would ask people about."""


class RiskByOperation(Model):
    """Risk of a call that nothing else makes riskier."""

    read: Risk
    write: Risk
    trigger: Risk
    delete: Risk
    spend: Risk


_NEVER_WAIVED = ("input", "agent", "clock", "policy", "registry", "obligation", "purpose")
"""Codes without which nothing is known of the call, of who asks, or of the rules themselves."""


def _waivable(code: str) -> str:
    if code.split(".")[0] in _NEVER_WAIVED:
        raise ValueError(f"{code!r} cannot be waived")
    return code


Code = Annotated[str, Field(pattern=r"^[a-z][a-z_0-9]*(\.[a-z_0-9]+)+$")]


class Exemption(Model):
    """A refusal that somebody answers for lifting, for a while."""

    code: Code
    """One of `thresholds.waivable`."""
    agent: str | None = None
    tool: Tool | None = None
    """Without agent or tool, whoever calls whatever."""
    ticket: Annotated[str, Field(min_length=1, max_length=100)]
    owner: Annotated[str, Field(min_length=1, max_length=100)]
    expires_ms: Annotated[int, Field(gt=0)]
    """From this moment on it has no effect."""


class Thresholds(Model):
    """Bounds of the global layer."""

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    """Currency of all amounts here; a call that costs in another one is denied."""
    min_confidence: Annotated[float, Field(ge=0, le=1)]
    clock_skew_ms: Annotated[int, Field(ge=0)]
    rollback_window_ms: Annotated[int, Field(ge=0)]
    """How long after its end a completed run may be ordered back."""
    max_steps: Annotated[int, Field(ge=1)]
    max_calls: Annotated[int, Field(ge=1)]
    """Most calls that a plan may make: fan-out and iterations counted."""
    unbudgeted_deny_micros: Micros
    """A costlier call without a cost constraint in its plan is denied."""
    critical_micros: Micros
    """A costlier call is of critical risk."""
    risk: RiskByOperation
    require_provenance: bool
    forbidden_tools: list[Tool]
    regions: dict[Name, list[str]]
    """Regions of a tenant; a tenant not named has no bound of its own."""
    banned_combinations: list[Combination]
    sequences: list[Sequence]
    packs: Packs
    waivable: list[Annotated[Code, AfterValidator(_waivable)]]
    """Codes of refusals that `exceptions` may lift."""
    plans: PlanRules
    gates: Gates
    orders: Orders
    promotion: PromotionRule


class ToolFact(Model):
    """What is known of a tool apart from its contract."""

    domain: Name


class Registry(Model):
    """What a project puts at `data.remit.registry`."""

    agents: dict[str, Agent] = {}
    people: dict[str, Person] = {}
    tenants: dict[Name, Tenant] = {}
    """Tenants with bounds of their own; one that is not named has none."""
    egress: dict[Name, list[Host]] = {}
    """Hosts that a tenant's calls may reach."""
    tools: dict[Tool, ToolFact] = {}
    """Domain that a tool must have; a call that claims another one is denied."""
    thresholds: JSONObject = {}
    """What differs from the core's `Thresholds`."""
    domains: dict[Name, JSONObject] = {}
    """Each domain's own bounds, in whatever form its rules read them."""
    exceptions: list[Exemption] = []
    retention: dict[DataClass, Period] = {}
    """How long contents of a data class are kept; see `remit.ledger.retention`. No rule reads it:
    the keeper does."""

    @model_validator(mode="after")
    def _found(self) -> "Registry":
        """Refuse a bound that no rule finds: people are looked up as they are compared."""
        for name, person in self.people.items():
            if person.budgets and name != name.strip().lower():
                raise ValueError(f"{name!r} has budgets: write it in lower case")
        return self


class Defaults(Model):
    """What the core puts at `data.remit.defaults`."""

    thresholds: Thresholds
    domains: dict[Name, JSONObject]
