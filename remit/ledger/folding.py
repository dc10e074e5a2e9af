"""A run as it stood at one of its records: the records before it, folded.

Pure. The tables of a ledger are what writing a chain left behind; this reads the chain alone, so
that any moment of a run can be had again, from a ledger or from an archive. A property test holds
both together: all records folded give what the tables say. Leases are in no record, so they are
not told; nor are a gate's card and a message's words, which stand beside the chain by digest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from remit.canonical import JSON, JSONObject
from remit.ledger import rules
from remit.ledger.amendments import earlier
from remit.ledger.barriers import FENCED, fence_path, new_barriers
from remit.ledger.entries import (
    HANDED_OVER,
    Action,
    Admission,
    FrozenUndo,
    GateRow,
    Reserve,
    State,
    Totals,
    Turn,
)
from remit.ledger.errors import LedgerError
from remit.plan.path import Direction, Segment, StepKey, join_path


class FoldError(ValueError):
    """A record does not say what its kind says; `seq` is its number."""

    def __init__(self, seq: int, why: str) -> None:
        self.seq = seq
        super().__init__(f"record {seq} cannot be followed: {why}")


@dataclass(slots=True)
class RunState:
    """Everything that a run's records say of it, up to one of them."""

    root: str
    seq: int = 0
    """The last record that was taken; 0 for none."""
    at_ms: int = 0
    """When that one was written."""
    run: JSONObject = field(default_factory=dict)
    """What the admission says of the run."""
    closed: str | None = None
    """`RemitStatus` at the end, empty while open, `None` before the run was admitted."""
    is_held: bool = False
    is_sealed: bool = False
    admissions: dict[str, Admission] = field(default_factory=dict)
    """By path; those that an amendment replaced under a path of their own."""
    actions: dict[StepKey, Action] = field(default_factory=dict)
    """As the ledger knows them; leases are 0."""
    skipped: list[StepKey] = field(default_factory=list)
    gates: dict[str, GateRow] = field(default_factory=dict)
    """As the ledger knows them; cards are empty."""
    barriers: dict[str, int] = field(default_factory=dict)
    totals: Totals = field(default_factory=Totals)

    @property
    def status(self) -> str:
        """What the run was at, in the words of `RemitStatus`."""
        if self.closed is None:
            return "admitting"
        if self.closed:
            return self.closed
        states = {action.state for action in self.actions.values()}
        if State.IN_DOUBT in states:
            return "in_doubt"
        if self.barriers.get("") == FENCED:
            return "needs_repair" if self._has_broken_undo() else "unwinding"
        if self.is_held:
            return "held"
        if any(gate.state == "open" for gate in self.gates.values()):
            return "awaiting_approval"
        return "running"

    def _has_broken_undo(self) -> bool:
        broken = (State.REFUSED, State.FAILED)
        undos = [one for one in self.actions.values() if one.key.direction is Direction.UNDO]
        return any(one.state in broken and one.code != HANDED_OVER for one in undos)


def fold(
    root: str,
    records: Iterable[JSONObject],
    *,
    until_seq: int | None = None,
    until_ms: int | None = None,
) -> RunState:
    """Return the run as it stood when a record had been written.

    Args:
        root: Root chain id of the run.
        records: Its records in order, from the first one on.
        until_seq: Number of the last record to take.
        until_ms: Take what was written up to this moment, milliseconds of Unix time.

    Raises:
        FoldError: a record does not follow from those before it.
    """
    state = RunState(root)
    folding = _Folding(state)
    for record in records:
        seq, at_ms = _whole(record["seq"]), _whole(record["at_ms"])
        if until_seq is not None and seq > until_seq:
            break
        if until_ms is not None and at_ms > until_ms:
            break
        state.seq, state.at_ms = seq, at_ms
        try:
            folding.take(str(record["kind"]), _object(record["body"]))
        except (KeyError, TypeError, ValueError, LedgerError) as error:
            raise FoldError(seq, f"{type(error).__name__}: {error}") from error
    return state


