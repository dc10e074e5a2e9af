"""Amending a running plan: the proposal is judged as a plan is at admission, then put in force.

Person, form, catalogue and saga, whole-plan policy, ledger, in this order; the first that says no
ends it, and nothing was changed. Taken or refused, the ledger keeps who proposed what, and why not.
"""

import asyncio
from dataclasses import dataclass

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.ordering import Ordering
from activities.planning import (
    ROLE,
    Shop,
    admitted_of,
    contents_of,
    contracts_of,
    decide_family,
)
from remit.approval.tokens import without_token
from remit.canonical import Digest, JSONObject, NotCanonicalError, canonical, digest
from remit.decision.decision import Decided
from remit.diagnostic import Diagnostic
from remit.enforcement.deciding import facts_of, recorded
from remit.enforcement.failure import MAX_DIAGNOSTICS
from remit.enforcement.frame import Frame
from remit.enforcement.pinned import PinnedPlan
from remit.enforcement.point import EnforcementPoint
from remit.ledger import amendments
from remit.ledger.entries import Admission, Content, Record, RunRow
from remit.ledger.errors import LedgerError
from remit.plan.amendment import (
    Amendment,
    PinnedFirst,
    Proposal,
    amend,
    amended_document,
    read_proposal,
)
from remit.plan.amendwire import Amend, Amended
from remit.plan.compiled import CompiledPlan
from remit.plan.compiler import Compilation
from remit.plan.contract import MAX_PLAN_BYTES
from remit.plan.deskwire import Answered
from remit.plan.path import Segment, StepKey
from remit.plan.wire import AMEND, DENIED, Failure
from remit.tool.contract import ToolContract

_REASON_LENGTH = 1000


