"""A dry run of a compiled plan: would it be admitted, and would each of its calls be let through?

The one way to ask that before anything is started: `remit dry-run`, the MCP server and whoever
judges a planner's proposals use it. Calls and writes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from remit.decision.facts import Facts
from remit.diagnostic import Diagnostic, pointer
from remit.enforcement.deciding import Judge
from remit.enforcement.pinned import PinnedPlan
from remit.enforcement.planfacts import Outlook
from remit.enforcement.rehearsal.asking import Answer, Asking, Guessing, Keeping, Said
from remit.enforcement.rehearsal.stage import Scene, Stage
from remit.plan.compiled import CompiledPlan
from remit.plan.compiler import Compilation
from remit.plan.flow import Entry
from remit.plan.path import Segment

REFUSED = "would_be_refused"
_HINT = "policy refuses it: plan otherwise"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What came of a dry run."""

    admission: Answer
    scenes: Sequence[Scene]
    asked: Mapping[str, Facts] = field(default_factory=dict)
    """The facts of every call that was asked about, by path."""

    @property
    def verdict(self) -> str:
        """`would_run`, `would_wait` for people, or `would_be_refused`."""
        effects = {says(scene) for scene in self.scenes if _is_needed(scene)}
        if self.admission.effect != "allow" or "deny" in effects:
            return REFUSED
        return "would_wait" if "require_approval" in effects else "would_run"

    def refusals(self, plan: CompiledPlan) -> list[Diagnostic]:
        """Return what policy refuses of `plan`, each once, in the form of a compiler's finding."""
        at = {step.id: number for number, step in enumerate(plan.steps)}
        found = [*self._refused(at)]
        return list({(each.code, each.path, each.message): each for each in found}.values())

    def _refused(self, at: dict[str, int]) -> Iterator[Diagnostic]:
        if self.admission.effect != "allow":
            for reason in self.admission.reasons:
                yield _finding(reason, reason.step or "", at)
        for scene in self.scenes:
            if scene.answer is not None and says(scene) == "deny" and _is_needed(scene):
                step = Segment.parse(scene.path.split("/")[0]).step
                for reason in scene.answer.reasons:
                    yield _finding(reason, step, at)


def says(scene: Scene) -> str:
    """Return the effect in one word."""
    return scene.answer.effect if scene.answer else "skipped"


async def rehearse(compilation: Compilation, plan: CompiledPlan, judge: Judge) -> Rehearsed:
    """Ask `judge` about every part of a compiled plan.

    Raises:
        PolicyUnavailableError: nobody answers.
    """
    outlook = Outlook(compilation.contracts, compilation.parts)
    keeping = Keeping(Guessing(judge))
    asking = Asking(keeping, plan, outlook)
    pinned = PinnedPlan.of(compilation.digest, plan)
    admission = await asking.admission(pinned, Entry(), "")
    stage = Stage(asking, outlook.flows)
    await stage.play(pinned, plan.inputs)
    return Rehearsed(admission, stage.scenes, keeping.calls)


def _is_needed(scene: Scene) -> bool:
    """Return whether the run stands and falls with what is said of `scene`."""
    is_fallback = not scene.turn or scene.turn.startswith("-")
    return not is_fallback and not (scene.falls_back and says(scene) == "deny")


def _finding(reason: Said, step: str, at: dict[str, int]) -> Diagnostic:
    path = pointer("steps", at[step]) if step in at else ""
    return Diagnostic(code=reason.code, path=path, message=reason.message, hint=_HINT)
