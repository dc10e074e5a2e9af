"""A dry run of a prepared plan: what the running policies say of it, step by step, as a document.

Serves the command, and whoever else asks before anything is started. Calls and writes nothing.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from remit.cli.errors import stack
from remit.cli.outlook import Expected
from remit.cli.output import Document
from remit.cli.rehearsal.why import Turn, Why, why
from remit.cli.stack.environment import StackEnvironment
from remit.cli.starting import Prepared
from remit.enforcement.opa import OpaClient, PolicyUnavailableError
from remit.enforcement.rehearsal.rehearsing import Rehearsed, says
from remit.enforcement.rehearsal.rehearsing import rehearse as ask_about
from remit.enforcement.rehearsal.stage import Scene

_DEADLINE_S = 5.0


@dataclass(frozen=True, slots=True)
class Explained(Rehearsed):
    """What came of a dry run, and why it may turn out otherwise."""

    why: Why | None = None
    """What may turn out otherwise, when that was asked."""


async def rehearse(
    prepared: Prepared, environment: StackEnvironment, *, with_why: bool
) -> Explained:
    """Ask the stack's policies about every part of a plan.

    Raises:
        CliError: OPA or its token are not there.
    """
    client = OpaClient(
        environment.opa_socket, token=_token(environment.opa_token_file), deadline_s=_DEADLINE_S
    )
    async with client:
        try:
            seen = await ask_about(prepared.compilation, prepared.plan, client)
        except PolicyUnavailableError as error:
            hint = "`remit status` tells how OPA is"
            raise stack(error.code, f"OPA could not be asked: {error}", hint) from error
    found = None
    if with_why:
        found = await why(prepared.folder / "policies", seen.scenes, seen.asked)
    return Explained(seen.admission, seen.scenes, seen.asked, found)


def _token(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError as error:
        message = f"{str(file)!r} cannot be read: {error.strerror}"
        raise stack("OPA-TOKEN", message, "`remit up` makes it again") from error


def document_of(prepared: Prepared, rehearsed: Explained) -> Document:
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
