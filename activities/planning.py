"""Admission: contract → catalogue → expressions → saga coverage → whole-plan policy → the ledger.

A plan is compiled and decided here and stored by digest; from then on the digest is all that
travels. Nothing of a plan is called before its admission stands in the ledger.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from temporalio import activity

from remit.approval.tokens import TokenError
from remit.canonical import Digest, JSONObject, NotCanonicalError, digest
from remit.decision.decision import Decided
from remit.decision.facts import PlanStepFact
from remit.diagnostic import Diagnostic
from remit.enforcement import failure
from remit.enforcement.deciding import facts_of, recorded
from remit.enforcement.frame import Frame
from remit.enforcement.opa import PolicyInvalidError, PolicyUnavailableError
from remit.enforcement.pinned import PinnedPlan
from remit.enforcement.planfacts import Outlook
from remit.enforcement.point import EnforcementPoint
from remit.enforcement.proving import Proving
from remit.ledger.amendments import earlier
from remit.ledger.entries import Admission, Content, Record, RunRow, Totals
from remit.ledger.errors import LedgerError
from remit.ledger.proofs import REPLAYED, Proof
from remit.plan.compiled import CompiledPlan
from remit.plan.compiler import Compilation, compile_plan
from remit.plan.contract import MAX_PLAN_BYTES
from remit.plan.delegation import agents_above
from remit.plan.flow import Entry
from remit.plan.library import Library
from remit.plan.scheduling import schedule_of
from remit.plan.wire import ADMIT, Admit, Admitted, Failure
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract

_KEPT = 128
MEND = "mend the plan; `remit validate` says the same"
"""What to do about something that is not a plan."""
_WHOLE = "policy asks for an approval of the whole plan"
ROLE = "orchestrate"
"""Role of the workers that run Remit's own activities."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What plans are compiled against: the project's tools and plans, and the tools' queue."""

    catalogue: Catalogue
    library: Library
    queue: str | None = None


class Planning:
    """The admitting activities."""

    def __init__(self, point: EnforcementPoint, shop: Shop, clock: Callable[[], int]) -> None:
        """Admit into the point's ledger."""
        self._point = point
        self._shop = shop
        self._clock = clock
        self._compiled: dict[str, Compilation] = {}
        self._proving = Proving(point)

    @activity.defn(name=ADMIT)
    async def admit(self, ask: Admit) -> Admitted:
        """Admit a plan, or return the admission that stands."""
        try:
            return await self._admit(ask)
        except (LookupError, TypeError, ValueError) as error:
            # Nothing was done yet, so a fault of ours ends the run instead of repeating for ever.
            raise failure.refused("ADMISSION-FAULT", f"{type(error).__name__}: {error}") from error

    async def _admit(self, ask: Admit) -> Admitted:
        if ask.continued:
            return await self._standing(ask)
        proof = await self._proven(ask)
        compilation = await self._compile(ask)
        compiled = compilation.compiled
        if compiled is None:
            raise failure.invalid(compilation.diagnostics, MEND)
        frame = Frame.of(activity.info(), ROLE)
        pinned = PinnedPlan.of(compilation.digest, compiled)
        starter = proof.person if proof else ""
        run = pinned.run(ask.root, frame.workflow_id, self._clock(), starter)
        decided = await decide_family(
            self._point, pinned, compilation.parts, compilation.contracts, run, frame
        )
        admission = Admission(
            root=ask.root,
            path="",
            compiled=compilation.digest,
            inputs=digest(compiled.inputs),
            decision_id=decided.decision_id,
            revision=decided.revision,
        )
        standing = await self._store(run, admission, compilation, decided, proof)
        return await admitted_of(self._point, standing, decided.decision.risk)

    async def _compile(self, ask: Admit) -> Compilation:
        if ask.size > MAX_PLAN_BYTES:
            message = f"the plan has {ask.size} bytes; at most {MAX_PLAN_BYTES} are taken"
            raise failure.invalid(
                [Diagnostic(code="PLAN-TOO-LARGE", path="", message=message)], MEND
            )
        try:
            name = digest(ask.document)
        except NotCanonicalError:
            name = ""
        found = self._compiled.get(name)
        if found is None:
            found = await asyncio.to_thread(
                compile_plan,
                ask.document,
                self._shop.catalogue,
                self._shop.library,
                queue=self._shop.queue,
            )
            if len(self._compiled) >= _KEPT:
                self._compiled.clear()
            if name:
                self._compiled[name] = found
        return found

    async def _proven(self, ask: Admit) -> Proof | None:
        """Return the proof of who started the run, before anything of the plan is looked at."""
        try:
            if ask.submission is not None:
                given = ask.submission if isinstance(ask.submission, dict) else {}
                name = digest(ask.document)
                return await self._proving.start(ask.root, name, given.get("token"))
        except TokenError as error:
            told = Failure(code=error.code, message=f"who started it is not proven: {error}")
            raise failure.denied(told) from error
        except NotCanonicalError as error:
            told = Failure(code="TOKEN-MALFORMED", message=f"no token can be for it: {error}")
            raise failure.denied(told) from error
        if self._point.deciding.place.profile == "full":
            message = "nobody proved to have started it; `remit run --key FILE` does"
            raise failure.denied(Failure(code="PLAN-UNAUTHENTICATED", message=message))
        return None

    async def _store(
        self,
        run: RunRow,
        admission: Admission,
        compilation: Compilation,
        decided: Decided,
        proof: Proof | None,
    ) -> Admission:
        compiled = compilation.compiled
        if compiled is None:
            return admission
        plans = {compilation.digest: compiled, **compilation.parts}
        contents = contents_of(compilation, plans, self._shop.library)
        body: JSONObject = {
            "about": "admission",
            "compiled": admission.compiled,
            "plan": run.plan_digest,
            "provenance": compiled.provenance.model_dump(mode="json")
            if compiled.provenance
            else "not_stated",
            "decision": recorded(decided),
        }
        try:
            record = Record("decision", body, [facts_of(decided)])
            told = [record, *self._point.deciding.marks(decided)]
            return await self._point.ledger.admit(run, admission, contents, told, proof)
        except LedgerError as error:
            if error.code == REPLAYED:
                raise failure.denied(Failure(code=REPLAYED, message=str(error))) from error
            raise failure.refused(error.code, str(error)) from error

    async def _standing(self, ask: Admit) -> Admitted:
        ledger = self._point.ledger
        admission = await ledger.admission(ask.root, "")
        if admission is not None and admission.compiled != ask.compiled:
            # A reset may go back behind an amendment; the message that made it comes again.
            admission = await ledger.admission(ask.root, earlier("", ask.compiled))
        if admission is None:
            raise failure.refused(
                "RUN-FORGED-STATE", "the ledger knows no admission that this run could continue"
            )
        return await admitted_of(self._point, admission, "")


