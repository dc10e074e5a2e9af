"""Bounds of the whole fleet on the way of a call: who waits, who fails, and who is not held up."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from remit.enforcement.bounds import Limit, Limits, LimitsError, health_of, load_limits
from remit.enforcement.frame import Place
from remit.enforcement.point import EnforcementPoint
from remit.enforcement.telemetry import BREAKER_STATE
from remit.ledger.limits import Health
from remit.plan.wire import REFUSED, UNAVAILABLE
from remit.stores.ledger import wall_ms
from remit.stores.project import load_project
from remit.tool.call import (
    Absent,
    Broken,
    Happened,
    Refused,
    ToolAnswer,
    ToolCall,
    Unknown,
    withheld,
)
from remit.tool.catalogue import Catalogue
from remit.tool.contract import BreakerBounds, RateLimit
from tests.enforcement.desk import Desk, a_desk
from tests.enforcement.limited import LAB, desk, policies
from tests.policies.served import Served, serve

DOWN = Happened({"status": "down", "name": "thing"})
LOST = Unknown("TOOL-TIMEOUT", "no answer")
AWAY = Refused("TOOL-UNREACHABLE", "nothing was sent", again=True)


@asynccontextmanager
async def _sick(folder: Path, **breaker: object) -> AsyncIterator[Desk]:
    """Open a desk whose tool has a breaker."""
    known = load_project(LAB).catalogue
    bounds = BreakerBounds.model_validate({"name": "lab", "cool_down_s": 10, **breaker})
    contracts = [
        one.model_copy(update={"breaker": bounds}) if one.ref == "lab.put@1" else one
        for one in known
    ]
    async with a_desk(folder, Catalogue.of(contracts), "lab.put@1", {"name": "thing"}) as made:
        yield made


async def _ending(made: Desk, attempt: int) -> tuple[str, str]:
    """Make the call; return the type and the code of how it failed."""
    with pytest.raises(ApplicationError) as failed:
        await made.call(attempt)
    return str(failed.value.type), str(failed.value.details[0]["code"])


async def test_an_open_breaker_holds_a_call_which_uses_no_attempt(tmp_path: Path) -> None:
    """Two answers are lost; then nothing is called until one call may try, and that one is well."""
    async with _sick(tmp_path, failures=2) as made:
        made.answers = [LOST, LOST, DOWN]
        for attempt in (1, 2):
            assert await _ending(made, attempt) == ("StepAgain", "TOOL-TIMEOUT")
            made.clock.advance(1_000)
        for attempt in (3, 4, 5, 6):
            assert await _ending(made, attempt) == (UNAVAILABLE, "host:breaker_open")
        opened = BREAKER_STATE.labels("lab")._value.get()
        before = (await made.situation()).action
        made.clock.advance(10_000)
        result = await made.call(7)

    assert before is not None
    assert before.attempts == 2
    assert (result.status, len(made.calls)) == ("happened", 3)
    assert opened == 2
    assert BREAKER_STATE.labels("lab")._value.get() == 0


async def test_whoever_waits_is_told_until_when(tmp_path: Path) -> None:
    """The failure of the waiting activity names service, reason and moment, and comes back then."""
    async with _sick(tmp_path, failures=1) as made:
        made.answers = [AWAY]
        await _ending(made, 1)
        with pytest.raises(ApplicationError) as held:
            await made.call(2)

    assert "lab failed 1 times" in str(held.value)
    assert "it waits until 2023-11-14T22:13:30+00:00" in str(held.value)
    assert held.value.next_retry_delay is not None
    assert 9 <= held.value.next_retry_delay.total_seconds() <= 11


async def test_a_tool_that_does_not_wait_fails_without_effect(tmp_path: Path) -> None:
    """`while_open: fail` refuses for good, so that the step's `on_failed` stands in at once."""
    async with _sick(tmp_path, failures=1, while_open="fail") as made:
        made.answers = [AWAY]
        await _ending(made, 1)

        assert await _ending(made, 2) == (REFUSED, "host:breaker_open")
        assert len(made.calls) == 1


@pytest.mark.parametrize(
    ("answer", "health"),
    [
        (DOWN, "well"),
        (Broken("TOOL-OUTPUT", ""), "well"),
        (Absent(), "well"),
        (Refused("TOOL-REFUSED", "no"), "well"),
        (Refused("TOOL-REFUSED", "later", again=True), ""),
        (AWAY, "sick"),
        (LOST, "sick"),
        (Unknown("TOOL-STATUS", "503"), "sick"),
        (Unknown("TOOL-CANCELLED", ""), ""),
        (Refused("TOOL-DEADLINE", "", again=True), "sick"),
        (Refused("TOOL-MODEL-AWAY", "", again=True), "sick"),
        (withheld("TOOL-EGRESS", ""), ""),
        (withheld("TOOL-DEADLINE", "", again=True), ""),
        (withheld("TOOL-UNREACHABLE", "", again=True), ""),
    ],
)
def test_what_an_answer_says_of_its_service(answer: ToolAnswer, health: Health) -> None:
    """A refusal is the answer of a service that is well; what is ours says nothing of it."""
    assert health_of(answer) == health


