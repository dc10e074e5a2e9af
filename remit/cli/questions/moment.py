"""`remit state`: how a run stood at one of its records, or at a moment."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from remit.canonical import Digest
from remit.cli.errors import ExitCode, usage
from remit.cli.output import Document, answer
from remit.cli.questions.opening import Opened, Wanted, opened
from remit.cli.questions.words import doubts, moment, table
from remit.evidence.fields import whole
from remit.evidence.story import tell
from remit.ledger.entries import Action, GateRow, State
from remit.ledger.folding import RunState
from remit.ledger.proofs import named
from remit.plan.compiled import CompiledPlan
from remit.plan.path import Direction, StepKey
from remit.saga.standing import Left, left_of

_STATES = {State.OPEN: "running", State.HAPPENED: "done"}


@dataclass(frozen=True, slots=True)
class StepThen:
    """One step as it stood."""

    path: str
    """Path of the plan in which it stands, and its id."""
    state: str
    tool: str
    calls: int
    """How many calls of it had begun: items, iterations, generations."""


def state(wanted: Wanted, at: str | None, *, as_json: bool) -> int:
    """Print how the run stood."""
    return asyncio.run(_state(wanted, _until(at), as_json=as_json))


async def _state(wanted: Wanted, until: dict[str, int], *, as_json: bool) -> int:
    async with opened(wanted) as run:
        then = run.whole_state(**until)
        plans = await run.plans(then)
    steps, left = steps_of(then, plans), left_of(list(then.actions.values()))
    answer(_document(run, then, steps, left), _lines(run, then, steps, left), as_json=as_json)
    return ExitCode.FINDINGS if run.findings() else ExitCode.OK


def _until(at: str | None) -> dict[str, int]:
    """Return the bound that was typed: a record's number, or a moment (RFC 3339)."""
    if at is None:
        return {}
    if re.fullmatch(r"\d{1,9}", at):
        return {"until_seq": int(at)}
    try:
        read = datetime.fromisoformat(at)
    except ValueError as error:
        hint = "a record's number, or a time such as 2026-11-21T09:00:00Z"
        raise usage("CLI-USAGE", f"{at!r} is no moment", hint) from error
    if read.tzinfo is None:
        read = read.replace(tzinfo=UTC)
    return {"until_ms": int(read.timestamp() * 1000)}


def steps_of(then: RunState, plans: Mapping[Digest, CompiledPlan]) -> list[StepThen]:
    """Return every step of every plan in force, also those that had not begun."""
    calls: dict[tuple[str, str], list[Action]] = {}
    for action in then.actions.values():
        calls.setdefault((action.key.parent, action.key.segment.step), []).append(action)
    skipped = {(key.parent, key.segment.step) for key in then.skipped}
    found: list[StepThen] = []
    for path, admission in sorted(then.admissions.items()):
        plan = None if "#" in path else plans.get(admission.compiled)
        for step in plan.steps if plan else ():
            place = path, step.id
            tool = step.call.tool if step.call else "sub-plan"
            mine = calls.pop(place, [])
            stood = _stood(then, path, step.id, mine, place in skipped)
            found.append(StepThen("/".join(filter(None, place)), stood, tool, _count(mine)))
    for (path, step_id), mine in calls.items():
        stood = _stood(then, path, step_id, mine, (path, step_id) in skipped)
        name = "/".join(filter(None, (path, step_id)))
        found.append(StepThen(name, stood, mine[0].tool, _count(mine)))
    return found


def _count(calls: Sequence[Action]) -> int:
    return sum(1 for action in calls if action.key.direction is Direction.DO)


def _stood(
    then: RunState, path: str, step_id: str, calls: Sequence[Action], is_skipped: bool
) -> str:
    waits = any(
        gate.state == "open" and (gate.key.parent, gate.key.segment.step) == (path, step_id)
        for gate in then.gates.values()
    )
    undos = {one.key.path: one for one in calls if one.key.direction is Direction.UNDO}
    words = [
        _call(one, undos.get(one.key.path)) for one in calls if one.key.direction is Direction.DO
    ]
    words += ["waits for people"] if waits else []
    if not words:
        return "skipped" if is_skipped else "pending"
    counted = {word: words.count(word) for word in words}
    if len(words) == 1:
        return words[0]
    return ", ".join(f"{number} {word}" for word, number in counted.items())


