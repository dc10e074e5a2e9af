"""How a step key changes state (design.md §7): pure functions, values in, values out.

Every function either returns the new value or raises `LedgerError` with a stable code. They hold
the invariants of `remit.ledger.protocol`; a store loads, asks here, and writes what it is given.
Nothing here does I/O or reads a clock; moments are milliseconds of Unix time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from remit.canonical import JSON, Digest
from remit.ledger.entries import (
    GRANTS,
    HANDED_OVER,
    MONEY,
    REPAIR_DONE,
    REPAIR_RETRY,
    TIME,
    TOKENS,
    Action,
    FrozenUndo,
    GateRow,
    Intent,
    Outcome,
    Reserve,
    State,
    Totals,
)
from remit.ledger.errors import LedgerError
from remit.plan.path import Direction, StepKey

REPAIRS = {
    "retry": (State.REFUSED, REPAIR_RETRY),
    "mark_done": (State.HAPPENED, REPAIR_DONE),
    "hand_over": (State.FAILED, HANDED_OVER),
}
"""What a person may do with an undo that failed, and what becomes of it."""
_STANDING = {
    State.OPEN: ("STEP-OPEN", "has an attempt whose outcome is not known"),
    State.HAPPENED: ("STEP-HAPPENED", "happened already"),
    State.IN_DOUBT: ("STEP-IN-DOUBT", "is in doubt; a person must answer first"),
}


def check_begin(intent: Intent, own: Action | None, other: Action | None) -> None:
    """Refuse an intent that the states of its key and of its opposite do not admit.

    Args:
        intent: What is to begin.
        own: What stands under the intent's key.
        other: What stands under the opposite key: the `undo` of a `do`, the `do` of an `undo`.
    """
    decision = intent.decision
    if not all(_is_text(decision.get(name)) for name in ("decision_id", "revision")):
        raise LedgerError(
            "DECISION-ABSENT", f"the intent of {intent.key} names no decision and revision"
        )
    forward = intent.key.direction is Direction.DO
    if forward and other is not None:
        raise LedgerError("STEP-UNDONE", f"{intent.key}: its undo has begun")
    if own is not None and own.state in _STANDING:
        code, why = _STANDING[own.state]
        raise LedgerError(code, f"{intent.key} {why}")
    if not forward:
        _check_undoable(intent.key, other)
    if own is not None and own.attempts >= intent.max_attempts:
        raise LedgerError(
            "STEP-EXHAUSTED", f"{intent.key} has used {own.attempts} of {intent.max_attempts} tries"
        )


def _check_undoable(key: StepKey, done: Action | None) -> None:
    if done is None or done.state in (State.REFUSED, State.FAILED):
        raise LedgerError("STEP-NOT-DONE", f"{key}: there is nothing to undo")
    if done.state is not State.HAPPENED:
        code, why = _STANDING[done.state]
        raise LedgerError(code, f"{done.key} {why}; it cannot be undone yet")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def check_grant(gate: GateRow | None, intent: Intent, now_ms: int) -> None:
    """Refuse a grant that does not permit exactly this intent, now, for the first time."""
    if (
        gate is None
        or gate.state not in GRANTS
        or gate.key != intent.key
        or gate.proposed_digest != intent.proposed_digest
        or gate.expires_ms <= now_ms
        or gate.consumed_by not in ("", str(intent.key))
    ):
        name = "a grant that does not exist" if gate is None else f"the grant {gate.id!r}"
        raise LedgerError("GRANT-USED", f"{intent.key} cannot use {name}")


def begin(intent: Intent, own: Action | None, now_ms: int) -> Action:
    """Return the action with its next attempt open; `check_begin` has passed."""
    return Action(
        key=intent.key,
        compiled=intent.compiled,
        tool=intent.tool,
        contract=intent.contract,
        operation=intent.operation,
        state=State.OPEN,
        attempts=own.attempts + 1 if own else 1,
        refusals=own.refusals if own else 0,
        owner=intent.owner,
        lease_until_ms=intent.lease_until_ms,
        request_digest=intent.request_digest,
        proposed_digest=intent.proposed_digest,
        enforced_digest=intent.enforced_digest,
        arguments=intent.arguments.digest,
        output=None,
        undo=None,
        decision_id=str(intent.decision["decision_id"]),
        revision=str(intent.decision["revision"]),
        begun_ms=now_ms,
        ended_ms=None,
        effect_order=0,
        reserved_micros=cost_of(intent.reserve),
        resource=intent.resource,
    )


def take_over(
    action: Action | None, key: StepKey, attempt: int, owner: str, until_ms: int, now_ms: int
) -> Action:
    """Return the action with its open attempt handed to another owner."""
    if action is None or action.state is not State.OPEN or action.attempts != attempt:
        raise LedgerError("LEASE-LOST", f"attempt {attempt} of {key} is not open any more")
    if action.lease_until_ms > now_ms:
        raise LedgerError("LEASE-HELD", f"{key} is held by {action.owner!r} for a while yet")
    return replace(action, attempts=attempt + 1, owner=owner, lease_until_ms=until_ms)


def is_repeated(action: Action | None, outcome: Outcome) -> bool:
    """Whether this very outcome was recorded before, by a call whose answer was lost."""
    return (
        action is not None
        and (action.attempts, action.owner) == (outcome.attempt, outcome.owner)
        and action.state is outcome.state
        and action.state is not State.OPEN
        and action.output == (outcome.output.digest if outcome.output else None)
    )


def finish(action: Action | None, outcome: Outcome, now_ms: int, order: int) -> Action:
    """Return the action as its attempt's outcome leaves it.

    Args:
        action: The action as it stands.
        outcome: How the attempt ended.
        now_ms: The moment.
        order: Position for the effect order, when it has one.
    """
    mine = action is not None and (action.attempts, action.owner) == (
        outcome.attempt,
        outcome.owner,
    )
    if action is None or not mine or action.state is not State.OPEN:
        raise LedgerError(
            "LEASE-LOST", f"attempt {outcome.attempt} of {outcome.key} is not yours any more"
        )
    if outcome.state is State.OPEN:
        until = now_ms if outcome.lease_until_ms is None else outcome.lease_until_ms
        return replace(action, lease_until_ms=min(action.lease_until_ms, until), code=outcome.code)
    ended = replace(
        action,
        state=outcome.state,
        output=outcome.output.digest if outcome.output else None,
        undo=outcome.undo,
        ended_ms=now_ms,
        effect_order=order,
        code=outcome.code,
        faulty=outcome.faulty,
    )
    if outcome.state is State.REFUSED:
        ended = replace(ended, refusals=action.refusals + 1)
    return _settled(ended, outcome.spent)


def resolve(
    action: Action | None,
    key: StepKey,
    happened: bool,
    output: Digest | None,
    undo: FrozenUndo | None,
    now_ms: int,
    order: int,
) -> Action:
    """Return the action as a person's answer leaves it."""
    if action is None or action.state is not State.IN_DOUBT:
        raise LedgerError("NOT-IN-DOUBT", f"nobody asks whether {key} happened")
    answered = replace(
        action,
        state=State.HAPPENED if happened else State.FAILED,
        output=output if happened else None,
        undo=(undo or action.undo) if happened else None,
        ended_ms=now_ms,
        effect_order=order,
    )
    return _settled(answered, None)


