"""What child workflows ask: what their part is, how many items there are, what the outputs are.

A child is told nothing by its parent but names; everything it works on comes from the admission
that the ledger holds for its path.
"""

from temporalio import activity

from activities.planning import MEND, ROLE, contracts_of, decide_plan
from remit.canonical import JSONObject
from remit.enforcement import failure
from remit.enforcement.deciding import facts_of, recorded
from remit.enforcement.doing import require, require_earlier, when_holds
from remit.enforcement.frame import Frame
from remit.enforcement.pinned import PinnedPlan
from remit.enforcement.planfacts import Outlook
from remit.enforcement.point import EnforcementPoint
from remit.enforcement.shown import shown
from remit.enforcement.surroundings import Surroundings, items_of
from remit.ledger.amendments import earlier
from remit.ledger.entries import Admission, Content, Record, RunRow
from remit.plan.compiled import CompiledPlan, CompiledStep, Schedule
from remit.plan.path import Direction, Segment, StepKey
from remit.plan.scheduling import part_schedule, schedule_of
from remit.plan.template import TemplateError, resolve, resolve_outputs
from remit.plan.usage import outputs_used, steps_used
from remit.plan.wire import (
    ABANDONED,
    ADMIT_PART,
    EXPAND,
    OUTPUTS,
    REVERSING,
    AdmitPart,
    AdmittedPart,
    Expansion,
    Outputs,
    OutputsResolved,
)
from remit.tool.validation import check


