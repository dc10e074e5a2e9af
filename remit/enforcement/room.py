"""What becomes of a call that found no room in a counter it was to raise with its intent.

A tool's own rate limit makes it wait. Any other counter is policy's: its value goes into the facts,
and policy says whether that is a refusal or a question to somebody.
"""

from collections.abc import Mapping, Sequence

from remit.decision.decision import Reservation
from remit.enforcement import failure
from remit.enforcement.pacing import pace_of
from remit.enforcement.subject import Subject
from remit.ledger.protocol import Ledger


async def keep_pace(ledger: Ledger, subject: Subject, now_ms: int) -> None:
    """Have the call wait for another window when its tool's rate limit left no room."""
    pace = pace_of(subject.contract, now_ms)
    if pace is None or await ledger.counter(pace.reserve.counter) < pace.reserve.ceiling:
        return
    limit = f"{pace.reserve.ceiling} calls in {pace.window_s:g} s"
    message = f"{subject.contract.ref} takes {limit}; nothing was called, it waits its turn"
    raise failure.again("RATE-LIMITED", message, pace.delay_s(), subject.key.path)


async def without_room(ledger: Ledger, wanted: Sequence[Reservation]) -> Mapping[str, int]:
    """Return the values of the counters that have no room for what a decision wanted of them.

    None, when room was made in between.
    """
    values = {one.counter: await ledger.counter(one.counter) for one in wanted}
    return {
        one.counter: values[one.counter]
        for one in wanted
        if values[one.counter] + one.amount > one.ceiling
    }
