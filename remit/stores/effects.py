"""The protocol of design.md §7 on tables: load, ask `remit.ledger.rules`, write; one transaction.

Whatever is refused here is refused before a tool is called. Records name digests, never values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from remit.canonical import JSON, JSONObject
from remit.ledger import barriers, rules
from remit.ledger.entries import (
    NO_BOUNDS,
    Action,
    Bounds,
    Content,
    FrozenUndo,
    Intent,
    Outcome,
    Record,
    State,
)
from remit.ledger.errors import LedgerError
from remit.plan.path import Direction, StepKey
from remit.stores import (
    actions,
    deeds,
    detected,
    gates,
    limits,
    quarantine,
    reservations,
    stops,
)
from remit.stores.chain import Chain
from remit.stores.contents import store_contents
from remit.stores.transaction import Transaction


def begin(tx: Transaction, intent: Intent) -> int:
    """Record an intent with its grants and reservations; return the attempt's number."""
    key = intent.key
    chain = Chain(tx, key.root, begin=False)
    if chain.closed is None:
        raise LedgerError("RUN-ABSENT", f"{key.root!r} was never admitted")
    own, other, skipped = actions.find(tx, key)
    if skipped:
        raise LedgerError("STEP-SKIPPED", f"{key} was skipped")
    rules.check_begin(intent, own, other)
    is_undo = key.direction is Direction.UNDO
    stops.check(tx, intent.stops, is_undo=is_undo)
    limits.hold(tx, key, intent.bounds, intent.lease_until_ms, is_urgent=is_undo)
    if not is_undo:
        _check_way(tx, chain, key)
    for grant in intent.grants:
        rules.check_grant(gates.find(tx, key.root, grant), intent, tx.now_ms)
    action = rules.begin(intent, own, tx.now_ms)
    facts = [] if intent.facts is None else [intent.facts]
    store_contents(tx, [intent.arguments, *intent.contents, *facts])
    actions.save(tx, action)
    actions.open_attempt(tx, action)
    gates.consume(tx, key, intent.grants)
    if intent.reserve or own is not None:
        reservations.hold(tx, key, intent.reserve)
    _raise_barriers(tx, chain, key)
    chain.totals = rules.count(chain.totals, own, action)
    chain.append("intent", _intent_body(intent, action.attempts))
    for notice in intent.notices:
        chain.append("notice", {**_name(key), **notice})
    chain.save()
    return action.attempts


def _check_way(tx: Transaction, chain: Chain, key: StepKey) -> None:
    if chain.barriers:
        paths = [path for path, _ in barriers.barrier_paths(key)]
        barriers.check_barriers(key, actions.find_barriers(tx, key.root, paths))
    if chain.closed:
        raise LedgerError("RUN-CLOSED", f"{key.root!r} is {chain.closed}; {key} cannot begin")


def _raise_barriers(tx: Transaction, chain: Chain, key: StepKey) -> None:
    if key.direction is Direction.UNDO:
        return
    wanted = barriers.new_barriers(key)
    standing = actions.find_barriers(tx, key.root, list(wanted)) if wanted else {}
    for path, generation in wanted.items():
        if generation > standing.get(path, 0):
            actions.save_barrier(tx, key.root, path, generation)
            chain.barriers += path not in standing


def take_over(
    tx: Transaction,
    key: StepKey,
    attempt: int,
    owner: str,
    until_ms: int,
    held_by: Sequence[str],
    bounds: Bounds = NO_BOUNDS,
) -> int:
    """Hand an open attempt whose lease has run out to another owner."""
    stops.check(tx, held_by, is_undo=key.direction is Direction.UNDO)
    limits.hold(tx, key, bounds, until_ms, is_urgent=True)
    chain = Chain(tx, key.root, begin=False)
    own, _, _ = actions.find(tx, key)
    taken = rules.take_over(own, key, attempt, owner, until_ms, tx.now_ms)
    actions.end_attempt(tx, key, attempt, "lost")
    actions.save(tx, taken)
    actions.open_attempt(tx, taken)
    chain.append("takeover", {**_name(key), "attempt": taken.attempts, "owner": owner})
    chain.save()
    return taken.attempts


