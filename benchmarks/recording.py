"""How many durable records the ledger alone makes: intents and outcomes of many runs at once.

Each caller has a run of its own and does what a worker does: begin, and go on when that is durable;
finish, and go on when that is durable. There is no OPA and no Temporal. The database syncs every
commit, and callers that come together share one.
"""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import make_url

from remit.canonical import JSON, canonical, digest, digest_bytes
from remit.ledger.entries import (
    Admission,
    Content,
    FrozenUndo,
    Intent,
    Outcome,
    Reserve,
    RunRow,
    State,
)
from remit.plan.path import Segment, StepKey
from remit.stores.ledger import SqlLedger, open_ledger

CALLERS = (64, 256)
"""Callers at once."""
_ANY = digest("any")
_FOREVER_MS = 2**50
_ROOM = 10**12
_TEXT = "a line of an order or of an answer. " * 8
"""Arguments and outputs of ordinary size."""


class Rate(BaseModel):
    """Records of one ledger under one load."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: str
    callers: int
    records: int
    per_s: float
    cpu_us: float
    """CPU time of this process per record: what is left of the rate when others use the cores."""
    per_commit: float
    """Records that shared a commit, on average."""


class Recording(BaseModel):
    """Records per second of all ledgers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rates: list[Rate]


def recording(steps: int, further: Sequence[str] = ()) -> Recording:
    """Measure a new ledger in a file, and those at the addresses `further`."""
    rates: list[Rate] = []
    for callers in CALLERS:
        with tempfile.TemporaryDirectory() as folder:
            file = f"sqlite:///{Path(folder) / 'ledger.db'}"
            rates += [asyncio.run(_rate(url, callers, steps)) for url in (file, *further)]
    return Recording(rates=rates)


async def _rate(url: str, callers: int, steps: int) -> Rate:
    ledger = await open_ledger(url, deadline_s=60)
    roots = [uuid4().hex for _ in range(callers)]
    await asyncio.gather(*(_admit(ledger, root) for root in roots))
    await _work(ledger, roots, "warm", 1)
    groups, begun, used = ledger.writes.groups, time.perf_counter(), time.process_time()
    await _work(ledger, roots, "step", steps)
    took, used = time.perf_counter() - begun, time.process_time() - used
    groups = ledger.writes.groups - groups
    await ledger.close()
    records = 2 * callers * steps
    return Rate(
        database=make_url(url).get_backend_name(),
        callers=callers,
        records=records,
        per_s=records / took,
        cpu_us=used * 1e6 / records,
        per_commit=records / groups,
    )


async def _work(ledger: SqlLedger, roots: Sequence[str], name: str, steps: int) -> None:
    async def lane(root: str) -> None:
        for number in range(steps):
            key = StepKey(root, "", Segment(f"{name}{number}"))
            await ledger.begin(_intent(key))
            await ledger.finish(_outcome(key))

    await asyncio.gather(*(lane(root) for root in roots))


async def _admit(ledger: SqlLedger, root: str) -> None:
    run = RunRow(
        root=root,
        workflow_id=f"bench-{root}",
        plan="bench@1.0.0",
        plan_digest=_ANY,
        compiled=_ANY,
        agent="bench@1.0.0",
        on_behalf_of="somebody@acme.example",
        tenant="acme",
        owner="team:bench",
        started_ms=1,
        deadline_ms=_FOREVER_MS,
    )
    await ledger.admit(run, Admission(root, "", _ANY, _ANY, "decision", "revision"), [], [])


def _intent(key: StepKey) -> Intent:
    return Intent(
        key=key,
        compiled=_ANY,
        tool="bench.order@1",
        contract=_ANY,
        operation="write",
        request_digest=_ANY,
        proposed_digest=_ANY,
        enforced_digest=_ANY,
        arguments=_content({"for": str(key), "text": _TEXT}),
        decision={"decision_id": "decision", "revision": "revision", "effect": "allow"},
        owner="bench",
        lease_until_ms=_FOREVER_MS,
        max_attempts=3,
        reserve=[Reserve(f"run/{key.root}/micros", 5, _ROOM)],
    )


def _outcome(key: StepKey) -> Outcome:
    return Outcome(
        key=key,
        attempt=1,
        owner="bench",
        state=State.HAPPENED,
        output=_content({"of": str(key), "text": _TEXT}),
        undo=FrozenUndo("bench.cancel@1", _ANY, _ANY),
        spent=4,
    )


def _content(value: JSON) -> Content:
    body = canonical(value)
    return Content(digest_bytes(body), body)
