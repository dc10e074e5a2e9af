"""Decide, record the intent, call, record the outcome: the protocol of design.md §7 for one call.

The order is the whole point and must not be changed: no call without an intent, no intent without
an allow for exactly these arguments, no answer before its outcome is recorded. After the intent a
cancellation is held back until the outcome stands.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from temporalio.exceptions import ApplicationError

from remit.canonical import JSON, JSONObject, canonical, digest_bytes
from remit.decision.decision import Decided
from remit.enforcement import failure
from remit.enforcement.deciding import Deciding, decision_record, facts_of, recorded
from remit.enforcement.endings import Doubtful, Judgement, NeedsApproval, Performed, Verdict
from remit.enforcement.faultpoints import Point, reached
from remit.enforcement.gates import observe_grant, voted
from remit.enforcement.lease import Lease, lease_until, too_late, tool_call, wait_out
from remit.enforcement.obligations import kept, notices
from remit.enforcement.obliging import is_told_of, log_obliged, obliged
from remit.enforcement.opa import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.pacing import pace_of
from remit.enforcement.retrying import backoff_s, most_attempts, probe_grace
from remit.enforcement.room import keep_pace, without_room
from remit.enforcement.sending import Cancellable, Send, after_a_loss
from remit.enforcement.subject import Subject
from remit.ledger.entries import GRANTS, Action, Content, Intent, Outcome, Reserve, Situation, State
from remit.ledger.errors import LedgerError
from remit.ledger.protocol import Ledger
from remit.plan.wire import Failure
from remit.tool.call import Absent, Broken, Happened, Refused, ToolAnswer, Unknown
from remit.tool.contract import Idempotency

_OPA_DELAY_S = 2.0
_STOPPED_DELAY_S = 5.0
_CONFLICTS = 5
"""How often a call is decided again because a counter moved in between."""


class Attempts:
    """Makes governed calls."""

    def __init__(self, ledger: Ledger, deciding: Deciding, clock: Callable[[], int]) -> None:
        """Record in `ledger`, ask through `deciding`."""
        self._ledger = ledger
        self._deciding = deciding
        self._clock = clock

    async def perform(
        self, subject: Subject, situation: Situation, send: Send, judge: Judgement
    ) -> Performed | NeedsApproval | Doubtful:
        """Make a call that is neither open nor done yet."""
        for _ in range(_CONFLICTS):
            decided = await self.decide(subject, situation)
            if decided.decision.effect == "require_approval":
                return NeedsApproval(decided, subject.proposed_digest)
            enforced = obliged(subject, decided)
            reached(Point.DECIDED, subject.key)
            try:
                lease = await self._begin(enforced, subject, situation, decided)
            except LedgerError as error:
                if error.code == "CALL-STOPPED":
                    raise _stopped(error, subject) from error
                if error.code not in ("RESERVE-CONFLICT", "GRANT-USED"):
                    raise
                await keep_pace(self._ledger, subject, self._clock())
                full = await without_room(self._ledger, decided.decision.reserve)
                situation = replace(await self._ledger.look(subject.key), full=full)
                continue
            reached(Point.INTENT, subject.key)
            log_obliged(subject, decided)
            sending = Cancellable(send, subject.contract.cancellable)
            carried = self._carry(enforced, lease, decided, sending.send, judge)
            return await self._shielded(carried, sending)
        raise failure.again(
            "RESERVE-CONFLICT", "a counter kept moving; tried again", 1, subject.key.path
        )

    async def recover(
        self, subject: Subject, action: Action, probe: Send, send: Send, judge: Judgement
    ) -> Performed | Doubtful:
        """Resolve an open intent of a lost attempt, from its recorded arguments."""
        wait_out(action, self._clock())
        if action.attempts >= subject.step.retry.max_attempts + probe_grace(subject):
            return await self._give_up(subject, action, "its attempts are used up")
        kind = subject.contract.idempotency
        if kind is Idempotency.NONE:
            return await self._give_up(subject, action, "the tool cannot tell")
        lease = await self._take_over(subject, action)
        reached(Point.TAKEN, subject.key)
        if kind is Idempotency.PROBE:
            return await self._shielded(self._probe(subject, lease, probe, judge))
        situation = await self._ledger.look(subject.key)
        decided = await self.decide(subject, situation, denial_is_doubt=True)
        await self._record_repeat(subject, decided)
        if decided.decision.effect != "allow":
            return await self._doubt(subject, lease, "policy does not let it be asked again")
        return await self._shielded(self._carry(subject, lease, decided, send, judge, is_lost=True))

    async def decide(
        self, subject: Subject, situation: Situation, denial_is_doubt: bool = False
    ) -> Decided:
        """Ask OPA; a deny is recorded and raised, an unanswered question is asked again later."""
        path = subject.key.path
        try:
            resource = subject.resource_digest
            done = await self._ledger.done_on(resource) if resource else ()
            decided = await self._deciding.call(subject, situation, done)
        except PolicyUnavailableError as error:
            raise failure.unavailable(
                error.code, f"no policy judged ({error}); nothing was called", _OPA_DELAY_S, path
            ) from error
        except PolicyInvalidError as error:
            await self._record_denial(subject, {"effect": "deny", "host": error.code})
            raise failure.denied(
                Failure(code=error.code, message=str(error), step=path, rule="host")
            ) from error
        if decided.decision.effect == "deny" and not denial_is_doubt:
            await self._record_denial(subject, recorded(decided), [facts_of(decided)])
            reason = decided.decision.reasons[0]
            texts = "; ".join(r.message or r.code for r in decided.decision.reasons)
            raise failure.denied(
                Failure(
                    code=reason.code,
                    message=texts[:500],
                    step=path,
                    rule=reason.policy,
                    revision=decided.revision,
                    decision_id=decided.decision_id,
                )
            )
        return decided

    async def _record_denial(
        self, subject: Subject, decision: JSONObject, facts: Sequence[Content] = ()
    ) -> None:
        record = decision_record(subject, decision, facts)
        await self._ledger.deny(subject.run.root, subject.key, [record])

    async def _record_repeat(self, subject: Subject, decided: Decided) -> None:
        """Record what was decided about asking again: the intent that stands holds the first."""
        record = decision_record(subject, recorded(decided), [facts_of(decided)], "repeat")
        await self._ledger.append(subject.run.root, [record])

    async def _begin(
        self, enforced: Subject, proposed: Subject, situation: Situation, decided: Decided
    ) -> Lease:
        grants = [
            gate.id
            for gate in situation.gates
            if gate.state in GRANTS
            and gate.proposed_digest == proposed.proposed_digest
            and gate.consumed_by in ("", str(proposed.key))
        ]
        self._refuse_stale(decided, proposed)
        reserve = [Reserve(r.counter, r.amount, r.ceiling) for r in decided.decision.reserve]
        pace = pace_of(proposed.contract, self._clock())
        intent = Intent(
            key=proposed.key,
            compiled=proposed.pinned.digest,
            tool=proposed.contract.ref,
            contract=proposed.contract_digest,
            operation=proposed.contract.operation.value,
            request_digest=proposed.request_digest,
            proposed_digest=proposed.proposed_digest,
            enforced_digest=enforced.proposed_digest,
            arguments=content(enforced.arguments),
            decision=recorded(decided),
            facts=facts_of(decided),
            owner=proposed.frame.owner,
            lease_until_ms=lease_until(proposed, self._clock()),
            max_attempts=most_attempts(proposed, situation.action),
            grants=grants,
            reserve=[*reserve, pace.reserve] if pace else reserve,
            notices=notices(decided.decision.obligations, is_told_of(proposed, situation)),
            stops=proposed.stops,
            resource=proposed.resource_digest,
        )
        voted_ms = await voted(self._ledger, [one for one in situation.gates if one.id in grants])
        attempt = await self._ledger.begin(intent)
        observe_grant(voted_ms, self._clock())
        return Lease(attempt, intent.lease_until_ms)

    def _refuse_stale(self, decided: Decided, subject: Subject) -> None:
        age = self._clock() - decided.decided_ms
        if age > self._deciding.place.allow_age_ms:
            raise failure.unavailable(
                "host:stale_allow", f"the allow is {age} ms old; asked again", 0, subject.key.path
            )

    async def _carry(
        self,
        subject: Subject,
        lease: Lease,
        decided: Decided,
        send: Send,
        judge: Judgement,
        is_lost: bool = False,
    ) -> Performed | Doubtful:
        """Send a recorded call, unless it is too late, and record how it ended."""
        reached(Point.SENDING, subject.key)
        allow_until_ms = decided.decided_ms + self._deciding.place.allow_age_ms
        late = too_late(subject, lease, allow_until_ms, self._clock())
        if not is_lost:
            subject.frame.beats.forget()
        answer = late or await send(tool_call(subject, lease, self._clock(), is_lost=is_lost))
        reached(Point.ANSWERED, subject.key)
        if is_lost:
            answer = after_a_loss(answer)
        return await self.conclude(subject, lease.attempt, answer, decided, judge)

    async def conclude(
        self,
        subject: Subject,
        attempt: int,
        answer: ToolAnswer,
        decided: Decided | None,
        judge: Judgement,
    ) -> Performed | Doubtful:
        """Record an answer, then return or raise what it means."""
        match answer:
            case Happened(output):
                verdict = await judge(output, subject.arguments)
                stands = kept(decided.decision.obligations if decided else (), output)
                return await self._happened(subject, attempt, stands, verdict, decided)
            case Broken(code, message, False) if self._may_ask_again(subject, attempt):
                # It takes its key: the next answer under the same key may be readable.
                return await self._unknown(subject, attempt, Unknown(code, message))
            case Broken(code, message):
                verdict = await judge(None, subject.arguments)
                broken = replace(verdict, code=code, message=message, spent=answer.spent)
                return await self._happened(subject, attempt, None, broken, decided)
            case Refused():
                raise await self._refused(subject, attempt, answer)
            case Unknown():
                return await self._unknown(subject, attempt, answer)
            case Absent():
                refusal = Refused("STEP-ABSENT", "it did not happen", again=True)
                raise await self._refused(subject, attempt, refusal)

    def _may_ask_again(self, subject: Subject, attempt: int) -> bool:
        return _by_key(subject) and attempt < subject.step.retry.max_attempts

    async def _happened(
        self,
        subject: Subject,
        attempt: int,
        output: JSON,
        verdict: Verdict,
        decided: Decided | None,
    ) -> Performed:
        outcome = Outcome(
            key=subject.key,
            attempt=attempt,
            owner=subject.frame.owner,
            state=State.HAPPENED,
            output=content(output),
            undo=verdict.undo,
            code=verdict.code,
            message=verdict.message,
            faulty=bool(verdict.code),
            spent=verdict.spent,
            refund=subject.is_undo and subject.contract.cost.refunded_by_undo,
            contents=verdict.contents,
        )
        reached(Point.JUDGED, subject.key)
        action = await self._ledger.finish(outcome)
        reached(Point.RECORDED, subject.key)
        if verdict.code:
            raise failure.failed(verdict.code, verdict.message, subject.key.path)
        return Performed(action, output, decided)

    async def _refused(self, subject: Subject, attempt: int, answer: Refused) -> Exception:
        action = await self._ledger.finish(
            Outcome(
                key=subject.key,
                attempt=attempt,
                owner=subject.frame.owner,
                state=State.REFUSED,
                code=answer.code,
                message=answer.message,
            )
        )
        reached(Point.REFUSAL, subject.key)
        path = subject.key.path
        if answer.again and action.attempts < subject.step.retry.max_attempts:
            delay = backoff_s(subject, action.attempts)
            return failure.again(answer.code, f"{answer.message}; tried again", delay, path)
        tries = f" after {action.attempts} attempts" if answer.again else ""
        return failure.refused(answer.code, answer.message + tries, path)

    async def _unknown(self, subject: Subject, attempt: int, answer: Unknown) -> Doubtful:
        """Nobody knows: a tool that takes the key is called again, others settle first."""
        action = await self._ledger.finish(
            Outcome(
                key=subject.key,
                attempt=attempt,
                owner=subject.frame.owner,
                state=State.OPEN,
                code=answer.code,
                message=answer.message,
                lease_until_ms=None if _by_key(subject) else lease_until(subject, self._clock()),
            )
        )
        reached(Point.UNKNOWN, subject.key)
        if action.attempts >= subject.step.retry.max_attempts + probe_grace(subject):
            return await self._give_up(subject, action, answer.message)
        left_s = max(action.lease_until_ms - self._clock(), 0) / 1000
        delay_s = max(backoff_s(subject, action.attempts), left_s)
        message = f"{answer.message}; asked again"
        raise failure.again(answer.code, message, delay_s, subject.key.path)

    async def _probe(
        self, subject: Subject, lease: Lease, probe: Send, judge: Judgement
    ) -> Performed | Doubtful:
        answer = await probe(tool_call(subject, lease, self._clock()))
        reached(Point.PROBED, subject.key)
        if isinstance(answer, Refused | Broken):
            answer = Unknown("PROBE-FAILED", answer.message)
        return await self.conclude(subject, lease.attempt, answer, None, judge)

    async def _take_over(self, subject: Subject, action: Action) -> Lease:
        until_ms, owner = lease_until(subject, self._clock()), subject.frame.owner
        try:
            attempt = await self._ledger.take_over(
                subject.key, action.attempts, owner, until_ms, subject.stops
            )
        except LedgerError as error:
            if error.code == "CALL-STOPPED":
                raise _stopped(error, subject) from error
            raise failure.again(error.code, str(error), 1, subject.key.path) from error
        return Lease(attempt, until_ms)

    async def _give_up(self, subject: Subject, action: Action, why: str) -> Doubtful:
        """Turn an open intent that nobody can resolve into a question for a person."""
        wait_out(action, self._clock())
        owner = subject.frame.owner
        try:
            asked = await self._ledger.give_up(subject.key, action.attempts, owner, why)
        except LedgerError as error:
            raise failure.again(error.code, str(error), 1, subject.key.path) from error
        return _doubtful(subject, asked, why)

    async def _doubt(self, subject: Subject, lease: Lease, why: str) -> Doubtful:
        action = await self._ledger.finish(
            Outcome(
                key=subject.key,
                attempt=lease.attempt,
                owner=subject.frame.owner,
                state=State.IN_DOUBT,
                code="STEP-IN-DOUBT",
                message=why,
            )
        )
        return _doubtful(subject, action, why)

    async def _shielded(
        self, work: Awaitable[Performed | Doubtful], sending: Cancellable | None = None
    ) -> Performed | Doubtful:
        """Finish `work` whatever is cancelled: an intent is recorded, so an outcome must be."""
        task = asyncio.ensure_future(work)
        while True:
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                if task.cancelled():
                    raise
                if sending is not None:
                    sending.cancel()


def _doubtful(subject: Subject, action: Action, why: str) -> Doubtful:
    reached(Point.DOUBTED, subject.key)
    return Doubtful(action, f"{subject.contract.ref} may have happened: {why}")


def _stopped(error: LedgerError, subject: Subject) -> ApplicationError:
    message = f"{error}; it waits until somebody lets it go on"
    return failure.unavailable("host:stopped", message, _STOPPED_DELAY_S, subject.key.path)


def _by_key(subject: Subject) -> bool:
    return subject.contract.idempotency in (Idempotency.KEY, Idempotency.NATURAL)


def content(value: JSON) -> Content:
    """Return `value` as the content store takes it."""
    body = canonical(value)
    return Content(digest_bytes(body), body)
