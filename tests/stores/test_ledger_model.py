"""Random histories against a model written apart from the code: the invariants of design.md §7.

The model knows states by name and counts by hand; it shares no rule with `remit.ledger.rules`.
"""

import asyncio
import tempfile
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from remit.ledger.entries import Reserve, State, Totals
from remit.ledger.errors import LedgerError
from remit.plan.path import Direction, StepKey
from remit.stores.migrate import migrate
from tests.stores.ledger_values import (
    ROOT,
    HandClock,
    chain_of,
    content,
    intent,
    key,
    kinds,
    open_admitted,
    outcome,
)

R = TypeVar("R")
CEILING = 100
TRIES = 3
LEASE = 1000
KEYS = [key(step, generation=generation) for step in ("a", "b") for generation in (0, 1)]
KEYS += [one.undo for one in KEYS]
keys = st.sampled_from(KEYS)
owners = st.sampled_from(["w1", "w2"])


@cache
def empty_ledger() -> bytes:
    """Return the file of a ledger without runs; making one takes longer than a history."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        migrate(f"sqlite:///{path}")
        return path.read_bytes()


@dataclass
class Seen:
    """What the model knows of one key."""

    state: str = ""
    attempts: int = 0
    owner: str = ""
    lease: int = 0
    held: int = 0
    spent: int = 0
    counted: bool = True
    """Whether it reserved the counter; what was never reserved, no counter knows."""


class LedgerHistory(RuleBasedStateMachine):
    """Calls in any order, by several owners, through crashes, as time passes."""

    @initialize()
    def start(self) -> None:
        """Open a ledger in a fresh folder."""
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "ledger.db"
        path.write_bytes(empty_ledger())
        self.url = f"sqlite:///{path}"
        self.clock = HandClock()
        self.runner = asyncio.Runner()
        self.seen = {one: Seen() for one in KEYS}
        self.refunded: set[StepKey] = set()
        self.fenced: set[str] = set()
        self.closed = False
        self.calls = 0
        self.records = 1
        self.ledger = self.wait(open_admitted(self.url, clock=self.clock))

    def wait(self, call: Awaitable[R]) -> R:
        """Run one call to its end."""

        async def awaited() -> R:
            return await call

        return self.runner.run(awaited())

    def answer(self, call: Awaitable[object]) -> str:
        """Return the code of a refusal, or nothing."""
        try:
            self.wait(call)
        except LedgerError as error:
            return error.code
        self.records += 1
        return ""

    def taken(self) -> int:
        """Return what the counter must show."""
        spent = [
            seen.spent
            for one, seen in self.seen.items()
            if one not in self.refunded and seen.state == "happened" and seen.counted
        ]
        return sum(seen.held for seen in self.seen.values()) + sum(spent)

    def expected(self, one: StepKey, amount: int) -> str:
        """Return how the ledger must answer an intent."""
        mine, state = self.seen[one], self.seen[one].state
        forward = one.direction is Direction.DO
        if forward and self.seen[one.undo].state:
            return "STEP-UNDONE"
        if state in ("open", "happened", "in_doubt"):
            return f"STEP-{state.upper().replace('_', '-')}"
        if not forward:
            done = self.seen[StepKey(one.root, one.parent, one.segment)].state
            if done in ("open", "in_doubt"):
                return f"STEP-{done.upper().replace('_', '-')}"
            if done != "happened":
                return "STEP-NOT-DONE"
        if mine.attempts >= TRIES:
            return "STEP-EXHAUSTED"
        if forward and (code := self.barred(one)):
            return code
        return "RESERVE-CONFLICT" if self.taken() + amount > CEILING else ""

    def barred(self, one: StepKey) -> str:
        """Return why a `do` may not begin, whatever its own state."""
        if one.segment.step in self.fenced:
            return "STEP-FENCED"
        newer = key(one.segment.step, generation=1)
        if one.segment.generation == 0 and self.seen[newer].attempts:
            return "STEP-SUPERSEDED"
        return "RUN-CLOSED" if self.closed else ""

    @rule(one=keys, owner=owners, amount=st.sampled_from([0, 30, 60]))
    def begin(self, one: StepKey, owner: str, amount: int) -> None:
        """Ask for an attempt; the model knows whether it may begin."""
        lease = self.clock.now_ms + LEASE
        wanted = intent(
            one,
            owner=owner,
            lease_until_ms=lease,
            max_attempts=TRIES,
            reserve=[Reserve("run/all/micros", amount, CEILING)],
        )
        expected = self.expected(one, amount)

        assert self.answer(self.ledger.begin(wanted)) == expected
        if not expected:
            tries = self.seen[one].attempts + 1
            self.seen[one] = Seen("open", tries, owner, lease, amount)
            self.calls += 1

    @rule(one=keys, owner=owners, attempt=st.integers(1, TRIES))
    def take_over(self, one: StepKey, owner: str, attempt: int) -> None:
        """Take an attempt: only the open one, only after its lease."""
        mine = self.seen[one]
        until = self.clock.now_ms + LEASE
        expected = ""
        if mine.state != "open" or mine.attempts != attempt:
            expected = "LEASE-LOST"
        elif mine.lease > self.clock.now_ms:
            expected = "LEASE-HELD"

        assert self.answer(self.ledger.take_over(one, attempt, owner, until)) == expected
        if not expected:
            mine.attempts, mine.owner, mine.lease = attempt + 1, owner, until

    @rule(one=keys, owner=owners, attempt=st.integers(1, TRIES))
    def give_up(self, one: StepKey, owner: str, attempt: int) -> None:
        """Leave an attempt in doubt: only the open one, only after its lease, or as before."""
        mine = self.seen[one]
        again = mine.state == "in_doubt" and (mine.attempts, mine.owner) == (attempt + 1, owner)
        expected = ""
        if not again and (mine.state != "open" or mine.attempts != attempt):
            expected = "LEASE-LOST"
        elif not again and mine.lease > self.clock.now_ms:
            expected = "LEASE-HELD"

        assert self.answer(self.ledger.give_up(one, attempt, owner, "gone")) == expected
        if again:
            self.records -= 1
        elif not expected:
            self.records += 1
            mine.attempts, mine.owner = attempt + 1, owner
            self.ended(one, State.IN_DOUBT, None, refund=False)

    @rule(
        one=keys,
        owner=owners,
        behind=st.sampled_from([0, 0, 0, 1]),
        state=st.sampled_from(State),
        spent=st.sampled_from([None, 10]),
        refund=st.booleans(),
    )
    def finish(
        self, one: StepKey, owner: str, behind: int, state: State, spent: int | None, refund: bool
    ) -> None:
        """Record an outcome: only the owner of the last attempt, or one who says it again."""
        mine = self.seen[one]
        attempt = max(mine.attempts - behind, 1)
        own = (mine.attempts, mine.owner) == (attempt, owner)
        again = own and mine.state == state.value and state is not State.OPEN
        expected = "" if again or (own and mine.state == "open") else "LEASE-LOST"
        ended = outcome(one, state, attempt=attempt, owner=owner, spent=spent, refund=refund)

        assert self.answer(self.ledger.finish(ended)) == expected
        if again:
            self.records -= 1
        elif not expected:
            self.ended(one, state, spent, refund)

    def ended(self, one: StepKey, state: State, spent: int | None, refund: bool) -> None:
        """Follow an outcome in the model."""
        mine = self.seen[one]
        mine.state = state.value
        if state is State.OPEN:
            mine.lease = min(mine.lease, self.clock.now_ms)
        elif state is not State.IN_DOUBT:
            happened = state is State.HAPPENED
            mine.spent = (mine.held if spent is None else spent) if happened else 0
            mine.held = 0
            if happened and refund and one.direction is Direction.UNDO:
                self.refunded.add(StepKey(one.root, one.parent, one.segment))

    @rule(one=keys, happened=st.booleans())
    def resolve(self, one: StepKey, happened: bool) -> None:
        """Answer a doubt; where there is none, nobody asks."""
        mine = self.seen[one]
        expected = "" if mine.state == "in_doubt" else "NOT-IN-DOUBT"

        assert self.answer(self.ledger.resolve(one, happened, {"by": "ann"})) == expected
        if not expected:
            mine.state = "happened" if happened else "failed"
            mine.spent, mine.held = (mine.held if happened else 0), 0

    @rule(by_ms=st.sampled_from([1, LEASE, 5 * LEASE]))
    def time_passes(self, by_ms: int) -> None:
        """Let leases run out."""
        self.clock.advance(by_ms)

    @precondition(lambda self: self.calls > 3)
    @rule(step=st.sampled_from(["a", "b"]))
    def fence(self, step: str) -> None:
        """Stop a step for good."""
        self.wait(self.ledger.fence(ROOT, "", step))
        self.records += step not in self.fenced
        self.fenced.add(step)

    @precondition(lambda self: self.calls > 6 and not self.closed)
    @rule()
    def close_run(self) -> None:
        """Close the run; undos go on."""
        assert self.wait(self.ledger.close_run(ROOT, "failed", []))
        self.closed = True
        self.records += 1

    @rule()
    def restart(self) -> None:
        """Another process opens the ledger, and the old one is gone."""
        self.wait(self.ledger.close())
        self.ledger = self.wait(open_admitted(self.url, clock=self.clock))

    @rule(one=keys, owner=owners, ticks=st.integers(0, 3))
    def begin_and_vanish(self, one: StepKey, owner: str, ticks: int) -> None:
        """A caller is cancelled at any moment: its intent stands wholly or not at all."""
        expected = self.expected(one, 0)
        lease = self.clock.now_ms + LEASE
        wanted = intent(one, owner=owner, lease_until_ms=lease, max_attempts=TRIES)

        async def vanish() -> None:
            call = asyncio.create_task(self.ledger.begin(wanted))
            for _ in range(ticks):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            # Its commit may be under way; writes go one behind the other, so this one shows.
            await self.ledger.put([content(str(uuid4()))])

        before = self.seen[one].attempts
        self.wait(vanish())
        found = self.wait(self.ledger.look(one)).action
        if found is not None and found.attempts > before:
            assert expected == ""
            self.seen[one] = Seen("open", before + 1, owner, lease, counted=False)
            self.calls += 1
            self.records += 1

    @invariant()
    def ledger_and_model_agree(self) -> None:
        """Every key, counter and total is what the history makes it; the chain holds."""
        if not hasattr(self, "ledger"):
            return
        self.wait(self.compare())

    async def compare(self) -> None:
        """Compare the ledger with the model."""
        for one, mine in self.seen.items():
            found = (await self.ledger.look(one)).action
            assert (found.state.value if found else "") == mine.state
            if found is not None:
                assert (found.attempts, found.owner) == (mine.attempts, mine.owner)
                assert found.state is not State.OPEN or found.lease_until_ms == mine.lease
        assert await self.ledger.counter("run/all/micros") == self.taken()
        assert await self.ledger.totals(ROOT) == self.totals()

    def totals(self) -> Totals:
        """Return the totals by the model."""
        happened = {one for one, mine in self.seen.items() if mine.state == "happened"}
        undone = {one for one in happened if one.direction is Direction.UNDO}
        spent = sum(self.seen[one].spent for one in happened - self.refunded)
        return Totals(
            calls=self.calls,
            effects=len(happened - undone),
            undone=len(undone),
            spent_micros=spent,
            reserved_micros=sum(mine.held for mine in self.seen.values()),
        )

    def teardown(self) -> None:
        """The whole chain holds at the end, and has one record per change."""
        if not hasattr(self, "ledger"):
            return
        records = self.wait(chain_of(self.ledger))
        assert len(records) == self.records
        assert kinds(records).count("intent") == self.calls
        self.wait(self.ledger.close())
        self.runner.close()
        self.folder.cleanup()


TestLedgerHistory = LedgerHistory.TestCase
TestLedgerHistory.settings = settings(
    max_examples=20,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
