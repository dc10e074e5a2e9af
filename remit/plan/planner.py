"""What a planner is given, and what it answers: the interface of a project's own planners.

    async def propose(wish: Wish) -> Proposal:
        '''Turn a goal into a plan.'''

`remit.toml` names the function (`[planner] function = "planners.buyer:propose"`). It may ask a
model, or anybody else, as long as its deadline allows; it calls no tool, for it is handed none.
What it answers is a document and nothing more: compiled, judged, and started by somebody else.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from remit.canonical import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was proposed for the same goal before, and what is wrong with it."""

    plan: JSON
    """`None` when the planner gave none."""
    findings: Sequence[JSONObject]
    """Diagnostics as `remit validate --json` has them; what policy refuses among them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a plan is wanted for."""

    goal: str
    agent: str
    """Id and version of whoever the plan is for."""
    on_behalf_of: str
    tenant: str
    owner: str
    inputs: JSONObject
    """Values that the plan is given."""
    constraints: JSONObject
    """Bounds of the whole plan."""
    tools: Sequence[JSONObject]
    """Contracts of the tools that the agent's scopes cover, without the way to call them."""
    plan_schema: JSONObject
    """JSON Schema of a plan."""
    round: int = 1
    """How often a planner was asked for this, this time included."""
    rounds: int = 1
    """How often at most."""
    earlier: Sequence[Earlier] = field(default=())
    """The oldest first."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A planner's answer; a plan alone will do in its place."""

    plan: Mapping[str, JSON]
    """`remit.plan/v1`. Who acts for whom is filled in, and may be left out."""
    cost_micros: int | None = None
    """What the answer cost, in the currency of `[planner] cost`; `None`: what that states."""


Planner = Callable[[Wish], Awaitable[Proposal | Mapping[str, JSON]]]