async def test_our_own_refusal_after_a_loss_counts_for_nothing(tmp_path: Path) -> None:
    """It is recorded as unknown, because the earlier attempt is; the service was not asked."""
    async with _sick(tmp_path, failures=2) as made:
        made.answers = [LOST, withheld("TOOL-EXTRA", "", again=True), DOWN]
        for attempt, code in ((1, "TOOL-TIMEOUT"), (2, "TOOL-EXTRA")):
            assert await _ending(made, attempt) == ("StepAgain", code)
            made.clock.advance(1_000)
        result = await made.call(3)

    assert (result.status, len(made.calls)) == ("happened", 3)


@pytest.fixture(scope="module")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real OPA with two agents who may do what they like."""
    folder = policies(tmp_path_factory.mktemp("policies") / "lab", busy={}, calm={})
    with serve(project=folder) as served:
        yield served


@pytest.mark.opa
async def test_a_busy_agent_waits_and_another_does_not(opa: Served, ledger_url: str) -> None:
    """Two calls of an agent hang, and more wait their turn; another agent's call is made."""
    limits = Limits(agents={"busy": Limit(at_once=2), "*": Limit(at_once=9)})
    async with desk(ledger_url, opa.socket) as made:
        made.point = _bounded(made.point, limits)
        answer, go_on, sent = made.send, asyncio.Event(), asyncio.Semaphore(0)

        async def hanging(call: ToolCall) -> ToolAnswer:
            sent.release()
            await go_on.wait()
            return await answer(call)

        made.send = hanging  # type: ignore[method-assign]
        hung = [asyncio.create_task(made.ending(f"busy-{n}", "busy")) for n in range(2)]
        for _ in hung:
            await sent.acquire()
        third = await made.ending("busy-2", "busy")
        made.send = answer  # type: ignore[method-assign]
        other = await made.ending("calm-0", "calm")
        go_on.set()
        ended = await asyncio.gather(*hung)
        later = await made.ending("busy-2", "busy", 2)

    assert (third, other) == ("SLOTS-TAKEN", "happened")
    assert ended == ["happened"] * 2
    assert later == "happened"


@pytest.mark.opa
async def test_an_agents_rate_makes_it_wait(opa: Served, sqlite_url: str) -> None:
    """Beyond its rate a call waits for another window; it is not refused."""
    rate = RateLimit(calls=2, per_seconds=10**8)
    async with desk(sqlite_url, opa.socket) as made:
        made.point = _bounded(made.point, Limits(agents={"busy": Limit(rate=rate)}))
        endings = [await made.ending(f"busy-{n}", "busy") for n in range(3)]

        assert endings == ["happened", "happened", "RATE-LIMITED"]
        assert await made.ending("calm-0", "calm") == "happened"


def _bounded(point: EnforcementPoint, limits: Limits) -> EnforcementPoint:
    digests = load_project(LAB).catalogue.digests
    place = Place(allow_age_ms=30_000)
    return EnforcementPoint(
        point.ledger, point.deciding.judge, place, wall_ms, digests, limits=limits
    )


def test_limits_are_read_from_the_project(tmp_path: Path) -> None:
    """Without the table there are none."""
    assert load_limits(tmp_path) == Limits()
    toml = '[limits.agents."*"]\nat_once = 3\nrate = {calls = 9, per_seconds = 60}\n'
    (tmp_path / "remit.toml").write_text(toml)

    limit = Limit(at_once=3, rate=RateLimit(calls=9, per_seconds=60))
    assert load_limits(tmp_path) == Limits(agents={"*": limit})


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[limits.agents.buyer]\nat_once = 0", "limits.agents.buyer.at_once"),
        ("[limits]\nagent = 1", "limits.agent"),
        ("limits = [", "cannot be read"),
    ],
)
def test_limits_that_cannot_be_used_are_refused(tmp_path: Path, toml: str, said: str) -> None:
    """A worker does not begin with bounds other than the ones that were meant."""
    (tmp_path / "remit.toml").write_text(toml)

    with pytest.raises(LimitsError, match=f"LIMITS-INVALID: remit.toml.*{said}"):
        load_limits(tmp_path)
