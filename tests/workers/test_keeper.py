"""What the keeper makes of how Temporal says that a run ended."""

from dataclasses import dataclass, field

import pytest
from temporalio.client import WorkflowExecutionStatus

from remit.ledger.protocol import RunRow
from workers.keeper import Keeper
from workers.settings import WorkerSettings

ROOT = "root"
RUN = RunRow(
    root=ROOT,
    workflow_id="run",
    plan="p@1.0.0",
    plan_digest="",
    compiled="",
    agent="a@1.0.0",
    on_behalf_of="b",
    tenant="t",
    owner="o",
    started_ms=0,
    deadline_ms=0,
)


@dataclass
class Told:
    """An execution as Temporal describes it."""

    status: WorkflowExecutionStatus
    said: str

    @property
    def search_attributes(self) -> dict[str, list[str]]:
        """What the run wrote last."""
        return {"RemitStatus": [self.said]}

    @property
    def raw_info(self) -> object:
        """Nothing that names another chain."""
        return object()


@dataclass
class OneRun:
    """A client that knows one run."""

    told: Told
    repairs: list[str] = field(default_factory=list)

    def get_workflow_handle(self, workflow_id: str, run_id: str = "") -> "OneRun":
        """Return itself."""
        return self

    async def describe(self) -> Told:
        """Return the run."""
        return self.told

    async def start_workflow(self, name: str, *args: object, **options: object) -> None:
        """Note a repair."""
        self.repairs.append(name)


@dataclass
class Closing:
    """A ledger that one run is closed in."""

    closed: list[str] = field(default_factory=list)

    async def open_runs(self, limit: int, after: str = "") -> list[RunRow]:
        """Return the run."""
        return [RUN]

    async def close_run(self, root: str, status: str, records: object) -> bool:
        """Note how it is closed."""
        self.closed.append(status)
        return True


@pytest.mark.parametrize(
    ("status", "said", "closed", "repairs"),
    [
        (WorkflowExecutionStatus.COMPLETED, "completed", "completed", []),
        (WorkflowExecutionStatus.FAILED, "failed", "failed", []),
        (WorkflowExecutionStatus.CANCELED, "cancelled", "cancelled", []),
        (WorkflowExecutionStatus.CANCELED, "running", "abandoned:canceled", ["RepairRun"]),
        (WorkflowExecutionStatus.TERMINATED, "running", "abandoned:terminated", ["RepairRun"]),
    ],
)
async def test_a_run_that_ended_itself_is_closed_as_it_says(
    status: WorkflowExecutionStatus, said: str, closed: str, repairs: list[str]
) -> None:
    """A run that unwound and said so is nobody's to repair; what was killed is repaired."""
    client, ledger = OneRun(Told(status, said)), Closing()
    keeper = Keeper(client, ledger, WorkerSettings(), lambda: 0)  # type: ignore[arg-type]

    assert await keeper.round() == 1
    assert (ledger.closed, client.repairs) == ([closed], repairs)
