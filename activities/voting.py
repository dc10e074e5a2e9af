"""Votes: read, judged by policy, written to the ledger, and only then counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from temporalio import activity

from activities.planning import ROLE
from remit.approval.ballot import VERBS, path_of, standing
from remit.approval.messages import Cast, Spoilt, newest, read_vote, steps_of
from remit.approval.tokens import TokenError
from remit.canonical import JSONObject
from remit.decision.decision import Decided
from remit.decision.facts import Facts, GateFact, Verb, Vote
from remit.enforcement import failure
from remit.enforcement.deciding import facts_of, principal, recorded
from remit.enforcement.faultpoints import Point, reached
from remit.enforcement.frame import Frame
from remit.enforcement.opa import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.point import EnforcementPoint
from remit.enforcement.proposals import NO_CHANGE, Change
from remit.enforcement.proving import Proving, recordable
from remit.enforcement.telemetry import GATE_SECONDS, GATES
from remit.ledger.entries import GateRow, Record, VoteRow
from remit.ledger.proofs import Proof, named
from remit.plan.deskwire import (
    TOGETHER,
    CloseGate,
    GateEnd,
    GateVerdict,
    Message,
    Votes,
    VotesCounted,
)
from remit.plan.wire import CLOSE_GATE, VOTE


@dataclass(frozen=True, slots=True)
class Judged:
    """A vote as it is to be recorded, counted or refused."""

    row: VoteRow
    cast: Cast | None = None
    decision: Record | None = None

    def refused(self, code: str, reason: str) -> "Judged":
        """Return it as a vote that does not count."""
        return replace(self, row=replace(self.row, counted=False, code=code, reason=reason))


class Voting:
    """The activities of gates."""

    def __init__(self, point: EnforcementPoint, clock: Callable[[], int]) -> None:
        """Read and write the point's ledger."""
        self._point = point
        self._proposals = point.proposals
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
            return await self._told(ask, states.get(ask.gate, "abandoned"))
        state = await self._point.ledger.end_gate(ask.root, ask.gate, ask.how)
        GATES.labels(state).inc()
        if state == "changes_requested":
            # What was asked for, and not done, is for whoever planned.
            return await self._told(ask, state)
        return GateEnd.model_validate({"state": _end(state)})

    async def _told(self, ask: CloseGate, state: str) -> GateEnd:
        votes = await self._point.ledger.votes(ask.gate, ask.root)
        last = next((vote for vote in reversed(votes) if vote.counted), None)
        by, reason = (_named(last), last.reason) if last else ("", "")
        return GateEnd.model_validate({"state": _end(state), "by": by, "reason": reason})

    async def _one(self, root: str, message: Message) -> GateVerdict:
        """Record what one message says, about one call or about several of equal request."""
        judged = [
            await self._judge(root, _numbered(recordable(message), place), step, message)
            for place, step in enumerate(steps_of(message.payload))
        ]
        first, *further = await self._record(root, _together(judged))
        return first.model_copy(update={"further": further}) if further else first

    async def _judge(self, root: str, message: Message, step: str, came: Message) -> Judged:
        ledger = self._point.ledger
        gate = newest(await ledger.gates(root), step)
        votes = await ledger.votes(gate.id, root) if gate else []
        others = [vote for vote in votes if vote.event != message.event]
        now_ms = self._clock()
        now = standing(gate, others, now_ms) if gate else None
        read = read_vote(_VERBS[message.name], message.payload, step, gate, now, now_ms)
        change: Change = NO_CHANGE
        proof: Proof | None = None
        if isinstance(read, Cast):
            try:
                action = read.gate.proposed_digest
                proof = await self._proving.message("vote", root, came, read.by, action)
            except TokenError as error:
                said = (read.gate.id, read.by, read.verdict, error.code, str(error), read.body)
                read = Spoilt(*said)
        if isinstance(read, Cast):
            found = await self._proposals.change(read, Frame.of(activity.info(), ROLE))
            if isinstance(found, Spoilt):
                read = found
            else:
                change = found
        if isinstance(read, Spoilt):
            told = (read.by, read.verdict, read.code, read.reason, read.body)
            return Judged(_row(message, read.gate, *told))
        code, reason, decision = await self._decide(root, message, read, change, proof)
        told = (read.by, read.verdict, code, reason or read.comment, read.body)
        row = replace(_row(message, read.gate.id, *told), proof=proof)
        return Judged(row, read, decision)

    async def _record(self, root: str, judged: Sequence[Judged]) -> Sequence[GateVerdict]:
        """Write what one message says in one transaction; return what stands."""
        ledger = self._point.ledger
        decisions = [one.decision for one in judged if one.decision is not None]
        if decisions:
            await ledger.append(root, decisions)
        cast = judged[0].cast
        key = cast.gate.key if cast is not None else f"{root}::do"
        reached(Point.VOTING, key)
        stand = await ledger.vote(root, [one.row for one in judged])
        reached(Point.VOTED, key)
        gates = {gate.id: gate for gate in await ledger.gates(root)}
        verdicts = []
        for one, vote in zip(judged, stand, strict=True):
            gate = gates.get(vote.gate)
            if gate is not None and vote.counted and gate.state != "open":
                GATES.labels(gate.state).inc()
                GATE_SECONDS.labels(gate.role).observe((self._clock() - gate.opened_ms) / 1000)
            verdicts.append(_verdict(vote, gate, one.cast.comment if one.cast else ""))
        return verdicts

    async def _decide(
        self, root: str, message: Message, cast: Cast, change: Change, proof: Proof | None
    ) -> tuple[str, str, Record | None]:
        gate = cast.gate
        ledger = self._point.ledger
        run, admission = await ledger.run(root), await ledger.admission(root, gate.key.parent)
        if run is None or admission is None:
            return "ADMISSION-ABSENT", "the gate's plan is not admitted", None
        pinned = await self._point.pinned.plan(admission.compiled)
        above = await self._point.pinned.agents_above(root, gate.key.parent)
        facts = Facts(
            kind="vote",
            principal=principal(pinned.plan, above, run.starter),
            vote=Vote(
                gate=_fact(cast),
                by=cast.by,
                verdict=cast.verdict,
                verified=proof is not None,
                instead_of=cast.instead_of,
                to=cast.to if cast.verdict == "delegate" else "",
                costs_more=change.costs_more,
                other_resource=change.other_resource,
            ),
            context=self._point.deciding.context(Frame.of(activity.info(), ROLE)),
        )
        try:
            decided = await self._point.deciding.decide(facts, root)
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


