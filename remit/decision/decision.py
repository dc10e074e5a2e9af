"""OPA's answer, as a closed model, and what the enforcement point makes of it (design.md §6).

`deny > require_approval > allow`. Only an allow carries obligations. Reasons that start with
`host:` belong to the enforcement point; a policy that emits one is refused.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from remit.canonical import Digest
from remit.tool.pointer import split
from remit.tool.risk import Risk

Effect = Literal["allow", "deny", "require_approval"]
DetectedClass = Literal[
    "email", "phone", "iban", "payment_card", "national_id", "ip_address", "secret", "marking",
    "person", "location",
]  # fmt: skip
"""What may be found (`remit.data.findings`); the last two where a further reader is."""


def _is_pointer(place: str) -> str:
    split(place)
    return place


Place = Annotated[str, Field(max_length=500), AfterValidator(_is_pointer)]
"""A JSON pointer. What is none would find nothing, and an obligation that need not find anything
would be passed over."""


class Model(BaseModel):
    """A closed, frozen boundary type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reason(Model):
    """One rule that spoke."""

    code: Annotated[str, Field(pattern=r"^[a-z_]+(\.[a-z_0-9]+)+$", max_length=120)]
    policy: Annotated[str, Field(max_length=200)]
    message: Annotated[str, Field(max_length=300)] = ""
    step: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, exclude_if=lambda value: value is None
    )
    """Step of the plan that it speaks of, where it speaks of one."""


class Redact(Model):
    """Replace values by `[redacted]`: in the arguments before the call, or in the answer before
    anything of it is recorded."""

    type: Literal["redact"]
    critical: bool
    paths: Annotated[list[Place], Field(max_length=64)] = []
    """JSON pointers; into the answer with `*` for any member or item."""
    classes: Annotated[list[DetectedClass], Field(max_length=16)] = Field(
        default=[], exclude_if=lambda value: not value
    )
    """Whatever is found of these. This and the next are left out while they say nothing."""
    of: Literal["arguments", "output"] = Field(
        default="arguments", exclude_if=lambda value: value == "arguments"
    )

    @model_validator(mode="after")
    def _names_something(self) -> "Redact":
        if not self.paths and not self.classes:
            raise ValueError("it names neither paths nor classes")
        return self


class Limit(Model):
    """Lower a number in the arguments to at most `max`."""

    type: Literal["limit"]
    critical: bool
    path: Place
    """JSON pointer into the arguments."""
    max: int


class Keep(Model):
    """Let nothing of the answer stand but what is named; the rest is neither recorded nor told."""

    type: Literal["keep"]
    critical: bool
    paths: Annotated[list[Place], Field(max_length=64)]
    """JSON pointers into the output; `*` stands for any member or item."""


class Notify(Model):
    """Tell a role that the call is made; nobody is waited for."""

    type: Literal["notify"]
    critical: bool
    role: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    message: Annotated[str, Field(max_length=300)]


class Log(Model):
    """Write values of the arguments into the worker's log."""

    type: Literal["log"]
    critical: bool
    paths: Annotated[list[Place], Field(min_length=1, max_length=16)]
    """JSON pointers into the arguments."""


class Route(Model):
    """Let nobody else be asked: of a tool that asks a model, endpoints of these providers alone."""

    type: Literal["route"]
    critical: Literal[True]
    """A call that cannot be kept to them is not made."""
    to: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]],
        Field(min_length=1, max_length=16),
    ]
    """As the contract names its endpoints' providers; of several routes, those that all name."""


KNOWN = ("redact", "limit", "keep", "notify", "log", "route")


def _not_known(kind: str) -> str:
    """Keep a malformed obligation of a known type from passing as an unknown one."""
    if kind in KNOWN:
        raise ValueError(f"a malformed {kind!r}")
    return kind


class UnknownObligation(Model):
    """An obligation that this enforcement point cannot fulfil: a critical one refuses the call."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: Annotated[str, AfterValidator(_not_known)]
    critical: bool = True


Obligation = Redact | Limit | Keep | Notify | Log | Route | UnknownObligation


class Later(Model):
    """Whom a gate asks too when nobody has answered for so long."""

    role: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    after_ms: Annotated[int, Field(gt=0, le=90 * 86400 * 1000)]
    """Counted from the gate's opening."""


Chain = Annotated[list[Later], Field(max_length=5)]
"""An escalation: each later than the one before."""


RemindEvery = Annotated[int, Field(ge=0, le=90 * 86400 * 1000)]
"""How often a gate tells again whom it asks, in milliseconds; 0: never. Some ten times at most."""


class ApprovalDemand(Model):
    """A gate that policy asks for."""

    code: Annotated[str, Field(pattern=r"^[a-z_]+(\.[a-z_0-9]+)+$", max_length=120)]
    policy: Annotated[str, Field(max_length=200)]
    role: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    quorum: Annotated[int, Field(ge=1, le=20)] = 1
    expires_in_ms: Annotated[int, Field(gt=0, le=90 * 86400 * 1000)]
    """When silence refuses."""
    then: Chain = []
    remind_every_ms: RemindEvery = 0
    message: Annotated[str, Field(max_length=300)] = ""


class Reservation(Model):
    """A counter to raise with the intent, if it stays within its ceiling."""

    counter: Annotated[str, Field(pattern=r"^[a-z][\w.:@/-]*$", max_length=200)]
    """The length stands apart: a count over all of Unicode costs a tenth of a second to compile."""
    amount: Annotated[int, Field(ge=0, le=2**53 - 1)]
    ceiling: Annotated[int, Field(ge=0, le=2**53 - 1)]


class Decision(Model):
    """What `data.remit.main.decision` returns."""

    schema_version: Literal[1]
    effect: Effect
    proposed_digest: Digest | None
    """Echo of the action's digest; `null` where the decision is not about a call."""
    reasons: list[Reason]
    permits: list[Reason]
    """Rules that permit the action; an allow needs one."""
    obligations: Annotated[list[Obligation], Field(max_length=16)]
    approvals: Annotated[list[ApprovalDemand], Field(max_length=8)]
    """Gates still to pass."""
    reserve: Annotated[list[Reservation], Field(max_length=16)]
    risk: Risk
    policy_revision: Annotated[str, Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _consistent(self) -> "Decision":
        if self.effect == "allow" and (not self.permits or self.approvals):
            raise ValueError("an allow needs a permit and no open approval")
        if self.effect == "deny" and not self.reasons:
            raise ValueError("a deny needs a reason")
        if self.effect == "require_approval" and not self.approvals:
            raise ValueError("require_approval needs an approval")
        if self.effect != "allow" and (self.obligations or self.reserve):
            raise ValueError("only an allow carries obligations and reservations")
        return self


class Decided(Model):
    """A decision with its origin, as it is recorded."""

    decision: Decision
    decision_id: str
    revision: str
    """Revision of the bundle that OPA evaluated."""
    facts: bytes
    """What was asked, byte for byte as OPA got it: canonical JSON."""
    facts_digest: Digest
    decided_ms: int
    """When it was given, milliseconds of Unix time."""
    took_us: int
    """How long the enforcement point waited for it."""
