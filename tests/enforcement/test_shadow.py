"""A candidate in the shadow, whatever it answers: counted, kept, and never heard by a call."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from remit.canonical import JSON, JSONObject
from remit.decision.facts import Facts
from remit.decision.shadow import Announcement, falls_in, summarised
from remit.enforcement.answer import PolicyUnavailableError
from remit.enforcement.deciding import Deciding
from remit.enforcement.frame import Place
from remit.enforcement.opa import OpaClient
from remit.enforcement.shadow import ROOM, Shadow
from remit.stores.ledger import wall_ms
from remit.stores.shadow import announce, counts, differences, withdraw
from tests.enforcement.fake_opa import Answering, FakeOpa, allow, answers, fake_opa
from tests.policies import given
from tests.waiting import eventually

NEW = "sha256:" + "b" * 64
SAID: JSONObject = {"code": "desk.closed", "policy": "domains.desk", "message": ""}
PLACE = Place("test", "light", "")


def candidates(revision: str = NEW, **changes: JSON) -> JSONObject:
    """Return an answer of a candidate: an allow in every respect but `changes`."""
    answer = allow(given.DIGEST, policy_revision=revision, **changes)
    return {**answer, "provenance": {"bundles": {"remit": {"revision": revision}}}}


def hanging() -> Answering:
    """Never answer."""

    async def answer(_: object) -> None:
        await asyncio.Event().wait()

    return answer


class Beside:
    """A deciding OPA, a candidate's beside it, and what follows the candidate."""

    def __init__(self, folder: Path, decides: FakeOpa, shadow: Shadow, deciding: Deciding) -> None:
        self.folder = folder
        self.decides = decides
        self.shadow = shadow
        self.deciding = deciding

    async def decide(self, facts: Facts | None = None) -> str:
        """Decide once, as a call does."""
        return (await self.deciding.decide(facts or given.call())).decision.effect

    def outcomes(self) -> dict[str, int]:
        """Return what was counted about the candidate so far."""
        return dict(summarised(counts(self.folder, NEW), ()).outcomes)

    async def counted(self, **wanted: int) -> None:
        """Wait until exactly this was counted."""

        async def is_so() -> bool:
            await self.shadow.look()
            return self.outcomes() == wanted

        await eventually(is_so)


@asynccontextmanager
async def beside(
    folder: Path, answering: Answering, *, deadline_ms: int = 5000, percent: int = 100
) -> AsyncIterator[Beside]:
    """Announce a candidate that answers so, beside one OPA that allows everything."""
    told = Announcement(
        revision=NEW, source="a test", started_ms=1, percent=percent, deadline_ms=deadline_ms
    )
    announce(folder, told)
    async with (
        fake_opa(answers(allow(given.DIGEST))) as decides,
        fake_opa(answering) as candidate,
        OpaClient(decides.socket, deadline_s=10) as client,
    ):
        shadow = Shadow(folder, candidate.socket, wall_ms)
        await shadow.look()
        try:
            yield Beside(folder, decides, shadow, Deciding(client, PLACE, wall_ms, None, shadow))
        finally:
            await shadow.end()


@pytest.mark.parametrize(
    ("answering", "outcome", "kept"),
    [
        (answers(candidates()), "same", 0),
        (answers(candidates(risk="high")), "reason", 0),
        (answers(candidates(effect="deny", permits=[], reasons=[SAID])), "breaks", 1),
        (answers(candidates(reserve=[{"counter": "c", "amount": 1, "ceiling": 2}])), "reserve", 1),
        (answers(b"<html>allow</html>"), "error", 1),
        (answers(b'"' + b"x" * 10_000_000 + b'"'), "error", 1),
        (answers({**candidates(), "result": True}), "error", 1),
        (answers(candidates("sha256:" + "c" * 64)), "foreign", 0),
        (answers({}), "unanswered", 0),
        (answers(b"", "503 Busy"), "unanswered", 0),
    ],
)
async def test_whatever_it_answers_is_counted_and_the_decision_stands(
    tmp_path: Path, answering: Answering, outcome: str, kept: int
) -> None:
    """Each answer has one class; what differs is kept with both sides; the call is allowed."""
    async with beside(tmp_path, answering) as both:
        assert await both.decide() == "allow"
        await both.counted(**{outcome: 1})
    found = list(differences(tmp_path, NEW))
    assert len(found) == kept
    for one in found:
        assert (one.kind, one.tool, one.candidate) == ("call", given.call().action.tool, NEW)
        assert one.before.effect == "allow"
        assert one.after is None or one.after.policy_revision == NEW


async def test_a_hanging_candidate_delays_nothing_and_fills_nothing(tmp_path: Path) -> None:
    """It never answers: calls are decided, what finds no room is dropped, all of it is counted."""
    more = 25
    async with beside(tmp_path, hanging(), deadline_ms=10_000) as both:
        assert await asyncio.wait_for(both.decide(), 5) == "allow"
        one = await both.deciding.judge.decide(given.call())
        begun = time.perf_counter()
        for _ in range(ROOM + more):
            both.shadow.offer(given.call(), one)
        took_s = time.perf_counter() - begun
        assert await asyncio.wait_for(both.decide(), 5) == "allow"
    # Two were on their way, or three; all that waited were given up when the candidate went.
    assert both.outcomes()["dropped"] >= ROOM + more
    assert took_s < 5


async def test_a_candidate_that_is_gone_is_no_concern_of_a_call(tmp_path: Path) -> None:
    """Nothing listens any more on its socket: unanswered, and the call goes on."""
    async with beside(tmp_path, answers(candidates())) as both:
        both.shadow._socket.unlink()
        assert await both.decide() == "allow"
        await both.counted(unanswered=1)


async def test_it_is_not_asked_about_what_was_not_decided(tmp_path: Path) -> None:
    """Without an answer of the deciding OPA there is nothing to compare with."""
    async with beside(tmp_path, answers(candidates())) as both:
        both.decides.answering = answers({})
        with pytest.raises(PolicyUnavailableError):
            await both.decide()
        both.decides.answering = answers(allow(given.DIGEST))
        await both.decide()
        await both.counted(same=1)


async def test_an_offer_never_raises(tmp_path: Path) -> None:
    """A fault of the comparison itself stays there."""
    async with beside(tmp_path, answers(candidates())) as both:
        decided = await both.deciding.judge.decide(given.call())
        both.shadow.offer(Facts.model_construct(kind="call", run="no run"), decided)
        assert await both.decide() == "allow"
        await both.counted(same=1)


async def test_workers_follow_the_announcement(tmp_path: Path) -> None:
    """A withdrawn candidate is asked no more; what was found stays."""
    async with beside(tmp_path, answers(candidates())) as both:
        await both.decide()
        await both.counted(same=1)
        withdraw(tmp_path)
        await both.shadow.look()
        assert await both.decide() == "allow"
        await both.shadow.look()
        assert both.outcomes() == {"same": 1}


async def test_only_its_share_of_the_runs_is_compared(tmp_path: Path) -> None:
    """A run is compared always or never."""
    runs = [f"run-{number}" for number in range(40)]
    async with beside(tmp_path, answers(candidates()), percent=50) as both:
        for root in runs * 2:
            facts = given.call()
            assert facts.run is not None
            run = facts.run.model_copy(update={"root": root})
            await both.decide(facts.model_copy(update={"run": run}))
        await both.counted(same=2 * len([root for root in runs if falls_in(root, 50)]))
