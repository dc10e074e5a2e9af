"""Who decides for a run while a canary is on: by its mark, over workers, and never in its place."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from remit.canonical import JSON, JSONObject, digest
from remit.decision.canary import CHAIN, LEAD_MS, Canary, Draft, Limits
from remit.decision.decision import Decided
from remit.decision.facts import Facts
from remit.decision.release import Draft as ReleaseDraft
from remit.decision.shadow import falls_in
from remit.enforcement.answer import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.canary import STALE_S, Canaries
from remit.enforcement.deciding import Deciding
from remit.enforcement.frame import Place
from remit.enforcement.opa import OpaClient
from remit.enforcement.telemetry import CANARY_DECISIONS
from remit.ledger.errors import LedgerUnavailableError
from remit.stores.canaries import mark_of, standing_of
from remit.stores.ledger import SqlLedger, open_ledger
from tests.enforcement.fake_opa import Answering, FakeOpa, allow, answers, fake_opa
from tests.policies import given
from tests.stores.ledger_values import HandClock, admission, content, run_row

NEW = digest("new")
PLACE = Place("test", "light", "")
SAID: JSONObject = {"code": "desk.closed", "policy": "domains.desk", "message": ""}
IN_SHARE = next(f"run-{n}" for n in range(999) if falls_in(f"run-{n}", 10))
OUTSIDE = next(f"run-{n}" for n in range(999) if not falls_in(f"run-{n}", 50))


def candidates(revision: str = NEW, **changes: JSON) -> JSONObject:
    """Return an answer of the candidate's OPA."""
    answer = allow(given.DIGEST, policy_revision=revision, **changes)
    return {**answer, "provenance": {"bundles": {"remit": {"revision": revision}}}}


def asked(root: str, kind: str = "call") -> Facts:
    """Facts of a run."""
    facts = given.call()
    assert facts.run is not None
    run = facts.run.model_copy(update={"root": root})
    # The fake echoes one digest, so what is no call keeps its action.
    return facts.model_copy(update={"run": run, "kind": kind})


@dataclass
class Worker:
    """One worker's way to decide."""

    canaries: Canaries
    deciding: Deciding

    async def decides(self, root: str, kind: str = "call") -> str:
        """Return under which revision it decides for a run."""
        return (await self.deciding.decide(asked(root, kind))).revision


@dataclass
class Room:
    """A ledger with one release, two OPAs, and clocks that stand still."""

    ledger: SqlLedger
    clock: HandClock
    active: FakeOpa
    candidate: FakeOpa
    client: OpaClient
    seconds: float = 0

    def worker(self) -> Worker:
        """A worker that knows nothing yet."""

        def opening(_: Canary) -> OpaClient:
            return OpaClient(self.candidate.socket, deadline_s=10)

        canaries = Canaries(self.ledger.canaries, opening, self.clock, lambda: self.seconds)
        deciding = Deciding(self.client, PLACE, self.clock, None, None, canaries)
        return Worker(canaries, deciding)

    async def start(self, percent: int = 10, **limits: int) -> Canary:
        """Start a canary, and wait until it holds."""
        draft = Draft(
            revision=NEW,
            key="k",
            source="a test",
            percent=percent,
            lasts_ms=600_000,
            base=1,
            author="ann",
            limits=Limits(**limits),
        )
        made = await self.ledger.canaries.start(draft, b"new")
        self.pass_on(LEAD_MS)
        return made

    def pass_on(self, ms: int) -> None:
        """Let time pass."""
        self.clock.advance(ms)
        self.seconds += ms / 1000

    async def admit(self, root: str, canary: Canary | None = None) -> None:
        """Put a run into the ledger as an admission does."""
        row = replace(run_row(root), workflow_id=root)
        told = [mark_of(canary)] if canary else []
        await self.ledger.admit(row, admission(root), [content({})], told)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    """Two OPAs that allow everything, each under its own revision."""
    clock = HandClock()
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}", clock=clock)
    release = ReleaseDraft(revision=digest("old"), key="k", origin="published", author="ann")
    await ledger.releases.publish(release, b"old", 0)
    async with (
        fake_opa(answers(allow(given.DIGEST))) as active,
        fake_opa(answers(candidates())) as candidate,
        OpaClient(active.socket, deadline_s=10) as client,
    ):
        yield Room(ledger, clock, active, candidate, client)
    await ledger.close()


