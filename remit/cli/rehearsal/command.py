"""`remit dry-run`: what the running policies say of a plan, step by step, before it runs."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from remit.cli.errors import ExitCode, stack
from remit.cli.inputs import read_inputs
from remit.cli.outlook import Expected
from remit.cli.output import Document, answer
from remit.cli.rehearsal.asking import Answer, Asking, Guessing, Keeping
from remit.cli.rehearsal.stage import Scene, Stage
from remit.cli.rehearsal.why import Turn, Why, told, why
from remit.cli.stack import stack as light
from remit.cli.stack.environment import StackEnvironment
from remit.cli.starting import Prepared, prepare
from remit.enforcement.opa import OpaClient
from remit.enforcement.pinned import PinnedPlan
from remit.enforcement.planfacts import Outlook
from remit.plan.flow import Entry

_WORDS = {"allow": "allow", "require_approval": "gate", "deny": "deny"}
_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What came of a dry run."""

    admission: Answer
    scenes: Sequence[Scene]
    why: Why | None = None
    """What may turn out otherwise, when that was asked."""

    @property
    def verdict(self) -> str:
        """`would_run`, `would_wait` for people, or `would_be_refused`."""
        effects = {_says(scene) for scene in self.scenes if _is_needed(scene)}
        if self.admission.effect != "allow" or "deny" in effects:
            return "would_be_refused"
        return "would_wait" if "require_approval" in effects else "would_run"


def _is_needed(scene: Scene) -> bool:
    """Return whether the run stands and falls with what is said of `scene`."""
    is_fallback = not scene.turn or scene.turn.startswith("-")
    return not is_fallback and not (scene.falls_back and _says(scene) == "deny")


def _says(scene: Scene) -> str:
    return scene.answer.effect if scene.answer else "skipped"


def dry_run(
    name: str, inputs: Sequence[str], project: Path | None, *, with_why: bool, as_json: bool
) -> int:
    """Ask about the plan that `name` names, and print what was said."""
    prepared = prepare(name, read_inputs(inputs), project, to_start=False)
    environment = light.environment(prepared.folder)
    rehearsed = asyncio.run(_rehearse(prepared, environment, with_why=with_why))
    answer(_document(prepared, rehearsed), _lines(prepared, rehearsed), as_json=as_json)
    refused = rehearsed.verdict == "would_be_refused"
    return ExitCode.FINDINGS if refused else ExitCode.OK


async def _rehearse(
    prepared: Prepared, environment: StackEnvironment, *, with_why: bool
) -> Rehearsed:
    client = OpaClient(
        environment.opa_socket, token=_token(environment.opa_token_file), deadline_s=_DEADLINE_S
    )
    compilation, plan = prepared.compilation, prepared.plan
    async with client:
        outlook = Outlook(compilation.contracts, compilation.parts)
        judge = Keeping(Guessing(client))
        asking = Asking(judge, plan, outlook)
        pinned = PinnedPlan.of(compilation.digest, plan)
        admission = await asking.admission(pinned, Entry(), "")
        stage = Stage(asking, outlook.flows)
        await stage.play(pinned, plan.inputs)
    found = None
    if with_why:
        found = await why(prepared.folder / "policies", stage.scenes, judge.calls)
    return Rehearsed(admission, stage.scenes, found)


def _token(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError as error:
        message = f"{str(file)!r} cannot be read: {error.strerror}"
        raise stack("OPA-TOKEN", message, "`remit up` makes it again") from error


def _document(prepared: Prepared, rehearsed: Rehearsed) -> Document:
    plan = prepared.plan
    return {
        "ok": rehearsed.verdict != "would_be_refused",
        "verdict": rehearsed.verdict,
        "plan": f"{plan.name}@{plan.version}",
        "digest": plan.plan_digest,
        "note": prepared.note,
        "revision": rehearsed.admission.revision,
        "admission": asdict(rehearsed.admission),
        "outlook": Expected.of(plan, prepared.compilation).document(),
        "steps": [_scene(scene, rehearsed.why) for scene in rehearsed.scenes],
    }


def _turns(scene: Scene, asked: Why | None) -> Sequence[Turn]:
    return asked.turns.get(scene.path, ()) if asked else ()


def _scene(scene: Scene, asked: Why | None) -> dict[str, object]:
    why_: dict[str, object] = {}
    if asked is not None:
        why_["turns"] = [
            {
                "effect": turn.effect,
                "code": turn.left.code,
                "role": turn.left.role or None,
                "when": list(turn.left.conditions),
            }
            for turn in _turns(scene, asked)
        ]
    return {
        "turn": scene.turn,
        "path": scene.path,
        "calls": scene.tool,
        "effect": _says(scene),
        "decision": asdict(scene.answer) if scene.answer else None,
        "arguments": scene.arguments.value,
        "unknown": list(scene.arguments.unknown),
        "irreversible": scene.irreversible,
        "undo": scene.undo or None,
        "undo_decision": asdict(scene.undo_answer) if scene.undo_answer else None,
        "notes": list(scene.notes),
        **why_,
    }


def _lines(prepared: Prepared, rehearsed: Rehearsed) -> Iterator[str]:
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
        yield from (f"{_INDENT}{line}" for line in told(_turns(scene, rehearsed.why)))
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
