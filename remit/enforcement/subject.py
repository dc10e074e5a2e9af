"""One governed call, complete: what is to be called, for whom, with which arguments."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from remit.canonical import JSON, Digest, JSONObject, canonical, digest
from remit.data.detector import detect
from remit.data.findings import Detection, families, joined
from remit.decision.facts import CostFact, TakesFact
from remit.enforcement.frame import Frame
from remit.enforcement.pinned import PinnedPlan
from remit.ledger.entries import Admission, RunRow
from remit.ledger.stops import stops_of
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.plan.path import Direction, StepKey
from remit.tool.call import Purpose
from remit.tool.contract import ToolContract
from remit.tool.language_model import ModelKind
from remit.tool.pointer import PointerError, follow


@dataclass(frozen=True)
class Subject:
    """What a decision is about and a call is made of.

    Without slots, so that its digests are made once: facts, grants and intent all name them. A
    subject with other arguments is another one.
    """

    key: StepKey
    pinned: PinnedPlan
    step: CompiledStep
    contract: ToolContract
    contract_digest: Digest
    arguments: JSONObject
    run: RunRow
    admission: Admission
    frame: Frame
    purpose: Purpose = "call"
    delegation: Sequence[str] = ()
    """Agents that handed the work down, the run's own first."""
    inflow: Sequence[str] = ()
    """Classes of the data that flows into the arguments from elsewhere; sorted."""
    edited_by: str = ""
    """Who gave the arguments their last form; empty while they are the plan's."""
    edited_verified: bool = False
    """Whether a token proved that name."""
    proposal: JSONObject | None = None
    """With `edited_by`: the plan's arguments."""
    redacted: Sequence[str] = ()
    """Places of the arguments that an obligation took something from."""

    @property
    def plan(self) -> CompiledPlan:
        """The compiled plan in which the step stands."""
        return self.pinned.plan

    @property
    def is_undo(self) -> bool:
        """Whether the call undoes something."""
        return self.key.direction is Direction.UNDO

    @property
    def principal(self) -> dict[str, str]:
        """Whose credentials a tool is called with, where its contract tells them apart."""
        return {"agent": self.plan.agent.partition("@")[0], "tenant": self.plan.tenant}

    @property
    def stops(self) -> tuple[str, ...]:
        """Names of the stops that would hold the call."""
        return stops_of(self.plan.agent.partition("@")[0], self.contract.ref, self.plan.tenant)

    @property
    def timeout_s(self) -> float:
        """How long the tool may take, in seconds."""
        return self.contract.timeout_s if self.is_undo else self.step.timeout_s

    @cached_property
    def detection(self) -> Detection:
        """What was found in the arguments; `remit.enforcement.detecting` looks, and keeps it."""
        return detect(self.arguments)

    @property
    def classes_in(self) -> list[str]:
        """Classes of all that flows into the call, what was found in its arguments included."""
        return sorted({*self.inflow, *joined(self.detection.classes)})

    @property
    def data_classes(self) -> frozenset[str] | None:
        """Data classes of all that the tool is told; `None` while anything may be in it."""
        if not self.detection.is_whole:
            return None
        return families(self.classes_in).union(self.contract.data_classes)

    @cached_property
    def request_digest(self) -> Digest:
        """Digest of {tool contract, arguments, tenant, principal}."""
        return digest(
            {
                "contract": self.contract_digest,
                "arguments": self.arguments,
                "tenant": self.plan.tenant,
                "agent": self.plan.agent,
                "on_behalf_of": self.plan.on_behalf_of,
            }
        )

    @cached_property
    def proposed_digest(self) -> Digest:
        """The request digest together with the step key."""
        return action_digest(self.request_digest, self.key)

    @cached_property
    def resource(self) -> str:
        """The thing that the call is about, as `domain:value`; empty when nothing says which."""
        named = [_at(self.arguments, place) for place in self.contract.resource]
        if not named or not all(_is_name(one) for one in named):
            return ""
        # Several names are written as JSON, so that no two lists of them look alike.
        value = (
            str(named[0]) if len(named) == 1 else canonical([str(one) for one in named]).decode()
        )
        return f"{self.contract.domain}:{value}"

    @cached_property
    def resource_digest(self) -> str:
        """What the ledger knows the thing by, apart for each tenant; empty without one."""
        if not self.resource:
            return ""
        return digest({"tenant": self.plan.tenant, "resource": self.resource})

    @property
    def cost(self) -> CostFact:
        """What the call is expected to cost; an undo costs nothing."""
        currency = self.run.currency
        if self.is_undo or self.purpose != "call":
            return CostFact(micros=0, currency=currency)
        cost = self.contract.cost
        if cost.micros_argument is not None:
            micros = _at(self.arguments, cost.micros_argument)
            named = _at(self.arguments, cost.currency_argument) or currency
            # An amount that cannot be read is no amount that may be spent: the fact then holds a
            # negative number, which the required-facts policy denies.
            if not isinstance(micros, int) or isinstance(micros, bool):
                micros = -1
            return CostFact.model_construct(micros=micros, currency=str(named))
        if cost.estimate is not None:
            return CostFact(micros=cost.estimate.micros, currency=cost.estimate.currency)
        return CostFact(micros=0, currency=currency)

    @property
    def takes(self) -> TakesFact:
        """What the call may take at most, besides money."""
        kind = self.contract.call
        tokens = kind.bounds.tokens if isinstance(kind, ModelKind) else 0
        return TakesFact(tokens=tokens, ms=round(self.timeout_s * 1000))


def action_digest(request: Digest, key: StepKey) -> Digest:
    """Return the digest that a gate and a grant are bound to."""
    return digest({"request": request, "step_key": str(key)})


def _is_name(value: JSON) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def _at(arguments: JSONObject, pointer: str | None) -> JSON:
    try:
        return follow(arguments, pointer) if pointer else None
    except PointerError:
        return None
