"""Which endpoint a governed call reaches, by what is found and declared: real ledger, real HTTP."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.tools.registry import Tools
from examples.agents.stub_model import Says, StubModel
from remit.canonical import JSONObject
from remit.decision.decision import Redact, Route
from remit.tool.catalogue import Catalogue
from tests.activities.test_model_routes import routed
from tests.activities.test_model_tool import GOOD
from tests.enforcement.desk import Desk, a_desk
from tests.enforcement.test_model_cost import models

__all__ = ["models"]

SHOP: JSONObject = {"provider": "shop", "sees": [], "up_to_risk": "medium"}
HOUSE: JSONObject = {"provider": "house", "sees": ["pii"]}
PLAIN: JSONObject = {"message": "Down!"}
ADDRESS: JSONObject = {"message": "Down! Tell jo@acme.example"}
TOO_MUCH: JSONObject = {"message": "a@b " * 120_000}


@asynccontextmanager
async def two(
    models: Tools, folder: Path, args: JSONObject, **more: Any
) -> AsyncIterator[tuple[Desk, StubModel, StubModel]]:
    """Open a desk for one question to two endpoints: one that may see nothing, and one of ours."""
    async with StubModel([Says(GOOD)]) as shop, StubModel([Says(GOOD)]) as house:
        contract = routed({"url": shop.url, **SHOP}, {"url": house.url, **HOUSE}, more=more)
        catalogue = Catalogue.of([contract])
        async with a_desk(folder, catalogue, contract.ref, args, "PT30S") as desk:
            desk.send = models.adapter(contract)
            yield desk, shop, house


async def _tried(desk: Desk) -> list[tuple[str, str]]:
    """Return who was passed over and why, as the ledger has it."""
    action = (await desk.situation()).action
    assert action is not None
    output = json.loads(await desk.point.ledger.get(str(action.output)))
    return [(one["provider"], one["reason"]) for one in output["tried"]]


async def test_a_question_without_such_data_goes_to_the_first(
    models: Tools, tmp_path: Path
) -> None:
    """And nobody is passed over."""
    async with two(models, tmp_path, PLAIN) as (desk, shop, house):
        await desk.call()
        tried = await _tried(desk)

    assert (len(shop.asked), len(house.asked), tried) == (1, 0, [])


async def test_what_is_found_in_the_arguments_keeps_them_from_it(
    models: Tools, tmp_path: Path
) -> None:
    """Route and reason stand in the ledger."""
    async with two(models, tmp_path, ADDRESS) as (desk, shop, house):
        await desk.call()
        tried = await _tried(desk)

    assert (len(shop.asked), len(house.asked), tried) == (0, 1, [("shop", "data")])


async def test_what_policy_has_taken_out_is_not_there_any_more(
    models: Tools, tmp_path: Path
) -> None:
    """Without the address the question may go to the first."""
    async with two(models, tmp_path, ADDRESS) as (desk, shop, house):
        desk.judge.obligations = [Redact(type="redact", critical=True, classes=["email"])]
        await desk.call()

    assert house.asked == []
    assert "Tell [redacted]" in str(shop.asked)


async def test_what_the_contract_declares_counts_though_nothing_is_found(
    models: Tools, tmp_path: Path
) -> None:
    """The tool is said to hold data about people."""
    async with two(models, tmp_path, PLAIN, data_classes=["pii"]) as (desk, shop, house):
        await desk.call()

    assert (len(shop.asked), len(house.asked)) == (0, 1)


async def test_by_the_risk_that_policy_sees_another_is_asked(models: Tools, tmp_path: Path) -> None:
    """The first answers up to medium risk."""
    async with two(models, tmp_path, PLAIN) as (desk, shop, house):
        desk.judge.risk = "high"
        await desk.call()
        tried = await _tried(desk)

    assert (len(shop.asked), len(house.asked), tried) == (0, 1, [("shop", "risk")])


async def test_what_cannot_be_looked_through_goes_to_nobody(models: Tools, tmp_path: Path) -> None:
    """Anything may be in it, and neither may see anything: the step is refused."""
    async with two(models, tmp_path, TOO_MUCH) as (desk, shop, house):
        with pytest.raises(ApplicationError, match="TOOL-MODEL-ROUTE"):
            await desk.call()

    assert shop.asked == house.asked == []


async def test_policy_keeps_a_question_to_a_provider(models: Tools, tmp_path: Path) -> None:
    """The first would be asked, and may not be; who is asked instead is the contract's next."""
    async with two(models, tmp_path, PLAIN) as (desk, shop, house):
        desk.judge.obligations = [
            Route(type="route", critical=True, to=["house", "other"]),
            Route(type="route", critical=True, to=["house", "shop"]),
        ]
        await desk.call()
        tried = await _tried(desk)

    assert (len(shop.asked), len(house.asked), tried) == (0, 1, [("shop", "policy")])


@pytest.mark.parametrize(
    "routes", [[["other"]], [["shop"], ["house"]]], ids=["nobody's", "no two agree"]
)
async def test_a_route_that_leads_nowhere_calls_nobody(
    models: Tools, tmp_path: Path, routes: list[list[str]]
) -> None:
    """The step is denied before anything is recorded as intended."""
    async with two(models, tmp_path, PLAIN) as (desk, shop, house):
        desk.judge.obligations = [Route(type="route", critical=True, to=one) for one in routes]
        with pytest.raises(ApplicationError, match="host:obligation_unsupported"):
            await desk.call()
        action = (await desk.situation()).action

    assert (shop.asked, house.asked, action) == ([], [], None)
