"""Actions as rows: one per step key, with their attempts and barriers beside them.

A skipped call is a row in state `skipped` without attempts; it is no `Action` to anybody outside.
"""

from collections.abc import Callable, Sequence
from dataclasses import fields

from sqlalchemy import Integer, bindparam, select, update

from remit.ledger.entries import Action, FrozenUndo, State
from remit.plan.path import Direction, Segment, StepKey
from remit.stores.inserting import insert_new, upsert
from remit.stores.schema import actions, attempts, barriers
from remit.stores.statements import Row, Transaction, Value

SKIPPED = "skipped"
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
_FAMILY = _SELECT.where(
    actions.c.root == bindparam("root"), actions.c.path == bindparam("path")
).order_by(actions.c.direction)
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
_END_ATTEMPT = (
    update(attempts)
    .where(
        attempts.c.root == bindparam("at_root"),
        attempts.c.path == bindparam("at_path"),
        attempts.c.direction == bindparam("at_direction"),
        attempts.c.attempt == bindparam("at_attempt"),
    )
    .values(
        ended_ms=bindparam("ended_ms"),
        outcome=bindparam("outcome"),
        code=bindparam("code"),
        message=bindparam("message"),
    )
)
_BARRIER = select(barriers.c.generation).where(
    barriers.c.root == bindparam("root"), barriers.c.path == bindparam("path")
)


def find(tx: Transaction, key: StepKey) -> tuple[Action | None, Action | None, bool]:
    """Return what stands under a key, what stands under its opposite, whether it was skipped."""
    own = other = None
    skipped = False
    for row in tx.all(_FAMILY, root=key.root, path=key.path):
        mine = row[6] == key.direction.value
        if row[7] == SKIPPED:
            skipped = skipped or mine
        elif mine:
            own = action_of(row)
        else:
            other = action_of(row)
    return own, other, skipped


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
    item, iteration, generation = (_int(value) for value in row[3:6])
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


def save_skip(tx: Transaction, key: StepKey) -> None:
    """Write that a key was skipped."""
    moments = {"begun_ms": tx.now_ms, "ended_ms": tx.now_ms}
    tx.insert(upsert, actions, {**_NOTHING, **_place(key), **moments, "state": SKIPPED})


def open_attempt(tx: Transaction, action: Action) -> None:
    """Write the attempt that an action has just begun."""
    key = action.key
    tx.insert(
        insert_new,
        attempts,
        {
            "root": key.root,
            "path": key.path,
            "direction": key.direction.value,
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
    tx.run(
        _END_ATTEMPT,
        at_root=key.root,
        at_path=key.path,
        at_direction=key.direction.value,
        at_attempt=attempt,
        ended_ms=tx.now_ms,
        outcome=outcome,
        code=code,
        message=message[:MESSAGE_LENGTH],
    )


def find_barriers(tx: Transaction, root: str, paths: Sequence[str]) -> dict[str, int]:
    """Return the barriers that stand at some of these paths."""
    found: dict[str, int] = {}
    for path in paths:
        row = tx.one(_BARRIER, root=root, path=path)
        if row is not None:
            found[path] = _int(row[0])
    return found


def save_barrier(tx: Transaction, root: str, path: str, generation: int) -> None:
    """Write the lowest generation that may still begin at a path and below it."""
    tx.insert(upsert, barriers, {"root": root, "path": path, "generation": generation})


def _place(key: StepKey) -> dict[str, Value]:
    segment = key.segment
    return {
        "root": key.root,
        "path": key.path,
        "direction": key.direction.value,
        "parent": key.parent,
        "step": segment.step,
        "item": _ABSENT_ITEM if segment.item is None else segment.item,
        "iteration": segment.iteration,
        "generation": segment.generation,
    }


def _int(value: Value) -> int:
    return value if isinstance(value, int) else 0
