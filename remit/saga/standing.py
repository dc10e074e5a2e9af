"""What the ledger's actions leave to undo below a path, call by call.

Owns the judgement of single calls; their order is `remit.saga.order`'s. The rules:

- A `do` that happened, in good order or faulty, is undone unless it only read, or its `undo`
  happened. What never happened, or was settled as such, leaves nothing.
- Without a frozen undo, or without arguments for it, it is residue, and holds nobody up.
- In doubt, or still open, either way: it holds up whatever it depends on until that is settled.
- An undo that failed is residue too, and holds up likewise, until a person hands it over.
- Everything inside a sub-plan is one compound undo of the step that ran it, as long as anything in
  there is not settled; a child workflow unwinds that path by these same rules. Residue inside is
  listed here as well, so that a run's list is complete.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from remit.ledger.entries import Action, State
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.plan.path import Direction, Segment, join_path
from remit.plan.wire import Residue, Undo

IRREVERSIBLE = "UNDO-IRREVERSIBLE"
NO_ARGUMENTS = "UNDO-NO-ARGUMENTS"
FAILED = "UNDO-FAILED"
HANDED_OVER = "UNDO-HANDED-OVER"
"""Code of a failed undo that a person has taken over: it holds nothing up any more."""

_REASONS = {
    IRREVERSIBLE: "it happened, and nothing undoes it",
    NO_ARGUMENTS: "it happened, and its outcome left nothing to undo it with",
    FAILED: "its undo failed; it waits for `repair`",
    HANDED_OVER: "its undo failed, and a person has taken it over",
}

Verdict = Literal["nothing", "undo", "blocked"]
"""Nothing to do, to be undone, or to be settled before anything that it depends on is undone."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One call, or one compound step, that is not settled."""

    segment: Segment
    undo: Undo | None
    """How it is undone; `None` while it must be settled first."""
    effect_order: int


@dataclass(slots=True)
class Standing:
    """What is left below a path."""

    pieces: dict[str, list[Piece]] = field(default_factory=dict)
    """By step, in order of their effects."""
    residue: list[Residue] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    undone: int = 0
    is_open: bool = False
    """Whether a call at this level has no outcome yet."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A `do` and its `undo`."""

    do: Action
    undo: Action | None


def standing_of(plan: CompiledPlan, parent: str, actions: Sequence[Action]) -> Standing:
    """Return what `actions`, all that was begun below `parent`, leave to undo."""
    return _Reader(plan, parent).read(actions)


@dataclass(frozen=True, slots=True)
class Left:
    """One call whose effect stands, or may stand."""

    do: Action
    undo: Action | None
    verdict: Verdict
    """`nothing` for what stays for good."""
    code: str
    """Why it stays, or why its undoing failed."""


def left_of(actions: Iterable[Action]) -> Sequence[Left]:
    """Return the calls that would have to be undone or are residue, the latest effect first.

    Call by call, whatever plan they stand in; in which order they may be undone, plans tell.
    """
    found = []
    for pair in _pairs(actions):
        verdict, code = _judge(pair, None)
        if verdict != "nothing" or code:
            found.append(Left(pair.do, pair.undo, verdict, code))
    return sorted(found, key=lambda one: one.do.effect_order or 2**62, reverse=True)


