"""What an approval is worth: who gave it, for what, until when, and who they are by now.

Votes go through the voting activity, calls through the enforcement point; OPA and the ledger are
real ones. What counts is what the tool was asked to do.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest
from temporalio.testing import ActivityEnvironment

from activities.voting import Voting
from remit.canonical import JSONObject
from remit.enforcement.opa import OpaClient
from remit.ledger.entries import VoteRow
from remit.plan.wire import Gate, Message, Votes
from tests.enforcement.limited import STEP, Desk, desk, policies
from tests.policies.served import Served, serve
from tests.stores.ledger_values import HandClock

pytestmark = pytest.mark.opa

ANN, BOB, EVE = "ann@lab.example", "bob@lab.example", "eve@lab.example"
ASKER, CLERK = "asker@lab.example", "clerk@lab.example"
OPERATOR: JSONObject = {"roles": ["operator"]}
PEOPLE: JSONObject = {
    ANN: OPERATOR,
    BOB: OPERATOR,
    EVE: {"roles": ["operator"], "tenants": ["another"]},
    ASKER: OPERATOR,
    "tester": OPERATOR,
    "tester@1.0.0": OPERATOR,
    CLERK: {"roles": ["clerk"]},
}
GATED: JSONObject = {**STEP, "approval": {"role": "operator", "quorum": 2, "expires": "PT1H"}}


@dataclass
class Room:
    """A call that two operators have to agree to."""

    desk: Desk
    clock: HandClock
    later: OpaClient
    """Asks the policies of later, in which Bob is no operator any more."""

    async def gate(self, root: str = "r") -> Gate:
        """Make the call of a run, which waits; return its gate."""
        result = await self.desk.call(root)
        assert result.status == "gate"
        assert result.gate is not None
        return result.gate

    async def vote(self, by: str, digest: str = "", root: str = "r") -> str:
        """Approve; return why the vote does not count."""
        digest = digest or (await self.gate(root)).proposed_digest
        payload: JSONObject = {"step": "put", "digest": digest, "by": by}
        message = Message(name="approve", payload=payload, event=f"{by}/{self.clock()}/{root}")
        votes = Votes(root=root, workflow_id=root, messages=[message])
        voting = Voting(self.desk.point, self.clock)
        told = await ActivityEnvironment().run(voting.vote, votes)
        return str(told.verdicts[0].code)

    async def agreed(self, *people: str) -> Gate:
        """Let these people approve, all of whose votes count; return the gate."""
        gate = await self.gate()
        for by in people or (ANN, BOB):
            assert await self.vote(by, gate.proposed_digest) == ""
        return gate


@pytest.fixture(scope="module")
def opas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    """Two real OPAs: with the policies of now, and with those of later."""
    folder = tmp_path_factory.mktemp("p")
    now = policies(folder / "now", people=PEOPLE, tester={})
    fewer: JSONObject = {**PEOPLE, BOB: {"roles": ["clerk"]}}
    later = policies(folder / "later", people=fewer, tester={})
    with serve(project=now) as first, serve(project=later) as second:
        yield first, second


@pytest.fixture
async def room(opas: tuple[Served, Served], made_url: str) -> AsyncIterator[Room]:
    """A room in which nobody has voted yet."""
    clock = HandClock()
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(desk(made_url, opas[0].socket, by=clock))
        later = await stack.enter_async_context(OpaClient(opas[1].socket, deadline_s=30))
        made.step = GATED
        yield Room(made, clock, later)


async def by_the_agent(room: Room) -> str:
    """The agent's own name stands in the registry, with the role."""
    return await room.vote("tester")


async def by_the_agents_version(room: Room) -> str:
    """So does its name with its version."""
    return await room.vote("tester@1.0.0")


async def by_whoever_it_acts_for(room: Room) -> str:
    """Who asked for it holds the role too."""
    return await room.vote(ASKER)


