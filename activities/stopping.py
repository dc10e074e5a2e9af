"""Stopping calls and letting them go on: judged by policy, told in a chain of its own.

The order is recorded, taken or refused, before anything is done. Once it is answered no call that
fits the stop begins anywhere; see `remit.ledger.stops`.
"""

from temporalio import activity

from activities.ordering import Ordering, read_order
from remit.decision.facts import Principal
from remit.enforcement.point import EnforcementPoint
from remit.ledger.stops import CHAIN, Stop, is_name
from remit.plan.deskwire import Answered, StopOrder
from remit.plan.wire import STOP

ORDERS = ("stop", "go")


class Stopping:
    """Judges and carries out orders to stop calls."""

    def __init__(self, point: EnforcementPoint) -> None:
        """Ask the point's policies, write into its ledger."""
        self._point = point
        self._ordering = Ordering(point)

    @activity.defn(name=STOP)
    async def stop(self, ask: StopOrder) -> Answered:
        """Carry out an order that policy permits."""
        fields = read_order(ask.message, {"what": str, "by": str, "reason": str})
        if isinstance(fields, Answered):
            return fields
        name, what, by = ask.message.name, str(fields["what"]), str(fields["by"])
        if name not in ORDERS or not is_name(what):
            reason = f"{name!r} of {what!r}: no such order, or nothing that can be stopped"
            return Answered(taken=False, code="MESSAGE-MALFORMED", reason=reason)
        refused = await self._ordering.refusal(
            CHAIN, ask.message, fields, what, principal=_principal(what, by)
        )
        if refused is not None:
            return refused
        stop = Stop(
            name=what,
            by=by,
            reason=str(fields["reason"])[:500],
            in_force=name == "stop",
            undos=name == "stop" and fields.get("undos") is True,
        )
        changed = await self._point.ledger.stop(stop)
        return Answered(taken=True, reason="" if changed else "it was so before")


def _principal(what: str, by: str) -> Principal:
    """Return for whom the order speaks: a tenant, or, for all others, everybody."""
    kind, _, name = what.partition(":")
    return Principal(
        agent="",
        agent_version="",
        on_behalf_of=by,
        tenant=name if kind == "tenant" else "",
        verified=False,
        delegation=[],
        starter="",
    )
