"""Asks OPA about one call: the one place where the facts of a call are put together.

Nothing here is taken from the agent's word for itself: names come from the admitted plan, the tool
from its pinned contract, money and history from the ledger, time from the clock. No answer is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from remit.canonical import JSONObject
from remit.data.detector import listed
from remit.data.findings import Detection
from remit.decision.decision import Decided
from remit.decision.facts import (
    Action,
    Budget,
    Context,
    DataFound,
    Detected,
    Facts,
    Grant,
    History,
    PlanFact,
    PlanGate,
    PlanStepFact,
    Principal,
    Run,
    SystemCall,
)
from remit.enforcement.answer import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.detecting import Detecting
from remit.enforcement.frame import Frame, Place
from remit.enforcement.freshness import Freshness, stakes_of
from remit.enforcement.obligations import CAPABILITIES, left_out
from remit.enforcement.pinned import PinnedPlan
from remit.enforcement.subject import Subject
from remit.enforcement.telemetry import DECISION_SECONDS, DECISIONS, POLICY_REFUSED, VIOLATIONS
from remit.ledger.entries import GRANTS, Content, GateRow, Record, RunRow, Situation, Totals
from remit.plan.compiled import CompiledPlan, parse_duration
from remit.plan.proposal import Request
from remit.tool.human import HumanKind


class Judge(Protocol):
    """Whoever answers facts with a decision: the OPA client."""

    async def decide(self, facts: Facts) -> Decided:
        """Return OPA's answer, checked; raise when there is none that can be trusted."""


class Watcher(Protocol):
    """Whoever looks on without a say: a candidate in the shadow."""

    def offer(self, facts: Facts, decided: Decided) -> None:
        """Take note of a decision that was made; returns at once, and never raises."""


class Trials(Protocol):
    """Whoever knows which runs a candidate decides for: a canary."""

    async def ask(self, facts: Facts, root: str, active: Judge) -> tuple[Decided, bool]:
        """Return the answer of whoever decides for a run, and whether that is the candidate."""

    def marks(self, decided: Decided) -> list[Record]:
        """Return what an admission is recorded with, that keeps its run on its side."""


