"""Compiled plans, contracts and values by digest: immutable, so kept in memory once checked."""

import json
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from remit.canonical import JSON, Digest, digest_bytes
from remit.ledger.entries import RunRow
from remit.ledger.errors import LedgerError
from remit.ledger.protocol import Ledger
from remit.plan.compiled import CompiledPlan, CompiledStep
from remit.plan.flow import Entry, Flows, PlanFlow, StepFlow
from remit.plan.path import Segment, callers
from remit.tool.contract import ToolContract

T = TypeVar("T")


class _Recent(Generic[T]):
    """The most recently used values, at most `size` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable) -> T | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: Hashable, value: T) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > self._size:
            self._values.popitem(last=False)


@dataclass(frozen=True, slots=True)
class PinnedPlan:
    """A compiled plan with its steps by id."""

    digest: Digest
    plan: CompiledPlan
    steps: dict[str, CompiledStep]

    @classmethod
    def of(cls, digest: Digest, plan: CompiledPlan) -> "PinnedPlan":
        """Return `plan` under the digest that names it."""
        return cls(digest, plan, {step.id: step for step in plan.steps})

    def run(self, root: str, workflow_id: str, now_ms: int, starter: str = "") -> RunRow:
        """Return a run of this plan that begins now."""
        plan, cost = self.plan, self.plan.constraints.cost
        return RunRow(
            root=root,
            workflow_id=workflow_id,
            plan=f"{plan.name}@{plan.version}",
            plan_digest=plan.plan_digest,
            compiled=self.digest,
            agent=plan.agent,
            on_behalf_of=plan.on_behalf_of,
            tenant=plan.tenant,
            owner=plan.owner,
            started_ms=now_ms,
            deadline_ms=now_ms + int(plan.deadline_s * 1000),
            currency=cost.currency if cost else "",
            limit_micros=cost.micros if cost else None,
            starter=starter,
        )

    def generation(self, step_id: str) -> int:
        """Return the generation of a step that may begin; 0 for one that never was."""
        if self.plan.amends is None:
            return 0
        found = (seat.generation for seat in self.plan.amends.seats if seat.id == step_id)
        return next(found, 0)

    def step(self, step_id: str) -> CompiledStep:
        """Return a step; `LedgerError` `STEP-ABSENT` when the plan has none of this name."""
        step = self.steps.get(step_id)
        if step is None:
            raise LedgerError("STEP-ABSENT", f"the admitted plan has no step {step_id!r}")
        return step


_ROOT = Entry()


def _split(path: str) -> tuple[str, str]:
    """Return the path of the plan that calls a sub-plan, and the calling step."""
    outer, _, last = path.rpartition("/")
    return outer, Segment.parse(last).step


class Pinned:
    """Loads what digests name from the ledger, and checks that it is what they name."""

    def __init__(self, ledger: Ledger) -> None:
        """Read from `ledger`."""
        self._ledger = ledger
        self._plans: _Recent[PinnedPlan] = _Recent(64)
        self._contracts: _Recent[ToolContract] = _Recent(2000)
        self._values: _Recent[list[JSON]] = _Recent(256)
        self._entries: _Recent[Entry] = _Recent(2000)
        self._flows: _Recent[PlanFlow] = _Recent(64)
        self._agents: _Recent[Sequence[str]] = _Recent(2000)

    async def plan(self, name: Digest) -> PinnedPlan:
        """Return a compiled plan."""
        found = self._plans.get(name)
        if found is None:
            found = PinnedPlan.of(name, await self._load(name, CompiledPlan.model_validate_json))
            self._plans.put(name, found)
        return found

    async def contract(self, name: Digest) -> ToolContract:
        """Return a tool contract."""
        found = self._contracts.get(name)
        if found is None:
            found = await self._load(name, ToolContract.model_validate_json)
            self._contracts.put(name, found)
        return found

    async def value(self, name: Digest) -> JSON:
        """Return a JSON value; it must not be changed."""
        found = self._values.get(name)
        if found is None:
            found = [await self._load(name, json.loads)]
            self._values.put(name, found)
        return found[0]

    async def family(
        self, plan: CompiledPlan
    ) -> tuple[dict[Digest, ToolContract], dict[Digest, CompiledPlan]]:
        """Return the contracts and the sub-plans that `plan` pins, nested ones too."""
        contracts: dict[Digest, ToolContract] = {}
        parts: dict[Digest, CompiledPlan] = {}
        waiting = [plan]
        while waiting:
            here = waiting.pop()
            for name in set(here.contracts.values()) - contracts.keys():
                contracts[name] = await self.contract(name)
            # By steps: an amended plan may use two compiled forms of one sub-plan.
            for name in {step.plan for step in here.steps if step.plan} - parts.keys():
                parts[name] = (await self.plan(name)).plan
                waiting.append(parts[name])
        return contracts, parts

    async def flow(self, pinned: PinnedPlan, root: str, path: str) -> PlanFlow:
        """Return what is known of a plan at `path` of a run; the root plan's is empty."""
        entry = await self.entry(root, path)
        found = self._flows.get((pinned.digest, entry))
        if found is None:
            found = Flows(*await self.family(pinned.plan)).of(pinned.plan, entry)
            self._flows.put((pinned.digest, entry), found)
        return found

    async def entry(self, root: str, path: str) -> Entry:
        """Return what the plan at `path` of a run begins with.

        Its caller has begun, so no amendment changes it, or what came before it.
        """
        found = self._entries.get((root, path)) if path else _ROOT
        if found is None:
            found = await self._entry(root, *_split(path))
            self._entries.put((root, path), found)
        return found

    async def caller(self, root: str, path: str) -> tuple[str, StepFlow | None]:
        """Return the path of the plan that calls the one at `path`, and what flows into that call;
        `None` for a step that an amendment dropped."""
        outer, step_id = _split(path)
        admission = await self._ledger.admission(root, outer)
        if admission is None:
            raise LedgerError("ADMISSION-ABSENT", f"no admission covers {outer or 'this run'}")
        flow = await self.flow(await self.plan(admission.compiled), root, outer)
        return outer, flow.steps.get(step_id)

    async def _entry(self, root: str, outer: str, step_id: str) -> Entry:
        admission = await self._ledger.admission(root, outer)
        if admission is None:
            raise LedgerError("ADMISSION-ABSENT", f"no admission covers {outer or 'this run'}")
        caller = await self.plan(admission.compiled)
        step = (await self.flow(caller, root, outer)).steps.get(step_id)
        if step is not None:
            return step.entry
        # An amendment dropped the step when it was over: only its undo comes here. Anything may
        # have flown into it.
        contracts, _ = await self.family(caller.plan)
        classes = (name for contract in contracts.values() for name in contract.data_classes)
        return Entry(frozenset(classes), may_fail_behind=True)

    async def agents_above(self, root: str, path: str) -> Sequence[str]:
        """Return the agents that handed the work of a path down, the run's own first.

        They stand for good: a path is admitted once, and an amendment does not change the agent.
        """
        known = self._agents.get(f"{root}:{path}") if path else ()
        if known is None:
            known = [await self._agent(root, caller) for caller in callers(path)]
            self._agents.put(f"{root}:{path}", known)
        return known

    async def _agent(self, root: str, path: str) -> str:
        admission = await self._ledger.admission(root, path)
        if admission is None:
            raise LedgerError("ADMISSION-ABSENT", f"no plan is admitted at {path or 'the root'!r}")
        return (await self.plan(admission.compiled)).plan.agent_id

    async def _load(self, name: Digest, parse: Callable[[bytes], T]) -> T:
        body = await self._ledger.get(name)
        if digest_bytes(body) != name:
            raise LedgerError("CONTENT-ALTERED", f"the stored value of {name} is not what it names")
        return parse(body)