def _call(done: Action, undo: Action | None) -> str:
    if undo is not None and undo.state is State.HAPPENED:
        return "undone"
    if undo is not None:
        return f"undo {_STATES.get(undo.state, undo.state.value)}"
    if done.faulty:
        return f"done, but {done.code}"
    return _STATES.get(done.state, done.state.value)


def _document(
    run: Opened, then: RunState, steps: Sequence[StepThen], left: Sequence[Left]
) -> Document:
    last, _ = run.dossier.moment
    return {
        "ok": not run.findings(),
        "run": run.name,
        "root": then.root,
        "at": {"record": then.seq, "of": last, "time": moment(then.at_ms)},
        "status": then.status,
        "sealed": then.is_sealed,
        "steps": [asdict(step) for step in steps],
        "gates": [_gate(gate, names) for gate, names in _gates(run, then)],
        "totals": asdict(then.totals),
        "undo_list": [_left(one) for one in left],
        "findings": list(run.findings()),
    }


def _gate(gate: GateRow, proven: frozenset[str]) -> dict[str, object]:
    return {
        "gate": gate.id,
        "path": gate.key.path,
        "code": gate.code,
        "role": gate.role,
        "quorum": gate.quorum,
        "state": gate.state,
        "voters": list(gate.voters),
        "verified": [one for one in gate.voters if one in proven],
        "opened": moment(gate.opened_ms),
        "expires": moment(gate.expires_ms),
        "used_by": gate.consumed_by,
    }


def _left(one: Left) -> dict[str, object]:
    return {
        "path": one.do.key.path,
        "tool": one.do.tool,
        "state": one.do.state.value,
        "undone_by": one.do.undo.tool if one.do.undo else None,
        "verdict": one.verdict,
        "code": one.code,
    }


def _lines(
    run: Opened, then: RunState, steps: Sequence[StepThen], left: Sequence[Left]
) -> Iterator[str]:
    yield from doubts(run)
    last, _ = run.dossier.moment
    yield f"{run.name}  {then.status}"
    yield f"as of record {then.seq} of {last}, {moment(then.at_ms)}"
    yield "steps"
    yield from table([(step.path, step.state, step.tool) for step in steps])
    if then.gates:
        yield "gates"
        yield from table([_gate_row(gate, names) for gate, names in _gates(run, then)])
    totals = then.totals
    yield (
        f"{totals.calls} calls, {totals.effects} effects, {totals.undone} undone, "
        f"{totals.denials} denied; {totals.spent_micros / 1e6:g} spent, "
        f"{totals.reserved_micros / 1e6:g} held {then.run.get('currency') or ''}".rstrip()
    )
    yield "on the undo list, latest first" if left else "nothing on the undo list"
    yield from table([_left_row(one) for one in left])


def _gates(run: Opened, then: RunState) -> Iterator[tuple[GateRow, frozenset[str]]]:
    """Yield the gates, each with those of its people whose name a token proved."""
    records = (one for one in run.dossier.records if whole(one, "seq") <= then.seq)
    told = tell(then.root, ((one, Digest("")) for one in records)).gates
    for gate in then.gates.values():
        yield gate, told[gate.id].proven if gate.id in told else frozenset()


def _gate_row(gate: GateRow, proven: frozenset[str]) -> tuple[str, str, str]:
    voters = [named(one, is_verified=one in proven) for one in gate.voters]
    by = f" by {', '.join(voters)}" if voters else ""
    used = f", used by {StepKey.parse(gate.consumed_by).path}" if gate.consumed_by else ""
    due = f" until {moment(gate.expires_ms)}" if gate.state == "open" else ""
    return gate.id, gate.role, f"{gate.state}{by}{due}{used}"


def _left_row(one: Left) -> tuple[str, str, str]:
    words = {
        "undo": f"undone by {one.do.undo.tool if one.do.undo else '?'}",
        "blocked": f"to be settled first: {one.code or one.do.state.value}",
        "nothing": f"stays: {one.code}",
    }
    return one.do.key.path, one.do.tool, words[one.verdict]
