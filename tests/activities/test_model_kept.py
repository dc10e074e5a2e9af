"""Answers of models that a worker keeps: whose they are, for how long, and how many."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from activities.tools.model_kept import Kept
from activities.tools.registry import Tools
from examples.agents.stub_model import Bad, Request, Says, StubModel
from remit.canonical import digest
from remit.tool.call import Happened, Refused, ToolAnswer
from remit.tool.contract import ToolContract
from tests.activities.calling import ask
from tests.activities.test_model_routes import MESSAGE, routed
from tests.activities.test_model_tool import AWAY, GOOD, PRICE, tools, two
from tests.waiting import eventually

__all__ = ["tools"]

ACME = {"tenant": "acme", "agent": "buyer"}


def keeping(stub: StubModel, **call: Any) -> ToolContract:
    """Return a contract of which answers are kept."""
    return routed({"url": stub.url, "provider": "shop"}, keep_s=600, **call)


def output(answer: ToolAnswer) -> Mapping[str, Any]:
    """Return the output of what happened."""
    assert isinstance(answer, Happened)
    assert isinstance(answer.output, dict)
    return answer.output


def counted(outcome: str) -> float:
    """Return how many questions came to that."""
    labels = {"tool": "tickets.rate@1", "outcome": outcome}
    return REGISTRY.get_sample_value("remit_model_kept_total", labels) or 0


def _true_once(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def holds() -> bool:
        return condition()

    return holds


async def test_the_same_question_is_asked_once_and_costs_nothing_again(tools: Tools) -> None:
    """The answer, whose it is and the prompt are the same; nothing was taken for it; counted."""
    hits, misses = counted("hit"), counted("miss")
    async with StubModel([Says(GOOD)]) as stub:
        first = output(await ask(tools, keeping(stub), MESSAGE, principal=ACME))
        again = output(await ask(tools, keeping(stub), MESSAGE, principal=ACME))

    assert (first["kept"], again["kept"], len(stub.asked)) == (False, True, 1)
    same = ("answer", "model", "provider", "endpoint", "prompt", "settings", "degraded")
    assert {name: first[name] for name in same} == {name: again[name] for name in same}
    assert again["cost"] == {"micros": 0, "currency": PRICE["currency"]}
    assert set(again["usage"].values()) == {0}
    assert (counted("hit") - hits, counted("miss") - misses) == (1, 1)


OTHERS = {
    "another tenant": {"principal": {"tenant": "globex", "agent": "buyer"}},
    "another question": {"arguments": {"message": "Up!"}},
}


@pytest.mark.parametrize("other", OTHERS)
async def test_another_tenant_or_question_is_asked_anew(tools: Tools, other: str) -> None:
    """Nobody is given what somebody else's question came to."""
    async with StubModel([Says(GOOD)]) as stub:
        asked: dict[str, Any] = {"arguments": MESSAGE, "principal": ACME}
        await ask(tools, keeping(stub), **asked)
        again = await ask(tools, keeping(stub), **{**asked, **OTHERS[other]})

    assert not output(again)["kept"]
    assert len(stub.asked) == 2


async def test_another_contract_is_asked_anew(tools: Tools) -> None:
    """The prompt's version is part of it, and so is the schema."""
    async with StubModel([Says(GOOD)]) as stub:
        contract = keeping(stub)
        prompt = {"version": 4, "system": "Rate it.", "template": "Message: ${args.message}"}
        await ask(tools, contract, MESSAGE)
        await ask(tools, keeping(stub, prompt=prompt), MESSAGE)
        other: Any = contract.model_dump(mode="json")
        other["output_schema"]["properties"]["answer"]["properties"]["title"] = {"type": "string"}
        await ask(tools, ToolContract.model_validate(other), MESSAGE)

    assert len(stub.asked) == 3


async def test_agents_with_keys_of_their_own_have_answers_of_their_own(tmp_path: Path) -> None:
    """Whoever has no key is not given what another's key had; without such keys agents share."""
    seller, environ = {**ACME, "agent": "seller"}, {"KEY": "sk-all", "KEY_buyer": "sk-buyer"}
    tools = Tools({}, tmp_path, environ)
    async with StubModel([Says(GOOD)]) as stub:
        own = routed({"url": stub.url, "key": "env:KEY_{agent}"}, keep_s=600)
        await ask(tools, own, MESSAGE, principal=ACME)
        refused = await ask(tools, own, MESSAGE, principal=seller)
        await ask(tools, keeping(stub), MESSAGE, principal=ACME)
        shared = await ask(tools, keeping(stub), MESSAGE, principal=seller)
    await tools.aclose()

    assert isinstance(refused, Refused)
    assert refused.code == "TOOL-SECRET"
    assert output(shared)["kept"]


async def test_nothing_is_kept_of_a_contract_that_does_not_say_so(tools: Tools) -> None:
    """And its output does not speak of it."""
    async with StubModel([Says(GOOD)]) as stub:
        contract = routed({"url": stub.url})
        await ask(tools, contract, MESSAGE)
        again = output(await ask(tools, contract, MESSAGE))

    assert "kept" not in again
    assert len(stub.asked) == 2


