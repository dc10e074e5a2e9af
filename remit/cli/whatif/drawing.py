"""The plan of a run as a drawing, with the step at which a candidate parts from it."""

import json

from pydantic import ValidationError

from remit.canonical import JSON, JSONObject
from remit.cli.whatif.comparing import First
from remit.cli.whatif.reading import Source
from remit.decision.whatif import Kind
from remit.plan.compiled import CompiledPlan
from remit.plan.graphic.picture import marked, picture
from remit.plan.graphic.svg import svg
from remit.tool.contract import ToolContract

_WORDS: dict[Kind, str] = {
    "breaks": "the candidate refuses it",
    "widens": "the candidate does not refuse it",
    "adds_gate": "the candidate asks somebody first",
    "removes_gate": "the candidate asks for less",
    "obligation": "other arguments under the candidate",
    "reserve": "other limits under the candidate",
}


async def drawing(source: Source, first: First) -> str:
    """Return the plan in which a call stands as SVG; nothing when it is not kept."""
    facts: JSON = json.loads(first.recorded.facts)
    told = facts if isinstance(facts, dict) else {}
    body = await source.content(_text(told, "plan", "compiled_digest"))
    try:
        plan = CompiledPlan.model_validate_json(body) if body else None
    except ValidationError:
        return ""
    if plan is None:
        return ""
    drawn = picture(plan, await _contracts(source, plan))
    return svg(marked(drawn, _text(told, "action", "step"), _WORDS.get(first.change.kind, "")))


async def _contracts(source: Source, plan: CompiledPlan) -> dict[str, ToolContract]:
    found: dict[str, ToolContract] = {}
    for name in {step.call.contract for step in plan.steps if step.call}:
        body = await source.content(name)
        try:
            if body is not None:
                found[name] = ToolContract.model_validate_json(body)
        except ValidationError:
            continue
    return found


def _text(facts: JSONObject, part: str, name: str) -> str:
    inner = facts.get(part)
    found = inner.get(name) if isinstance(inner, dict) else None
    return found if isinstance(found, str) else ""