@asynccontextmanager
async def ends(*workers: Worker) -> AsyncIterator[None]:
    """Let go of candidates at the end."""
    try:
        yield
    finally:
        for one in workers:
            await one.canaries.close()


async def test_a_run_keeps_its_side_over_workers(room: Room) -> None:
    """Decided at admission by its share, then by its mark: by any worker, also a new one."""
    made = await room.start()
    first = room.worker()
    async with ends(first):
        admitted = await first.deciding.decide(asked(IN_SHARE, "admission"))
        assert admitted.revision == NEW
        assert first.deciding.marks(admitted) == [mark_of(made)]
        assert await first.decides(OUTSIDE, "admission") != NEW
    await room.admit(IN_SHARE, made)
    second = room.worker()
    async with ends(second):
        assert await second.decides(IN_SHARE) == NEW
        # An amendment, or a sub-plan, is an admission of a run that has its side.
        assert await second.decides(IN_SHARE, "admission") == NEW
        assert await second.decides(OUTSIDE) != NEW


async def test_a_run_of_before_stays_with_the_policies_in_force(room: Room) -> None:
    """Also one that falls into the share, and one that begins before every worker knows."""
    early = room.worker()
    async with ends(early):
        await room.admit(IN_SHARE)
        made = await room.start()
        assert await early.decides(IN_SHARE) != NEW
        other = next(f"r{n}" for n in range(999) if falls_in(f"r{n}", 10))
        room.clock.advance(-1)
        decided = await early.deciding.decide(asked(other, "admission"))
        assert decided.revision != NEW
        assert early.deciding.marks(decided) == []
        room.clock.advance(1)
        assert await early.decides(other, "admission") == NEW
        assert made.revision == NEW


async def test_the_mark_of_one_canary_is_none_of_the_next(room: Room) -> None:
    """What came back stays back, though the same policies are tried again."""
    first = await room.start()
    await room.admit(IN_SHARE, first)
    worker = room.worker()
    async with ends(worker):
        assert await worker.decides(IN_SHARE) == NEW
        room.pass_on(600_000)
        assert await worker.decides(IN_SHARE) != NEW
        await room.start()
        assert await worker.decides(IN_SHARE) != NEW


Broken = Callable[[FakeOpa], None]


def _answer(answering: Answering) -> Broken:
    def broken(opa: FakeOpa) -> None:
        opa.answering = answering

    return broken


@pytest.mark.parametrize(
    "broken",
    [
        lambda opa: opa.socket.unlink(),
        _answer(answers(b"", "503 Busy")),
        _answer(answers(b"<html>allow</html>")),
        _answer(answers(candidates(digest("other")))),
        _answer(answers({**candidates(), "result": {}})),
    ],
)
async def test_without_an_answer_nobody_else_decides_until_it_is_back(
    room: Room, broken: Broken
) -> None:
    """Its runs get no decision; at the third such question the canary is over, by itself."""
    made = await room.start()
    await room.admit(IN_SHARE, made)
    worker = room.worker()
    async with ends(worker):
        await worker.canaries.look()
        broken(room.candidate)
        before = len(room.active.requests)
        for _ in range(3):
            with pytest.raises((PolicyUnavailableError, PolicyInvalidError)):
                await worker.decides(IN_SHARE)
        assert len(room.active.requests) == before
        assert await worker.decides(OUTSIDE) != NEW
        await worker.canaries.look()
        assert await worker.decides(IN_SHARE) != NEW
    standing = await standing_of(room.ledger.canaries)
    assert standing.end is not None
    assert (standing.end.why, standing.end.candidate.errors) == ("errors", 3)


