"""Orders: policy judges whoever tells a run what to do; taken or refused, the ledger keeps it."""

from collections.abc import Sequence

from temporalio import activity

from activities.planning import ROLE
from remit.approval.tokens import TokenError, without_token
from remit.canonical import JSON, JSONObject
from remit.decision.decision import Decided
from remit.decision.facts import Facts, Order, Principal
from remit.enforcement import failure
from remit.enforcement.deciding import facts_of, recorded
from remit.enforcement.deciding import principal as principal_of
from remit.enforcement.frame import Frame
from remit.enforcement.opa import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.point import EnforcementPoint
from remit.enforcement.proving import Proving
from remit.ledger.entries import Content, Record
from remit.ledger.errors import LedgerError
from remit.ledger.proofs import REPLAYED, Proof
from remit.plan.deskwire import Answered, Message, RunOrder
from remit.plan.wire import ORDER

_REASON_LENGTH = 500


class Ordering:
    """Judges orders."""

    def __init__(self, point: EnforcementPoint) -> None:
        """Ask the point's policies, record in its ledger."""
        self._point = point
        self._proving = Proving(point)

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
        proof: Proof | None = None
        try:
            proof = await self._proving.message("order", root, message, by)
            whose = principal or await self._whose(root)
            decided = await self._decide(
                root, whose, message, by, path, ended_ms, is_proven=proof is not None
            )
        except PolicyUnavailableError as error:
            text = f"no policy judged ({error}); the order waits"
            raise failure.unavailable(error.code, text, 2, path) from error
        except (PolicyInvalidError, TokenError) as error:
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
        return await self._record(root, body, facts, proof) or refused

    async def _record(
        self, root: str, body: JSONObject, facts: Sequence[Content], proof: Proof | None
    ) -> Answered | None:
        """Record an order; return its refusal when its token was used for something else."""
        proven: JSONObject = {} if proof is None else {"proof": proof.recorded()}
        ledger = self._point.ledger
        try:
            await ledger.append(root, [Record("order", body | proven, facts)], proof=proof)
        except LedgerError as error:
            if error.code != REPLAYED:
                raise
            body = body | {"decision": {"effect": "deny", "host": REPLAYED}}
            await ledger.append(root, [Record("order", body)])
            return Answered(taken=False, code=REPLAYED, reason=str(error))
        return None

    async def _whose(self, root: str) -> Principal:
        admission = await self._point.ledger.admission(root, "")
        if admission is None:
            raise PolicyInvalidError("ADMISSION-ABSENT", "the ledger knows no plan of this run")
        pinned = await self._point.pinned.plan(admission.compiled)
        run = await self._point.ledger.run(root)
        return principal_of(pinned.plan, starter=run.starter if run else "")

    async def _decide(
        self,
        root: str,
        whose: Principal,
        message: Message,
        by: str,
        path: str,
        ended_ms: int | None,
        *,
        is_proven: bool,
    ) -> Decided:
        order = {
            "name": message.name,
            "path": path,
            "by": by,
            "verified": is_proven,
            "ended_ms": ended_ms,
        }
        facts = Facts(
            kind="order",
            principal=whose,
            order=Order.model_validate(order),
            context=self._point.deciding.context(Frame.of(activity.info(), ROLE)),
        )
        return await self._point.deciding.decide(facts, root)


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
    kept = without_token(payload)
    return {**(kept if isinstance(kept, dict) else {}), "event": message.event}


def _refused(decided: Decided) -> Answered | None:
    if decided.decision.effect == "allow":
        return None
    first = decided.decision.reasons[0]
    texts = "; ".join(reason.message or reason.code for reason in decided.decision.reasons)
    return Answered(taken=False, code=first.code, reason=texts[:_REASON_LENGTH])