def _together(judged: Sequence[Judged]) -> Sequence[Judged]:
    """Let none of several votes of one message count when one of them does not."""
    bad = next((one.row for one in judged if not one.row.counted), None)
    if bad is None or len(judged) == 1:
        return judged
    reason = f"nothing of it counts: {bad.gate or 'one of its steps'} refuses it ({bad.code})"
    return [one if not one.row.counted else one.refused(TOGETHER, reason) for one in judged]


def _numbered(message: Message, place: int) -> Message:
    """Return the message as one about the call at `place`, with an event of its own."""
    return message.model_copy(update={"event": f"{message.event}/{place}"}) if place else message


def _fact(cast: Cast) -> GateFact:
    gate = cast.gate
    return GateFact(
        id=gate.id,
        path=path_of(gate),
        code=gate.code,
        role=gate.role,
        roles=list(cast.standing.roles),
        quorum=gate.quorum,
        tool=gate.tool,
        domain=gate.domain,
        proposed_digest=gate.proposed_digest,
        expires_ms=gate.expires_ms,
    )


def _record_of(message: Message, decided: Decided) -> Record:
    body = {"about": message.event, **recorded(decided)}
    return Record("decision", body, [facts_of(decided)])


def _row(
    message: Message,
    gate: str,
    by: str,
    verdict: str,
    code: str,
    reason: str,
    body: JSONObject,
) -> VoteRow:
    return VoteRow(gate, message.event, by, verdict, not code, code, reason, body)


def _verdict(vote: VoteRow, gate: GateRow | None, comment: str) -> GateVerdict:
    closed = gate.state if gate is not None and gate.state in _BY_VOTE else ""
    return GateVerdict.model_validate(
        {
            "event": vote.event,
            "gate": vote.gate,
            "path": path_of(gate) if gate is not None else "",
            "counted": vote.counted,
            "code": vote.code,
            "reason": vote.reason or comment,
            "closed": closed if vote.counted else "",
            "by": _named(vote),
        }
    )


def _named(vote: VoteRow) -> str:
    return named(vote.by, is_verified=vote.is_verified)


_BY_VOTE = ("granted", "rejected", "edited", "changes_requested", "taken_over")
_VERBS: dict[str, Verb] = {verb: verb for verb in VERBS}


def _end(state: str) -> str:
    return "abandoned" if state == "void" else state
