"""How long the holder of an attempt may send, and how long its call may then take.

A lease ends after the call's own deadline, its contract's settle time and the window of its
read-back (whose reader has the outcome to record), whenever it is sent: who
begins late has less time, and who has none left does not send. Only so may anybody take over at
the lease's end (design.md §7).
"""

import time
from dataclasses import dataclass
from functools import partial

from remit.decision.decision import Decision
from remit.enforcement import failure
from remit.enforcement.obligations import providers
from remit.enforcement.subject import Subject
from remit.ledger.entries import Action
from remit.tool.call import Refused, ToolCall, withheld

_SLACK_MS = 1000
"""What may pass between the intent and the call without shortening the call."""


@dataclass(frozen=True, slots=True)
class Lease:
    """One attempt's right to send."""

    attempt: int
    until_ms: int


def lease_until(subject: Subject, now_ms: int) -> int:
    """Return until when an attempt that begins now may hold its step key."""
    seconds = subject.timeout_s + _after_s(subject)
    return now_ms + int(seconds * 1000) + _SLACK_MS


def call_s(subject: Subject, lease: Lease, now_ms: int) -> float:
    """Return how long a call that is sent now may take, in seconds; zero or less: it is too late.

    Whatever it still does to the world, it does before the lease ends.
    """
    left_s = (lease.until_ms - now_ms) / 1000 - _after_s(subject)
    return min(subject.timeout_s, left_s)


def tool_call(
    subject: Subject,
    lease: Lease,
    now_ms: int,
    decision: Decision | None = None,
    *,
    is_lost: bool = False,
) -> ToolCall:
    """Return what a tool is called with; behind a lost attempt, with how far that one came."""
    beats, of = subject.frame.beats, subject.proposed_digest
    return ToolCall(
        contract=subject.contract,
        arguments=subject.arguments,
        step_key=str(subject.key),
        deadline=time.monotonic() + call_s(subject, lease, now_ms),
        checkpoint=partial(beats.mark, of),
        resume=beats.last(of) if is_lost else None,
        principal=subject.principal,
        data_classes=subject.data_classes,
        risk=decision.risk if decision else None,
        providers=providers(decision.obligations) if decision else None,
    )


def _after_s(subject: Subject) -> float:
    """Return for how long the holder has something to do behind the call's own deadline."""
    return subject.contract.settle_s + (0 if subject.is_undo else subject.contract.seen_within_s)


def too_late(subject: Subject, lease: Lease, allow_until_ms: int, now_ms: int) -> Refused | None:
    """Say why a call may not be sent any more; its intent stands, so the refusal is recorded."""
    if now_ms > allow_until_ms:
        return withheld("host:stale_allow", "the allow is too old; nothing was sent", again=True)
    if call_s(subject, lease, now_ms) <= 0:
        return withheld("LEASE-RAN-OUT", "its lease is over; nothing was sent", again=True)
    return None


def wait_out(action: Action, now_ms: int) -> None:
    """Come back later while an earlier attempt may still land."""
    left_ms = action.lease_until_ms - now_ms
    if left_ms > 0:
        message = f"attempt {action.attempts} may still land"
        raise failure.again("LEASE-HELD", message, left_ms / 1000 + 0.05, action.key.path)