def give_up(tx: Transaction, key: StepKey, attempt: int, owner: str, why: str) -> Action:
    """Make a question of an open attempt that nobody can resolve: taken and ended in one."""
    own, _, _ = actions.find(tx, key)
    doubt = Outcome(key, attempt + 1, owner, State.IN_DOUBT, code="STEP-IN-DOUBT", message=why)
    if own is not None and rules.is_repeated(own, doubt):
        return own
    take_over(tx, key, attempt, owner, tx.now_ms, ())
    return finish(tx, doubt)


def finish(tx: Transaction, outcome: Outcome) -> Action:
    """Record how an attempt ended, and settle what it reserved."""
    key = outcome.key
    chain = Chain(tx, key.root, begin=False)
    own, other, _ = actions.find(tx, key)
    if own is not None and rules.is_repeated(own, outcome):
        return own
    ended = rules.finish(own, outcome, tx.now_ms, chain.next_seq)
    given = [outcome.output] if outcome.output else []
    store_contents(tx, [*given, *outcome.contents])
    _write(tx, chain, own, ended, rules.took(ended, outcome))
    deeds.count(tx, own, ended, other)
    left_ms = ended.lease_until_ms if outcome.state is State.OPEN else 0
    limits.free(tx, key, outcome.bounds.slots, left_ms)
    limits.answered(tx, key, outcome.bounds.breaking, outcome.health)
    if outcome.state is not State.OPEN:
        actions.end_attempt(
            tx, key, outcome.attempt, outcome.state.value, outcome.code, outcome.message
        )
    refunds = outcome.refund and ended.state is State.HAPPENED
    refunded = other if refunds else None
    if refunded is not None:
        _refund(tx, chain, refunded)
    told: JSONObject = {} if refunded is None else {"refund": True}
    chain.append("outcome", {**_outcome_body(ended, outcome), **told, **_found(outcome)})
    detected.note(tx, key, outcome.detected)
    if outcome.quarantined is not None and outcome.output is not None:
        why = outcome.quarantined
        quarantine.hold(tx, chain, key, ended.tool, ended.contract, outcome.output, why)
    chain.save()
    return ended


def resolve(
    tx: Transaction,
    key: StepKey,
    happened: bool,
    evidence: JSONObject,
    undo: FrozenUndo | None,
    given: Sequence[Content],
) -> Action:
    """Record a person's answer; the evidence and its output go beside the chain."""
    chain = Chain(tx, key.root, begin=False)
    own, other, _ = actions.find(tx, key)
    proof = Content.of(evidence)
    output = Content.of(evidence["output"]) if happened and "output" in evidence else None
    answered = rules.resolve(
        own, key, happened, output.digest if output else None, undo, tx.now_ms, chain.next_seq
    )
    store_contents(tx, [proof, *([output] if output else []), *given])
    _write(tx, chain, own, answered, {})
    deeds.count(tx, own, answered, other)
    body: JSONObject = {"happened": happened, "evidence": proof.digest}
    left: JSONObject = {"output": answered.output, "undo": _undo_body(answered.undo)}
    chain.append("resolve", {**_name(key), **body, **left})
    chain.save()
    return answered


def repair(tx: Transaction, key: StepKey, order: str, evidence: JSONObject) -> Action:
    """Record how a person settles an undo; the evidence goes beside the chain."""
    chain = Chain(tx, key.root, begin=False)
    own, done, _ = actions.find(tx, key)
    proof = Content.of(evidence)
    settled = rules.repair(own, done, key, order, tx.now_ms, chain.next_seq)
    store_contents(tx, [proof])
    actions.save(tx, settled)
    deeds.count(tx, own, settled, done)
    chain.totals = rules.count(chain.totals, own, settled)
    chain.append("repair", {**_name(key), "order": order, "evidence": proof.digest})
    chain.save()
    return settled


def record_part(tx: Transaction, key: StepKey, compiled: str, output: Content | None) -> None:
    """Record that a sub-plan finished; once."""
    chain = Chain(tx, key.root, begin=False)
    if chain.closed is None:
        raise LedgerError("RUN-ABSENT", f"{key.root!r} was never admitted")
    own, _, skipped = actions.find(tx, key)
    if skipped:
        raise LedgerError("STEP-SKIPPED", f"{key} was skipped")
    if own is not None:
        return
    store_contents(tx, [output] if output else [])
    part = _part(tx, chain, key, compiled, output)
    actions.save(tx, part)
    chain.append("part", {**_name(key), "compiled": compiled, "output": part.output})
    chain.save()


