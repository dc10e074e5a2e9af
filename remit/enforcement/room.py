"""What becomes of a call that found no room in a counter it was to raise with its intent.

A limit of a rate makes it wait. Any other counter is policy's: its value goes into the facts,
and policy says whether that is a refusal or a question to somebody.
"""

from collections.abc import Mapping, Sequence

from remit.decision.decision import Reservation
from remit.enforcement import failure
from remit.enforcement.pacing import Pace
from remit.enforcement.subject import Subject
from remit.ledger.protocol import Ledger


async def keep_pace(ledger: Ledger, paces: Sequence[Pace], subject: Subject) -> None:
    """Have the call wait for another window when a limit of its rate left no room."""
    for pace in paces:
        if await ledger.counter(pace.reserve.counter) < pace.reserve.ceiling:
            continue
        limit = f"{pace.reserve.ceiling} calls in {pace.window_s:g} s"
        message = f"{pace.name} takes {limit}; nothing was called, it waits its turn"
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
