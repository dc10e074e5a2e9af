"""Amending a running plan: from a proposal to the compiled plan that takes the old one's place.

Pure. It owns what a proposal is, what speaks against it, and how old and new are joined: steps that
the proposal does not name keep their compiled form byte for byte, so what has begun cannot change;
each step that it replaces or drops gets the next generation. Policy and the ledger have their say
elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remit.canonical import JSON, Digest, JSONObject, digest
from remit.diagnostic import Diagnostic, pointer
from remit.plan.compiled import Amends, CompiledPlan, Seat
from remit.plan.compiler import Compilation, compile_plan
from remit.plan.library import Library
from remit.plan.toolbox import ToolSource
from remit.tool.contract import ToolContract


class Proposal(BaseModel):
    """What somebody wants changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: list[JSONObject] = []
    """Steps as plans write them: a known id replaces that step, a new one adds it."""
    drop: list[str] = []
    outputs: JSONObject | None = None
    """In place of the plan's outputs."""
    digest: Digest = ""
    """The compiled plan that the proposer saw; another one in force makes the proposal stale."""
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    by: Annotated[str, Field(min_length=1, max_length=200)]
    dry: bool = False
    """Judge it, and change nothing."""

    @property
    def named(self) -> list[str]:
        """Ids of every step that it adds, replaces or drops."""
        return [*(str(step.get("id", "")) for step in self.steps), *self.drop]

    @property
    def needed(self) -> list[str]:
        """Ids that its steps need, as far as they are written as plans write them."""
        lists = [step.get("needs") for step in self.steps]
        return [
            need
            for needs in lists
            if isinstance(needs, list)
            for need in needs
            if isinstance(need, str)
        ]


@dataclass(frozen=True, slots=True)
class Difference:
    """What an amendment changes, by step id, in the order of the schedule."""

    added: list[str]
    replaced: list[str]
    dropped: list[str]


@dataclass(frozen=True, slots=True)
class Amendment:
    """What became of a proposal."""

    compiled: CompiledPlan | None
    """The amended plan; `None` when there are diagnostics."""
    digest: Digest
    document: JSONObject
    """The amended plan as its author would have written it."""
    compilation: Compilation | None
    """With the sub-plans and contracts that the amended plan pins."""
    difference: Difference
    diagnostics: tuple[Diagnostic, ...]


def read_proposal(payload: JSON) -> Proposal | tuple[Diagnostic, ...]:
    """Return the proposal that a message holds, or everything that is wrong with its shape."""
    if isinstance(payload, str):
        # What could not be read arrives as text that says why.
        return (_misshapen("", payload[:200]),)
    try:
        return Proposal.model_validate(payload, strict=True)
    except ValidationError as error:
        return tuple(_misshapen(pointer(*found["loc"]), found["msg"]) for found in error.errors())


def _misshapen(path: str, what: str) -> Diagnostic:
    return Diagnostic(
        code="AMEND-SHAPE",
        path=path,
        message=f"not a proposal: {what}",
        hint='send {"steps": […], "drop": […], "reason": "…", "by": "…"}',
    )


def amend(
    base: CompiledPlan,
    base_digest: Digest,
    document: JSONObject,
    proposal: Proposal,
    against: Mapping[str, str],
    tools: ToolSource,
    library: Library,
    queue: str | None = None,
) -> Amendment:
    """Judge a proposal and compile the plan that it makes.

    Args:
        base: The compiled plan in force.
        base_digest: Its digest.
        document: The plan that it was compiled from.
        proposal: What is to change.
        against: Steps that have begun or are lost, id to status in words.
        tools: Contracts: those that `base` pins first, then the catalogue (`PinnedFirst`).
        library: Plans that new sub-plan steps refer to.
        queue: Task queue of tools whose contract names none.
    """
    difference = _difference(base, proposal)
    amended = amended_document(document, proposal)
    findings = _objections(base, base_digest, document, amended, proposal, against)
    made = compile_plan(amended, tools, library, limits=base.limits, queue=queue)
    findings += made.diagnostics
    compiled = made.compiled
    if compiled is not None:
        findings += _unnamed(base, compiled, proposal)
    if compiled is None or findings:
        return Amendment(None, "", amended, None, difference, tuple(findings))
    joined = _join(base, base_digest, compiled, proposal, difference)
    return Amendment(joined, joined.digest, amended, made, difference, ())


