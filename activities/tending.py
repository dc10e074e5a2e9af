"""What is to become of a run's contents, judged by policy: forgotten, retained, released; and of
an answer in quarantine.

The order stands in the run's chain, taken or refused, before anything is done. Done again after a
worker died in between, it goes on where it stopped: what is forgotten is named by nothing any more.
"""

from temporalio import activity

from activities.ordering import Ordering, read_order
from remit.canonical import JSONObject
from remit.enforcement import failure
from remit.enforcement.point import EnforcementPoint
from remit.ledger.errors import LedgerError
from remit.ledger.forgetting import ForgetOrder
from remit.plan.deskwire import Answered, Tended, TendOrder
from remit.plan.wire import REVERSING, TEND
from remit.stores.forgetting import ForgettingStore

QUARANTINE = ("quarantine_release", "quarantine_discard")
ORDERS = ("forget", "retain", "release", *QUARANTINE)


class Tending:
    """Judges and carries out orders about a run's contents."""

    def __init__(self, point: EnforcementPoint, forgetting: ForgettingStore | None) -> None:
        """Ask the point's policies; without `forgetting` every order is refused."""
        self._point = point
        self._ordering = Ordering(point)
        self._forgetting = forgetting

    @activity.defn(name=TEND)
    async def tend(self, ask: TendOrder) -> Tended:
        """Carry out an order that policy permits."""
        fields = read_order(ask.message, {"by": str, "reason": str})
        if isinstance(fields, Answered):
            return _refused(fields.code, fields.reason)
        if self._forgetting is None or ask.message.name not in ORDERS:
            return _refused("MESSAGE-MALFORMED", f"{ask.message.name!r} is no such order")
        run = await self._point.ledger.run(ask.run)
        if run is None:
            return _refused("RUN-ABSENT", "the ledger knows no such run")
        is_over = bool(run.closed) and run.closed != REVERSING
        if ask.message.name == "forget" and not is_over:
            return _refused("FORGET-OPEN", "the run is not over: it needs what it named")
        path = await self._path_of(run.root, ask.message.name, fields)
        if path is None:
            return _refused("QUARANTINE-ABSENT", "nothing of this run is called so")
        ended_ms = await self._point.ledger.ended_ms(run.root) if is_over else None
        refused = await self._ordering.refusal(
            run.root, ask.message, fields, path, ended_ms=ended_ms
        )
        if refused is not None:
            return _refused(refused.code, refused.reason)
        try:
            return await self._carry_out(self._forgetting, run.root, ask.message.name, fields)
        except LedgerError as error:
            if error.code == "FORGET-BUSY":
                raise failure.again(error.code, str(error), 2) from error
            return _refused(error.code, str(error))

    async def _path_of(self, root: str, name: str, fields: JSONObject) -> str | None:
        """Return the call that an order is about, if about one; `None`: there is no such answer."""
        if name not in QUARANTINE:
            return ""
        held = await self._point.ledger.quarantined(str(fields.get("reference")))
        return held.path if held is not None and held.root == root else None

    async def _carry_out(
        self, store: ForgettingStore, root: str, name: str, fields: JSONObject
    ) -> Tended:
        by, reason = str(fields["by"]), str(fields["reason"])[:500]
        if name == "retain":
            await store.retain(root, by, reason)
            return Tended(taken=True)
        if name == "release":
            await store.release(root, by, reason)
            return Tended(taken=True)
        if name == "quarantine_release":
            await store.pass_on(root, str(fields["reference"]), by, reason)
            return Tended(taken=True)
        if name == "quarantine_discard":
            gone = await store.discard(root, str(fields["reference"]), by, reason)
            return Tended(taken=True, contents=gone.contents, held=gone.held)
        order = ForgetOrder(
            by,
            reason,
            step=str(fields.get("step") or ""),
            data_class=str(fields.get("class") or ""),
            plans=fields.get("plans") is True,
        )
        done = await store.order(root, order)
        return Tended(taken=True, contents=done.contents, held=done.held)


def _refused(code: str, reason: str) -> Tended:
    return Tended(taken=False, code=code, reason=reason)