async def test_what_is_degraded_or_unfit_is_not_kept(tools: Tools) -> None:
    """When the endpoint is back it is asked."""
    async with StubModel([Bad(503), Says(GOOD)]) as stub:
        contract = keeping(stub, when_away=AWAY)
        away = await ask(tools, contract, MESSAGE)
        back = await ask(tools, contract, MESSAGE)

    assert (output(away)["degraded"], output(away)["kept"]) == (True, False)
    assert (output(back)["degraded"], output(back)["kept"]) == (False, False)


async def test_a_kept_answer_is_held_to_the_conditions_of_who_gave_it(tools: Tools) -> None:
    """One of a fast endpoint is not given to a call of high risk, nor one that may not see it."""
    async with two([Says(GOOD)], [Says(GOOD)]) as (fast, slow):
        contract = routed(
            {"url": fast.url, "tier": "fast", "up_to_risk": "low"}, {"url": slow.url}, keep_s=600
        )
        await ask(tools, contract, MESSAGE, risk="low")
        high = await ask(tools, contract, MESSAGE, risk="high")
        again = await ask(tools, contract, MESSAGE, risk="high")
        blind = routed({"url": fast.url, "sees": []}, keep_s=600)
        await ask(tools, blind, MESSAGE)
        held = await ask(tools, blind, MESSAGE, data_classes={"pii"})

    assert (output(high)["endpoint"], output(high)["kept"]) == (1, False)
    assert output(again)["kept"]
    assert isinstance(held, Refused)
    assert held.code == "TOOL-MODEL-ROUTE"


async def test_a_secret_that_came_back_is_kept_masked(tools: Tools) -> None:
    """As it was given the first time."""
    async with StubModel([Says({"urgent": True, "title": "sk-very-secret"})]) as stub:
        await ask(tools, keeping(stub), MESSAGE)
        again = await ask(tools, keeping(stub), MESSAGE)

    assert output(again)["kept"]
    assert "sk-very-secret" not in str(again)


async def test_those_who_ask_the_same_at_once_wait_for_one_answer(tools: Tools) -> None:
    """Ten questions, one request."""
    async with StubModel([Says(GOOD)]) as stub:
        contract = keeping(stub)
        answers = await asyncio.gather(*(ask(tools, contract, MESSAGE) for _ in range(10)))

    assert sorted(output(one)["kept"] for one in answers) == [False] + [True] * 9
    assert len(stub.asked) == 1


async def test_those_who_waited_for_nothing_ask_themselves(tools: Tools) -> None:
    """The first one's endpoint was away: each of the others is answered by its own request."""

    def script(request: Request) -> Says | Bad:
        return Bad(503) if len(stub.asked) == 1 else Says(GOOD)

    async with StubModel(script) as stub:
        contract = keeping(stub)
        answers = await asyncio.gather(*(ask(tools, contract, MESSAGE) for _ in range(4)))

    assert [type(one) for one in answers] == [Refused, Happened, Happened, Happened]
    assert len(stub.asked) == 4


async def test_who_waits_is_not_held_beyond_the_deadline(tools: Tools) -> None:
    """The first one hangs: whoever waits for it ends in time, and sent nothing."""
    async with StubModel([Bad(after_s=60)]) as stub:
        contract = keeping(stub)
        first = asyncio.ensure_future(ask(tools, contract, MESSAGE, within_s=30))
        await eventually(_true_once(lambda: bool(stub.asked)))
        second = await ask(tools, contract, MESSAGE, within_s=0.5)
        first.cancel()
        await asyncio.wait([first])

    assert isinstance(second, Refused)
    assert (second.again, second.is_own, len(stub.asked)) == (True, True, 1)


async def test_a_kept_answer_goes_at_its_time_and_is_not_prolonged() -> None:
    """Nothing of it is left, though it was asked for all the while."""
    kept, asked = Kept(), digest("a")
    kept.keep(asked, {"answer": 1}, 0.2)
    assert kept.find(asked) == {"answer": 1}
    await eventually(_true_once(lambda: kept.find(asked) is None and len(kept) == 0), every_s=0.01)
    assert kept._bytes == 0


async def test_what_is_kept_is_bounded_in_number_and_bytes() -> None:
    """The oldest goes first; what alone is too large is not kept, and takes nothing's place."""
    names = [digest(name) for name in "abcd"]
    kept = Kept(most=3, most_bytes=60)
    for name in names:
        kept.keep(name, {"answer": 1}, 60)
    assert [kept.find(name) is not None for name in names] == [False, True, True, True]

    kept.keep(names[0], {"answer": "x" * 40}, 60)
    assert [kept.find(name) is not None for name in names] == [True, False, False, False]
    kept.keep(names[1], {"answer": "x" * 60}, 60)
    assert [kept.find(name) is not None for name in names] == [True, False, False, False]
    kept.clear()
    assert len(kept) == 0


async def test_what_is_kept_cannot_be_changed_from_outside() -> None:
    """Each gets a copy."""
    kept, asked = Kept(), digest("a")
    given: dict[str, Any] = {"answer": {"urgent": True}}
    kept.keep(asked, given, 60)
    given["answer"]["urgent"] = False
    found: Any = kept.find(asked)
    found["answer"]["urgent"] = False

    assert kept.find(asked) == {"answer": {"urgent": True}}
    kept.clear()