def repair(
    own: Action | None, done: Action | None, key: StepKey, order: str, now_ms: int, seq: int
) -> Action:
    """Return the undo as a person's order leaves it.

    Args:
        own: What stands under the undo's key.
        done: What stands under its `do`.
        key: The undo's key.
        order: `retry`, `mark_done` or `hand_over`.
        now_ms: The moment.
        seq: Position among the run's outcomes.
    """
    if done is None or done.state is not State.HAPPENED:
        raise LedgerError("STEP-NOT-DONE", f"{key}: there is nothing to undo")
    if own is not None and own.state in _STANDING:
        code, why = _STANDING[own.state]
        raise LedgerError(code, f"{key} {why}")
    state, code = REPAIRS[order]
    undo = own if own is not None else _unbegun_undo(done, key)
    return replace(undo, state=state, code=code, ended_ms=now_ms, effect_order=seq)


def _unbegun_undo(done: Action, key: StepKey) -> Action:
    """An undo that policy refused before its intent, as something a person can settle."""
    return replace(
        done,
        key=key,
        tool=done.undo.tool if done.undo else "",
        contract=done.undo.contract if done.undo else "",
        attempts=0,
        refusals=0,
        owner="",
        output=None,
        undo=None,
        faulty=False,
        reserved_micros=0,
        spent_micros=0,
        resource="",
    )