class Deciding:
    """Puts facts together and asks."""

    def __init__(
        self,
        judge: Judge,
        place: Place,
        clock: Callable[[], int],
        freshness: Freshness | None = None,
        shadow: Watcher | None = None,
        canary: Trials | None = None,
        detecting: Detecting | None = None,
    ) -> None:
        """Ask `judge`; `clock` gives milliseconds of Unix time.

        Without `freshness` nobody looks at how old the policies are: for tests and questions.
        `shadow` is told of each decision once it can be used. `canary` says for which runs a
        candidate is asked in place of `judge`. `detecting` looks through arguments.
        """
        self.detecting = detecting or Detecting()
        self._canary = canary
        self._freshness = freshness
        self._shadow = shadow
        self.judge = judge
        self.place = place
        self.clock = clock

    async def call(
        self, subject: Subject, situation: Situation, on_resource: Sequence[str] = ()
    ) -> Decided:
        """Ask about a tool call; `on_resource` are the tools that did something to its resource."""
        await self.detecting.look_at(subject)
        facts = Facts(
            kind="call",
            principal=principal(subject.plan, subject.delegation, subject.run.starter),
            action=_action(subject, situation),
            plan=_plan(subject.plan, subject.pinned.digest, subject.run.deadline_ms),
            budget=_budget(subject.run, situation.totals, situation.full),
            history=_history(situation.totals, situation.tools, on_resource),
            grants=[_grant(gate) for gate in situation.gates if _stands(gate, subject)],
            run=_run(subject.run, subject.frame, subject.key.parent),
            context=self.context(subject.frame),
        )
        return await self.decide(facts)

    async def decide(self, facts: Facts, root: str = "") -> Decided:
        """Ask about any facts, and count the answer, also one that cannot be used.

        `root` names the run where the facts do not.
        """
        try:
            return await self._usable(facts, root or (facts.run.root if facts.run else ""))
        except (PolicyInvalidError, PolicyUnavailableError) as error:
            POLICY_REFUSED.labels(error.code).inc()
            raise

    def marks(self, decided: Decided) -> list[Record]:
        """Return what is recorded beside the admission of a whole run."""
        return self._canary.marks(decided) if self._canary else []

    async def _usable(self, facts: Facts, root: str) -> Decided:
        if self._canary is None:
            decided, is_trial = await self.judge.decide(facts), False
        else:
            decided, is_trial = await self._canary.ask(facts, root, self.judge)
        DECISIONS.labels(facts.kind, decided.decision.effect).inc()
        DECISION_SECONDS.observe(decided.took_us / 1e6)
        if decided.decision.effect == "deny":
            for code in {reason.code for reason in decided.decision.reasons}:
                VIOLATIONS.labels(facts.kind, code).inc()
        if self._freshness is not None:
            self._freshness.check(decided.revision, stakes_of(facts))
        if self._shadow is not None and not is_trial:
            self._shadow.offer(facts, decided)
        return decided

    async def system(self, frame: Frame, about: str, root: str = "") -> Decided:
        """Ask about one of Remit's own activities for a run, or about one that nobody knows."""
        system = SystemCall(
            activity=frame.activity,
            role=frame.role,
            workflow_type=frame.workflow_type,
            direction=about,
        )
        facts = Facts(kind="system", system=system, context=self.context(frame))
        return await self.decide(facts, root)

    async def admission(
        self,
        pinned: PinnedPlan,
        run: RunRow,
        steps: list[PlanStepFact],
        frame: Frame,
        path: str,
        totals: Totals | None = None,
        delegation: Sequence[str] = (),
        tools: Sequence[str] = (),
    ) -> Decided:
        """Ask about a whole plan; `totals` and `tools` are of the run that it goes on with."""
        so_far = totals or Totals()
        plan = pinned.plan
        fact = _plan(plan, pinned.digest, run.deadline_ms).model_copy(update={"steps": steps})
        facts = Facts(
            kind="admission",
            principal=principal(plan, delegation, run.starter),
            plan=fact,
            budget=_budget(run, so_far),
            history=_history(so_far, tools),
            run=_run(run, frame, path),
            context=self.context(frame),
        )
        return await self.decide(facts)

    def context(self, frame: Frame) -> Context:
        """Return clock and place."""
        return Context(
            now_ms=self.clock(),
            scheduled_ms=frame.scheduled_ms,
            environment=self.place.environment,
            region=self.place.region,
            profile=self.place.profile,
            capabilities=CAPABILITIES,
        )


def principal(
    asked: CompiledPlan | Request, delegation: Sequence[str] = (), starter: str = ""
) -> Principal:
    """Return who acts; without a proven starter the names are claims of whoever started it."""
    agent, _, version = asked.agent.partition("@")
    return Principal(
        agent=agent,
        agent_version=version,
        on_behalf_of=asked.on_behalf_of,
        tenant=asked.tenant,
        verified=bool(starter),
        delegation=list(delegation),
        starter=starter,
    )


def recorded(decided: Decided) -> JSONObject:
    """Return a decision as the ledger keeps it."""
    decision = decided.decision
    left = left_out(decision.obligations)
    told: JSONObject = {"left_out": left} if left else {}
    return {
        **told,
        "decision_id": decided.decision_id,
        "revision": decided.revision,
        "effect": decision.effect,
        "risk": decision.risk,
        "reasons": [reason.model_dump(mode="json") for reason in decision.reasons],
        "permits": [permit.code for permit in decision.permits],
        "obligations": [item.model_dump(mode="json") for item in decision.obligations],
        "facts": decided.facts_digest,
        "decided_ms": decided.decided_ms,
    }


def facts_of(decided: Decided) -> Content:
    """Return what a decision was made on; whoever records the decision stores this beside it."""
    return Content(decided.facts_digest, decided.facts)


def decision_record(
    subject: Subject, decision: JSONObject, facts: Sequence[Content], purpose: str = ""
) -> Record:
    """Return the record of a decision about a call that no intent tells of.

    Args:
        subject: what was asked about.
        decision: as `recorded` gives it, or why there is none.
        facts: what it was made on; nothing when nobody answered.
        purpose: why the call was to be made, unless for the step itself.
    """
    body: JSONObject = {
        "step_key": str(subject.key),
        "tool": subject.contract.ref,
        "proposed": subject.proposed_digest,
        "decision": decision,
    }
    if purpose:
        body["purpose"] = purpose
    return Record("decision", body, facts)


