"""Recording how an attempt ended, and what that means for whoever asked for it.

No answer is given before its outcome is recorded. What nobody can tell is asked again while there
are attempts left, and becomes a question for a person after that.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from remit.canonical import JSON
from remit.data.findings import CLASSES
from remit.decision.decision import Decided, Obligation
from remit.enforcement import failure
from remit.enforcement.bounds import health_of
from remit.enforcement.detecting import Detecting
from remit.enforcement.endings import Doubtful, Judgement, Performed, Verdict
from remit.enforcement.faultpoints import Point, reached
from remit.enforcement.lease import Lease, lease_until, wait_out
from remit.enforcement.limiting import Limiting
from remit.enforcement.obligations import Applied, classes_wanted
from remit.enforcement.obliging import standing
from remit.enforcement.quarantining import Answered, held_to_bounds
from remit.enforcement.retrying import backoff_s, probe_grace
from remit.enforcement.sending import after_a_loss
from remit.enforcement.subject import Subject
from remit.ledger.entries import Action, Content, Outcome, State
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.ledger.limits import Health
from remit.ledger.protocol import Ledger
from remit.tool.call import Absent, Broken, Happened, Refused, ToolAnswer, Unknown
from remit.tool.contract import Idempotency


@dataclass(frozen=True, slots=True)
class _Told:
    attempt: int
    health: Health


class Concluding:
    """Records outcomes."""

    def __init__(
        self, ledger: Ledger, limiting: Limiting, clock: Callable[[], int], detecting: Detecting
    ) -> None:
        """Record in `ledger`; the bounds of `limiting` are given back."""
        self._detecting = detecting
        self._ledger = ledger
        self._limiting = limiting
        self._clock = clock

    async def conclude(
        self,
        subject: Subject,
        attempt: int,
        answer: ToolAnswer,
        decided: Decided | None,
        judge: Judgement,
        obligations: Sequence[Obligation] = (),
        *,
        is_lost: bool = False,
    ) -> Performed | Doubtful:
        """Record an answer, then return or raise what it means.

        Without `decided` it is a probe's, which another tool gave; `obligations` are then those
        that the call was made under. `is_lost` says that an earlier attempt of the call was.
        """
        told = _Told(attempt, health_of(answer) if decided is not None else "")
        if is_lost:
            answer = after_a_loss(answer, has_effect=subject.contract.operation.has_effect)
        match answer:
            case Happened(output):
                verdict = await judge(output, subject.arguments)
                bound = decided.decision.obligations if decided else obligations
                read = await self._detecting.read(output) if classes_wanted(bound) else None
                applied, verdict = standing(subject, bound, output, verdict, read)
                stands = Content.of(applied.value)
                answered = Answered(subject, attempt, output, stands, self._clock())
                held = await held_to_bounds(self._ledger, answered, verdict)
                if held.again:
                    # Nothing happened that could not be asked again: the contract says so.
                    again = Refused(held.verdict.code, held.verdict.message, again=True)
                    raise await self._refused(subject, told, again)
                return await self._happened(subject, told, applied, stands, held.verdict, decided)
            case Broken(code, message, False) if self._may_ask_again(subject, attempt):
                # It takes its key: the next answer under the same key may be readable.
                return await self._unknown(subject, told, Unknown(code, message))
            case Broken(code, message):
                verdict = await judge(None, subject.arguments)
                broken = replace(verdict, code=code, message=message, spent=answer.spent)
                nothing = Content.of(None)
                return await self._happened(subject, told, Applied(None), nothing, broken, decided)
            case Refused():
                raise await self._refused(subject, told, answer)
            case Unknown():
                return await self._unknown(subject, told, answer)
            case Absent():
                refusal = Refused("STEP-ABSENT", "it did not happen", again=True)
                raise await self._refused(subject, told, refusal)

    def _may_ask_again(self, subject: Subject, attempt: int) -> bool:
        return _by_key(subject) and attempt < subject.step.retry.max_attempts

    async def _happened(
        self,
        subject: Subject,
        told: _Told,
        applied: Applied,
        stands: Content,
        verdict: Verdict,
        decided: Decided | None,
    ) -> Performed:
        is_faulty = bool(verdict.code) and not verdict.is_withheld
        outcome = replace(
            self._outcome(subject, told, State.HAPPENED, verdict.code, verdict.message),
            output=stands,
            undo=verdict.undo,
            faulty=is_faulty,
            spent=verdict.spent,
            tokens=verdict.tokens,
            refund=subject.is_undo and subject.contract.cost.refunded_by_undo,
            contents=verdict.contents,
            detected=() if is_faulty else await self._detected(subject, applied.value),
            redacted=applied.redacted,
            quarantined=verdict.quarantined,
            passed=verdict.passed,
        )
        reached(Point.JUDGED, subject.key)
        action = await self._finish(subject, outcome)
        reached(Point.RECORDED, subject.key)
        if outcome.faulty:
            raise failure.failed(verdict.code, verdict.message, subject.key.path)
        return Performed(action, None if verdict.is_withheld else applied.value, decided)

    async def _refused(self, subject: Subject, told: _Told, answer: Refused) -> Exception:
        outcome = self._outcome(subject, told, State.REFUSED, answer.code, answer.message)
        action = await self._finish(subject, outcome)
        reached(Point.REFUSAL, subject.key)
        path = subject.key.path
        if answer.again and action.attempts < subject.step.retry.max_attempts:
            delay = backoff_s(subject, action.attempts)
            return failure.again(answer.code, f"{answer.message}; tried again", delay, path)
        tries = f" after {action.attempts} attempts" if answer.again else ""
        return failure.refused(answer.code, answer.message + tries, path)

    async def _unknown(self, subject: Subject, told: _Told, answer: Unknown) -> Doubtful:
        """Nobody knows: a tool that takes the key is called again, others settle first."""
        outcome = self._outcome(subject, told, State.OPEN, answer.code, answer.message)
        until_ms = None if _by_key(subject) else lease_until(subject, self._clock())
        action = await self._finish(subject, replace(outcome, lease_until_ms=until_ms))
        reached(Point.UNKNOWN, subject.key)
        if action.attempts >= subject.step.retry.max_attempts + probe_grace(subject):
            return await self.give_up(subject, action, answer.message)
        left_s = max(action.lease_until_ms - self._clock(), 0) / 1000
        delay_s = max(backoff_s(subject, action.attempts), left_s)
        message = f"{answer.message}; asked again"
        raise failure.again(answer.code, message, delay_s, subject.key.path)

    def _outcome(
        self, subject: Subject, told: _Told, state: State, code: str, message: str
    ) -> Outcome:
        return Outcome(
            key=subject.key,
            attempt=told.attempt,
            owner=subject.frame.owner,
            state=state,
            code=code,
            message=message,
            bounds=self._limiting.bounds(subject),
            health=told.health,
        )

    async def _detected(self, subject: Subject, output: JSON) -> Sequence[str]:
        """Return the classes of data that were found in a call's arguments and in its answer."""
        if subject.is_undo:
            return ()
        given = await self._detecting.look_at(subject)
        told = await self._detecting.look_through(output)
        if not told.is_whole:
            return sorted(CLASSES)  # anything may flow on from here
        return sorted({*given.classes, *told.classes})

    async def _finish(self, subject: Subject, outcome: Outcome) -> Action:
        action = await self._ledger.finish(outcome)
        with suppress(LedgerUnavailableError):
            # It is recorded: what is told of it beside that must not have it done again.
            await self._limiting.answered(subject, outcome.health)
        return action

    async def give_up(self, subject: Subject, action: Action, why: str) -> Doubtful:
        """Turn an open intent that nobody can resolve into a question for a person."""
        wait_out(action, self._clock())
        owner = subject.frame.owner
        try:
            asked = await self._ledger.give_up(subject.key, action.attempts, owner, why)
        except LedgerError as error:
            raise failure.again(error.code, str(error), 1, subject.key.path) from error
        return _doubtful(subject, asked, why)

    async def doubt(self, subject: Subject, lease: Lease, why: str) -> Doubtful:
        """Turn an attempt that was taken over, and may not be made, into such a question."""
        told = _Told(lease.attempt, "")
        outcome = self._outcome(subject, told, State.IN_DOUBT, "STEP-IN-DOUBT", why)
        return _doubtful(subject, await self._finish(subject, outcome), why)


def _doubtful(subject: Subject, action: Action, why: str) -> Doubtful:
    reached(Point.DOUBTED, subject.key)
    return Doubtful(action, f"{subject.contract.ref} may have happened: {why}")


def _by_key(subject: Subject) -> bool:
    return subject.contract.idempotency in (Idempotency.KEY, Idempotency.NATURAL)
