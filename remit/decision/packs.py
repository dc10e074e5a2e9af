"""Tables of the packs: rules about one concern each, silent while there is no table for them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from remit.decision.decision import DetectedClass
from remit.decision.periods import DataClass
from remit.decision.terms import GateRule, Host, Name, Selector, Tool
from remit.tool.risk import Risk

Treatment = Literal["unattended", "notify", "approve", "deny"]
"""What happens to a call; each is stricter than the one before it."""


class Model(BaseModel):
    """A closed, frozen boundary type."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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


VendorTreatment = Literal["unattended", "approve", "deny"]


class VendorRisk(Model):
    """Treatment of a call by the risk of its tool's vendor; what is not stated is unattended."""

    low: VendorTreatment = "unattended"
    medium: VendorTreatment = "unattended"
    high: VendorTreatment = "unattended"
    critical: VendorTreatment = "unattended"


class VendorRule(Model):
    """Which tools need a vendor that somebody has looked at, and how much risk is taken."""

    needed: list[Selector] = []
    """Calls whose tool needs one."""
    own: list[Host] | None = None
    """With a list, each tool whose contract names another host needs one too."""
    risk: VendorRisk = VendorRisk()
    gate: GateRule | None = None
    """Whom `approve` asks; an operator, when nobody is named."""


class Found(Model):
    """What becomes of data that was found (`remit.data.detector`)."""

    name: Name
    calls: Selector = Selector()
    """Calls that it speaks of; without it all."""
    classes: Annotated[list[DetectedClass], Field(min_length=1, max_length=16)]
    of: Literal["arguments", "output"] = "arguments"
    do: Literal["deny", "gate", "redact"]
    gate: GateRule | None = None
    """Whom a `gate` asks; an operator, when nobody is named."""

    @model_validator(mode="after")
    def _in_time(self) -> "Found":
        if self.of == "output" and self.do != "redact":
            raise ValueError(f"{self.name!r}: an answer is there already; it can only be redacted")
        return self


class Packs(Model):
    """Tables of rules that are silent without. While all are empty they cost a call nothing."""

    tolerance: Tolerance = Tolerance()
    residency: dict[DataClass, list[str]] = {}
    """Regions in which data of a class may be worked on; one not named may be anywhere."""
    privacy: dict[DataClass, Purpose] = {}
    hours: list[Hours] = []
    vendors: dict[Tool, Vendor] = {}
    vendor_rule: VendorRule | None = None
    detected: Annotated[list[Found], Field(max_length=16)] = []
    """What becomes of data that is found in arguments and answers; every entry that fits counts."""