async def test_denials_bring_it_back_over_all_workers(room: Room) -> None:
    """Neither worker has seen enough alone; both learn of the one end."""
    made = await room.start(least=10)
    await room.admit(IN_SHARE, made)
    room.candidate.answering = answers(candidates(effect="deny", permits=[], reasons=[SAID]))
    both = [room.worker(), room.worker()]
    async with ends(*both):
        for one in both:
            for _ in range(6):
                assert await one.decides(IN_SHARE) == NEW
                await one.decides(OUTSIDE)
            await one.canaries.look()
        room.pass_on(5_000)
        for one in [*both, *both]:
            await one.canaries.look()
        assert [await one.decides(IN_SHARE) == NEW for one in both] == [False, False]
    told = [one["kind"] for one in await room.ledger.records(CHAIN)]
    assert told.count("canary_end") == 1
    standing = await standing_of(room.ledger.canaries)
    assert standing.end is not None
    assert (standing.end.why, standing.end.candidate.denied) == ("denials", 12)


async def test_a_release_takes_all_runs_back(room: Room) -> None:
    """Whatever it releases, at the next look, and the end is written once."""
    made = await room.start()
    await room.admit(IN_SHARE, made)
    worker = room.worker()
    async with ends(worker):
        assert await worker.decides(IN_SHARE) == NEW
        other = ReleaseDraft(revision=digest("c"), key="k", origin="rolled_back", author="ann")
        await room.ledger.releases.publish(other, b"c", 1)
        await worker.canaries.look()
        assert await worker.decides(IN_SHARE) != NEW
    standing = await standing_of(room.ledger.canaries)
    assert standing.end is not None
    assert standing.end.why == "overtaken"


async def test_who_cannot_read_the_ledger_decides_nothing(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read a moment ago still holds; then nobody knows whose a run is."""
    worker = room.worker()
    async with ends(worker):
        assert await worker.decides(OUTSIDE) != NEW

        async def gone(_: object, seq: int) -> None:
            raise LedgerUnavailableError(f"behind {seq}")

        monkeypatch.setattr("remit.stores.canaries.CanaryStore.since", gone)
        assert await worker.decides(OUTSIDE) != NEW
        room.seconds += STALE_S + 0.1
        with pytest.raises(PolicyUnavailableError) as caught:
            await worker.decides(OUTSIDE)
        assert caught.value.code == "host:canary_unknown"


async def test_a_shadow_is_not_told_of_a_candidates_decisions(room: Room) -> None:
    """It is compared with the policies in force."""
    made = await room.start()
    await room.admit(IN_SHARE, made)
    worker, told = room.worker(), []

    class Seeing:
        def offer(self, facts: Facts, decided: Decided) -> None:
            told.append(decided.revision)

    deciding = Deciding(room.client, PLACE, room.clock, None, Seeing(), worker.canaries)
    async with ends(worker):
        await asyncio.gather(*(deciding.decide(asked(root)) for root in (IN_SHARE, OUTSIDE)))
    assert NEW not in told
    assert len(told) == 1


async def test_both_sides_are_measured_by_the_same_questions(room: Room) -> None:
    """What is allowed nearly always would make the side look better that alone counts it."""
    made = await room.start()
    await room.admit(IN_SHARE, made)
    worker = room.worker()

    def told(side: str) -> float:
        return CANARY_DECISIONS.labels(side, "allow")._value.get()

    before = {side: told(side) for side in ("candidate", "active")}
    async with ends(worker):
        for root in (IN_SHARE, OUTSIDE):
            for kind in ("call", "system"):
                await worker.decides(root, kind)

    assert {side: told(side) - before[side] for side in before} == {"candidate": 1, "active": 1}
