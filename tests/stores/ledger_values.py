"""Values for tests of the ledger: short ways to say what the port wants at length."""

from collections.abc import Sequence
from dataclasses import dataclass

from remit.canonical import JSON, Digest, JSONObject, canonical, digest, digest_bytes
from remit.ledger.entries import (
    Admission,
    Content,
    FrozenUndo,
    GateRow,
    Intent,
    Outcome,
    Reserve,
    RunRow,
    State,
    VoteRow,
)
from remit.ledger.records import verify_chain
from remit.plan.path import Direction, Segment, StepKey
from remit.stores.ledger import SqlLedger, open_ledger

ROOT = "0198-root"
COMPILED = digest("compiled")
CONTRACT = digest("contract")
LEASE_MS = 60_000
DECISION: JSONObject = {"decision_id": "decision-1", "revision": "revision-1", "effect": "allow"}


@dataclass
class HandClock:
    """A clock that only a test moves."""

    now_ms: int = 1_700_000_000_000

    def __call__(self) -> int:
        """Return the moment in milliseconds."""
        return self.now_ms

    def advance(self, by_ms: int) -> None:
        """Let time pass."""
        self.now_ms += by_ms


CLOCK = HandClock()
"""For tests that never move it."""


def content(value: JSON) -> Content:
    """Return `value` for the content store."""
    body = canonical(value)
    return Content(digest_bytes(body), body)


def run_row(root: str = ROOT) -> RunRow:
    """Return a run as it is admitted."""
    return RunRow(
        root=root,
        workflow_id=f"workflow-{root}",
        plan="purchase@1.0.0",
        plan_digest=digest("plan"),
        compiled=COMPILED,
        agent="buyer@1.4.0",
        on_behalf_of="requester@acme.example",
        tenant="acme",
        owner="team:workplace",
        started_ms=1,
        deadline_ms=2**50,
        currency="EUR",
        limit_micros=5_000_000,
    )


def admission(root: str = ROOT, path: str = "", compiled: Digest = COMPILED) -> Admission:
    """Return permission to run a compiled plan."""
    return Admission(root, path, compiled, digest({}), "decision-0", "revision-1")


def key(
    step: str = "order",
    item: int | None = None,
    *,
    root: str = ROOT,
    parent: str = "",
    iteration: int = 0,
    generation: int = 0,
) -> StepKey:
    """Return the key of a `do`."""
    return StepKey(root, parent, Segment(step, item, iteration, generation))


def intent(
    step_key: StepKey | None = None,
    *,
    owner: str = "worker-1",
    lease_until_ms: int | None = None,
    max_attempts: int = 3,
    grants: Sequence[str] = (),
    reserve: Sequence[Reserve] = (),
    proposed: Digest = COMPILED,
    decision: JSONObject = DECISION,
    operation: str = "write",
    tool: str = "erp.place_order@1",
    resource: str = "",
) -> Intent:
    """Return an intent for a key."""
    chosen = step_key or key()
    return Intent(
        key=chosen,
        compiled=COMPILED,
        tool=tool,
        contract=CONTRACT,
        operation=operation,
        request_digest=digest("request"),
        proposed_digest=proposed,
        enforced_digest=digest("enforced"),
        arguments=content({"for": str(chosen)}),
        decision=decision,
        owner=owner,
        lease_until_ms=CLOCK.now_ms + LEASE_MS if lease_until_ms is None else lease_until_ms,
        max_attempts=max_attempts,
        grants=grants,
        reserve=reserve,
        resource=resource,
    )


def outcome(
    step_key: StepKey | None = None,
    state: State = State.HAPPENED,
    *,
    attempt: int = 1,
    owner: str = "worker-1",
    spent: int | None = None,
    tokens: int | None = None,
    refund: bool = False,
    lease_until_ms: int | None = None,
    code: str = "",
) -> Outcome:
    """Return how an attempt ended; what happened has an output and an undo."""
    chosen = step_key or key()
    happened = state is State.HAPPENED
    return Outcome(
        key=chosen,
        attempt=attempt,
        owner=owner,
        state=state,
        output=content({"done": str(chosen)}) if happened else None,
        undo=FrozenUndo("erp.cancel_order@1", CONTRACT, digest("undo")) if happened else None,
        spent=spent,
        tokens=tokens,
        refund=refund,
        lease_until_ms=lease_until_ms,
        code=code,
    )


def gate(
    step_key: StepKey | None = None,
    number: int = 1,
    *,
    expires_ms: int | None = None,
    quorum: int = 1,
    proposed: Digest = COMPILED,
) -> GateRow:
    """Return a gate about to open."""
    chosen = step_key or key()
    return GateRow(
        id=f"{chosen.path}#{number}",
        root=chosen.root,
        key=chosen,
        number=number,
        code="finance.over_limit",
        role="budget_holder",
        quorum=quorum,
        request_digest=digest("request"),
        proposed_digest=proposed,
        enforced_digest=digest("enforced"),
        tool="erp.place_order@1",
        domain="finance",
        card={"message": "may we?"},
        opened_ms=CLOCK.now_ms,
        expires_ms=CLOCK.now_ms + 3_600_000 if expires_ms is None else expires_ms,
    )


def vote(
    event: str,
    by: str = "holder@acme.example",
    *,
    gate_id: str = "order#1",
    verdict: str = "approve",
    counted: bool = True,
) -> VoteRow:
    """Return a vote, counted unless said otherwise."""
    code = "" if counted else "VOTE-SELF"
    return VoteRow(gate_id, event, by, verdict, counted, code, "", {"comment": "fine"})


async def open_admitted(url: str, *, clock: HandClock = CLOCK, **options: float) -> SqlLedger:
    """Return a ledger in which the run `ROOT` is admitted."""
    ledger = await open_ledger(
        url,
        clock=clock,
        deadline_s=options.get("deadline_s", 30.0),
        bound=int(options.get("bound", 2048)),
    )
    await ledger.admit(run_row(), admission(), [], [])
    return ledger


async def chain_of(ledger: SqlLedger, root: str = ROOT) -> list[JSONObject]:
    """Return a run's whole chain, verified."""
    records: list[JSONObject] = []
    while page := await ledger.records(root, after=len(records), limit=500):
        records.extend(page)
    assert verify_chain(records) is None
    return records


def kinds(records: Sequence[JSONObject]) -> list[str]:
    """Return the kinds of records, in order."""
    return [str(record["kind"]) for record in records]


def undo_of(step_key: StepKey) -> StepKey:
    """Return the key that undoes `step_key`."""
    assert step_key.direction is Direction.DO
    return step_key.undo