def amended_document(document: JSONObject, proposal: Proposal) -> JSONObject:
    """Return the plan with steps replaced where they stand, dropped, and added at the end."""
    given = {str(step.get("id", "")): step for step in proposal.steps}
    before = document.get("steps")
    steps: list[JSON] = []
    for step in before if isinstance(before, list) else []:
        name = str(step.get("id", "")) if isinstance(step, dict) else ""
        if name not in proposal.drop:
            steps.append(given.pop(name, step) if isinstance(step, dict) else step)
    steps += given.values()
    outputs = {} if proposal.outputs is None else {"outputs": proposal.outputs}
    return {**document, "steps": steps, **outputs}


class PinnedFirst:
    """Tools as a run knows them: what its plan has pinned stays, new ones are the catalogue's."""

    def __init__(self, pinned: Sequence[ToolContract], catalogue: ToolSource) -> None:
        self._pinned = {contract.ref: contract for contract in pinned}
        self._catalogue = catalogue

    def find(self, ref: str, /) -> ToolContract | None:
        """Return the contract of `name@major`, or `None`."""
        return self._pinned.get(ref) or self._catalogue.find(ref)

    @property
    def refs(self) -> Sequence[str]:
        """Every `name@major`."""
        return sorted({*self._pinned, *self._catalogue.refs})


def _difference(base: CompiledPlan, proposal: Proposal) -> Difference:
    known = {step.id for step in base.steps}
    given = list(dict.fromkeys(str(step.get("id", "")) for step in proposal.steps))
    return Difference(
        added=[name for name in given if name not in known],
        replaced=[name for name in given if name in known],
        dropped=[name for name in dict.fromkeys(proposal.drop) if name in known],
    )


def _objections(
    base: CompiledPlan,
    base_digest: Digest,
    document: JSONObject,
    amended: JSONObject,
    proposal: Proposal,
    against: Mapping[str, str],
) -> list[Diagnostic]:
    found: list[Diagnostic] = []

    def object_to(code: str, path: str, message: str, hint: str = "") -> None:
        found.append(Diagnostic(code=code, path=path, message=message, hint=hint))

    if proposal.digest not in ("", base_digest, base.plan_digest):
        hint = f"the plan in force is {base_digest}; look at it with the query `plan`"
        object_to("AMEND-STALE", "/digest", "the plan was amended since", hint)
    known = {step.id for step in base.steps}
    named = proposal.named
    for name in dict.fromkeys(name for name in named if name and named.count(name) > 1):
        object_to("AMEND-TWICE", "", f"step {name!r} is named more than once")
    for name in proposal.drop:
        if name not in known:
            object_to("AMEND-UNKNOWN", "/drop", f"there is no step {name!r} to drop")
    for name, status in against.items():
        if name in named:
            hint = "what has begun stays; add steps behind it, or order a rollback"
            object_to("AMEND-BEGUN", "", f"step {name!r} has begun: it is {status}", hint)
        elif name in proposal.needed:
            object_to("AMEND-LOST", "", f"nothing can stand on step {name!r}: it is {status}")
    if amended == document and not found:
        object_to("AMEND-NOTHING", "", "it changes nothing")
    return found


def _unnamed(base: CompiledPlan, made: CompiledPlan, proposal: Proposal) -> list[Diagnostic]:
    """Find steps that would change although the proposal does not name them."""
    before = {step.id: step for step in base.steps}
    named = set(proposal.named)
    return [
        Diagnostic(
            code="AMEND-UNNAMED",
            path="",
            message=f"step {step.id!r} would become or cease to be a fallback",
            hint="name it in `steps` too, so that it gets a generation of its own",
        )
        for step in made.steps
        if step.id not in named and step.fallback_for != before[step.id].fallback_for
    ]


def _join(
    base: CompiledPlan,
    base_digest: Digest,
    made: CompiledPlan,
    proposal: Proposal,
    difference: Difference,
) -> CompiledPlan:
    kept = {step.id: step for step in base.steps if step.id not in set(proposal.named)}
    amends = Amends(
        base=base_digest,
        proposal=digest(proposal.model_dump(mode="json")),
        number=base.amends.number + 1 if base.amends else 1,
        seats=_seats(base, difference),
    )
    return made.model_copy(
        update={
            "engine": base.engine,
            "deadline_s": base.deadline_s,
            "steps": [kept.get(step.id, step) for step in made.steps],
            "plans": {**made.plans, **base.plans},
            "amends": amends,
        }
    )


def _seats(base: CompiledPlan, difference: Difference) -> list[Seat]:
    """Raise the generation of what changes; a step dropped before may come back in its seat."""
    changed = {*difference.added, *difference.replaced, *difference.dropped}
    seats = [
        seat.model_copy(update={"generation": seat.generation + (seat.id in changed)})
        for seat in base.seats
    ]
    known = {seat.id for seat in seats}
    return seats + [Seat(id=name, generation=0) for name in difference.added if name not in known]
