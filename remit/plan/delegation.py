"""Which agents may stand above a sub-plan, before any of it runs."""

from collections.abc import Mapping, Sequence

from remit.canonical import Digest
from remit.plan.compiled import CompiledPlan


def agents_above(
    root: CompiledPlan, parts: Mapping[Digest, CompiledPlan]
) -> Mapping[Digest, Sequence[str]]:
    """Return the agents of all plans through which each sub-plan may be called.

    One that is called in several ways has the agents of all of them: what one of them may not have
    done would be refused on its way.

    Args:
        root: The run's own plan.
        parts: Every sub-plan, by the digest of its compiled form.
    """
    found: dict[Digest, list[str]] = {name: [] for name in parts}

    def hand_down(plan: CompiledPlan, above: Sequence[str]) -> None:
        handing = [*above, plan.agent_id]
        for name in dict.fromkeys(step.plan for step in plan.steps if step.plan is not None):
            agents = list(dict.fromkeys([*found[name], *handing]))
            if agents != found[name]:
                found[name] = agents
                hand_down(parts[name], agents)

    hand_down(root, ())
    return found
