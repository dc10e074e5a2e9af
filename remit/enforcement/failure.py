"""The errors that enforcement raises: one form, stable types, and what to do next.

Only `denied` and `refused` say that certainly nothing happened. Messages name the code, what was
refused or failed, what happens next, and never carry arguments or secrets.
"""

from collections.abc import Sequence
from datetime import timedelta

from temporalio.exceptions import ApplicationError

from remit.canonical import JSON
from remit.decision.decision import Decided
from remit.diagnostic import Diagnostic
from remit.plan.wire import AGAIN, DENIED, FAILED, INVALID, REFUSED, UNAVAILABLE, Failure

MAX_DIAGNOSTICS = 20
"""Most findings that a failure carries; how many there are it says besides."""


def by_policy(decided: Decided, about: str) -> Failure:
    """Return what policy refused, and by which rule; `about` says of what, and comes first."""
    reasons = decided.decision.reasons
    texts = "; ".join(reason.message or reason.code for reason in reasons)
    return Failure(
        code=reasons[0].code if reasons else "policy.not_granted",
        message=f"{about}: {texts}"[:500],
        rule=reasons[0].policy if reasons else "",
        revision=decided.revision,
        decision_id=decided.decision_id,
    )


def invalid(diagnostics: Sequence[Diagnostic], hint: str) -> ApplicationError:
    """Something is not what it should be: all findings at once, bounded, and what to do."""
    first = diagnostics[0]
    shown = diagnostics[:MAX_DIAGNOSTICS]
    lines = [f"{found.code}: {found.message} at {found.path or '/'}" for found in shown]
    if len(diagnostics) > len(shown):
        lines.append(f"and {len(diagnostics) - len(shown)} more of {len(diagnostics)}")
    message = "\n".join(lines)
    summary = Failure(
        code=first.code,
        message=message.removeprefix(f"{first.code}: "),
        effect="none",
        next=hint,
    )
    found: list[JSON] = [diagnostic.model_dump(mode="json") for diagnostic in shown]
    return ApplicationError(
        message,
        summary.model_dump(mode="json"),
        {"diagnostics": found, "total": len(diagnostics)},
        type=INVALID,
        non_retryable=True,
    )


def denied(failure: Failure) -> ApplicationError:
    """Policy said no: nothing was called, and trying again would not help."""
    return _final(failure.model_copy(update={"effect": "none"}), DENIED)


def refused(code: str, message: str, step: str = "", command: str = "") -> ApplicationError:
    """Certainly no effect, for a reason that stays."""
    failure = Failure(code=code, message=message, step=step, effect="none", command=command)
    return _final(failure, REFUSED)


def failed(code: str, message: str, step: str = "") -> ApplicationError:
    """A failure with effect: it will be compensated."""
    failure = Failure(
        code=code,
        message=message,
        step=step,
        effect="happened",
        next="it took effect, so it is undone",
    )
    return _final(failure, FAILED)


def unavailable(code: str, message: str, delay_s: float, step: str = "") -> ApplicationError:
    """OPA or the ledger could not be asked: nothing was called; this is not an attempt."""
    failure = Failure(
        code=code, message=message, step=step, effect="none", next="nothing was called; it waits"
    )
    return _retried(failure, UNAVAILABLE, delay_s)


def again(code: str, message: str, delay_s: float, step: str = "") -> ApplicationError:
    """The outcome is unknown or somebody else is at it: look again later."""
    return _retried(Failure(code=code, message=message, step=step), AGAIN, delay_s)


def _final(failure: Failure, kind: str) -> ApplicationError:
    return ApplicationError(
        f"{failure.code}: {failure.message}",
        failure.model_dump(mode="json"),
        type=kind,
        non_retryable=True,
    )


def _retried(failure: Failure, kind: str, delay_s: float) -> ApplicationError:
    return ApplicationError(
        f"{failure.code}: {failure.message}",
        failure.model_dump(mode="json"),
        type=kind,
        next_retry_delay=timedelta(seconds=max(delay_s, 0.05)),
    )