class _Folding:
    """Changes a state, record by record."""

    def __init__(self, state: RunState) -> None:
        self._state = state

    def take(self, kind: str, body: JSONObject) -> None:
        """Take one record; kinds that change nothing are passed over."""
        take = getattr(self, f"_{kind}", None) if kind in KINDS else None
        if take is not None:
            take(body)

    # runs

    def _admission(self, body: JSONObject) -> None:
        state = self._state
        path = str(body["path"])
        state.admissions[path] = self._admitted(path, body)
        if "run" in body:
            state.run = _object(body["run"])
            state.closed = ""

    def _admitted(self, path: str, body: JSONObject) -> Admission:
        texts = (str(body[name]) for name in ("compiled", "inputs", "decision_id", "revision"))
        return Admission(self._state.root, path, *texts)

    def _amendment(self, body: JSONObject) -> None:
        state, path = self._state, str(body["path"])
        before = state.admissions[path]
        kept = earlier(path, before.compiled)
        state.admissions[kept] = replace(before, path=kept)
        state.admissions[path] = self._admitted(path, body)
        for step, generation in _object(body["generations"]).items():
            self._bar(join_path(path, Segment(step)), _whole(generation))

    def _closed(self, body: JSONObject) -> None:
        self._state.closed = str(body["status"])

    _reversal = _closed

    def _seal(self, _: JSONObject) -> None:
        self._state.is_sealed = True

    def _order(self, body: JSONObject) -> None:
        if _object(body["decision"]).get("effect") == "allow" and body["order"] in _HOLDING:
            self._state.is_held = _HOLDING[str(body["order"])]

    def _decision(self, body: JSONObject) -> None:
        """Count the denial of a call; what Remit itself asks for is not one."""
        decision = body.get("decision")
        is_call = "step_key" in body and "proposed" in body and "purpose" not in body
        if is_call and isinstance(decision, dict) and decision.get("effect") == "deny":
            totals = self._state.totals
            self._state.totals = replace(totals, denials=totals.denials + 1)

    # calls

    def _key(self, body: JSONObject) -> StepKey:
        parent, _, last = str(body["path"]).rpartition("/")
        direction = Direction(str(body["direction"]))
        return StepKey(self._state.root, parent, Segment.parse(last), direction)

    def _intent(self, body: JSONObject) -> None:
        state, key = self._state, self._key(body)
        own = state.actions.get(key)
        decision = _object(body["decision"])
        begun = Action(
            key=key,
            compiled=str(body["compiled"]),
            tool=str(body["tool"]),
            contract=str(body["contract"]),
            operation=str(body["operation"]),
            state=State.OPEN,
            attempts=_whole(body["attempt"]),
            refusals=own.refusals if own else 0,
            owner=str(body["owner"]),
            lease_until_ms=0,
            request_digest=str(body["request"]),
            proposed_digest=str(body["proposed"]),
            enforced_digest=str(body["enforced"]),
            arguments=str(body["arguments"]),
            output=None,
            undo=None,
            decision_id=str(decision["decision_id"]),
            revision=str(decision["revision"]),
            begun_ms=state.at_ms,
            ended_ms=None,
            effect_order=0,
            reserved_micros=rules.cost_of(_reserves(body["reserve"])),
            resource=str(body.get("resource", "")),
        )
        for grant in _list(body["grants"]):
            gate = state.gates[str(grant)]
            state.gates[gate.id] = replace(gate, consumed_by=str(key))
        if key.direction is Direction.DO:
            for path, generation in new_barriers(key).items():
                self._bar(path, generation)
        self._change(own, begun)

    def _takeover(self, body: JSONObject) -> None:
        own = self._state.actions[self._key(body)]
        taken = replace(own, attempts=_whole(body["attempt"]), owner=str(body["owner"]))
        self._state.actions[own.key] = taken

    def _outcome(self, body: JSONObject) -> None:
        own = self._state.actions[self._key(body)]
        became = State(str(body["state"]))
        if became is State.OPEN:
            self._change(own, replace(own, code=str(body["code"])))
            return
        ended = replace(
            own,
            state=became,
            output=_text(body["output"]),
            undo=_undo(body["undo"]),
            ended_ms=self._state.at_ms,
            effect_order=self._state.seq,
            code=str(body["code"]),
            faulty=body["faulty"] is True,
            refusals=own.refusals + (became is State.REFUSED),
            spent_micros=_whole(body["spent_micros"]),
            reserved_micros=own.reserved_micros if became is State.IN_DOUBT else 0,
        )
        self._change(own, ended)
        if body.get("refund") is True:
            self._refund(ended.key)

    def _refund(self, key: StepKey) -> None:
        done = self._state.actions[replace(key, direction=Direction.DO)]
        totals = self._state.totals
        left = totals.spent_micros - done.spent_micros
        self._state.totals = replace(totals, spent_micros=left)

    def _resolve(self, body: JSONObject) -> None:
        key = self._key(body)
        own = self._state.actions[key]
        answered = rules.resolve(
            own,
            key,
            body["happened"] is True,
            _text(body["output"]),
            _undo(body.get("undo")),
            self._state.at_ms,
            self._state.seq,
        )
        self._change(own, answered)

    def _repair(self, body: JSONObject) -> None:
        key, state = self._key(body), self._state
        own = state.actions.get(key)
        done = state.actions.get(replace(key, direction=Direction.DO))
        order = str(body["order"])
        self._change(own, rules.repair(own, done, key, order, state.at_ms, state.seq))

    def _part(self, body: JSONObject) -> None:
        """A finished sub-plan: an action of operation `plan`, which no total counts."""
        key, state = self._key(body), self._state
        state.actions[key] = Action(
            key=key,
            compiled=str(body["compiled"]),
            operation="plan",
            state=State.HAPPENED,
            output=_text(body["output"]),
            undo=None,
            begun_ms=state.at_ms,
            ended_ms=state.at_ms,
            effect_order=state.seq,
            tool="",
            contract="",
            owner="",
            arguments="",
            decision_id="",
            revision="",
            attempts=0,
            refusals=0,
            lease_until_ms=0,
            request_digest="",
            proposed_digest="",
            enforced_digest="",
        )

    def _skip(self, body: JSONObject) -> None:
        self._state.skipped.append(self._key(body))

    def _fence(self, body: JSONObject) -> None:
        self._state.barriers[fence_path(str(body["parent"]), str(body["step"]))] = FENCED

    def _bar(self, path: str, generation: int) -> None:
        if generation > self._state.barriers.get(path, 0):
            self._state.barriers[path] = generation

    def _change(self, before: Action | None, after: Action) -> None:
        self._state.actions[after.key] = after
        self._state.totals = rules.count(self._state.totals, before, after)

    # gates

    def _gate(self, body: JSONObject) -> None:
        if "opened_ms" not in body:
            return  # what policy asked for, written behind the gate itself
        key = self._key(body)
        name = str(body["gate"])
        self._state.gates[name] = GateRow(
            id=name,
            root=key.root,
            key=key,
            number=int(name.rpartition("#")[2]),
            code=str(body["code"]),
            role=str(body["role"]),
            quorum=_whole(body["quorum"]),
            request_digest=str(body["request"]),
            proposed_digest=str(body["proposed"]),
            enforced_digest=str(body["enforced"]),
            tool=str(body["tool"]),
            domain=str(body["domain"]),
            card={},
            opened_ms=_whole(body["opened_ms"]),
            expires_ms=_whole(body["expires_ms"]),
            then=tuple(_turn(one) for one in _list(body.get("then", []))),
        )

    def _gate_end(self, body: JSONObject) -> None:
        gate = self._state.gates[str(body["gate"])]
        voters, instead_of = rules.voters_of(_list(body["voters"]))
        self._state.gates[gate.id] = replace(
            gate, state=str(body["state"]), voters=voters, instead_of=instead_of
        )


