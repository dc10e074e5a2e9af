"""A call that two operators have to agree to, and the people who may say something about it.

Votes go through the voting activity, calls through the enforcement point; OPA and the ledger are
real ones. What counts is what the tool was asked to do.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from temporalio.testing import ActivityEnvironment

from activities.voting import Voting
from remit.canonical import JSON, JSONObject
from remit.enforcement.opa import OpaClient
from remit.plan.deskwire import GateVerdict, Message, Votes
from remit.plan.wire import Gate
from tests.enforcement.limited import STEP, Desk, desk, policies
from tests.policies.served import Served, serve
from tests.stores.ledger_values import HandClock

ANN, BOB, EVE = "ann@lab.example", "bob@lab.example", "eve@lab.example"
ASKER, CLERK = "asker@lab.example", "clerk@lab.example"
DAN = "dan@lab.example"
"""An operator, whom no other policy removes."""
OPERATOR: JSONObject = {"roles": ["operator"]}
PEOPLE: JSONObject = {
    ANN: OPERATOR,
    BOB: OPERATOR,
    DAN: OPERATOR,
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
    heard: int = 0

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
        (told,) = await self.hear(("approve", payload), root=root)
        return str(told.code)

    async def hear(
        self, *said: tuple[str, JSON], root: str = "r", event: str = ""
    ) -> list[GateVerdict]:
        """Take messages in as one batch: name and payload; return what each did."""
        messages = []
        for name, payload in said:
            self.heard += 1
            messages.append(Message(name=name, payload=payload, event=event or f"e{self.heard}"))
        votes = Votes(root=root, workflow_id=root, messages=messages)
        voting = Voting(self.desk.point, self.clock)
        return list((await ActivityEnvironment().run(voting.vote, votes)).verdicts)

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
