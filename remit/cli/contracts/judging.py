"""What the end of a trial says of the service behind a contract. Pure: an outcome in, findings out.

A finding never repeats a value that the service gave.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from remit.canonical import JSON
from remit.client.outcome import Outcome
from remit.diagnostic import Diagnostic, pointer
from remit.plan.expecting import CALL, TAKE_BACK, Trial
from remit.tool.validation import check

STUCK = ("needs_repair", "in_doubt")
"""At these a run goes on by a person's word alone, and not soon."""
_STANDS = (*STUCK, "unwinding")
"""At these a call with an effect may have left something."""
_NOT_CALLED = ("refused", "rejected", "expired", "cancelled", "invalid", "terminated", "timed_out")
"""Ends that say nothing of the service."""


@dataclass(frozen=True, slots=True)
class Came:
    """How the run of a trial stood when it was over, or when nobody waited any longer."""

    end: Outcome | None
    """`None`: it was not over."""
    status: str
    workflow_id: str
    waits: str = ""
    """Whom it waited for, in words."""
    output: JSON = None
    """What the call answered."""

    @property
    def why(self) -> str:
        """How it stood, in words."""
        said = self.waits if self.end is None else f"{self.end.code}, {self.end.reason}"
        return f"{self.status}: {said}" if said else self.status


def holds(trial: Trial, status: str) -> bool:
    """Say whether a run at `status` has something to undo: then it is nobody's to cancel."""
    return trial.has_effect and status in _STANDS


def judged(trial: Trial, came: Came) -> Iterator[Diagnostic]:
    """Yield where the service is otherwise than its consumer expects."""
    who, ref = trial.consumer.consumer, trial.contract.ref
    look = f"`remit explain '{came.workflow_id}'` tells the run"
    end = came.end
    if end is None and holds(trial, came.status):
        message = f"{ref} was tried for {who}, and is not undone: the run is {came.why}"
        yield _finding(trial, "EXPECTATION-LEFT", message, look)
        return
    if end is None or end.status in _NOT_CALLED:
        message = f"{ref} could not be tried for {who}, the run is {came.why}"
        yield _finding(trial, "EXPECTATION-NOT-TRIED", message, look)
        return
    if end.residue:
        message = f"{ref} was tried for {who}, and is not undone: {end.residue[0].reason}"
        yield _finding(trial, "EXPECTATION-LEFT", message, look)
    if trial.example.refused is not None:
        yield from _refusal(trial, end, look)
    elif is_answered(trial, end):
        yield from _answer(trial, came.output)
    else:
        message = f"{who} expects an answer of {ref}, and it failed: {end.code}, {end.reason}"
        yield _finding(trial, "EXPECTATION-DRIFT", message, look)


def is_answered(trial: Trial, end: Outcome) -> bool:
    """Say whether the call gave an answer that fits its contract."""
    if trial.has_effect:
        return (end.step, end.code) == (TAKE_BACK, "REQUIRE-FALSE")
    return end.is_complete


def _refusal(trial: Trial, end: Outcome, look: str) -> Iterator[Diagnostic]:
    wanted = trial.example.refused
    if wanted is None:
        return
    if end.step == CALL and end.code == wanted.code and wanted.says in end.reason:
        return
    what = f"{wanted.code} {wanted.says}".strip()
    was = "it answered" if is_answered(trial, end) else f"it was {end.code}, {end.reason}"
    message = f"{trial.consumer.consumer} expects {trial.contract.ref} to refuse ({what}); {was}"
    yield _finding(trial, "EXPECTATION-DRIFT", message, look, "refused")


def _answer(trial: Trial, output: JSON) -> Iterator[Diagnostic]:
    who, ref = trial.consumer.consumer, trial.contract.ref
    for one in check(trial.expectation.reads, output, "EXPECTATION-DRIFT"):
        message = f"{who} reads the answer of {ref} otherwise, at {one.path or 'the top'}"
        yield _finding(trial, one.code, f"{message}: {one.message}", one.hint)


def _finding(trial: Trial, code: str, message: str, hint: str, *within: str) -> Diagnostic:
    path = trial.path + pointer(*within)
    return Diagnostic(code=code, path=path, message=message[:1000], hint=hint)