async def admitted_of(point: EnforcementPoint, admission: Admission, risk: str) -> Admitted:
    """Return what a workflow needs to drive the plan of an admission."""
    run = await point.ledger.run(admission.root)
    pinned = await point.pinned.plan(admission.compiled)
    plan = pinned.plan
    if run is None:
        raise failure.refused("ADMISSION-ABSENT", "the ledger knows no such run")
    contracts = await contracts_of(point, plan)
    return Admitted(
        schedule=schedule_of(plan, contracts, pinned.digest),
        name=plan.name,
        version=plan.version,
        plan_digest=plan.plan_digest,
        goal=plan.goal,
        agent=plan.agent,
        on_behalf_of=plan.on_behalf_of,
        tenant=plan.tenant,
        owner=plan.owner,
        risk=risk,
        revision=admission.revision,
        decision_id=admission.decision_id,
        deadline_ms=run.deadline_ms,
        provenance="stated" if plan.provenance else "not_stated",
        amendments=plan.amends.number if plan.amends else 0,
    )


async def decide_family(
    point: EnforcementPoint,
    root: PinnedPlan,
    parts: Mapping[Digest, CompiledPlan],
    contracts: Mapping[Digest, ToolContract],
    run: RunRow,
    frame: Frame,
    totals: Totals | None = None,
    tools: Sequence[str] = (),
) -> Decided:
    """Return OPA's allow for a root plan, after its sub-plans' too; raise the first refusal.

    A sub-plan is judged here for all the places that call it, and once more when it begins.
    """
    outlook, above = Outlook(contracts, parts), agents_above(root.plan, parts)
    facts = outlook.facts(root.plan, Entry())
    decided = await decide_plan(point, root, facts, run, frame, "", totals, tools=tools)
    for name, facts in outlook.parts(root.plan):
        pinned = PinnedPlan.of(name, parts[name])
        path = pinned.plan.name
        await decide_plan(point, pinned, facts, run, frame, path, totals, above[name], tools)
    return decided


async def decide_plan(
    point: EnforcementPoint,
    pinned: PinnedPlan,
    facts: list[PlanStepFact],
    run: RunRow,
    frame: Frame,
    path: str,
    totals: Totals | None = None,
    delegation: Sequence[str] = (),
    tools: Sequence[str] = (),
) -> Decided:
    """Return OPA's allow for a whole plan; raise its refusal."""
    try:
        decided = await point.deciding.admission(
            pinned, run, facts, frame, path, totals, delegation, tools
        )
    except PolicyUnavailableError as error:
        raise failure.unavailable(
            error.code, f"no policy judged ({error}); nothing was admitted", 2
        ) from error
    except PolicyInvalidError as error:
        raise failure.denied(Failure(code=error.code, message=str(error), rule="host")) from error
    decision = decided.decision
    if decision.effect == "allow":
        return decided
    # A whole plan has no gate to wait at: until it has, asking for one is a no.
    waits = decision.effect == "require_approval"
    about = f"plan {pinned.plan.name} is not admitted" + (f": {_WHOLE}" if waits else "")
    refusal = failure.by_policy(decided, about)
    if waits:
        refusal = refusal.model_copy(update={"code": "PLAN-APPROVAL"})
    step = decision.reasons[0].step if decision.reasons else ""
    place = "/".join(part for part in (path, step) if part)
    raise failure.denied(refusal.model_copy(update={"step": place}))


def contents_of(
    compilation: Compilation, plans: Mapping[Digest, CompiledPlan], library: Library
) -> list[Content]:
    """Return all that the ledger must hold before `plans` may run: they are named by digest.

    And the sub-plans as they were written: whoever compiles it all again later needs them.
    """
    parts = sorted({ref for plan in plans.values() for ref in plan.plans})
    written = [library.find(ref) for ref in parts]
    return [
        Content.of(compilation.document),
        *(Content.of(document) for document in written if document is not None),
        *(Content.of(plan.inputs) for plan in plans.values()),
        *(Content(name, plan.canonical()) for name, plan in plans.items()),
        *(Content.of(tool.model_dump(mode="json")) for tool in compilation.contracts.values()),
    ]


async def contracts_of(point: EnforcementPoint, plan: CompiledPlan) -> dict[str, ToolContract]:
    """Return the contracts that a compiled plan pins, by digest."""
    return {name: await point.pinned.contract(name) for name in plan.contracts.values()}
