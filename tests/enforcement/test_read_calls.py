"""Calls whose data somebody reads beside the default detector: names, and a reader that is away."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from remit.canonical import JSONObject
from remit.data.findings import CLASSES, Match, Read
from remit.decision.decision import Obligation, Redact
from remit.enforcement.detecting import Detecting, Reader
from remit.tool.call import Happened
from remit.tool.catalogue import Catalogue
from tests.enforcement.desk import RUN, Desk, a_desk
from tests.enforcement.test_detected_calls import FINDS, SENDS
from tests.enforcement.test_inflow import Listening

NAME = "Ada Lovelace"
ARGUMENTS: JSONObject = {"to": "jo@acme.example", "text": f"{NAME}, ada@acme.example, is in"}
LOST: JSONObject = {"to": "x", "text": "y"}


class Knowing:
    """A reader who knows one name, and keeps what it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    async def read(self, texts: list[str]) -> Read:
        """Find the name."""
        self.given += texts
        return {text: tuple(_named(text)) for text in texts}


class Away:
    """A reader who cannot read."""

    async def read(self, texts: list[str]) -> Read:
        """Find nothing out."""
        return {}


def _named(text: str) -> list[Match]:
    at = text.find(NAME)
    return [] if at < 0 else [Match(at, at + len(NAME), "person", 85)]


def redact(of: str, *classes: str) -> Obligation:
    """Return what policy says."""
    return Redact.model_validate({"type": "redact", "critical": True, "classes": classes, "of": of})


@asynccontextmanager
async def desk_with(
    folder: Path, reader: Reader | None, args: JSONObject = ARGUMENTS
) -> AsyncIterator[tuple[Desk, Listening]]:
    """Open a desk on which a reader reads along."""
    catalogue, detecting = Catalogue.of([SENDS, FINDS]), Detecting(reader)
    async with a_desk(folder, catalogue, SENDS.ref, args, detecting=detecting) as desk:
        judge = Listening(desk.clock)
        desk.judge = desk.point.deciding.judge = judge
        desk.answers = [Happened({"echo": f"for {NAME}"})]
        yield desk, judge


async def outcome(desk: Desk) -> JSONObject:
    """Return the record of how the call ended."""
    (found,) = [one for one in await desk.point.ledger.records(RUN) if one["kind"] == "outcome"]
    assert isinstance(found["body"], dict)
    return found["body"]


async def test_policy_is_told_of_names_and_they_flow_on(tmp_path: Path) -> None:
    """Beside what the default finds; of arguments and answer."""
    async with desk_with(tmp_path, Knowing()) as (desk, judge):
        await desk.call()
        ended = await outcome(desk)

    action = judge.asked[0].action
    assert action is not None
    assert (action.detected.classes, action.detected.whole) == (["email", "person"], True)
    assert action.inflow == ["email", "person", "pii"]
    assert ended["detected"] == ["email", "person"]
    assert desk.calls[0].data_classes == {"pii"}


async def test_several_obligations_take_all_of_it_out_of_one_text(tmp_path: Path) -> None:
    """Names and addresses; what the tool gets was read again, as it stands then."""
    reader = Knowing()
    async with desk_with(tmp_path, reader) as (desk, judge):
        judge.obligations = [redact("arguments", "email"), redact("arguments", "person")]
        await desk.call()

    assert desk.calls[0].arguments == {"to": "[redacted]", "text": "[redacted], [redacted], is in"}
    assert desk.calls[0].data_classes == frozenset()
    assert "[redacted], [redacted], is in" in reader.given


async def test_an_answer_is_rid_of_names_before_it_is_anywhere(tmp_path: Path) -> None:
    """The ledger holds the rest."""
    async with desk_with(tmp_path, Knowing()) as (desk, judge):
        judge.obligations = [redact("output", "person")]
        result = await desk.call()
        action = (await desk.situation()).action
        assert action is not None
        output = json.loads(await desk.point.ledger.get(str(action.output)))

    assert output == result.shown == {"echo": "for [redacted]"}


async def test_without_its_reader_nothing_passes_for_looked_through(tmp_path: Path) -> None:
    """Policy is told, the tool too, and what flows on from the answer may be anything."""
    async with desk_with(tmp_path, Away()) as (desk, judge):
        await desk.call()
        ended = await outcome(desk)

    action = judge.asked[0].action
    assert action is not None
    assert (action.detected.classes, action.detected.whole) == (["email"], False)
    assert desk.calls[0].data_classes is None
    assert ended["detected"] == sorted(CLASSES)


@pytest.mark.parametrize("reader", [Away(), None], ids=["away", "none"])
async def test_names_that_nobody_can_find_are_not_sent(
    tmp_path: Path, reader: Reader | None
) -> None:
    """Whether the reader is away or there is none: what policy wants gone is not known to be."""
    async with desk_with(tmp_path, reader) as (desk, judge):
        judge.obligations = [redact("arguments", "person")]
        with pytest.raises(ApplicationError, match="host:obligation_unsupported"):
            await desk.call()

    assert desk.calls == []


@pytest.mark.parametrize("reader", [Away(), None], ids=["away", "none"])
async def test_an_answer_that_nobody_could_read_is_not_kept(
    tmp_path: Path, reader: Reader | None
) -> None:
    """Nothing of it, and the step fails."""
    async with desk_with(tmp_path, reader, LOST) as (desk, judge):
        judge.obligations = [redact("output", "person")]
        with pytest.raises(ApplicationError, match="OUTPUT-NOT-REDACTED"):
            await desk.call()
        action = (await desk.situation()).action
        assert action is not None
        stored = await desk.point.ledger.get(str(action.output))

    assert NAME.encode() not in stored
