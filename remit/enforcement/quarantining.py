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

_MOST_SAID = 3


@dataclass(frozen=True, slots=True)
class Held:
    """What becomes of an answer."""

    verdict: Verdict
    again: bool = False
    """Whether it is better to ask again."""


async def held_to_bounds(
    ledger: Ledger, subject: Subject, output: JSON, stands: Content, verdict: Verdict, now_ms: int
) -> Held:
    """Return what an answer is worth that is otherwise as it must be.

    Args:
        ledger: Knows what was released.
        subject: The call.
        output: What the tool answered.
        stands: What is left of it by obligations, and would be recorded.
        verdict: What it is worth so far.
        now_ms: The moment.
    """
    quality = subject.contract.quality
    if quality is None or verdict.code or subject.is_undo or subject.purpose != "call":
        return Held(verdict)
    looked = look(quality, output, now_ms)
    ref = subject.contract.ref
    if looked.age_s is not None:
        DATA_AGE.labels(ref).set(looked.age_s)
    if not looked.misses:
        DATA_BOUNDS.labels(ref, "met").inc()
        return Held(verdict)
    passed = await ledger.released(subject.plan.tenant, ref, stands.digest)
    if passed:
        DATA_BOUNDS.labels(ref, "released").inc()
        return Held(replace(verdict, passed=passed))
    DATA_BOUNDS.labels(ref, "stale" if looked.code == STALE else "poor").inc()
    held = Quarantined(looked.code, quality.owner or subject.contract.owner, _misses(looked))
    told = replace(
        verdict,
        code=looked.code,
        message=_message(looked, reference_of(subject.key.root, subject.key.path)),
        quarantined=held,
        is_withheld=quality.on_miss == "without",
    )
    return Held(told, again=quality.on_miss == "again")


def _misses(looked: Looked) -> Sequence[JSONObject]:
    return [{"code": one.code, "at": one.at, "message": one.message} for one in looked.misses]


def _message(looked: Looked, reference: str) -> str:
    said = [f"{one.at or '/'}: {one.message}" for one in looked.misses[:_MOST_SAID]]
    more = len(looked.misses) - _MOST_SAID
    rest = [f"{more} more"] if more > 0 else []
    return f"{'; '.join([*said, *rest])}; it is in quarantine as {reference}"
