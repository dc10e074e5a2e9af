"""A planner that speaks MCP: the model writes, Remit's findings are its critic.

A proposal that does not compile is written anew with every diagnostic; a run that was refused is
planned anew with the reasons. Both are bounded. The worker of the role `plan` does the first half
of it for any planner: `examples/backoffice/planners` hands it the same writer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai.models import Model

from examples.agents.plans import Answer, plan_of, sha256
from examples.agents.remit_by_mcp import Mandate, Remit
from examples.agents.writer import write


@dataclass(frozen=True, slots=True)
class Past:
    """What was proposed before, and what is wrong with it."""

    plan: Answer
    findings: Sequence[Answer]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a plan is wanted for."""

    goal: str
    tools: Sequence[Answer]
    plan_schema: Answer
    earlier: list[Past] = field(default_factory=list)
    inputs: Answer = field(default_factory=dict)
    constraints: Answer = field(default_factory=dict)


class PydanticPlanner:
    """Plans for one mandate."""

    def __init__(
        self,
        remit: Remit,
        mandate: Mandate,
        models: Sequence[Model],
        *,
        repairs: int = 4,
        replans: int = 2,
    ) -> None:
        """Plan with the first of `models`, and with the others when it is away."""
        self._remit, self._mandate, self._models = remit, mandate, models
        self._repairs, self._replans = repairs, replans

    async def achieve(self, goal: str) -> Answer:
        """Plan, submit and follow; plan anew after a refusal. Return how the last run stands.

        Raises:
            RuntimeError: no plan was valid, however often it was mended.
        """
        schema = await self._remit.ask("read_plan_schema")
        wish, ended = Wish(goal, await self._remit.tools(), schema), {}
        for _ in range(self._replans + 1):
            plan = await self._valid(wish)
            started = await self._remit.ask("submit_plan", plan=plan, request_id=sha256(plan))
            if not started["ok"]:
                return started
            ended = await self._remit.to_the_end(started["run_id"])
            if ended["outcome"]["status"] not in ("refused", "rejected", "rolled_back"):
                return ended
            why = await self._remit.ask("read_refusals", run_id=started["run_id"])
            wish.earlier.append(Past(plan, [why]))
        return ended

    async def _valid(self, wish: Wish) -> dict[str, Any]:
        for _ in range(self._repairs + 1):
            draft = await write(wish, self._models)
            plan = plan_of(wish.goal, draft.body, self._mandate, draft.provenance)
            answer = await self._remit.ask("validate_plan", plan=plan)
            if answer["ok"]:
                return plan
            wish.earlier.append(Past(plan, answer["diagnostics"]))
        raise RuntimeError(f"no plan was valid in {self._repairs + 1} tries")
