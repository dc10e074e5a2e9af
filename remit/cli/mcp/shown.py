"""What an agent is shown of tools and runs: enough to plan and to mend a plan, and bounded.

Commands with which people vote are left out: an agent that can type must not find them here. Why
something ended so may be told in a tool's own words, from which secrets were taken when they came;
here they become one line, of a length that leaves room for the rest.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict

from remit.cli.errors import Finding
from remit.cli.output import documented
from remit.client.outcome import Outcome
from remit.client.snapshot import Snapshot, StepState
from remit.tool.texts import one_line

Answer = dict[str, object]
"""What a tool of the server answers: built of JSON's own types, `ok` first."""
MOST_STEPS = 200
"""Most steps of a run in one answer."""
LONGEST = 500
"""Most characters of a reason."""
_NOT_REFUSALS = ("pending", "running", "done", "skipped", "dropped", "waits for")


def refused(findings: Sequence[Finding]) -> Answer:
    """Return the answer that says no."""
    return {"ok": False, "diagnostics": documented(findings)}


def token_of(snapshot: Snapshot) -> str:
    """Return a word that changes when a run does."""
    return hashlib.sha256(json.dumps(_told(snapshot), sort_keys=True).encode()).hexdigest()[:16]


def run_of(run_id: str, snapshot: Snapshot, ended: Outcome | None) -> Answer:
    """Return how a run stands."""
    return {
        "ok": True,
        "run_id": run_id,
        "state": token_of(snapshot),
        **_told(snapshot),
        "outcome": _outcome(ended) if ended else None,
    }


def refusals_of(run_id: str, snapshot: Snapshot, ended: Outcome | None) -> Answer:
    """Return what was refused in a run, and why."""
    steps = [_step(step) for step in snapshot.steps if _is_refusal(step)]
    return {
        "ok": True,
        "run_id": run_id,
        "status": snapshot.status,
        "code": ended.code if ended else snapshot.code,
        "step": ended.step if ended else snapshot.step,
        "reason": _line(ended.reason if ended else snapshot.reason),
        "steps": steps[:MOST_STEPS],
        "undone": ended.undone if ended else snapshot.undone,
        "residue": _residue(ended) if ended else [],
        "diagnostics": [one.model_dump(mode="json") for one in ended.diagnostics] if ended else [],
    }


def _outcome(ended: Outcome) -> Answer:
    told = ended.model_dump(mode="json")
    return {**told, "reason": _line(ended.reason), "residue": _residue(ended)}


def _residue(ended: Outcome) -> list[Answer]:
    return [{**one.model_dump(mode="json"), "reason": _line(one.reason)} for one in ended.residue]


def _line(text: str) -> str:
    return one_line(text, LONGEST)


def _told(snapshot: Snapshot) -> Answer:
    waits = [
        {"step": w.step, "role": w.role, "kind": w.kind, "reason": _line(w.reason), "due": w.due}
        for w in snapshot.waits
    ]
    return {
        "status": snapshot.status,
        "is_over": snapshot.is_closed,
        "is_live": snapshot.is_live,
        "counts": dict(snapshot.counts),
        "code": snapshot.code,
        "reason": _line(snapshot.reason),
        "step": snapshot.step,
        "undone": snapshot.undone,
        "waits": waits,
        "more_waits": snapshot.more_waits,
        "steps": [_step(step) for step in snapshot.steps[:MOST_STEPS]],
        "more_steps": max(0, len(snapshot.steps) - MOST_STEPS),
    }


def _step(step: StepState) -> Answer:
    return {name: _line(text) for name, text in asdict(step).items() if text}


def _is_refusal(step: StepState) -> bool:
    return not step.state.startswith(_NOT_REFUSALS)
