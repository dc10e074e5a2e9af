"""Whether an answer is good and fresh enough to go on with, as its contract says.

What misses a bound is kept apart under a reference, with who answers for it and why; no step reads
it. The very same answer passes once somebody released it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from remit.canonical import JSON, JSONObject
from remit.data.quality import STALE, Looked, look
from remit.enforcement.endings import Verdict
from remit.enforcement.subject import Subject
from remit.enforcement.telemetry import DATA_AGE, DATA_BOUNDS
from remit.ledger.entries import Content
from remit.ledger.protocol import Ledger
from remit.ledger.quarantine import Quarantined, reference_of
from remit.tool.quality import Quality

_MOST_SAID = 3


@dataclass(frozen=True, slots=True)
class Held:
    """What becomes of an answer."""

    verdict: Verdict
    again: bool = False
    """Whether it is better to ask again."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer of a tool, as far as it is known."""

    subject: Subject
    attempt: int
    output: JSON
    """What the tool answered."""
    stands: Content
    """What obligations leave of it, and would be recorded."""
    now_ms: int

    @property
    def may_ask_again(self) -> bool:
        """Whether the step has an attempt left."""
        return self.attempt < self.subject.step.retry.max_attempts


async def held_to_bounds(ledger: Ledger, answered: Answered, verdict: Verdict) -> Held:
    """Return what an answer is worth that is otherwise as it must be."""
    subject = answered.subject
    quality, ref = subject.contract.quality, subject.contract.ref
    if quality is None or verdict.code or subject.is_undo or subject.purpose != "call":
        return Held(verdict)
    looked = look(quality, answered.output, answered.now_ms)
    if looked.age_s is not None:
        DATA_AGE.labels(ref).set(looked.age_s)
    if not looked.misses:
        DATA_BOUNDS.labels(ref, "met").inc()
        return Held(verdict)
    passed = await ledger.released(subject.plan.tenant, ref, answered.stands.digest)
    if passed:
        DATA_BOUNDS.labels(ref, "released").inc()
        return Held(replace(verdict, passed=passed))
    DATA_BOUNDS.labels(ref, "stale" if looked.code == STALE else "poor").inc()
    missed = replace(verdict, code=looked.code, message=_message(looked))
    if quality.on_miss == "again" and answered.may_ask_again:
        return Held(missed, again=True)
    return Held(_quarantined(missed, looked, quality, subject))


def _quarantined(missed: Verdict, looked: Looked, quality: Quality, subject: Subject) -> Verdict:
    reference = reference_of(subject.key.root, subject.key.path)
    owner = quality.owner or subject.contract.owner
    return replace(
        missed,
        message=f"{missed.message}; it is in quarantine as {reference}",
        quarantined=Quarantined(looked.code, owner, _misses(looked)),
        is_withheld=quality.on_miss == "without",
    )


def _misses(looked: Looked) -> Sequence[JSONObject]:
    return [{"code": one.code, "at": one.at, "message": one.message} for one in looked.misses]


def _message(looked: Looked) -> str:
    said = [f"{one.at or '/'}: {one.message}" for one in looked.misses[:_MOST_SAID]]
    more = len(looked.misses) - _MOST_SAID
    return "; ".join([*said, *([f"{more} more"] if more > 0 else [])])
