"""Which endpoint a question reaches under real policies: by what they redact, and by the risk."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from activities.tools.registry import Tools
from examples.agents.stub_model import Says, StubModel
from remit.canonical import JSON, JSONObject
from remit.enforcement.opa import OpaClient
from remit.tool.catalogue import Catalogue
from tests.activities.test_model_routes import routed
from tests.activities.test_model_tool import GOOD
from tests.enforcement.desk import Desk, a_desk
from tests.enforcement.limited import policies
from tests.enforcement.test_model_cost import models
from tests.policies.served import Served, serve

__all__ = ["models"]
pytestmark = pytest.mark.opa

FOUND: JSONObject = {"name": "to-shop", "calls": {"domain": "lab"}, "classes": ["email"]}
MESSAGE: JSONObject = {"message": "Tell jo@acme.example"}
PHONE: JSONObject = {"message": "Call +41 44 668 18 00"}


def rules(folder: Path, **thresholds: JSON) -> Path:
    """Write the lab's rules with thresholds of a project."""
    return policies(folder, thresholds=thresholds, hosts=["127.0.0.1"], tester={})


@pytest.fixture(scope="module")
def opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Policies that have addresses taken out of questions."""
    packs: JSONObject = {"detected": [{**FOUND, "do": "redact"}]}
    with serve(project=rules(tmp_path_factory.mktemp("p") / "lab", packs=packs)) as served:
        yield served


@asynccontextmanager
async def two(
    models: Tools, opa: Served, folder: Path, args: JSONObject
) -> AsyncIterator[tuple[Desk, StubModel, StubModel]]:
    """Open a desk under real policies, for a question to a shop's endpoint and one of ours."""
    async with StubModel([Says(GOOD)]) as shop, StubModel([Says(GOOD)]) as house:
        contract = routed(
            {"url": shop.url, "sees": [], "tier": "fast", "up_to_risk": "low"},
            {"url": house.url, "tier": "deliberate"},
            more={"name": "lab.rate", "domain": "lab"},
        )
        catalogue = Catalogue.of([contract])
        async with (
            OpaClient(opa.socket, deadline_s=30) as client,
            a_desk(folder, catalogue, contract.ref, args, "PT30S") as desk,
        ):
            desk.point.deciding.judge = client
            desk.send = models.adapter(contract)
            yield desk, shop, house


async def test_what_policy_redacts_may_go_to_who_may_see_nothing(
    models: Tools, opa: Served, tmp_path: Path
) -> None:
    """The address is gone before the endpoint is chosen."""
    async with two(models, opa, tmp_path, MESSAGE) as (desk, shop, house):
        await desk.call()

    assert (len(shop.asked), house.asked) == (1, [])
    assert "jo@acme.example" not in str(shop.asked)


async def test_what_policy_leaves_keeps_it_from_who_may_not_see_it(
    models: Tools, opa: Served, tmp_path: Path
) -> None:
    """A number that no rule speaks of."""
    async with two(models, opa, tmp_path, PHONE) as (desk, shop, house):
        await desk.call()

    assert (shop.asked, len(house.asked)) == ([], 1)


async def test_what_policy_takes_for_risky_goes_to_the_deliberate_one(
    models: Tools, tmp_path: Path
) -> None:
    """Here a read is a high risk; without such a threshold it is a low one, as above."""
    made = rules(tmp_path / "lab", risk={"read": "high"})
    with serve(project=made) as opa:
        async with two(models, opa, tmp_path, {"message": "Down!"}) as (desk, shop, house):
            await desk.call()

    assert (shop.asked, len(house.asked)) == ([], 1)
