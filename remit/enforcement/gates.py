"""Opens the gate that a decision asks for, as the ledger fixes it for good."""

from collections.abc import Callable, Sequence

from remit.canonical import JSONObject
from remit.decision.decision import ApprovalDemand, Decided
from remit.enforcement.deciding import facts_of, recorded
from remit.enforcement.faultpoints import Point, reached
from remit.enforcement.shown import shown_arguments
from remit.enforcement.subject import Subject
from remit.enforcement.telemetry import ESCALATIONS, GRANT_SECONDS
from remit.ledger.entries import GateRow, Record, Situation, Turn
from remit.ledger.protocol import Ledger
from remit.plan.wire import Gate, StepResult

_ANSWERED = ("rejected", "expired", "changes_requested")


class Gates:
    """Gates of the calls that policy will not allow without a person."""

    def __init__(self, ledger: Ledger, clock: Callable[[], int]) -> None:
        """Open them in `ledger`."""
        self._ledger = ledger
        self._clock = clock

    async def open(self, subject: Subject, situation: Situation, decided: Decided) -> StepResult:
        """Open a gate for the first demand, or return the one that stands for this action.

        A step that nobody told of its refusal is not asked about again: one no, or silence, is an
        answer. An undo may be: it goes on until it is done or somebody takes it over.
        """
        demand = decided.decision.approvals[0]
        stands = {"open"} if subject.is_undo else {"open", *_ANSWERED}
        standing = [
            gate
            for gate in situation.gates
            if gate.state in stands
            and gate.code == demand.code
            and gate.proposed_digest == subject.proposed_digest
        ]
        row = standing[-1] if standing else await self._open(subject, situation, decided, demand)
        return StepResult(
            status="gate",
            decision_id=decided.decision_id,
            revision=decided.revision,
            rule=demand.code,
            proposed_digest=row.proposed_digest,
            enforced_digest=row.enforced_digest,
            gate=gate_of(row),
            message=f"nothing was called; {row.role} decides: {demand.message}",
        )

    async def _open(
        self, subject: Subject, situation: Situation, decided: Decided, demand: ApprovalDemand
    ) -> GateRow:
        for gate in situation.gates:
            if gate.state == "open":
                await self._ledger.end_gate(gate.root, gate.id, "void")
        number = len(situation.gates) + 1
        now = self._clock()
        path = str(subject.key).split(":", 1)[1].removesuffix(":do")
        row = GateRow(
            id=f"{path}#{number}",
            root=subject.run.root,
            key=subject.key,
            number=number,
            code=demand.code,
            role=demand.role,
            quorum=demand.quorum,
            request_digest=subject.request_digest,
            proposed_digest=subject.proposed_digest,
            enforced_digest=subject.proposed_digest,
            tool=subject.contract.ref,
            domain=subject.contract.domain,
            card=_card(subject, decided, demand),
            opened_ms=now,
            expires_ms=now + demand.expires_in_ms,
            then=[Turn(later.role, now + later.after_ms) for later in demand.then],
            remind_every_ms=demand.remind_every_ms,
        )
        body: JSONObject = {
            "gate": row.id,
            "step_key": str(subject.key),
            "code": row.code,
            "role": row.role,
            "quorum": row.quorum,
            "proposed": row.proposed_digest,
            "expires_ms": row.expires_ms,
            "decision": recorded(decided),
        }
        reached(Point.GATING, subject.key)
        opened = await self._ledger.open_gate(row, [Record("gate", body, [facts_of(decided)])])
        ESCALATIONS.labels(demand.role).inc()
        reached(Point.GATED, subject.key)
        return opened


async def voted(ledger: Ledger, grants: Sequence[GateRow]) -> int | None:
    """Return when the last of the grants not used before was voted; `None` without any.

    To be asked before the intent: between that and the call nothing may fail.
    """
    votes = [await ledger.votes(one.id, one.root) for one in grants if not one.consumed_by]
    return max((one.at_ms for each in votes for one in each if one.counted), default=None)


def observe_grant(voted_ms: int | None, now_ms: int) -> None:
    """Measure how long a call took to begin after the vote that let it pass."""
    if voted_ms is not None:
        GRANT_SECONDS.observe(max(0, now_ms - voted_ms) / 1000)


def gate_of(row: GateRow) -> Gate:
    """Return a gate as it travels to the workflow."""
    return Gate.model_validate(
        {
            "id": row.id,
            "root": row.root,
            "path": row.id.rpartition("#")[0],
            "step_key": str(row.key),
            "code": row.code,
            "role": row.role,
            "quorum": row.quorum,
            "request_digest": row.request_digest,
            "proposed_digest": row.proposed_digest,
            "enforced_digest": row.enforced_digest,
            "tool": row.tool,
            "state": row.state,
            "opened_ms": row.opened_ms,
            "expires_ms": row.expires_ms,
            "then": [{"role": turn.role, "at_ms": turn.at_ms} for turn in row.then] or None,
            **row.card,
        }
    )


def _card(subject: Subject, decided: Decided, demand: ApprovalDemand) -> JSONObject:
    undo = subject.step.undo
    texts = [reason.message or reason.code for reason in decided.decision.reasons]
    classes = subject.contract.data_classes
    edit: JSONObject = {}
    if subject.proposal is not None:
        before = shown_arguments(subject.proposal, classes)
        by: JSONObject = {"edited_by": subject.edited_by}
        edit = {**by, "edited_verified": subject.edited_verified, "proposal": before}
    return {
        **edit,
        "arguments": shown_arguments(subject.arguments, classes),
        "message": demand.message,
        "reasons": [subject.step.reason, *texts] if subject.step.reason else [*texts],
        "risk": decided.decision.risk,
        "revision": decided.revision,
        "undo": f"by {undo.tool}" if undo else "cannot be undone",
    }
