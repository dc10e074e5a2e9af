"""A dry run of a prepared plan: what the running policies say of it, step by step, as a document.

Serves the command, and whoever else asks before anything is started. Calls and writes nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from remit.cli.errors import stack
from remit.cli.outlook import Expected
from remit.cli.output import Document
from remit.cli.rehearsal.asking import Answer, Asking, Guessing, Keeping
from remit.cli.rehearsal.stage import Scene, Stage
from remit.cli.rehearsal.why import Turn, Why, why
from remit.cli.stack.environment import StackEnvironment
from remit.cli.starting import Prepared
from remit.enforcement.opa import OpaClient
from remit.enforcement.pinned import PinnedPlan
from remit.enforcement.planfacts import Outlook
from remit.plan.flow import Entry

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
        effects = {says(scene) for scene in self.scenes if _is_needed(scene)}
        if self.admission.effect != "allow" or "deny" in effects:
            return "would_be_refused"
        return "would_wait" if "require_approval" in effects else "would_run"


def _is_needed(scene: Scene) -> bool:
    """Return whether the run stands and falls with what is said of `scene`."""
    is_fallback = not scene.turn or scene.turn.startswith("-")
    return not is_fallback and not (scene.falls_back and says(scene) == "deny")


def says(scene: Scene) -> str:
    """Return the effect in one word."""
    return scene.answer.effect if scene.answer else "skipped"


async def rehearse(
    prepared: Prepared, environment: StackEnvironment, *, with_why: bool
) -> Rehearsed:
    """Ask the stack's policies about every part of a plan.

    Raises:
        CliError: OPA or its token are not there.
    """
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


def document_of(prepared: Prepared, rehearsed: Rehearsed) -> Document:
    """Return what was said, built of JSON's own types."""
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


def turns_of(scene: Scene, asked: Why | None) -> Sequence[Turn]:
    """Return what may turn for one scene."""
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
            for turn in turns_of(scene, asked)
        ]
    return {
        "turn": scene.turn,
        "path": scene.path,
        "calls": scene.tool,
        "effect": says(scene),
        "decision": asdict(scene.answer) if scene.answer else None,
        "arguments": scene.arguments.value,
        "unknown": list(scene.arguments.unknown),
        "irreversible": scene.irreversible,
        "undo": scene.undo or None,
        "undo_decision": asdict(scene.undo_answer) if scene.undo_answer else None,
        "notes": list(scene.notes),
        **why_,
    }
