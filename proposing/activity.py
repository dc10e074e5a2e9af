"""`remit.propose_plan`: one answer of a planner, judged as admission would judge it.

Policy first, then the planner, then the compiler and the dry run. Each answer stands in the ledger
before it is judged, so that an activity that is made again asks nobody twice for the same round.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from temporalio import activity

from proposing.answering import FAULTS, Answer, ask
from remit.approval.tokens import TokenError
from remit.canonical import JSON, JSONObject, digest
from remit.decision.registry import Agent
from remit.decision.scopes import covers
from remit.diagnostic import Diagnostic, InvalidDocumentError
from remit.enforcement import failure
from remit.enforcement.frame import Frame
from remit.enforcement.opa import PolicyUnavailableError
from remit.enforcement.planners import Account, Asking, Terms
from remit.enforcement.point import EnforcementPoint
from remit.enforcement.proving import Proving
from remit.enforcement.rehearsal.rehearsing import REFUSED, rehearse
from remit.ledger.entries import Content
from remit.ledger.proofs import Proof
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.plan.planner import Earlier, Planner, Wish
from remit.plan.proposal import Propose, Proposed, Request, mandated, read_request
from remit.plan.publish import plan_schema
from remit.plan.wire import PROPOSE, Failure
from remit.tool.catalogue import Catalogue
from remit.tool.offered import contract_of

ROLE = "plan"
"""Role of the workers that ask planners."""
MOST_FINDINGS = 50
"""Most findings that a planner is told of one plan."""
_SHOWN = 20
_LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Planning:
    """A project's planner, and what its plans are compiled against."""

    planner: Planner
    terms: Terms
    deadline_s: float
    max_bytes: int
    catalogue: Catalogue
    library: Library
    queue: str | None
    registered: Callable[[str], Awaitable[Agent | None]]
    """Gives what the policies in force have of an agent."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """What is thought of an answer."""

    findings: Sequence[Diagnostic]
    head: Mapping[str, str] = field(default_factory=dict)
    """Fields of `Proposed` that the plan gives."""


class Proposing:
    """Asks a planner and judges what it answers."""

    def __init__(self, point: EnforcementPoint, planning: Planning) -> None:
        """Ask the point's policies, record in its ledger."""
        self._point = point
        self._planning = planning
        self._proving = Proving(point)

    @activity.defn(name=PROPOSE)
    async def propose(self, asked: Propose) -> Proposed:
        """Ask for one plan, or return what became of the round before."""
        try:
            return await self._propose(asked)
        except (LookupError, TypeError, ValueError) as error:
            # Nothing is done by a proposal, so a fault of ours ends it instead of repeating.
            raise failure.refused("PROPOSAL-FAULT", f"{type(error).__name__}: {error}") from error

    async def _propose(self, asked: Propose) -> Proposed:
        try:
            request = read_request(asked.document, asked.size)
        except InvalidDocumentError as error:
            raise failure.invalid(error.diagnostics, error.diagnostics[0].hint) from error
        account = await self._point.planners.account(asked.root)
        answer = await self._recorded(account, asked.round)
        if answer is None:
            answer = await self._ask(asked, request, account)
            account = await self._point.planners.account(asked.root)
        document, found = answer.document, [answer.fault] if answer.fault else []
        judged = _Judged(found)
        if document is not None:
            judged = await self._judge(document, request, found)
        return await self._conclude(asked, request, account, answer.document, judged)

    async def _ask(self, asked: Propose, request: Request, account: Account) -> Answer:
        """Ask the planner, once policy lets us, and record what it says."""
        planners, terms = self._point.planners, self._terms(request)
        proof = None if account.starter else await self._proven(asked)
        starter = proof.person if proof else account.starter
        spent = account.spent_micros
        asking = Asking(asked.root, request, terms, asked.round, spent, starter, proof)
        decided = await planners.decide(asking, Frame.of(activity.info(), ROLE))
        wish = await self._wish(request, account, asked.round)
        answer = await ask(
            self._planning.planner, wish, self._planning.deadline_s, self._planning.max_bytes
        )
        if answer.document is not None:
            answer = _settled(answer, answer.document, request, activity.info().workflow_id, asked)
        cost = terms.cost.micros if answer.cost_micros is None else answer.cost_micros
        fault: JSON = answer.fault.model_dump(mode="json") if answer.fault else None
        plan = None if answer.document is None else Content.of(answer.document)
        body: JSONObject = {"cost_micros": cost, "fault": fault}
        await planners.answered(asked.root, asked.round, decided.decision_id, body, plan)
        return answer

    async def _recorded(self, account: Account, number: int) -> Answer | None:
        """Return the planner's answer of a round, when the ledger has one."""
        body = account.answers.get(number)
        if body is None:
            return None
        fault = body["fault"]
        found = Diagnostic.model_validate(fault) if fault else None
        name = str(body["plan_digest"])
        return Answer(json.loads(await self._point.planners.content(name)) if name else None, found)

    async def _wish(self, request: Request, account: Account, number: int) -> Wish:
        agent = await self._planning.registered(request.agent.partition("@")[0])
        known = self._planning.catalogue if agent is not None else ()
        tools = sorted((one for one in known if agent and covers(agent, one)), key=lambda t: t.ref)
        return Wish(
            **request.model_dump(exclude={"rounds"}),
            tools=[contract_of(one) for one in tools],
            plan_schema=plan_schema(),
            round=number,
            rounds=self._terms(request).rounds,
            earlier=[await self._earlier(account, one) for one in range(1, number)],
        )

    async def _earlier(self, account: Account, number: int) -> Earlier:
        answer = await self._recorded(account, number)
        verdict = account.verdicts.get(number)
        name = str(verdict["findings"]) if verdict else ""
        found = json.loads(await self._point.planners.content(name)) if name else []
        return Earlier(answer.document if answer else None, found)

    async def _judge(
        self, document: JSONObject, request: Request, found: Sequence[Diagnostic]
    ) -> _Judged:
        """Return what admission would find, and what policy would refuse."""
        planning = self._planning
        _, otherwise = mandated(document, request)
        made = compile_plan(document, planning.catalogue, planning.library, queue=planning.queue)
        findings = [*found, *otherwise, *made.diagnostics]
        plan = made.compiled
        if plan is None or findings:
            return _Judged(findings)
        try:
            seen = await rehearse(made, plan, self._point.deciding.judge)
        except PolicyUnavailableError as error:
            message = f"no policy judged the plan ({error}); the answer is kept"
            raise failure.unavailable(error.code, message, 2) from error
        head = {
            "name": plan.name,
            "version": plan.version,
            "digest": plan.plan_digest,
            "compiled": made.digest,
            "verdict": seen.verdict,
            "revision": seen.admission.revision,
        }
        return _Judged(seen.refusals(plan) if seen.verdict == REFUSED else [], head)

    async def _conclude(
        self,
        asked: Propose,
        request: Request,
        account: Account,
        document: JSONObject | None,
        judged: _Judged,
    ) -> Proposed:
        """Record what became of an answer and return it."""
        terms, number = self._terms(request), asked.round
        listed: list[JSONObject] = [one.model_dump(mode="json") for one in judged.findings]
        is_good = not listed and document is not None
        codes: list[JSON] = [*sorted({one.code for one in judged.findings})]
        told = {name: value for name, value in judged.head.items() if name != "digest"}
        body: JSONObject = {**told, "codes": codes, "good": is_good}
        kept = Content.of([*listed[:MOST_FINDINGS]])
        await self._point.planners.judged(asked.root, number, body, kept)
        return Proposed(
            status="proposed" if is_good else "unfit",
            round=number,
            rounds=terms.rounds,
            more=not is_good and number < terms.rounds,
            pause_s=_pause_s(account, number),
            agent=request.agent,
            on_behalf_of=request.on_behalf_of,
            tenant=request.tenant,
            owner=request.owner,
            plan=document if is_good else None,
            diagnostics=listed[:_SHOWN],
            total=len(listed),
            spent_micros=account.spent_micros,
            currency=terms.cost.currency,
        ).model_copy(update=dict(judged.head))

    def _terms(self, request: Request) -> Terms:
        return self._planning.terms.bounded(request.rounds)

    async def _proven(self, asked: Propose) -> Proof | None:
        """Return the proof of who asks; nobody is asked anything before it."""
        if asked.submission is not None:
            given = asked.submission if isinstance(asked.submission, dict) else {}
            try:
                return await self._proving.start(
                    asked.root, digest(asked.document), given.get("token")
                )
            except TokenError as error:
                told = Failure(code=error.code, message=f"who asks is not proven: {error}")
                raise failure.denied(told) from error
        if self._point.deciding.place.profile == "full":
            message = "nobody proved to have asked for it; `remit propose --key FILE` does"
            raise failure.denied(Failure(code="PLAN-UNAUTHENTICATED", message=message))
        return None


def _settled(
    answer: Answer, document: JSONObject, request: Request, workflow_id: str | None, asked: Propose
) -> Answer:
    """Return an answer with what the request settles filled in, and where it came from."""
    filled, _ = mandated(document, request)
    stated = filled.get("provenance")
    if stated is None or isinstance(stated, dict):
        own: JSONObject = {"proposal_id": workflow_id, "proposal_round": asked.round}
        filled["provenance"] = {**(stated or {}), **own}
    return Answer(filled, answer.fault, answer.cost_micros)


def _pause_s(account: Account, number: int) -> float:
    """Return how long to leave a planner alone that failed, and failed before."""
    failed = 0
    while number > 0 and _failed(account, number):
        failed, number = failed + 1, number - 1
    return min(_LONGEST_PAUSE_S, 2.0 ** (failed - 1)) if failed else 0


def _failed(account: Account, number: int) -> bool:
    fault = account.answers.get(number, {}).get("fault")
    return isinstance(fault, dict) and fault.get("code") in FAULTS
