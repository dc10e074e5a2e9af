"""What the policies of the running stack say of a plan that nobody has started.

The facts are put together by the enforcement point's own `Deciding`, so a dry run asks what a run
would ask; what only a run can tell is guessed in one place, here, and said so. Reads no ledger,
writes to none, calls no tool.
"""

import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from remit.canonical import JSONObject, digest
from remit.decision.decision import Decided
from remit.decision.facts import Facts
from remit.enforcement.deciding import Deciding, Judge
from remit.enforcement.frame import Frame, Place
from remit.enforcement.opa import PolicyInvalidError
from remit.enforcement.pinned import PinnedPlan
from remit.enforcement.planfacts import Outlook
from remit.enforcement.subject import Subject
from remit.ledger.entries import Admission, Situation, Totals
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.plan.flow import Entry
from remit.plan.path import StepKey, callers
from remit.tool.contract import ToolContract

ROOT = "dry-run"
"""Root chain id of a run that does not exist."""


@dataclass(frozen=True, slots=True)
class Said:
    """One rule that spoke."""

    code: str
    policy: str
    message: str
    step: str | None = None
    """Step of the plan that it speaks of, when the whole plan was asked about."""


@dataclass(frozen=True, slots=True)
class GateSaid:
    """One gate that would open."""

    code: str
    role: str
    quorum: int
    expires_s: float
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One decision."""

    effect: str
    """`allow`, `require_approval` or `deny`."""
    reasons: Sequence[Said]
    gates: Sequence[GateSaid]
    obligations: Sequence[str]
    risk: str
    revision: str
    decision_id: str


class Guessing:
    """Asks OPA; a cost that only the run can tell counts as all that the plan may still spend."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    async def decide(self, facts: Facts) -> Decided:
        """Return OPA's answer."""
        action, budget = facts.action, facts.budget
        if action is None or budget is None or action.cost.micros >= 0:
            return await self._judge.decide(facts)
        left = max(0, (budget.limit_micros or 0) - budget.spent_micros - budget.reserved_micros)
        cost = action.cost.model_copy(update={"micros": left})
        guessed = action.model_copy(update={"cost": cost})
        return await self._judge.decide(facts.model_copy(update={"action": guessed}))


class Keeping:
    """Asks somebody else, and keeps the facts of every call by its path."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.calls: dict[str, Facts] = {}

    async def decide(self, facts: Facts) -> Decided:
        """Return the other's answer."""
        if facts.action is not None and facts.action.direction == "do":
            self.calls[facts.action.path] = facts
        return await self._judge.decide(facts)


class Asking:
    """Asks about the parts of one plan."""

    def __init__(self, judge: Judge, root: CompiledPlan, outlook: Outlook) -> None:
        """Ask `judge` as if a run of `root` had just begun."""
        self._deciding = Deciding(judge, Place(), _now_ms)
        self._outlook = outlook
        self._run = PinnedPlan.of(root.digest, root).run(ROOT, ROOT, _now_ms())
        self.totals = Totals()
        """What the run would have spent and done so far."""
        self._done: dict[str, set[str]] = {}
        """Tools that it would have called by then, by what they were about."""
        self._agents: dict[str, str] = {}
        """Whose plan stands at a path."""

    async def admission(self, plan: PinnedPlan, entry: Entry, path: str) -> Answer:
        """Return what policy says of a whole plan; `path` is a sub-plan's."""
        frame = _frame("remit.admit")
        facts = self._outlook.facts(plan.plan, entry)
        self._agents[path] = plan.plan.agent_id
        above = self._above(path)
        return await _answer(
            self._deciding.admission(plan, self._run, facts, frame, path, delegation=above)
        )

    def _above(self, path: str) -> Sequence[str]:
        return [self._agents[caller] for caller in callers(path)]

    async def call(self, subject: Subject) -> Answer:
        """Return what policy says of one call."""
        tools = sorted(set().union(*self._done.values()))
        situation = Situation(None, None, None, None, self.totals, tools=tools)
        done = sorted(self._done.get(subject.resource, ())) if subject.resource else ()
        return await _answer(self._deciding.call(subject, situation, done))

    def subject(
        self,
        plan: PinnedPlan,
        step: CompiledStep,
        contract: ToolContract,
        key: StepKey,
        arguments: JSONObject,
        inflow: Sequence[str],
    ) -> Subject:
        """Return the call of `step` with `arguments`, as far as they are known."""
        admission = Admission(ROOT, key.parent, plan.digest, digest(plan.plan.inputs), ROOT, "")
        return Subject(
            key=key,
            pinned=plan,
            step=step,
            contract=contract,
            contract_digest=contract.digest,
            arguments=arguments,
            run=self._run,
            admission=admission,
            frame=_frame(contract.ref),
            inflow=inflow,
            delegation=self._above(key.parent),
        )

    def count(self, subject: Subject) -> None:
        """Take a call as done, for the facts of those after it."""
        before = self.totals
        has_effect = subject.contract.operation.has_effect
        self.totals = Totals(
            calls=before.calls + 1,
            effects=before.effects + int(has_effect),
            spent_micros=before.spent_micros + max(0, subject.cost.micros),
        )
        self._done.setdefault(subject.resource, set()).add(subject.contract.ref)


async def _answer(asked: Awaitable[Decided]) -> Answer:
    try:
        decided = await asked
    except PolicyInvalidError as error:
        return Answer("deny", [Said(error.code, "host", str(error))], [], [], "high", "", "")
    decision = decided.decision
    said = decision.reasons or decision.permits
    return Answer(
        effect=decision.effect,
        reasons=[Said(each.code, each.policy, each.message, each.step) for each in said],
        gates=[
            GateSaid(gate.code, gate.role, gate.quorum, gate.expires_in_ms / 1000, gate.message)
            for gate in decision.approvals
        ],
        obligations=[obligation.type for obligation in decision.obligations],
        risk=decision.risk,
        revision=decided.revision,
        decision_id=decided.decision_id,
    )


def _frame(activity: str) -> Frame:
    return Frame(
        workflow_id=ROOT,
        run_id=ROOT,
        workflow_type="ExecutePlan",
        activity=activity,
        attempt=1,
        scheduled_ms=_now_ms(),
        owner=ROOT,
        role="orchestrate",
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
