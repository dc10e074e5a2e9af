"""`remit explain`: why each step is there and how it stands, of a run or of a plan's file."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from remit.cli.compiling import STDIN
from remit.cli.connecting import connected
from remit.cli.errors import ExitCode
from remit.cli.outlook import Expected
from remit.cli.output import answer
from remit.cli.place import find_project
from remit.cli.run import link_of
from remit.cli.stack import stack
from remit.cli.stack.environment import StackEnvironment
from remit.cli.starting import Prepared, prepare
from remit.cli.telling import ending, waiting
from remit.client.outcome import Outcome, outcome
from remit.client.snapshot import Snapshot, StepState, Waiting, step_states, take_snapshot
from remit.client.submission import handle_of
from remit.plan.compiled import CompiledStep


def explain(subject: str, project: Path | None, *, as_json: bool) -> int:
    """Explain the plan in the file `subject`, or the run of that workflow id."""
    if subject == STDIN or Path(subject).is_file():
        return _file(prepare(subject, {}, project), as_json=as_json)
    environment = stack.environment(find_project(project))
    return asyncio.run(_run(subject, environment, as_json=as_json))


def _file(prepared: Prepared, *, as_json: bool) -> int:
    plan = prepared.plan
    expected = Expected.of(plan, prepared.compilation)
    document = {
        "ok": True,
        "plan": f"{plan.name}@{plan.version}",
        "digest": plan.plan_digest,
        "goal": plan.goal,
        "agent": plan.agent,
        "on_behalf_of": plan.on_behalf_of,
        "tenant": plan.tenant,
        "owner": plan.owner,
        "steps": [_step(step) for step in plan.steps],
        "outlook": expected.document(),
    }
    lines = [
        f"{plan.name} {plan.version}  {plan.plan_digest}",
        plan.goal,
        f"{plan.agent} on behalf of {plan.on_behalf_of}, tenant {plan.tenant}, "
        f"owner {plan.owner}; at most {plan.deadline_s:.0f} s",
        expected.spending(),
        *(
            line
            for step, known in zip(plan.steps, expected.steps, strict=True)
            for line in (*_step_lines(step), *(f"      {word}" for word in expected.words(known)))
        ),
    ]
    answer(document, lines, as_json=as_json)
    return ExitCode.OK


def _step(step: CompiledStep) -> dict[str, object]:
    return {
        "step": step.id,
        "tool": step.call.tool if step.call else "sub-plan",
        "needs": list(step.needs),
        "when": step.when,
        "require": list(step.require),
        "ensure": list(step.ensure),
        "undo": step.undo.tool if step.undo else None,
        "irreversible": step.irreversible,
        "owner": step.owner,
        "confidence": step.confidence,
        "reason": step.reason,
    }


def _step_lines(step: CompiledStep) -> Iterator[str]:
    yield f"  {step.id}  {step.call.tool if step.call else 'sub-plan'}"
    if step.reason:
        yield f"      because {step.reason}"
    if step.needs:
        yield f"      after {', '.join(step.needs)}"
    for word, expressions in (
        ("when", [step.when] if step.when else []),
        ("requires", step.require),
        ("ensures", step.ensure),
    ):
        for expression in expressions:
            yield f"      {word} {expression}"
    if step.undo is not None:
        yield f"      undone by {step.undo.tool}"
    elif step.irreversible:
        yield "      irreversible: a person must agree"


async def _run(workflow_id: str, environment: StackEnvironment, *, as_json: bool) -> int:
    client = await connected(environment)
    handle = handle_of(client, workflow_id)
    now = await take_snapshot(handle)
    steps = now.steps or await step_states(handle, now.waits)
    end = await outcome(handle) if now.is_closed else None
    link = link_of(environment, workflow_id)
    document = {
        "ok": True,
        "workflow_id": workflow_id,
        "status": now.status,
        "worker_answers": now.is_live,
        "code": now.code,
        "step": now.step,
        "reason": now.reason,
        "steps": [_state(step) for step in steps],
        "waits": [_wait(wait) for wait in now.waits],
        "outcome": end.model_dump(mode="json") if end else None,
        "web_ui": link,
    }
    answer(document, _lines(workflow_id, now, steps, end, link), as_json=as_json)
    return ExitCode.OK


def _lines(
    workflow_id: str,
    now: Snapshot,
    steps: Sequence[StepState],
    end: Outcome | None,
    link: str,
) -> Iterator[str]:
    yield f"{workflow_id}  {now.status}"
    if not now.is_live:
        yield "no worker answers; this is what Temporal itself keeps"
    for step in steps:
        yield f"  {step.id}  {step.state}  {step.tool}"
        if step.why:
            yield f"      {step.why}"
        yield f"      because {step.reason}"
        yield f"      {step.policy}"
    for wait in now.waits:
        yield from waiting(wait)
    if end is not None:
        yield from ending(end, link)
    else:
        yield link


def _state(step: StepState) -> dict[str, object]:
    return {
        "step": step.id,
        "tool": step.tool,
        "state": step.state,
        "reason": step.reason,
        "policy": step.policy,
        "why": step.why,
    }


def _wait(wait: Waiting) -> dict[str, object]:
    return {
        "step": wait.step,
        "role": wait.role,
        "kind": wait.kind,
        "reason": wait.reason,
        "due": wait.due,
        "command": wait.command,
    }
