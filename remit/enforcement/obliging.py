"""The call as its obligations leave it, or the reason why it is not made."""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from pydantic import TypeAdapter
from temporalio.exceptions import ApplicationError

from remit.canonical import JSON, JSONObject
from remit.data.findings import Read
from remit.decision.decision import Decided, Obligation
from remit.enforcement import failure
from remit.enforcement.endings import Verdict
from remit.enforcement.obligations import (
    Applied,
    ObligationError,
    apply,
    left_standing,
    logged,
    providers,
)
from remit.enforcement.subject import Subject
from remit.ledger.entries import Situation
from remit.ledger.protocol import Ledger
from remit.plan.path import StepKey
from remit.plan.wire import Failure
from remit.tool.language_model import ModelKind
from remit.tool.validation import check_input, check_output

_PAGE = 1000
_OBLIGATIONS: TypeAdapter[list[Obligation]] = TypeAdapter(list[Obligation])
_log = structlog.get_logger("remit.enforcement")


def obliged(subject: Subject, decided: Decided) -> Subject:
    """Return the subject with the arguments that may be sent.

    Raises:
        ApplicationError: it is denied; an obligation cannot be fulfilled, or spoils the call.
    """
    try:
        _check_route(subject, decided.decision.obligations)
        applied = apply(decided.decision.obligations, subject.arguments, subject.detection.read)
    except ObligationError as error:
        raise _denied("host:obligation_unsupported", str(error), subject, decided) from error
    arguments = applied.value
    if arguments is subject.arguments or not isinstance(arguments, dict):
        return subject
    findings = check_input(subject.contract, arguments)
    if findings:
        first = findings[0]
        message = (
            f"with its obligations the call is none that {subject.contract.ref} takes: "
            f"{first.path or '/'}: {first.message}"
        )
        raise _denied("host:obligation_failed", message, subject, decided)
    return replace(subject, arguments=arguments, redacted=applied.redacted)


def _check_route(subject: Subject, obligations: Sequence[Obligation]) -> None:
    wanted, call = providers(obligations), subject.contract.call
    if wanted is None:
        return
    if not isinstance(call, ModelKind):
        raise ObligationError(f"a call of kind {call.kind!r} goes where its contract says")
    if not any(endpoint.provider in wanted for endpoint in call.endpoints):
        said = ", ".join(sorted(wanted)) or "nobody that all routes name"
        raise ObligationError(f"{subject.contract.ref} has no endpoint of {said}")


def standing(
    subject: Subject,
    obligations: Sequence[Obligation],
    output: JSON,
    verdict: Verdict,
    read: Read | None,
) -> tuple[Applied, Verdict]:
    """Return what stands of an answer, and what it is worth then; `read` as in `left_standing`.

    It is too late to deny the call: an answer of which policy wants something redacted that cannot
    be, or that is none of the tool's without it, stands in no part, and the step fails.
    """
    try:
        applied = left_standing(obligations, output, read)
    except ObligationError as error:
        return Applied(None), _unfulfilled(verdict, str(error))
    if applied.redacted and not verdict.code:
        findings = check_output(subject.contract, applied.value)
        if findings:
            where = findings[0].path or "/"
            why = f"without it the answer is none of {subject.contract.ref} at {where}"
            return Applied(None, applied.redacted), _unfulfilled(verdict, why)
    return applied, verdict


def told_of(enforced: Subject) -> JSONObject:
    """Return what an intent tells of what its arguments lost."""
    return {"redacted": list(enforced.redacted)} if enforced.redacted else {}


async def obligations_of(ledger: Ledger, key: StepKey) -> Sequence[Obligation]:
    """Return what the newest intent of a call was obliged to: what a probe tells in place of the
    lost answer is bound by it as well."""
    found: Sequence[Obligation] = ()
    after = 0
    while records := await ledger.records(key.root, after, _PAGE):
        for record in records:
            body, after = record["body"], _number(record["seq"])
            if record["kind"] != "intent" or not isinstance(body, dict):
                continue
            if (body.get("path"), body.get("direction")) == (key.path, key.direction.value):
                decision = body.get("decision")
                told = decision.get("obligations") if isinstance(decision, dict) else []
                found = _OBLIGATIONS.validate_python(told)
    return found


def _number(value: JSON) -> int:
    return value if isinstance(value, int) else 0


def _unfulfilled(verdict: Verdict, why: str) -> Verdict:
    return replace(verdict, code="OUTPUT-NOT-REDACTED", message=f"nothing of it is kept: {why}")


def log_obliged(subject: Subject, decided: Decided) -> None:
    """Write the values that policy wants in the log."""
    values = logged(decided.decision.obligations, subject.arguments)
    if values:
        _log.info("obliged", tool=subject.contract.ref, values=values)


def _denied(code: str, message: str, subject: Subject, decided: Decided) -> ApplicationError:
    return failure.denied(
        Failure(
            code=code,
            message=message,
            step=subject.key.path,
            revision=decided.revision,
            decision_id=decided.decision_id,
        )
    )


def is_told_of(subject: Subject, situation: Situation) -> bool:
    """Whether people are to be told of the step, and have not been by an earlier attempt."""
    is_step = not subject.is_undo and subject.purpose == "call"
    return is_step and subject.step.autonomy == "notify" and situation.action is None
