"""Obligations on the bytes: what reaches the tool, what stands of its answer, what is told."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from temporalio.exceptions import ApplicationError

from activities.tools.registry import Tools
from remit.canonical import JSON, JSONObject
from remit.decision.decision import Keep, Limit, Log, Notify, Redact, UnknownObligation
from remit.ledger.entries import State
from remit.tool.catalogue import Catalogue
from tests.activities.origin import Origin, answer, http_contract
from tests.enforcement.desk import RUN, Desk, a_desk

ARGUMENTS: JSONObject = {"name": "Ann", "iban": "DE89-3704", "amount": 70}


@pytest.fixture
async def desk(origin: Origin, tools: Tools, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose tool is a real server behind the real adapter."""
    contract = http_contract(
        operation="read",
        input_schema={
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "iban": {"type": "string"},
                "amount": {"type": "integer"},
            },
        },
    )
    tool, args = contract.ref, ARGUMENTS
    async with a_desk(tmp_path, Catalogue.of([contract]), tool, args) as made:
        made.send = tools.adapter(contract)
        yield made


async def _records(desk: Desk, kind: str) -> list[JSONObject]:
    found: list[JSONObject] = []
    for record in await desk.point.ledger.records(RUN):
        body = record["body"]
        if record["kind"] == kind and isinstance(body, dict):
            found.append(body)
    return found


async def _stored(desk: Desk, digest: JSON) -> JSON:
    found: JSON = json.loads(await desk.point.ledger.get(str(digest)))
    return found


async def test_what_is_redacted_never_leaves(desk: Desk, origin: Origin) -> None:
    """The value is in no byte that the server got, nor in the arguments that are recorded."""
    desk.judge.obligations = [Redact(type="redact", critical=True, paths=["/iban"])]

    await desk.call()

    (asked,) = origin.asked
    assert json.loads(asked.body) == {**ARGUMENTS, "iban": "[redacted]"}
    (intent,) = await _records(desk, "intent")
    assert b"DE89-3704" not in await desk.point.ledger.get(str(intent["arguments"]))
    assert intent["proposed"] != intent["enforced"]


async def test_what_is_limited_arrives_lowered(desk: Desk, origin: Origin) -> None:
    """The server gets the bound, not what was asked for."""
    desk.judge.obligations = [Limit(type="limit", critical=True, path="/amount", max=50)]

    await desk.call()

    assert json.loads(origin.asked[0].body)["amount"] == 50


async def test_obligations_that_spoil_the_call_refuse_it(
    desk: Desk,
    origin: Origin,
) -> None:
    """Arguments that the tool does not take any more are not sent, and nothing is begun."""
    desk.judge.obligations = [Redact(type="redact", critical=True, paths=["/amount"])]

    with pytest.raises(ApplicationError, match="host:obligation_failed"):
        await desk.call()

    assert origin.asked == []
    assert (await desk.situation()).action is None


async def test_a_critical_one_that_nobody_knows_refuses_the_call(
    desk: Desk,
    origin: Origin,
) -> None:
    """What cannot be done here is not left out when it matters."""
    desk.judge.obligations = [UnknownObligation(type="dance", critical=True)]

    with pytest.raises(ApplicationError, match="host:obligation_unsupported"):
        await desk.call()

    assert origin.asked == []


async def test_one_that_does_not_matter_is_left_out_on_the_record(
    desk: Desk,
    origin: Origin,
) -> None:
    """The call is made, and the intent says what nobody did."""
    desk.judge.obligations = [UnknownObligation(type="dance", critical=False)]

    await desk.call()

    (intent,) = await _records(desk, "intent")
    assert isinstance(intent["decision"], dict)
    assert (len(origin.asked), intent["decision"]["left_out"]) == (1, ["dance"])


async def test_of_the_answer_only_what_is_kept_is_recorded(
    desk: Desk,
    origin: Origin,
) -> None:
    """What the agent may not read stands in no content of the ledger."""
    origin.reply = answer(200, b'{"id":"1","salary":91234}')
    desk.judge.obligations = [Keep(type="keep", critical=True, paths=["/id"])]

    await desk.call()

    action = (await desk.situation()).action
    assert action is not None
    assert action.state is State.HAPPENED
    assert await _stored(desk, action.output) == {"id": "1"}


async def test_who_is_to_be_told_stands_beside_the_intent(desk: Desk) -> None:
    """A notice is recorded with the intent, before the call is sent."""
    desk.judge.obligations = [
        Notify(type="notify", critical=True, role="owner", message="it buys paper")
    ]

    await desk.call()

    kinds = [record["kind"] for record in await desk.point.ledger.records(RUN)]
    (notice,) = await _records(desk, "notice")
    assert (notice["role"], notice["message"]) == ("owner", "it buys paper")
    assert kinds.index("intent") + 1 == kinds.index("notice") < kinds.index("outcome")


async def test_values_that_policy_names_are_logged(desk: Desk) -> None:
    """One line, with these values and no others."""
    desk.judge.obligations = [Log(type="log", critical=True, paths=["/amount"])]

    with structlog.testing.capture_logs() as lines:
        await desk.call()

    (line,) = [each for each in lines if each["event"] == "obliged"]
    assert line["values"] == {"/amount": 70}
    assert "DE89-3704" not in json.dumps(lines)
