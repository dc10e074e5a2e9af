"""What is found in arguments and answers: told to policy, taken out where it says so, recorded."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from remit.canonical import JSON, JSONObject
from remit.decision.decision import Obligation, Redact
from remit.ledger.entries import State
from remit.tool.call import Happened, Unknown
from remit.tool.catalogue import Catalogue
from tests.enforcement.desk import RUN, Desk, a_desk
from tests.enforcement.test_inflow import Listening
from tests.plan.compiling import TEXT, record, tool

CARD = "4111 1111 1111 1111"
ARGUMENTS: JSONObject = {"to": "jo@acme.example", "text": f"pay with {CARD} today"}
SENDS = tool(
    "mail.send",
    "write",
    record(to=TEXT, text=TEXT),
    record(id={"type": "integer"}, echo=TEXT, optional=("id", "echo")),
    irreversible=True,
    idempotency="probe",
    probe={"tool": "mail.find@1", "args": {"to": "${args.to}"}},
)
FINDS = tool("mail.find", "read", record(to=TEXT), record(echo=TEXT))


@asynccontextmanager
async def _desk(folder: Path, args: JSONObject) -> AsyncIterator[tuple[Desk, Listening]]:
    async with a_desk(folder, Catalogue.of([SENDS, FINDS]), SENDS.ref, args) as desk:
        judge = Listening(desk.clock)
        desk.judge = judge
        desk.point.deciding.judge = judge
        yield desk, judge


async def _bodies(desk: Desk, kind: str) -> list[JSONObject]:
    found = await desk.point.ledger.records(RUN)
    return [one["body"] for one in found if one["kind"] == kind and isinstance(one["body"], dict)]


async def _output(desk: Desk) -> JSON:
    action = (await desk.situation()).action
    assert action is not None
    found: JSON = json.loads(await desk.point.ledger.get(str(action.output)))
    return found


def _redact(of: str, *classes: str, paths: tuple[str, ...] = ()) -> Obligation:
    return Redact.model_validate(
        {"type": "redact", "critical": True, "classes": classes, "of": of, "paths": paths}
    )


async def test_policy_is_told_what_the_arguments_hold(tmp_path: Path) -> None:
    """By place and class; what was found flows into the call."""
    async with _desk(tmp_path, ARGUMENTS) as (desk, judge):
        desk.answers = [Happened({})]
        await desk.call()

    action = judge.asked[0].action
    assert action is not None
    assert [(one.at, one.data_class) for one in action.detected.places] == [
        ("/text", "payment_card"),
        ("/to", "email"),
    ]
    assert (action.detected.classes, action.detected.whole) == (["email", "payment_card"], True)
    assert action.inflow == ["email", "payment_card", "pii"]


async def test_what_is_to_be_redacted_never_reaches_the_tool(tmp_path: Path) -> None:
    """The rest of the text does; the intent tells where something was taken out."""
    async with _desk(tmp_path, ARGUMENTS) as (desk, judge):
        judge.obligations = [_redact("arguments", "payment_card", "iban")]
        desk.answers = [Happened({})]
        await desk.call()
        (intent,) = await _bodies(desk, "intent")
        stored = await desk.point.ledger.get(str(intent["arguments"]))

    (sent,) = desk.calls
    assert sent.arguments == {"to": "jo@acme.example", "text": "pay with [redacted] today"}
    assert CARD.encode() not in stored
    assert isinstance(intent["decision"], dict)
    assert intent["decision"]["redacted"] == ["/text"]
    assert intent["proposed"] != intent["enforced"]


async def test_where_nothing_of_it_is_the_call_is_as_proposed(tmp_path: Path) -> None:
    """An obligation about classes that are not there is fulfilled."""
    async with _desk(tmp_path, ARGUMENTS) as (desk, judge):
        judge.obligations = [_redact("arguments", "iban"), _redact("output", "iban")]
        desk.answers = [Happened({"echo": "x"})]
        await desk.call()
        (intent,) = await _bodies(desk, "intent")
        (outcome,) = await _bodies(desk, "outcome")

    assert intent["proposed"] == intent["enforced"]
    assert "redacted" not in {*outcome, *dict(intent["decision"] or {})}  # type: ignore[call-overload]


async def test_what_cannot_be_taken_out_denies(tmp_path: Path) -> None:
    """Nothing is called with arguments that hold more than can be looked through."""
    async with _desk(tmp_path, {"to": "x", "text": "a@b " * 120_000}) as (desk, judge):
        judge.obligations = [_redact("arguments", "email")]
        with pytest.raises(ApplicationError, match="host:obligation_unsupported"):
            await desk.call()

    assert desk.calls == []


async def test_an_answer_is_redacted_before_it_is_anywhere(tmp_path: Path) -> None:
    """Ledger and result hold the rest; the outcome tells where, and which classes are left."""
    async with _desk(tmp_path, ARGUMENTS) as (desk, judge):
        judge.obligations = [_redact("output", "iban")]
        desk.answers = [Happened({"id": 1, "echo": "DE89 3704 0044 0532 0130 00, a@b.example"})]
        result = await desk.call()
        (outcome,) = await _bodies(desk, "outcome")
        output = await _output(desk)

    assert output == {"id": 1, "echo": "[redacted], a@b.example"}
    assert result.shown == output
    assert outcome["redacted"] == ["/echo"]
    assert outcome["detected"] == ["email", "payment_card"]


async def test_places_of_an_answer_go_with_what_is_below_them(tmp_path: Path) -> None:
    """What the answer does not have needs no redacting."""
    async with _desk(tmp_path, ARGUMENTS) as (desk, judge):
        judge.obligations = [_redact("output", paths=("/echo", "/none/*"))]
        desk.answers = [Happened({"echo": "anything"})]
        await desk.call()
        output = await _output(desk)

    assert output == {"echo": "[redacted]"}


async def test_an_answer_that_is_none_without_it_stands_in_no_part(tmp_path: Path) -> None:
    """It is too late to deny: it took effect, its answer is withheld, and the step fails."""
    async with _desk(tmp_path, ARGUMENTS) as (desk, judge):
        judge.obligations = [_redact("output", "payment_card")]
        desk.answers = [Happened({"id": 4111111111111111})]
        with pytest.raises(ApplicationError, match="OUTPUT-NOT-REDACTED"):
            await desk.call()
        action = (await desk.situation()).action
        output = await _output(desk)

    assert action is not None
    assert (action.state, action.faulty, output) == (State.HAPPENED, True, None)


async def test_what_a_probe_tells_is_redacted_too(tmp_path: Path) -> None:
    """The lost answer was to be redacted; what stands in for it is bound by the same."""
    async with _desk(tmp_path, ARGUMENTS) as (desk, judge):
        judge.obligations = [_redact("output", "email")]
        desk.answers = [Unknown("TOOL-CONNECTION", "lost"), Happened({"echo": "to a@b.example"})]
        with pytest.raises(ApplicationError):
            await desk.call(1)
        desk.clock.now_ms += 60_000
        await desk.call(2)
        output = await _output(desk)

    assert [one.purpose for one in desk.calls] == ["call", "probe"]
    assert output == {"echo": "to [redacted]"}
