"""Compiling a plan together with the plans that it uses, each once.

A sub-plan is compiled for whoever asks: the person and the tenant are the caller's, so that no plan
of the catalogue acts for somebody who did not start it. Its inputs are not known.
"""

from remit.canonical import Digest, JSONObject, digest_bytes
from remit.plan.arguments import Target
from remit.plan.assembly import assemble, contracts_of, plans_by_digest
from remit.plan.checked import Action, Checked, Part
from remit.plan.checking import check
from remit.plan.codes import Code
from remit.plan.contract import Plan
from remit.plan.findings import Findings, Place
from remit.plan.library import Library
from remit.plan.plain import check_plain
from remit.plan.reading import read_plan
from remit.plan.shape import of_schema
from remit.plan.template import literal
from remit.plan.toolbox import Toolbox
from remit.plan.upcasting import upcast

MAX_NESTING = 8
"""Deepest nesting of sub-plans."""


class Subplans:
    """One compilation: the catalogue, the limits, and the sub-plans compiled so far."""

    def __init__(self, library: Library, toolbox: Toolbox) -> None:
        self._library = library
        self._toolbox = toolbox
        self._open: list[str] = []
        """References of the plans being compiled, outermost first."""
        self._done: dict[tuple[str, str, str], Part | None] = {}

    def compile(
        self, plan: Plan, plan_digest: Digest, findings: Findings, *, as_part: bool
    ) -> Part | None:
        """Return the compiled `plan`, or `None` and findings."""
        self._open.append(f"{plan.name}@{plan.version}")
        try:
            plan = upcast(plan, self._toolbox, findings)
            actions = tuple(self._action(plan, at, findings) for at in range(len(plan.steps)))
            checked = check(plan, actions, self._toolbox, findings, as_part=as_part)
            return _finish(checked, plan_digest) if findings.is_empty else None
        finally:
            self._open.pop()

    def _action(self, plan: Plan, at: int, findings: Findings) -> Action:
        step = plan.steps[at]
        tool = None if step.tool is None else self._toolbox.find(step.tool)
        if step.plan is None:
            return Action(tool, None)
        place = ("steps", at, "plan")
        key = (step.plan, plan.on_behalf_of, plan.tenant)
        if key not in self._done:
            self._done[key] = self._part(step.plan, plan, place, findings)
        return Action(tool, self._done[key])

    def _part(self, ref: str, plan: Plan, place: Place, findings: Findings) -> Part | None:
        document = self._library.find(ref)
        if document is None:
            repair = findings.name_repair(ref, self._library.refs)
            hint = repair.hint or "add it to the folder of plans"
            message = f"no plan {ref!r} in the catalogue"
            findings.error(Code.UNKNOWN_PLAN, place, message, hint, repair)
        elif ref in self._open or len(self._open) > MAX_NESTING:
            shown = " → ".join([*self._open, ref])
            message = f"plans contain one another without end, or too deeply: {shown}"
            findings.error(Code.RECURSION, place, message, "use `repeat` or `for_each` for loops")
        elif document.get("tenant") != plan.tenant:
            message = f"{ref!r} belongs to another tenant than {plan.name!r}"
            findings.error(Code.TENANT, place, message, "use a plan of the tenant that runs it")
        else:
            return self._compile_part(ref, document, plan, place, findings)
        return None

    def _compile_part(
        self, ref: str, document: JSONObject, plan: Plan, place: Place, findings: Findings
    ) -> Part | None:
        found = Findings()
        text = check_plain(document, found)
        inner = read_plan(document, found) if found.is_empty else None
        part: Part | None = None
        if inner is not None:
            inner = inner.model_copy(update={"on_behalf_of": plan.on_behalf_of})
            part = self.compile(inner, digest_bytes(text), found, as_part=True)
        findings.take(found.errors, place, f"in sub-plan {ref}: ")
        return part


def _finish(checked: Checked, plan_digest: Digest) -> Part:
    """Return the part that a plan without findings makes."""
    draft = checked.draft
    contracts = contracts_of(draft)
    compiled = assemble(draft, plan_digest, contracts)
    schema = draft.inputs.schema
    target = Target(f"{compiled.name}@{compiled.version}", schema, of_schema(schema))
    nested = (action.part for action in draft.actions)
    return Part(
        compiled=compiled,
        digest=compiled.digest,
        parts=plans_by_digest(draft),
        contracts=contracts,
        target=target,
        defaults={name: literal(value) for name, value in draft.plan.inputs.items()},
        output=checked.output,
        price=checked.price,
        steps=len(draft.plan.steps) + sum(part.steps for part in nested if part is not None),
    )
