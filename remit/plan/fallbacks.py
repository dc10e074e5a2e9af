"""Whether a fallback's output can stand in for its original's, wherever that is used."""

from collections.abc import Iterable

from remit.plan.checked import Draft
from remit.plan.codes import Code
from remit.plan.findings import Place
from remit.plan.fitting import is_assignable
from remit.plan.scope import Use
from remit.plan.shape import Shape
from remit.plan.structure import MAX_FALLBACKS, fallbacks_of


def check_fallback_outputs(draft: Draft) -> None:
    """Report fallbacks whose output lacks what others take from the original's."""
    for at, step in enumerate(draft.plan.steps):
        fallbacks = list(fallbacks_of(step))
        uses = _uses(draft, step.id) if fallbacks else []
        for field, other in fallbacks:
            if uses and other in draft.steps.outputs and other != step.id:
                _compare(draft, step.id, other, uses, ("steps", at, field))


def _uses(draft: Draft, step: str) -> list[Use]:
    """Return how the output of a step is used, under its own name or that of what it replaces."""
    found = list(draft.steps.uses.get(step, []))
    original = draft.graph.nodes[draft.steps.positions[step]].original
    for _ in range(MAX_FALLBACKS):
        if original is None:
            break
        found += draft.steps.uses.get(draft.plan.steps[original].id, [])
        original = draft.graph.nodes[original].original
    return list(dict.fromkeys(found))


def _compare(draft: Draft, step: str, other: str, uses: Iterable[Use], place: Place) -> None:
    original, standing_in = draft.steps.outputs[step], draft.steps.outputs[other]
    for use in uses:
        wanted, is_sure = _at(original, use)
        found, is_sure_too = _at(standing_in, use)
        if wanted is None:
            continue  # reported where it is used
        shown = "output" + "".join(f".{part}" for part in use)
        if found is None or (is_sure and not is_sure_too):
            reason = f"its output need not have `{shown}`"
        elif not is_assignable(found, wanted):
            reason = f"its `{shown}` is {found.words}, which does not always fit {wanted.words}"
        else:
            continue
        message = f"{other!r} stands in for {step!r}, but {reason}"
        hint = "choose a tool whose output_schema fits, or wrap it in a sub-plan that shapes it"
        draft.findings.error(Code.FALLBACK_OUTPUT, place, message, hint)


def _at(shape: Shape, use: Use) -> tuple[Shape | None, bool]:
    """Return what a use finds, and whether it surely finds it."""
    here, is_sure = shape, True
    for part in use:
        found = here.member(part)
        if found is None:
            return None, False
        is_sure = is_sure and part in here.required
        here = found
    return here, is_sure
