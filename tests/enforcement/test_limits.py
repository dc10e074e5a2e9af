"""Budgets over runs, end to end: what they let through, whom they ask, what a dead worker held."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from remit.canonical import JSONObject
from remit.decision.facts import Facts
from remit.ledger.entries import VoteRow
from remit.stores.ledger import SqlLedger
from remit.tool.call import Refused, ToolAnswer, ToolCall
from tests.enforcement.limited import LONG_MS, desk, few, policies
from tests.policies.served import ROOT, Served, serve

pytestmark = pytest.mark.opa
BUSY: JSONObject = {"name": "busy", "counts": "ms", "most": 6000, "window_ms": LONG_MS}


@pytest.fixture(scope="module")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A real OPA with agents of several bounds."""
    folder = policies(
        tmp_path_factory.mktemp("policies") / "lab",
        tester={"budgets": [few(10)]},
        five={"budgets": [few(5)]},
        single={"budgets": [few(1)]},
        asking={"budgets": [few(1, do="gate", gate={"role": "operator", "expires_in_ms": 60_000})]},
        free={},
        busy={"budgets": [BUSY]},
    )
    with serve(project=folder) as served:
        yield served


async def _bodies(ledger: SqlLedger, root: str, kind: str) -> list[JSONObject]:
    found = [one["body"] for one in await ledger.records(root) if one["kind"] == kind]
    return [body for body in found if isinstance(body, dict)]


async def test_ten_of_fifty_parallel_calls_are_made(opa: Served, ledger_url: str) -> None:
    """Fifty runs call at once where ten calls fit: ten are made, forty are told why not."""
    async with desk(ledger_url, opa.socket) as made:
        endings = Counter(await asyncio.gather(*[made.ending(f"run-{n}") for n in range(50)]))

    assert endings == {"happened": 10, "limit.exhausted": 40}
    assert len(set(made.effects)) == len(made.effects) == 10


async def test_the_sixth_of_five_is_refused_and_others_are_not(
    opa: Served, ledger_url: str
) -> None:
    """The record of the refusal holds the counter it was made on; another agent goes on."""
    async with desk(ledger_url, opa.socket) as made:
        for number in range(5):
            assert await made.ending(f"five-{number}", "five") == "happened"
        assert await made.ending("five-5", "five") == "limit.exhausted"
        assert await made.ending("free-0", "free") == "happened"
        assert await made.ending("tester-0") == "happened"
        (denied,) = await _bodies(made.ledger, "five-5", "decision")
        decision = denied["decision"]
        assert isinstance(decision, dict)
        facts = Facts.model_validate_json(await made.ledger.get(str(decision["facts"])))
        intents = await _bodies(made.ledger, "five-5", "intent")

    assert len(made.effects) == 7
    assert intents == []
    assert facts.budget is not None
    assert list(facts.budget.counters.values()) == [5]


async def test_time_is_held_while_a_call_lasts_and_then_only_what_it_took(
    opa: Served, ledger_url: str
) -> None:
    """A call may take five of six seconds: two at once find no room, one behind the other do."""
    async with desk(ledger_url, opa.socket) as made:
        meanwhile: list[str] = []

        async def sent(call: ToolCall) -> ToolAnswer:
            if not meanwhile:
                meanwhile.append(await made.ending("meanwhile", "busy"))
            return made.answer

        vars(made)["send"] = sent
        assert await made.ending("first", "busy") == "happened"
        assert meanwhile == ["limit.exhausted"]
        assert await made.ending("behind", "busy") == "happened"


async def test_a_refused_call_gives_its_room_back(opa: Served, sqlite_url: str) -> None:
    """What a tool refused did not happen, so the next call has its place."""
    async with desk(sqlite_url, opa.socket) as made:
        made.answer, happened = Refused("LAB-REFUSED", "no"), made.answer
        assert await made.ending("one", "single") == "LAB-REFUSED"
        made.answer = happened
        assert await made.ending("two", "single") == "happened"
        assert await made.ending("three", "single") == "limit.exhausted"


async def test_a_person_may_let_one_more_pass(opa: Served, sqlite_url: str) -> None:
    """A limit that asks opens a gate; the grant is good for its call and for no other."""
    async with desk(sqlite_url, opa.socket) as made:
        assert await made.ending("one", "asking") == "happened"
        asked = await made.call("two", "asking")
        assert (asked.status, asked.rule) == ("gate", "limit.few")
        assert asked.gate is not None
        gate = asked.gate.id
        yes = VoteRow(gate, "e1", "boss@lab.example", "approve", True, "", "", {})
        await made.ledger.vote("two", [yes])

        assert await made.ending("two", "asking") == "happened"
        assert await made.ending("three", "asking") == "gate"
        assert len(made.effects) == 2


async def test_a_killed_worker_keeps_its_room_until_its_call_is_settled(
    opa: Served, ledger_url: str
) -> None:
    """Nobody gets the place of a call that may have landed; once it surely did not, it is free."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.enforcement.limited", ledger_url, str(opa.socket), "lost"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"sent\n"
    process.send_signal(signal.SIGKILL)
    await process.wait()

    async with desk(ledger_url, opa.socket, ahead_ms=60_000) as made:
        for number in range(9):
            assert await made.ending(f"run-{number}") == "happened"
        assert await made.ending("tenth") == "limit.exhausted"
        made.answer, happened = Refused("LAB-REFUSED", "it never came"), made.answer
        assert await made.ending("lost", attempt=2) == "LAB-REFUSED"
        made.answer = happened

        assert await made.ending("tenth") == "happened"
        assert await made.ending("eleventh") == "limit.exhausted"


async def test_a_worker_killed_among_fifty_calls_leaves_ten(opa: Served, made_url: str) -> None:
    """It dies with four calls sent, while fifty others ask: six of them fit, and ten are made."""
    lost = [f"lost-{number}" for number in range(4)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.enforcement.limited", made_url, str(opa.socket), *lost),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    for _ in lost:
        assert await asyncio.wait_for(process.stdout.readline(), 60) == b"sent\n"
    async with desk(made_url, opa.socket) as made:
        asking = asyncio.gather(*[made.ending(f"run-{n}") for n in range(50)])
        process.send_signal(signal.SIGKILL)
        endings = Counter(await asking)
    await process.wait()
    async with desk(made_url, opa.socket, ahead_ms=60_000) as later:
        again = [await later.ending(root, attempt=2) for root in lost]
        eleventh = await later.ending("eleventh")

    assert endings == {"happened": 6, "limit.exhausted": 44}
    assert again == ["happened"] * 4
    assert eleventh == "limit.exhausted"
    assert len({*made.effects, *later.effects}) == len([*made.effects, *later.effects]) == 10
