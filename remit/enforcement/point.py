"""The policy enforcement point: every activity of every role passes here, and nothing is exempt.

It is a function of one call and its frame and does not care who invokes it; the interceptor does
for Temporal, tests and benchmarks do by hand.
"""

from collections.abc import Callable, Mapping

from remit.canonical import Digest, JSONObject
from remit.enforcement import failure
from remit.enforcement.attempt import Attempts
from remit.enforcement.bounds import NO_LIMITS, Limits
from remit.enforcement.deciding import Deciding, Judge, Trials, Watcher, facts_of, recorded
from remit.enforcement.detecting import Detecting
from remit.enforcement.doing import Doing
from remit.enforcement.frame import Frame, Place
from remit.enforcement.freshness import Freshness
from remit.enforcement.gates import Gates
from remit.enforcement.identity import Identity
from remit.enforcement.opa import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.pinned import Pinned
from remit.enforcement.planners import Planners
from remit.enforcement.proposals import Proposals
from remit.enforcement.reading import Reading
from remit.enforcement.sending import Send
from remit.enforcement.undoing import Undoing
from remit.ledger.entries import Record
from remit.ledger.errors import LedgerError, LedgerUnavailableError
from remit.ledger.protocol import Ledger
from remit.plan.path import Direction
from remit.plan.wire import ADMIT, Failure, StepCall, StepResult

_DELAY_S = 2.0


class EnforcementPoint:
    """Governs calls: decided, recorded, made, recorded."""

    def __init__(
        self,
        ledger: Ledger,
        judge: Judge,
        place: Place,
        clock: Callable[[], int],
        tools: Mapping[str, Digest],
        freshness: Freshness | None = None,
        shadow: Watcher | None = None,
        identity: Identity | None = None,
        canary: Trials | None = None,
        limits: Limits = NO_LIMITS,
        detecting: Detecting | None = None,
    ) -> None:
        """Govern with `ledger` and `judge`.

        Args:
            ledger: Where everything is recorded.
            judge: Who decides.
            place: Where this is.
            clock: Gives milliseconds of Unix time.
            tools: Digests of the contracts that hold here today, by `name@major`.
            freshness: Who knows how old the policies are; a worker process always has one.
            shadow: Who looks on, and has no say.
            identity: Who verifies tokens; without one none is good.
            canary: Who knows for which runs a candidate decides; a worker process has one.
            limits: The project's bounds on its agents and tenants.
            detecting: Who looks through data; without it the default detector.
        """
        self.ledger = ledger
        self.clock = clock
        self.identity = identity or Identity(None, "default", clock)
        self.pinned = Pinned(ledger)
        self.deciding = Deciding(judge, place, clock, freshness, shadow, canary, detecting)
        attempts = Attempts(ledger, self.deciding, clock, limits)
        gates = Gates(ledger, clock)
        reading = Reading(ledger, self.pinned, self.deciding)
        self._doing = doing = Doing(ledger, self.pinned, attempts, gates, reading, tools)
        self.proposals = Proposals(ledger, doing)
        self.planners = Planners(ledger, self.deciding)
        self._undoing = Undoing(ledger, self.pinned, attempts, gates, reading)

    async def call(self, call: StepCall, frame: Frame, send: Send) -> StepResult:
        """Make a governed tool call; `send` hands it to the tool once it may be made."""
        path = call.key.path
        pipeline = self._undoing if call.direction is Direction.UNDO else self._doing
        try:
            return await pipeline.run(call, frame, send)
        except LedgerUnavailableError as error:
            raise failure.unavailable(
                "LEDGER-UNAVAILABLE",
                f"the ledger did not answer ({error}); what is recorded decides how it goes on",
                _DELAY_S,
                path,
            ) from error
        except LedgerError as error:
            if error.code in _PASSING:
                raise failure.again(error.code, str(error), 1, path) from error
            raise failure.refused(error.code, str(error), path) from error

    async def system(self, frame: Frame, root: str) -> None:
        """Decide one of Remit's own activities, or refuse one that nobody knows."""
        about = frame.activity.removeprefix("remit.")
        try:
            decided = await self.deciding.system(frame, about, root)
        except PolicyUnavailableError as error:
            raise failure.unavailable(
                error.code, f"no policy judged ({error}); nothing was done", _DELAY_S
            ) from error
        except PolicyInvalidError as error:
            raise failure.denied(
                Failure(code=error.code, message=str(error), rule="host")
            ) from error
        if root and frame.activity != ADMIT:
            body: JSONObject = {"activity": frame.activity, "decision": recorded(decided)}
            await self._record(root, Record("decision", body, [facts_of(decided)]))
        if decided.decision.effect != "allow":
            reason = decided.decision.reasons[0] if decided.decision.reasons else None
            raise failure.denied(
                Failure(
                    code=reason.code if reason else "policy.not_granted",
                    message=f"activity {frame.activity!r}: {reason.message if reason else ''}",
                    rule=reason.policy if reason else "",
                    revision=decided.revision,
                    decision_id=decided.decision_id,
                )
            )

    async def _record(self, root: str, record: Record) -> None:
        try:
            await self.ledger.append(root, [record])
        except LedgerUnavailableError as error:
            raise failure.unavailable(
                "LEDGER-UNAVAILABLE", "the ledger did not answer; nothing was done", _DELAY_S
            ) from error


_PASSING = frozenset({"STEP-OPEN", "STEP-HAPPENED", "STEP-IN-DOUBT", "LEASE-HELD", "LEASE-LOST"})
"""Refusals that a second look resolves: somebody else was at the same key."""
