"""What a read-back makes of a call: the pipeline by hand, on a real ledger."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from temporalio.exceptions import ApplicationError

from remit.canonical import JSON, JSONObject
from remit.decision.decision import Redact
from remit.ledger.entries import State
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.plan.scheduling import schedule_of
from remit.plan.wire import Failure
from remit.stores.project import load_project
from remit.tool.call import Happened, Refused, ToolAnswer, ToolCall, Unknown, withheld
from remit.tool.catalogue import Catalogue
from tests.enforcement.desk import RUN, Desk, a_desk
from tests.plan.compiling import TEXT, plan, record, tool
from tests.running import ROOT

ARGS: JSONObject = {"name": "a", "size": 2}
SIZE: JSONObject = {"type": "integer"}
GONE = Refused("TOOL-REFUSED", "404 of the tool")
LOST = Unknown("TOOL-CONNECTION", "lost")
BARRED = withheld("TOOL-SECRET", "SECRET-MISSING")
AWAY = Refused("TOOL-UNREACHABLE", "nothing was sent", again=True)
STRANGER = Refused("TOOL-REFUSED", "answered 401", is_unheard=True)
OVER = Refused("TOOL-REFUSED", "answered 401", again=True, is_unheard=True)
THING: JSONObject = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {"name": TEXT, "size": SIZE},
}


def catalogue(*, classes: list[JSON] | None = None, **read_back: JSON) -> Catalogue:
    """Return a catalogue with a write, what takes it back, and what shows it."""
    shown: JSONObject = {"tool": "us.show@1", "args": {"name": "${output.name}"}, **read_back}
    takes: JSONObject = {"tool": "us.take@1", "args": {"name": "${args.name}"}}
    return Catalogue.of(
        [
            tool("us.put", "write", THING, record(name=TEXT), compensation=takes,
                 idempotency="key", read_back=shown, data_classes=classes or []),
            tool("us.take", "write", record(name=TEXT), record(name=TEXT), irreversible=True),
            tool("us.show", "read", record(name=TEXT), THING),
        ]
    )  # fmt: skip


class World:
    """A tool that always says that it did as asked, and a read that shows what there is."""

    def __init__(self, *shows: JSON | ToolAnswer) -> None:
        """Show these things in turn, the last one for ever."""
        self.shows = list(shows)
        self.sent: JSONObject = {}
        self.reads = 0

    async def answer(self, call: ToolCall) -> ToolAnswer:
        """Answer a call or a read."""
        if call.purpose == "call":
            self.sent = call.arguments
            return Happened({"name": call.arguments["name"]})
        self.reads += 1
        shown = self.shows.pop(0) if len(self.shows) > 1 else self.shows[0]
        told = isinstance(shown, Happened | Refused | Unknown)
        return shown if told else Happened(shown)  # type: ignore[arg-type,return-value]


@pytest.fixture
async def desk(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """A desk whose call is read back as the parameter says."""
    async with a_desk(tmp_path, catalogue(**request.param), "us.put@1", dict(ARGS)) as made:
        yield made


async def failure(desk: Desk, world: World) -> Failure:
    """Make the call, which fails; return why."""
    desk.send = world.answer
    with pytest.raises(ApplicationError) as raised:
        await desk.call()
    (details,) = raised.value.details
    return Failure.model_validate(details)


def counted(outcome: str) -> float:
    """Return how many read-backs of the write had this outcome."""
    labels = {"tool": "us.put@1", "outcome": outcome}
    return REGISTRY.get_sample_value("remit_read_backs_total", labels) or 0


ALL: dict[str, JSON] = {"expect": {"name": "${args.name}", "size": "${args.size}"}}


@pytest.mark.parametrize("desk", [ALL, {"expect": "${args}"}], indirect=True)
async def test_what_is_there_as_it_was_sent(desk: Desk) -> None:
    """It is a success, and counted as one that agrees."""
    before = counted("agrees")
    desk.send = World({"name": "a", "size": 2}).answer

    assert (await desk.call()).status == "happened"
    assert counted("agrees") == before + 1


@pytest.mark.parametrize("desk", [ALL], indirect=True)
async def test_another_value_is_a_failure_with_effect(desk: Desk) -> None:
    """It has place, both values and an undo; the ledger keeps it, and nothing is read twice."""
    before, world = counted("differs"), World({"name": "a", "size": 3})

    told = await failure(desk, world)

    assert (told.code, told.effect) == ("READ-BACK-DIFFERS", "happened")
    assert "us.show@1 reads otherwise: at /size 2 was expected, and 3 is there" in told.message
    action = (await desk.situation()).action
    assert action is not None
    assert (action.state, action.faulty) == (State.HAPPENED, True)
    assert action.undo is not None
    assert (world.reads, counted("differs")) == (1, before + 1)


@pytest.mark.parametrize("desk", [{**ALL, "classes": ["personal"]}], indirect=True)
async def test_values_of_people_are_not_told(desk: Desk) -> None:
    """The message, and with it the ledger, has the field and the class alone."""
    told = await failure(desk, World({"name": "somebody-else", "size": 2}))

    assert "at /name [personal] was expected, and [personal] is there" in told.message
    outcome = str(await desk.point.ledger.records(RUN))
    assert "READ-BACK-DIFFERS" in outcome
    assert "somebody-else" not in outcome


@pytest.mark.parametrize("desk", [ALL], indirect=True)
@pytest.mark.parametrize(
    ("shown", "code", "words"),
    [
        ({"name": "a"}, "READ-BACK-DIFFERS", "at /size 2 was expected, and nothing is there"),
        (GONE, "READ-BACK-DIFFERS", "finds nothing: TOOL-REFUSED"),
        (LOST, "READ-BACK-FAILED", "could not be read: TOOL-CONNECTION"),
        ({"size": 2}, "READ-BACK-FAILED", "answered outside its contract"),
        (BARRED, "READ-BACK-FAILED", "could not be read: TOOL-SECRET"),
        (AWAY, "READ-BACK-FAILED", "could not be read: TOOL-UNREACHABLE"),
        (STRANGER, "READ-BACK-FAILED", "could not be read: TOOL-REFUSED"),
    ],
)
async def test_what_a_read_may_come_to(
    desk: Desk, shown: JSON | ToolAnswer, code: str, words: str
) -> None:
    """What is not there differs; what could not be read is told apart from it."""
    told = await failure(desk, World(shown))

    assert told.code == code
    assert words in told.message


@pytest.mark.parametrize("desk", [ALL], indirect=True)
@pytest.mark.parametrize("passing", ["AWAY", "OVER"])
async def test_a_read_that_may_be_tried_again_is_made_twice_without_a_window(
    desk: Desk, passing: str
) -> None:
    """A good write is not undone because the token of its read-back had just been taken back."""
    world = World({"AWAY": AWAY, "OVER": OVER}[passing], {"name": "a", "size": 2})
    desk.send = world.answer

    assert (await desk.call()).status == "happened"
    assert world.reads == 2


@pytest.mark.parametrize("desk", [ALL], indirect=True)
async def test_a_read_that_stays_away_is_made_twice_at_most(desk: Desk) -> None:
    """Nobody waits for it beyond the window, which is none here."""
    world = World(AWAY)

    assert (await failure(desk, world)).code == "READ-BACK-FAILED"
    assert world.reads == 2


@pytest.mark.parametrize("desk", [{**ALL, "within_s": 30}], indirect=True)
async def test_it_is_read_again_while_it_may_yet_be_seen(desk: Desk) -> None:
    """Gone, then lost, then old, then there: a success that came late, each read recorded."""
    before = counted("late")
    world = World(GONE, LOST, {"name": "a", "size": 1}, {"name": "a", "size": 2})
    desk.send = world.answer

    assert (await desk.call()).status == "happened"
    assert (world.reads, counted("late")) == (4, before + 1)
    records = await desk.point.ledger.records(RUN)
    assert [one["body"]["purpose"] for one in records if _is_read(one)] == ["read_back"] * 4


def _is_read(record: Any) -> bool:
    return bool(record["kind"] == "decision" and record["body"].get("purpose") == "read_back")


@pytest.mark.parametrize("desk", [{**ALL, "within_s": 0.25}], indirect=True)
async def test_behind_the_window_it_differs(desk: Desk) -> None:
    """What never comes is a failure with effect, after a few reads."""
    world = World({"name": "a", "size": 1})

    assert (await failure(desk, world)).code == "READ-BACK-DIFFERS"
    assert 3 <= world.reads <= 4


@pytest.mark.parametrize("desk", [{"expect": {"name": "${args.name}"}}], indirect=True)
async def test_what_was_sent_is_compared(desk: Desk) -> None:
    """An obligation may change the arguments; the world must be as they were sent."""
    desk.judge.obligations = [Redact(type="redact", critical=True, paths=["/name"])]
    world = World({"name": "a"})

    told = await failure(desk, world)

    assert world.sent["name"] != "a"
    assert f'"{world.sent["name"]}" was expected, and "a" is there' in told.message


@pytest.mark.parametrize("desk", [{}], indirect=True)
async def test_a_read_back_that_expects_nothing(desk: Desk) -> None:
    """That it can be read is enough, and counted as no more than that."""
    before = counted("found")
    desk.send = World({"name": "other"}).answer

    assert (await desk.call()).status == "happened"
    assert counted("found") == before + 1


async def test_an_argument_that_was_not_given_is_not_expected(tmp_path: Path) -> None:
    """Optional arguments stay optional."""
    async with a_desk(tmp_path, catalogue(**ALL), "us.put@1", {"name": "a"}) as desk:
        desk.send = World({"name": "a", "size": 7}).answer

        assert (await desk.call()).status == "happened"


def test_the_window_is_within_the_activity() -> None:
    """Temporal waits for the call and for its window."""
    step: JSONObject = {"id": "put", "tool": "us.put@1", "args": ARGS, "timeout": "PT5S"}
    made = compile_plan(plan(step), catalogue(**ALL, within_s=45), Library({}))
    assert made.compiled is not None, made.diagnostics

    (scheduled,) = schedule_of(made.compiled, made.contracts).steps
    assert (made.compiled.steps[0].timeout_s, scheduled.timeout_s) == (5, 50)


@pytest.mark.parametrize("desk", [{**ALL, "within_s": 45}], indirect=True)
async def test_nobody_takes_over_within_the_window(desk: Desk) -> None:
    """Who reads back holds the step key until the outcome can be recorded."""
    world, leases = World({"name": "a", "size": 2}), list[int]()

    async def answer(call: ToolCall) -> ToolAnswer:
        action = (await desk.situation()).action
        assert action is not None
        leases.append(action.lease_until_ms - desk.clock.now_ms)
        return await world.answer(call)

    desk.send = answer
    await desk.call()

    assert leases == [(1 + 45 + 1) * 1000] * 2


def test_every_read_back_of_the_example_compares() -> None:
    """A read-back that only succeeds says little: none of the back office's is one."""
    known = load_project(ROOT / "examples" / "backoffice").catalogue
    reads = [one for one in known if one.read_back is not None]

    assert len(reads) >= 12
    assert [one.ref for one in reads if one.read_back and one.read_back.expect is None] == []
