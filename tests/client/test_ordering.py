"""What the client makes of each way in which an order to a workflow of its own can end."""

from dataclasses import dataclass, field
from typing import cast

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from remit.canonical import JSONObject
from remit.client.errors import ClientCode, ClientError, RefusedError
from remit.client.stopping import order_stop
from remit.client.tending import tend

STOP: JSONObject = {"order": "stop", "what": "tool:pay@1", "by": "ann", "reason": "", "undos": True}
RETAIN: JSONObject = {"order": "retain", "by": "ann", "reason": "audit"}


@dataclass
class Server:
    """A server, and the handle of what it started, that end as they are told."""

    start: Exception | None = None
    end: JSONObject | Exception = field(default_factory=dict)
    started: dict[str, object] = field(default_factory=dict)

    async def start_workflow(
        self, workflow: str, document: JSONObject, **options: object
    ) -> "Server":
        """Start, or fail to."""
        if self.start is not None:
            raise self.start
        self.started = {"workflow": workflow, "document": document, **options}
        return self

    async def result(self) -> JSONObject:
        """Answer, or fail."""
        if isinstance(self.end, Exception):
            raise self.end
        return self.end

    @property
    def client(self) -> Client:
        """As what the functions under test take."""
        return cast("Client", self)


def failed(cause: BaseException) -> WorkflowFailureError:
    """Return what waiting for a failed workflow raises."""
    return WorkflowFailureError(cause=cause)


async def test_an_order_is_a_workflow_named_by_what_it_is_about() -> None:
    """Two orders about one thing have one id, and the second does not join the first."""
    server = Server(end={"taken": True, "contents": 3})

    tended = await tend(server.client, "root-1", RETAIN, "remit")

    assert (tended.taken, tended.contents) == (True, 3)
    assert server.started["workflow"] == "TendRun"
    assert server.started["document"] == RETAIN | {"run": "root-1"}
    assert (server.started["id"], server.started["task_queue"]) == ("remit-tend/root-1", "remit")
    assert server.started["id_conflict_policy"] is WorkflowIDConflictPolicy.FAIL
    assert server.started["static_summary"] == "retain root-1"


async def test_a_second_order_about_the_same_is_refused() -> None:
    """While the first is on its way; the refusal says about what."""
    server = Server(start=WorkflowAlreadyStartedError("remit-stop/tool:pay@1", "StopCalls"))

    with pytest.raises(RefusedError, match=r"^STOP-BUSY: another order about tool:pay@1 is on"):
        await order_stop(server.client, STOP, "remit")


async def test_what_the_workers_refuse_keeps_its_own_code() -> None:
    """The code of the ledger or of policy; only a failure without one gets the order's."""
    coded = failed(ApplicationError("RUN-ABSENT: no such run", type="RUN-ABSENT"))
    bare = failed(RuntimeError("terminated"))

    with pytest.raises(RefusedError, match=r"^RUN-ABSENT: no such run$"):
        await order_stop(Server(end=coded).client, STOP, "remit")
    with pytest.raises(RefusedError, match=r"^STOP-BUSY: terminated$"):
        await order_stop(Server(end=bare).client, STOP, "remit")


async def test_a_server_that_is_away_is_no_refusal() -> None:
    """Nobody knows then whether the order was taken; the error names what it was about."""
    away = RPCError("no answer", RPCStatusCode.UNAVAILABLE, b"")

    with pytest.raises(ClientError, match=r"about run 'root-1': no answer") as caught:
        await tend(Server(start=away).client, "root-1", RETAIN, "remit")

    assert caught.value.diagnostic.code == ClientCode.UNREACHABLE