async def by_another_role(room: Room) -> str:
    """Known, and no operator."""
    return await room.vote(CLERK)


async def by_another_tenant(room: Room) -> str:
    """An operator, of somebody else."""
    return await room.vote(EVE)


async def by_a_stranger(room: Room) -> str:
    """Nobody knows him."""
    return await room.vote("mallory@lab.example")


async def by_one_person_twice(room: Room) -> str:
    """Two votes of one are no quorum of two."""
    await room.agreed(ANN)
    room.clock.advance(1)
    return await room.vote(ANN)


async def at_the_expiry(room: Room) -> str:
    """The vote comes in the first millisecond in which the gate does not stand any more."""
    gate = await room.agreed(ANN)
    room.clock.now_ms = gate.expires_ms
    return await room.vote(BOB, gate.proposed_digest)


async def for_another_digest(room: Room) -> str:
    """The vote names something else."""
    await room.agreed(ANN)
    return await room.vote(BOB, "sha256:" + "1" * 64)


async def used_when_it_has_expired(room: Room) -> str:
    """The votes came in time, and the call comes one millisecond late."""
    gate = await room.agreed()
    room.clock.now_ms = gate.expires_ms
    return ""


async def used_for_another_run(room: Room) -> str:
    """The same call of another run has a digest of its own."""
    gate = await room.agreed()
    assert (await room.gate("other")).proposed_digest != gate.proposed_digest
    return await room.vote(ANN, gate.proposed_digest, "other")


async def given_for_other_arguments(room: Room) -> str:
    """Granted by the right people, for what the call's arguments were before they changed."""
    ledger = room.desk.ledger
    await room.desk.admit("r")
    gate = (await room.desk.call("twin")).gate
    assert gate is not None
    (row,) = await ledger.gates("twin")
    key = replace(row.key, root="r")
    await ledger.open_gate(replace(row, root="r", key=key), [])
    votes = [VoteRow(row.id, by, by, "approve", True, "", "", {}) for by in (ANN, BOB)]
    await ledger.vote("r", votes)
    return ""


async def by_somebody_who_was_removed(room: Room) -> str:
    """Both votes counted; then Bob loses the role."""
    await room.agreed()
    room.desk.point.deciding.judge = room.later
    return ""


Case = Callable[[Room], Awaitable[str]]


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (by_the_agent, "vote.self_approval"),
        (by_the_agents_version, "vote.self_approval"),
        (by_whoever_it_acts_for, "vote.self_approval"),
        (by_another_role, "vote.role_missing"),
        (by_another_tenant, "vote.tenant"),
        (by_a_stranger, "vote.unknown_person"),
        (by_one_person_twice, "VOTE-REPEATED"),
        (at_the_expiry, "VOTE-LATE"),
        (for_another_digest, "VOTE-DIGEST"),
        (used_when_it_has_expired, ""),
        (used_for_another_run, "VOTE-DIGEST"),
        (given_for_other_arguments, ""),
        (by_somebody_who_was_removed, ""),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_an_approval_that_is_none_calls_nothing(room: Room, case: Case, code: str) -> None:
    """The vote is refused, or the call waits again; the tool hears of nothing."""
    told = await case(room)
    root = "other" if case is used_for_another_run else "r"
    ended = await room.desk.call(root)

    assert told == code
    assert ended.status == "gate"
    assert room.desk.effects == []


async def test_a_quorum_of_the_right_people_calls_once(room: Room) -> None:
    """In the last millisecond of the gate, and not again for the same approval."""
    gate = await room.agreed()
    room.clock.now_ms = gate.expires_ms - 1

    assert (await room.desk.call("r")).status == "happened"
    assert (await room.desk.call("r", attempt=2)).status == "happened"
    assert room.desk.effects == ["r:put:do"]
    (used,) = await room.desk.ledger.gates("r")
    assert (used.state, used.consumed_by) == ("granted", "r:put:do")