def skip(tx: Transaction, key: StepKey, further: Sequence[Record]) -> None:
    """Record that a call was skipped; once."""
    chain = Chain(tx, key.root, begin=False)
    if chain.closed is None:
        raise LedgerError("RUN-ABSENT", f"{key.root!r} was never admitted")
    own, _, skipped = actions.find(tx, key)
    if skipped:
        return
    if own is not None:
        raise LedgerError("STEP-BEGUN", f"{key} has begun and cannot be skipped")
    if chain.barriers:
        paths = [path for path, _ in barriers.barrier_paths(key)]
        barriers.check_generation(key, actions.find_barriers(tx, key.root, paths))
    actions.save_skip(tx, key)
    chain.append("skip", _name(key))
    chain.append_all(further)
    chain.save()


def fence(tx: Transaction, root: str, parent: str, step: str) -> None:
    """Put up a barrier that no `do` passes; once."""
    chain = Chain(tx, root)
    path = barriers.fence_path(parent, step)
    standing = actions.find_barriers(tx, root, [path])
    if standing.get(path) == barriers.FENCED:
        return
    actions.save_barrier(tx, root, path, barriers.FENCED)
    chain.barriers += path not in standing
    chain.append("fence", {"parent": parent, "step": step})
    chain.save()


def _write(
    tx: Transaction,
    chain: Chain,
    before: Action | None,
    after: Action,
    took: Mapping[str, int | None],
) -> None:
    actions.save(tx, after)
    if after.state is State.HAPPENED:
        reservations.settle(tx, after.key, took)
    elif after.state in (State.REFUSED, State.FAILED):
        reservations.release(tx, after.key)
    chain.totals = rules.count(chain.totals, before, after)


def _refund(tx: Transaction, chain: Chain, done: Action) -> None:
    reservations.refund(tx, done.key)
    left = chain.totals.spent_micros - done.spent_micros
    chain.totals = replace(chain.totals, spent_micros=left)


def _part(
    tx: Transaction, chain: Chain, key: StepKey, compiled: str, output: Content | None
) -> Action:
    make: Callable[..., Action] = Action
    texts = ("tool", "contract", "owner", "request_digest", "proposed_digest", "enforced_digest")
    return make(
        key=key,
        compiled=compiled,
        operation="plan",
        state=State.HAPPENED,
        output=output.digest if output else None,
        undo=None,
        begun_ms=tx.now_ms,
        ended_ms=tx.now_ms,
        effect_order=chain.next_seq,
        **dict.fromkeys((*texts, "arguments", "decision_id", "revision"), ""),
        **dict.fromkeys(("attempts", "refusals", "lease_until_ms"), 0),
    )


def _name(key: StepKey) -> JSONObject:
    return {"path": key.path, "direction": key.direction.value}


def _intent_body(intent: Intent, attempt: int) -> JSONObject:
    held: list[JSON] = [
        {"counter": one.counter, "amount": one.amount, "ceiling": one.ceiling}
        for one in intent.reserve
    ]
    about: JSONObject = {"resource": intent.resource} if intent.resource else {}
    return {
        **_name(intent.key),
        **about,
        "attempt": attempt,
        "owner": intent.owner,
        "compiled": intent.compiled,
        "tool": intent.tool,
        "contract": intent.contract,
        "operation": intent.operation,
        "request": intent.request_digest,
        "proposed": intent.proposed_digest,
        "enforced": intent.enforced_digest,
        "arguments": intent.arguments.digest,
        "decision": intent.decision,
        "grants": list(intent.grants),
        "reserve": held,
    }


def _outcome_body(ended: Action, outcome: Outcome) -> JSONObject:
    return {
        **_name(ended.key),
        "attempt": outcome.attempt,
        "state": outcome.state.value,
        "code": outcome.code,
        "faulty": outcome.faulty,
        "output": ended.output,
        "spent_micros": ended.spent_micros,
        "undo": _undo_body(ended.undo),
    }


def _found(outcome: Outcome) -> JSONObject:
    """Return what was found in the data of a call, and what was done about it."""
    told: JSONObject = {}
    if outcome.detected:
        told["detected"] = list(outcome.detected)
    if outcome.redacted:
        told["redacted"] = list(outcome.redacted)
    if outcome.passed:
        told["passed"] = outcome.passed
    return told


def _undo_body(undo: FrozenUndo | None) -> JSON:
    if undo is None:
        return None
    return {"tool": undo.tool, "contract": undo.contract, "arguments": undo.arguments}
