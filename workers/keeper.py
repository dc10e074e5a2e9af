"""The keeper: compares ledger and Temporal, and sees to what a run left behind.

Terminate, timeouts, deletion and reset run none of our code. Within a minute the keeper finds runs
that are open in the ledger and closed in Temporal: those that ended by themselves it marks closed,
for the others it starts `RepairRun`, whose ledger-driven undo needs nothing of the lost workflow.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from prometheus_client import Counter
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from remit.ledger.entries import Record, RunRow
from remit.ledger.errors import LedgerUnavailableError
from remit.ledger.protocol import Ledger
from remit.plan.wire import ABANDONED, REPAIR_ID, REVERSING, AdmitPart
from remit.stores.archiving import LogStore
from workers.rounds import repeat
from workers.sealing import Sealer
from workers.settings import WorkerSettings
from workflows.scope import Part

_PAGE = 200
_OURS = (
    WorkflowExecutionStatus.COMPLETED,
    WorkflowExecutionStatus.FAILED,
    WorkflowExecutionStatus.CANCELED,
)

RUNS = Counter(
    "remit_runs_closed_total",
    "Runs by end, and whether no call was denied",
    ["status", "compliant"],
)
_log = structlog.get_logger("workers.keeper")


@dataclass(frozen=True, slots=True)
class Found:
    """How a run stands in Temporal."""

    closed: bool
    status: str
    """`RemitStatus` it ended with, or why it is gone."""
    unwound: bool
    """Whether our own code ended it."""
    run_id: str = ""
    """Of its newest execution."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the keeper closes runs with."""

    log: LogStore
    sealer: Sealer


class Keeper:
    """Looks after runs that nobody looks after."""

    def __init__(
        self,
        client: Client,
        ledger: Ledger,
        settings: WorkerSettings,
        clock: Callable[[], int],
        evidence: Evidence,
    ) -> None:
        """Compare `ledger` with the client's namespace; close runs with `evidence`."""
        self._client = client
        self._ledger = ledger
        self._settings = settings
        self._clock = clock
        self._evidence = evidence

    async def run(self, stop: asyncio.Event) -> None:
        """Compare until `stop`; a fault of one round is logged and the next one tries again."""
        every_s = self._settings.keeper_every_s
        await repeat(self.round, stop, every_s, (RPCError, LedgerUnavailableError), _log)

    async def round(self) -> int:
        """Look at every open run once; return how many were closed."""
        closed, after = 0, ""
        while True:
            runs = await self._ledger.open_runs(_PAGE, after)
            for run in runs:
                closed += await self._look(run)
            if len(runs) < _PAGE:
                await self._seal_repaired()
                return closed
            after = runs[-1].root

    async def _look(self, run: RunRow) -> bool:
        found = await self._find(run)
        if not found.closed:
            return False
        if not found.unwound:
            # First the repair, which waits for the close: a keeper that dies in between finds the
            # run still open, and does both again.
            await self._repair(run)
            await self._evidence.log.await_repair(run)
        status = found.status if found.unwound else f"{ABANDONED}{found.status}"
        begin = [(run.workflow_id, one) for one in (run.root, found.run_id) if one]
        body = await self._evidence.sealer.seal(run, status, begin, unwound=found.unwound)
        if await self._ledger.close_run(run.root, status, [Record("seal", body)]):
            await self._count(run.root, found)
        _log.info("closed", run=run.root, workflow=run.workflow_id, status=found.status)
        return True

    async def _count(self, root: str, found: Found) -> None:
        totals = await self._ledger.totals(root)
        status = found.status if found.unwound else "abandoned"
        RUNS.labels(status, "no" if totals.denials else "yes").inc()

    async def _find(self, run: RunRow) -> Found:
        """Say how the newest execution of this chain stands; another chain's does not count."""
        handle = self._client.get_workflow_handle(run.workflow_id)
        try:
            described = await handle.describe()
            if not await self._is_chain(described, run):
                described = await self._client.get_workflow_handle(
                    run.workflow_id, run_id=run.root
                ).describe()
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return Found(True, "deleted", unwound=False)
            raise
        status = described.status
        if status in (None, WorkflowExecutionStatus.RUNNING):
            return Found(False, "", False)
        told = described.search_attributes.get("RemitStatus") or [""]
        ended = status.name.lower()
        ours = status in _OURS and await self._ended_by_us(described, str(told[0]))
        return Found(True, str(told[0]) if ours else ended, ours, described.run_id)

    async def _is_chain(self, described: WorkflowExecution, run: RunRow) -> bool:
        first = getattr(described.raw_info, "first_run_id", "")
        return not first or first == run.root

    async def _ended_by_us(self, described: WorkflowExecution, told: str) -> bool:
        """A run that ended itself says so in its search attribute; a killed one says `running`."""
        return told in {
            "completed",
            "refused",
            "rejected",
            "expired",
            "rolled_back",
            "cancelled",
            "failed",
            "invalid",
        }

    async def _seal_repaired(self) -> None:
        """Seal runs again whose repair is over, with its history too."""
        for run in await self._evidence.log.unsealed(_PAGE):
            repair_id = _repair_id(run)
            try:
                described = await self._client.get_workflow_handle(repair_id).describe()
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise
                if run.closed == REVERSING:
                    await self._roll_back(run)
                    continue
                # It was never started, or is deleted: there is nothing to add to the first seal.
                await self._evidence.log.sealed(run.root)
                continue
            if described.status in (None, WorkflowExecutionStatus.RUNNING):
                continue
            begin = [(run.workflow_id, run.root), (repair_id, described.run_id)]
            status = run.closed
            if status == REVERSING:
                told = described.search_attributes.get("RemitStatus") or [""]
                status = str(told[0])
                if status != "rolled_back":
                    # Somebody ended it from outside: what was ordered is still to be done.
                    await self._roll_back(run)
                    continue
            body = await self._evidence.sealer.seal(run, status, begin, unwound=True)
            await self._seal_again(run, status, Record("seal", body))
            await self._evidence.log.sealed(run.root)
            _log.info("sealed after repair", run=run.root, repair=repair_id)

    async def _seal_again(self, run: RunRow, status: str, seal: Record) -> None:
        if run.closed == REVERSING:
            await self._ledger.close_run(run.root, status, [seal])
        else:
            await self._ledger.append(run.root, [seal])

    async def _roll_back(self, run: RunRow) -> None:
        """Go on with a rollback that the ledger knows was ordered."""
        order = {"run": run.root, "by": "keeper", "reason": "ordered before"}
        await self._client.start_workflow(
            "RollbackRun",
            order,
            id=_repair_id(run),
            task_queue=self._settings.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"roll back {run.workflow_id}; owner {run.owner}",
        )

    async def _repair(self, run: RunRow) -> None:
        repair_id = _repair_id(run)
        ask = AdmitPart(root=run.root, compiled=run.compiled, parent="", step="", kind="unwind")
        try:
            await self._client.start_workflow(
                "RepairRun",
                Part(ask=ask, workflow_id=repair_id),
                id=repair_id,
                task_queue=self._settings.task_queue,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                static_summary=f"undo what {run.workflow_id} left; owner {run.owner}",
            )
        except WorkflowAlreadyStartedError:
            _log.info("repaired before", run=run.root)


def _repair_id(run: RunRow) -> str:
    return f"{REPAIR_ID}{run.root}"
