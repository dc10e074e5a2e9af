"""Votes: read, judged by policy, written to the ledger, and only then counted."""

from collections.abc import Callable
from dataclasses import replace

from temporalio import activity

from activities.planning import ROLE
from activities.proving import Proving, recordable
from remit.approval.ballot import Cast, Spoilt, path_of, read_vote, repeats, state_after
from remit.approval.tokens import TokenError
from remit.canonical import JSONObject
from remit.decision.decision import Decided
from remit.decision.facts import Facts, GateFact, Vote
from remit.enforcement import failure
from remit.enforcement.deciding import facts_of, principal, recorded
from remit.enforcement.faultpoints import Point, reached
from remit.enforcement.frame import Frame
from remit.enforcement.opa import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.point import EnforcementPoint
from remit.enforcement.telemetry import GATES
from remit.ledger.entries import GateRow, Record, VoteRow
from remit.ledger.proofs import Proof
from remit.plan.wire import (
    CLOSE_GATE,
    VOTE,
    CloseGate,
    GateEnd,
    GateVerdict,
    Message,
    Votes,
    VotesCounted,
)


class Voting:
    """The activities of gates."""

    def __init__(self, point: EnforcementPoint, clock: Callable[[], int]) -> None:
        """Read and write the point's ledger."""
        self._point = point
        self._clock = clock
        self._proving = Proving(point)

    @activity.defn(name=VOTE)
    async def vote(self, ask: Votes) -> VotesCounted:
        """Record a batch of votes in order; return what each did."""
        return VotesCounted(verdicts=[await self._one(ask.root, m) for m in ask.messages])

    @activity.defn(name=CLOSE_GATE)
    async def close_gate(self, ask: CloseGate) -> GateEnd:
        """Close a gate without a vote, or say how it stands."""
        if ask.how == "look":
            gates = await self._point.ledger.gates(ask.root)
            states = {gate.id: gate.state for gate in gates}
            votes = await self._point.ledger.votes(ask.gate, ask.root)
            last = next((vote for vote in reversed(votes) if vote.counted), None)
            return GateEnd.model_validate(
                {
                    "state": _end(states.get(ask.gate, "abandoned")),
                    "by": last.by if last else "",
                    "reason": last.reason if last else "",
                }
            )
        state = await self._point.ledger.end_gate(ask.root, ask.gate, ask.how)
        GATES.labels(state).inc()
        return GateEnd.model_validate({"state": _end(state)})

    async def _one(self, root: str, came: Message) -> GateVerdict:
        ledger, message = self._point.ledger, recordable(came)
        gates = await ledger.gates(root)
        read = read_vote(message.name, message.payload, gates, self._clock())
        if isinstance(read, Spoilt):
            row = _row(message, read.gate, read.by, read.verdict, False, read.body)
            return await self._record(root, row, read.code, read.reason, None)
        votes = await ledger.votes(read.gate.id, root)
        standing = next((vote for vote in votes if vote.event == message.event), None)
        if standing is None and repeats(read, votes):
            row = _row(message, read.gate.id, read.by, read.verdict, False, read.body)
            reason = f"{read.by} has voted on this gate already"
            return await self._record(root, row, "VOTE-REPEATED", reason, None)
        try:
            proposed = read.gate.proposed_digest
            proof = await self._proving.message("vote", root, came, read.by, proposed)
        except TokenError as error:
            row = _row(message, read.gate.id, read.by, read.verdict, False, read.body)
            return await self._record(root, row, error.code, str(error), None)
        code, reason, decision = await self._decide(root, message, read, proof)
        counted = not code
        row = _row(message, read.gate.id, read.by, read.verdict, counted, read.body)
        row = replace(row, proof=proof)
        return await self._record(root, row, code, reason or read.comment, read, decision)

    async def _record(
        self,
        root: str,
        row: VoteRow,
        code: str,
        reason: str,
        cast: Cast | None,
        decision: Record | None = None,
    ) -> GateVerdict:
        ledger = self._point.ledger
        vote = replace(row, code=code, reason=reason)
        ends: list[tuple[str, str]] = []
        if cast is not None and vote.counted:
            state = state_after(cast.gate, [*await ledger.votes(cast.gate.id, root), vote])
            ends = [(cast.gate.id, state)] if state != "open" else []
        if decision is not None:
            await ledger.append(root, [decision])
        key = cast.gate.key if cast is not None else f"{root}::do"
        reached(Point.VOTING, key)
        stands = (await ledger.vote(root, [vote], ends))[0]
        reached(Point.VOTED, key)
        gates = {gate.id: gate for gate in await ledger.gates(root)}
        gate = gates.get(stands.gate)
        if gate is not None and stands.counted and gate.state != "open":
            GATES.labels(gate.state).inc()
        return _verdict(stands, gate, cast.comment if cast else "")

    async def _decide(
        self, root: str, message: Message, cast: Cast, proof: Proof | None
    ) -> tuple[str, str, Record | None]:
        gate = cast.gate
        ledger = self._point.ledger
        run, admission = await ledger.run(root), await ledger.admission(root, gate.key.parent)
        if run is None or admission is None:
            return "ADMISSION-ABSENT", "the gate's plan is not admitted", None
        pinned = await self._point.pinned.plan(admission.compiled)
        above = await self._point.pinned.agents_above(root, gate.key.parent)
        fact = GateFact(
            id=gate.id,
            path=path_of(gate),
            code=gate.code,
            role=gate.role,
            quorum=gate.quorum,
            tool=gate.tool,
            domain=gate.domain,
            proposed_digest=gate.proposed_digest,
            expires_ms=gate.expires_ms,
        )
        facts = Facts(
            kind="vote",
            principal=principal(pinned.plan, above, run.starter),
            vote=Vote(gate=fact, by=cast.by, verdict=cast.verdict, verified=proof is not None),
            context=self._point.deciding.context(Frame.of(activity.info(), ROLE)),
        )
        try:
            decided = await self._point.deciding.decide(facts)
        except PolicyUnavailableError as error:
            raise failure.unavailable(
                error.code, f"no policy judged ({error}); the vote waits", 2, path_of(gate)
            ) from error
        except PolicyInvalidError as error:
            body: JSONObject = {"about": message.event, "effect": "deny", "host": error.code}
            return error.code, str(error), Record("decision", body)
        record = _record_of(message, decided)
        if decided.decision.effect == "allow":
            return "", "", record
        reason = decided.decision.reasons[0]
        return reason.code, reason.message or reason.code, record


def _record_of(message: Message, decided: Decided) -> Record:
    body = {"about": message.event, **recorded(decided)}
    return Record("decision", body, [facts_of(decided)])


def _row(
    message: Message, gate: str, by: str, verdict: str, counted: bool, body: JSONObject
) -> VoteRow:
    return VoteRow(gate, message.event, by, verdict, counted, "", "", body)


def _verdict(vote: VoteRow, gate: GateRow | None, comment: str) -> GateVerdict:
    closed = gate.state if gate is not None and gate.state in ("granted", "rejected") else ""
    return GateVerdict.model_validate(
        {
            "event": vote.event,
            "gate": vote.gate,
            "path": path_of(gate) if gate is not None else "",
            "counted": vote.counted,
            "code": vote.code,
            "reason": vote.reason or comment,
            "closed": closed if vote.counted else "",
            "by": vote.by,
        }
    )


def _end(state: str) -> str:
    return "abandoned" if state == "void" else state
