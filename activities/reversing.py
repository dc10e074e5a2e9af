"""Ordering back a run that has completed: judged by policy, inside its window, once.

The order changes nothing outside; it opens the run's ledger for `RollbackRun`, which undoes what
stands there.
"""

from temporalio import activity

from activities.ordering import Ordering, read_order
from remit.enforcement import failure
from remit.enforcement.point import EnforcementPoint
from remit.ledger.errors import LedgerError
from remit.plan.deskwire import Answered, OrderBack
from remit.plan.wire import ORDER_BACK, REVERSING


class Reversing:
    """Judges orders to roll back a run that has completed."""

    def __init__(self, point: EnforcementPoint) -> None:
        """Ask the point's policies, record in its ledger."""
        self._point = point
        self._ordering = Ordering(point)

    @activity.defn(name=ORDER_BACK)
    async def order_back(self, ask: OrderBack) -> Answered:
        """Say whether a completed run may be undone; when it may, its ledger expects it."""
        fields = read_order(ask.message, {"by": str, "reason": str})
        if isinstance(fields, Answered):
            return fields
        run = await self._point.ledger.run(ask.run)
        if run is None:
            return Answered(taken=False, code="RUN-ABSENT", reason="the ledger knows no such run")
        if not run.closed:
            raise failure.again("RUN-OPEN", "the run is not closed yet; asked again", 2)
        if run.closed == REVERSING:
            return Answered(taken=True, reason="ordered before")
        if run.closed != "completed":
            reason = f"only what completed can be rolled back; this run is {run.closed}"
            return Answered(taken=False, code="ROLLBACK-NOT-COMPLETED", reason=reason)
        ended_ms = await self._point.ledger.ended_ms(run.root)
        refused = await self._ordering.refusal(run.root, ask.message, fields, ended_ms=ended_ms)
        if refused is not None:
            return refused
        try:
            await self._point.ledger.reverse(run.root)
        except LedgerError as error:
            return Answered(taken=False, code=error.code, reason=str(error))
        return Answered(taken=True)
