"""Orders: policy judges whoever tells a run what to do; taken or refused, the ledger keeps it."""

from temporalio import activity

from activities.planning import ROLE
from remit.canonical import JSON, JSONObject
from remit.decision.decision import Decided
from remit.decision.facts import Facts, Order, Principal
from remit.enforcement import failure
from remit.enforcement.deciding import facts_of, recorded
from remit.enforcement.deciding import principal as principal_of
from remit.enforcement.frame import Frame
from remit.enforcement.opa import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.point import EnforcementPoint
from remit.ledger.entries import Content, Record
from remit.plan.wire import ORDER, Answered, Message, RunOrder

_REASON_LENGTH = 500


class Ordering:
    """Judges orders."""

    def __init__(self, point: EnforcementPoint) -> None:
        """Ask the point's policies, record in its ledger."""
        self._point = point

    @activity.defn(name=ORDER)
    async def order(self, ask: RunOrder) -> Answered:
        """Say whether the run may obey `hold`, `resume` or `rollback`."""
        fields = read_order(ask.message, {"by": str})
        if isinstance(fields, Answered):
            return fields
        return await self.refusal(ask.root, ask.message, fields) or Answered(taken=True)

    async def refusal(
        self,
        root: str,
        message: Message,
        fields: JSONObject,
        path: str = "",
        ended_ms: int | None = None,
        principal: Principal | None = None,
    ) -> Answered | None:
        """Return why policy refuses an order about a run, or about the call at `path`.

        `ended_ms` is when the run ended, if it has. An order about no run states for whom it is.
        """
        by = str(fields["by"])
        refused: Answered | None
        facts: list[Content] = []
        try:
            whose = principal or await self._whose(root)
            decided = await self._decide(whose, message, by, path, ended_ms)
        except PolicyUnavailableError as error:
            text = f"OPA did not answer ({error}); the order waits"
            raise failure.unavailable(error.code, text, 2, path) from error
        except PolicyInvalidError as error:
            judged: JSONObject = {"effect": "deny", "host": error.code}
            refused = Answered(taken=False, code=error.code, reason=str(error))
        else:
            judged, refused = recorded(decided), _refused(decided)
            facts.append(facts_of(decided))
        reason: JSON = str(fields.get("reason") or "")[:_REASON_LENGTH]
        body: JSONObject = {
            "order": message.name,
            "event": message.event,
            "by": by,
            "path": path,
            "reason": reason,
            "decision": judged,
        }
        await self._point.ledger.append(root, [Record("order", body, facts)])
        return refused

    async def _whose(self, root: str) -> Principal:
        admission = await self._point.ledger.admission(root, "")
        if admission is None:
            raise PolicyInvalidError("ADMISSION-ABSENT", "the ledger knows no plan of this run")
        pinned = await self._point.pinned.plan(admission.compiled)
        return principal_of(pinned.plan)

    async def _decide(
        self, whose: Principal, message: Message, by: str, path: str, ended_ms: int | None
    ) -> Decided:
        order = {
            "name": message.name,
            "path": path,
            "by": by,
            "verified": False,
            "ended_ms": ended_ms,
        }
        facts = Facts(
            kind="order",
            principal=whose,
            order=Order.model_validate(order),
            context=self._point.deciding.context(Frame.of(activity.info(), ROLE)),
        )
        return await self._point.deciding.decide(facts)


def read_order(message: Message, wanted: dict[str, type]) -> JSONObject | Answered:
    """Return what a message says, or the answer that it cannot be read."""
    payload = message.payload
    if not isinstance(payload, dict):
        return Answered(
            taken=False, code="MESSAGE-MALFORMED", reason=f"{message.name} takes a JSON object"
        )
    for name, kind in wanted.items():
        if not isinstance(payload.get(name), kind) or payload[name] == "":
            reason = f"{message.name} needs {name!r} ({kind.__name__})"
            return Answered(taken=False, code="MESSAGE-MALFORMED", reason=reason)
    return {**payload, "event": message.event}


def _refused(decided: Decided) -> Answered | None:
    if decided.decision.effect == "allow":
        return None
    first = decided.decision.reasons[0]
    texts = "; ".join(reason.message or reason.code for reason in decided.decision.reasons)
    return Answered(taken=False, code=first.code, reason=texts[:_REASON_LENGTH])
