"""The data that policies read besides the facts.

The core's thresholds stand at `data.remit.defaults`, a project's own data at `data.remit.registry`:
who may act and in which scopes, who may approve as what, which hosts a tenant may reach, and what
differs from the defaults. A rule that misses its threshold would stay silent, so the models here
check a bundle's data before it is built, and their schemas hold the rules to these names.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from remit.canonical import JSONObject
from remit.decision.decision import Risk
from remit.decision.periods import DataClass, Period

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Role = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Scope = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}\.(read|write|delete|trigger|spend|\*)$")
]
"""`domain.operation`, or `domain.*`."""
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
    above_micros: Micros = 0
    """The gate is asked for when a call costs more than this."""
    except_domains: list[Name] = []
    """Domains whose own rules ask instead."""


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


class Selector(Model):
    """Which steps of a plan are meant; what is not stated fits everything."""

    tool: Tool | None = None
    domain: Name | None = None
    operation: Operation | None = None
    data_class: str | None = None


class Combination(Model):
    """Steps that may not stand together in one plan."""

    name: Name
    steps: Annotated[list[Selector], Field(min_length=1)]
    """The plan is refused when each of these finds a step."""
    message: Annotated[str, Field(max_length=200)]


class Limit(Model):
    """How much may be done in a window of time, over all runs and workers."""

    name: Name
    counts: Literal["calls", "micros"]
    """Calls that are made, or what they cost; what was refused is given back."""
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
    status: Literal["active", "suspended"] = "active"
    tools: list[Tool] | None = None
    """With a list, only these tools, whatever the scopes say."""
    fields: dict[Tool, Fields] = {}
    """Members of arguments and answers, by tool; a tool not named is not bounded."""
    ceiling: list[Scope] | None = None
    """The most that work it hands down may do, whoever does it; without one, what it may do itself.
    It gives the agent nothing."""
    budgets: Budgets = []


class Person(Model):
    """Who somebody is to the gates."""

    roles: list[Role]
    tenants: list[Name] | None = None
    """With a list, only runs of these tenants."""
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


class Orders(Model):
    """Roles that may give an order to a run; whoever it acts for may always stop it."""

    hold: list[Role]
    resume: list[Role]
    rollback: list[Role]
    forget: list[Role]
    retain: list[Role]
    release: list[Role]
    resolve_doubt: list[Role]
    repair: list[Role]
    amend: list[Role]
    stop: list[Role]
    go: list[Role]


class RiskByOperation(Model):
    """Risk of a call that nothing else makes riskier."""

    read: Risk
    write: Risk
    trigger: Risk
    delete: Risk
    spend: Risk


Treatment = Literal["unattended", "notify", "approve", "deny"]
"""What happens to a call; each is stricter than the one before it."""


class RiskTreatment(Model):
    """Treatment of a call by its risk; what is not stated is unattended."""

    low: Treatment = "unattended"
    medium: Treatment = "unattended"
    high: Treatment = "unattended"
    critical: Treatment = "unattended"


class ConfidenceBand(Model):
    """Treatment of a call whose author is less sure of it than this."""

    below: Annotated[float, Field(gt=0, le=1)]
    do: Treatment


class Tolerance(Model):
    """How much risk is taken unattended. It adds to what other rules ask, and lifts nothing."""

    risk: RiskTreatment = RiskTreatment()
    confidence: list[ConfidenceBand] = []
    gate: GateRule | None = None
    """Whom `approve` asks; an operator, when nobody is named."""


class Purpose(Model):
    """Where data of a class may be used."""

    domains: list[Name]
    """Data of the class flows into the tools of these alone."""


class Hours(Model):
    """When calls may be made; every entry that fits a call must be open."""

    name: Name
    calls: Selector
    days: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(min_length=1)]
    """1 is Monday."""
    from_minute: Annotated[int, Field(ge=0, le=1439)]
    """Minute of the day, inclusive."""
    to_minute: Annotated[int, Field(ge=1, le=1440)]
    """Exclusive, and after `from_minute`."""
    offset_minutes: Annotated[int, Field(ge=-720, le=840)] = 0
    """Of the local clock from UTC. Written out: a rule knows no time zones."""
    do: Literal["deny", "gate"] = "deny"
    gate: GateRule | None = None

    @model_validator(mode="after")
    def _opens(self) -> "Hours":
        if self.to_minute <= self.from_minute:
            raise ValueError(f"the hours {self.name!r} never open")
        return self


class Vendor(Model):
    """Who stands behind a tool, and until when they were looked at."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    risk: Risk
    review_due_ms: Annotated[int, Field(gt=0)]
    """A call later than this is refused."""


class Packs(Model):
    """Tables of rules that are silent without. While all are empty they cost a call nothing."""

    tolerance: Tolerance = Tolerance()
    residency: dict[DataClass, list[str]] = {}
    """Regions in which data of a class may be worked on; one not named may be anywhere."""
    privacy: dict[DataClass, Purpose] = {}
    hours: list[Hours] = []
    vendors: dict[Tool, Vendor] = {}


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
    gates: Gates
    orders: Orders


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


class _Waived(Model):
    """What exceptions speak of, against what they may speak of."""

    waivable: list[str]
    codes: list[str]

    @model_validator(mode="after")
    def _all_waivable(self) -> "_Waived":
        if stray := sorted(set(self.codes) - set(self.waivable)):
            raise ValueError(f"exceptions: {stray[0]!r} is not among thresholds.waivable")
        return self


def check_registry(data: Mapping[str, object]) -> None:
    """Check the document at `data.remit` of a bundle before it is built.

    Args:
        data: `defaults` and, if there is a project, `registry`.

    Raises:
        pydantic.ValidationError: a field is unknown, absent or of the wrong form. The rules would
            deny every call that reads it.
    """
    defaults = Defaults.model_validate(data.get("defaults"))
    registry = Registry.model_validate(data.get("registry", {}))
    below = defaults.thresholds.model_dump(mode="json")
    thresholds = Thresholds.model_validate(_over(below, registry.thresholds))
    _Waived.model_validate(
        {"waivable": thresholds.waivable, "codes": [one.code for one in registry.exceptions]}
    )


def settled(data: JSONObject) -> JSONObject:
    """Return the document at `data.remit` with the project's thresholds laid over the defaults.

    Rules read the two as one (`lib.thresholds`); laid over each other once, when a bundle is made,
    they cost no decision anything. What the rules read is the same before and after.

    Args:
        data: `defaults` and, if there is a project, `registry`, both checked.
    """
    defaults, registry = data.get("defaults"), data.get("registry")
    if not isinstance(defaults, dict) or not isinstance(registry, dict):
        return data
    below, above = defaults.get("thresholds"), registry.get("thresholds")
    if not isinstance(below, dict) or not isinstance(above, dict):
        return data
    rest = {name: value for name, value in registry.items() if name != "thresholds"}
    return {**data, "defaults": {**defaults, "thresholds": _over(below, above)}, "registry": rest}


def _over(below: JSONObject, above: JSONObject) -> JSONObject:
    """Lay objects over each other as `object.union` does."""
    result = dict(below)
    for name, value in above.items():
        old = result.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            result[name] = _over(old, value)
        else:
            result[name] = value
    return result