def _settled(action: Action, spent: int | None) -> Action:
    if action.state is State.IN_DOUBT:
        return action
    if action.state is State.HAPPENED:
        cost = action.reserved_micros if spent is None else spent
        return replace(action, reserved_micros=0, spent_micros=cost)
    return replace(action, reserved_micros=0)


def took(ended: Action, outcome: Outcome) -> Mapping[str, int | None]:
    """Return what an action took, by the endings of the counters that hold it; `None`: unknown.

    Time counts from the last intent on: an attempt before it that was refused gave its own back.
    """
    ms = None if ended.ended_ms is None else max(0, ended.ended_ms - ended.begun_ms)
    return {MONEY: outcome.spent, TOKENS: outcome.tokens, TIME: ms}


def cost_of(reserves: Sequence[Reserve]) -> int:
    """Return the money that reservations hold: several counters may count the same money."""
    return max((held.amount for held in reserves if held.counter.endswith(MONEY)), default=0)


def merge_reserves(reserves: Sequence[Reserve]) -> Sequence[Reserve]:
    """Return one reservation per counter, by name: amounts added, the lowest ceiling."""
    merged: dict[str, Reserve] = {}
    for held in reserves:
        known = merged.get(held.counter)
        merged[held.counter] = (
            held
            if known is None
            else Reserve(held.counter, known.amount + held.amount, min(known.ceiling, held.ceiling))
        )
    return [merged[name] for name in sorted(merged)]


def deed(before: Action | None, after: Action, other: Action | None) -> tuple[Action | None, int]:
    """Return the `do` that a change of state did (1) or undid (-1); `None` when it did neither.

    One that happened but not as it must is no deed: nothing may build on it. Nor is a sub-plan: its
    steps are.

    Args:
        before: The action before the change.
        after: The same behind it.
        other: What stands under the opposite key.
    """
    happened = after.state is State.HAPPENED and (before is None or before.state is not after.state)
    do, times = (after, 1) if after.key.direction is Direction.DO else (other, -1)
    if do is None or not happened or do.faulty or do.operation == "plan":
        return None, 0
    return do, times


def count(totals: Totals, before: Action | None, after: Action) -> Totals:
    """Return a run's totals after one action changed from `before` to `after`."""
    begun = before is None or before.state is not State.OPEN
    calls = 1 if after.state is State.OPEN and begun else 0
    became = after.state is State.HAPPENED and (before is None or before.state is not after.state)
    undo = after.key.direction is Direction.UNDO
    effect = became and not undo and after.operation not in ("read", "plan")
    held = before.reserved_micros if before else 0
    spent = before.spent_micros if before else 0
    return Totals(
        calls=totals.calls + calls,
        effects=totals.effects + (1 if effect else 0),
        denials=totals.denials,
        undone=totals.undone + (1 if became and undo and after.operation != "plan" else 0),
        reserved_micros=totals.reserved_micros + after.reserved_micros - held,
        spent_micros=totals.spent_micros + after.spent_micros - spent,
    )


def end_gate(gate: GateRow, state: str, now_ms: int) -> str:
    """Return the state in which a gate stands after somebody closes it without a vote."""
    if state == "void" and gate.state in GRANTS and not gate.consumed_by:
        return state
    if gate.state != "open" or (state == "expired" and now_ms < gate.expires_ms):
        return gate.state
    return state


def is_late(gate: GateRow | None, now_ms: int) -> bool:
    """Whether a vote on this gate cannot count any more."""
    return gate is None or gate.state != "open" or gate.expires_ms <= now_ms


def voters_of(written: Sequence[JSON]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return who approved and, for each, in whose place, from what a gate's end says."""
    pairs = [one if isinstance(one, list) else [one, ""] for one in written]
    return tuple(str(by) for by, _ in pairs), tuple(str(place) for _, place in pairs)
