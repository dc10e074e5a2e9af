"""Everything that one decision needs, read from the ledger: who asks, what, why, where, until when.

Reads only. What approvers may not see of the arguments is not in here, but for `proposed`, which
completes an edit and is never shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from remit.canonical import JSONObject
from remit.console.differences import Difference, differences
from remit.console.fields import EditForm, form_of
from remit.console.inbox import Item, item_of
from remit.console.plans import Plans, lights_of
from remit.console.standing import stand_of
from remit.console.viewing import Viewer
from remit.evidence.fields import inner, objects, text
from remit.ledger.entries import Action, GateRow, RunRow, Totals, VoteRow
from remit.ledger.proofs import proven
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.plan.path import Direction
from remit.saga.standing import left_of
from remit.stores.inbox import InboxStore
from remit.stores.ledger import SqlLedger
from remit.tool.contract import ToolContract
from remit.tool.human import HumanKind

_EARLIER = 40
"""How many earlier grants of a tool are looked through for one that compares."""
_MOST_ALIKE = 99
"""With the one itself as many as one message may answer."""


@dataclass(frozen=True, slots=True)
class Said:
    """One vote, in words."""

    by: str
    verdict: str
    counted: bool
    code: str
    reason: str
    comment: str
    at_ms: int
    to: str
    """To whom it was handed over."""
    is_verified: bool


@dataclass(frozen=True, slots=True)
class Earlier:
    """The last time somebody approved the same tool."""

    run: RunRow
    gate: GateRow
    differs: Sequence[Difference]
    is_same_plan: bool
    proven: frozenset[str]
    """Of its voters, whose name a token proved."""


@dataclass(frozen=True, slots=True)
class Card:
    """One gate, whole."""

    item: Item
    plan: CompiledPlan | None
    step: CompiledStep | None
    contract: ToolContract | None
    arguments: JSONObject
    """As approvers see them; empty where the viewer may not."""
    shows_arguments: bool
    said: Sequence[Said]
    rules: Sequence[tuple[str, str, str]]
    """What fired: message, code, policy."""
    decision: JSONObject
    facts: JSONObject
    drawing: str
    edited: Sequence[Difference]
    """Against the proposal, when somebody edited it."""
    earlier: Earlier | None
    alike: Sequence[Item]
    """Other open gates for exactly the same action."""
    earlier_gates: Sequence[GateRow]
    """Gates of the same call before this one."""
    totals: Totals
    would_undo: Sequence[Action]
    """Finished steps that a no would undo, the latest first."""
    form: EditForm | None
    answer: EditForm | None = None
    """Of a task for a person: what they fill in."""
    proposed: JSONObject = field(default_factory=dict, repr=False)
    """The complete arguments; never shown."""

    @property
    def gate(self) -> GateRow:
        """The gate."""
        return self.item.gate

    @property
    def run(self) -> RunRow:
        """Its run."""
        return self.item.run

    @property
    def task(self) -> HumanKind | None:
        """What a person is to do themselves, and not to approve."""
        call = self.contract.call if self.contract else None
        if not isinstance(call, HumanKind) or self.is_undo:
            return None
        return call if call.role == self.gate.role and self.gate.quorum == 1 else None

    @property
    def is_undo(self) -> bool:
        """Whether the call undoes another."""
        return self.gate.key.direction is Direction.UNDO


def _answer_form(contract: ToolContract | None) -> EditForm | None:
    """Return the form of what a person answers; `None` where one field of JSON must do."""
    if contract is None or not isinstance(contract.call, HumanKind):
        return None
    form = form_of(contract.output_schema, {}, {})
    return form if form.fields else None


class Cards:
    """Reads cards."""

    def __init__(self, ledger: SqlLedger, store: InboxStore, plans: Plans) -> None:
        """Read from one ledger."""
        self._ledger = ledger
        self._store = store
        self._plans = plans

    async def read(self, root: str, gate_id: str, viewer: Viewer, now_ms: int) -> Card | None:
        """Return a card; `None` when there is no such gate, or none for this viewer."""
        gates = await self._ledger.gates(root)
        gate = next((one for one in gates if one.id == gate_id), None)
        run = await self._ledger.run(root)
        if gate is None or run is None or not viewer.sees(run.tenant):
            return None
        votes = await self._ledger.votes(gate.id, root)
        item = item_of(gate, run, stand_of(gate, votes, now_ms), viewer)
        records = await self._store.asked(root)
        decision = _decision(records, gate.id)
        facts = await self._plans.content(text(decision, "facts"))
        plan = await self._plans.at(root, gate.key.parent)
        step = _step(plan, gate.key.segment.step)
        contract = await self._contract(plan, gate, facts)
        actions = await self._ledger.begun(root, gate.key.parent)
        before = [one for one in gates if one.key == gate.key and one.number < gate.number]
        shows = viewer.sees_arguments(item.stand)
        shown = inner(gate.card, "arguments") if shows else {}
        proposed = inner(inner(facts, "action"), "arguments") if shows else {}
        return Card(
            item=item,
            plan=plan,
            step=step,
            contract=contract,
            arguments=shown,
            shows_arguments=shows,
            said=_said(votes),
            rules=_rules(decision),
            decision=decision,
            facts=facts,
            drawing=await self._drawing(plan, gate, actions, gates),
            edited=_edited(gate.card, shown) if shows else (),
            earlier=await self._last(gate, run, viewer, shown) if shows else None,
            alike=await self._alike(gate, viewer, now_ms),
            earlier_gates=before,
            totals=await self._ledger.totals(root),
            would_undo=[one.do for one in left_of(actions) if one.verdict == "undo"],
            form=form_of(contract.input_schema, proposed, shown) if contract and proposed else None,
            answer=_answer_form(contract),
            proposed=proposed,
        )

    async def _contract(
        self, plan: CompiledPlan | None, gate: GateRow, facts: JSONObject
    ) -> ToolContract | None:
        named = text(inner(facts, "action"), "contract_digest")
        pinned = plan.contracts.get(gate.tool, "") if plan else ""
        return await self._plans.contract(named or pinned)

    async def _drawing(
        self,
        plan: CompiledPlan | None,
        gate: GateRow,
        actions: Sequence[Action],
        gates: Sequence[GateRow],
    ) -> str:
        if plan is None:
            return ""
        here = gate.key.segment.step if gate.state == "open" else ""
        lights = lights_of(plan, gate.key.parent, actions, gates, here)
        return await self._plans.drawing(plan, lights)

    async def _last(
        self, gate: GateRow, run: RunRow, viewer: Viewer, shown: JSONObject
    ) -> Earlier | None:
        """Return the last approval of the tool in the tenant, best one in the same plan."""
        found = [
            (one, its)
            for one, its in await self._store.granted(gate.tool, _EARLIER)
            if its.tenant == run.tenant
            and viewer.sees(its.tenant)
            and one.opened_ms < gate.opened_ms
            and one.key.direction is gate.key.direction
        ]
        named = run.plan.partition("@")[0]
        alike = [pair for pair in found if pair[1].plan.partition("@")[0] == named]
        for one, its in (*alike, *found):
            differs = differences(inner(one.card, "arguments"), shown)
            votes = await self._ledger.votes(one.id, one.root)
            return Earlier(its, one, differs, bool(alike), proven(votes))
        return None

    async def _alike(self, gate: GateRow, viewer: Viewer, now_ms: int) -> Sequence[Item]:
        if gate.state != "open":
            return ()
        found = await self._store.open()
        same: list[Item] = []
        for one in found.gates:
            run = found.runs.get(one.root)
            if one.request_digest != gate.request_digest or run is None:
                continue
            if (one.root, one.id) == (gate.root, gate.id) or not viewer.sees(run.tenant):
                continue
            stand = stand_of(one, found.votes.get((one.root, one.id), ()), now_ms)
            if stand.is_open and len(same) < _MOST_ALIKE:
                same.append(item_of(one, run, stand, viewer))
        return same


def _step(plan: CompiledPlan | None, name: str) -> CompiledStep | None:
    return next((step for step in plan.steps if step.id == name), None) if plan else None


def _decision(records: Sequence[JSONObject], gate_id: str) -> JSONObject:
    """Return the decision that opened a gate."""
    for record in records:
        body = inner(record, "body")
        if text(body, "gate") == gate_id and isinstance(body.get("decision"), dict):
            return inner(body, "decision")
    return {}


def _rules(decision: JSONObject) -> list[tuple[str, str, str]]:
    return [
        (text(one, "message") or text(one, "code"), text(one, "code"), text(one, "policy"))
        for one in objects(decision, "reasons")
    ]


def _said(votes: Sequence[VoteRow]) -> list[Said]:
    return [
        Said(
            by=vote.by,
            verdict=vote.verdict,
            counted=vote.counted,
            code=vote.code,
            reason="" if vote.counted else vote.reason,
            comment=text(vote.body, "comment"),
            at_ms=vote.at_ms,
            to=text(vote.body, "to"),
            is_verified=vote.is_verified,
        )
        for vote in votes
    ]


def _edited(card: JSONObject, shown: JSONObject) -> Sequence[Difference]:
    """Return what people changed of the plan's arguments; nothing when nobody edited."""
    if not isinstance(card.get("proposal"), dict):
        return ()
    return differences(inner(card, "proposal"), shown)
