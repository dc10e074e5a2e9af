"""`remit dry-run`: what the running policies say of a plan, step by step, before it runs."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from remit.cli.errors import ExitCode
from remit.cli.inputs import read_inputs
from remit.cli.outlook import Expected
from remit.cli.output import answer
from remit.cli.rehearsal.rehearsing import Explained, document_of, rehearse, turns_of
from remit.cli.rehearsal.why import told
from remit.cli.stack import stack as light
from remit.cli.starting import Prepared, prepare
from remit.enforcement.rehearsal.asking import Answer
from remit.enforcement.rehearsal.stage import Scene

_WORDS = {"allow": "allow", "require_approval": "gate", "deny": "deny"}


def dry_run(
    name: str, inputs: Sequence[str], project: Path | None, *, with_why: bool, as_json: bool
) -> int:
    """Ask about the plan that `name` names, and print what was said."""
    prepared = prepare(name, read_inputs(inputs), project, to_start=False)
    environment = light.environment(prepared.folder)
    rehearsed = asyncio.run(rehearse(prepared, environment, with_why=with_why))
    answer(document_of(prepared, rehearsed), _lines(prepared, rehearsed), as_json=as_json)
    refused = rehearsed.verdict == "would_be_refused"
    return ExitCode.FINDINGS if refused else ExitCode.OK


def _lines(prepared: Prepared, rehearsed: Explained) -> Iterator[str]:
    plan = prepared.plan
    yield f"{plan.name} {plan.version}: a dry run; nothing is called, nothing is written down"
    if prepared.note:
        yield f"taken as {prepared.note}"
    yield f"policies {rehearsed.admission.revision}"
    yield f"{_word(rehearsed.admission)}  the whole plan"
    yield from _because(rehearsed.admission)
    expected = Expected.of(plan, prepared.compilation)
    yield f"{_INDENT}{expected.spending()}"
    for step in expected.steps:
        yield from (f"{_INDENT}{step.id} {known}" for known in expected.words(step))
    width = max((len(scene.turn) for scene in rehearsed.scenes), default=0)
    for scene in rehearsed.scenes:
        yield from _scene_lines(scene, width)
        yield from (f"{_INDENT}{line}" for line in told(turns_of(scene, rehearsed.why)))
    if rehearsed.why and rehearsed.why.revision != rehearsed.admission.revision:
        yield f"what may turn was asked of {rehearsed.why.revision}, which is not active"
    words = {
        "would_run": "it would run",
        "would_wait": "it would wait for people",
        "would_be_refused": "it would be refused",
    }
    counted = [_word(scene.answer) if scene.answer else "skip" for scene in rehearsed.scenes]
    counts = ", ".join(
        f"{counted.count(word)} {word}" for word in dict.fromkeys(counted) if word in counted
    )
    yield f"{words[rehearsed.verdict]}: {counts}"


def _scene_lines(scene: Scene, width: int) -> Iterator[str]:
    turn = f"{scene.turn or '-':<{width}}  "
    effect = _word(scene.answer) if scene.answer else "skip"
    lost = "  irreversible" if scene.irreversible else ""
    yield f"{turn}{effect:<5} {scene.path}  {scene.tool}{lost}"
    if scene.answer is not None:
        yield from _because(scene.answer)
    if scene.arguments.unknown:
        yield f"{_INDENT}unknown before the run: {', '.join(scene.arguments.unknown)}"
    for note in scene.notes:
        yield f"{_INDENT}{note}"
    if scene.undo_answer is not None:
        yield f"{_INDENT}undo: {scene.undo}, {_word(scene.undo_answer)}"
        if scene.undo_answer.effect != "allow":
            yield from _because(scene.undo_answer)


_INDENT = " " * 11


def _because(said: Answer) -> Iterator[str]:
    for gate in said.gates:
        people = f"{gate.quorum} people as {gate.role}" if gate.quorum > 1 else gate.role
        yield f"{_INDENT}{people} must agree within {gate.expires_s / 3600:g} h"
    for reason in said.reasons:
        yield f"{_INDENT}{reason.code}: {reason.message}"
    if said.obligations:
        yield f"{_INDENT}obliged to {', '.join(said.obligations)}"


def _word(said: Answer) -> str:
    return _WORDS[said.effect]
