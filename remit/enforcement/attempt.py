"""Decide, record the intent, call, record the outcome: the protocol of design.md §7 for one call.

The order is the whole point and must not be changed: no call without an intent, no intent without
an allow for exactly these arguments, no answer before its outcome is recorded. After the intent a
cancellation is held back until the outcome stands.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from remit.canonical import JSONObject
from remit.decision.decision import Decided
from remit.enforcement import failure
from remit.enforcement.bounds import NO_LIMITS, Limits
from remit.enforcement.concluding import Concluding
from remit.enforcement.deciding import Deciding, decision_record, facts_of, recorded
from remit.enforcement.endings import Doubtful, Judgement, NeedsApproval, Performed
from remit.enforcement.faultpoints import Point, reached
from remit.enforcement.gates import observe_grant, voted
from remit.enforcement.lease import Lease, lease_until, too_late, tool_call, wait_out
from remit.enforcement.limiting import WAITS, Limiting
from remit.enforcement.obligations import notices
from remit.enforcement.obliging import (
    is_told_of,
    log_obliged,
    obligations_of,
    obliged,
    told_of,
)
from remit.enforcement.opa import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.pacing import paces_of
from remit.enforcement.retrying import most_attempts, probe_grace
from remit.enforcement.room import keep_pace, without_room
from remit.enforcement.sending import Cancellable, Send
from remit.enforcement.subject import Subject
from remit.ledger.entries import GRANTS, NO_BOUNDS, Action, Content, Intent, Reserve, Situation
from remit.ledger.errors import LedgerError
from remit.ledger.protocol import Ledger
from remit.plan.wire import Failure
from remit.tool.call import Broken, Refused, Unknown
from remit.tool.contract import Idempotency

_OPA_DELAY_S = 2.0
_STOPPED_DELAY_S = 5.0
_CONFLICTS = 5
"""How often a call is decided again because a counter moved in between."""


class Attempts:
    """Makes governed calls."""

    def __init__(
        self,
        ledger: Ledger,
        deciding: Deciding,
        clock: Callable[[], int],
        limits: Limits = NO_LIMITS,
    ) -> None:
        """Record in `ledger`, ask through `deciding`, keep to `limits` of the project."""
        self._limiting = Limiting(ledger, limits, clock)
        self._concluding = Concluding(ledger, self._limiting, clock, deciding.detecting)
        self._ledger = ledger
        self._deciding = deciding
        self._clock = clock

    async def perform(
        self, subject: Subject, situation: Situation, send: Send, judge: Judgement
    ) -> Performed | NeedsApproval | Doubtful:
        """Make a call that is neither open nor done yet."""
        await self._limiting.look(subject)
        for _ in range(_CONFLICTS):
            decided = await self.decide(subject, situation)
            if decided.decision.effect == "require_approval":
                return NeedsApproval(decided, subject.proposed_digest)
            enforced = obliged(subject, decided)
            reached(Point.DECIDED, subject.key)
            try:
                lease = await self._begin(enforced, subject, situation, decided)
            except LedgerError as error:
                await self._wait(error, subject)
                if error.code not in ("RESERVE-CONFLICT", "GRANT-USED"):
                    raise
                await keep_pace(
                    self._ledger, paces_of(subject, self._limiting.limits, self._clock()), subject
                )
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
            return await self._concluding.give_up(subject, action, "its attempts are used up")
        kind = subject.contract.idempotency
        if kind is Idempotency.NONE:
            return await self._concluding.give_up(subject, action, "the tool cannot tell")
        is_called = kind is not Idempotency.PROBE
        lease = await self._take_over(subject, action, is_called=is_called)
        reached(Point.TAKEN, subject.key)
        if kind is Idempotency.PROBE:
            return await self._shielded(self._probe(subject, lease, probe, judge))
        situation = await self._ledger.look(subject.key)
        decided = await self.decide(subject, situation, denial_is_doubt=True)
        await self._record_repeat(subject, decided)
        if decided.decision.effect != "allow":
            return await self._concluding.doubt(
                subject, lease, "policy does not let it be asked again"
            )
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
        paces = paces_of(proposed, self._limiting.limits, self._clock())
        intent = Intent(
            key=proposed.key,
            compiled=proposed.pinned.digest,
            tool=proposed.contract.ref,
            contract=proposed.contract_digest,
            operation=proposed.contract.operation.value,
            request_digest=proposed.request_digest,
            proposed_digest=proposed.proposed_digest,
            enforced_digest=enforced.proposed_digest,
            arguments=Content.of(enforced.arguments),
            decision=recorded(decided) | told_of(enforced),
            facts=facts_of(decided),
            owner=proposed.frame.owner,
            lease_until_ms=lease_until(proposed, self._clock()),
            max_attempts=most_attempts(proposed, situation.action),
            grants=grants,
            reserve=[*reserve, *(pace.reserve for pace in paces)],
            notices=notices(decided.decision.obligations, is_told_of(proposed, situation)),
            stops=proposed.stops,
            resource=proposed.resource_digest,
            bounds=self._limiting.bounds(proposed),
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
        # As its obligations leave it, because that is what the tool is told.
        await self._deciding.detecting.look_at(subject)
        reached(Point.SENDING, subject.key)
        allow_until_ms = decided.decided_ms + self._deciding.place.allow_age_ms
        late = too_late(subject, lease, allow_until_ms, self._clock())
        if not is_lost:
            subject.frame.beats.forget()
        call = tool_call(subject, lease, self._clock(), decided.decision, is_lost=is_lost)
        answer = late or await send(call)
        reached(Point.ANSWERED, subject.key)
        return await self._concluding.conclude(
            subject, lease.attempt, answer, decided, judge, is_lost=is_lost
        )

    async def _probe(
        self, subject: Subject, lease: Lease, probe: Send, judge: Judgement
    ) -> Performed | Doubtful:
        await self._deciding.detecting.look_at(subject)
        answer = await probe(tool_call(subject, lease, self._clock()))
        reached(Point.PROBED, subject.key)
        if isinstance(answer, Refused | Broken):
            answer = Unknown("PROBE-FAILED", answer.message)
        bound = await obligations_of(self._ledger, subject.key)
        return await self._concluding.conclude(subject, lease.attempt, answer, None, judge, bound)

    async def _take_over(self, subject: Subject, action: Action, *, is_called: bool) -> Lease:
        until_ms, owner = lease_until(subject, self._clock()), subject.frame.owner
        try:
            attempt = await self._ledger.take_over(
                subject.key,
                action.attempts,
                owner,
                until_ms,
                subject.stops,
                self._limiting.bounds(subject) if is_called else NO_BOUNDS,
            )
        except LedgerError as error:
            await self._wait(error, subject)
            raise failure.again(error.code, str(error), 1, subject.key.path) from error
        return Lease(attempt, until_ms)

    async def _wait(self, error: LedgerError, subject: Subject) -> None:
        """Have a call wait, or fail, that the ledger lets nobody make now."""
        if error.code == "CALL-STOPPED":
            message = f"{error}; it waits until somebody lets it go on"
            path = subject.key.path
            raise failure.unavailable("host:stopped", message, _STOPPED_DELAY_S, path) from error
        if error.code in WAITS:
            raise await self._limiting.held(error, subject) from error

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
