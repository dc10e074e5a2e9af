"""What the ledger holds, as values: intents, outcomes, actions, gates, votes, runs.

Moments are milliseconds of Unix time; digests name canonical JSON in the content store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from remit.canonical import JSON, Digest, JSONObject, canonical, digest_bytes
from remit.ledger.limits import Breaking, Health, Slots
from remit.ledger.proofs import Proof
from remit.ledger.quarantine import Quarantined
from remit.plan.path import StepKey


class State(StrEnum):
    """State of a step key."""

    OPEN = "open"
    """Intent recorded, outcome not known yet; somebody may hold the lease."""
    HAPPENED = "happened"
    REFUSED = "refused"
    """The last attempt certainly had no effect; another may follow."""
    IN_DOUBT = "in_doubt"
    """Nobody can tell; a person must answer."""
    FAILED = "failed"
    """A person, or an exhausted retry, settled it as `did not happen`."""


WITHHELD = ("DATA-QUALITY", "DATA-STALE")
"""Codes of answers that are quarantined."""
REPAIR_RETRY = "REPAIR-RETRY"
REPAIR_DONE = "REPAIR-DONE"
HANDED_OVER = "UNDO-HANDED-OVER"
"""Codes of undos that a person settled."""


@dataclass(frozen=True, slots=True)
class Content:
    """A value in the content store, named by its digest."""

    digest: Digest
    body: bytes
    """Canonical JSON."""

    @classmethod
    def of(cls, value: JSON) -> "Content":
        """Return `value` as the content store takes it."""
        body = canonical(value)
        return cls(digest_bytes(body), body)


@dataclass(frozen=True, slots=True)
class Record:
    """An entry for a run's chain; the ledger adds sequence number, moment and hash."""

    kind: str
    """`admission`, `decision`, `intent`, `outcome`, `gate`, `vote`, `gate_end`, ..."""
    body: JSONObject
    contents: Sequence[Content] = ()
    """Values that the body names by digest, stored in the same transaction."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as the keeper and the CLI see it."""

    root: str
    workflow_id: str
    plan: str
    """`name@version`."""
    plan_digest: Digest
    compiled: Digest
    agent: str
    on_behalf_of: str
    tenant: str
    owner: str
    started_ms: int
    deadline_ms: int
    currency: str = ""
    limit_micros: int | None = None
    closed: str = ""
    """`RemitStatus` at the end; empty while open."""
    starter: str = ""
    """Who started it, proven by a token; empty: nobody knows."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Permission to run a compiled plan below a path of a run (empty path: the run itself)."""

    root: str
    path: str
    compiled: Digest
    inputs: Digest
    """Resolved inputs, in the content store."""
    decision_id: str
    revision: str


@dataclass(frozen=True, slots=True)
class FrozenUndo:
    """What undoes a call, fixed together with its outcome."""

    tool: str
    contract: Digest
    arguments: Digest | None
    """Resolved arguments in the content store; `None`: they cannot be resolved (residue)."""


@dataclass(frozen=True, slots=True)
class Action:
    """What the ledger knows of a step key."""

    key: StepKey
    compiled: Digest
    tool: str
    contract: Digest
    operation: str
    state: State
    attempts: int
    """Attempts begun, takeovers included."""
    refusals: int
    """Attempts that ended `refused`."""
    owner: str
    """Lease owner of the open attempt."""
    lease_until_ms: int
    request_digest: Digest
    proposed_digest: Digest
    enforced_digest: Digest
    arguments: Digest
    """Enforced arguments in the content store."""
    output: Digest | None
    undo: FrozenUndo | None
    decision_id: str
    revision: str
    begun_ms: int
    ended_ms: int | None
    effect_order: int
    """Position among the run's outcomes; later ones are undone first."""
    code: str = ""
    """Why it was refused, is in doubt, or failed its checks although it happened."""
    faulty: bool = False
    """It happened, but broke its schema, an `ensure`, or a read-back: a failure with effect."""
    reserved_micros: int = 0
    """Money held for it while its outcome is open or in doubt."""
    spent_micros: int = 0
    """What it cost, once it happened."""
    resource: str = ""
    """Digest of the thing it is about, with its tenant; empty when its contract names none."""

    @property
    def is_withheld(self) -> bool:
        """Whether it is done, and its output in quarantine: for everybody else there is none."""
        return self.state is State.HAPPENED and not self.faulty and self.code in WITHHELD


