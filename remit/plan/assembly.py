"""Writing down a checked plan as the compiled form that is stored, pinned and run.

Nothing is judged here: every check has passed. The same draft gives the same bytes everywhere.
"""

from collections.abc import Mapping

from remit.canonical import Digest
from remit.plan.checked import Action, Draft, Undo
from remit.plan.compiled import (
    ENGINE,
    CompiledCall,
    CompiledForEach,
    CompiledPlan,
    CompiledRepeat,
    CompiledRetry,
    CompiledStep,
    parse_duration,
)
from remit.plan.constraints import tools_of
from remit.plan.contract import Retry, Step
from remit.plan.structure import needs_of
from remit.tool.contract import ToolContract

DEFAULT_DEADLINE_S = 30 * 86400.0
"""How long a run may take when the plan does not say, in seconds."""
_HEARTBEAT_FROM_S = 5
"""Calls that may take longer than this heartbeat (design.md §2)."""


class _Shared:
    """What many steps of a plan have in common, written down once: it is frozen."""

    def __init__(self) -> None:
        self._undos: dict[Undo, CompiledCall] = {}
        self._retries: dict[tuple[int, str, str], CompiledRetry] = {}

    def undo(self, draft: Draft, at: int) -> CompiledCall | None:
        """Return the undoing call of a step."""
        undo = draft.undos[at]
        tool = None if undo is None else draft.toolbox.find(undo.tool)
        if undo is None or tool is None:
            return None
        if undo not in self._undos:
            call = CompiledCall(tool=undo.tool, contract=tool.digest, args=undo.args)
            self._undos[undo] = call
        return self._undos[undo]

    def retry(self, retry: Retry) -> CompiledRetry:
        """Return how a step is called again."""
        key = (retry.max_attempts, retry.initial, retry.max)
        if key not in self._retries:
            initial_s, max_s = parse_duration(retry.initial), parse_duration(retry.max)
            self._retries[key] = CompiledRetry(
                max_attempts=retry.max_attempts, initial_s=initial_s, max_s=max(initial_s, max_s)
            )
        return self._retries[key]


def assemble(
    draft: Draft, plan_digest: Digest, contracts: Mapping[Digest, ToolContract]
) -> CompiledPlan:
    """Return the compiled form of a draft without errors, which may need `contracts`."""
    plan = draft.plan
    deadline = plan.constraints.deadline
    return CompiledPlan(
        engine=ENGINE,
        plan_digest=plan_digest,
        name=plan.name,
        version=plan.version,
        goal=plan.goal,
        agent=plan.agent,
        on_behalf_of=plan.on_behalf_of,
        tenant=plan.tenant,
        owner=plan.owner,
        provenance=plan.provenance,
        inputs=draft.inputs.values or {},
        inputs_schema=draft.inputs.schema,
        constraints=plan.constraints,
        deadline_s=DEFAULT_DEADLINE_S if deadline is None else parse_duration(deadline),
        limits=draft.toolbox.limits,
        steps=_steps(draft),
        outputs=plan.outputs,
        contracts=dict(sorted((c.ref, digest) for digest, c in contracts.items())),
        plans=_plans(draft),
    )


def contracts_of(draft: Draft) -> dict[Digest, ToolContract]:
    """Return every contract that the plan may need, sub-plans included, by digest."""
    found: dict[Digest, ToolContract] = {}
    taken = set[tuple[str | None, str | None]]()
    for at, action in enumerate(draft.actions):
        called = draft.called(at)
        for _, ref in () if called in taken else tools_of(draft, at):
            tool = draft.toolbox.find(ref)
            if tool is not None:
                found[tool.digest] = tool.contract
        taken.add(called)
        if action.part is not None:
            found.update(action.part.contracts)
    return found


def _plans(draft: Draft) -> dict[str, Digest]:
    found: dict[str, Digest] = {}
    for action in draft.actions:
        if action.part is not None:
            compiled = action.part.compiled
            found[f"{compiled.name}@{compiled.version}"] = action.part.digest
            found.update(compiled.plans)
    return dict(sorted(found.items()))


def _steps(draft: Draft) -> list[CompiledStep]:
    shared = _Shared()
    return [_step(draft, at, shared) for at in range(len(draft.plan.steps))]


def _step(draft: Draft, at: int, shared: _Shared) -> CompiledStep:
    step, action = draft.plan.steps[at], draft.actions[at]
    timeout_s = _timeout(draft, step, action)
    node = draft.graph.nodes[at]
    contract = None if action.tool is None else action.tool.contract
    return CompiledStep(
        id=step.id,
        call=_call(action, step),
        plan=None if action.part is None else action.part.digest,
        args=step.args if action.part is None else {**action.part.defaults, **step.args},
        needs=needs_of(step),
        join=node.join,
        when=step.when,
        require=step.require,
        ensure=step.ensure,
        for_each=_for_each(step),
        repeat=_repeat(step),
        undo=shared.undo(draft, at),
        irreversible=step.irreversible or (contract is not None and contract.irreversible),
        retry=shared.retry(step.retry),
        timeout_s=timeout_s,
        heartbeat_s=_heartbeat(draft, contract, timeout_s),
        queue=_queue(draft, contract),
        on_denied=step.on_denied,
        on_failed=step.on_failed,
        fallback_for=[] if node.original is None else [draft.plan.steps[node.original].id],
        approval=step.approval,
        autonomy=step.autonomy,
        owner=step.owner or draft.plan.owner,
        confidence=step.confidence,
        reason=step.reason,
    )


def _timeout(draft: Draft, step: Step, action: Action) -> float:
    if step.timeout is not None:
        return parse_duration(step.timeout)
    if action.tool is not None:
        return action.tool.contract.timeout_s
    return DEFAULT_DEADLINE_S if action.part is None else action.part.compiled.deadline_s


def _heartbeat(draft: Draft, contract: ToolContract | None, timeout_s: float) -> float | None:
    if contract is None or timeout_s <= _HEARTBEAT_FROM_S:
        return None
    return contract.heartbeat_s or draft.toolbox.limits.heartbeat_s


def _queue(draft: Draft, contract: ToolContract | None) -> str | None:
    if contract is None:
        return None
    return contract.task_queue or draft.toolbox.queue


def _call(action: Action, step: Step) -> CompiledCall | None:
    if action.tool is None:
        return None
    return CompiledCall(tool=action.tool.contract.ref, contract=action.tool.digest, args=step.args)


def _for_each(step: Step) -> CompiledForEach | None:
    loop = step.for_each
    if loop is None:
        return None
    return CompiledForEach(items=loop.items, var=loop.var, max_parallel=loop.max_parallel)


def _repeat(step: Step) -> CompiledRepeat | None:
    repeat = step.repeat
    if repeat is None:
        return None
    every_s = 0.0 if repeat.every is None else parse_duration(repeat.every)
    return CompiledRepeat(until=repeat.until, max_times=repeat.max_times, every_s=every_s)


def plans_by_digest(draft: Draft) -> Mapping[Digest, CompiledPlan]:
    """Return every compiled sub-plan, nested ones too, by digest."""
    found: dict[Digest, CompiledPlan] = {}
    for action in draft.actions:
        if action.part is not None:
            found.update(action.part.parts)
            found[action.part.digest] = action.part.compiled
    return found
