"""Actions as rows: one per step key, with their attempts and barriers beside them.

A skipped call is a row in state `skipped` without attempts; it is no `Action` to anybody outside.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields

from sqlalchemy import ARRAY, Integer, Text, bindparam, func, select

from remit.ledger.entries import Action, FrozenUndo, State
from remit.plan.path import Direction, Segment, StepKey
from remit.stores.columns import step_key_values
from remit.stores.inserting import insert_new, upsert
from remit.stores.schema import actions, attempts, barriers
from remit.stores.statements import Row, Value, whole
from remit.stores.transaction import Question, Transaction

SKIPPED = "skipped"
Family = Mapping[Direction, Action | str]
"""What stands at one path; a skipped call as `SKIPPED`."""
MESSAGE_LENGTH = 300
"""Characters kept of what an attempt said when it ended."""
_ABSENT_ITEM = -1
_PLAIN = [field.name for field in fields(Action) if field.name not in ("key", "state", "undo")]
_NAMES = [
    *("root", "parent", "step", "item", "iteration", "generation", "direction", "state"),
    *("undo_tool", "undo_contract", "undo_arguments"),
    *_PLAIN,
]
_NOTHING: dict[str, Value] = {
    column.name: None if column.nullable else 0 if isinstance(column.type, Integer) else ""
    for column in actions.columns
}
_make: Callable[..., Action] = Action
_SELECT = select(*[actions.c[name] for name in _NAMES])
_FAMILY = _SELECT.where(actions.c.root == bindparam("root"), actions.c.path == bindparam("path"))
_WANTED = (
    func.unnest(bindparam("roots", type_=ARRAY(Text)), bindparam("paths", type_=ARRAY(Text)))
    .table_valued("root", "path")
    .render_derived("wanted")
)
FIND_SEVERAL = _SELECT.where(actions.c.root == _WANTED.c.root, actions.c.path == _WANTED.c.path)
"""Returns what stands at several `roots` and `paths`; see `note_families`."""
_STEP = _SELECT.where(
    actions.c.root == bindparam("root"),
    actions.c.parent == bindparam("parent"),
    actions.c.step == bindparam("step"),
    actions.c.direction == Direction.DO.value,
    actions.c.state == bindparam("state"),
).order_by(actions.c.item, actions.c.iteration)
_LEVEL = _SELECT.where(actions.c.root == bindparam("root"), actions.c.parent == bindparam("parent"))
_BELOW = _SELECT.where(
    actions.c.root == bindparam("root"),
    actions.c.parent >= bindparam("low"),
    actions.c.parent < bindparam("high"),
)
_BARRIER = select(barriers.c.generation).where(
    barriers.c.root == bindparam("root"), barriers.c.path == bindparam("path")
)


def about(key: StepKey) -> Question:
    """Return the question that `find` asks."""
    return _FAMILY, {"root": key.root, "path": key.path}


def find(tx: Transaction, key: StepKey) -> tuple[Action | None, Action | None, bool]:
    """Return what stands under a key, what stands under its opposite, whether it was skipped."""
    family = _family(tx, key)
    forward = key.direction is Direction.DO
    own = family.get(key.direction)
    other = family.get(Direction.UNDO if forward else Direction.DO)
    return (
        own if isinstance(own, Action) else None,
        other if isinstance(other, Action) else None,
        own == SKIPPED,
    )


def _family(tx: Transaction, key: StepKey) -> Family:
    place = ("actions", key.root, key.path)
    known: Family | None = tx.recall(place)
    if known is None:
        known = family_of(tx.first(about(key)))
        tx.note(place, known)
    return known


def family_of(rows: Sequence[Row]) -> Family:
    """Return what stands at one path, by direction."""
    return {
        Direction(str(row[6])): SKIPPED if row[7] == SKIPPED else action_of(row) for row in rows
    }


def note_families(
    tx: Transaction, places: Collection[tuple[str, str]], rows: Sequence[Row]
) -> None:
    """Note what was found at places whose runs are locked."""
    found: dict[tuple[str, str], list[Row]] = {place: [] for place in places}
    for row in rows:
        key = key_of(row)
        if (key.root, key.path) in found:
            found[key.root, key.path].append(row)
    for (root, path), family in found.items():
        tx.note(("actions", root, path), family_of(family))


def find_step(tx: Transaction, root: str, parent: str, step: str, state: str) -> Sequence[Row]:
    """Return the `do` rows of a step in one state, by item and iteration."""
    return tx.all(_STEP, root=root, parent=parent, step=step, state=state)


def find_level(tx: Transaction, root: str, parent: str) -> Sequence[Row]:
    """Return the rows that stand directly in a path."""
    return tx.all(_LEVEL, root=root, parent=parent)


def find_below(tx: Transaction, root: str, low: str, high: str) -> Sequence[Row]:
    """Return the rows whose parent paths lie in `[low, high)`, bytewise."""
    return tx.all(_BELOW, root=root, low=low, high=high)


def key_of(row: Row) -> StepKey:
    """Return the step key of a row."""
    item, iteration, generation = (whole(value) for value in row[3:6])
    segment = Segment(str(row[2]), None if item == _ABSENT_ITEM else item, iteration, generation)
    return StepKey(str(row[0]), str(row[1]), segment, Direction(str(row[6])))


def action_of(row: Row) -> Action:
    """Return the action that a row of `actions` holds."""
    plain = dict(zip(_PLAIN, row[11:], strict=True))
    undo = None
    if row[8] is not None:
        arguments = None if row[10] is None else str(row[10])
        undo = FrozenUndo(str(row[8]), str(row[9]), arguments)
    plain["faulty"] = bool(plain["faulty"])
    return _make(key=key_of(row), state=State(str(row[7])), undo=undo, **plain)


def save(tx: Transaction, action: Action) -> None:
    """Write an action, new or changed."""
    undo = action.undo
    values: dict[str, Value] = {name: getattr(action, name) for name in _PLAIN}
    values["faulty"] = int(action.faulty)
    values["state"] = action.state.value
    values["undo_tool"] = undo.tool if undo else None
    values["undo_contract"] = undo.contract if undo else None
    values["undo_arguments"] = undo.arguments if undo else None
    tx.insert(upsert, actions, {**_place(action.key), **values})
    _note(tx, action.key, action)


def save_skip(tx: Transaction, key: StepKey) -> None:
    """Write that a key was skipped."""
    moments = {"begun_ms": tx.now_ms, "ended_ms": tx.now_ms}
    tx.insert(upsert, actions, {**_NOTHING, **_place(key), **moments, "state": SKIPPED})
    _note(tx, key, SKIPPED)


def _note(tx: Transaction, key: StepKey, stands: Action | str) -> None:
    tx.note(("actions", key.root, key.path), {**_family(tx, key), key.direction: stands})


def open_attempt(tx: Transaction, action: Action) -> None:
    """Write the attempt that an action has just begun."""
    key = action.key
    tx.insert(
        insert_new,
        attempts,
        {
            **step_key_values(key),
            "attempt": action.attempts,
            "owner": action.owner,
            "lease_until_ms": action.lease_until_ms,
            "begun_ms": tx.now_ms,
            "ended_ms": None,
            "outcome": "",
            "code": "",
            "message": "",
        },
    )


def end_attempt(
    tx: Transaction, key: StepKey, attempt: int, outcome: str, code: str = "", message: str = ""
) -> None:
    """Write how an attempt ended; the message is cut."""
    tx.change(
        attempts,
        {
            **step_key_values(key),
            "attempt": attempt,
            "ended_ms": tx.now_ms,
            "outcome": outcome,
            "code": code,
            "message": message[:MESSAGE_LENGTH],
        },
    )


def find_barriers(tx: Transaction, root: str, paths: Sequence[str]) -> dict[str, int]:
    """Return the barriers that stand at some of these paths."""
    found: dict[str, int] = {}
    for path in paths:
        row = tx.one(_BARRIER, root=root, path=path)
        if row is not None:
            found[path] = whole(row[0])
    return found


def save_barrier(tx: Transaction, root: str, path: str, generation: int) -> None:
    """Write the lowest generation that may still begin at a path and below it."""
    tx.insert(upsert, barriers, {"root": root, "path": path, "generation": generation})


def _place(key: StepKey) -> dict[str, Value]:
    segment = key.segment
    return {
        **step_key_values(key),
        "parent": key.parent,
        "step": segment.step,
        "item": _ABSENT_ITEM if segment.item is None else segment.item,
        "iteration": segment.iteration,
        "generation": segment.generation,
    }