class _RefusedError(Exception):
    """The proposal comes to nothing."""

    def __init__(self, found: tuple[Diagnostic, ...]) -> None:
        self.found = found
        super().__init__(found[0].message)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A proposal that everybody but the ledger allowed."""

    proposal: Proposal
    base: PinnedPlan
    plan: CompiledPlan
    compilation: Compilation
    amendment: Amendment
    inputs: Digest
    decided: Decided


class Amending:
    """Judges proposals to change the plan of a run at work, and puts them in force."""

    def __init__(self, point: EnforcementPoint, shop: Shop) -> None:
        """Ask the point's policies, compile against `shop`, record in the point's ledger."""
        self._point = point
        self._shop = shop
        self._ordering = Ordering(point)

    @activity.defn(name=AMEND)
    async def amend(self, ask: Amend) -> Amended:
        """Return the amended plan once it is in force, or why nothing was changed."""
        try:
            return await self._amend(ask)
        except _RefusedError as refused:
            return await self._refuse(ask, refused.found)
        except (LookupError, TypeError, ValueError) as error:
            # Nothing was changed, so a fault of ours is told instead of repeating for ever.
            return await self._refuse(ask, (_finding("AMEND-FAULT", repr(error)),))

    async def _amend(self, ask: Amend) -> Amended:
        proposal = read_proposal(without_token(ask.message.payload))
        if isinstance(proposal, tuple):
            raise _RefusedError(proposal)
        standing = await self._in_force_already(ask, _digest(proposal))
        if standing is not None:
            return await self._taken(standing, "", "in force already")
        by: JSONObject = {"by": proposal.by, "reason": proposal.reason}
        refused = await self._ordering.refusal(ask.root, ask.message, by)
        if refused is not None:
            return Amended(answer=refused)
        judged = await self._judge(ask, proposal)
        changed = _words(judged.amendment)
        if proposal.dry:
            return Amended(answer=Answered(taken=True, reason=f"nothing changed; would: {changed}"))
        admission = await self._put_in_force(ask, judged)
        return await self._taken(admission, judged.decided.decision.risk, changed)

    async def _in_force_already(self, ask: Amend, proposal: Digest) -> Admission | None:
        """Return what an earlier try of this very amendment left, also behind later ones."""
        at = await self._point.ledger.admission(ask.root, "")
        while at is not None and at.compiled != ask.compiled:
            amends = (await self._point.pinned.plan(at.compiled)).plan.amends
            if amends is None:
                break
            if (amends.base, amends.proposal) == (ask.compiled, proposal):
                return at
            at = await self._point.ledger.admission(ask.root, amendments.earlier("", amends.base))
        return None

    async def _taken(self, admission: Admission, risk: str, what: str) -> Amended:
        admitted = await admitted_of(self._point, admission, risk)
        return Amended(answer=Answered(taken=True, reason=what), admitted=admitted)

    # judging

    async def _judge(self, ask: Amend, proposal: Proposal) -> _Judged:
        ledger = self._point.ledger
        run, admission = await ledger.run(ask.root), await ledger.admission(ask.root, "")
        if run is None or admission is None:
            raise _RefusedError((_finding("ADMISSION-ABSENT", "the ledger knows no such run"),))
        if admission.compiled != ask.compiled:
            message = f"{admission.compiled} is in force, not {ask.compiled}"
            raise _RefusedError((_finding("AMEND-STALE", message),))
        base = await self._point.pinned.plan(admission.compiled)
        pinned = await contracts_of(self._point, base.plan)
        amendment = await self._compile(base, proposal, pinned, ask.against)
        plan, compilation = amendment.compiled, amendment.compilation
        if plan is None or compilation is None:
            raise _RefusedError(amendment.diagnostics)
        decided = await self._decide(run, base, plan, compilation, amendment.digest)
        return _Judged(proposal, base, plan, compilation, amendment, admission.inputs, decided)

    async def _compile(
        self,
        base: PinnedPlan,
        proposal: Proposal,
        pinned: dict[Digest, ToolContract],
        against: dict[str, str],
    ) -> Amendment:
        document = await self._point.pinned.value(base.plan.plan_digest)
        if not isinstance(document, dict):
            raise TypeError(f"{base.plan.plan_digest} is no plan")
        size = len(canonical(amended_document(document, proposal)))
        if size > MAX_PLAN_BYTES:
            message = f"the amended plan has {size} bytes; at most {MAX_PLAN_BYTES} are taken"
            raise _RefusedError((_finding("PLAN-TOO-LARGE", message),))
        return await asyncio.to_thread(
            amend,
            base.plan,
            base.digest,
            document,
            proposal,
            against,
            PinnedFirst(list(pinned.values()), self._shop.catalogue),
            self._shop.library,
            self._shop.queue,
        )

    async def _decide(
        self,
        run: RunRow,
        base: PinnedPlan,
        plan: CompiledPlan,
        compilation: Compilation,
        name: Digest,
    ) -> Decided:
        """Ask about the amended plan and every sub-plan of its, as at admission."""
        so_far = await self._point.ledger.look(StepKey(run.root, "", Segment("amendment")))
        pinned, frame = PinnedPlan.of(name, plan), Frame.of(activity.info(), ROLE)
        # What was left as it was keeps the contracts and the sub-plans that it was admitted with.
        contracts, parts = await self._point.pinned.family(base.plan)
        contracts, parts = contracts | compilation.contracts, parts | compilation.parts
        try:
            return await decide_family(
                self._point, pinned, parts, contracts, run, frame, so_far.totals, so_far.tools
            )
        except ApplicationError as error:
            if error.type != DENIED:
                raise
            told = Failure.model_validate(error.details[0])
            raise _RefusedError((_finding(told.code, told.message),)) from error

    # recording

    async def _put_in_force(self, ask: Amend, judged: _Judged) -> Admission:
        name, difference = judged.amendment.digest, judged.amendment.difference
        changed = {*difference.added, *difference.replaced, *difference.dropped}
        amending = amendments.Amending(
            admission=Admission(
                root=ask.root,
                path="",
                compiled=name,
                inputs=judged.inputs,
                decision_id=judged.decided.decision_id,
                revision=judged.decided.revision,
            ),
            base=judged.base.digest,
            generations={
                seat.id: seat.generation
                for seat in judged.plan.seats
                if seat.id in changed and seat.generation
            },
        )
        plans = {name: judged.plan, **judged.compilation.parts}
        contents = contents_of(judged.compilation, plans, self._shop.library)
        contents.append(Content.of(judged.proposal.model_dump(mode="json")))
        record = Record("decision", self._told(ask, judged), [facts_of(judged.decided)])
        try:
            return await self._point.ledger.amend(amending, contents, [record])
        except LedgerError as error:
            raise _RefusedError((_finding(error.code, str(error)),)) from error

    def _told(self, ask: Amend, judged: _Judged) -> JSONObject:
        difference = judged.amendment.difference
        return {
            "about": "amendment",
            "event": ask.message.event,
            "by": judged.proposal.by,
            "reason": judged.proposal.reason,
            "proposal": _digest(judged.proposal),
            "base": {"plan": judged.base.plan.plan_digest, "compiled": judged.base.digest},
            "plan": judged.plan.plan_digest,
            "compiled": judged.amendment.digest,
            "difference": {
                "added": [*difference.added],
                "replaced": [*difference.replaced],
                "dropped": [*difference.dropped],
            },
            "decision": recorded(judged.decided),
        }

    async def _refuse(self, ask: Amend, found: tuple[Diagnostic, ...]) -> Amended:
        payload = ask.message.payload
        by = payload.get("by") if isinstance(payload, dict) else ""
        shown = found[:MAX_DIAGNOSTICS]
        diagnostics: list[JSONObject] = [each.model_dump(mode="json") for each in shown]
        body: JSONObject = {
            "about": "amendment",
            "event": ask.message.event,
            "by": str(by)[:200],
            "refused": [*diagnostics],
            "findings": len(found),
        }
        await self._point.ledger.append(ask.root, [Record("decision", body)])
        texts = [found[0].message, *(f"{each.code}: {each.message}" for each in shown[1:])]
        reason = "; ".join(texts)[:_REASON_LENGTH]
        answer = Answered(taken=False, code=found[0].code, reason=reason, diagnostics=diagnostics)
        return Amended(answer=answer)


def _digest(proposal: Proposal) -> Digest:
    try:
        return digest(proposal.model_dump(mode="json"))
    except NotCanonicalError as error:
        raise _RefusedError((_finding("AMEND-SHAPE", str(error)),)) from error


def _finding(code: str, message: str) -> Diagnostic:
    return Diagnostic(code=code, path="", message=message[:500])


def _words(amendment: Amendment) -> str:
    """Return what an amendment changes, for the eye."""
    difference = amendment.difference
    parts = [
        f"{word} {', '.join(names)}"
        for word, names in (
            ("add", difference.added),
            ("replace", difference.replaced),
            ("drop", difference.dropped),
        )
        if names
    ]
    return ("; ".join(parts) or "other outputs")[:_REASON_LENGTH]
