"""Proposals: policy judges each before a planner is asked, and the ledger keeps what came of it.

A proposal has a chain of its own and no run: nothing happens by it. What was asked before, and what
it cost, the chain tells, never the workflow. An answer that was lost on its way counts as what an
answer is taken to cost, because somebody may have been paid for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from remit.canonical import JSON, Digest, JSONObject
from remit.decision.decision import Decided
from remit.decision.facts import Budget, Context, CostFact, Facts, ProposalFact
from remit.enforcement import failure
from remit.enforcement.deciding import Deciding, facts_of, principal, recorded
from remit.enforcement.frame import Frame
from remit.enforcement.opa import PolicyInvalidError, PolicyUnavailableError
from remit.evidence.fields import inner, text, whole
from remit.ledger.entries import Content, Record
from remit.ledger.errors import LedgerError
from remit.ledger.proofs import REPLAYED, Proof
from remit.ledger.protocol import Ledger
from remit.ledger.stops import stops_of
from remit.plan.proposal import Request
from remit.plan.wire import Failure

ABOUT = "proposal"
"""What the record of such a decision is about, and the kind of the record of an answer."""
VERDICT = "proposal_verdict"
"""Kind of the record that says what became of an answer."""
_DELAY_S = 2.0
_STOPPED_S = 5.0
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Terms:
    """What the project says of its planner."""

    planner: str
    """`module:function`."""
    rounds: int
    """How often it may be asked for one goal."""
    cost: CostFact
    """What one answer is taken to cost."""
    limit_micros: int | None
    """What all answers for one goal may cost."""

    def bounded(self, rounds: int | None) -> "Terms":
        """Return the same for somebody who wants the planner to be asked less often."""
        return self if rounds is None else replace(self, rounds=min(rounds, self.rounds))


@dataclass(frozen=True, slots=True)
class Account:
    """What a chain tells of a proposal so far."""

    answers: Mapping[int, JSONObject] = field(default_factory=dict)
    """Bodies of the planner's answers, by round."""
    verdicts: Mapping[int, JSONObject] = field(default_factory=dict)
    """Bodies of what became of them, by round."""
    spent_micros: int = 0
    starter: str = ""
    """Who proved to have started it; a token is good for minutes, and rounds may take longer."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A planner is about to be asked."""

    root: str
    """The proposal's chain."""
    request: Request
    terms: Terms
    number: int
    """Of the round."""
    spent_micros: int
    starter: str
    """Who proved to have started the proposal; empty when nobody did."""
    proof: Proof | None = None
    """The proof, the first time."""

    def facts(self, context: Context) -> Facts:
        """Return what policy is asked."""
        return Facts(
            kind="proposal",
            principal=principal(self.request, starter=self.starter),
            proposal=ProposalFact(
                goal=self.request.goal,
                planner=self.terms.planner,
                round=self.number,
                rounds=self.terms.rounds,
                cost=self.terms.cost,
            ),
            budget=Budget(
                currency=self.terms.cost.currency,
                limit_micros=self.terms.limit_micros,
                spent_micros=self.spent_micros,
                reserved_micros=0,
                counters={},
            ),
            context=context,
        )

    def recorded(self) -> JSONObject:
        """Return what the record of the decision says of it."""
        proven: JSONObject = {} if self.proof is None else {"proof": self.proof.recorded()}
        return {
            "about": ABOUT,
            "round": self.number,
            "agent": self.request.agent,
            "on_behalf_of": self.request.on_behalf_of,
            "tenant": self.request.tenant,
            "planner": self.terms.planner,
            "cost_micros": self.terms.cost.micros,
            "starter": self.starter,
            **proven,
        }


class Planners:
    """Judges proposals and keeps their chains."""

    def __init__(self, ledger: Ledger, deciding: Deciding) -> None:
        """Record in `ledger`, ask through `deciding`."""
        self._ledger = ledger
        self._deciding = deciding

    async def account(self, root: str) -> Account:
        """Return what the chain of a proposal tells."""
        bodies: dict[str, dict[int, JSONObject]] = {ABOUT: {}, VERDICT: {}}
        spent: dict[str, int] = {}
        starter, after = "", 0
        while page := await self._ledger.records(root, after, _PAGE):
            after += len(page)
            for record in page:
                kind, body = text(record, "kind"), inner(record, "body")
                if kind in bodies:
                    bodies[kind][whole(body, "round")] = body
                decision = inner(body, "decision")
                if kind == ABOUT:
                    spent[text(body, "decision_id")] = whole(body, "cost_micros")
                elif text(body, "about") == ABOUT and text(decision, "effect") == "allow":
                    starter = text(body, "starter")
                    spent.setdefault(text(decision, "decision_id"), whole(body, "cost_micros"))
        return Account(bodies[ABOUT], bodies[VERDICT], sum(spent.values()), starter)

    async def decide(self, asking: Asking, frame: Frame) -> Decided:
        """Return policy's leave to ask the planner.

        Raises:
            ApplicationError: policy said no, or cannot be asked, or calls are stopped.
        """
        await self._stopped(asking.request)
        facts = asking.facts(self._deciding.context(frame))
        try:
            decided = await self._deciding.decide(facts, asking.root)
        except PolicyUnavailableError as error:
            message = f"no policy judged ({error}); no planner was asked"
            raise failure.unavailable(error.code, message, _DELAY_S) from error
        except PolicyInvalidError as error:
            await self._keep(asking, _host(error.code))
            told = Failure(code=error.code, message=str(error), rule="host")
            raise failure.denied(told) from error
        await self._keep(asking, recorded(decided), facts_of(decided))
        if decided.decision.effect != "allow":
            about = f"no plan is proposed for {asking.request.agent}"
            raise failure.denied(failure.by_policy(decided, about))
        return decided

    async def answered(
        self, root: str, number: int, decision_id: str, body: JSONObject, plan: Content | None
    ) -> None:
        """Record what the planner answered, before anybody judges it."""
        told: JSONObject = {
            **body,
            "round": number,
            "decision_id": decision_id,
            "plan_digest": plan.digest if plan else "",
        }
        await self._ledger.append(root, [Record(ABOUT, told, [plan] if plan else [])])

    async def judged(self, root: str, number: int, body: JSONObject, findings: Content) -> None:
        """Record what became of an answer."""
        told: JSONObject = {**body, "round": number, "findings": findings.digest}
        await self._ledger.append(root, [Record(VERDICT, told, [findings])])

    async def content(self, digest: Digest) -> bytes:
        """Return what a record names."""
        return await self._ledger.get(digest)

    async def _stopped(self, request: Request) -> None:
        """Wait while somebody has stopped the fleet, the agent or the tenant."""
        agent = request.agent.partition("@")[0]
        fitting = stops_of(agent, None, request.tenant)
        held = sorted(stop.name for stop in await self._ledger.stops() if stop.name in fitting)
        if held:
            message = f"{', '.join(held)} is stopped; it waits until somebody lets it go on"
            raise failure.unavailable("host:stopped", message, _STOPPED_S)

    async def _keep(self, asking: Asking, decision: JSON, facts: Content | None = None) -> None:
        body, root = asking.recorded(), asking.root
        record = Record("decision", body | {"decision": decision}, [facts] if facts else [])
        try:
            await self._ledger.append(root, [record], proof=asking.proof)
        except LedgerError as error:
            if error.code != REPLAYED:
                raise
            refused = body | {"decision": _host(REPLAYED)}
            await self._ledger.append(root, [Record("decision", refused)])
            raise failure.denied(Failure(code=REPLAYED, message=str(error))) from error


def _host(code: str) -> JSON:
    return {"effect": "deny", "host": code}
