"""What a model's call cost reaches the run's totals, by the real enforcement point and ledger."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.tools.registry import Tools
from examples.agents.stub_model import Says, StubModel
from remit.decision.decision import Reservation
from remit.tool.catalogue import Catalogue
from tests.activities.test_model_tool import GOOD, rating
from tests.enforcement.desk import a_desk
from tests.tool.test_model_checks import COST, OUTPUT

MORE = {"cost": COST, "output_schema": OUTPUT}
ARGS = {"message": "Down!"}


@pytest.fixture
async def models(tmp_path: Path) -> AsyncIterator[Tools]:
    """Adapters with a key."""
    made = Tools({}, tmp_path, {"KEY": "sk-very-secret"})
    made._by_kind["model"].load()
    yield made
    await made.aclose()


async def test_the_actual_cost_is_booked(models: Tools, tmp_path: Path) -> None:
    """The estimate was 900, the tokens came to 44: the run has spent 44."""
    async with StubModel([Says(GOOD, input_tokens=30, output_tokens=7)]) as stub:
        contract = rating(stub.url, more=MORE, bounds={"micros": 900, "output_tokens": 50})
        catalogue = Catalogue.of([contract])
        async with a_desk(tmp_path, catalogue, contract.ref, ARGS, "PT30S") as desk:
            desk.send = models.adapter(contract)
            await desk.call()
            situation = await desk.situation()

    assert situation.totals.spent_micros == 44


async def test_the_tokens_that_it_took_are_booked(models: Tools, tmp_path: Path) -> None:
    """It might have taken 50,000; 37 of them are gone from what is left."""
    counter = "agent/a/words/0/tokens"
    async with StubModel([Says(GOOD, input_tokens=30, output_tokens=7)]) as stub:
        contract = rating(stub.url, more=MORE, bounds={"tokens": 50_000})
        catalogue = Catalogue.of([contract])
        async with a_desk(tmp_path, catalogue, contract.ref, ARGS, "PT30S") as desk:
            desk.judge.reserve = [Reservation(counter=counter, amount=50_000, ceiling=50_000)]
            desk.send = models.adapter(contract)
            await desk.call()
            booked = await desk.point.ledger.counter(counter)

    assert booked == 37


async def test_an_unusable_answer_is_final_and_booked(models: Tools, tmp_path: Path) -> None:
    """A read that is natural to repeat is not repeated: it was paid, and would be paid again."""
    async with StubModel([Says({"urgent": 7}, input_tokens=10, output_tokens=5)]) as stub:
        contract = rating(
            stub.url, more=MORE, bounds={"micros": 900, "output_tokens": 50}, repairs=0
        )
        catalogue = Catalogue.of([contract])
        async with a_desk(tmp_path, catalogue, contract.ref, ARGS, "PT30S") as desk:
            desk.send = models.adapter(contract)
            with pytest.raises(ApplicationError) as failed:
                await desk.call()
            situation = await desk.situation()

    assert (failed.value.type, failed.value.non_retryable) == ("StepFailed", True)
    assert "TOOL-MODEL-ANSWER" in str(failed.value)
    assert situation.totals.spent_micros == 20
    assert len(stub.asked) == 1