_HOLDING = {"hold": True, "resume": False}
KINDS = (
    *("admission", "amendment", "closed", "reversal", "seal", "order", "decision"),
    *("intent", "takeover", "outcome", "resolve", "repair", "part", "skip", "fence"),
    *("gate", "gate_end"),
)
"""Kinds of record that change the state."""


def _reserves(value: JSON) -> Sequence[Reserve]:
    held = [_object(one) for one in _list(value)]
    return [
        Reserve(str(one["counter"]), _whole(one["amount"]), _whole(one["ceiling"])) for one in held
    ]


def _undo(value: JSON) -> FrozenUndo | None:
    if value is None:
        return None
    told = _object(value)
    return FrozenUndo(str(told["tool"]), str(told["contract"]), _text(told["arguments"]))


def _object(value: JSON) -> JSONObject:
    if not isinstance(value, dict):
        raise TypeError(f"a {type(value).__name__}, not an object")
    return value


def _list(value: JSON) -> list[JSON]:
    if not isinstance(value, list):
        raise TypeError(f"a {type(value).__name__}, not a list")
    return value


def _turn(value: JSON) -> Turn:
    if not isinstance(value, dict):
        raise TypeError(f"a {type(value).__name__}, not an object")
    return Turn(str(value["role"]), _whole(value["at_ms"]))


def _whole(value: JSON) -> int:
    if type(value) is not int:
        raise TypeError(f"a {type(value).__name__}, not a whole number")
    return value


def _text(value: JSON) -> str | None:
    return None if value is None else str(value)