def _action(subject: Subject, situation: Situation) -> Action:
    contract, step = subject.contract, subject.step
    is_do = not subject.is_undo and subject.purpose == "call"
    return Action.model_construct(
        step_key=str(subject.key),
        path=subject.key.path,
        step=subject.key.segment.step,
        direction=subject.key.direction.value,
        purpose=subject.purpose,
        attempt=(situation.action.attempts if situation.action else 0) + 1,
        tool=contract.ref,
        tool_version=contract.version,
        contract_digest=subject.contract_digest,
        domain=contract.domain,
        operation=contract.operation.value,
        irreversible=is_do and (step.irreversible or contract.irreversible),
        data_classes=contract.data_classes,
        region=contract.region,
        destinations=contract.destinations,
        resource=subject.resource,
        inflow=subject.classes_in,
        detected=_detected(subject.detection),
        arguments=subject.arguments,
        request_digest=subject.request_digest,
        proposed_digest=subject.proposed_digest,
        cost=subject.cost,
        takes=subject.takes,
        confidence=step.confidence if is_do else None,
        autonomy=step.autonomy if is_do else "unattended",
        plan_gate=_plan_gate(subject) if is_do else None,
        rollback=subject.is_undo,
    )


def _detected(found: Detection) -> Detected:
    return Detected.model_construct(
        classes=found.classes,
        places=[
            DataFound.model_construct(
                at=one.at, data_class=one.data_class, confidence=one.confidence
            )
            for one in listed(found)
        ],
        whole=found.is_whole,
    )


def _plan_gate(subject: Subject) -> PlanGate | None:
    approval, task = subject.step.approval, subject.contract.call
    if isinstance(task, HumanKind):
        # The plan may ask for more people, or for haste, but not for another role.
        more = parse_duration(approval.expires) if approval else task.due_s
        return PlanGate(
            role=task.role,
            quorum=approval.quorum if approval else 1,
            expires_ms=int(min(task.due_s, more) * 1000),
            message=task.instructions,
        )
    if approval is None:
        return None
    return PlanGate(
        role=approval.role,
        quorum=approval.quorum,
        expires_ms=int(parse_duration(approval.expires) * 1000),
        message=approval.message,
    )


def _plan(plan: CompiledPlan, compiled: str, deadline_ms: int) -> PlanFact:
    return PlanFact.model_construct(
        name=plan.name,
        version=plan.version,
        digest=plan.plan_digest,
        compiled_digest=compiled,
        owner=plan.owner,
        goal=plan.goal,
        provenance="stated" if plan.provenance else "not_stated",
        max_steps=plan.constraints.max_steps,
        regions=plan.constraints.regions,
        forbidden_tools=plan.constraints.forbidden_tools,
        deadline_ms=deadline_ms,
        steps_total=len(plan.steps),
        steps=[],
    )


def _budget(run: RunRow, totals: Totals, full: Mapping[str, int] | None = None) -> Budget:
    return Budget(
        currency=run.currency,
        limit_micros=run.limit_micros,
        spent_micros=totals.spent_micros,
        reserved_micros=totals.reserved_micros,
        counters=dict(full or {}),
    )


def _history(totals: Totals, tools: Sequence[str] = (), on_resource: Sequence[str] = ()) -> History:
    return History(
        calls=totals.calls,
        effects=totals.effects,
        denials=totals.denials,
        undone=totals.undone,
        tools=list(tools),
        on_resource=list(on_resource),
    )


def _stands(gate: GateRow, subject: Subject) -> bool:
    """Whether a gate is a grant that this key may use, or has used already."""
    return gate.state in GRANTS and gate.consumed_by in ("", str(subject.key))


def _grant(gate: GateRow) -> Grant:
    return Grant(
        gate=gate.id,
        code=gate.code,
        role=gate.role,
        by=list(gate.voters),
        instead_of=list(gate.instead_of),
        proposed_digest=gate.proposed_digest,
        enforced_digest=gate.enforced_digest,
        expires_ms=gate.expires_ms,
    )


def _run(run: RunRow, frame: Frame, path: str) -> Run:
    return Run(
        root=run.root,
        workflow_id=frame.workflow_id,
        run_id=frame.run_id,
        path=path,
        started_ms=run.started_ms,
        deadline_ms=run.deadline_ms,
    )
