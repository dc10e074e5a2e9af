"""The effect-once protocol (design.md §7) as seen by its callers: values in, values out.

`Ledger` is the port; `remit.stores` implements it. Every method is one transaction: it happens
wholly and durably, or not at all. Moments are milliseconds of Unix time.

Invariants it protects: at most one attempt of a step key is open, at most one outcome of it is
`happened`, a `do` never begins once its `undo` or a higher generation has begun, a grant is
consumed at most once, a reserved counter never passes its ceiling, records are only appended.
"""

from collections.abc import Sequence
from typing import Protocol

from remit.canonical import Digest, JSONObject
from remit.ledger.amendments import Amending
from remit.ledger.entries import (
    NO_BOUNDS,
    Action,
    Admission,
    Bounds,
    Content,
    FrozenUndo,
    GateRow,
    Intent,
    Outcome,
    Record,
    RunRow,
    Situation,
    Totals,
    VoteRow,
)
from remit.ledger.limits import Breaker, HeldSlot
from remit.ledger.proofs import Proof
from remit.ledger.quarantine import QuarantineRow
from remit.ledger.stops import Stop
from remit.plan.path import StepKey


class Ledger(Protocol):
    """The port to the ledger. Every method may raise `LedgerUnavailableError`.

    The ledger itself writes one record per change of state (`admission`, `intent`, `takeover`,
    `outcome`, `resolve`, `part`, `skip`, `fence`, `gate`, `vote`, `gate_end`, `closed`). `records`
    arguments are further ones, put behind it in the same transaction: decisions, denials.
    """

    # content

    async def put(self, contents: Sequence[Content]) -> None:
        """Store values under their digests; storing one again changes nothing.

        Only for what no run must keep: a value that a record names goes in with the record, so
        that it cannot be forgotten in between.
        """

    async def get(self, digest: Digest) -> bytes:
        """Return a stored value; `LedgerError` `CONTENT-ABSENT` if there is none,
        `CONTENT-FORGOTTEN` if it was deleted on purpose."""

    # runs

    async def admit(
        self,
        run: RunRow | None,
        admission: Admission,
        contents: Sequence[Content],
        records: Sequence[Record],
        proof: Proof | None = None,
    ) -> Admission:
        """Record an admission (and its run, for the root) once; return the one that stands.

        `proof` is of whoever started the run; it is used up.

        Raises:
            LedgerError: `ADMISSION-DIFFERS` when another plan was admitted for the path,
                `TOKEN-REPLAYED` when the proof was used for another event before.
        """

    async def amend(
        self, amending: Amending, contents: Sequence[Content], records: Sequence[Record]
    ) -> Admission:
        """Put an amended plan in force, once; return the admission that stands.

        Raises:
            LedgerError: `AMEND-BEGUN` when a step that it replaces or drops has begun,
                `AMEND-STALE` when another plan is in force, `RUN-NOT-AT-WORK` when it is undone.
        """

    async def reverse(self, root: str) -> None:
        """Open a completed run for its undoing: it is `rolling_back` from now on.

        Raises:
            LedgerError: `ROLLBACK-NOT-COMPLETED` when it is not a run that completed.
        """

    async def run(self, root: str) -> RunRow | None:
        """Return a run."""

    async def ended_ms(self, root: str) -> int:
        """Return when the ledger learned that a run was over; 0 when no record tells of it."""

    async def admission(self, root: str, path: str) -> Admission | None:
        """Return the admission below a path."""

    async def open_runs(self, limit: int, after: str = "") -> Sequence[RunRow]:
        """Return runs not closed yet, by root chain id, beginning behind `after`."""

    async def close_run(self, root: str, status: str, records: Sequence[Record]) -> bool:
        """Mark a run closed; return whether it was open."""

    async def append(
        self,
        root: str,
        records: Sequence[Record],
        contents: Sequence[Content] = (),
        proof: Proof | None = None,
    ) -> None:
        """Append records that change nothing else, with contents that they name.

        Raises:
            LedgerError: `TOKEN-REPLAYED` when the proof was used for another event before.
        """

    async def deny(self, root: str, key: StepKey, records: Sequence[Record]) -> None:
        """Append a denial and count it."""

    # the protocol of design.md §7

    async def look(self, key: StepKey) -> Situation:
        """Return what is known about a step key and its surroundings."""

    async def done_on(self, resource: Digest) -> Sequence[str]:
        """Return the tools with a `do` about a thing that happened as it had to and was not undone,
        in any run, by name."""

    async def begin(self, intent: Intent) -> int:
        """Record an intent and return the attempt's number; without it nothing may be called.

        Raises:
            LedgerError: `STEP-OPEN` (another attempt is open), `STEP-HAPPENED`, `STEP-IN-DOUBT`,
                `STEP-SKIPPED`, `STEP-UNDONE`, `STEP-SUPERSEDED`, `STEP-FENCED`, `STEP-EXHAUSTED`,
                `GRANT-USED`, `RESERVE-CONFLICT`, `RUN-CLOSED`, `RUN-ABSENT`, `CALL-STOPPED`,
                `DECISION-ABSENT`, `SLOTS-TAKEN`, `BREAKER-OPEN`; for an undo also
                `STEP-NOT-DONE`, and `STEP-OPEN` or `STEP-IN-DOUBT` while its `do` is so.
        """

    async def take_over(
        self,
        key: StepKey,
        attempt: int,
        owner: str,
        until_ms: int,
        stops: Sequence[str] = (),
        bounds: Bounds = NO_BOUNDS,
    ) -> int:
        """Take an open attempt whose lease has run out; return the new attempt's number.

        Compare-and-set on `attempt`. The intent, its grants and reservations stay. `stops` are the
        names of those that would hold what is to be called; `bounds` are the call's.

        Raises:
            LedgerError: `LEASE-HELD` while the lease runs, `LEASE-LOST` when somebody was faster,
                `CALL-STOPPED`, `SLOTS-TAKEN`, `BREAKER-OPEN`.
        """

    async def give_up(self, key: StepKey, attempt: int, owner: str, why: str) -> Action:
        """Take an open attempt whose lease is over and leave it in doubt; again changes nothing.

        One write: whoever dies here leaves either the attempt as it was, to be given up at once,
        or the question. Nothing that is stopped holds it, because nothing is called.

        Raises:
            LedgerError: `LEASE-HELD`, `LEASE-LOST` as of `take_over`.
        """

    async def finish(self, outcome: Outcome) -> Action:
        """Record how an attempt ended.

        `open` gives the lease up early. `happened` settles reservations, `refused` and `failed`
        release them, `in_doubt` holds them.

        Raises:
            LedgerError: `LEASE-LOST` when the attempt is not this owner's any more.
        """

    async def resolve(
        self,
        key: StepKey,
        happened: bool,
        evidence: JSONObject,
        undo: FrozenUndo | None = None,
        contents: Sequence[Content] = (),
    ) -> Action:
        """Record a person's answer about a call in doubt.

        `evidence` is stored beside the chain; its `output`, if any, becomes the call's output.
        `happened` false settles it as `failed`: it may be tried again within its attempts.
        `undo` replaces what was frozen when it fell in doubt; `contents` hold its arguments.

        Raises:
            LedgerError: `NOT-IN-DOUBT`.
        """

    async def repair(self, key: StepKey, order: str, evidence: JSONObject) -> Action:
        """Record how a person settles an undo that was refused or failed.

        Args:
            key: The undo's key.
            order: `retry` lets it be tried once more, `mark_done` states that it was undone by
                hand, `hand_over` leaves it to its owner as residue.
            evidence: Who says so and why; stored beside the chain.

        Raises:
            LedgerError: `STEP-NOT-DONE`, `STEP-HAPPENED`, `STEP-OPEN`, `STEP-IN-DOUBT`.
        """

    async def fence(self, root: str, parent: str, step: str = "") -> None:
        """Refuse every further `do` of a path and below it (`STEP-FENCED`), for good.

        With `step`, only of that step. Undos go on. Whoever settles fences first, or a late worker
        could begin a call behind the undo list. Fencing again changes nothing.
        """

    async def outputs(self, root: str, parent: str, step: str) -> Sequence[Action]:
        """Return the happened `do` calls of a step, newest generation, by item and iteration."""

    async def record_part(
        self, outcome_of: StepKey, compiled: Digest, output: Content | None
    ) -> None:
        """Record that a sub-plan (a compound step) finished with this output.

        It stands as an action of operation `plan` without tool, in state `happened`, and is also
        returned by `outputs` and `begun`. Recording it again changes nothing; one that was skipped
        is none (`STEP-SKIPPED`).
        """

    async def skip(self, key: StepKey, records: Sequence[Record]) -> None:
        """Record that a step's `when` was false; again changes nothing.

        Raises:
            LedgerError: `STEP-BEGUN` when the key has an intent.
        """

    async def skipped(self, root: str, parent: str, step: str) -> Sequence[StepKey]:
        """Return the skipped calls of a step."""

    async def begun(self, root: str, parent: str, step: str = "") -> Sequence[Action]:
        """Return every `do` and `undo` of a path and all paths below it, by effect order.

        With `step`, only calls of that step and below it.
        """

    # gates

    async def open_gate(self, gate: GateRow, records: Sequence[Record]) -> GateRow:
        """Open a gate, or return the one that already stands under this id."""

    async def gates(self, root: str) -> Sequence[GateRow]:
        """Return all gates of a run."""

    async def vote(self, root: str, votes: Sequence[VoteRow]) -> Sequence[VoteRow]:
        """Record votes, and the ends that gates reach by them (`remit.approval.ballot`).

        Returns the votes as they stand, in order: a repeated event gives the vote recorded first,
        and a vote that came when its gate was closed or past its time does not count
        (`VOTE-LATE`), nor does one whose proof was used for another (`TOKEN-REPLAYED`).
        """

    async def votes(self, gate: str, root: str) -> Sequence[VoteRow]:
        """Return the recorded votes of a gate."""

    async def end_gate(self, root: str, gate: str, state: str) -> str:
        """Close an open gate (`expired`, `abandoned`, `void`); return the state that stands.

        `expired` before its time leaves it `open`; `void` also ends a grant not used yet.
        """

    # stops

    async def stop(self, stop: Stop) -> bool:
        """Begin or end a stop and record it; return whether that changed anything.

        Once it is answered no call that the stop fits begins.
        """

    async def stops(self) -> Sequence[Stop]:
        """Return the stops in force, by name."""

    # limits

    async def room(self, key: StepKey, bounds: Bounds) -> None:
        """Refuse a call that would have to wait now; `begin` asks again.

        Raises:
            LedgerError: `SLOTS-TAKEN`, `BREAKER-OPEN`.
        """

    async def taken(self, name: str) -> int:
        """Return how many calls hold a slot of a name."""

    async def held_slots(self) -> Sequence[HeldSlot]:
        """Return every slot that a call holds, by name."""

    async def breaker(self, name: str) -> Breaker:
        """Return how a breaker stands; closed when nobody ever counted a failure."""

    async def breakers(self) -> Sequence[Breaker]:
        """Return the breakers that ever counted a failure, by name."""

    # quarantine

    async def released(self, tenant: str, tool: str, output: Digest) -> str:
        """Return the reference of a release by which this very answer of a tool passes, or ""."""

    async def quarantined(self, reference: str) -> QuarantineRow | None:
        """Return an answer that is or was in quarantine."""

    async def quarantine(self, state: str, most: int) -> Sequence[QuarantineRow]:
        """Return the answers in a state (`held`, `released`, `discarded`), the newest first."""

    # reading the chain

    async def records(self, root: str, after: int = 0, limit: int = 1000) -> Sequence[JSONObject]:
        """Return records of a run's chain with sequence number, moment, hash and body."""

    async def totals(self, root: str) -> Totals:
        """Return a run's aggregates."""

    async def counter(self, name: str) -> int:
        """Return the value of a counter; 0 when nobody raised it."""

    async def close(self) -> None:
        """Finish what is queued and let go of the database."""
