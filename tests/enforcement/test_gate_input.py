"""Bad input at a gate: each has an answer and a record, and calls nothing that was not agreed to.

The gate needs two operators. After whatever was said wrongly, they agree as they should and the
call is made once: nothing that came before has opened, closed or worn out the gate.
"""

import asyncio
from collections.abc import Callable

import pytest

from remit.canonical import JSON, JSONObject
from remit.enforcement import faultpoints
from remit.enforcement.doing import MAX_ARGUMENT_BYTES
from remit.enforcement.faultpoints import Point
from remit.ledger.entries import VoteRow
from remit.plan.wire import Gate
from tests.enforcement.room import ANN, ASKER, BOB, CLERK, DAN, Room, opas, room

__all__ = ["opas", "room"]

pytestmark = pytest.mark.opa

Said = Callable[[JSONObject], tuple[str, JSON]]
"""What somebody says who was given a sound approval of Ann's to spoil."""
EVIL = '<img src=x onerror="alert(1)">'


async def refused(room: Room, gate: Gate) -> list[VoteRow]:
    """Return what the ledger keeps of refused messages, of the gate or of none."""
    ledger = room.desk.ledger
    kept = [*await ledger.votes(gate.id, "r"), *await ledger.votes("", "r")]
    return [vote for vote in kept if not vote.counted]


async def agree(room: Room, gate: Gate, *people: str) -> None:
    """Let people approve, and make the call, twice."""
    for by in people or (ANN, BOB):
        assert await room.vote(by, gate.proposed_digest) == ""
    assert (await room.desk.call("r")).status == "happened"
    assert (await room.desk.call("r", attempt=2)).status == "happened"
    assert room.desk.effects == ["r:put:do"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        pytest.param(lambda _: ("approve", None), "VOTE-MALFORMED", id="nothing"),
        pytest.param(lambda _: ("approve", "yes"), "VOTE-MALFORMED", id="a text"),
        pytest.param(lambda _: ("approve", True), "VOTE-MALFORMED", id="a truth"),
        pytest.param(lambda v: ("approve", [v]), "VOTE-MALFORMED", id="a list"),
        pytest.param(lambda v: ("approve", {**v, "step": 1}), "VOTE-MALFORMED", id="step 1"),
        pytest.param(lambda v: ("approve", {**v, "by": [ANN]}), "VOTE-MALFORMED", id="by a list"),
        pytest.param(lambda v: ("approve", {**v, "digest": {}}), "VOTE-NO-DIGEST", id="digest {}"),
        pytest.param(lambda v: ("approve", _but(v, "by")), "VOTE-MALFORMED", id="by nobody"),
        pytest.param(lambda v: ("approve", _but(v, "step")), "VOTE-MALFORMED", id="no step"),
        pytest.param(lambda v: ("approve", _but(v, "digest")), "VOTE-NO-DIGEST", id="no digest"),
        pytest.param(lambda v: ("approve", {**v, "step": "x"}), "VOTE-NO-GATE", id="other step"),
        pytest.param(
            lambda v: ("approve", {**_but(v, "step"), "steps": [*map(str, range(200))]}),
            "VOTE-MALFORMED",
            id="200 steps",
        ),
        pytest.param(
            lambda v: ("approve", {**v, "by": ANN + "x" * (1 << 20)}),
            "vote.unknown_person",
            id="1 MB of name",
        ),
        pytest.param(lambda v: ("approve", {**v, "by": EVIL}), "vote.unknown_person", id="HTML"),
        pytest.param(
            lambda v: ("approve", {**v, "by": f" {ANN}"}), "vote.unknown_person", id="nearly Ann"
        ),
        pytest.param(
            lambda v: ("approve", {**v, "by": ANN.title()}), "vote.unknown_person", id="ANN"
        ),
        pytest.param(lambda v: ("edit", v), "VOTE-MALFORMED", id="edit without arguments"),
        pytest.param(
            lambda v: ("edit", {**v, "args": {"nome": "x"}}), "VOTE-EDIT-INVALID", id="edit: schema"
        ),
        pytest.param(
            lambda v: ("edit", {**v, "args": {"name": "x" * MAX_ARGUMENT_BYTES}}),
            "VOTE-EDIT-INVALID",
            id="edit: large",
        ),
        pytest.param(
            lambda v: ("edit", {**v, "args": {"name": "y"}, "by": CLERK}),
            "vote.role_missing",
            id="edit: role",
        ),
        pytest.param(
            lambda v: ("take_over", {**v, "output": {"status": "down", "name": "x"}}),
            "VOTE-QUORUM",
            id="take_over alone",
        ),
        pytest.param(lambda v: ("take_over", v), "VOTE-MALFORMED", id="take_over: no output"),
        pytest.param(lambda v: ("delegate", v), "VOTE-MALFORMED", id="delegate to nobody"),
        pytest.param(
            lambda v: ("delegate", {**v, "to": ASKER}), "vote.delegate", id="delegate to the asker"
        ),
        pytest.param(lambda v: ("release", v), "VOTE-NOT-HELD", id="release of nothing"),
        pytest.param(
            lambda v: ("reject", {**v, "by": CLERK}), "vote.role_missing", id="reject: role"
        ),
        pytest.param(
            lambda v: ("reject", {**v, "by": ASKER}), "vote.self_approval", id="reject: asker"
        ),
    ],
)
async def test_what_is_said_wrongly_is_refused_recorded_and_changes_nothing(
    room: Room, said: Said, code: str
) -> None:
    """The answer has its code; the ledger keeps it; the gate is as it was."""
    gate = await room.gate()
    name, payload = said({"step": "put", "digest": gate.proposed_digest, "by": ANN})

    (told,) = await room.hear((name, payload))

    assert (told.counted, told.code, told.closed) == (False, code, "")
    assert (await room.desk.call("r")).status == "gate"
    assert room.desk.effects == []
    (kept,) = await refused(room, gate)
    assert (kept.verdict, kept.code) == (name, code)
    assert len(kept.by) <= 500
    await agree(room, gate)


