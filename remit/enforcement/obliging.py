"""The call as its obligations leave it, or the reason why it is not made."""

from dataclasses import replace

import structlog
from temporalio.exceptions import ApplicationError

from remit.decision.decision import Decided
from remit.enforcement import failure
from remit.enforcement.obligations import ObligationError, apply, logged
from remit.enforcement.subject import Subject
from remit.ledger.entries import Situation
from remit.plan.wire import Failure
from remit.tool.validation import check_input

_log = structlog.get_logger("remit.enforcement")


def obliged(subject: Subject, decided: Decided) -> Subject:
    """Return the subject with the arguments that may be sent.

    Raises:
        ApplicationError: it is denied; an obligation cannot be fulfilled, or spoils the call.
    """
    try:
        arguments = apply(decided.decision.obligations, subject.arguments)
    except ObligationError as error:
        raise _denied("host:obligation_unsupported", str(error), subject, decided) from error
    if arguments is subject.arguments:
        return subject
    findings = check_input(subject.contract, arguments)
    if findings:
        first = findings[0]
        message = (
            f"with its obligations the call is none that {subject.contract.ref} takes: "
            f"{first.path or '/'}: {first.message}"
        )
        raise _denied("host:obligation_failed", message, subject, decided)
    return replace(subject, arguments=arguments)


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