RATE = "rate/"
"""What the names of counters of calls begin with: a call that was refused was made all the same."""
MONEY, TOKENS, TIME = "/micros", "/tokens", "/ms"
"""Counters whose names end so hold micros of money, tokens of models, and milliseconds: they settle
with what the call took, where that is known, and money feeds `Totals`. All other counters keep what
was reserved once the call happened."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """Raise a counter by `amount` if it stays within `ceiling`; see `MONEY` for its name."""

    counter: str
    amount: int
    ceiling: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """What bounds a call beside counters: slots that it holds while it lasts, and a breaker."""

    slots: Sequence[Slots] = ()
    breaking: Breaking | None = None

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.slots) or self.breaking is not None


NO_BOUNDS = Bounds()


@dataclass(frozen=True, slots=True)
class Intent:
    """Everything that must be durable before a call."""

    key: StepKey
    compiled: Digest
    tool: str
    contract: Digest
    operation: str
    request_digest: Digest
    proposed_digest: Digest
    enforced_digest: Digest
    arguments: Content
    decision: JSONObject
    """The decision as recorded: `decision_id`, `revision`, effect, reasons, permits, facts digest.

    The first two must be non-empty texts: no intent without a decision under a known revision.
    """
    owner: str
    lease_until_ms: int
    max_attempts: int
    """Most attempts that may be begun for this key."""
    grants: Sequence[str] = ()
    """Ids of gates whose grants this intent consumes."""
    reserve: Sequence[Reserve] = ()
    notices: Sequence[JSONObject] = ()
    """Whom to tell of the call, and what; recorded with the intent."""
    stops: Sequence[str] = ()
    """Names of the stops that would hold the call; see `remit.ledger.stops`."""
    contents: Sequence[Content] = ()
    facts: Content | None = None
    """What the decision was made on, named by the decision's `facts`. Nobody reads it on the way of
    a call."""
    resource: str = ""
    """As of `Action`."""
    bounds: Bounds = NO_BOUNDS
    """What the whole fleet's calls are bounded by."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended."""

    key: StepKey
    attempt: int
    owner: str
    state: State
    """`happened`, `refused`, `open` (unknown: to be taken over), `in_doubt` or `failed`."""
    output: Content | None = None
    undo: FrozenUndo | None = None
    code: str = ""
    message: str = ""
    faulty: bool = False
    spent: int | None = None
    """Actual cost in micros, when the contract tells; else what was reserved."""
    tokens: int | None = None
    """Tokens that it took of models, when the answer tells; else what was reserved."""
    refund: bool = False
    """For an undo: give back what the `do` spent."""
    contents: Sequence[Content] = ()
    lease_until_ms: int | None = None
    """For `open`: a call already sent may land until then, so nobody takes over before.

    It never lengthens the lease. `None`: the lease ends at once.
    """
    bounds: Bounds = NO_BOUNDS
    """As the intent had them."""
    health: Health = ""
    """What the answer says of the service that is called."""
    detected: Sequence[str] = ()
    """Classes of data found in its arguments and its output; sorted."""
    redacted: Sequence[str] = ()
    """Places of the output that an obligation took something from."""
    quarantined: Quarantined | None = None
    """Why the output is kept from everybody."""
    passed: str = ""
    """By whose release the output stands although it misses bounds: a reference."""


GRANTS = ("granted", "taken_over")
"""States of a gate that permit its call."""


@dataclass(frozen=True, slots=True)
class Turn:
    """From when on a gate asks a further role."""

    role: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class GateRow:
    """A gate as the ledger fixed it when it first opened."""

    id: str
    """`path#n`."""
    root: str
    key: StepKey
    number: int
    code: str
    role: str
    quorum: int
    request_digest: Digest
    proposed_digest: Digest
    enforced_digest: Digest
    tool: str
    domain: str
    card: JSONObject
    """What people see: arguments (redacted), reasons, undo, risk, message."""
    opened_ms: int
    expires_ms: int
    state: str = "open"
    """`open`, `granted`, `taken_over`, `edited`, `changes_requested`, `rejected`, `expired`,
    `abandoned`, `void`."""
    then: Sequence[Turn] = ()
    """Who is asked too, and from when on; early to late."""
    remind_every_ms: int = 0
    """How often whoever is asked is told again; 0: never."""
    voters: Sequence[str] = ()
    """Names whose approvals count, once granted."""
    instead_of: Sequence[str] = ()
    """For each voter in whose place; empty for their own."""
    consumed_by: str = ""
    """Step key whose intent used the grant; empty while unused."""


@dataclass(frozen=True, slots=True)
class VoteRow:
    """One vote as it is to be recorded, counted or refused."""

    gate: str
    """Empty when no gate fits."""
    event: str
    """Signal or update it came by; a second vote of the same event is not recorded again."""
    by: str
    verdict: str
    counted: bool
    code: str
    reason: str
    body: JSONObject
    at_ms: int = 0
    """When it was written; milliseconds of Unix time."""
    proof: Proof | None = None
    """That `by` said so; used up as it is recorded. Not read again, only whether there was one."""
    is_verified: bool = False
    """Whether the record holds a proof; without one the name is a claim."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Aggregates of a run, updated in the outcomes' transactions."""

    calls: int = 0
    effects: int = 0
    denials: int = 0
    undone: int = 0
    spent_micros: int = 0
    reserved_micros: int = 0


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that one call's pipeline needs to know, read in one go."""

    action: Action | None
    undo: Action | None
    admission: Admission | None
    run: RunRow | None
    totals: Totals
    """With this key's own reservation left out."""
    gates: Sequence[GateRow] = field(default=())
    """All gates of this key, oldest first."""
    skipped: bool = False
    """Recorded as skipped: its `when` was false."""
    tools: Sequence[str] = ()
    """Tools with a `do` of the run that happened as it had to and was not undone, by name."""
    detected: Sequence[tuple[str, str]] = ()
    """Classes of data found in the run, each with its place by step ids (`remit.plan.path`)."""
    full: Mapping[str, int] = field(default_factory=dict)
    """Counters that had no room when the call was about to begin, with their values; nobody looked
    before that."""
