"""What a run waits for, as people are told of it: each with the complete command to type."""

import json

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSONObject
    from remit.plan.wire import Gate, Residue
    from workflows.scope import Scope, Wait


def signal_command(workflow_id: str, name: str, body: JSONObject) -> str:
    """Return the complete command line that sends `body` as signal `name`."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    to = f"--workflow-id {_quoted(workflow_id)} --name {name}"
    return f"temporal workflow signal {to} --input {_quoted(text)}"


def _quoted(text: str) -> str:
    """Return `text` as one word of a shell: whoever starts a run chooses its id."""
    return "'" + text.replace("'", "'\\''") + "'"


def reject_command(workflow_id: str, wait: Wait) -> str:
    """Return the command line that says no at a gate."""
    body: JSONObject = {"step": wait.step, "digest": wait.digest, "by": "YOU", "comment": "…"}
    return signal_command(workflow_id, "reject", body)


def command_of(scope: Scope, wait: Wait) -> str:
    """Return the command line that answers a wait: the same wherever in the run it stands."""
    step = wait.step.rpartition("/")[2]
    bodies: dict[str, tuple[str, JSONObject]] = {
        "gate": ("approve", {"step": wait.step, "digest": wait.digest, "by": "YOU"}),
        "changes": ("amend", {"steps": [{"id": step}], "by": "YOU", "reason": "…"}),
        "held": ("rollback", {"reason": "…", "by": "YOU"}),
        "doubt": (
            "resolve_doubt",
            {"step": wait.step, "happened": True, "evidence": "…", "by": "YOU"},
        ),
        "repair": ("repair", {"step": wait.step, "do": "retry", "reason": "…", "by": "YOU"}),
    }
    return signal_command(scope.workflow_id, *bodies[wait.kind])


def _commanded(scope: Scope, wait: Wait) -> Wait:
    return wait.model_copy(update={"command": command_of(scope, wait)})


def gate_wait(scope: Scope, gate: Gate) -> Wait:
    """Return the wait for whoever may answer a gate."""
    wait = Wait(
        id=gate.id,
        kind="gate",
        step=gate.path,
        role=gate.role,
        reason=gate.message or gate.code,
        due_ms=gate.expires_ms,
        digest=gate.proposed_digest,
    )
    return _commanded(scope, wait)


def changes_wait(scope: Scope, gate: Gate) -> Wait:
    """Return the wait for whoever planned a step that was sent back."""
    wait = Wait(
        id=gate.id,
        kind="changes",
        step=gate.path,
        role="planner",
        reason="changes were asked for",
        due_ms=gate.expires_ms,
        digest=gate.proposed_digest,
    )
    return _commanded(scope, wait)


def held_wait(scope: Scope, path: str, reason: str) -> Wait:
    """Return the wait for an operator to order a run back that its deadline holds."""
    wait = Wait(id=f"held:{path}", kind="held", step=path, role="operator", reason=reason)
    return _commanded(scope, wait)


def doubt_wait(scope: Scope, path: str, reason: str) -> Wait:
    """Return the wait for a person who says whether the call at `path` happened."""
    return _commanded(scope, Wait(id=path, kind="doubt", step=path, role="operator", reason=reason))


def repair_wait(scope: Scope, left: Residue) -> Wait:
    """Return the wait for whoever settles what could not be undone."""
    reason = f"{left.code}: {left.reason}"
    return _commanded(
        scope, Wait(id=left.path, kind="repair", step=left.path, role=left.owner, reason=reason)
    )
