"""What a run waits for, as people are told of it: each with the complete command to type."""

import json

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSONObject
    from remit.plan.wire import Gate
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


def gate_wait(scope: Scope, gate: Gate) -> Wait:
    """Return the wait for whoever may answer a gate."""
    body: JSONObject = {"step": gate.path, "digest": gate.proposed_digest, "by": "YOU"}
    return Wait(
        id=gate.id,
        kind="gate",
        step=gate.path,
        role=gate.role,
        reason=gate.message or gate.code,
        due_ms=gate.expires_ms,
        digest=gate.proposed_digest,
        command=signal_command(scope.workflow_id, "approve", body),
    )


def changes_wait(scope: Scope, gate: Gate) -> Wait:
    """Return the wait for whoever planned a step that was sent back."""
    step = gate.path.rpartition("/")[2]
    body: JSONObject = {"steps": [{"id": step}], "by": "YOU", "reason": "…"}
    return Wait(
        id=gate.id,
        kind="changes",
        step=gate.path,
        role="planner",
        reason="changes were asked for",
        due_ms=gate.expires_ms,
        digest=gate.proposed_digest,
        command=signal_command(scope.workflow_id, "amend", body),
    )


def held_wait(scope: Scope, path: str, reason: str) -> Wait:
    """Return the wait for an operator to order a run back that its deadline holds."""
    return Wait(
        id=f"held:{path}",
        kind="held",
        step=path,
        role="operator",
        reason=reason,
        command=signal_command(scope.workflow_id, "rollback", {"reason": "…", "by": "YOU"}),
    )


def doubt_wait(scope: Scope, path: str, reason: str) -> Wait:
    """Return the wait for a person who says whether the call at `path` happened."""
    body: JSONObject = {"step": path, "happened": True, "evidence": "…", "by": "YOU"}
    return Wait(
        id=path,
        kind="doubt",
        step=path,
        role="operator",
        reason=reason,
        command=signal_command(scope.workflow_id, "resolve_doubt", body),
    )