class _Reader:
    """Reads one path's actions once."""

    def __init__(self, plan: CompiledPlan, parent: str) -> None:
        self._plan = plan
        self._parent = parent
        self._steps: Mapping[str, CompiledStep] = {step.id: step for step in plan.steps}
        self._standing = Standing()
        self._compounds: dict[str, int] = {}
        self._digest = ""

    def read(self, actions: Sequence[Action]) -> Standing:
        undos = (action for action in actions if action.key.direction is Direction.UNDO)
        self._standing.undone = sum(1 for undo in undos if _is_undone(undo))
        for pair in _pairs(actions):
            if pair.do.key.parent == self._parent:
                self._here(pair)
            else:
                self._below(pair)
        for first, order in self._compounds.items():
            self._add(Segment.parse(first), self._compound(first), order)
        return self._standing

    def _here(self, pair: _Pair) -> None:
        verdict, code = _judge(pair, self._steps.get(pair.do.key.segment.step))
        if code:
            self._leave(pair, code)
        if verdict == "nothing":
            return
        owner = self._owner(pair.do.key.segment.step)
        undo = _undo_of(pair.do, owner) if verdict == "undo" else None
        self._add(pair.do.key.segment, undo, pair.do.effect_order)
        for action in (pair.do, pair.undo):
            if action is not None and action.state is State.IN_DOUBT:
                prefix = "undo:" if action.key.direction is Direction.UNDO else ""
                self._standing.doubts.append(prefix + action.key.path)
            elif action is pair.do and action.state is State.OPEN:
                self._standing.is_open = True

    def _below(self, pair: _Pair) -> None:
        start = len(self._parent) + 1 if self._parent else 0
        first = pair.do.key.path[start:].partition("/")[0]
        verdict, code = _judge(pair, None)
        if verdict != "nothing":
            order = max(self._compounds.get(first, 0), pair.do.effect_order)
            self._compounds[first] = order
        elif code:
            self._leave(pair, code, Segment.parse(first).step)

    def _leave(self, pair: _Pair, code: str, step: str = "") -> None:
        tool = pair.do.undo.tool if pair.do.undo else pair.do.tool
        self._standing.residue.append(
            Residue(
                path=pair.do.key.path,
                tool=tool,
                code=code,
                reason=_REASONS[code],
                owner=self._owner(step or pair.do.key.segment.step),
            )
        )

    def _owner(self, step: str) -> str:
        known = self._steps.get(step)
        return (known.owner if known else "") or self._plan.owner

    def _add(self, segment: Segment, undo: Undo | None, effect_order: int) -> None:
        piece = Piece(segment, undo, effect_order)
        self._standing.pieces.setdefault(segment.step, []).append(piece)

    def _compound(self, first: str) -> Undo:
        self._digest = self._digest or self._plan.digest
        segment = Segment.parse(first)
        return Undo(
            path=join_path(self._parent, segment),
            step=segment.step,
            tool="",
            compiled=self._digest,
            parent=self._parent,
            item=segment.item,
            iteration=segment.iteration,
            generation=segment.generation,
            owner=self._owner(segment.step),
        )


def _pairs(actions: Iterable[Action]) -> Iterator[_Pair]:
    dos: dict[str, Action] = {}
    undos: dict[str, Action] = {}
    for action in actions:
        side = dos if action.key.direction is Direction.DO else undos
        side[action.key.path] = action
    for path, do in dos.items():
        yield _Pair(do, undos.get(path))


def _judge(pair: _Pair, step: CompiledStep | None) -> tuple[Verdict, str]:
    """Return what is to be done about a call, and the code of the residue that it is."""
    do, undo = pair.do, pair.undo
    if _is_plan(do) or do.operation == "read":
        return "nothing", ""
    if do.state in (State.OPEN, State.IN_DOUBT):
        return "blocked", ""
    if do.state is not State.HAPPENED:
        return "nothing", ""
    if undo is not None:
        match undo.state:
            case State.HAPPENED:
                return "nothing", ""
            case State.IN_DOUBT:
                return "blocked", ""
            case State.FAILED if undo.code == HANDED_OVER:
                return "nothing", HANDED_OVER
            case State.FAILED:
                return "blocked", FAILED
            case _:
                return "undo", ""
    if do.undo is None:
        is_reversible = step is not None and step.undo is not None
        return "nothing", NO_ARGUMENTS if is_reversible else IRREVERSIBLE
    return ("undo", "") if do.undo.arguments is not None else ("nothing", NO_ARGUMENTS)


def _is_plan(action: Action) -> bool:
    return action.operation == "plan" or action.tool.startswith("plan:")


def _is_undone(undo: Action) -> bool:
    return undo.state is State.HAPPENED and not _is_plan(undo)


def _undo_of(do: Action, owner: str) -> Undo:
    segment = do.key.segment
    return Undo(
        path=do.key.path,
        step=segment.step,
        tool=do.undo.tool if do.undo else "",
        compiled=do.compiled,
        parent=do.key.parent,
        item=segment.item,
        iteration=segment.iteration,
        generation=segment.generation,
        owner=owner,
    )
