"""Which of a model's endpoints are asked: over real sockets, so that nothing else is either."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from activities.tools.registry import Tools
from examples.agents.stub_model import Bad, Says, StubModel
from remit.canonical import JSONObject
from remit.enforcement.bounds import health_of
from remit.tool.call import Broken, Happened, Refused, Unknown
from remit.tool.contract import ToolContract
from tests.activities.calling import ask
from tests.activities.test_model_tool import AWAY, GOOD, PRICE, rating, tools, two

__all__ = ["tools"]

MESSAGE = {"message": "Down!"}
DEAR = {"input": 9_000_000, "output": 9_000_000, "currency": "EUR"}
UNFIT = {"title": 3}


def routed(*endpoints: JSONObject, **call: Any) -> ToolContract:
    """Return a contract of endpoints that say what they may be used for."""
    named = [
        {"model": f"m{at}", "key": "env:KEY", "price": PRICE, **one}
        for at, one in enumerate(endpoints)
    ]
    return rating(str(endpoints[0]["url"]), endpoints=named, **call)


def reasons(answer: object) -> list[object]:
    """Return why endpoints did not answer, as the output records it."""
    assert isinstance(answer, Happened)
    output: Any = answer.output
    return [(one["endpoint"], one["reason"]) for one in output["tried"]]


async def test_route_and_reasons_stand_in_the_output(tools: Tools) -> None:
    """Provider and tier of the one that answered, and of each passed over why."""
    async with two([Says(GOOD)], [Says(GOOD)]) as (shop, house):
        contract = routed(
            {"url": shop.url, "provider": "shop", "sees": []},
            {"url": shop.url, "provider": "shop", "tier": "fast", "up_to_risk": "low"},
            {"url": house.url, "provider": "house", "tier": "deliberate", "sees": ["pii"]},
        )
        answer = await ask(tools, contract, MESSAGE, data_classes={"pii"}, risk="high")

    assert isinstance(answer, Happened)
    output: Any = answer.output
    assert (output["provider"], output["tier"], output["endpoint"]) == ("house", "deliberate", 2)
    assert output["tried"] == [
        {"endpoint": 0, "model": "m0", "provider": "shop", "reason": "data",
         "why": "it may not see data of class pii"},
        {"endpoint": 1, "model": "m1", "provider": "shop", "reason": "risk",
         "why": "the risk is high"},
    ]  # fmt: skip
    assert shop.asked == []


@pytest.mark.parametrize(("risk", "tier"), [("low", "fast"), ("high", "deliberate")])
async def test_low_stakes_are_fast_and_high_ones_deliberate(
    tools: Tools, risk: Any, tier: str
) -> None:
    """The tier is recorded, and requests are measured by it."""
    before = REGISTRY.get_sample_value("remit_model_seconds_count", {"tier": tier}) or 0
    async with StubModel([Says(GOOD)]) as stub:
        contract = routed(
            {"url": stub.url, "tier": "fast", "up_to_risk": "medium"},
            {"url": stub.url, "tier": "deliberate"},
        )
        answer = await ask(tools, contract, MESSAGE, risk=risk)

    assert isinstance(answer, Happened)
    assert isinstance(answer.output, dict)
    assert answer.output["tier"] == tier
    after = REGISTRY.get_sample_value("remit_model_seconds_count", {"tier": tier})
    assert after == before + 1


async def test_what_nobody_may_see_is_sent_to_nobody(tools: Tools) -> None:
    """Not even where an answer is declared for when all are away: it is withheld, with its code."""
    async with two([Says(GOOD)], [Says(GOOD)]) as (first, second):
        contract = routed(
            {"url": first.url, "sees": []}, {"url": second.url, "sees": ["pii"]}, when_away=AWAY
        )
        answer = await ask(tools, contract, MESSAGE, data_classes={"pii", "secret"})
        unknown = await ask(tools, contract, MESSAGE, data_classes=None)

    for one in (answer, unknown):
        assert isinstance(one, Refused)
        assert (one.code, one.again, one.is_own) == ("TOOL-MODEL-ROUTE", False, True)
    assert first.asked == second.asked == []


async def test_one_that_may_not_see_it_is_no_fallback(tools: Tools) -> None:
    """The one that may is away: the call may be tried again, and the other is not asked."""
    async with two([Bad(503)], [Says(GOOD)]) as (house, shop):
        contract = routed({"url": house.url}, {"url": shop.url, "sees": []})
        answer = await ask(tools, contract, MESSAGE, data_classes={"pii"})

    assert isinstance(answer, Refused)
    assert (answer.code, answer.again, health_of(answer)) == ("TOOL-MODEL-AWAY", True, "sick")
    assert (len(house.asked), shop.asked) == (1, [])


async def test_the_end_of_the_money_switches_to_a_cheaper_one(tools: Tools) -> None:
    """The dear one could cost more than is left: passed over, counted, and the next one answers."""
    counted = {"reason": "money"}
    before = REGISTRY.get_sample_value("remit_model_passed_over_total", counted) or 0
    async with two([Says(GOOD)], [Says(GOOD)]) as (dear, cheap):
        contract = routed(
            {"url": dear.url, "price": DEAR},
            {"url": cheap.url},
            bounds={"micros": 2000, "output_tokens": 40},
        )
        answer = await ask(tools, contract, MESSAGE)

    assert reasons(answer) == [(0, "money")]
    assert (dear.asked, len(cheap.asked)) == ([], 1)
    assert REGISTRY.get_sample_value("remit_model_passed_over_total", counted) == before + 1


async def test_a_repair_that_is_too_dear_switches_too(tools: Tools) -> None:
    """What the first one took is paid, and what is left is enough for the other."""
    paid = Says(UNFIT, input_tokens=200, output_tokens=200)
    async with two([paid], [Says(GOOD)]) as (dear, cheap):
        contract = routed(
            {"url": dear.url, "price": DEAR},
            {"url": cheap.url},
            bounds={"micros": 5000, "output_tokens": 40},
            repairs=3,
        )
        answer = await ask(tools, contract, MESSAGE)

    assert reasons(answer) == [(0, "money")]
    assert isinstance(answer, Happened)
    output: Any = answer.output
    assert output["cost"]["micros"] == 9 * 400 + 40
    assert (len(dear.asked), len(cheap.asked)) == (1, 1)


async def test_without_money_for_anybody_the_declared_answer_stands_in(tools: Tools) -> None:
    """Marked degraded; without one the call ends as one that is over its budget."""
    async with StubModel([Says(GOOD)]) as stub:
        small = {"bounds": {"micros": 90, "output_tokens": 40}}
        declared = await ask(tools, routed({"url": stub.url}, when_away=AWAY, **small), MESSAGE)
        refused = await ask(tools, routed({"url": stub.url}, **small), MESSAGE)

    assert reasons(declared) == [(0, "money")]
    assert isinstance(declared, Happened)
    assert isinstance(declared.output, dict)
    assert (declared.output["answer"], declared.output["degraded"]) == (AWAY, True)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.again) == ("TOOL-MODEL-BUDGET", False)
    assert stub.asked == []


async def test_a_slow_one_is_not_begun_with_little_time(tools: Tools) -> None:
    """Less time is left than it takes: the next is asked; where all are too slow it waits."""
    async with two([Says(GOOD)], [Says(GOOD)]) as (slow, quick):
        contract = routed({"url": slow.url, "expect_s": 25}, {"url": quick.url, "expect_s": 1})
        answer = await ask(tools, contract, MESSAGE, within_s=20)
        nobody = await ask(tools, routed({"url": slow.url, "expect_s": 25}), MESSAGE, within_s=20)

    assert reasons(answer) == [(0, "time")]
    assert isinstance(nobody, Refused)
    assert (nobody.code, nobody.again, health_of(nobody)) == ("TOOL-MODEL-AWAY", True, "")
    assert slow.asked == []


async def test_what_a_fast_one_cannot_say_goes_to_the_deliberate_one(tools: Tools) -> None:
    """After its repairs; both are paid. Where nobody comes after it the call ends for good."""
    async with two([Says(UNFIT)], [Says(GOOD)]) as (fast, slow):
        first = {"url": fast.url, "tier": "fast"}
        answer = await ask(tools, routed(first, {"url": slow.url, "tier": "deliberate"}), MESSAGE)
        barred = routed(first, {"url": slow.url, "sees": []})
        alone = await ask(tools, barred, MESSAGE, data_classes={"pii"})

    assert reasons(answer) == [(0, "unfit")]
    assert isinstance(answer, Happened)
    assert isinstance(answer.output, dict)
    assert answer.output["cost"] == {"micros": 3 * 40, "currency": "EUR"}
    assert isinstance(alone, Broken)
    assert (alone.code, alone.final, alone.spent) == ("TOOL-MODEL-ANSWER", True, 2 * 40)
    assert len(slow.asked) == 1


async def test_what_was_paid_leaves_it_open_when_the_next_is_away(tools: Tools) -> None:
    """The fast one was paid and the deliberate one is away: no refusal without effect."""
    async with two([Says(UNFIT)], [Bad(503)]) as (fast, slow):
        contract = routed({"url": fast.url, "tier": "fast"}, {"url": slow.url})
        answer = await ask(tools, contract, MESSAGE)

    assert isinstance(answer, Unknown)
    assert answer.code == "TOOL-MODEL-AWAY"


CLASSES = ["pii", "secret", "confidential", "of-our-own"]
SEES = st.none() | st.lists(st.sampled_from(CLASSES), unique=True)
DAYS = st.sampled_from([Says(GOOD), Says(UNFIT), Bad(503), Bad(200, b"{")])
PLACES = st.tuples(SEES, DAYS, st.sampled_from([None, "fast", "deliberate"]))
HELD = st.none() | st.frozensets(st.sampled_from(CLASSES))


@given(places=st.lists(PLACES, min_size=1, max_size=3), held=HELD)
def test_no_data_reaches_an_endpoint_that_may_not_see_it(
    tmp_path_factory: pytest.TempPathFactory,
    places: list[tuple[list[str] | None, Says | Bad, str | None]],
    held: frozenset[str] | None,
) -> None:
    """Whatever is declared, whoever is away or answers badly, and whatever a worker has kept."""
    folder = tmp_path_factory.getbasetemp()
    stubs = asyncio.run(_asked(folder, places, held))

    for (sees, _, _), stub in zip(places, stubs, strict=True):
        may = sees is None or (held is not None and held <= set(sees))
        assert may or stub.asked == []


async def _asked(
    folder: Path,
    places: Sequence[tuple[list[str] | None, Says | Bad, str | None]],
    held: frozenset[str] | None,
) -> list[StubModel]:
    """Ask once, and return the endpoints with what they were asked."""
    async with AsyncExitStack() as stack:
        stubs = [await stack.enter_async_context(StubModel([day])) for _, day, _ in places]
        endpoints = [
            {"url": stub.url, "tier": tier, **({} if sees is None else {"sees": [*sees]})}
            for stub, (sees, _, tier) in zip(stubs, places, strict=True)
        ]
        adapters = Tools({}, folder, {"KEY": "sk-very-secret"})
        stack.push_async_callback(adapters.aclose)
        contract = routed(*endpoints, when_away=AWAY, keep_s=60)
        await ask(adapters, contract, MESSAGE, data_classes=held)
        return stubs
