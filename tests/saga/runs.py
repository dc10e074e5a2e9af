"""Compiled plans and ledger actions in short, for tests of undoing."""

from dataclasses import replace

from remit.ledger.entries import Action, FrozenUndo, State
from remit.plan.compiled import CompiledCall, CompiledPlan, CompiledRetry, CompiledStep, Limits
from remit.plan.contract import Constraints
from remit.plan.path import Direction, StepKey

D = "sha256:" + "1" * 64


def step(name: str, needs: str = "", **given: object) -> CompiledStep:
    """Return a step that calls `do.<name>` and is undone by `undo.<name>`."""
    call = CompiledCall(tool=f"do.{name}@1", contract=D, args={})
    fields: dict[str, object] = {
        "id": name, "call": call, "plan": None, "args": {}, "needs": needs.split(), "join": -1,
        "when": None, "require": [], "ensure": [], "for_each": None, "repeat": None,
        "undo": CompiledCall(tool=f"undo.{name}@1", contract=D, args={}), "irreversible": False,
        "retry": CompiledRetry(max_attempts=3, initial_s=1, max_s=1), "timeout_s": 30,
        "heartbeat_s": None, "queue": None, "on_denied": None, "on_failed": None,
        "fallback_for": [], "approval": None, "autonomy": "unattended", "owner": "",
        "confidence": None, "reason": "",
    }  # fmt: skip
    return CompiledStep.model_validate(fields | given)


def plan(*steps: CompiledStep) -> CompiledPlan:
    """Return a plan of `steps`, owned by `team:plan`."""
    return CompiledPlan(
        engine=1, plan_digest=D, name="p", version="1.0.0", goal="g", agent="a@1.0.0",
        on_behalf_of="someone", tenant="t", owner="team:plan", provenance=None, inputs={},
        inputs_schema={}, constraints=Constraints(), deadline_s=60, limits=Limits(),
        steps=list(steps), outputs={}, contracts={}, plans={},
    )  # fmt: skip


def did(
    path: str,
    order: int = 1,
    state: State = State.HAPPENED,
    operation: str = "write",
    undo: bool | None = True,
    code: str = "",
    faulty: bool = False,
) -> Action:
    """Return what the ledger knows of a call; `undo` None: no undo, False: no arguments for it."""
    key = StepKey.parse(f"root:{path}:do")
    name = key.segment.step
    frozen = None if undo is None else FrozenUndo(f"undo.{name}@1", D, D if undo else None)
    return Action(
        key=key, compiled=D, tool=f"do.{name}@1", contract=D, operation=operation, state=state,
        attempts=1, refusals=0, owner="w", lease_until_ms=0, request_digest=D, proposed_digest=D,
        enforced_digest=D, arguments=D, output=None, undo=frozen, decision_id="d", revision="r",
        begun_ms=0, ended_ms=0, effect_order=order, code=code, faulty=faulty,
    )  # fmt: skip


def undid(path: str, state: State = State.HAPPENED, code: str = "") -> Action:
    """Return what the ledger knows of the undo of a call."""
    action = did(path, state=state, code=code)
    return replace(action, key=replace(action.key, direction=Direction.UNDO), undo=None)
