"""What operators may say to a run, and how a message is read.

Each message is a signal and an update of one name and one JSON object (design.md §8). Handlers take
raw payloads: a typed signal parameter would drop a malformed vote in silence while the CLI reports
success.
"""

import json

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from remit.canonical import JSON, NotCanonicalError, canonical
    from remit.plan.plain import MAX_DEPTH, is_shallow

GATE_MESSAGES = {
    "approve": 'Approve a gate: {"step", "digest", "by", "comment"?}',
    "reject": 'Reject a gate; the run is undone: {"step", "digest"?, "by", "comment"?}',
    "edit": "Change a call's arguments, all given anew; policy decides again: "
    '{"step", "digest", "by", "args", "comment"?}',
    "request_changes": "Send a step back to whoever planned it; `amend` answers: "
    '{"step", "digest"?, "by", "comment"}',
    "take_over": "Say what came of the call that you made by hand; the tool is not called: "
    '{"step", "digest", "by", "output", "comment"?}',
    "claim": 'Keep a gate to yourself for half an hour: {"step", "by"}',
    "release": 'Give up a claim, or take back a vote handed over: {"step", "by"}',
    "delegate": 'Hand your vote to somebody: {"step", "by", "to", "comment"?}',
}
CONTROL_MESSAGES = {
    "hold": 'Begin nothing more until resume: {"by", "reason"}',
    "resume": 'Go on after hold: {"by", "reason"?}',
    "rollback": 'Stop and undo everything: {"by", "reason"}',
    "resolve_doubt": 'Say whether a call happened: {"step", "happened", "evidence", "by"}',
    "amend": "Change steps that have not begun: "
    '{"steps": [step], "drop"?: [id], "outputs"?, "digest"?, "dry"?, "by", "reason"}',
    "repair": 'Settle residue: {"step", "do": "retry"|"mark_done"|"hand_over", "reason", "by"}',
}
MESSAGES = GATE_MESSAGES | CONTROL_MESSAGES
RUN_ORDERS = ("hold", "resume", "rollback")
"""Messages that policy judges and the workflow then obeys by itself."""

# Between a run's own workflows.
WAIT_CHANGED = "remit_wait_changed"
"""Child to root: something waits for a person, or does not any more."""
WAIT_ANSWERED = "remit_wait_answered"
"""Root to child: the ledger holds an answer; look."""

MAX_MESSAGE_BYTES = 64 * 1024
MAX_AMENDMENT_BYTES = 256 * 1024
MAX_DOCUMENT_BYTES = 1024 * 1024


_MAX_DOCUMENT_DEPTH = 200
"""Admission tells where a plan is nested too deeply; beyond this it could not be sent there."""


def read_payload(value: RawValue, name: str = "") -> JSON:
    """Return the JSON of a message; anything unreadable becomes text that says so.

    What no activity could be sent and no ledger could keep is unreadable too: it would be tried for
    ever, and every message behind it would wait.
    """
    data = value.payload.data
    most = MAX_AMENDMENT_BYTES if name == "amend" else MAX_MESSAGE_BYTES
    if len(data) > most:
        return f"{len(data)} bytes: larger than {most}"
    try:
        parsed: JSON = json.loads(data)
    except (ValueError, RecursionError):
        return _beginning(data)
    fault = _fault(parsed)
    return f"{fault}: {_beginning(data)}" if fault else parsed


def read_document(value: RawValue) -> JSON:
    """Return the JSON that a run was started with; admission says what is wrong with it."""
    data = value.payload.data
    if len(data) > MAX_DOCUMENT_BYTES:
        return f"{len(data)} bytes"
    try:
        parsed: JSON = json.loads(data)
        json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return _beginning(data)
    return parsed if is_shallow(parsed, _MAX_DOCUMENT_DEPTH) else _beginning(data)


def _fault(message: JSON) -> str:
    """Return why a message cannot be recorded as it is; empty when it can."""
    if not is_shallow(message):
        return f"nested deeper than {MAX_DEPTH}"
    try:
        text = canonical(message)
    except (NotCanonicalError, UnicodeError) as error:
        return str(error)[:_SHOWN]
    # PostgreSQL's texts hold every character but this.
    return "it holds U+0000" if b"\\u0000" in text.replace(rb"\\", b"") else ""


_SHOWN = 200


def _beginning(data: bytes) -> str:
    return storable(data[:_SHOWN].decode(errors="replace"))


def storable(text: str) -> str:
    """Return `text` without the one character that PostgreSQL's texts cannot hold."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