def _but(vote: JSONObject, field: str) -> JSONObject:
    return {name: value for name, value in vote.items() if name != field}


async def test_a_vote_before_its_gate_stands_does_not_count_later(room: Room) -> None:
    """Early: the step is known, nobody was asked; the same words count once they are."""
    await room.desk.admit("r")
    early: JSONObject = {"step": "put", "digest": "sha256:" + "0" * 64, "by": ANN}

    (told,) = await room.hear(("approve", early))

    assert told.code == "VOTE-NO-GATE"
    gate = await room.gate()
    assert [vote.code for vote in await refused(room, gate)] == ["VOTE-NO-GATE"]
    await agree(room, gate)


async def test_the_same_message_counts_once(room: Room) -> None:
    """Temporal may deliver an activity twice: one vote, with the answer that it had."""
    gate = await room.gate()
    vote: JSONObject = {"step": "put", "digest": gate.proposed_digest, "by": ANN}

    answers = [(await room.hear(("approve", vote), event="signal:r:1"))[0] for _ in range(3)]

    assert [answer.counted for answer in answers] == [True] * 3
    assert len(await room.desk.ledger.votes(gate.id, "r")) == 1
    await agree(room, gate, BOB)


@pytest.mark.parametrize("apart", [False, True], ids=["in one batch", "by two workers"])
async def test_yes_and_no_at_once(room: Room, apart: bool) -> None:
    """Exactly one of the last yes and the no ends the gate; the other is told that it came late."""
    gate = await room.gate()
    assert await room.vote(ANN, gate.proposed_digest) == ""
    vote: JSONObject = {"step": "put", "digest": gate.proposed_digest, "by": BOB}
    said = [("approve", vote), ("reject", {**vote, "by": DAN})]

    if apart:
        first, second = await asyncio.gather(*(room.hear(one) for one in said))
        told = [*first, *second]
    else:
        told = await room.hear(*said)

    (ended,) = [one for one in told if one.counted]
    (late,) = [one for one in told if not one.counted]
    assert late.code == "VOTE-LATE"
    result = await room.desk.ending("r")
    (row,) = await room.desk.ledger.gates("r")
    if ended.closed == "granted":
        assert (result, room.desk.effects, row.state) == ("happened", ["r:put:do"], "granted")
    else:
        assert (ended.closed, row.state, room.desk.effects) == ("rejected", "rejected", [])


@pytest.mark.parametrize("point", [Point.DECIDED, Point.INTENT, Point.SENDING])
async def test_a_worker_lost_between_approval_and_call_calls_once(
    room: Room, monkeypatch: pytest.MonkeyPatch, point: Point
) -> None:
    """The next attempt goes on with the same grant; a third finds the call made."""
    gate = await room.agreed()
    lost: list[str] = []

    def die(where: str, key: str) -> None:
        if where == point and not lost:
            lost.append(key)
            raise _LostError

    monkeypatch.setattr(faultpoints, "_fire", die)
    with pytest.raises(_LostError):
        await room.desk.call("r")
    assert room.desk.effects == []
    room.clock.now_ms += 60_000

    for attempt in (2, 3):
        assert (await room.desk.call("r", attempt=attempt)).status == "happened"

    assert room.desk.effects == ["r:put:do"]
    (row,) = await room.desk.ledger.gates("r")
    assert (row.id, row.consumed_by) == (gate.id, "r:put:do")


class _LostError(BaseException):
    """The worker is gone."""


async def test_a_call_whose_approval_was_refused_later_asks_nobody_else(room: Room) -> None:
    """One no is an answer: the call that is tried again gets it, and no second gate opens."""
    gate = await room.gate()
    no: JSONObject = {"step": "put", "by": ANN, "comment": EVIL}
    (told,) = await room.hear(("reject", no))
    assert (told.closed, told.reason) == ("rejected", EVIL)

    again = await room.desk.call("r")

    assert again.gate is not None
    assert (again.gate.id, again.gate.state) == (gate.id, "rejected")
    assert await room.vote(BOB, gate.proposed_digest) == "VOTE-LATE"
    assert room.desk.effects == []


async def test_arguments_are_shown_as_they_are_and_bounded(room: Room) -> None:
    """HTML in an argument is text in the card; who renders it escapes it."""
    room.desk.step = {**room.desk.step, "args": {"name": EVIL + "x" * 1000}}

    gate = await room.gate()

    assert gate.arguments == {"name": (EVIL + "x" * 1000)[:120] + "…"}
