"""Compiling a run's plans again, from nothing but what was recorded with them.

The compiler is deterministic, so the same document, contracts, sub-plans, limits and queue must
give the compiled plan that was admitted, byte for byte. Whatever of these is absent is named: a
plan that cannot be compiled again is never said to be the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from remit.canonical import Digest, JSONObject
from remit.evidence.dossier import Dossier
from remit.evidence.fields import text, whole
from remit.plan.amendment import Proposal, amend
from remit.plan.compiled import CompiledPlan
from remit.plan.compiler import compile_plan
from remit.plan.library import Library
from remit.tool.catalogue import Catalogue
from remit.tool.contract import ToolContract

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Recompiled:
    """What became of one plan."""

    seq: int
    """The record that put it in force."""
    compiled: Digest
    """As recorded."""
    again: Digest
    """As it is compiled now; empty when it could not be."""
    why: str
    """What differs, or what is absent; empty when both are the same."""

    @property
    def is_same(self) -> bool:
        """Whether it is the same, byte for byte."""
        return bool(self.again) and self.again == self.compiled


class _AbsentError(Exception):
    """Something that the compiler was given is not at hand."""


async def recompile(dossier: Dossier) -> list[Recompiled]:
    """Compile every plan again that was in force in a run: as admitted, and as amended."""
    found = []
    for seq, name in _plans(dossier.records):
        try:
            again, why = await _Recompiler(dossier).plan(name)
        except _AbsentError as absent:
            again, why = "", str(absent)
        found.append(Recompiled(seq, name, again, why))
    return found


def _plans(records: Iterable[JSONObject]) -> Iterator[tuple[int, Digest]]:
    for record in records:
        body = record["body"]
        if not isinstance(body, dict):
            continue
        if record["kind"] == "amendment" or (record["kind"] == "admission" and "run" in body):
            yield whole(record, "seq"), text(body, "compiled")


class _Recompiler:
    """Reads what the compiler was given."""

    def __init__(self, dossier: Dossier) -> None:
        self._dossier = dossier

    async def plan(self, name: Digest) -> tuple[Digest, str]:
        """Return the digest that compiling again gives, and what differs."""
        before = await self._read(name, CompiledPlan, "the compiled plan")
        contracts = await self._contracts(before)
        library = await self._library(before)
        queue = _queue(before, contracts)
        tools = Catalogue({contract.ref: contract for contract in contracts.values()})
        if before.amends is not None:
            return await self._amended(before, tools, library, queue)
        document = await self._document(before)
        made = compile_plan(document, tools, library, limits=before.limits, queue=queue)
        if made.compiled is None:
            return "", f"today's compiler refuses it: {made.diagnostics[0].code}"
        return made.digest, _difference(before, made.compiled)

    async def _amended(
        self, after: CompiledPlan, tools: Catalogue, library: Library, queue: str | None
    ) -> tuple[Digest, str]:
        if after.amends is None:
            raise _AbsentError("it amends nothing")
        base = await self._read(after.amends.base, CompiledPlan, "the plan that was amended")
        proposal = await self._read(after.amends.proposal, Proposal, "the proposal")
        document = await self._document(base)
        both = {**await self._tools(base), **{one.ref: one for one in tools}}
        made = amend(
            base, after.amends.base, document, proposal, {}, Catalogue(both), library, queue
        )
        if made.compiled is None:
            return "", f"today's compiler refuses it: {made.diagnostics[0].code}"
        return made.digest, _difference(after, made.compiled)

    async def _tools(self, plan: CompiledPlan) -> dict[str, ToolContract]:
        return {one.ref: one for one in (await self._contracts(plan)).values()}

    async def _contracts(self, plan: CompiledPlan) -> dict[Digest, ToolContract]:
        return {
            name: await self._read(name, ToolContract, f"the contract of {ref}")
            for ref, name in plan.contracts.items()
        }

    async def _library(self, plan: CompiledPlan) -> Library:
        documents: dict[str, JSONObject] = {}
        for ref, name in plan.plans.items():
            part = await self._read(name, CompiledPlan, f"the compiled sub-plan {ref}")
            documents[ref] = await self._document(part)
        return Library(documents)

    async def _document(self, plan: CompiledPlan) -> JSONObject:
        document = await self._dossier.json(plan.plan_digest)
        if not isinstance(document, dict):
            raise _AbsentError(f"the document of {plan.name}@{plan.version} is not kept")
        return document

    async def _read(self, name: Digest, model: type[M], what: str) -> M:
        body = await self._dossier.content(name)
        if body is None:
            raise _AbsentError(f"{what} is not kept")
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            raise _AbsentError(f"{what} is of another version") from error


def _queue(plan: CompiledPlan, contracts: dict[Digest, ToolContract]) -> str | None:
    """Return the queue of tools that name none, as it was when the plan was compiled."""
    for step in plan.steps:
        if step.call is not None and contracts[step.call.contract].task_queue is None:
            return step.queue
    return None


def _difference(before: CompiledPlan, after: CompiledPlan) -> str:
    one, other = before.model_dump(mode="json"), after.model_dump(mode="json")
    names = [name for name in one if one[name] != other.get(name)]
    return f"other {', '.join(names)}" if names else ""