class Parts:
    """The activities of sub-plans and of slices of steps."""

    def __init__(self, point: EnforcementPoint) -> None:
        """Read and write the point's ledger."""
        self._point = point

    @activity.defn(name=ADMIT_PART)
    async def admit_part(self, ask: AdmitPart) -> AdmittedPart:
        """Return what a child workflow has to do."""
        if ask.kind == "unwind":
            return await self._unwinding(ask)
        place = ask.root, ask.parent, ask.compiled
        run, admission, pinned = await self._admitted(*place, ask.step)
        step = pinned.step(ask.step)
        if ask.kind == "plan":
            return await self._sub_plan(ask, run, admission, pinned, step)
        contracts = await contracts_of(self._point, pinned.plan)
        schedule = part_schedule(
            pinned.plan,
            contracts,
            ask.step,
            ask.kind,
            ask.first,
            ask.count,
            ask.parallel,
            pinned.digest,
        )
        return AdmittedPart(schedule=schedule, path=ask.parent, deadline_ms=run.deadline_ms)

    @activity.defn(name=EXPAND)
    async def expand(self, ask: Expansion) -> int:
        """Return how many items a `for_each` has."""
        place = ask.root, ask.parent, ask.compiled
        _, admission, pinned = await self._admitted(*place, ask.step)
        step = pinned.step(ask.step)
        around = Surroundings(self._point.ledger, self._point.pinned, pinned, admission)
        try:
            scope = await around.scope(step, None, steps_used(step, "for_each"), has_item=False)
            count = len(items_of(step, scope))
        except (TemplateError, TypeError) as error:
            raise failure.refused("FOR-EACH-ITEMS", str(error), ask.step) from error
        if count > pinned.plan.limits.max_items:
            raise failure.refused(
                "FOR-EACH-TOO-LONG",
                f"{count} items; at most {pinned.plan.limits.max_items}",
                ask.step,
            )
        return count

    @activity.defn(name=OUTPUTS)
    async def outputs(self, ask: Outputs) -> OutputsResolved:
        """Resolve a finished plan's outputs; a sub-plan's become its compound step's."""
        _, admission, pinned = await self._admitted(ask.root, ask.parent, ask.compiled)
        around = Surroundings(self._point.ledger, self._point.pinned, pinned, admission)
        steps: JSONObject = {}
        for step_id in sorted(outputs_used(pinned.plan)):
            output = await around.output(pinned.step(step_id))
            if output is not None:
                steps[step_id] = {"output": output[0]}
        scope: JSONObject = {
            "inputs": await self._point.pinned.value(admission.inputs),
            "steps": steps,
        }
        outputs = resolve_outputs(pinned.plan.outputs, scope)
        resolved = Content.of(outputs)
        view = shown(outputs, await self._classes(pinned.plan))
        if ask.parent:
            parent, _, last = ask.parent.rpartition("/")
            key = StepKey(ask.root, parent, Segment.parse(last), Direction.DO)
            await self._point.ledger.record_part(key, ask.compiled, resolved)
        else:
            told = Record("outputs", {"path": "", "output": resolved.digest})
            await self._point.ledger.append(ask.root, [told], [resolved])
        return OutputsResolved(digest=resolved.digest, shown=view)

    async def _classes(self, plan: CompiledPlan) -> list[str]:
        contracts = await contracts_of(self._point, plan)
        used = outputs_used(plan)
        called = [step.call.contract for step in plan.steps if step.call and step.id in used]
        return [name for contract in called for name in contracts[contract].data_classes]

    async def _admitted(
        self, root: str, path: str, compiled: str, step: str = ""
    ) -> tuple[RunRow, Admission, PinnedPlan]:
        """Return what covers a part; `step` may be one that an amendment left as it was."""
        ledger = self._point.ledger
        run, admission = await ledger.run(root), await ledger.admission(root, path)
        absent = failure.refused(
            "ADMISSION-ABSENT", f"no admission covers {path or 'this run'}; nothing was called"
        )
        if run is None or admission is None:
            raise absent
        if compiled in ("", admission.compiled):
            return run, admission, await self._point.pinned.plan(admission.compiled)
        if await ledger.admission(root, earlier(path, compiled)) is None:
            raise absent
        plan = await self._point.pinned.plan(compiled)
        key = StepKey(root, path, Segment(step, generation=plan.generation(step)))
        await require_earlier(ledger, self._point.pinned, admission, compiled, key)
        return run, admission, plan

    async def _sub_plan(
        self,
        ask: AdmitPart,
        run: RunRow,
        outer: Admission,
        pinned: PinnedPlan,
        step: CompiledStep,
    ) -> AdmittedPart:
        key = _key(ask)
        if step.plan is None:
            raise failure.refused("STEP-NOT-A-PLAN", f"{step.id!r} is no sub-plan", key.path)
        plan = await self._point.pinned.plan(step.plan)
        contracts = await contracts_of(self._point, plan.plan)
        part = AdmittedPart(
            schedule=schedule_of(plan.plan, contracts, plan.digest),
            path=key.path,
            deadline_ms=run.deadline_ms,
        )
        if await self._point.ledger.admission(ask.root, key.path) is not None:
            return part
        around = Surroundings(self._point.ledger, self._point.pinned, pinned, outer)
        scope = await around.scope(step, ask.item, steps_used(step, "call"))
        if not when_holds(step.when, scope, key.path):
            body: JSONObject = {"step_key": str(key), "when": step.when}
            await self._point.ledger.skip(key, [Record("decision", body)])
            return AdmittedPart(skipped=True)
        require(step, scope, key.path)
        try:
            arguments = resolve(step.args, scope)
        except TemplateError as error:
            raise failure.refused("REFERENCE-ABSENT", str(error), key.path) from error
        inputs = {**plan.plan.inputs, **(arguments if isinstance(arguments, dict) else {})}
        findings = check(plan.plan.inputs_schema, inputs, "PLAN-INPUTS")
        if findings:
            raise failure.invalid(findings, MEND)
        await self._admit(key, plan, inputs, run)
        return part

    async def _admit(self, key: StepKey, plan: PinnedPlan, inputs: JSONObject, run: RunRow) -> None:
        contracts, parts = await self._point.pinned.family(plan.plan)
        frame = Frame.of(activity.info(), ROLE)
        entry = await self._point.pinned.entry(key.root, key.path)
        facts = Outlook(contracts, parts).facts(plan.plan, entry, inputs)
        above = await self._point.pinned.agents_above(key.root, key.path)
        decided = await decide_plan(
            self._point, plan, facts, run, frame, key.path, delegation=above
        )
        resolved = Content.of(inputs)
        admission = Admission(
            root=key.root,
            path=key.path,
            compiled=plan.digest,
            inputs=resolved.digest,
            decision_id=decided.decision_id,
            revision=decided.revision,
        )
        body: JSONObject = {"about": key.path, "decision": recorded(decided)}
        record = Record("decision", body, [facts_of(decided)])
        await self._point.ledger.admit(None, admission, [resolved], [record])

    async def _unwinding(self, ask: AdmitPart) -> AdmittedPart:
        path = _key(ask).path if ask.step else ""
        run = await self._point.ledger.run(ask.root)
        if not ask.step:
            _require_abandoned(run)
        admission = await self._point.ledger.admission(ask.root, path)
        if admission is None:
            return AdmittedPart(skipped=True, path=path)
        pinned = await self._point.pinned.plan(admission.compiled)
        schedule = Schedule(compiled=admission.compiled, steps=[], limits=pinned.plan.limits)
        return AdmittedPart(schedule=schedule, path=path)


def _require_abandoned(run: RunRow | None) -> None:
    """A whole run is only undone when it was ended from outside, or ordered back once completed."""
    if run is None:
        raise failure.refused("RUN-ABSENT", "the ledger knows no such run")
    if not run.closed:
        raise failure.again("RUN-OPEN", "the run is not closed yet; asked again", 2)
    if run.closed != REVERSING and not run.closed.startswith(ABANDONED):
        raise failure.refused("RUN-ENDED", f"the run ended by itself: {run.closed}")


def _key(ask: AdmitPart) -> StepKey:
    segment = Segment(ask.step, ask.item, ask.iteration, ask.generation)
    return StepKey(ask.root, ask.parent, segment)
